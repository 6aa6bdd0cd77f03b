"""`pytest-runloop snapshots`, as a user types it."""

from __future__ import annotations

import json

import pytest

from pytest_runloop import Devbox
from pytest_runloop.session import backend
from pytest_runloop.session.ledger import RUN_KEY, TEST_KEY

from .conftest import World


def taken(devbox: Devbox, run: str, test: str) -> str:
    """Take a snapshot as a run does."""
    return devbox.snapshot_disk(metadata={RUN_KEY: run, TEST_KEY: test}).id


def left(world: World) -> set[str]:
    """Return the ids of the snapshots that are listed."""
    return {one["id"] for one in json.loads(world.command("snapshots", "--json")[1])["snapshots"]}


def test_what_is_chosen_of_the_runs_snapshots_is_deleted_and_nothing_else(world: World) -> None:
    client = world.service.client
    devbox = client.devbox.create()
    theirs = devbox.snapshot_disk(metadata={TEST_KEY: "looks like one"}).id
    old = taken(devbox, "run-1", "test_it.py::test_a[\x1b]")
    news = [taken(devbox, "run-2", "test_it.py::test_a[\x1b]") for _ in range(2)]
    other = taken(devbox, "run-2", "test_it.py::test_b")
    started = client.snapshot.from_id(other).create_devbox()
    world.made += [devbox.id, started.id]

    status, told, errors = world.command("snapshots", "--yes")
    assert (status, told, "say which" in errors) == (2, "", True)
    status, told, _ = world.command("snapshots", "--keep-last", "1")
    assert (status, f"would delete {old}" in told, "1 chosen, 0 deleted" in told) == (0, True, True)
    assert told.count("because it is of the newest run of its test") == 3
    assert "\x1b" not in told
    assert left(world) == {old, *news, other}
    assert world.command("snapshots", "--keep-last", "1", "--yes")[0] == 0
    assert world.command("snapshots", "--older", "1d", "--yes")[0] == 0
    assert left(world) == {*news, other}
    status, told, _ = world.command("snapshots", "--older", "0s", "--yes")
    assert (status, left(world)) == (1, {other})
    assert f"because devbox {started.id}, which is running, started from it" in told
    started.shutdown()
    assert world.command("snapshots", "--test", "*::test_[b]", "--yes")[0] == 0
    assert left(world) == set()
    assert client.snapshot.from_id(theirs).get_info().status == "complete"


def test_ids_choose_precisely_these_and_one_that_is_no_run_s_refuses_all(world: World) -> None:
    client = world.service.client
    living = world.run()
    devbox = client.devbox.create()
    world.made.append(devbox.id)
    theirs = devbox.snapshot_disk().id
    one, other = taken(devbox, "run-1", "test_a"), taken(devbox, "run-1", "test_a")
    of_living = taken(devbox, living.id, "test_a")

    wrong = one[:-1] + ("0" if one[-1] != "0" else "1")
    for given, expected in (
        ([one, theirs], f"snapshot {theirs} was not taken by a run of pytest"),
        ([one, wrong], f"no run left a snapshot '{wrong}', did you mean `{one}`?"),
        ([one, "--test", "test_a"], "give either ids, or"),
        (["--test", ""], "--test is empty"),
    ):
        status, told, errors = world.command("snapshots", "--yes", *given)
        assert (status, told, expected in errors) == (2, "", True), errors
    assert left(world) == {one, other, of_living}
    status, told, _ = world.command("snapshots", one)
    assert (status, f"would delete {one}" in told, other in told) == (0, True, False)
    assert world.command("snapshots", "--yes", one)[0] == 0
    status, told, _ = world.command("snapshots", "--test", "test_a", "--yes")
    assert (status, f"because run {living.id}, which took it, lives" in told) == (1, True)
    assert left(world) == {of_living}
    for snapshot in (theirs, of_living):
        client.snapshot.from_id(snapshot).delete()


def test_those_of_this_machine_are_listed_and_deleted_whatever_isolation_can_be_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNLOOP_API_KEY")
    monkeypatch.delenv("RUNLOOP_BASE_URL")
    monkeypatch.setenv("RUNLOOP_ISOLATION", "process")
    run = world.run()
    devbox = world.devbox_of(run)
    world.made.clear()
    with backend.connect(run) as client:
        snapshot = taken(client.devbox.from_id(devbox), run.id, "test_it")
    run.close(keep=False)
    monkeypatch.setenv("RUNLOOP_ISOLATION", "cannot-be-had")
    status, told, _ = world.command("snapshots", "--yes", snapshot)
    assert (status, f"deleted {snapshot}" in told) == (0, True), told


def test_a_service_that_does_not_answer_is_a_failure_that_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLOOP_BASE_URL", "http://127.0.0.1:9")
    status, told, _ = world.command("snapshots")
    assert (status, "Not looked at: http://127.0.0.1:9: " in told) == (1, True)
