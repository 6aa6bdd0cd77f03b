"""`pytest-runloop ps` and `pytest-runloop sweep`, as a user types them."""

from __future__ import annotations

import json

import pytest

from pytest_runloop.session import backend, server
from pytest_runloop.session.ledger import ENTRY_KEY, RUN_KEY
from tests.plugin.service import KEY

from .conftest import World


def test_ps_tells_runs_that_live_from_dead_ones_and_from_those_of_other_machines(world: World) -> None:
    living = world.run()
    lives = world.devbox_of(living)
    path, left = world.dead_run()
    elsewhere, far = world.run_elsewhere()
    found = world.ps()
    assert {run: (found[run]["fate"], found[run]["devboxes"][0]["id"]) for run in found} == {
        living.id: ("living", lives),
        path.name: ("dead", left),
        elsewhere: ("unknown", far),
    }
    [box] = found[path.name]["devboxes"]
    assert (box["test"], box["status"]) == ("test_it", "running")
    assert box["until_ms"] - box["since_ms"] == 3_600_000
    status, told, _ = world.command("ps")
    assert status == 0
    assert f"run {path.name} is dead" in told
    assert "it may live on another" in told
    assert "\x1b" not in told
    assert "3 devboxes of 3 runs" in told


def test_ps_writes_nothing_and_needs_neither_a_key_nor_a_state_directory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNLOOP_API_KEY")
    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(world.state / "none"))
    status, told, _ = world.command("ps")
    assert status == 0
    assert told.splitlines()[0] == "no devboxes of no runs"
    assert "RUNLOOP_API_KEY is not set" in told
    assert not (world.state / "none").exists()


def test_without_a_key_what_a_dead_run_wrote_down_is_told_and_a_sweep_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, left = world.dead_run()
    monkeypatch.delenv("RUNLOOP_API_KEY")
    assert left in world.command("ps")[1]
    status, told, _ = world.command("sweep", "--yes")
    assert (status, "NOT SWEPT" in told, "RUNLOOP_API_KEY is not set" in told) == (1, True, True)
    assert path.exists()
    monkeypatch.setenv("RUNLOOP_API_KEY", "ak_of_somebody_else")
    assert world.command("sweep", "--yes")[0] == 1
    assert world.lives(left)


def test_a_sweep_ends_nothing_unless_told_and_then_only_what_is_dead(world: World) -> None:
    lives = world.devbox_of(world.run())
    path, left = world.dead_run()
    _, far = world.run_elsewhere()
    status, told, _ = world.command("sweep")
    assert (status, f"would end {left}" in told, world.lives(left)) == (0, True, True)
    status, told, _ = world.command("sweep", "--yes")
    assert status == 0
    assert f"ended {left}" in told
    assert "1 ended, 0 not confirmed." in told
    assert "ended only by name" in told
    assert [world.lives(box) for box in (lives, left, far)] == [True, False, True]
    assert not path.exists()
    assert world.command("sweep", "--yes")[1].startswith("0 ended")


def test_a_run_that_is_named_is_ended_wherever_it_is_and_whether_it_lives(world: World) -> None:
    living = world.run()
    lives = world.devbox_of(living)
    path, left = world.dead_run()
    elsewhere, far = world.run_elsewhere()
    assert world.command("sweep", "--yes", elsewhere)[0] == 0
    assert [world.lives(box) for box in (lives, left, far)] == [True, True, False]
    assert world.command("sweep", "--yes", living.id, path.name)[0] == 0
    assert [world.lives(box) for box in (lives, left)] == [False, False]
    assert (living.path.exists(), path.exists()) == (True, False)
    assert list(living.ledger) == []


def test_a_run_that_is_not_known_is_an_error_that_names_the_nearest(world: World) -> None:
    path, left = world.dead_run()
    wrong = path.name[:-1] + ("0" if path.name[-1] != "0" else "1")
    status, told, errors = world.command("sweep", "--yes", wrong)
    assert (status, told) == (2, "")
    assert f"no run '{wrong}'" in errors
    assert f"did you mean `{path.name}`?" in errors
    assert world.lives(left)


def test_a_devbox_whose_id_never_came_is_found_and_ended(world: World) -> None:
    run = world.run()
    devbox = world.devbox_of(run)
    [entry] = run.ledger
    run.ledger.complete(entry, None)  # type: ignore[arg-type]
    path = run.path
    run.close(keep=True)
    assert [box["id"] for box in world.ps()[path.name]["devboxes"]] == [devbox]
    assert world.command("sweep", "--yes")[0] == 0
    assert not world.lives(devbox)


def test_a_server_that_does_not_answer_is_said_and_nothing_of_it_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, left = world.dead_run()
    account = path / "account.json"
    known = account.read_text()
    account.write_text(json.dumps({**json.loads(known), "base_url": "http://127.0.0.1:9"}))
    monkeypatch.setattr(backend, "_QUICK", {"timeout": 2.0, "max_retries": 0})
    assert world.command("ps")[0] == 1
    status, told, _ = world.command("sweep", "--yes")
    assert (status, "http://127.0.0.1:9" in told) == (1, True)
    assert path.exists()
    account.write_text(known)
    assert world.command("sweep", "--yes")[0] == 0
    assert not world.lives(left)


def test_metadata_that_names_a_file_removes_none(world: World) -> None:
    path, _ = world.dead_run()
    victim = world.state / "victim.json"
    victim.write_text("{}")
    metadata = {RUN_KEY: path.name, ENTRY_KEY: "../../../victim"}
    world.made.append(world.service.client.devbox.create(metadata=metadata).id)
    status, told, _ = world.command("sweep", "--yes")
    assert (status, "2 ended" in told, victim.exists()) == (0, True, True)


def test_the_local_backend_of_a_run_is_looked_at_too_and_ends_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNLOOP_API_KEY")
    monkeypatch.delenv("RUNLOOP_BASE_URL")
    monkeypatch.setenv("RUNLOOP_ISOLATION", "process")
    run = world.run()
    world.devbox_of(run)
    world.made.clear()
    found = world.ps()[run.id]
    assert (found["fate"], found["where"], len(found["devboxes"])) == ("living", "local backend", 1)
    running = server.load(run.path / "backend.json")
    assert running is not None
    assert running.api_key not in world.command("ps")[1] + world.command("ps", "--json")[1]
    assert world.command("sweep", "--yes", run.id)[0] == 0
    assert not server.alive(running)


def test_a_single_devbox_of_a_run_that_lives_is_ended_only_with_the_name_of_its_run(world: World) -> None:
    living = world.run()
    lives = world.devbox_of(living)
    path, left = world.dead_run()
    _, far = world.run_elsewhere()
    status, told, errors = world.command("sweep", "--yes", "--devbox", left, "--devbox", lives)
    assert (status, told) == (2, "")
    assert f"devbox {lives} is in use by run {living.id}, which lives, for test_it" in errors
    assert f"pytest-runloop sweep --yes --devbox {lives} {living.id}" in errors
    status, told, errors = world.command("sweep", "--yes", "--devbox", lives, path.name)
    assert (status, told, f"of run {living.id}, which you do not name" in errors) == (2, "", True)
    assert [world.lives(box) for box in (lives, left, far)] == [True] * 3
    status, told, _ = world.command("sweep", "--devbox", left)
    assert (status, f"would end {left}" in told, "directory" in told) == (0, True, False)
    status, told, _ = world.command("sweep", "--yes", "--devbox", left, "--devbox", far, "--devbox", left)
    assert (status, "2 ended, 0 not confirmed." in told) == (0, True)
    status, told, _ = world.command("sweep", "--yes", "--devbox", lives, living.id)
    assert (status, "1 ended" in told, list(living.ledger)) == (0, True, [])
    assert [world.lives(box) for box in (lives, left, far)] == [False] * 3


def test_what_cannot_be_ended_by_its_id_is_told_as_what_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, left = world.dead_run()
    own = world.service.client.devbox.create().id
    world.made.append(own)

    def told(devbox: str) -> tuple[int, str]:
        status, out, errors = world.command("sweep", "--yes", "--devbox", devbox)
        return status, out + errors

    wrong = left[:-1] + ("0" if left[-1] != "0" else "1")
    status, said = told(wrong)
    assert (status, f"no run has a living devbox '{wrong}', did you mean `{left}`?" in said) == (2, True)
    assert f"{world.service.base_url} does not know it" in said
    status, said = told(own)
    assert (status, f"devbox {own} is running, but no run of pytest made it" in said) == (2, True)
    monkeypatch.delenv("RUNLOOP_API_KEY")
    for devbox, wanted in ((left, 1), (own, 2)):
        status, said = told(devbox)
        assert (status, "RUNLOOP_API_KEY is not set" in said) == (wanted, True)
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    world.service.client.devbox.from_id(left).shutdown()
    status, said = told(left)
    assert (status, f"devbox {left} has ended already (shutdown: api_shutdown)" in said) == (0, True)
    monkeypatch.setattr(backend, "_QUICK", {"timeout": 2.0, "max_retries": 0})
    monkeypatch.setenv("RUNLOOP_BASE_URL", "http://127.0.0.1:9")
    status, said = told(own)
    assert (status, "Not looked at: http://127.0.0.1:9: " in said) == (1, True)
    assert path.exists()
