"""Scenarios, scorers and benchmarks through the client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop import BadRequestError, NotFoundError, PollingConfig, PollingTimeout, ScoringFailedError

from .fake_api import FakeApi, answer, refusal

RUN = {"id": "scr_1", "scenario_id": "scn_1", "devbox_id": "dbx_1", "state": "running", "metadata": {}}
SCENARIO = {
    "id": "scn_1",
    "name": "s",
    "input_context": {"problem_statement": "p"},
    "scoring_contract": {"scoring_function_parameters": []},
}
BENCHMARK = {"id": "bmd_1", "name": "b", "scenarioIds": ["scn_1"], "metadata": {}}
BENCHMARK_RUN = {
    "id": "bmr_1",
    "benchmark_id": "bmd_1",
    "state": "running",
    "start_time_ms": 1,
    "metadata": {},
}
JOB = {"id": "bmj_1", "name": "j", "create_time_ms": 1, "state": "completed"}
SCORER = {"id": "sco_1", "type": "t", "bash_script": "echo score=1"}
PROFILE = {"env_vars": {"A": "1"}, "launch_parameters": {"keep_alive_time_seconds": 60}, "purpose": "p"}


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    """Let the API know scenarios, where all goes well."""
    api.on(r".* /v1/scenarios.*", lambda _: answer(SCENARIO))
    api.on(
        r"GET /v1/scenarios(/list_public)?", lambda _: answer({"scenarios": [SCENARIO], "has_more": False})
    )
    api.on(r".* /v1/scenarios/(start_run|runs/.*)", lambda _: answer(RUN))
    api.on(r"GET /v1/scenarios/runs", lambda _: answer({"runs": [RUN], "has_more": False}))
    api.on(r"POST .*/download_logs", lambda _: httpx.Response(200, content=b"zip"))
    api.on(r".* /v1/scenarios/scorers.*", lambda _: answer(SCORER))
    api.on(r"GET /v1/scenarios/scorers", lambda _: answer({"scorers": [SCORER], "has_more": False}))
    api.on(r".* /v1/benchmarks.*", lambda _: answer(BENCHMARK))
    api.on(
        r"GET /v1/benchmarks(/list_public)?", lambda _: answer({"benchmarks": [BENCHMARK], "has_more": False})
    )
    api.on(r"GET .*/definitions", lambda _: answer({"scenarios": [SCENARIO], "has_more": False}))
    api.on(
        r".* /v1/(benchmarks/start_run|benchmark_runs/[^/]*(/cancel|/complete)?)",
        lambda _: answer(BENCHMARK_RUN),
    )
    api.on(r"GET /v1/benchmark_runs", lambda _: answer({"runs": [BENCHMARK_RUN], "has_more": False}))
    api.on(r".* /v1/benchmark_jobs.*", lambda _: answer(JOB))
    api.on(r"GET /v1/benchmark_jobs", lambda _: answer({"jobs": [JOB], "has_more": False}))
    api.on(r"GET .*/scenario_runs", lambda _: answer({"runs": [RUN], "has_more": False}))


def sent(api: FakeApi) -> tuple[str, Any]:
    """Return what was asked last: verb and path, and the body."""
    request = api.requests[-1]
    body = json.loads(request.content) if request.content else None
    return f"{request.method} {request.url.raw_path.decode()}", body


def test_calls_travel_as_the_api_has_them(runloop: Any, api: FakeApi) -> None:
    scenario = runloop.scenario.from_id("scn_1")
    run = scenario.run_async(run_profile=PROFILE, run_name="n")
    profile = {"envVars": {"A": "1"}, "launchParameters": {"keep_alive_time_seconds": 60}, "purpose": "p"}
    assert sent(api) == (
        "POST /v1/scenarios/start_run",
        {"scenario_id": "scn_1", "runProfile": profile, "run_name": "n"},
    )
    assert (run.id, run.devbox_id, run.devbox.id) == ("scr_1", "dbx_1", "dbx_1")
    benchmark = runloop.benchmark.from_id("bmd_1")
    benchmark.start_run(run_profile={"env_vars": {}})
    assert sent(api)[1] == {"benchmark_id": "bmd_1", "runProfile": {"envVars": {}}}
    benchmark.add_scenarios(["scn_2"])
    assert sent(api) == ("POST /v1/benchmarks/bmd_1/scenarios", {"scenarios_to_add": ["scn_2"]})
    benchmark.remove_scenarios(("scn_2",))
    assert sent(api)[1] == {"scenarios_to_remove": ["scn_2"]}
    assert benchmark.get_info().scenario_ids == ["scn_1"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda r: r.scenario.from_id("x").get_info(), "GET /v1/scenarios/x"),
        (lambda r: r.scenario.from_id("x").update(name="n"), "POST /v1/scenarios/x"),
        (lambda r: r.scenario.from_id("x").archive(), "POST /v1/scenarios/x/archive"),
        (lambda r: r.scenario.from_id("x").unarchive(), "POST /v1/scenarios/x/unarchive"),
        (lambda r: r.scenario.list(name="n")[:], "GET /v1/scenarios?name=n"),
        (lambda r: r.scenario.list_public()[:], "GET /v1/scenarios/list_public"),
        (lambda r: r.scenario.list_runs(state="scored")[:], "GET /v1/scenarios/runs?state=scored"),
        (lambda r: r.scenario.from_id("x").list_runs()[:], "GET /v1/scenarios/runs?scenario_id=x"),
        (lambda r: r.scenario.get_run("y").score(), "POST /v1/scenarios/runs/y/score"),
        (lambda r: r.scenario.get_run("y").complete(), "POST /v1/scenarios/runs/y/complete"),
        (lambda r: r.scenario.get_run("y").cancel(), "POST /v1/scenarios/runs/y/cancel"),
        (lambda r: r.scenario.get_run("y").get_score(), "GET /v1/scenarios/runs/y"),
        (lambda r: r.scenario.get_run("y").await_env_ready(), "GET /v1/scenarios/runs/y"),
        (lambda r: r.scorer.create(type="t", bash_script="s").get_info(), "GET /v1/scenarios/scorers/sco_1"),
        (
            lambda r: r.scorer.from_id("z").update(type="t", bash_script="s"),
            "POST /v1/scenarios/scorers/z",
        ),
        (
            lambda r: r.scorer.from_id("z").validate(scoring_context={}),
            "POST /v1/scenarios/scorers/z/validate",
        ),
        (lambda r: r.scorer.list(limit=3)[:], "GET /v1/scenarios/scorers?limit=3"),
        (lambda r: r.benchmark.create(name="b").update(name="c"), "POST /v1/benchmarks/bmd_1"),
        (lambda r: r.benchmark.list(search="b")[:], "GET /v1/benchmarks?search=b"),
        (lambda r: r.benchmark.list_public()[:], "GET /v1/benchmarks/list_public"),
        (lambda r: r.benchmark.from_id("b").archive(), "POST /v1/benchmarks/b/archive"),
        (lambda r: r.benchmark.from_id("b").unarchive(), "POST /v1/benchmarks/b/unarchive"),
        (lambda r: r.benchmark.from_id("b").definitions()[:], "GET /v1/benchmarks/b/definitions"),
        (lambda r: r.benchmark.from_id("b").list_runs()[:], "GET /v1/benchmark_runs?benchmark_id=b"),
        (lambda r: r.benchmark.list_runs(state="failed")[:], "GET /v1/benchmark_runs?state=failed"),
        (lambda r: r.benchmark.create_job(spec=None), "POST /v1/benchmark_jobs"),
        (lambda r: r.benchmark.job_from_id("j").await_ended(), "GET /v1/benchmark_jobs/j"),
        (lambda r: r.benchmark.list_jobs(name="n")[:], "GET /v1/benchmark_jobs?name=n"),
        (lambda r: r.benchmark.get_run("q").cancel(), "POST /v1/benchmark_runs/q/cancel"),
        (lambda r: r.benchmark.get_run("q").complete(), "POST /v1/benchmark_runs/q/complete"),
        (
            lambda r: r.benchmark.get_run("q").list_scenario_runs(state="scored")[:],
            "GET /v1/benchmark_runs/q/scenario_runs?state=scored",
        ),
    ],
)
def test_each_method_has_its_call(runloop: Any, api: FakeApi, call: Any, expected: str) -> None:
    call(runloop)
    assert sent(api)[0] == expected


def test_lists_give_handles_that_know_their_devbox_or_benchmark(runloop: Any) -> None:
    assert [(run.id, run.devbox_id) for run in runloop.scenario.list_runs()] == [("scr_1", "dbx_1")]
    assert [(run.id, run.benchmark_id) for run in runloop.benchmark.list_runs()] == [("bmr_1", "bmd_1")]


def test_a_wait_for_a_job_looks_until_it_is_over(runloop: Any, api: FakeApi, pauses: list[float]) -> None:
    states = iter(["queued", "running", "failed"])
    api.on(r"GET /v1/benchmark_jobs/.*", lambda _: answer({**JOB, "state": next(states)}))
    job = runloop.benchmark.job_from_id("bmj_1")
    assert job.await_ended().state == "failed"
    assert len(pauses) == 2
    api.on(r"GET /v1/benchmark_jobs/.*", lambda _: answer({**JOB, "state": "running"}))
    with pytest.raises(PollingTimeout, match="bmj_1 is running after"):
        job.await_ended(polling_config=PollingConfig(max_attempts=2))


def test_a_wait_for_a_score_looks_until_there_is_one(runloop: Any, api: FakeApi, pauses: list[float]) -> None:
    run = runloop.scenario.get_run("scr_1")
    states = iter(["scoring", "scoring", "scored"])
    api.on(r"GET /v1/scenarios/runs/scr_1", lambda _: answer({**RUN, "state": next(states)}))
    assert run.score_and_await().state == "scored"
    assert len(pauses) == 2
    states = iter(["scored"])
    api.on(r"POST .*/complete", lambda _: answer({**RUN, "state": "completed"}))
    assert run.score_and_complete().state == "completed"


def test_a_run_that_gets_no_score_is_told_with_what_its_functions_said(runloop: Any, api: FakeApi) -> None:
    result = {"scoring_function_name": "slow", "score": 0, "output": "time is over", "state": "error"}
    view = {
        **RUN,
        "state": "timeout",
        "scoring_contract_result": {"score": 0, "scoring_function_results": [result]},
    }
    api.on(r"GET /v1/scenarios/runs/scr_1", lambda _: answer(view))
    with pytest.raises(ScoringFailedError, match=r"scr_1 is timeout.*slow: time is over") as caught:
        runloop.scenario.get_run("scr_1").await_scored()
    assert caught.value.run_id == "scr_1"


def test_a_wait_for_a_score_ends_with_its_budget(runloop: Any, api: FakeApi, pauses: list[float]) -> None:
    api.on(r"GET /v1/scenarios/runs/scr_1", lambda _: answer({**RUN, "state": "scoring"}))
    run = runloop.scenario.get_run("scr_1")
    with pytest.raises(PollingTimeout, match="not scored") as caught:
        run.await_scored(polling_config=PollingConfig(interval_seconds=0.5, max_attempts=3))
    assert pauses == [0.5, 0.5]
    assert getattr(caught.value.last_value, "state", None) == "scoring"


def test_a_run_waits_until_its_devbox_runs(runloop: Any, api: FakeApi) -> None:
    runloop.scenario.from_id("scn_1").run()
    assert sent(api)[0] == "POST /v1/devboxes/dbx_1/wait_for_status"


def test_logs_go_into_a_file(runloop: Any, tmp_path: Path) -> None:
    runloop.scenario.get_run("scr_1").download_logs(tmp_path / "run.zip")
    runloop.benchmark.get_run("bmr_1").download_logs(str(tmp_path / "runs.zip"))
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"zip", b"zip"]


def test_errors_of_the_service_are_exceptions(runloop: Any, api: FakeApi) -> None:
    api.on(r"POST /v1/scenarios/start_run", lambda _: refusal(400, message="needs `A`"))
    with pytest.raises(BadRequestError, match="needs `A`"):
        runloop.scenario.from_id("scn_1").run()
    api.on(r"GET /v1/benchmark_runs/none", lambda _: refusal(404))
    with pytest.raises(NotFoundError):
        runloop.benchmark.get_run("none")
