"""The six kinds of scoring functions, each scoring for real in a devbox."""

from __future__ import annotations

import base64
import io
import shutil
import zipfile
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .evaluation import bash, command, created, function, results, run_of, scenario, scored, settled, started
from .running import Inside

PYTHON = {"type": "python_script_scorer"}


def alone(api: httpx.Client, scorer: dict[str, Any], *setup: str, **environment: Any) -> Any:
    """Return the result of one scoring function, in a devbox prepared by commands."""
    launch = {"launch_commands": list(setup)}
    parameters = {"launch_parameters": launch, **environment}
    found = results(api, function(scorer), environment_parameters=parameters)
    (result,) = found["scoring_function_results"]
    assert found["score"] == result["score"]
    return result


@pytest.mark.parametrize(("text", "score"), [("echo fine; true", 1.0), ("echo fine; exit 3", 0.0)])
def test_a_command_scores_by_its_exit_status(api: httpx.Client, text: str, score: float) -> None:
    assert alone(api, command(text)) == {
        "scoring_function_name": "only",
        "score": score,
        "output": "fine\n",
        "state": "complete",
    }


@pytest.mark.parametrize(
    ("script", "score"),
    [
        ("echo score=0.25", 0.25),
        ("echo score=1; echo score=0.5; echo done", 0.5),
        ("echo working; echo 0.125", 0.125),
        ("echo score=0.5; exit 1", 0.5),
        ("echo 'Score = 1.0'", 1.0),
    ],
)
def test_a_bash_script_scores_what_it_prints_last(api: httpx.Client, script: str, score: float) -> None:
    result = alone(api, bash(script))
    assert (result["score"], result["state"]) == (score, "complete")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo nothing", "printed no score"),
        ("true", "printed no score"),
        ("echo score=1.5", "not from 0 to 1"),
        ("echo score=-1", "not from 0 to 1"),
        ("echo score=nan", "not from 0 to 1"),
        ("echo score=high", "printed no score"),
        ("echo 0.5; exit 9", "status 9"),
    ],
)
def test_a_script_without_a_score_is_an_error_that_scores_0(
    api: httpx.Client, script: str, words: str
) -> None:
    result = alone(api, bash(script))
    assert (result["score"], result["state"]) == (0, "error")
    assert words in result["output"]


def test_both_outputs_are_kept_and_only_the_first_is_read_for_the_score(api: httpx.Client) -> None:
    result = alone(api, bash("echo score=0.5; sleep 0.1; echo score=0.75 >&2"))
    assert (result["score"], result["output"]) == (0.5, "score=0.5\nscore=0.75\n")


def test_weights_make_one_score_of_all_and_errors_leave_the_others_alone(api: httpx.Client) -> None:
    found = results(
        api,
        function(command("true"), 0.5, "first"),
        function(bash("echo score=0.5"), 0.25, "second"),
        function(bash("no-such-program"), 0.25, "third"),
    )
    assert found["score"] == 0.625
    names = [each["scoring_function_name"] for each in found["scoring_function_results"]]
    assert names == ["first", "second", "third"]
    assert [each["state"] for each in found["scoring_function_results"]] == ["complete", "complete", "error"]


def test_functions_run_in_the_working_directory_with_what_the_run_left_there(api: httpx.Client) -> None:
    where = {"launch_parameters": {"launch_commands": ["mkdir work"]}, "working_directory": "~/work"}
    check = function(command('[ "$(basename "$PWD")" = work ] && grep done result && [ "$A" = b ]'))
    run, box = started(
        api, created(api, check, environment_parameters=where), runProfile={"envVars": {"A": "b"}}
    )
    box.text("echo done > work/result")
    assert scored(api, run)["scoring_contract_result"]["score"] == 1
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))


def test_a_missing_working_directory_is_an_error_that_says_so(api: httpx.Client) -> None:
    result = alone(api, command("true"), working_directory="nowhere")
    assert (result["score"], result["state"]) == (0, "error")
    assert "no such file" in result["output"]


def test_a_test_scores_with_its_files_written_from_the_working_directory(api: httpx.Client) -> None:
    files = [
        {"file_path": "tests/deep/expected.txt", "file_contents": "ä\n"},
        {"file_path": "empty"},
    ]
    test = {"type": "test_based_scorer", "test_files": files}
    good = {**test, "test_command": "grep ä tests/deep/expected.txt && test -f empty"}
    result = alone(api, good, "mkdir work", working_directory="work")
    assert (result["score"], result["output"]) == (1, "ä\n")
    assert alone(api, {**test, "test_command": "grep b tests/deep/expected.txt"})["score"] == 0


def test_a_custom_scorer_reads_its_parameters_under_both_names_of_the_variable(api: httpx.Client) -> None:
    script = '[ "$RL_SCORER_CONTEXT" = "$RL_TEST_CONTEXT" ] && echo "$RL_SCORER_CONTEXT"; echo score=0.75'
    ok(api.post("/v1/scenarios/scorers", json={"type": "reading", "bash_script": script}))
    result = alone(
        api, {"type": "custom_scorer", "custom_scorer_type": "reading", "scorer_params": {"k": ["ä", 1]}}
    )
    assert (result["score"], result["output"]) == (0.75, '{"k": ["ä", 1]}\nscore=0.75\n')
    assert alone(api, {"type": "custom_scorer", "custom_scorer_type": "reading"})["output"].startswith("{}\n")


def test_a_python_script_scores_the_number_that_it_prints_last(api: httpx.Client) -> None:
    result = alone(api, {**PYTHON, "python_script": "import sys\nprint('ä', file=sys.stderr)\nprint(0.5)"})
    assert (result["score"], result["state"]) == (0.5, "complete")
    failed = alone(api, {**PYTHON, "python_script": "print(0.5)\nraise ValueError('oops')"})
    assert failed["state"] == "error"
    assert "oops" in failed["output"]


def test_a_python_script_gets_a_python_that_satisfies_its_constraint_or_an_error(api: httpx.Client) -> None:
    script = {**PYTHON, "python_script": "import sys; print(float(sys.version_info >= (3, 7)))"}
    assert alone(api, {**script, "python_version_constraint": ">=3.7"})["score"] == 1
    refused_result = alone(api, {**script, "python_version_constraint": "==2.6.0"})
    assert refused_result["state"] == "error"
    assert "no Python that satisfies `==2.6.0`" in refused_result["output"]


def wheel() -> str:
    """Return a wheel whose module `given` has a number, as base64."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        about = "given-1.0.dist-info"
        archive.writestr("given.py", "NUMBER = 0.375\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: given\nVersion: 1.0\n")
        archive.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{about}/RECORD", "")
    return base64.b64encode(content.getvalue()).decode()


def test_a_python_script_has_its_requirements_and_nothing_of_them_is_left(
    api: httpx.Client, shared: Box
) -> None:
    if shared.run("python3 -c 'import ensurepip, venv'")["exit_status"]:
        pytest.skip("python3 has no ensurepip here")
    name = "given-1.0-py3-none-any.whl"
    scorer = {
        **PYTHON,
        "python_script": "import given; print(given.NUMBER)",
        "requirements_contents": f"--no-index\n./{name}\n",
    }
    launch = {"launch_commands": [f"echo {wheel()} | base64 -d > {name}"]}
    run, box = started(
        api, created(api, function(scorer), environment_parameters={"launch_parameters": launch})
    )
    result = scored(api, run)["scoring_contract_result"]
    assert result["score"] == 0.375, result
    assert ".runloop-scorer" not in box.text("ls -A")
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/complete"))


def test_requirements_that_cannot_be_installed_are_an_error(api: httpx.Client) -> None:
    scorer = {
        **PYTHON,
        "python_script": "print(1)",
        "requirements_contents": "--no-index\nno-such-package-anywhere\n",
    }
    result = alone(api, scorer)
    assert (result["score"], result["state"]) == (0, "error")
    assert "the requirements could not be installed" in result["output"]


@pytest.mark.parametrize(
    ("pattern", "score"),
    [(r"print(\$A)", 1), (r"forget(\$\$\$)", 0)],
)
def test_ast_grep_scores_whether_a_pattern_is_found(api: httpx.Client, pattern: str, score: int) -> None:
    search = {"type": "ast_grep_scorer", "pattern": pattern, "search_directory": "code", "lang": "python"}
    result = alone(api, search, "mkdir code; echo 'print(1)' > code/a.py")
    assert (result["score"], result["state"]) == (score, "complete"), result
    assert ("a.py" in result["output"]) is bool(score)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"search_directory": "nowhere"}, "there is no nowhere"), ({"lang": "klingon"}, "klingon")],
)
def test_what_ast_grep_cannot_search_is_an_error(
    api: httpx.Client, wrong: dict[str, str], words: str
) -> None:
    search = {"type": "ast_grep_scorer", "pattern": "a", "search_directory": ".", "lang": "python", **wrong}
    result = alone(api, search)
    assert (result["score"], result["state"]) == (0, "error")
    assert words in result["output"]


@pytest.mark.asyncio
async def test_a_missing_ast_grep_is_named_with_what_to_do(
    within: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ast-grep", path="/usr/bin:/bin"):
        pytest.skip("every devbox has ast-grep here")
    monkeypatch.setattr("pytest_runloop.local.evaluation.functions.which", lambda *_, **__: None)
    search = {"type": "ast_grep_scorer", "pattern": "a", "search_directory": "."}
    made = (await within.api.post("/v1/scenarios", json=scenario(function(search)))).json()
    asked = {"scenario_id": made["id"], "runProfile": {"envVars": {"PATH": "/usr/bin:/bin"}}}
    run = (await within.api.post("/v1/scenarios/start_run", json=asked)).json()
    await within.reach(run["devbox_id"], "running")
    view = (await within.api.post(f"/v1/scenarios/runs/{run['id']}/score")).json()
    assert view["state"] == "scoring"
    view = await settled(within, run)
    (result,) = view["scoring_contract_result"]["scoring_function_results"]
    assert (view["state"], result["state"]) == ("scored", "error")
    assert "`ast-grep`" in result["output"]
    assert "pip install ast-grep-cli" in result["output"]


def test_values_of_secrets_are_not_kept_in_results(api: httpx.Client) -> None:
    ok(api.post("/v1/secrets", json={"name": "SCORING", "value": "quite-secret"}))
    run, _ = started(
        api,
        created(api, function(bash('echo "$TOKEN"; [ "$TOKEN" = quite-secret ] && echo score=1'))),
        runProfile={"secrets": {"TOKEN": "SCORING"}},
    )
    view = scored(api, run)
    assert view["scoring_contract_result"]["score"] == 1
    assert "quite-secret" not in str(view)
    assert view["secrets_provided"] == {"TOKEN": "SCORING"}
    ok(api.post(f"/v1/scenarios/runs/{run['id']}/cancel"))
    ok(api.post("/v1/secrets/SCORING/delete"))


def test_of_a_long_output_the_end_is_kept(api: httpx.Client) -> None:
    result = alone(api, bash("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo score=1"))
    assert result["score"] == 1
    assert len(result["output"]) < 1_500_000
    assert "are left out" in result["output"][:100]


def test_a_run_can_be_scored_again_after_more_was_done(api: httpx.Client) -> None:
    run, box = started(api, created(api, function(command("test -e done"))))
    assert scored(api, run)["scoring_contract_result"]["score"] == 0
    box.text("touch done")
    assert scored(api, run)["scoring_contract_result"]["score"] == 1
    assert ok(api.post(f"/v1/scenarios/runs/{run['id']}/complete"))["scoring_contract_result"]["score"] == 1
    assert run_of(api, run)["state"] == "completed"
    assert box.view()["status"] == "shutdown"


@pytest.mark.parametrize(
    ("functions_", "words"),
    [
        ([function(command("true"), 0.5)], "sum to 1, not 0.5"),
        ([], "sum to 1, not 0"),
        ([function(command("true"), 0.7, "a"), function(command("true"), 0.7, "b")], "sum to 1, not 1.4"),
        ([function(command("true"), 1, "not a name")], "0.name"),
        ([function(command("true"), 2)], "weight"),
        ([function(command("true"), -1)], "weight"),
        ([function(command(" "))], "0.scorer.command"),
        ([function({"type": "command_scorer"})], "0.scorer.command"),
        ([function({"type": "bash_script_scorer"})], "0.scorer.bash_script"),
        ([function({"type": "test_based_scorer"})], "0.scorer.test_command"),
        ([function(command("a\0b"))], "NUL"),
        ([function({"type": "no_scorer"})], "no_scorer"),
        ([function({"type": "ast_grep_scorer", "pattern": "a"})], "search_directory"),
        ([function({"type": "custom_scorer", "custom_scorer_type": "unheard"})], "`unheard`"),
        (
            [function({**PYTHON, "python_script": "1", "python_version_constraint": "three"})],
            "python_version_constraint",
        ),
    ],
)
def test_a_contract_that_cannot_score_is_refused_with_the_field(
    api: httpx.Client, functions_: list[Any], words: str
) -> None:
    params = scenario()
    params["scoring_contract"] = {"scoring_function_parameters": functions_}
    refused(api.post("/v1/scenarios", json=params), 400, "invalid_request", words)


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "", "a\0b", "x" * 300])
def test_a_test_file_stays_below_the_working_directory(api: httpx.Client, path: str) -> None:
    files = [{"file_path": path, "file_contents": ""}]
    scorer = {"type": "test_based_scorer", "test_command": "true", "test_files": files}
    answer = api.post("/v1/scenarios", json=scenario(function(scorer)))
    refused(answer, 400, "invalid_request", "test_files.0.file_path")


def test_weights_that_are_no_round_numbers_may_sum_to_1(api: httpx.Client) -> None:
    thirds = [function(command("true"), 1 / 3, name) for name in "abc"]
    assert created(api, *thirds)
    assert created(api, *[function(command("true"), 0.1, f"n{number}") for number in range(10)])
