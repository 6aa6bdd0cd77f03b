"""Leases: devboxes live as long as the run renews them, and a test whose devbox was not renewed says so."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.contract.views.devboxes import DevboxView
from pytest_runloop.session import lease, options
from pytest_runloop.session.lease import Renewal, idles, seconds_for
from pytest_runloop.session.run import Run
from pytest_runloop.session.settings import Given, Rank, Settings

from .service import KEY, Remote, Service, service
from .stub_api import Asked, Said, Stub, stub
from .suite import Suite

IDLE = {"idle_time_seconds": 60, "on_idle": "shutdown"}


@pytest.fixture(scope="module")
def running_service() -> Iterator[Service]:
    """A service on which a devbox's lease ends with a command."""
    rule = 'die_keep_alive_timeout:command="*doomed*"'
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as folder,
        service(Path(folder), "--isolation=process", f"--faults={rule}") as running,
    ):
        yield running


def settings(**given: Any) -> Settings:
    """Return settings of a run whose service outlives it.

    :param given: other values than the defaults, by the options' names.
    """
    values = {"backend": "cloud", **given}
    return Settings(
        {
            option: Given(values.get(option.name.replace("-", "_"), option.default), Rank.DEFAULT, "here")
            for option in options.OPTIONS
        }
    )


@pytest.mark.parametrize(
    ("launch", "seconds"),
    [
        (None, 600),
        ({"keep_alive_time_seconds": None, "launch_commands": ["true"]}, 600),
        ({"keep_alive_time_seconds": 900}, None),
        ({"after_idle": IDLE}, None),
        ({"lifecycle": {"after_idle": IDLE}}, None),
    ],
)
def test_who_says_how_long_a_devbox_may_live_means_it(
    launch: dict[str, Any] | None, seconds: int | None
) -> None:
    assert seconds_for({"launch_parameters": launch}, settings()) == seconds


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({"boot_timeout": 1000.5}, 1301), ({"boot_timeout": 1e9}, 172_800), ({"backend": "local"}, 3600)],
)
def test_a_lease_is_longer_than_a_boot_may_take_and_no_longer_than_the_service_allows(
    given: dict[str, Any], seconds: int
) -> None:
    assert seconds_for({}, settings(**given)) == seconds


def test_a_blueprint_s_idleness_is_not_prevented() -> None:
    view = {"id": "dbx_1", "status": "running", "create_time_ms": 1}
    assert not idles(DevboxView.model_validate(view))
    for launch in ({"after_idle": IDLE}, {"lifecycle": {"after_idle": IDLE}}):
        assert idles(DevboxView.model_validate({**view, "launch_parameters": launch}))


class Leased:
    """A run with two devboxes that have leases, one that has none, and one that is not there yet."""

    def __init__(self, api: Stub) -> None:
        self.api = api
        self.run = Run(settings(base_url=api.base_url))
        ledger = self.run.ledger
        for number, seconds in enumerate((600, 600, None)):
            ledger.complete(ledger.intend("test_it", seconds), f"dbx_{number}")
        ledger.intend("test_it", 600)
        self.renewal = Renewal(self.run, self.run.path)

    def renewed(self, now: float) -> list[str]:
        """Let it look, and return which devboxes' leases it asks to renew."""
        before = len(self.api.asked)
        self.renewal.renew(now)
        return sorted(line.split("/")[3] for line in self.api.lines()[before:])


@pytest.fixture
def state_directory(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs of this process have the test's state directory, and a key."""
    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(state))
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)


@pytest.mark.usefixtures("state_directory")
def test_leases_are_renewed_long_before_they_end_and_a_failure_is_tried_again_at_once() -> None:
    code = {"dbx_0": 200, "dbx_1": 503}
    answer = lambda asked: Said({"message": "x"}, code[asked.line.split("/")[3]])  # noqa: E731
    with stub(answer) as api:
        leased = Leased(api)
        assert leased.renewed(1000.0) == [], "they are young"
        assert leased.renewed(1099.0) == []
        assert set(leased.renewed(1100.0)) == {"dbx_0", "dbx_1"}
        assert set(leased.renewed(1110.0)) == {"dbx_1"}, "that of the other was renewed"
        code["dbx_1"] = 200
        assert leased.renewed(1120.0) == ["dbx_1"]
        code["dbx_0"] = 400  # it is suspended, or has ended: asking more often is of no use
        assert leased.renewed(1200.0) == ["dbx_0"]
        assert leased.renewed(1210.0) == []
        [*_, entry] = [entry for entry in leased.run.ledger if entry.devbox == "dbx_1"]
        assert "503" in lease.lost(entry, leased.run.journal)
        leased.run.close(keep=False)


def served(asked: Asked) -> Said:
    """Answer as a service that gives one devbox, always the same."""
    if asked.line.startswith("GET"):
        return Said({"devboxes": [], "has_more": False})
    status = "shutdown" if "shutdown" in asked.line else "running"
    return Said({"id": "dbx_1", "status": status, "create_time_ms": 1})


def test_a_devbox_is_made_with_its_lease_and_a_marker_s_own_word_stands(suite: Suite) -> None:
    suite.write(
        """
@pytest.mark.devbox(launch_parameters={"launch_commands": ["true"]})
def test_leased(devbox): pass

@pytest.mark.devbox(launch_parameters={"keep_alive_time_seconds": 7})
def test_own(devbox): pass
"""
    )
    with stub(served) as api:
        suite.environment["RUNLOOP_API_KEY"] = KEY
        suite.run("-p", "no:xdist", f"--runloop-base-url={api.base_url}").assert_outcomes(passed=2)
    made = [asked.body["launch_parameters"] for asked in api.asked if asked.line == "POST /v1/devboxes"]
    assert made == [
        {"launch_commands": ["true"], "keep_alive_time_seconds": 600},
        {"keep_alive_time_seconds": 7},
    ]


def test_the_controller_renews_the_lease_of_a_worker_s_devbox_while_its_test_goes_on(suite: Suite) -> None:
    # A lease is to seem older than it is: nobody wants to wait for minutes.
    suite.pytester.makeconftest(
        """
        from pytest_runloop.session import lease
        lease.Renewal.seconds, lease._SHARE = 0.05, 10 ** 6
        """
    )
    suite.write(
        """
import time

def test_it(devbox):
    while not os.path.exists("renewed"):
        time.sleep(0.02)
"""
    )

    def answer(asked: Asked) -> Said:
        if asked.line == "POST /v1/devboxes/dbx_1/keep_alive":
            suite.path("renewed").touch()
        return served(asked)

    with stub(answer) as api:
        suite.environment["RUNLOOP_API_KEY"] = KEY
        suite.run("-n1", f"--runloop-base-url={api.base_url}").assert_outcomes(passed=1)


def test_a_failed_test_says_that_its_devbox_ended_and_that_its_lease_was_lost(remote: Remote) -> None:
    remote.suite.write(
        """
def test_fails(devbox):
    devbox.cmd.exec("doomed")

def test_passes(devbox):
    with pytest.raises(Exception):
        devbox.cmd.exec("doomed")

def test_fails_alone(devbox):
    assert not devbox.cmd.exec("true").success
"""
    )
    result = remote.suite.run("-p", "no:xdist")
    assert result.parseoutcomes() == {"passed": 1, "failed": 1, "environment": 2}
    told = [line for line in result.outlines if "ended under the test" in line]
    assert len(told) == 1
    assert (
        "`shutdown`, for the reason `keep_alive_timeout`; the run did not renew its lease of 600 s" in told[0]
    )
