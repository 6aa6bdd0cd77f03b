"""Custom scorers."""

from __future__ import annotations

import httpx
import pytest

from .box import ok, refused

SCRIPT = 'echo "$RL_SCORER_CONTEXT" | grep -q yes && echo score=1 || echo score=0'


def make(api: httpx.Client, kind: str, script: str = SCRIPT) -> str:
    """Create a scorer and return its id."""
    return str(ok(api.post("/v1/scenarios/scorers", json={"type": kind, "bash_script": script}))["id"])


def test_a_scorer_is_created_changed_found_and_listed(api: httpx.Client) -> None:
    first, second = make(api, "one-of-two"), make(api, "two-of-two")
    path = f"/v1/scenarios/scorers/{first}"
    assert ok(api.get(path)) == {"id": first, "type": "one-of-two", "bash_script": SCRIPT}
    changed = ok(api.post(path, json={"type": "one-of-three", "bash_script": "echo score=1"}))
    assert (
        changed == ok(api.get(path)) == {"id": first, "type": "one-of-three", "bash_script": "echo score=1"}
    )
    listed = ok(api.get("/v1/scenarios/scorers?search=-of-t"))
    assert [each["id"] for each in listed["scorers"]] == [second, first]
    page = ok(api.get("/v1/scenarios/scorers?search=-of-t&limit=1"))
    assert (page["has_more"], page["total_count"]) == (True, 2)
    page = ok(api.get(f"/v1/scenarios/scorers?search=-of-t&starting_after={second}"))
    assert [each["id"] for each in page["scorers"]] == [first]


def test_a_type_is_taken_once(api: httpx.Client) -> None:
    make(api, "taken")
    other = make(api, "free")
    taken = {"type": "taken", "bash_script": SCRIPT}
    refused(api.post("/v1/scenarios/scorers", json=taken), 400, "already_exists", "`taken`")
    refused(api.post(f"/v1/scenarios/scorers/{other}", json=taken), 400, "already_exists", "`taken`")
    assert ok(api.get(f"/v1/scenarios/scorers/{other}"))["type"] == "free"


@pytest.mark.parametrize(
    "body", [{"type": "a"}, {"type": " ", "bash_script": "x"}, {"type": "a", "bash_script": ""}]
)
def test_what_cannot_score_is_refused(api: httpx.Client, body: dict[str, str]) -> None:
    refused(api.post("/v1/scenarios/scorers", json=body), 400, "invalid_request")


def test_an_unknown_id_is_not_found(api: httpx.Client) -> None:
    path = "/v1/scenarios/scorers/sco_none"
    body = {"type": "a", "bash_script": "b"}
    refused(api.get(path), 404, "not_found", "sco_none")
    refused(api.post(path, json=body), 404, "not_found", "sco_none")
    refused(api.post(f"{path}/validate", json={"scoring_context": 1}), 404, "not_found", "sco_none")


@pytest.mark.parametrize(("context", "score"), [({"answer": "yes"}, 1), (["no"], 0), (None, 0)])
def test_a_scorer_is_tried_in_a_devbox_that_is_ended(api: httpx.Client, context: object, score: int) -> None:
    identifier = make(api, f"tried-{score}-{type(context).__name__}")
    before = {box["id"] for box in ok(api.get("/v1/devboxes?limit=5000"))["devboxes"]}
    found = ok(api.post(f"/v1/scenarios/scorers/{identifier}/validate", json={"scoring_context": context}))
    assert found["scoring_context"] == context
    assert found["scoring_result"]["score"] == score
    assert found["scoring_result"]["state"] == "complete"
    after = ok(api.get("/v1/devboxes?limit=5000"))["devboxes"]
    made = [box for box in after if box["id"] not in before and box["initiator_type"] == "scenario"]
    assert [box["status"] for box in made] == ["shutdown"]


def test_a_trial_has_the_environment_that_is_asked_for(api: httpx.Client) -> None:
    identifier = make(api, "where", 'pwd; [ "$(basename "$PWD")" = place ] && echo score=1')
    parameters = {"working_directory": "place", "launch_parameters": {"launch_commands": ["mkdir place"]}}
    body = {"scoring_context": 1, "environment_parameters": parameters}
    found = ok(api.post(f"/v1/scenarios/scorers/{identifier}/validate", json=body))
    assert found["scoring_result"]["score"] == 1, found
    assert found["environment_parameters"]["working_directory"] == "place"


def test_a_trial_whose_devbox_does_not_start_is_an_error_result(api: httpx.Client) -> None:
    identifier = make(api, "unlaunched")
    parameters = {"launch_parameters": {"launch_commands": ["exit 7"]}}
    body = {"scoring_context": 1, "environment_parameters": parameters}
    result = ok(api.post(f"/v1/scenarios/scorers/{identifier}/validate", json=body))["scoring_result"]
    assert (result["score"], result["state"]) == (0, "error")
    assert "exit status 7" in result["output"]


def test_a_context_that_fits_into_no_variable_is_refused(api: httpx.Client) -> None:
    identifier = make(api, "large")
    body = {"scoring_context": "x" * 200_000}
    answer = api.post(f"/v1/scenarios/scorers/{identifier}/validate", json=body)
    refused(answer, 400, "invalid_request", "scoring_context")
