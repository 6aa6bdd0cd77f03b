"""Scenarios and their runs through plain HTTP."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from typing import Any

import httpx

from .box import Box, ok
from .running import Inside

_NUMBERS = count()


def function(scorer: dict[str, Any], weight: float = 1.0, name: str = "only") -> dict[str, Any]:
    """Return a scoring function."""
    return {"name": name, "weight": weight, "scorer": scorer}


def command(text: str) -> dict[str, Any]:
    """Return a scorer that asks a command."""
    return {"type": "command_scorer", "command": text}


def bash(text: str) -> dict[str, Any]:
    """Return a scorer that asks a bash script."""
    return {"type": "bash_script_scorer", "bash_script": text}


def scenario(*functions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the create parameters of a scenario."""
    return {
        "name": f"scenario-{next(_NUMBERS)}",
        "input_context": {"problem_statement": "Do it."},
        "scoring_contract": {"scoring_function_parameters": list(functions) or [function(command("true"))]},
        **more,
    }


def created(api: httpx.Client, *functions: dict[str, Any], **more: Any) -> str:
    """Create a scenario and return its id."""
    return str(ok(api.post("/v1/scenarios", json=scenario(*functions, **more)))["id"])


def started(api: httpx.Client, scenario_id: str, **more: Any) -> tuple[Any, Box]:
    """Start a run, and return it with its devbox, which runs."""
    run = ok(api.post("/v1/scenarios/start_run", json={"scenario_id": scenario_id, **more}))
    box = Box(api, run["devbox_id"])
    assert box.wait("running", "failure", "shutdown")["status"] == "running", box.logs()
    return run, box


def run_of(api: httpx.Client, run: Any) -> Any:
    """Return a run as it is now."""
    return ok(api.get(f"/v1/scenarios/runs/{run['id']}"))


def scored(api: httpx.Client, run: Any) -> Any:
    """Score a run, and return it when that is done."""
    view = ok(api.post(f"/v1/scenarios/runs/{run['id']}/score"))
    assert view["state"] in ("scoring", "scored")
    while view["state"] == "scoring":
        time.sleep(0.01)
        view = run_of(api, run)
    return view


async def settled(within: Inside, run: Any) -> Any:
    """Wait until a run within the test is not being scored any more, and return it."""
    while (view := within.backend.evaluation.scenario_runs.get(run["id"])).state == "scoring":  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return view.model_dump()


def results(api: httpx.Client, *functions: dict[str, Any], **more: Any) -> Any:
    """Return the results of scoring functions, each scored in one devbox of its own, which is ended."""
    run, _ = started(api, created(api, *functions, **more))
    view = scored(api, run)
    assert view["state"] == "scored"
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/complete"))
    return view["scoring_contract_result"]
