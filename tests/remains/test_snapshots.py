"""`pytest-runloop snapshots`, as a user types it."""

from __future__ import annotations

import json

import pytest

from pytest_runloop import Devbox
from pytest_runloop.session.ledger import RUN_KEY, TEST_KEY

from .conftest import World


def taken(devbox: Devbox, run: str, test: str) -> str:
    """Take a snapshot as a run does."""
    return devbox.snapshot_disk(metadata={RUN_KEY: run, TEST_KEY: test}).id


def test_what_is_chosen_of_the_runs_snapshots_is_deleted_and_nothing_else(world: World) -> None:
    client = world.service.client
    devbox = client.devbox.create()
    theirs = devbox.snapshot_disk(metadata={TEST_KEY: "looks like one"}).id
    old = taken(devbox, "run-1", "test_it.py::test_a[\x1b]")
    news = [taken(devbox, "run-2", "test_it.py::test_a[\x1b]") for _ in range(2)]
    other = taken(devbox, "run-2", "test_it.py::test_b")
    started = client.snapshot.from_id(other).create_devbox()
    world.made += [devbox.id, started.id]

    def left() -> set[str]:
        return {one["id"] for one in json.loads(world.command("snapshots", "--json")[1])["snapshots"]}

    status, told, errors = world.command("snapshots", "--yes")
    assert (status, told, "say which" in errors) == (2, "", True)
    status, told, _ = world.command("snapshots", "--keep-last", "1")
    assert (status, f"would delete {old}" in told, "1 chosen, 0 deleted" in told) == (0, True, True)
    assert "\x1b" not in told
    assert left() == {old, *news, other}
    assert world.command("snapshots", "--keep-last", "1", "--yes")[0] == 0
    assert world.command("snapshots", "--older", "1d", "--yes")[0] == 0
    assert left() == {*news, other}
    status, told, _ = world.command("snapshots", "--older", "0s", "--yes")
    assert (status, left()) == (1, {other})
    assert f"not deleted: devbox {started.id}, which is running, started from it" in told
    started.shutdown()
    assert world.command("snapshots", "--test", "*::test_[b]", "--yes")[0] == 0
    assert left() == set()
    assert client.snapshot.from_id(theirs).get_info().status == "complete"


def test_a_service_that_does_not_answer_is_a_failure_that_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLOOP_BASE_URL", "http://127.0.0.1:9")
    status, told, _ = world.command("snapshots")
    assert (status, "Not looked at: http://127.0.0.1:9: " in told) == (1, True)
