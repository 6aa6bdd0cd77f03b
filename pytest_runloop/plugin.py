"""What pytest sees of this package: options, marker, fixtures, hooks. All work is done in `session`.

Every pytest run on a machine with this package loads this module, whether devboxes are used or not. So it
imports neither the client nor the contract, and nothing here contacts anybody before a fixture is asked for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .session import choice, clock, header, job_summary, marker, options, settings
from .session.verdict import shown

if TYPE_CHECKING:
    from . import AsyncDevbox, AsyncRunloop, Devbox, Runloop
    from .session.factory import DevboxFactory
    from .session.faults import FaultControl
    from .session.member import Member

_SETTINGS = pytest.StashKey[settings.Settings]()
_RUN_ID = pytest.StashKey[str]()
_SESSION = pytest.StashKey[pytest.Session]()
_MEMBER = pytest.StashKey["Member"]()
_TEST = pytest.StashKey[tuple[pytest.Item, float]]()
"""The test that runs, and since when, in seconds since the epoch."""


def _member(config: pytest.Config) -> Member:
    """Return this process's part in the run, which begins when it is first needed."""
    if _MEMBER not in config.stash:
        from .session.member import Member

        config.stash[_MEMBER] = Member(config, config.stash[_SETTINGS], config.stash[_RUN_ID])
    return config.stash[_MEMBER]


def pytest_addoption(parser: pytest.Parser) -> None:
    options.register(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", marker.DESCRIPTION)
    config.stash[_SETTINGS] = settings.resolve(config)
    config.stash[_RUN_ID] = str(uuid.uuid4())
    choice.refuse_what_the_cloud_lacks(config.stash[_SETTINGS])
    job_summary.register(config)
    config.pluginmanager.register(_Innermost(), "runloop-innermost")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which run it belongs to."""
    node.workerinput.update(_member(node.config).for_worker())


def pytest_report_header(config: pytest.Config) -> list[str]:
    return header.lines(config.stash[_SETTINGS], config.stash[_RUN_ID])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    marker.refuse_wrong(collector, report)
    return report


# Outermost: then it sees what xfail and others made of the result.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[object]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _MEMBER in item.config.stash:
        with clock.stopped():
            _member(item.config).report(item, report, call)
    return report


class _Innermost:
    """Hooks that come before, or after, all others."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if _MEMBER in item.config.stash:
            with clock.stopped():
                _member(item.config).look_at_pass(item, report)
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        shown.write(terminalreporter)
        if _MEMBER in config.stash and config.get_verbosity() >= 0:
            _member(config).summarize(terminalreporter)
        shown.join_failures(terminalreporter)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with shown.body(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    if _MEMBER not in item.config.stash:
        return (yield)
    with _member(item.config).verdicts.again.keeping_others(item):
        return (yield)


# Around all others: they repeat the attempts of one round, this one makes a further round.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    item.config.stash[_TEST] = item, time.time()
    try:
        result = yield
    finally:
        if _MEMBER in item.config.stash:
            _member(item.config).test_over()
    if _MEMBER in item.config.stash and _member(item.config).verdicts.again.next_attempt(item):
        return item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> tuple[str, str, Any] | None:
    return shown.status(report)


# Last: the session's fixtures have ended by then, and in the controller xdist's workers.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_SESSION] = session
    if _MEMBER in session.config.stash:
        _member(session.config).session_over(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)


def pytest_enter_pdb(config: pytest.Config) -> None:
    if _MEMBER in config.stash and _TEST in config.stash:
        _member(config).tell_at_prompt(*config.stash[_TEST])


# Around pytest's own, which writes the short summary after all others are done.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Generator[None, object, object]:
    with shown.restored(terminalreporter):
        return (yield)


# Last: xdist's workers have ended by then, and what they left is everything that is left.
@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if _MEMBER in config.stash:
        clean = _member(config).finish()
        # pytest reads the status for the last time after this.
        session = config.stash.get(_SESSION, None)
        if not clean and session is not None and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def devbox_defaults() -> dict[str, Any]:
    """Create parameters for all devboxes, as the marker takes them; override it in a conftest.py."""
    return {}


@pytest.fixture
def devbox(request: pytest.FixtureRequest, devbox_defaults: dict[str, Any]) -> Devbox:
    """The test's own devbox: made for this test as its `devbox` marker says, ended after it."""
    __tracebackhide__ = True
    return _member(request.config).devbox_for(request, devbox_defaults)


@pytest.fixture
def async_devbox(devbox: Devbox, async_runloop: AsyncRunloop) -> AsyncDevbox:
    """The test's own devbox with awaitable methods, for asyncio and trio; the same machine as `devbox`."""
    return async_runloop.devbox.from_id(devbox.id)


@pytest.fixture(scope="session")
def session_devbox(request: pytest.FixtureRequest, devbox_defaults: dict[str, Any]) -> Devbox:
    """One devbox for the whole run, used by all xdist workers at once."""
    __tracebackhide__ = True
    return _member(request.config).shared_devbox(request.session, devbox_defaults)


@pytest.fixture(scope="session")
def devbox_factory(
    request: pytest.FixtureRequest, devbox_defaults: dict[str, Any]
) -> Iterator[DevboxFactory]:
    """Makes further devboxes: `devbox_factory(blueprint="name")`; they are ended with the session."""
    from .session.factory import DevboxFactory

    factory = DevboxFactory(_member(request.config), request.session, devbox_defaults)
    yield factory
    factory.end()


@pytest.fixture(scope="session")
def runloop(request: pytest.FixtureRequest) -> Runloop:
    """The API client of the run's backend."""
    __tracebackhide__ = True
    return _member(request.config).client(request.session)


@pytest.fixture(scope="session")
def async_runloop(request: pytest.FixtureRequest) -> AsyncRunloop:
    """The API client of the run's backend with awaitable methods, for asyncio and trio."""
    __tracebackhide__ = True
    return _member(request.config).async_client(request.session)


@pytest.fixture
def runloop_faults(request: pytest.FixtureRequest) -> Iterator[FaultControl]:
    """Lets things go wrong on the local backend, or holds them up, for one test."""
    __tracebackhide__ = True
    control = _member(request.config).fault_control(request)
    yield control
    control.end()
