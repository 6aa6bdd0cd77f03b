"""Agents: kept by the server, mounted into devboxes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import uuid
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.agent_mounts import Package, install_command

from .box import Box, ok, refused
from .gits import bare, commit, git, site
from .running import server
from .storing import archive, member, stored
from .test_code_mounts import why_failed

TOKEN = "opens-it-all"


def agent(api: httpx.Client, kind: str, version: str | None = None, **details: Any) -> Any:
    """Make an agent, and return its view."""
    body = {"name": f"agent-{uuid.uuid4().hex}", "source": {"type": kind, kind: details}}
    return ok(api.post("/v1/agents", json=body | ({"version": version} if version else {})))


def mount(view: Any, path: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the mount of an agent by its id."""
    return {"type": "agent_mount", "agent_id": view["id"], "agent_name": None, "agent_path": path, **more}


def wheel(version: str = "1.0") -> bytes:
    """Return a wheel with the module `tool` and a program of that name."""
    info = f"runloop_test_tool-{version}.dist-info"
    files = {
        "runloop_test_tool.py": f"def main():\n    print('tool {version}')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: runloop-test-tool\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nruntool = runloop_test_tool:main\n",
    }
    record = [f"{name},{_digest(text)},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return target.getvalue()


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def npm_package() -> bytes:
    """Return a package as `npm pack` makes it, with the program `runtool`."""
    about = {"name": "runloop-test-tool", "version": "1.0.0", "bin": {"runtool": "cli.js"}}
    return archive(
        member("package/package.json", json.dumps(about).encode()),
        member("package/cli.js", b"#!/usr/bin/env node\nconsole.log('npm tool')\n", mode=0o755),
    )


@pytest.fixture
def wheels(api: httpx.Client) -> list[dict[str, Any]]:
    """The mount of an index of wheels, as pip reads one, at `~/index`."""
    names = [f"runloop_test_tool-{version}-py3-none-any.whl" for version in ("1.0", "2.0")]
    links = "".join(f'<a href="{name}">{name}</a>' for name in names)
    members = [
        member(f"runloop-test-tool/{name}", wheel(version))
        for name, version in zip(names, ("1.0", "2.0"), strict=True)
    ]
    page = member(
        "runloop-test-tool/index.html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    )
    identifier = stored(api, archive(*members, page), "tgz")
    return [{"type": "object_mount", "object_id": identifier, "object_path": "~/index"}]


def test_agents_are_kept_found_and_deleted(api: httpx.Client) -> None:
    name = f"name-{uuid.uuid4().hex}"
    first = ok(api.post("/v1/agents", json={"name": name}))
    second = ok(
        api.post(
            "/v1/agents",
            json={
                "name": f"{name}-2",
                "version": "9",
                "source": {"type": "npm", "npm": {"package_name": "x"}},
            },
        )
    )
    assert first["id"].startswith("agt_")
    assert (first["is_public"], first["source"]) == (False, None)
    assert second["source"]["npm"]["package_name"] == "x"
    assert ok(api.get(f"/v1/agents/{first['id']}")) == first

    def listed(**query: Any) -> list[str]:
        page = ok(api.get("/v1/agents", params={"limit": 100, **query}))
        return [view["id"] for view in page["agents"] if view["id"] in (first["id"], second["id"])]

    assert listed(name=name) == [second["id"], first["id"]]
    assert listed(search=first["id"]) == [first["id"]]
    assert listed(search=f"{name}-2") == [second["id"]]
    assert listed(name=name, version="9") == [second["id"]]
    assert listed(name=name, version="latest") == [second["id"]]
    assert listed(name=name, is_public=True) == []
    assert listed(name=name, is_public=False) == [second["id"], first["id"]]
    assert listed(name=name, starting_after=second["id"]) == [first["id"]]
    assert ok(api.get("/v1/agents/list_public", params={"name": name}))["agents"] == []
    assert ok(api.post(f"/v1/agents/{first['id']}/delete")) == {}
    refused(api.get(f"/v1/agents/{first['id']}"), 404, "not_found", first["id"])
    refused(api.post(f"/v1/agents/{first['id']}/delete"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": " "}, "`name` is empty"),
        ({"name": "x", "source": {"type": "npm"}}, "`source.npm` alone; there is nothing"),
        ({"name": "x", "source": {"type": "npm", "pip": {"package_name": "x"}}}, "there is `pip`"),
        (
            {
                "name": "x",
                "source": {"type": "pip", "pip": {"package_name": "x"}, "npm": {"package_name": "x"}},
            },
            "there is `npm`, `pip`",
        ),
        ({"name": "x", "source": {"type": "cargo"}}, "source.type"),
        ({"name": "x", "source": {"type": "npm", "npm": {"package_name": "--help"}}}, "package_name"),
        ({"name": "x", "source": {"type": "npm", "npm": {"package_name": ""}}}, "package_name"),
        ({"name": "x", "source": {"type": "npm", "npm": {}}}, "source.npm.package_name"),
        (
            {
                "name": "x",
                "version": "1",
                "source": {"type": "npm", "npm": {"package_name": "x", "npm_version": "2"}},
            },
            "`version` differ",
        ),
        (
            {"name": "x", "source": {"type": "pip", "pip": {"package_name": "/x.whl", "pip_version": "2"}}},
            "goes with the name of a package",
        ),
        (
            {
                "name": "x",
                "source": {"type": "pip", "pip": {"package_name": "x", "registry_url": "https://a:pw@b/"}},
            },
            "password or token",
        ),
        (
            {"name": "x", "source": {"type": "git", "git": {"repository": "https://pw@b/c"}}},
            "password or token",
        ),
        ({"name": "x", "source": {"type": "git", "git": {"repository": "ext::sh"}}}, "must be an address"),
        ({"name": "x", "source": {"type": "git", "git": {"repository": "b/c"}}}, "source.git.repository"),
        ({"name": "x", "source": {"type": "object", "object": {"object_id": "obj_none"}}}, "obj_none"),
        (
            {"name": "x", "source": {"type": "git", "git": {"repository": "/x", "agent_setup": ["a\0b"]}}},
            "agent_setup",
        ),
    ],
)
def test_what_can_be_no_agent_is_refused(api: httpx.Client, body: dict[str, Any], words: str) -> None:
    message = refused(api.post("/v1/agents", json=body), 400, "invalid_request", words)
    assert "pw" not in message


def test_what_cannot_be_mounted_is_refused_at_once(api: httpx.Client) -> None:
    def refusal(mount: dict[str, Any], *words: str) -> None:
        refused(api.post("/v1/devboxes", json={"mounts": [mount]}), 400, "invalid_request", *words)

    empty = ok(api.post("/v1/agents", json={"name": "empty"}))
    refusal(mount(empty), "has no source")
    refusal(mount({"id": "agt_none"}), "mounts.0.agent_id", "agt_none")
    refusal(mount({"id": None}), "both empty")
    refusal({**mount({"id": None}), "agent_name": "emptyy"}, "agent_name", "did you mean `empty`?")
    refusal(mount(agent(api, "git", repository="/x")), "agent_path")
    refusal(mount(agent(api, "git", repository="/x"), "a\0b"), "NUL")
    identifier = stored(api, b"x", "text")
    gone = agent(api, "object", object_id=identifier)
    ok(api.post(f"/v1/objects/{identifier}/delete"))
    refusal(mount(gone, "~/x"), "deleted")


def test_a_package_of_pip_is_installed_for_the_user_by_its_version(
    api: httpx.Client, wheels: list[dict[str, Any]]
) -> None:
    for version, given, shown in (
        ("1.0", {}, "1.0"),
        (None, {"pip_version": "<2"}, "1.0"),
        (None, {}, "2.0"),
    ):
        made = agent(
            api,
            "pip",
            version,
            package_name="runloop-test-tool",
            registry_url="file:///home/user/index",
            agent_setup=["runtool > set-up"],
            **given,
        )
        home = Box.create(api)
        place = home.text("echo ~").strip()
        home.end()
        if place != "/home/user":
            pytest.skip("the index needs a fixed address, and there is no `/home/user` here")
        commands = {"launch_commands": ["runtool >> set-up"]}
        box = Box.create(api, mounts=[*wheels, mount(made)], launch_parameters=commands)
        assert box.view()["status"] == "running", box.logs()
        assert box.text("cat set-up") == f"tool {shown}\n" * 2
        assert box.text("python3 -c 'import runloop_test_tool as t; t.main()'") == f"tool {shown}\n"
        box.end()


def test_a_package_of_pip_may_have_a_place_of_its_own(api: httpx.Client) -> None:
    probe = Box.create(api)
    has_pip = probe.text("python3 -m pip --version >&2 && echo yes; true")
    probe.end()
    if not has_pip:
        pytest.skip("devboxes have no pip here")
    identifier = stored(api, wheel(), "binary")
    name = "runloop_test_tool-1.0-py3-none-any.whl"
    made = agent(api, "pip", package_name=name, agent_setup=["bin/runtool > said"])
    mounts = [{"type": "object_mount", "object_id": identifier, "object_path": f"~/{name}"}]
    box = Box.create(api, mounts=[mount(made, "~/agents/tool"), *mounts])
    assert box.view()["status"] == "running", box.logs()
    assert box.text("cat agents/tool/said; type runtool 2>&1 | tail -1") != ""
    assert box.text("cat agents/tool/said") == "tool 1.0\n"
    box.end()


@pytest.mark.parametrize("path", [None, "~/agents/tool"])
def test_a_package_of_npm_is_installed_by_the_devboxs_own(api: httpx.Client, path: str | None) -> None:
    probe = Box.create(api)
    has_npm = "npm" in probe.text("command -v npm; true")
    probe.end()
    if not has_npm:
        pytest.skip("devboxes have no npm here")
    identifier = stored(api, npm_package(), "binary")
    made = agent(api, "npm", package_name="./tool.tgz")
    mounts = [{"type": "object_mount", "object_id": identifier, "object_path": "~/tool.tgz"}]
    box = Box.create(api, mounts=[*mounts, mount(made, path)])
    assert box.view()["status"] == "running", box.logs()
    program = "runtool" if path is None else "agents/tool/bin/runtool"
    assert box.text(program) == "npm tool\n"
    box.end()


def test_a_failed_installation_fails_the_devbox_and_names_the_agent(api: httpx.Client) -> None:
    made = agent(api, "pip", package_name="./none.whl")
    message = why_failed(Box.create(api, mounts=[mount(made)]))
    assert f"agent {made['name']}: pip install failed" in message
    assert "none.whl" in message


@pytest.mark.parametrize(
    ("manager", "words"), [("npm", "the package `npm`"), ("pip", "the package `python3-pip`")]
)
@pytest.mark.parametrize("place", [None, "/nowhere"])
def test_without_npm_or_pip_the_error_says_what_to_get(
    tmp_path: Path, manager: str, words: str, place: str | None
) -> None:
    command = install_command(Package(manager, "x"), place)
    done = subprocess.run(
        ["/bin/bash", "-c", command], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 127
    assert words in done.stderr


def test_words_of_a_package_stay_words() -> None:
    for manager in ("npm", "pip"):
        command = install_command(Package(manager, "a; touch b", "http://r/$(touch c)"), "/d; touch e")
        assert "'a; touch b'" in command
        assert "'http://r/$(touch c)'" in command
        assert "'/d; touch e'" in command


def test_a_repository_is_cloned_to_its_place_and_set_up(api: httpx.Client, tmp_path: Path) -> None:
    work = tmp_path / "work"
    commit(work, {"agent.sh": "echo one\n"}, tag="v1")
    commit(work, {"agent.sh": "echo two\n"})
    served = bare(work, tmp_path / "site" / "agent.git")
    setup = ["sh agent.sh > said", "cat said >> ../log"]
    with site(served.parent, TOKEN) as (address, _):
        url = f"{address}/agent.git"
        old, new = (
            agent(api, "git", repository=url, ref="v1", agent_setup=setup),
            agent(api, "git", None, repository=url, agent_setup=setup),
        )
        mounts = [mount(old, "~/agents/old", auth_token=TOKEN), mount(new, "~/agents/new", auth_token=TOKEN)]
        box = Box.create(api, mounts=mounts)
    assert box.view()["status"] == "running", box.logs()
    assert box.text("cat agents/log; git -C agents/new log --oneline | wc -l").split() == ["one", "two", "2"]
    assert TOKEN not in str(box.logs()) + box.text("cat agents/new/.git/config; env")
    box.end()
    by_version = agent(api, "git", "v1", repository=str(served))
    box = Box.create(api, mounts=[mount(by_version, "~/a")])
    assert box.text("sh a/agent.sh") == "one\n"
    box.end()
    assert git("-C", served, "rev-parse", "v1")


def test_an_object_is_unpacked_at_its_place_and_set_up(api: httpx.Client) -> None:
    identifier = stored(api, archive(member("run.sh", b"echo ran\n")), "tgz")
    made = agent(api, "object", object_id=identifier, agent_setup=["sh run.sh > said"])
    box = Box.create(api, mounts=[mount(made, "~/agent")])
    assert box.text("cat agent/said") == "ran\n"
    box.end()


def test_a_name_means_its_newest_agent_and_an_id_exactly_one(api: httpx.Client) -> None:
    name = f"twice-{uuid.uuid4().hex}"
    ids = []
    for text in (b"old", b"new"):
        source = {"type": "object", "object": {"object_id": stored(api, text, "text")}}
        ids.append(ok(api.post("/v1/agents", json={"name": name, "source": source}))["id"])
    for identifier, shown in ((None, "new"), (ids[0], "old"), (ids[1], "new")):
        asked = {"type": "agent_mount", "agent_id": identifier, "agent_name": name, "agent_path": "~/it"}
        box = Box.create(api, mounts=[asked])
        assert box.text("cat it") == shown
        box.end()
    counts = ok(api.get("/v1/agents/devbox_counts"))
    assert counts["counts"][name] == 3
    assert counts["total_count"] >= 3


def test_agents_outlive_the_server(tmp_path: Path) -> None:
    with server(tmp_path / "state") as first, first.client() as api:
        made = agent(api, "git", repository="/somewhere")
    with server(tmp_path / "state") as second, second.client() as api:
        assert ok(api.get(f"/v1/agents/{made['id']}")) == made
