"""Puts a devbox back to its starting state, in the way that its backend has."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ..choice import choose
from ..ledger import Entry
from ..run import Run
from .by_command import ByCommand
from .errors import NotCleanError

if TYPE_CHECKING:
    from ... import Devbox, Runloop

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True


class _Way(Protocol):
    def remember(self, entry: Entry, devbox: Devbox) -> None: ...

    def restore(self, entry: Entry, devbox: Devbox) -> None: ...


class _ByReset:
    """Our own backend gives the devbox a new disk and new processes, and has nothing to remember for that."""

    def __init__(self, client: Runloop) -> None:
        self._client = client

    def remember(self, entry: Entry, devbox: Devbox) -> None:
        """Nothing."""

    def restore(self, entry: Entry, devbox: Devbox) -> None:
        """Ask for it."""
        from ...contract.endpoints import local_only

        if not self._client.call(local_only.RESET, {"id": devbox.id}).clean:
            raise NotCleanError("the backend could not reset it")


class Restoring:
    """The devboxes of a run that tests get one after the other.

    One is clean only if it was proven to be; whatever goes wrong on the way means that it is not.

    :param run: the run.
    :param client: of its backend.
    """

    def __init__(self, run: Run, client: Runloop) -> None:
        self._run = run
        self._client = client

    def remember(self, entry: Entry, devbox: Devbox) -> str | None:
        """Take down what a new devbox is like, before anybody uses it.

        :return: why it cannot be restored later, if so.
        """
        from ...client.errors import RunloopError

        try:
            self._way.remember(entry, devbox)
        except (NotCleanError, RunloopError) as error:
            return str(error)
        return None

    def restore(self, entry: Entry, devbox: Devbox) -> str | None:
        """Put a devbox back to its starting state.

        :return: why it is not proven to be in it, if so.
        """
        from ...client.errors import RunloopError

        try:
            self._way.restore(entry, devbox)
        except (NotCleanError, RunloopError) as error:
            return str(error)
        return None

    @cached_property
    def _way(self) -> _Way:
        own = choose(self._run.settings).kind == "local" or offers_reset(self._client)
        return _ByReset(self._client) if own else ByCommand(self._run.path / "restoring")


def offers_reset(client: Runloop) -> bool:
    """Tell whether a server is a local backend, though the run did not start it. It must be on this machine.

    What goes for a machine of its own could do harm there: a devbox may share this machine's processes.
    """
    from ...client.errors import APIStatusError
    from ...contract.endpoint import Empty, get
    from ...contract.endpoints.local_only import RESET

    if not _is_this_machine(urlsplit(client.base_url).hostname or ""):
        return False
    try:
        client.call(get(RESET.path, Empty()), {"id": "any"})
    except APIStatusError as error:
        return error.status_code == 405  # The path is known, and takes another verb.
    return False


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
