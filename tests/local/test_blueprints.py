"""Blueprints: building them, and starting devboxes from them."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused


@pytest.fixture
def name() -> str:
    """Return a name that no other test uses."""
    return f"bp-{uuid.uuid4().hex}"


def _built(api: httpx.Client, **params: Any) -> Any:
    view = ok(api.post("/v1/blueprints", json=params))
    assert view["status"] in ("provisioning", "building")
    assert view["id"].startswith("bpt_")
    while view["status"] in ("provisioning", "building"):
        time.sleep(0.01)
        view = ok(api.get(f"/v1/blueprints/{view['id']}"))
    return view


def _log(api: httpx.Client, identifier: str) -> list[tuple[str, str]]:
    answer = ok(api.get(f"/v1/blueprints/{identifier}/logs"))
    assert answer["blueprint_id"] == identifier
    return [(line["level"], line["message"]) for line in answer["logs"]]


def test_a_blueprint_is_built_from_files_and_commands(api: httpx.Client, name: str) -> None:
    blueprint = _built(
        api,
        name=name,
        file_mounts={"~/conf/app": "setting\n"},
        system_setup_commands=["cat conf/app > copied; echo said", "echo second >> copied; echo warned >&2"],
        metadata={"a": "b"},
    )
    assert (blueprint["status"], blueprint["state"], blueprint["failure_reason"]) == (
        "build_complete",
        "created",
        None,
    )
    assert blueprint["build_finish_time_ms"] >= blueprint["create_time_ms"]
    assert (blueprint["metadata"], blueprint["parameters"]["name"]) == ({"a": "b"}, name)
    log = _log(api, blueprint["id"])
    assert ("info", "said") in log
    assert ("warn", "warned") in log
    for source in ({"blueprint_id": blueprint["id"]}, {"blueprint_name": name}):
        box = Box.create(api, **source)
        assert box.view()["blueprint_id"] == blueprint["id"]
        assert box.text("cat copied") == "setting\nsecond\n"
        box.end()


def test_a_failing_command_fails_the_build_and_is_in_its_log(api: httpx.Client, name: str) -> None:
    commands = ["echo fine", "echo about to break; no-such-tool", "touch never"]
    blueprint = _built(api, name=name, system_setup_commands=commands)
    assert (blueprint["status"], blueprint["failure_reason"]) == ("failed", "build_failed")
    level, message = _log(api, blueprint["id"])[-1]
    assert level == "error"
    for word in ("command 2 of 3", "exit status 127", "about to break", "no-such-tool"):
        assert word in message
    answer = api.post("/v1/devboxes", json={"blueprint_id": blueprint["id"]})
    refused(answer, 400, "invalid_request", "failed", "logs")
    answer = api.post("/v1/devboxes", json={"blueprint_name": name})
    refused(answer, 400, "invalid_request", name, "no build", "succeeded")


def test_a_name_means_its_newest_successful_build(api: httpx.Client, name: str) -> None:
    for number in (1, 2):
        _built(api, name=name, system_setup_commands=[f"echo {number} > version"])
    _built(api, name=name, system_setup_commands=["false"])
    box = Box.create(api, blueprint_name=name)
    assert box.text("cat version") == "2\n"
    box.end()
    assert [item["status"] for item in ok(api.get(f"/v1/blueprints?name={name}"))["blueprints"]] == [
        "failed",
        "build_complete",
        "build_complete",
    ]
    assert len(ok(api.get(f"/v1/blueprints?name={name}&status=failed"))["blueprints"]) == 1
    assert ok(api.get(f"/v1/blueprints?name={name[:-1]}"))["blueprints"] == []


def test_an_unknown_name_is_refused_with_those_near_it(api: httpx.Client, name: str) -> None:
    _built(api, name=name)
    answer = api.post("/v1/devboxes", json={"blueprint_name": name[:-1]})
    refused(answer, 400, "invalid_request", f"did you mean `{name}`")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_blueprint_builds_on_another(api: httpx.Client, name: str, by: str) -> None:
    launch = {"keep_alive_time_seconds": 77, "launch_commands": ["cat base top > started"]}
    base = _built(api, name=name, system_setup_commands=["echo base > base"], launch_parameters=launch)
    top = _built(
        api,
        name=f"{name}-top",
        system_setup_commands=["echo top > top"],
        **{f"base_blueprint_{by}": base[by]},
    )
    assert top["base_blueprint_id"] == base["id"]
    box = Box.create(api, blueprint_id=top["id"], launch_parameters={"resource_size_request": "LARGE"})
    assert box.text("cat started") == "base\ntop\n"
    parameters = box.view()["launch_parameters"]
    assert (parameters["keep_alive_time_seconds"], parameters["resource_size_request"]) == (77, "LARGE")
    box.end()


def test_setup_that_leaves_processes_running_does_not_keep_them(api: httpx.Client, name: str) -> None:
    blueprint = _built(api, name=name, system_setup_commands=["sleep 600 & echo $! > pid"])
    assert blueprint["status"] == "build_complete"


def test_a_blueprint_with_snapshots_is_not_deleted(api: httpx.Client, name: str) -> None:
    blueprint = _built(api, name=name)["id"]
    first = Box.create(api, blueprint_id=blueprint)
    direct = ok(first.post("snapshot_disk", {}))
    assert direct["source_blueprint_id"] == blueprint
    second = Box.create(api, snapshot_id=direct["id"])
    indirect = ok(second.post("snapshot_disk", {}))["id"]
    listed = ok(api.get(f"/v1/devboxes/disk_snapshots?source_blueprint_id={blueprint}"))["snapshots"]
    assert [item["id"] for item in listed] == [indirect, direct["id"]]
    for box in (first, second):
        box.end()
    path = f"/v1/blueprints/{blueprint}/delete"
    refused(api.post(path), 400, "has_dependents", direct["id"], indirect)
    for snapshot in (direct["id"], indirect):
        ok(api.post(f"/v1/devboxes/disk_snapshots/{snapshot}/delete"))
    assert ok(api.post(path)) == {}
    assert ok(api.get(f"/v1/blueprints/{blueprint}"))["state"] == "deleted"
    assert ok(api.get(f"/v1/blueprints?name={name}"))["blueprints"] == []
    refused(api.post("/v1/devboxes", json={"blueprint_id": blueprint}), 400, "invalid_request", "deleted")


def test_a_deleted_blueprint_s_devboxes_go_on(api: httpx.Client, name: str) -> None:
    blueprint = _built(api, name=name, system_setup_commands=["echo x > file"])["id"]
    box = Box.create(api, blueprint_id=blueprint)
    ok(api.post(f"/v1/blueprints/{blueprint}/delete"))
    assert box.text("cat file") == "x\n"
    box.end()


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({}, "invalid_request", ["`name`", "missing"]),
        ({"name": " "}, "invalid_request", ["`name`", "empty"]),
        (
            {"name": "x", "base_blueprint_id": "a", "base_blueprint_name": "b"},
            "invalid_request",
            ["one of them"],
        ),
        (
            {"name": "x", "base_blueprint_id": "bpt_none"},
            "invalid_request",
            ["base_blueprint_id", "bpt_none"],
        ),
        ({"name": "x", "file_mounts": {"f": "x" * 98_251}}, "invalid_request", ["98,251", "98,250"]),
        (
            {"name": "x", "file_mounts": {str(n): "x" * 98_000 for n in range(81)}},
            "invalid_request",
            ["7,860,000"],
        ),
        ({"name": "x", "system_setup_commands": ["a\0"]}, "invalid_request", ["NUL"]),
        ({"name": "x", "secrets": {"A": "b"}}, "invalid_request", ["secrets.A", "no secret `b`"]),
        ({"name": "x", "services": [{"name": "s", "image": "i"}]}, "not_supported_locally", ["services"]),
        (
            {"name": "x", "build_context": {"object_id": "obj_none", "type": "object"}},
            "invalid_request",
            ["build_context.object_id", "obj_none"],
        ),
        (
            {"name": "x", "named_build_contexts": {"n": {"object_id": "obj_none", "type": "object"}}},
            "invalid_request",
            ["named_build_contexts.n.object_id", "obj_none"],
        ),
    ],
)
def test_a_wrong_blueprint_is_refused(
    api: httpx.Client, params: dict[str, Any], code: str, words: list[str]
) -> None:
    refused(api.post("/v1/blueprints", json=params), 400, code, *words)
