"""Leases: a devbox lives for minutes unless the run says that it is needed still.

So even a machine that is lost with everything on it costs no more than that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import backend, options
from .background import Background
from .choice import choose
from .ending import together
from .failures import refused
from .journal import Journal
from .ledger import Entry
from .run import Run, journal_in, ledger_in

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.views.devboxes import DevboxView
    from .settings import Settings

SECONDS = 600
"""Of a devbox on a service that outlives the run: five renewals may fail in a row."""
KEPT_SECONDS = 3600
"""Of a devbox that may be kept after its test: the service lets no lifetime be changed later."""
_LOCAL_SECONDS = 3600
"""The service's own default. The local backend ends with the run anyhow."""
_LONGEST = 172_800
_SHARE = 6
"""Renewed so often within a lease."""
_ALL_SECONDS = 10.0


def seconds_for(params: Mapping[str, Any], settings: Settings) -> int | None:
    """Return the lease of a devbox in seconds; `None` if its lifetime is somebody else's business.

    :param params: its create parameters. Who says there how long it may live, or be idle, means it.
    """
    launch = params.get("launch_parameters") or {}
    lifecycle = launch.get("lifecycle") or {}
    said = (launch.get("keep_alive_time_seconds"), launch.get("after_idle"), lifecycle.get("after_idle"))
    if any(value is not None for value in said):
        return None
    least = _LOCAL_SECONDS if choose(settings).kind == "local" else SECONDS
    if settings[options.KEEP] != "never":
        least = KEPT_SECONDS
    # A devbox may be refused a renewal before it runs.
    return min(max(least, math.ceil(settings[options.BOOT_TIMEOUT]) + SECONDS // 2), _LONGEST)


def idles(view: DevboxView) -> bool:
    """Tell whether a devbox ends when it is idle, as its blueprint may have it: never, if it is renewed."""
    launch = view.launch_parameters
    return launch.after_idle is not None or (
        launch.lifecycle is not None and launch.lifecycle.after_idle is not None
    )


def seconds_left(view: DevboxView | None, default: float) -> float | None:
    """Return for how many seconds a devbox lives if nobody does anything with it any more.

    :param view: what the service says of it, if it does.
    :param default: if the service does not say how long.
    :return: `None` if it does not end by itself.
    """
    told = view.launch_parameters if view is not None else None
    idle = told and (told.after_idle or (told.lifecycle and told.lifecycle.after_idle))
    if idle:
        return idle.idle_time_seconds if idle.on_idle == "shutdown" else None
    return (told.keep_alive_time_seconds if told else None) or default


def lost(entry: Entry, journal: Journal) -> str:
    """Say why a devbox whose lease ran out was not renewed, as far as it is known."""
    failed = [event["why"] for event in journal.read("lease") if event["devbox"] == entry.devbox]
    why = f"the last try failed: {failed[-1]}" if failed else "the run stood still, or its machine did"
    return f"the run did not renew its lease of {entry.lease} s ({why})"


class Renewal(Background):
    """Renews, in the background, the leases of all devboxes of a run, whichever worker uses them.

    :param run: the run, in the process that owns it.
    :param path: its directory.
    """

    name = "runloop-lease"
    seconds = 10.0

    def __init__(self, run: Run, path: Path) -> None:
        super().__init__()
        self._run = run
        self._ledger = ledger_in(path)
        self._journal = journal_in(path)
        self._renewed: dict[str, float] = {}
        self._client: Runloop | None = None

    def look(self) -> None:
        """Renew what is due."""
        self.renew(time.monotonic())

    def renew(self, now: float) -> None:
        """Renew what is due.

        :param now: in seconds of the monotonic clock.
        """
        leased = {entry.key: entry for entry in self._ledger if entry.lease and entry.devbox}
        self._renewed = {key: self._renewed.get(key, now) for key in leased}
        due = [entry for entry in leased.values() if now - self._renewed[entry.key] >= _pause(entry)]
        if due:
            client = self._client = self._client or self._connected()
            together(due, lambda entry: self._renew(client, entry, now), _ALL_SECONDS)

    def _connected(self) -> Runloop:
        return self._closing.enter_context(backend.connect(self._run, quick=True))

    def _renew(self, client: Runloop, entry: Entry, now: float) -> None:
        try:
            client.devbox.from_id(str(entry.devbox)).keep_alive()
        except Exception as error:
            self._journal.note("lease", devbox=entry.devbox, why=str(error))
            if not refused(error):  # due still, so tried again at the next look
                return
        self._renewed[entry.key] = now


def _pause(entry: Entry) -> float:
    return (entry.lease or 0) / _SHARE
