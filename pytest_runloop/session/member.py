"""One process of a run, and what it does for the tests that it runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import audit, faults, interrupts, job_summary, marker, options, prompt, spec, summary, sweep
from .audit import Audit
from .background import Background
from .devboxes import Devboxes
from .errors import StopRunError, UnavailableError
from .evidence import settle
from .evidence.hiding import OfSubtests
from .evidence.keeper import Keeper
from .evidence.partings import Partings
from .lease import Renewal
from .lending import Held, Lending
from .patience import Patience
from .pool.notice import WaitNotice
from .relay import Relay
from .run import WORKER_INPUT, Run, directory_from_controller, notices_in, pool_in
from .settings import Settings
from .state import VARIABLE
from .verdict.verdicts import Verdicts
from .watcher.guard import Guard

if TYPE_CHECKING:
    from .. import AsyncRunloop, Devbox, Runloop
    from .faults import FaultControl


class Member:
    """What the plugin's hooks and fixtures call.

    :param config: pytest's configuration of this process.
    :param settings: the run's options.
    :param run_id: the run's unique name, if this process is its owner.
    """

    def __init__(self, config: pytest.Config, settings: Settings, run_id: str) -> None:
        self._config = config
        self.run = Run(settings, directory_from_controller(config), self._when_made, run_id)
        self._patience = Patience(config, self.run)
        self.devboxes = Devboxes(self.run, self._patience)
        self.lending = Lending(self.run, self.devboxes)
        self._keeper = Keeper(config, self.run, self.devboxes)
        config.pluginmanager.register(OfSubtests(self.devboxes.transcript.redactor))
        self.partings = Partings(self.run, self.devboxes, self.lending)
        self._given_up: list[Held] = []
        self._late: Callable[[], None] = lambda: None
        self.verdicts = Verdicts(self.run, self.devboxes)
        self.interrupted = False
        self._audit: Audit | None = None
        self._told = False
        self._sweep: sweep.OfDeadRuns | None = None
        self._background: list[Background] = []
        self._take_back: Callable[[], None] = lambda: None

    def _when_made(self, path: Path) -> None:
        """The run's owner is about to use devboxes for the first time."""
        self._take_back = interrupts.bridge()
        self._sweep = sweep.OfDeadRuns(path)
        self._sweep.start()
        self._background = [
            WaitNotice(pool_in(path, self.run.settings), self._patience.speak),
            Relay(notices_in(path), self._patience.speak),
            Renewal(self.run, path),
            Guard(path),
        ]
        for helper in self._background:
            helper.start()

    def devbox_for(self, request: pytest.FixtureRequest, defaults: spec.Spec) -> Devbox:
        """Make the devbox of a test."""
        __tracebackhide__ = True
        item: pytest.Item = request.node
        with self._told_at_setup(item.session):
            by_hand = spec.by_hand(self.run.settings)
            specs = [*self._base(defaults), *marker.of(item), by_hand]
            held = self._lent(spec.merge(specs), self.named(item), spec.reuse_in(specs, self.run.settings))
            self.devboxes.transcript.made(held.devbox.id, spec.merge(specs))
        settle.hold(item, held)
        return held.devbox

    def shared_devbox(self, session: pytest.Session, defaults: spec.Spec) -> Devbox:
        """Return the devbox of the whole run, which whoever comes first makes."""
        __tracebackhide__ = True
        with self._told_at_setup(session):
            params = spec.merge(self._base(defaults))
            with self.run.lock("session-devbox"):
                known = self.run.session_devbox or self._kept(params)
            devbox = self.devboxes.client.devbox.from_id(known)
            self.devboxes.transcript.made(devbox.id, params)
            return devbox

    def _kept(self, params: Mapping[str, Any]) -> str:
        __tracebackhide__ = True
        held = self._lent(params, "session_devbox", "never")
        self.lending.keep(held)
        return held.devbox.id

    def further_devboxes(
        self, session: pytest.Session, defaults: spec.Spec, wanted: spec.Spec, count: int
    ) -> list[Held]:
        """Make devboxes that a test asked for in so many words.

        :raises ValueError: if what is wanted is wrong.
        :raises RunloopError: as the client raises it, with what a person needs as a note.
        """
        __tracebackhide__ = True
        wrong = spec.problems(wanted)
        if wrong:
            raise ValueError("devbox_factory: " + "; ".join(wrong))
        params = spec.merge([*self._base(defaults), wanted])
        try:
            return self.lending.lend_several([params] * count, "devbox_factory")
        except Exception as error:
            why = self.devboxes.why_not(error, params)
            if isinstance(why, StopRunError):
                self._stop(session, why)
            if why is not error:
                error.add_note(str(why).removeprefix(str(error)).strip())
            raise

    def client(self, session: pytest.Session) -> Runloop:
        """Return the API client of the run."""
        __tracebackhide__ = True
        with self._told_at_setup(session):
            return self.devboxes.client

    def async_client(self, session: pytest.Session) -> AsyncRunloop:
        """Return the async API client of the run."""
        __tracebackhide__ = True
        with self._told_at_setup(session):
            return self.devboxes.async_client

    def fault_control(self, request: pytest.FixtureRequest) -> FaultControl:
        """Return what a test gives faults with."""
        __tracebackhide__ = True
        item: pytest.Item = request.node
        with self._told_at_setup(item.session):
            control = item.stash[faults.CONTROL] = faults.control(self.run)
            return control

    def _base(self, defaults: spec.Spec) -> list[spec.Spec]:
        """Return what every devbox starts with. Options are said for this run: they lie over the defaults."""
        if not isinstance(defaults, Mapping):
            raise UnavailableError(
                f"The fixture devbox_defaults must return a dict of create parameters, not {defaults!r}."
            )
        wrong = spec.problems(defaults)
        if wrong:
            raise UnavailableError("The fixture devbox_defaults is wrong: " + "; ".join(wrong))
        return [defaults, spec.of_settings(self.run.settings)]

    def _lent(self, params: Mapping[str, Any], test: str, reuse: str) -> Held:
        """Get a devbox for a fixture, whose errors are text, without a traceback.

        :raises UnavailableError: if it cannot be had.
        """
        from ..client.errors import RunloopError

        self.devboxes.refuse_hopeless(params)
        try:
            return self.lending.lend(params, test, reuse=reuse)
        except RunloopError as error:
            raise self.devboxes.why_not(error, params) from None

    @contextlib.contextmanager
    def _told_at_setup(self, session: pytest.Session) -> Iterator[None]:
        """Let a fixture fail with the text alone, and stop the run where going on is of no use."""
        __tracebackhide__ = True
        try:
            yield
            return
        except StopRunError as error:
            self._stop(session, error)
            told: UnavailableError = error
        except UnavailableError as error:
            told = error
        except OSError as error:  # everything else that could raise one has errors of its own
            told = UnavailableError(
                f"The run's files in {self.run.path} cannot be used: {error.strerror or error}.\n"
                f"Make room there, or set {VARIABLE} to a directory on another disk."
            )
        failure = pytest.fail.Exception(str(told), pytrace=False)
        failure.__context__ = told  # not shown; but it says whose fault it is
        raise failure from None

    def _stop(self, session: pytest.Session, error: StopRunError) -> None:
        # xdist carries it from a worker to the controller, which stops the others.
        session.shouldfail = f"runloop: {error.short}; no devbox can be had in this run"

    def report(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
        """Look at a report of a test; if it is the last one, keep the evidence and settle its devboxes."""
        settle.watch(item, report, call)
        self.verdicts.report(item, report, call)
        self._keeper.report(item, report, call)
        if report.when == "teardown":
            self._late = partial(self._part, item, report)
            if not (report.failed and prompt.is_wanted(self._config)):
                self.test_over()

    def test_over(self) -> None:
        """Put away what the test had, unless that is done: a failed teardown may have a prompt after it."""
        late, self._late = self._late, lambda: None
        late()

    def _part(self, item: pytest.Item, report: pytest.TestReport) -> None:
        if self.verdicts.is_settled(item):
            settle.forget(item)
        else:
            settle.settle(item, report, self)
        self._end_given_up()

    def named(self, item: pytest.Item) -> str:
        """Return a test's id as services may know it: a parameter in it may be secret."""
        return self.devboxes.transcript.redactor.text(item.nodeid)

    def tell_at_prompt(self, item: pytest.Item, since: float) -> None:
        """Say at a debugger's prompt how to enter the devboxes of the test.

        :param since: when the test began, in seconds since the epoch.
        """
        terminal = self._config.get_terminal_writer()
        for line in prompt.lines(item, since, self):
            terminal.line(f"runloop: {line}")

    def give_up(self, made: Sequence[Held]) -> None:
        """Take devboxes that no test will have any more.

        They are ended a little later: fixtures of the session end before the last test's verdict is known.
        """
        self._given_up += made

    def _end_given_up(self) -> None:
        made, self._given_up = self._given_up, []
        self.partings.end(made)

    def session_over(self, *, interrupted: bool) -> None:
        """Put away what tests left, when all tests of this process are over.

        Here, and not later: xdist cuts workers short after that.
        """
        self.interrupted = interrupted
        try:
            if not interrupted:
                self._end_given_up()
            self.partings.finish(interrupted=interrupted)
        except KeyboardInterrupt:
            self.interrupted = True

    def look_at_pass(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Look at a report before others do, and fail a test with it that may not pass."""
        if self.verdicts.may_pass(item, report):
            settle.settle(item, report, self)
            self.verdicts.passed(item, report)

    def for_worker(self) -> dict[str, str]:
        """Return what an xdist worker must be told to be part of the run."""
        try:
            return {WORKER_INPUT: str(self.run.path)}
        except UnavailableError:  # the worker's first devbox will say so, where it can be read
            return {}

    def summarize(self, reporter: Any) -> None:
        """Write the summary, if a devbox was used."""
        lines = summary.lines(self.run, self._audited(), detailed=reporter.config.get_verbosity() > 0)
        self._told = bool(lines)
        if lines:
            reporter.write_sep("=", "devboxes")
        for line in lines:
            reporter.write_line(line)

    def _audited(self) -> Audit | None:
        """End what the run still has, once, and return what became of all its devboxes."""
        if self._audit is None and self.run.owner and self.run.opened:
            with contextlib.suppress(Exception):  # the audit says what became of it
                if not self.interrupted:
                    self.partings.take_over()
            self._audit = audit.take(self.run, interrupted=self.interrupted)
        return self._audit

    def finish(self) -> bool:
        """End what this process has of the run; the owner ends everything, and says what it could not end.

        :return: whether the run may be called clean, as strictly as the user asks for it.
        """
        self.devboxes.close()
        found = self._audited()
        if found is not None:
            self._end_run(found)
        self._take_back()
        strict = self.run.settings[options.STRICT_CLEANUP]
        return not (strict and found is not None and found.unconfirmed)

    def _end_run(self, found: Audit) -> None:
        for helper in self._background:
            helper.stop()
        if found.local:
            sweep.own(self.run, interrupted=self.interrupted)
        job_summary.write(self._config, summary.lines(self.run, found))
        if not self._told:
            for line in (*audit.warnings(found), *summary.kept(self.run)):
                print(f"runloop: {line}", file=sys.stderr)
        self.run.close(keep=bool(found.unconfirmed or found.kept))
        if self._sweep is not None:
            self._sweep.join(1.0)
