"""Starts a devbox like the one that a test failed in, and ends it whatever happens."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..session import options, sweep
from ..session.choice import KEY, choose
from ..session.devboxes import Devboxes
from ..session.errors import UnavailableError
from ..session.evidence.schema import Evidence
from ..session.lease import seconds_for
from ..session.patience import Patience
from ..session.run import Run
from ..session.settings import Given, Rank, Settings, without_config
from .errors import NoWayError

if TYPE_CHECKING:
    from .. import Devbox, Runloop


class _Aloud(Patience):
    """Says on standard error when a boot takes long."""

    def __init__(self) -> None:
        """Have no run of pytest."""

    def speak(self, line: str) -> None:
        """Write a line."""
        print(line, file=sys.stderr)


class Host:
    """The backend of a failed test, and the devboxes that are made there now.

    :param run: as that of a run of pytest: whatever kills this program, its devboxes end.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._devboxes = Devboxes(run, _Aloud())

    @property
    def is_local(self) -> bool:
        """Whether the backend ends with this program."""
        return choose(self._run.settings).kind == "local"

    @property
    def client(self) -> Runloop:
        """A client of the backend.

        :raises UnavailableError: if there is no backend to reach.
        """
        return self._devboxes.client

    def boot(self, test: str, params: Mapping[str, Any]) -> Devbox:
        """Start a devbox.

        :param test: what it is for.
        :raises NoWayError: if it cannot be had, with the reason.
        """
        from ..client.errors import RunloopError

        try:
            self._devboxes.reach()
            entry = self._run.ledger.intend(f"repro of {test}", seconds_for(params, self._run.settings))
            return self._devboxes.boot(entry, params)[0]
        except (UnavailableError, RunloopError) as error:
            raise NoWayError(str(self._devboxes.why_not(error, params))) from None

    def keep(self, devbox: Devbox) -> None:
        """Leave a devbox alive. One of the local backend lives for as long as this program, which stays."""
        way = f"pytest-runloop shell {devbox.id}"
        if not self.is_local:
            for entry in self._run.ledger:
                self._run.ledger.strike(entry)
            seconds = devbox.get_info().launch_parameters.keep_alive_time_seconds
            until = f" for {seconds / 60:.0f} minutes after the last who is in it" if seconds else ""
            print(f"Devbox {devbox.id} stays{until}. To enter it: {way}", file=sys.stderr)
            return
        print(f"Devbox {devbox.id} stays until Ctrl-C. To enter it from elsewhere: {way}", file=sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)

    def close(self) -> None:
        """End what lives."""
        self._devboxes.close()
        left = sweep.own(self._run, interrupted=False)
        for entry in left:
            print(f"pytest-runloop repro: not confirmed to have ended: {entry}", file=sys.stderr)
        self._run.close(keep=bool(left))


@contextlib.contextmanager
def host(evidence: Evidence, isolation: str | None = None) -> Iterator[Host]:
    """Give the backend that a test failed on.

    :param isolation: the local backend's, if not that of the failed run.
    :raises NoWayError: if there is no key for it.
    """
    run = Run(_settings(evidence, isolation))
    made = Host(run)
    try:
        yield made
    finally:
        made.close()


def _settings(evidence: Evidence, isolation: str | None) -> Settings:
    settings, where = without_config(), evidence.backend
    if where is None:
        return settings
    here = Given(where.kind, Rank.COMMAND_LINE, "the bundle")
    changed: dict[options.Option[Any], Given] = {options.BACKEND: here}
    tier = isolation or where.isolation
    if where.kind == "local" and tier is not None:
        origin = "--isolation" if isolation else "the bundle"
        changed[options.ISOLATION] = Given(tier, Rank.COMMAND_LINE, origin)
    if where.kind == "cloud":
        _refuse_without_key(where.base_url)
        if where.base_url and not settings[options.BASE_URL]:
            changed[options.BASE_URL] = Given(where.base_url, Rank.COMMAND_LINE, "the bundle")
    return settings.changed(changed)


def _refuse_without_key(base_url: str | None) -> None:
    if not os.environ.get(KEY):
        raise NoWayError(
            f"The test failed on {base_url or 'the cloud'}. Set {KEY} to a key of the account that it used."
        )


def missing_snapshot(client: Runloop, snapshot: str) -> str | None:
    """Say why devboxes cannot be started from a snapshot; `None` if they can.

    :raises RunloopError: if the service does not answer.
    """
    from ..client.errors import APIStatusError

    try:
        view = client.snapshot.from_id(snapshot).get_info()
    except APIStatusError as error:
        if error.status_code not in (400, 404):
            raise
        return "is not known there (deleted, or of another account or state directory)"
    if view.status in ("error", "deleted"):
        return f"is {view.status}"
    if view.status != "complete":
        client.snapshot.from_id(snapshot).await_completed()
    return None


def has_secret(client: Runloop, name: str) -> bool:
    """Tell whether the account has a secret of this name."""
    from ..client.errors import RunloopError

    try:
        return any(secret.name == name for secret in client.secret.list())
    except RunloopError:
        return False
