"""Steps on custom scorers, scenarios, benchmarks and their runs.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any

import runloop_api_client as sdk

from .calls import Calls, each, got, refused


async def scorers(call: Calls) -> str:
    """Make, change, find and try a custom scorer, and return its type."""
    kind = f"of_{type(call.client).__name__}"
    made = await call("POST /v1/scenarios/scorers", type=kind, bash_script="echo score=0.5")
    twice = call("POST /v1/scenarios/scorers", type=kind, bash_script="echo score=0.5")
    await refused(sdk.BadRequestError, 400, twice)
    await call("POST /v1/scenarios/scorers/{}", made.id, type=kind, bash_script="echo score=1.0")
    assert (await call("GET /v1/scenarios/scorers/{}", made.id)).bash_script == "echo score=1.0"
    assert made.id in [view.id async for view in each(await call("GET /v1/scenarios/scorers", limit=1))]
    if call.has("POST /v1/scenarios/scorers/{}/validate"):
        tried = await call("POST /v1/scenarios/scorers/{}/validate", made.id, scoring_context={"a": 1})
        assert tried.scoring_result.score == 1, tried
    return kind


async def scenarios(call: Calls, scorer: str) -> str:
    """Make, change, find and run a scenario, with and without success, and return its id."""
    made = await call("POST /v1/scenarios", **scenario(call, scorer, 0.75))
    unfair = call("POST /v1/scenarios", **scenario(call, scorer, 0.5))
    await refused(sdk.BadRequestError, 400, unfair)
    await call("POST /v1/scenarios/{}", made.id, metadata={"a": "b"})
    view = await call("GET /v1/scenarios/{}", made.id)
    assert (view.metadata, view.input_context.problem_statement) == ({"a": "b"}, "Make `done`."), view
    assert [one.id async for one in each(await call("GET /v1/scenarios", name=view.name))] == [made.id]
    assert [one async for one in each(await call("GET /v1/scenarios/list_public"))] == []
    for doing, score in (("touch done", 1.0), ("true", 0.75)):
        run = await scored(call, made.id, doing)
        assert run.scoring_contract_result.score == score, run
        answer = await call("POST /v1/scenarios/runs/{}/download_logs", run.id)
        assert zipfile.ZipFile(io.BytesIO(await got(answer.read()))).namelist()
        assert (await call("POST /v1/scenarios/runs/{}/complete", run.id)).state == "completed"
    other = await call("POST /v1/scenarios/start_run", scenario_id=made.id)
    assert (await call("POST /v1/scenarios/runs/{}/cancel", other.id)).state == "canceled"
    runs = each(await call("GET /v1/scenarios/runs", scenario_id=made.id, limit=2))
    assert [one.state async for one in runs] == ["canceled", "completed", "completed"]
    if call.has("POST /v1/scenarios/{}/archive"):
        spare = await call("POST /v1/scenarios", **scenario(call, scorer, 0.75))
        assert (await call("POST /v1/scenarios/{}/archive", spare.id)).status == "archived"
    return str(made.id)


def scenario(call: Calls, scorer: str, weight: float) -> dict[str, Any]:
    """Return the parameters of a scenario, whose functions have this weight and 0.25."""
    mine = {"type": "custom_scorer", "custom_scorer_type": scorer}
    command = {"type": "command_scorer", "command": "test -e done"}
    functions = [
        {"name": "always", "weight": weight, "scorer": mine},
        {"name": "done", "weight": 0.25, "scorer": command},
    ]
    return {
        "name": f"of {type(call.client).__name__}",
        "input_context": {"problem_statement": "Make `done`."},
        "scoring_contract": {"scoring_function_parameters": functions},
    }


async def scored(call: Calls, identifier: str, doing: str, **more: Any) -> Any:
    """Run a scenario, do something in its devbox, and return the run with its score."""
    profile = {"env_vars": {"X": "done"}, "purpose": "p"}
    start = "POST /v1/scenarios/start_run"
    run = await call(start, scenario_id=identifier, run_name="one", run_profile=profile, **more)
    assert (run.state, run.purpose, run.environment_variables) == ("running", "p", {"X": "done"}), run
    await call("POST /v1/devboxes/{}/wait_for_status", run.devbox_id)
    await call("POST /v1/devboxes/{}/execute_sync", run.devbox_id, command=doing)
    view = await call("POST /v1/scenarios/runs/{}/score", run.id)
    while view.state == "scoring":
        await asyncio.sleep(0.02)
        view = await call("GET /v1/scenarios/runs/{}", run.id)
    assert view.state == "scored", view
    return view


async def benchmarks(call: Calls, identifier: str) -> None:
    """Make, change, find and run a benchmark of a scenario."""
    name = f"of {type(call.client).__name__}"
    made = await call("POST /v1/benchmarks", name=name, scenario_ids=[identifier])
    await refused(sdk.BadRequestError, 400, call("POST /v1/benchmarks", name=name))
    await call("POST /v1/benchmarks/{}", made.id, name=name, description="changed")
    view = await call("GET /v1/benchmarks/{}", made.id)
    assert (view.description, view.scenario_ids) == ("changed", [identifier]), view
    assert made.id in [one.id async for one in each(await call("GET /v1/benchmarks", limit=1))]
    assert [one async for one in each(await call("GET /v1/benchmarks/list_public"))] == []
    found = await call("GET /v1/benchmarks/{}/definitions", made.id)
    assert [one.id for one in found.scenarios] == [identifier]
    if call.has("POST /v1/benchmarks/{}/scenarios"):
        emptied = await call("POST /v1/benchmarks/{}/scenarios", made.id, scenarios_to_remove=[identifier])
        assert emptied.scenario_ids == []
        await call("POST /v1/benchmarks/{}/scenarios", made.id, scenarios_to_add=[identifier])
    await benchmark_runs(call, made.id, identifier)


async def benchmark_runs(call: Calls, benchmark: str, identifier: str) -> None:
    """Run a benchmark to its end, and break another run of it off; under the path that the SDK has."""
    runs = "/v1/benchmark_runs" if call.has("GET /v1/benchmark_runs") else "/v1/benchmarks/runs"
    run = await call("POST /v1/benchmarks/start_run", benchmark_id=benchmark, run_name="one")
    part = await scored(call, identifier, "true", benchmark_run_id=run.id)
    parts = each(await call(f"GET {runs}/{{}}/scenario_runs", run.id))
    assert [one.id async for one in parts] == [part.id]
    done = await call(f"POST {runs}/{{}}/complete", run.id)
    assert (done.state, done.score) == ("completed", 0.75), done
    other = await call("POST /v1/benchmarks/start_run", benchmark_id=benchmark)
    await call(f"POST {runs}/{{}}/cancel", other.id)
    assert (await call(f"GET {runs}/{{}}", other.id)).state == "canceled"
    listed = each(await call(f"GET {runs}", benchmark_id=benchmark, limit=1))
    assert [one.id async for one in listed] == [other.id, run.id]


async def benchmark_jobs(call: Calls) -> None:
    """Be told that this backend runs no jobs."""
    agent = {"name": "a", "type": "job_agent"}
    spec = {"type": "scenarios", "scenario_ids": ["scn_none"], "agent_configs": [agent]}
    await refused(sdk.BadRequestError, 400, call("POST /v1/benchmark_jobs", spec=spec))
    await refused(sdk.NotFoundError, 404, call("GET /v1/benchmark_jobs/{}", "bmj_none"))
    assert (await call("GET /v1/benchmark_jobs")).jobs == []
