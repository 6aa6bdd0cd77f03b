"""Makes and ends the devboxes of a run. Every path here keeps the ledger true."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from . import backend, lease, options, watcher
from .choice import choose
from .ending import end, shut_down
from .errors import UnavailableError
from .evidence import snapshots
from .evidence.redaction import of_this_process
from .evidence.transcript import Transcript
from .failures import Failures, explained, never_sent, refused, stop_run
from .kept import Keep
from .ledger import Entry
from .observers import Observers
from .patience import Patience
from .requests import ENDED, create, newest
from .run import Run, spared
from .verdict import ends
from .verdict.witness import Witness

if TYPE_CHECKING:
    from .. import AsyncRunloop, Devbox, Runloop
    from ..contract.params.options import PollingConfig
    from ..contract.views.devboxes import DevboxView
    from .evidence.snapshots import Taken

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True


class Devboxes:
    """The devboxes that one process of a run makes.

    :param run: the run.
    :param waiting: told when a boot takes long.
    """

    def __init__(self, run: Run, waiting: Patience) -> None:
        self._run = run
        self._waiting = waiting
        self._failures = Failures()
        self.transcript = Transcript(of_this_process(run.settings[options.REDACT]))
        """What tests did to devboxes."""
        self.witness = Witness()
        """What became of the calls."""
        self.ended: dict[str, DevboxView] = {}
        """Devboxes that had ended when they were taken back, as the service told."""
        self._observer = Observers(self.transcript, self.witness)
        self._clients: dict[bool, Runloop] = {}
        self._connecting = threading.Lock()
        self._async_client: AsyncRunloop | None = None
        self._reached = False
        self._watched = False

    @property
    def client(self) -> Runloop:
        """The client that tests work with."""
        return self._client(quick=False)

    @property
    def quick_client(self) -> Runloop:
        """A client that gives up soon, and that the transcript does not observe."""
        return self._client(quick=True)

    @property
    def async_client(self) -> AsyncRunloop:
        """The client that async tests work with. It has no connections of its own: each event loop has."""
        with self._connecting:
            if self._async_client is None:
                self._async_client = backend.connect_async(self._run, self._observer)
            return self._async_client

    def _client(self, *, quick: bool) -> Runloop:
        with self._connecting:
            if quick not in self._clients:
                observer = None if quick else self._observer
                self._clients[quick] = backend.connect(self._run, quick=quick, observer=observer)
            return self._clients[quick]

    def refuse_hopeless(self, params: Mapping[str, Any]) -> None:
        """Refuse what was tried before and cannot succeed.

        :raises UnavailableError: if so.
        """
        self._failures.check(params)

    def reach(self) -> None:
        """Find out whether anybody is there to give devboxes, before anything is noted down for them.

        :raises StopRunError: if there is no backend, or it has ended.
        :raises RunloopError: if nobody answers, or the key is not taken.
        """
        self._run.refuse_gone()
        backend.refuse_ended(self._run)
        self._knock()
        if not self._watched and choose(self._run.settings).kind == "cloud":
            watcher.ensure(self._run, self.client.base_url)
        self._watched = True

    def boot(self, entry: Entry, params: Mapping[str, Any]) -> tuple[Devbox, float]:
        """Make a devbox and wait until it runs.

        :param entry: its entry in the ledger.
        :param params: the create parameters.
        :return: the devbox, and how many seconds it took.
        :raises UnavailableError: if there is no backend.
        :raises RunloopError: if the service refuses, or the devbox does not come up. Nothing is left then.
        """
        start = time.monotonic()
        try:
            with self._waiting.announced(entry.test):
                devbox = self._boot(self.client, entry, params)
        except BaseException as error:
            self._undo(entry, params, error)
            self._look_into(error, params)
            raise
        seconds = time.monotonic() - start
        self._failures.forget(params)
        self._run.journal.note("devbox", id=devbox.id, test=entry.test, seconds=seconds)
        return devbox, seconds

    def ailment(self, entry: Entry, *, to_hand_out: bool = False) -> str | None:
        """Say why a devbox cannot be used any more; `None` if it runs.

        :param to_hand_out: a test is about to begin with it: it must not end soon.
        """
        from ..client.errors import RunloopError

        if entry.devbox is None:
            return "its id is not known"
        try:
            view = self.client.devbox.from_id(entry.devbox).get_info()
        except RunloopError as error:
            return str(error)
        if view.status != "running":
            self.ended[view.id] = view
            return self._state(entry, view)
        return _soon_over(entry, view) if to_hand_out else None

    def look(self, devbox: str) -> DevboxView | None:
        """Return what the service says of a devbox now; `None` if it says nothing.

        :raises NotFoundError: if it does not know the devbox.
        """
        from ..client.errors import NotFoundError, RunloopError

        try:
            return self._client(quick=True).devbox.from_id(devbox).get_info()
        except NotFoundError:
            raise
        except RunloopError:
            return None

    def fate(self, entry: Entry) -> str | None:
        """Say how a devbox ended; `None` if it has not, or nobody can tell."""
        from ..client.errors import NotFoundError, RunloopError

        try:
            view = self._client(quick=True).devbox.from_id(str(entry.devbox)).get_info()
        except NotFoundError as error:
            return str(error)
        except RunloopError:
            return None
        return self._state(entry, view) if view.status in ENDED else None

    def _state(self, entry: Entry, view: DevboxView) -> str:
        reason = view.failure_reason or view.shutdown_reason
        said = f"its status is `{view.status}`" + (f", for the reason `{reason}`" if reason else "")
        if reason == "keep_alive_timeout" and entry.lease:
            said += f"; {lease.lost(entry, self._run.journal)}"
        return said

    def _knock(self) -> None:
        """Before the first boot, find out whether anybody is there who takes the key.

        The tests' client repeats a failed request for half a minute, which is right in the middle of a run.
        At its start a wrong address or key is far more likely than a bad moment.
        """
        if not self._reached:
            newest(self._client(quick=True), limit=1)
            self._reached = True

    def _boot(self, client: Runloop, entry: Entry, params: Mapping[str, Any]) -> Devbox:
        view = create(client, entry, params)
        if lease.idles(view):
            entry.lease = None
        self._created(entry, view.id)
        devbox = client.devbox.from_id(view.id)
        if view.status != "running":
            devbox.await_running(polling_config=_limit(self._run.settings[options.BOOT_TIMEOUT]))
        return devbox

    def _undo(self, entry: Entry, params: Mapping[str, Any], error: BaseException) -> None:
        """End what may have come of a create call that failed or was interrupted.

        The call may be on its way still. So it is sent once more with the same idempotency key: the
        service then answers with the devbox that it made, or makes the one that can be ended.
        """
        if entry.devbox is None and (refused(error) or never_sent(error)):
            self._run.ledger.strike(entry)
            return
        with contextlib.suppress(Exception):  # what cannot be ended now stays in the ledger for the sweep
            client = self._client(quick=True)
            if entry.devbox is None:
                self._created(entry, create(client, entry, params).id)
            self.end(entry)

    def _look_into(self, error: BaseException, params: Mapping[str, Any]) -> None:
        """Keep in mind what a failed boot means for others, and what it proves."""
        if not self.witness.knows(error):
            limit = self._run.settings[options.BOOT_TIMEOUT]
            self.witness.note(error, ends.of_boot(error, params, limit))
        self._failures.add(params, error, self.witness.proven_by(error))

    def _created(self, entry: Entry, devbox: str) -> None:
        self._run.ledger.complete(entry, devbox)
        self._run.journal.note("created", id=devbox)

    def end(self, entry: Entry) -> None:
        """Shut a devbox down; its entry goes when the service confirmed it.

        :raises RunloopError: if the service did not confirm. The entry stays.
        """
        for view in end(self._client(quick=True), self._run.ledger, entry):
            if view.shutdown_reason != "api_shutdown":
                self.ended[view.id] = view
        self.transcript.forget(entry.devbox or "")

    def leave(self, entry: Entry, why: str) -> bool:
        """Let a devbox outlive its test and the run: its lifetime begins anew, and nobody prolongs it.

        :param why: why it is kept.
        :return: whether it lives. One that has ended is left as it is.
        """
        note = partial(Keep, str(entry.devbox), entry.key, entry.test, why, entry.written_ms)
        # Before the look: whoever sweeps a run that died meanwhile leaves it alone from now on.
        self._run.kept.add(note(time.time() + (entry.lease or lease.KEPT_SECONDS)))
        lives, seconds = self._prolonged(entry)
        if not lives:
            self._run.kept.remove(str(entry.devbox))
            return False
        self._run.kept.add(note(None if seconds is None else time.time() + seconds))
        self._run.ledger.strike(entry)
        return True

    def _prolonged(self, entry: Entry) -> tuple[bool, float | None]:
        """Let a devbox's lifetime begin anew; return whether it lives, and how many seconds it then has.

        While nobody can tell, it lives. One that is suspended does not end by itself.
        """
        from ..client.errors import NotFoundError, RunloopError

        devbox = self.quick_client.devbox.from_id(str(entry.devbox))
        view = None
        try:
            view = devbox.get_info()
            devbox.keep_alive()
        except NotFoundError:
            return False, None
        except RunloopError:
            pass
        asleep = view is not None and view.status in ("suspending", "suspended")  # its lifetime stands still
        seconds = None if asleep else lease.seconds_left(view, entry.lease or lease.KEPT_SECONDS)
        return view is None or view.status not in ENDED, seconds

    def take_over(self, taken: Taken, over: threading.Event) -> bool:
        """See a snapshot to its end whose worker died; a devbox for which that takes too long is kept.

        :param over: set when nobody waits any longer.
        :return: whether the devbox is kept.
        """
        snapshots.settled(self.quick_client, self._run.journal, taken, over)
        entry = next((entry for entry in self._run.ledger if entry.devbox == taken.devbox), None)
        return taken.outcome == "late" and entry is not None and self.leave(entry, taken.late)

    def end_stale(self, entry: Entry) -> None:
        """End a devbox that nobody took back, and not before its snapshots are complete.

        One whose holder died while it let it outlive the run stays as it is.

        :raises RunloopError: if the service did not confirm. The entry stays.
        """
        if spared(self._run.path, entry):
            return
        begun = (taken for taken in snapshots.of_run(self._run.journal) if taken.devbox == entry.devbox)
        pending = [taken for taken in begun if taken.outcome is None]
        if not any(self.take_over(taken, threading.Event()) for taken in pending):
            self.end(entry)

    def end_kept(self, devbox: str) -> None:
        """End a devbox that was kept.

        :raises RunloopError: if the service did not confirm. It stays kept.
        """
        shut_down(self.quick_client, devbox)
        self._run.kept.remove(devbox)

    def why_not(self, error: Exception, params: Mapping[str, Any]) -> UnavailableError:
        """Say in words why a boot failed, and whether that goes for the whole run."""
        if isinstance(error, UnavailableError):
            return error
        stop = stop_run(error, self._run.settings, reached=self._reached)
        return stop or UnavailableError(explained(error, self._run.settings, self.client, params))

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def _soon_over(entry: Entry, view: DevboxView) -> str | None:
    """Say when a devbox's lifetime ends, if that is soon and the run does not renew it."""
    lifetime = view.launch_parameters.keep_alive_time_seconds
    if entry.lease is not None or lifetime is None or lease.idles(view):
        return None
    left = lifetime - (time.time() - entry.written_ms / 1000)
    return f"its lifetime of {lifetime} s ends in {left:.0f} s" if left < min(60.0, lifetime / 2) else None


def _limit(seconds: float) -> PollingConfig:
    from ..contract.params.options import PollingConfig

    return PollingConfig(interval_seconds=1.0, max_attempts=math.ceil(seconds), timeout_seconds=seconds)
