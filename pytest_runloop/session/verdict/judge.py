"""Decides whose fault a failure is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import ends
from .calls import finding
from .chain import errors_in, groups_in, is_of_the_client
from .verdict import Finding, Kind, Verdict
from .witness import KILLED

if TYPE_CHECKING:
    from ...contract.views.devboxes import DevboxView
    from ..devboxes import Devboxes
    from ..run import Run

_RANK = (
    Kind.DEVBOX_DIED,
    Kind.NEVER_BOOTED,
    Kind.QUOTA,
    Kind.EXEC_NEVER_STARTED,
    Kind.TRANSPORT_FAILED,
)
"""What explains most comes first: a dead devbox answers nothing."""
_MOST_LOOKS = 8
_SECOND_LOOK_SECONDS = 0.5
_FORGOTTEN = "The service does not know devbox {} any more."


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed.

    :param error: what was raised; `None` where nothing was, as by a strict xpass.
    :param held: the ids of the test's own devboxes.
    :param since: when the test began, in seconds since the epoch.
    :param began: when that part of it began that failed: a phase, a subtest.
    """

    error: BaseException | None
    held: tuple[str, ...]
    since: float
    began: float


class Judge:
    """Judges failures in one process of a run.

    :param run: the run.
    :param devboxes: what it has made, and what was done to that.
    """

    def __init__(self, run: Run, devboxes: Devboxes) -> None:
        self._run = run
        self._devboxes = devboxes
        self._witness = devboxes.witness

    def verdict(self, failure: Failure) -> Verdict | None:
        """Return the verdict; `None` if the test has nothing to do with devboxes."""
        linked = list(self._linked(failure))
        devboxes = self._concerned(failure, linked)
        if not devboxes and not linked and self._witness.last(failure.since) is None:
            return None
        remarks: list[str] = []
        proven = self._deaths(devboxes, remarks, twice=self._may_be_dying(failure, devboxes))
        proven += self._by_calls(failure, linked, dead=bool(proven))
        if not proven:
            return Verdict(Kind.CODE, tuple(remarks))
        kind = min((found.kind for found in proven), key=_RANK.index)
        return Verdict(kind, tuple(dict.fromkeys([*_texts(proven, kind), *remarks])))

    def _by_calls(self, failure: Failure, linked: list[Finding], *, dead: bool) -> list[Finding]:
        """Return what the calls prove whose errors the failure came of, else the very last one.

        :param dead: whether a devbox is, which says more than what came last.
        """
        if self._has_another_cause(failure):
            return []
        last = None if dead else self._witness.last(failure.began)
        found = linked or ([last] if last is not None else [])
        return [one for one in found if not self._ended_by_hand(one)]

    def _has_another_cause(self, failure: Failure) -> bool:
        """Tell whether a group of errors has led to the failure that holds one by the code, too."""
        parts = [part for group in groups_in(failure.error) for part in group.exceptions]
        return any(not list(self._linked(replace(failure, error=part))) for part in parts)

    def _linked(self, failure: Failure) -> Iterator[Finding]:
        """Yield what the errors prove that the failure came of."""
        for one in errors_in(failure.error):
            found = self._proven_by(one, failure.since)
            if found is not None:
                yield found

    def _proven_by(self, error: BaseException, since: float) -> Finding | None:
        from ...client.errors import APIError, APITimeoutError, DevboxFailedError, PollingTimeout

        told = getattr(error, "finding", None)
        if isinstance(told, Finding):
            return told
        if isinstance(error, APIError | DevboxFailedError | PollingTimeout):
            if self._witness.knows(error):
                return self._witness.proven_by(error)
            if not is_of_the_client(error):
                return None
        if isinstance(error, DevboxFailedError):
            return ends.boot(error, self._witness.made_of(error.devbox_id) or _ANYTHING)
        if isinstance(error, PollingTimeout):
            return self._witness.last_wait(since)
        # A stream is resumed often before it is given up, and no call of its own raises the last error.
        if isinstance(error, APIError) and not isinstance(error, APITimeoutError):
            ours = error.request.url.startswith(self._devboxes.client.base_url)
            return finding(error, "stream") if ours else None
        return None

    def _concerned(self, failure: Failure, linked: Iterable[Finding]) -> list[str]:
        """Return the ids of the devboxes that the failure may have to do with."""
        touched = self._devboxes.transcript.touched(failure.since)
        named = [found.devbox for found in linked if found.devbox]
        known = dict.fromkeys([*failure.held, *reversed(touched), *named])
        return [devbox for devbox in known if self._is_ours(devbox, failure)][:_MOST_LOOKS]

    def _is_ours(self, devbox: str, failure: Failure) -> bool:
        """Tell whether there ever was such a devbox, and a test did not make its id up."""
        if devbox in failure.held or self._witness.made_of(devbox) is not None:
            return True
        if any(record.error is None for record in self._devboxes.transcript.of(devbox)):
            return True
        return any(entry.devbox == devbox for entry in self._run.ledger)

    def _deaths(self, devboxes: list[str], remarks: list[str], *, twice: bool) -> list[Finding]:
        found = [death for devbox in devboxes if (death := self._death(devbox, remarks)) is not None]
        if not found and twice:
            time.sleep(_SECOND_LOOK_SECONDS)
            remarks.clear()
            return self._deaths(devboxes, remarks, twice=False)
        return found

    def _death(self, devbox: str, remarks: list[str]) -> Finding | None:
        from ...client.errors import NotFoundError

        try:
            view = self._devboxes.look(devbox)
        except NotFoundError:
            by_hand = "shutdown" in self.known(devbox).did
            return None if by_hand else Finding(Kind.DEVBOX_DIED, _FORGOTTEN.format(devbox), devbox)
        if view is None:
            return None
        death = ends.death(view, self.known(devbox))
        if death is None and not ends.runs(view):
            remarks.append(_remark(view))
        return death

    def dead(self, since: float, but: Iterable[str]) -> dict[str, DevboxView]:
        """Return the devboxes that have ended among those that a test used, as far as something hints at it.

        Of a devbox of which nothing does, nobody is asked.

        :param since: when the test began, in seconds since the epoch.
        :param but: those that are looked at elsewhere.
        """
        used = self._devboxes.transcript.touched(since)
        hinted = [devbox for devbox in used if self._witness.hinted(devbox, since) and devbox not in but]
        views = {devbox: self._ended(devbox) for devbox in hinted[:_MOST_LOOKS]}
        return {devbox: view for devbox, view in views.items() if view is not None}

    def _ended(self, devbox: str) -> DevboxView | None:
        from ...client.errors import NotFoundError

        view = self._witness.ended(devbox)
        with contextlib.suppress(NotFoundError):
            view = view or self._devboxes.look(devbox)
        return None if view is None or ends.runs(view) else view

    def known(self, devbox: str) -> ends.Known:
        """Return what the run knows of a devbox."""
        records = self._devboxes.transcript.of(devbox)
        leased = any(entry.lease for entry in self._run.ledger if entry.devbox == devbox)
        did = frozenset(record.what for record in records)
        shared = not self._run.owner and devbox == self._run.session_devbox
        return ends.Known(did, self._witness.made_of(devbox), leased, shared)

    def _ended_by_hand(self, found: Finding) -> bool:
        """Tell whether a test has ended the devbox itself that a call then failed on."""
        if found.devbox is None or found.kind in (Kind.DEVBOX_DIED, Kind.NEVER_BOOTED, Kind.QUOTA):
            return False
        return bool({"shutdown", "suspend"} & self.known(found.devbox).did)

    def _may_be_dying(self, failure: Failure, devboxes: list[str]) -> bool:
        """Tell whether a devbox that seems to run may be about to end: its status comes a moment later."""
        from ...client.errors import APIConnectionError, DevboxNotRunningError

        refused = DevboxNotRunningError | APIConnectionError
        if any(isinstance(error, refused) and is_of_the_client(error) for error in errors_in(failure.error)):
            return True
        last = [records[-1] for devbox in devboxes if (records := self._devboxes.transcript.of(devbox))]
        return any(record.exit_status == KILLED for record in last)


_ANYTHING: dict[str, Any] = {"entrypoint": "unknown"}


def _texts(proven: list[Finding], kind: Kind) -> list[str]:
    ordered = sorted(proven, key=lambda found: found.kind is not kind)
    return [found.text for found in ordered]


def _remark(view: DevboxView) -> str:
    reason = view.failure_reason or view.shutdown_reason
    why = f" ({reason})" if reason else ""
    return (
        f"Devbox {view.id} is `{view.status}`{why}, which is what the test asked for, "
        "or what nobody can tell from that."
    )
