"""Benchmarks and their runs, under both of their paths."""

from __future__ import annotations

import io
import zipfile
from itertools import count
from typing import Any

import httpx
import pytest

from .box import ok, refused
from .evaluation import bash, command, created, function, run_of, scored, started

_NUMBERS = count()
BOTH = pytest.mark.parametrize("runs", ["/v1/benchmark_runs", "/v1/benchmarks/runs"])


def make(api: httpx.Client, *scenarios: str, **more: Any) -> Any:
    """Create a benchmark."""
    name = f"benchmark-{next(_NUMBERS)}"
    return ok(api.post("/v1/benchmarks", json={"name": name, "scenario_ids": list(scenarios), **more}))


def begin(api: httpx.Client, benchmark: Any, **more: Any) -> Any:
    """Begin a run of a benchmark."""
    return ok(api.post("/v1/benchmarks/start_run", json={"benchmark_id": benchmark["id"], **more}))


def test_a_benchmark_is_kept_changed_and_spelled_as_the_api_has_it(api: httpx.Client) -> None:
    first, second = created(api), created(api)
    about = {"attribution": "a", "description": "d", "metadata": {"k": "v"}, "required_secret_names": ["S"]}
    view = make(api, first, **about)
    assert view["scenarioIds"] == [first]
    assert "scenario_ids" not in view
    assert {key: view[key] for key in about} == about
    path = f"/v1/benchmarks/{view['id']}"
    changed = ok(api.post(path, json={"scenario_ids": [second], "description": None, "metadata": {}}))
    assert changed == ok(api.get(path)) == {**view, "scenarioIds": [second], "metadata": {}}


def test_scenarios_are_put_in_and_taken_out(api: httpx.Client) -> None:
    first, second, third = created(api), created(api), created(api)
    view = make(api, first, second)
    path = f"/v1/benchmarks/{view['id']}/scenarios"
    both = {"scenarios_to_add": [third, second], "scenarios_to_remove": [first]}
    assert ok(api.post(path, json=both))["scenarioIds"] == [second, third]
    for wrong in ({"scenarios_to_add": ["scn_none"]}, {"scenarios_to_remove": [first]}):
        refused(api.post(path, json=wrong), 400, "invalid_request", *(f"`{key}`" for key in wrong))
    listed = ok(api.get(f"/v1/benchmarks/{view['id']}/definitions?limit=1"))
    assert ([each["id"] for each in listed["scenarios"]], listed["has_more"]) == ([second], True)
    rest = ok(api.get(f"/v1/benchmarks/{view['id']}/definitions?starting_after={second}"))
    assert [each["id"] for each in rest["scenarios"]] == [third]
    mine = ok(api.get(f"/v1/scenarios?benchmark_id={view['id']}"))["scenarios"]
    assert [each["id"] for each in mine] == [third, second]
    refused(api.get("/v1/scenarios?benchmark_id=bmd_none"), 400, "invalid_request", "`benchmark_id`")


def test_a_name_is_taken_once_and_no_scenario_may_be_missing(api: httpx.Client) -> None:
    view, other = make(api), make(api)
    taken = {"name": view["name"]}
    refused(api.post("/v1/benchmarks", json=taken), 400, "already_exists", view["name"])
    refused(api.post(f"/v1/benchmarks/{other['id']}", json=taken), 400, "already_exists", view["name"])
    assert ok(api.get(f"/v1/benchmarks/{other['id']}")) == other
    wrong = {"name": "n", "scenario_ids": ["scn_none"]}
    refused(api.post("/v1/benchmarks", json=wrong), 400, "invalid_request", "`scenario_ids`", "scn_none")
    refused(api.post("/v1/benchmarks", json={"name": ""}), 400, "invalid_request", "`name`")
    refused(api.post("/v1/benchmarks", json={}), 400, "invalid_request", "`name`")


def test_archived_benchmarks_are_found_by_id_and_neither_listed_nor_run(api: httpx.Client) -> None:
    view = make(api)
    path = f"/v1/benchmarks/{view['id']}"
    query = f"/v1/benchmarks?name={view['name']}"
    assert ok(api.get(query))["benchmarks"] == [view]
    assert ok(api.post(f"{path}/archive"))["status"] == "archived"
    assert ok(api.get(query))["benchmarks"] == []
    assert ok(api.get(path))["status"] == "archived"
    body = {"benchmark_id": view["id"]}
    refused(api.post("/v1/benchmarks/start_run", json=body), 400, "benchmark_archived", "unarchive")
    assert ok(api.post(f"{path}/unarchive")) == view
    assert ok(api.get(query))["benchmarks"] == [view]
    assert ok(api.get("/v1/benchmarks/list_public"))["benchmarks"] == []


def test_unknown_ids_are_not_found(api: httpx.Client) -> None:
    for verb, path in [
        ("GET", "benchmarks/bmd_none"),
        ("POST", "benchmarks/bmd_none"),
        ("POST", "benchmarks/bmd_none/scenarios"),
        ("POST", "benchmarks/bmd_none/archive"),
        ("GET", "benchmarks/bmd_none/definitions"),
        ("GET", "benchmarks/bmd_none/runs"),
        *(
            (verb, f"{runs}/bmr_none{call}")
            for runs in ("benchmark_runs", "benchmarks/runs")
            for verb, call in [
                ("GET", ""),
                ("GET", "/scenario_runs"),
                ("POST", "/cancel"),
                ("POST", "/complete"),
                ("POST", "/download_logs"),
            ]
        ),
    ]:
        refused(api.request(verb, f"/v1/{path}"), 404, "not_found", "_none")
    answer = api.post("/v1/benchmarks/start_run", json={"benchmark_id": "bmd_none"})
    refused(answer, 400, "invalid_request", "`benchmark_id`")
    body = {"scenario_id": created(api), "benchmark_run_id": "bmr_none"}
    refused(api.post("/v1/scenarios/start_run", json=body), 400, "invalid_request", "`benchmark_run_id`")


@BOTH
def test_a_run_gives_its_profile_to_its_scenarios_and_has_their_mean_score(
    api: httpx.Client, runs: str
) -> None:
    good, half = (
        created(api, function(command('[ "$A" = 1 ]'))),
        created(api, function(bash("echo score=0.5"))),
    )
    benchmark = make(api, good, half, required_environment_variables=["A"])
    body = {"benchmark_id": benchmark["id"], "runProfile": {"envVars": {"B": "1"}}}
    refused(api.post("/v1/benchmarks/start_run", json=body), 400, "invalid_request", "`A`")
    run = begin(api, benchmark, run_name="r", metadata={"k": "v"}, runProfile={"envVars": {"A": "1"}})
    assert (run["state"], run["score"], run["name"], run["metadata"]) == ("running", None, "r", {"k": "v"})
    path = f"{runs}/{run['id']}"
    inner = [
        started(api, identifier, benchmark_run_id=run["id"], runProfile={"envVars": {"C": "2"}})[0]
        for identifier in (good, half)
    ]
    assert inner[0]["environment_variables"] == {"A": "1", "C": "2"}
    scored(api, inner[0])
    message = refused(api.post(f"{path}/complete"), 400, "wrong_state", inner[1]["id"])
    assert inner[0]["id"] not in message
    scored(api, inner[1])
    done = ok(api.post(f"{path}/complete"))
    assert (done["state"], done["score"]) == ("completed", 0.75)
    assert done == ok(api.get(path))
    assert {run_of(api, each)["state"] for each in inner} == {"completed"}
    listed = ok(api.get(f"{path}/scenario_runs?state=completed"))["runs"]
    assert [each["id"] for each in listed] == [each["id"] for each in reversed(inner)]
    assert ok(api.get(f"{path}/scenario_runs?state=failed"))["runs"] == []
    for call in ("complete", "cancel"):
        refused(api.post(f"{path}/{call}"), 400, "wrong_state", "`completed`")
    late = {"scenario_id": good, "benchmark_run_id": run["id"]}
    refused(api.post("/v1/scenarios/start_run", json=late), 400, "invalid_request", "completed")
    with zipfile.ZipFile(io.BytesIO(api.post(f"{path}/download_logs").content)) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {each["id"] for each in inner}


def test_a_run_whose_profile_no_devbox_could_have_is_not_begun(api: httpx.Client) -> None:
    body: dict[str, Any] = {"benchmark_id": make(api)["id"]}
    for profile, words in [
        ({"secrets": {"TOKEN": "NO_SUCH_SECRET"}}, "NO_SUCH_SECRET"),
        ({"envVars": {"A=B": "1"}}, "runProfile.envVars"),
        ({"launchParameters": {"unheard": 1}}, "runProfile.launchParameters.unheard"),
        ({"mounts": [{"type": "no_mount"}]}, "runProfile.mounts"),
    ]:
        answer = api.post("/v1/benchmarks/start_run", json={**body, "runProfile": profile})
        refused(answer, 400, "invalid_request", words)


@BOTH
def test_a_cancelled_run_cancels_its_scenarios_and_scores_those_completed(
    api: httpx.Client, runs: str
) -> None:
    identifier = created(api, function(bash("echo score=0.5")))
    benchmark = make(api, identifier)
    run = begin(api, benchmark)
    first, _ = started(api, identifier, benchmark_run_id=run["id"])
    second, box = started(api, identifier, benchmark_run_id=run["id"])
    scored(api, first)
    ok(api.post(f"/v1/scenarios/runs/{first['id']}/complete"))
    done = ok(api.post(f"{runs}/{run['id']}/cancel"))
    assert (done["state"], done["score"]) == ("canceled", 0.5)
    assert run_of(api, second)["state"] == "canceled"
    assert box.view()["status"] == "shutdown"


@BOTH
def test_runs_are_listed_by_benchmark_state_and_name(api: httpx.Client, runs: str) -> None:
    benchmark = make(api)
    first, second = begin(api, benchmark, run_name="one"), begin(api, benchmark, run_name="two")
    empty = ok(api.post(f"{runs}/{first['id']}/complete"))
    assert (empty["state"], empty["score"]) == ("completed", None)

    def listed(query: str) -> list[str]:
        return [each["id"] for each in ok(api.get(query))["runs"]]

    mine = f"{runs}?benchmark_id={benchmark['id']}"
    assert listed(mine) == [second["id"], first["id"]]
    assert listed(mine) == listed(f"/v1/benchmarks/{benchmark['id']}/runs")
    assert listed(f"{mine}&state=completed") == [first["id"]] == listed(f"{mine}&name=one")
    assert listed(f"{mine}&limit=1&starting_after={second['id']}") == [first["id"]]
    refused(api.get(f"{mine}&state=scored"), 400, "invalid_request", "`state`")


def test_a_run_without_a_score_counts_as_0(api: httpx.Client) -> None:
    identifier = created(api)
    run = begin(api, make(api, identifier))
    first, _ = started(api, identifier, benchmark_run_id=run["id"])
    second, _ = started(api, identifier, benchmark_run_id=run["id"])
    scored(api, first)
    ok(api.post(f"/v1/scenarios/runs/{second['id']}/cancel"))
    assert ok(api.post(f"/v1/benchmark_runs/{run['id']}/complete"))["score"] == 0.5


def test_jobs_are_refused_with_what_goes_instead(api: httpx.Client) -> None:
    agent = {"name": "a", "type": "job_agent"}
    spec = {"type": "scenarios", "scenario_ids": ["scn_1"], "agent_configs": [agent]}
    refused(
        api.post("/v1/benchmark_jobs", json={"spec": spec}), 400, "not_supported_locally", "benchmark jobs"
    )
    unnamed = {**spec, "agent_configs": [{"type": "job_agent"}]}
    refused(api.post("/v1/benchmark_jobs", json={"spec": unnamed}), 400, "invalid_request", "agent_configs")
    assert ok(api.get("/v1/benchmark_jobs?name=n"))["jobs"] == []
    refused(api.get("/v1/benchmark_jobs/bmj_1"), 404, "not_found", "bmj_1")
