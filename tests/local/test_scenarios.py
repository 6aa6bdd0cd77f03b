"""Scenarios and their runs: how they are kept, begun and ended."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .evaluation import command, created, function, run_of, scenario, scored, settled, started
from .running import Inside, server, start


def test_a_scenario_is_kept_as_it_was_given(api: httpx.Client) -> None:
    given = scenario(
        input_context={"problem_statement": "p", "additional_context": {"any": ["thing"]}},
        environment_parameters={"working_directory": "w"},
        metadata={"k": "v"},
        reference_output="diff",
        required_environment_variables=["A"],
        required_secret_names=["S"],
        validation_type="FORWARD",
        scorer_timeout_sec=60,
    )
    view = ok(api.post("/v1/scenarios", json=given))
    environment = view.pop("environment")
    assert environment["working_directory"] == given.pop("environment_parameters")["working_directory"]
    assert {key: view[key] for key in given} == given
    assert (view["status"], view["is_public"]) == ("active", False)
    assert ok(api.get(f"/v1/scenarios/{view['id']}"))["input_context"] == given["input_context"]


def test_an_update_replaces_what_is_given_and_null_changes_nothing(api: httpx.Client) -> None:
    identifier = created(api, metadata={"k": "v"}, reference_output="old")
    path = f"/v1/scenarios/{identifier}"
    changes: dict[str, Any] = {
        "name": "renamed",
        "metadata": {},
        "reference_output": None,
        "input_context": {"additional_context": 7},
        "scoring_contract": {"scoring_function_parameters": [function(command("false"))]},
        "environment_parameters": {"working_directory": "w"},
    }
    view = ok(api.post(path, json=changes))
    assert view == ok(api.get(path))
    assert (view["name"], view["metadata"], view["reference_output"]) == ("renamed", {}, "old")
    assert view["input_context"] == {"problem_statement": "Do it.", "additional_context": 7}
    assert view["scoring_contract"] == changes["scoring_contract"]
    assert view["environment"]["working_directory"] == "w"
    assert ok(api.post(path, json={"scoring_contract": {"scoring_function_parameters": None}})) == view


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "`name`"),
        ({"environment_parameters": {"blueprint_id": "b", "snapshot_id": "s"}}, "one source"),
        ({"environment_parameters": {"working_directory": "a\0"}}, "working_directory"),
        ({"validation_type": "SIDEWAYS"}, "validation_type"),
        ({"scorer_timeout_sec": 0}, "scorer_timeout_sec"),
        ({"input_context": {}}, "problem_statement"),
        ({"unheard": 1}, "unheard"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_what_cannot_be_a_scenario_is_refused_and_changes_none(
    api: httpx.Client, wrong: dict[str, Any], words: str
) -> None:
    refused(api.post("/v1/scenarios", json={**scenario(), **wrong}), 400, "invalid_request", words)
    if "input_context" not in wrong:
        path = f"/v1/scenarios/{created(api)}"
        before = ok(api.get(path))
        refused(api.post(path, json=wrong), 400, "invalid_request", words)
        assert ok(api.get(path)) == before


@pytest.mark.parametrize("value", [f"{'[' * 150}1{']' * 150}", '{"a": 1e400}'], ids=["deep", "infinite"])
def test_free_json_that_could_not_be_kept_is_refused_and_the_rest_stays_readable(
    api: httpx.Client, value: str
) -> None:
    text = json.dumps(scenario(input_context={"problem_statement": "p", "additional_context": "HERE"}))
    answer = api.post("/v1/scenarios", content=text.replace('"HERE"', value))
    refused(answer, 400, "invalid_request", "input_context.additional_context")
    assert ok(api.get("/v1/scenarios?limit=1"))["has_more"] in (True, False)


def test_free_json_is_kept_to_the_last_digit(api: httpx.Client) -> None:
    deep = json.loads(f"{'[' * 90}{'1' * 4000}{']' * 90}")
    context = {"problem_statement": "p", "additional_context": {"deep": deep, "text": "ä\u0001"}}
    view = ok(api.get(f"/v1/scenarios/{created(api, input_context=context)}"))
    assert view["input_context"] == context


def test_unknown_ids_are_not_found(api: httpx.Client) -> None:
    for verb, path in [
        ("GET", "scn_none"),
        ("POST", "scn_none"),
        ("POST", "scn_none/archive"),
        ("POST", "scn_none/unarchive"),
        ("GET", "scn_none/runs"),
        ("GET", "runs/scr_none"),
        ("POST", "runs/scr_none/score"),
        ("POST", "runs/scr_none/complete"),
        ("POST", "runs/scr_none/cancel"),
        ("POST", "runs/scr_none/download_logs"),
    ]:
        refused(api.request(verb, f"/v1/scenarios/{path}"), 404, "not_found", "_none")
    answer = api.post("/v1/scenarios/start_run", json={"scenario_id": "scn_none"})
    refused(answer, 400, "invalid_request", "`scenario_id`", "scn_none")


def test_lists_have_names_parts_of_them_pages_and_nothing_archived(api: httpx.Client) -> None:
    ids = [created(api, name=f"listed-{number}", validation_type="REVERSE") for number in range(3)]
    ok(api.post(f"/v1/scenarios/{ids[1]}/archive"))

    def listed(query: str) -> list[str]:
        return [each["id"] for each in ok(api.get(f"/v1/scenarios?{query}"))["scenarios"]]

    assert listed("search=listed-") == [ids[2], ids[0]] == listed("validation_type=REVERSE")
    assert listed("name=listed-0") == [ids[0]] == listed(f"search={ids[0]}")
    assert listed("name=listed-") == listed("name=listed-1") == []
    assert listed(f"search=listed-&limit=1&starting_after={ids[2]}") == [ids[0]]
    archived = ok(api.get(f"/v1/scenarios/{ids[1]}"))
    assert archived["status"] == "archived"
    refused(api.post(f"/v1/scenarios/{ids[1]}", json={"name": "n"}), 400, "scenario_archived", "unarchive")
    ok(api.post(f"/v1/scenarios/{ids[1]}/unarchive"))
    assert listed("name=listed-1") == [ids[1]]
    assert ok(api.get("/v1/scenarios/list_public"))["scenarios"] == []


def test_a_run_has_what_scenario_and_profile_say(api: httpx.Client) -> None:
    launch = {"launch_commands": ["echo launched > log"], "keep_alive_time_seconds": 600}
    identifier = created(api, environment_parameters={"launch_parameters": launch}, name="the-scenario")
    profile = {
        "purpose": "to see",
        "envVars": {"A": "b"},
        "launchParameters": {"keep_alive_time_seconds": 700},
        "mounts": [{"type": "file_mount", "target": "mounted", "content": "text"}],
    }
    run, box = started(api, identifier, runProfile=profile, run_name="n", metadata={"k": "v"})
    assert (run["state"], run["name"], run["purpose"]) == ("running", "n", "to see")
    assert (run["scenario_id"], run["metadata"], run["environment_variables"]) == (
        identifier,
        {"k": "v"},
        {"A": "b"},
    )
    assert run["scoring_contract_result"] is run["duration_ms"] is run["benchmark_run_id"] is None
    assert box.text('cat log mounted; echo "$A"') == "launched\ntextb\n"
    view = box.view()
    assert (view["name"], view["initiator_type"], view["initiator_id"]) == ("n", "scenario", run["id"])
    assert view["launch_parameters"]["keep_alive_time_seconds"] == 700
    done = ok(api.post(f"/v1/scenarios/runs/{run['id']}/complete"))
    assert done == run_of(api, run)
    assert (done["state"], done["scoring_contract_result"]) == ("completed", None)
    assert done["duration_ms"] >= 0


def test_a_run_starts_from_a_snapshot_or_a_blueprint(api: httpx.Client) -> None:
    box = Box.create(api)
    box.text("echo kept > file")
    snapshot = ok(box.post("snapshot_disk"))["id"]
    box.end()
    run, copy = started(api, created(api, environment_parameters={"snapshot_id": snapshot}))
    assert copy.text("cat file") == "kept\n"
    assert copy.view()["snapshot_id"] == snapshot
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))
    for source in ("blueprint_id", "snapshot_id"):
        body = {"scenario_id": created(api, environment_parameters={source: "none"})}
        refused(api.post("/v1/scenarios/start_run", json=body), 400, "invalid_request", f"`{source}`")


def test_what_a_scenario_requires_must_be_there(api: httpx.Client) -> None:
    ok(api.post("/v1/secrets", json={"name": "REQUIRED", "value": "v-of-required"}))
    identifier = created(
        api, required_environment_variables=["A", "B"], required_secret_names=["TOKEN", "REQUIRED"]
    )
    body: dict[str, Any] = {"scenario_id": identifier, "runProfile": {"envVars": {"A": "1"}}}
    before = ok(api.get("/v1/devboxes?limit=1"))["devboxes"][0]["id"]
    message = refused(
        api.post("/v1/scenarios/start_run", json=body), 400, "invalid_request", "`B`", "`TOKEN`"
    )
    assert "`A`" not in message
    assert ok(api.get("/v1/devboxes?limit=1"))["devboxes"][0]["id"] == before
    body["runProfile"] = {"envVars": {"A": "1", "B": "2"}, "secrets": {"TOKEN": "MISSING"}}
    refused(api.post("/v1/scenarios/start_run", json=body), 400, "invalid_request")
    run, box = started(
        api, identifier, runProfile={"envVars": {"A": "1", "B": "2"}, "secrets": {"TOKEN": "REQUIRED"}}
    )
    assert box.text('echo "$TOKEN"') == "v-of-required\n"
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))
    ok(api.post("/v1/secrets/REQUIRED/delete"))


def test_runs_are_listed_by_scenario_state_and_name(api: httpx.Client) -> None:
    identifier = created(api)
    first, _ = started(api, identifier, run_name="first")
    second, _ = started(api, identifier, run_name="second")
    ok(api.post(f"/v1/scenarios/runs/{first['id']}/cancel"))

    def listed(query: str) -> list[str]:
        return [each["id"] for each in ok(api.get(query))["runs"]]

    mine = f"/v1/scenarios/runs?scenario_id={identifier}"
    assert listed(mine) == [second["id"], first["id"]] == listed(f"/v1/scenarios/{identifier}/runs")
    assert listed(f"{mine}&state=canceled") == [first["id"]] == listed(f"{mine}&name=first")
    assert listed(f"{mine}&search=seco") == [second["id"]] == listed(f"{mine}&limit=1")
    refused(api.get(f"{mine}&state=asleep"), 400, "invalid_request", "`state`")
    ok(api.post(f"/v1/scenarios/runs/{second['id']}/cancel"))


def test_what_its_state_does_not_allow_is_refused_with_the_state(api: httpx.Client) -> None:
    run, box = started(api, created(api, function(command("while [ ! -e go ]; do sleep 0.01; done"))))
    path = f"/v1/scenarios/runs/{run['id']}"
    assert ok(api.post(f"{path}/score"))["state"] == "scoring"
    refused(api.post(f"{path}/score"), 400, "wrong_state", "`scoring`", "wait")
    refused(api.post(f"{path}/complete"), 400, "wrong_state", "`scoring`", "wait")
    box.text("touch go")
    while run_of(api, run)["state"] == "scoring":
        time.sleep(0.01)
    assert run_of(api, run)["state"] == "scored"
    ok(api.post(f"{path}/complete"))
    for call in ("score", "complete", "cancel"):
        refused(api.post(f"{path}/{call}"), 400, "wrong_state", "`completed`")


def test_a_run_that_is_scored_can_be_cancelled_and_its_scoring_broken_off(api: httpx.Client) -> None:
    run, box = started(api, created(api, function(command("touch begun; sleep 600"))))
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/score"))
    while box.run("test -e begun")["exit_status"]:
        time.sleep(0.01)
    assert ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))["state"] == "canceled"
    assert box.view()["status"] == "shutdown"
    other, _ = started(api, created(api))
    scored(api, other)
    ok(api.post(f"/v1/scenarios/runs/{other['id']}/cancel"))
    for each in (run, other):
        assert run_of(api, each)["state"] == "canceled"


def test_a_run_whose_devbox_does_not_run_cannot_be_scored(api: httpx.Client) -> None:
    run, box = started(api, created(api))
    ok(box.post("suspend"))
    box.wait("suspended")
    answer = api.post(f"/v1/scenarios/runs/{run['id']}/score")
    refused(answer, 400, "devbox_not_running", "resume")
    assert run_of(api, run)["state"] == "running"
    box.end()
    assert run_of(api, run)["state"] == "failed"


def test_a_run_fails_with_its_devbox(api: httpx.Client) -> None:
    launch = {"launch_commands": ["echo told-in-the-log; exit 1"]}
    identifier = created(api, environment_parameters={"launch_parameters": launch})
    run = ok(api.post("/v1/scenarios/start_run", json={"scenario_id": identifier}))
    assert Box(api, run["devbox_id"]).wait("failure")
    assert run_of(api, run)["state"] == "failed"
    logs = api.post(f"/v1/scenarios/runs/{run['id']}/download_logs").content
    with zipfile.ZipFile(io.BytesIO(logs)) as archive:
        assert b"told-in-the-log" in archive.read("devbox.jsonl")


def test_the_logs_of_a_run_are_a_zip_file_during_it_and_after_it(api: httpx.Client) -> None:
    run, box = started(api, created(api, function(command("echo from-the-scorer"), name="asking")))
    box.text("echo from-a-command")
    scored(api, run)

    def logs() -> zipfile.ZipFile:
        answer = api.post(f"/v1/scenarios/runs/{run['id']}/download_logs")
        assert answer.headers["content-type"] == "application/zip"
        assert "scenario_run_logs.zip" in answer.headers["content-disposition"]
        return zipfile.ZipFile(io.BytesIO(answer.content))

    during = logs()
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/complete"))
    for archive in (during, logs()):
        assert archive.testzip() is None
        assert archive.read("scoring/01-asking.log") == b"from-the-scorer\n"
        assert json.loads(archive.read("scenario_run.json"))["id"] == run["id"]
        lines = [json.loads(line) for line in archive.read("devbox.jsonl").splitlines()]
        assert any("echo from-a-command" in (line["cmd"] or "") for line in lines)
        assert any("asking scored 1" in line["message"] for line in lines)


async def _start(within: Inside, **more: Any) -> dict[str, Any]:
    made = (await within.api.post("/v1/scenarios", json=scenario(**more.pop("scenario", {})))).json()
    body = {"scenario_id": made["id"], **more}
    run: dict[str, Any] = (await within.api.post("/v1/scenarios/start_run", json=body)).json()
    await within.reach(run["devbox_id"], "running")
    return run


def _in_home(within: Inside, run: dict[str, Any], name: str) -> Path:
    box = within.backend.devbox(run["devbox_id"]).box
    assert box is not None
    return Path(box.home, name)


async def _now(within: Inside, run: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = (await within.api.get(f"/v1/scenarios/runs/{run['id']}")).json()
    return view


@pytest.mark.asyncio
async def test_scoring_that_takes_too_long_is_ended_with_its_run(within: Inside) -> None:
    functions = [
        function(command("true"), 0.25, "quick"),
        function(command("touch begun; sleep 600"), 0.5, "slow"),
        function(command("true"), 0.25, "late"),
    ]
    contract = {"scoring_function_parameters": functions}
    run = await _start(within, scenario={"scoring_contract": contract, "scorer_timeout_sec": 60})
    await within.api.post(f"/v1/scenarios/runs/{run['id']}/score")
    while not _in_home(within, run, "begun").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await within.clock.advance(59)
    assert (await _now(within, run))["state"] == "scoring"
    await within.clock.advance(1)
    view = await settled(within, run)
    assert (view["state"], view["duration_ms"]) == ("timeout", 60_000)
    found = view["scoring_contract_result"]
    assert found["score"] == 0.25
    assert [each["state"] for each in found["scoring_function_results"]] == ["complete", "error", "error"]
    assert "time for scoring is over" in found["scoring_function_results"][1]["output"]
    assert (await within.view(run["devbox_id"]))["status"] == "shutdown"


@pytest.mark.asyncio
async def test_a_run_whose_devbox_lives_too_long_is_timed_out(within: Inside) -> None:
    run = await _start(within, runProfile={"launchParameters": {"keep_alive_time_seconds": 100}})
    await within.clock.advance(100)
    assert (await within.view(run["devbox_id"]))["shutdown_reason"] == "keep_alive_timeout"
    view = await _now(within, run)
    assert (view["state"], view["duration_ms"]) == ("timeout", 100_000)


@pytest.mark.asyncio
async def test_scoring_keeps_a_devbox_from_being_idle(within: Inside) -> None:
    idle = {"after_idle": {"idle_time_seconds": 50, "on_idle": "shutdown"}}
    waiting = function(command("while [ ! -e go ]; do sleep 0.01; done"))
    run = await _start(
        within,
        scenario={"scoring_contract": {"scoring_function_parameters": [waiting]}},
        runProfile={"launchParameters": idle},
    )
    await within.api.post(f"/v1/scenarios/runs/{run['id']}/score")
    await within.clock.advance(100)
    assert (await within.view(run["devbox_id"]))["status"] == "running"
    _in_home(within, run, "go").touch()
    view = await settled(within, run)
    assert view["state"] == "scored"


def test_a_run_is_led_by_the_server_that_its_devbox_lives_in(tmp_path: Path) -> None:
    with server(tmp_path) as first, first.client() as api, server(tmp_path) as second:
        run, box = started(api, created(api))
        with second.client() as other:
            assert run_of(other, run) == run
            for call in ("score", "complete", "cancel"):
                answer = other.post(f"/v1/scenarios/runs/{run['id']}/{call}")
                refused(answer, 400, "invalid_request", "another server")
        assert box.view()["status"] == "running"
        ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))


def test_records_outlive_the_server_and_runs_of_a_killed_one_have_failed(tmp_path: Path) -> None:
    killed = start(tmp_path)
    try:
        with killed.client() as api:
            identifier = created(api)
            kept, _ = started(api, identifier)
            scored(api, kept)
            done = ok(api.post(f"/v1/scenarios/runs/{kept['id']}/complete"))
            lost, _ = started(api, identifier)
            view = ok(api.get(f"/v1/scenarios/{identifier}"))
            logs = api.post(f"/v1/scenarios/runs/{kept['id']}/download_logs").content
    finally:
        killed.process.kill()
        killed.process.wait()
        assert killed.process.stdout is not None
        killed.process.stdout.close()
    with server(tmp_path) as next_one, next_one.client() as api:
        assert ok(api.get(f"/v1/scenarios/{identifier}")) == view
        assert run_of(api, kept) == done
        assert run_of(api, lost)["state"] == "failed"
        assert api.post(f"/v1/scenarios/runs/{kept['id']}/download_logs").content == logs
        refused(api.post(f"/v1/scenarios/runs/{lost['id']}/score"), 400, "wrong_state", "`failed`")
