"""The watcher: what it is to the run beside it, and what it does against a service that makes it hard."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_runloop.session import watcher
from pytest_runloop.session.kept import Keep
from pytest_runloop.session.run import Run, kept_in
from pytest_runloop.session.settings import without_config

from .service import KEY, Remote
from .stub_api import Answer, Asked, Said, Stub, stub
from .waiting import processes_that_know, until

SHUTDOWN = Said({"id": "dbx_1", "status": "shutdown"})


class Watched:
    """A run that has a watcher, of this process."""

    def __init__(self, base_url: str) -> None:
        self.run = Run(without_config())
        self.path = self.run.path
        self.ledger = self.run.ledger
        watcher.ensure(self.run, base_url)
        self.process = Path("/proc") / str(json.loads((self.path / watcher.FILE).read_text())["pid"])


@contextmanager
def watched(state: Path, answer: Answer) -> Iterator[tuple[Watched, Stub]]:
    """Run a service, and a run that has a watcher; in the end the run dies, and the watcher must end."""
    with stub(answer) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_API_KEY", KEY)
        patch.setenv("RUNLOOP_STATE_DIR", str(state))
        made = Watched(api.base_url)
        try:
            yield made, api
        finally:
            made.run.close(keep=True)  # lets go of the lock, as the kernel does for a process that is killed
            until(lambda: not processes_that_know(str(made.path)), "the end of the watcher")
    assert not made.path.exists()


def test_it_tries_again_until_the_service_confirms_and_asks_for_no_more_than_the_ledger_names(
    state: Path,
) -> None:
    answers = iter([Said({"message": "busy"}, 503), Said("<html>", kind="text/html"), SHUTDOWN])

    def answer(asked: Asked) -> Said:
        return next(answers) if "shutdown" in asked.line else Said({"status": "running"})

    with watched(state, answer) as (made, api):
        made.ledger.complete(made.ledger.intend("test_it"), "dbx_1")
        assert api.asked == []
    assert {line for line in api.lines() if line.startswith("POST")} == {
        "POST /v1/devboxes/dbx_1/shutdown?force=true"
    }
    assert next(answers, None) is None


@pytest.mark.parametrize("code", [400, 404])
def test_a_devbox_that_has_ended_already_counts(state: Path, code: int) -> None:
    def answer(asked: Asked) -> Said:
        return Said({"message": "no"}, code) if "shutdown" in asked.line else SHUTDOWN

    with watched(state, answer) as (made, _):
        made.ledger.complete(made.ledger.intend("test_it"), "dbx_1")


def test_devboxes_without_an_id_are_found_by_their_metadata_on_later_pages(state: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.line.startswith("POST"):
            return SHUTDOWN
        later = "starting_after=dbx_other" in asked.line
        metadata = damaged.metadata if later else {}
        views = [{"id": "dbx_1" if later else "dbx_other", "status": "running", "metadata": metadata}]
        return Said({"devboxes": [{**views[0], "create_time_ms": damaged.written_ms}], "has_more": not later})

    with watched(state, answer) as (made, api):
        damaged = made.ledger.intend("test_it")
        (made.path / "devboxes" / f"{damaged.key}.json").write_text("{")
    assert api.lines()[-1] == "POST /v1/devboxes/dbx_1/shutdown?force=true"


def test_a_devbox_that_is_kept_is_not_ended_though_its_entry_is_there_still(state: Path) -> None:
    with watched(state, lambda _: SHUTDOWN) as (made, api):
        for devbox in ("dbx_1", "dbx_2"):
            made.ledger.complete(made.ledger.intend("test_it"), devbox)
        made.run.kept.add(Keep("dbx_2", "", "test_it", "it failed", 0, None))
        until(lambda: len(list(made.ledger)) == 2, "the entries")
        made.run.close(keep=True)
        until(lambda: not list(made.ledger), "the watcher's work")
        until(lambda: not processes_that_know(str(made.path)), "the end of the watcher")
        assert [keep.devbox for keep in kept_in(made.path)] == ["dbx_2"]
        made.path.rename(state / "looked at")
    assert api.lines() == ["POST /v1/devboxes/dbx_1/shutdown?force=true"]


def test_the_key_goes_to_no_other_server(state: Path) -> None:
    with stub(lambda _: SHUTDOWN) as other:

        def answer(asked: Asked) -> Said:
            moved = "shutdown" in asked.line and len(api.asked) == 1
            return Said({}, 302, location=f"{other.base_url}/elsewhere") if moved else SHUTDOWN

        with watched(state, answer) as (made, api):
            made.ledger.complete(made.ledger.intend("test_it"), "dbx_1")
    assert other.asked == []


def test_it_ends_at_once_and_asks_nobody_when_the_run_ends_in_order(state: Path) -> None:
    with watched(state, lambda _: SHUTDOWN) as (made, api):
        made.ledger.intend("test_it")
        made.run.close(keep=False)
        until(lambda: not processes_that_know(str(made.path)), "the end of the watcher")
    assert api.asked == []


def test_it_has_nothing_of_the_run_but_its_lock_and_shows_no_secret(remote: Remote) -> None:
    remote.suite.environment["TOKEN_OF_THE_TESTS"] = "tok_of_the_tests"
    remote.suite.write(
        """
import json, pathlib

def test_it(devbox):
    [told] = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"]).glob("runs/*/watcher.json")
    process = pathlib.Path("/proc") / str(json.loads(told.read_text())["pid"])
    visible = (process / "cmdline").read_text() + (process / "environ").read_text()
    assert "watcher/program.py" in visible
    assert os.environ["RUNLOOP_API_KEY"] not in visible
    assert os.environ["TOKEN_OF_THE_TESTS"] not in visible
    assert {str((process / "fd" / name).readlink()) for name in os.listdir(process / "fd")} == {
        "/dev/null", str(told.with_name("owner.lock"))
    }
    assert str((process / "cwd").readlink()) == "/"
    assert os.getsid(int(process.name)) not in (os.getsid(0), int(process.name))
    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    assert int(parent) != os.getpid()
    modules = (process / "maps").read_text()
    assert "_ssl" not in modules
    assert "pydantic" not in modules
"""
    )
    remote.suite.run("-p", "no:xdist").assert_outcomes(passed=1)


def test_signals_that_end_a_run_do_not_end_its_watcher(state: Path) -> None:
    with watched(state, lambda _: SHUTDOWN) as (made, _):
        ignored = int(_field(made.process / "status", "SigIgn"), 16)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            assert ignored & 1 << number - 1


@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n1",)])
def test_another_is_started_in_place_of_one_that_was_killed_and_does_its_work(
    remote: Remote, workers: tuple[str, ...]
) -> None:
    remote.suite.write(
        """
import time

def test_it(devbox):
    open("inside", "w").write("x")
    time.sleep(600)
"""
    )
    run = remote.suite.start(*workers)
    remote.suite.await_file("inside")
    [killed] = remote.suite.watchers
    os.kill(killed, signal.SIGKILL)
    until(lambda: remote.suite.watchers != [killed], "another watcher")
    os.killpg(run.pid, signal.SIGKILL)
    remote.suite.output(run)
    remote.await_living(0)


@pytest.mark.parametrize(("python", "reason"), [("/none/python", "*'/none/python'"), ("", "which Python*")])
def test_a_run_without_a_watcher_goes_on_and_says_so(remote: Remote, python: str, reason: str) -> None:
    remote.suite.write(f"import sys\nsys.executable = {python!r}\ndef test_it(devbox): pass\n")
    result = remote.suite.run("-p", "no:xdist")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"no watcher could be started: * for 10 minutes here ({reason})"])


def _field(path: Path, name: str) -> str:
    return next(line.split()[1] for line in path.read_text().splitlines() if line.startswith(name))
