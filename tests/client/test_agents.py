"""The client's agents, of each kind of client."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop import ArgumentError

from .fake_api import AGENT, FakeApi, answer


def test_an_agent_is_made_found_and_deleted(runloop: Any, api: FakeApi) -> None:
    agent = runloop.agent.create(name="a", version="1")
    assert (agent.id, agent.get_info().name) == ("agt_1", "a")
    assert [one.id for one in runloop.agent.list(name="a", version="latest", limit=3)[:]] == ["agt_1"]
    assert [one.id for one in runloop.agent.list_public(search="a")[:]] == ["agt_1"]
    assert runloop.agent.from_id("agt_2").delete() is None
    assert api.calls == [
        "POST /v1/agents",
        "GET /v1/agents/agt_1",
        "GET /v1/agents?name=a&version=latest&limit=3",
        "GET /v1/agents/list_public?search=a",
        "POST /v1/agents/agt_2/delete",
    ]


def test_each_source_has_a_way_to_make_one(runloop: Any, api: FakeApi) -> None:
    ops, setup = runloop.agent, ["setup"]
    ops.create_from_npm(
        name="a", package_name="p", npm_version="^1", registry_url="https://r", agent_setup=setup
    )
    ops.create_from_pip(name="a", package_name="p", pip_version=">=1", version="2")
    ops.create_from_git(name="a", repository="https://g/r", ref="main", agent_setup=setup)
    ops.create_from_object(name="a", object_id="obj_1", agent_setup=setup)
    npm = {"package_name": "p", "npm_version": "^1", "registry_url": "https://r", "agent_setup": setup}
    git = {"repository": "https://g/r", "ref": "main", "agent_setup": setup}
    assert api.bodies() == [
        {"name": "a", "source": {"type": "npm", "npm": npm}},
        {
            "name": "a",
            "version": "2",
            "source": {"type": "pip", "pip": {"package_name": "p", "pip_version": ">=1"}},
        },
        {"name": "a", "source": {"type": "git", "git": git}},
        {"name": "a", "source": {"type": "object", "object": {"object_id": "obj_1", "agent_setup": setup}}},
    ]


def test_a_source_is_given_once(runloop: Any, api: FakeApi) -> None:
    with pytest.raises(ValueError, match="makes the `source` itself"):
        runloop.agent.create_from_npm(name="a", package_name="p", source={"type": "npm"})
    with pytest.raises(ArgumentError, match="name must be given"):
        runloop.agent.create_from_git(repository="r")
    assert api.calls == []


def test_an_agent_is_the_mount_of_a_devbox(runloop: Any, api: FakeApi) -> None:
    agent = runloop.agent.from_id("agt_1")
    runloop.devbox.create(mounts=[agent.as_mount(), agent.as_mount("~/a", auth_token="t")])
    plain = {"type": "agent_mount", "agent_id": "agt_1", "agent_name": None}
    assert api.bodies("POST /v1/devboxes.*")[0]["mounts"] == [
        plain,
        {**plain, "agent_path": "~/a", "auth_token": "t"},
    ]


def test_what_a_newer_service_adds_is_kept(runloop: Any, api: FakeApi) -> None:
    api.on("GET /v1/agents/agt_1", answer({**AGENT, "owner": "me", "source": {"type": "new"}}))
    info = runloop.agent.from_id("agt_1").get_info()
    assert (info.owner, info.source.type) == ("me", "new")
