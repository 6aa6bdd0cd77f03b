"""What every request must be, and what is answered if it is not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .running import Server


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer wrong", "Bearer \xfc"])
def test_without_the_right_key_nothing_is_answered(backend: Server, header: str | None) -> None:
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    answer = httpx.get(f"{backend.base_url}/v1/devboxes", headers=headers)
    refused(answer, 401, "unauthorized", "key")
    assert backend.api_key not in answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", ["not JSON"]),
        (b"[1]", ["JSON object", "list"]),
        (b'{"name": NaN}', ["NaN"]),
        (b"\xff", ["not JSON"]),
        (b'{"blueprint_nme": "x"}', ["`blueprint_nme`", "`blueprint_name`"]),
        (b'{"name": 5}', ["`name`", "string"]),
        (b'{"launch_parameters": {"after_idle": {"on_idle": "shutdown"}}}', ["idle_time_seconds"]),
        (b'{"launch_parameters": {"resource_size_request": "HUGE"}}', ["resource_size_request", "X_LARGE"]),
        (b'{"launch_parameters": {"keep_alive_time_seconds": 172801}}', ["172800"]),
        (b'{"launch_parameters": {"keep_alive_time_seconds": 0}}', ["keep_alive_time_seconds"]),
        (b'{"environment_variables": {"A=B": "x"}}', ["A=B"]),
        (b'{"environment_variables": {"A": "x\\u0000"}}', ["`A`"]),
        (b'{"blueprint_id": "a", "snapshot_id": "b"}', ["`blueprint_id` and `snapshot_id`"]),
        (b'{"blueprint_name": "none-such"}', ["none-such"]),
        (b'{"blueprint_id": "bpt_none"}', ["bpt_none"]),
        (b'{"snapshot_id": "snp_none"}', ["snp_none"]),
        (b'{"file_mounts": {"": "x"}}', ["empty"]),
        (b'{"launch_parameters": {"launch_commands": ["a\\u0000"]}}', ["NUL"]),
        (b'{"launch_parameters": {"user_parameters": {"username": "../x", "uid": 5}}}', ["../x"]),
    ],
)
def test_a_wrong_create_is_refused_in_words(api: httpx.Client, body: bytes, words: list[str]) -> None:
    refused(api.post("/v1/devboxes", content=body), 400, "invalid_request", *words)


@pytest.mark.parametrize(
    "params",
    [
        {"launch_parameters": {"required_services": ["s"]}},
        {"launch_parameters": {"architecture": "arm64"}},
        {"launch_parameters": {"lifecycle": {"resume_triggers": {"axon_event": True}}}},
        {"mounts": [{"type": "broker_mount", "axon_id": "axn_1", "protocol": "acp", "launch_args": ["acp"]}]},
    ],
    ids=str,
)
def test_what_this_backend_cannot_honour_is_refused(api: httpx.Client, params: dict[str, Any]) -> None:
    refused(api.post("/v1/devboxes", json=params), 400, "not_supported_locally", "the local backend does not")


@pytest.mark.parametrize("kind", ["browsers", "computers"])
def test_what_only_images_of_runloop_have_is_refused(api: httpx.Client, kind: str) -> None:
    refused(api.post(f"/v1/devboxes/{kind}", json={}), 400, "not_supported_locally", kind)
    refused(api.get(f"/v1/devboxes/{kind}/one"), 404, "not_found", "one")


def test_empty_values_of_unsupported_parameters_and_sizing_hints_are_accepted(api: httpx.Client) -> None:
    launch = {
        "resource_size_request": "SMALL",
        "available_ports": [80],
        "architecture": None,
    }
    box = Box.create(api, secrets={}, code_mounts=[], tunnel=None, mounts=[], launch_parameters=launch)
    echoed = box.view()["launch_parameters"]
    assert echoed["resource_size_request"] == "SMALL"
    assert echoed["available_ports"] == [80]
    assert echoed["keep_alive_time_seconds"] == 3600
    box.end()


@pytest.mark.parametrize(
    ("verb", "path", "kind"),
    [
        ("GET", "/v1/devboxes/dbx_none", "devbox"),
        ("POST", "/v1/devboxes/dbx_none/shutdown", "devbox"),
        ("GET", "/v1/devboxes/disk_snapshots/snp_none/status", "snapshot"),
        ("POST", "/v1/devboxes/disk_snapshots/snp_none/delete", "snapshot"),
        ("GET", "/v1/blueprints/bpt_none", "blueprint"),
        ("GET", "/v1/blueprints/bpt_none/logs", "blueprint"),
        ("POST", "/v1/blueprints/bpt_none/delete", "blueprint"),
    ],
)
def test_an_unknown_id_is_not_found(api: httpx.Client, verb: str, path: str, kind: str) -> None:
    refused(api.request(verb, path), 404, "not_found", kind, "_none")


def test_an_unknown_execution_is_not_found(api: httpx.Client, shared: Box) -> None:
    refused(api.get(f"/v1/devboxes/{shared.id}/executions/exc_none"), 404, "not_found", "exc_none", shared.id)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", ["`limit`"]),
        ("limit=5001", ["`limit`"]),
        ("limit=many", ["`limit`"]),
        ("starting_after=dbx_none", ["dbx_none"]),
        ("status=asleep", ["`status`"]),
        ("limt=5", ["`limt`", "`limit`"]),
    ],
)
def test_a_wrong_list_query_is_refused(api: httpx.Client, query: str, words: list[str]) -> None:
    refused(api.get(f"/v1/devboxes?{query}"), 400, "invalid_request", *words)


def test_a_parameter_in_the_wrong_place_is_refused(api: httpx.Client, shared: Box) -> None:
    body = {"command": "true", "command_id": "x", "last_n": "5"}
    refused(shared.post("execute", body), 400, "invalid_request", "`last_n`", "query")
    refused(shared.post("execute_async?last_n=5", {"command": "true"}), 400, "invalid_request", "`last_n`")
    refused(shared.post("suspend", {"now": True}), 400, "invalid_request", "`now`", "no parameters")
    refused(shared.post("shutdown?force=perhaps"), 400, "invalid_request", "`force`")


def test_the_caller_s_request_id_comes_back(api: httpx.Client) -> None:
    answer = api.post("/v1/devboxes/x/suspend", headers={"x-request-id": "mine-1"})
    assert answer.headers["x-runloop-request-id"] == "mine-1"


def test_a_repeated_create_makes_one_devbox(api: httpx.Client) -> None:
    headers = {"x-request-id": "create-once"}
    first, second = (ok(api.post("/v1/devboxes", json={}, headers=headers)) for _ in range(2))
    other = ok(api.post("/v1/devboxes", json={"name": "other"}, headers=headers))
    assert first["id"] == second["id"] != other["id"]
    for identifier in (first["id"], other["id"]):
        Box(api, identifier).end()


def test_a_failed_request_may_be_repeated(shared: Box) -> None:
    execution = shared.begin("sleep 600")
    path = f"executions/{execution}/wait_for_status"
    body, headers = {"statuses": ["completed"], "timeout_seconds": 0.01}, {"x-request-id": "wait-1"}
    assert shared.post(path, body, headers=headers).status_code == 408
    ok(shared.post(f"executions/{execution}/kill", {}))
    shared.finish(execution)
    assert shared.post(path, body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b'{"name": "\\ud800"}', b'{"name": "\\udc00\\ud800"}', b'{"name": "\xed\xb0\x80"}', b'["\\uDFFF"]'],
)
def test_half_of_a_surrogate_pair_is_refused(api: httpx.Client, body: bytes) -> None:
    answer = api.post("/v1/devboxes", content=body, headers={"content-type": "application/json"})
    refused(answer, 400, "invalid_request", "surrogate")


def test_a_character_beyond_the_basic_plane_may_be_escaped(api: httpx.Client) -> None:
    body = b'{"name": "\\ud83d\\ude00"}'
    view = ok(api.post("/v1/devboxes", content=body, headers={"content-type": "application/json"}))
    assert view["name"] == "\U0001f600"
    ok(api.post(f"/v1/devboxes/{view['id']}/shutdown", json={}))
