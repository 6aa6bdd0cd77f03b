"""Repositories that the server knows, their inspections, and blueprints of these."""

from __future__ import annotations

import socket
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .builds import ended, log, text
from .gits import bare, commit, git, site
from .running import server, start

TOKEN = "opens-it-all"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A bare repository of a project that is installed without a network."""
    files = {
        "Makefile": "test:\n\tcat installed\n",
        "package.json": '{"name": "app", "scripts": {"postinstall": "echo done > installed"}}',
        ".env.example": "TOKEN=\nPORT=80\n",
        "compose.yml": "services:\n  db:\n    image: postgres\n",
    }
    commit(tmp_path / "work", files)
    return bare(tmp_path / "work", tmp_path / "team" / "app.git")


def known(api: httpx.Client, owner: Path | str, name: str = "app", **more: Any) -> Any:
    """Have the server know a repository, and return its view."""
    return ok(api.post("/v1/repositories", json={"owner": str(owner), "name": name, **more}))


def inspected(api: httpx.Client, view: Any, **params: Any) -> Any:
    """Inspect a repository, and return what was found when that is over."""
    details = ok(api.post(f"/v1/repositories/{view['id']}/inspect", json=params))
    while details["status"] == "inspection_pending":
        time.sleep(0.01)
        details = ok(api.get(f"/v1/repositories/inspections/{details['id']}"))
    return details


def test_repositories_are_kept_found_and_deleted(api: httpx.Client) -> None:
    owner = f"o-{uuid.uuid4().hex}"
    first, second = known(api, owner, "one"), known(api, owner, "two")
    assert (first["owner"], first["name"]) == (owner, "one")
    assert set(first) == {"id", "name", "owner"}

    def listed(**query: Any) -> list[str]:
        return [view["id"] for view in ok(api.get("/v1/repositories", params=query))["repositories"]]

    assert listed(owner=owner) == [second["id"], first["id"]]
    assert listed(owner=owner, name="one") == [first["id"]]
    assert listed(owner=owner, limit=1, starting_after=second["id"]) == [first["id"]]
    assert listed(owner=owner[:-1]) == []
    assert ok(api.get(f"/v1/repositories/{first['id']}")) == first
    assert ok(api.post(f"/v1/repositories/{first['id']}/delete")) == {}
    for call in ("", "/inspections"):
        refused(api.get(f"/v1/repositories/{first['id']}{call}"), 404, "not_found", first["id"])
    for call in ("delete", "inspect", "refresh"):
        refused(api.post(f"/v1/repositories/{first['id']}/{call}"), 404, "not_found", first["id"])
    refused(api.get("/v1/repositories/inspections/rpi_none"), 404, "not_found", "rpi_none")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x"}, "`owner` is missing"),
        ({"owner": "a/b", "name": "x"}, "`owner`"),
        ({"owner": "a", "name": "../x"}, "`name`"),
        ({"owner": "a", "name": "https://t:pw@b/c"}, "password or token"),
        ({"owner": "a", "name": "x", "blueprint_id": "bpt_none"}, "bpt_none"),
    ],
)
def test_what_can_be_no_repository_is_refused(api: httpx.Client, body: dict[str, str], words: str) -> None:
    message = refused(api.post("/v1/repositories", json=body), 400, "invalid_request", words)
    assert "pw" not in message


def test_an_inspection_tells_what_is_in_the_repository(api: httpx.Client, app: Path) -> None:
    view = known(api, app.parent)
    found = inspected(api, view)
    assert found["status"] == "inspection_success", found
    assert found["commit_sha"] == git("-C", app, "rev-parse", "HEAD")
    manifest = found["repository_manifest"]
    assert [one["language"] for one in manifest["languages"]] == ["javascript"]
    assert manifest["workspaces"][0]["build_tool"] == ["npm", "make"]
    assert manifest["containerized_services"][0]["name"] == "db"
    assert (manifest["env_vars"], manifest["required_env_vars"]) == ({"PORT": "80"}, ["TOKEN"])
    again = inspected(api, view)
    answer = ok(api.get(f"/v1/repositories/{view['id']}/inspections"))
    assert [one["id"] for one in answer["inspections"]] == [again["id"], found["id"]]
    ok(api.post(f"/v1/repositories/{view['id']}/delete"))
    refused(api.get(f"/v1/repositories/inspections/{found['id']}"), 404, "not_found")


def test_an_inspection_says_why_it_failed(api: httpx.Client, app: Path, tmp_path: Path) -> None:
    found = inspected(api, known(api, tmp_path / "none"))
    assert found["status"] == "repo_access_failure"
    assert f"{tmp_path}/none/app" in found["failure_message"]
    with site(app.parent, TOKEN) as (address, _):
        closed, wrong = known(api, address), known(api, address, github_auth_token="another")
        opened = known(api, address, github_auth_token=TOKEN)
        for view in (closed, wrong):
            found = inspected(api, view)
            assert found["status"] == "repo_authentication_failure"
            assert "token" in found["failure_message"]
        assert inspected(api, opened)["status"] == "inspection_success"
        assert inspected(api, closed, github_auth_token=TOKEN)["status"] == "inspection_success"
        # Only for that time: a refresh keeps it.
        assert inspected(api, closed)["status"] == "repo_authentication_failure"
        assert (
            ok(api.post(f"/v1/repositories/{closed['id']}/refresh", json={"github_auth_token": TOKEN})) == {}
        )
        assert inspected(api, closed)["status"] == "inspection_success"
    shown = [
        *ok(api.get(f"/v1/repositories/{closed['id']}/inspections"))["inspections"],
        ok(api.get(f"/v1/repositories/{closed['id']}")),
    ]
    assert TOKEN not in str(shown)
    assert len(shown) == 6


def test_a_blueprint_of_an_inspection_holds_the_repository_ready_to_use(api: httpx.Client, app: Path) -> None:
    probe = Box.create(api)
    if probe.text("command -v npm; true") == "":
        pytest.skip("devboxes have no npm here")
    probe.end()
    view = known(api, app.parent)
    refused(
        api.post("/v1/devboxes", json={"repo_connection_id": view["id"]}), 400, "invalid_request", "inspect"
    )
    found = inspected(api, view)
    commit(app.parent.parent / "work", {"later": ""})
    git("-C", app.parent.parent / "work", "push", "-q", app, "main")
    body = {
        "name": f"of-{uuid.uuid4().hex}",
        "inspection_source": {"inspection_id": found["id"]},
        "file_mounts": {"note": "noted"},
        "metadata": {"a": "b"},
        "system_setup_commands": ["make -s -C app test > made"],
    }
    blueprint = ended(api, ok(api.post("/v1/blueprints/create_from_inspection", json=body)))
    assert blueprint["status"] == "build_complete", log(api, blueprint)
    assert blueprint["metadata"] == {"a": "b"}
    shown = text(api, blueprint, "cat made note; git -C app rev-parse HEAD; ls app/later 2>&1 | wc -l")
    assert shown.split() == ["done", f"noted{found['commit_sha']}", "1"]
    after = ok(api.get(f"/v1/repositories/inspections/{found['id']}"))
    assert (after["blueprint_id"], after["blueprint_name"], after["build_status"]) == (
        blueprint["id"],
        body["name"],
        "image_build_success",
    )
    box = Box.create(api, repo_connection_id=view["id"])
    assert box.view()["blueprint_id"] == blueprint["id"]
    assert box.text("cat made") == "done\n"
    box.end()
    both = {"repo_connection_id": view["id"], "blueprint_id": blueprint["id"]}
    refused(api.post("/v1/devboxes", json=both), 400, "invalid_request", "both given")
    refused(
        api.post("/v1/devboxes", json={"repo_connection_id": "rep_none"}), 400, "invalid_request", "rep_none"
    )


def test_a_blueprint_of_an_inspection_stands_on_the_repositorys_blueprint(
    api: httpx.Client, tmp_path: Path
) -> None:
    commit(tmp_path / "work", {"file": "content\n"})
    base = ended(api, ok(api.post("/v1/blueprints", json={"name": "b", "file_mounts": {"below": "base\n"}})))
    view = known(api, "any", str(tmp_path / "work"))
    ok(api.post(f"/v1/repositories/{view['id']}/refresh", json={"blueprint_id": base["id"]}))
    found = inspected(api, view)
    source = {"inspection_id": found["id"]}
    body = {"name": "x", "inspection_source": source}
    blueprint = ended(api, ok(api.post("/v1/blueprints/create_from_inspection", json=body)))
    assert blueprint["base_blueprint_id"] == base["id"]
    assert text(api, blueprint, "cat below work/file") == "base\ncontent\n"


def test_no_blueprint_is_made_of_what_was_not_inspected(api: httpx.Client, tmp_path: Path) -> None:
    failed = inspected(api, known(api, tmp_path / "none"))
    for identifier, words in (("rpi_none", "there is no inspection"), (failed["id"], "repo_access_failure")):
        body = {"name": "x", "inspection_source": {"inspection_id": identifier}}
        answer = api.post("/v1/blueprints/create_from_inspection", json=body)
        refused(answer, 400, "invalid_request", "inspection_source.inspection_id", words)


def test_repositories_and_inspections_outlive_the_server(app: Path, tmp_path: Path) -> None:
    with server(tmp_path / "state") as first, first.client() as api:
        view = known(api, app.parent)
        found = inspected(api, view)
    with server(tmp_path / "state") as second, second.client() as api:
        assert ok(api.get(f"/v1/repositories/{view['id']}")) == view
        assert ok(api.get(f"/v1/repositories/inspections/{found['id']}")) == found


def test_an_inspection_that_a_killed_server_did_not_finish_has_failed(tmp_path: Path) -> None:
    first = start(tmp_path / "state")
    assert first.process.stdout is not None
    with socket.create_server(("127.0.0.1", 0)) as silent, first.process.stdout:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with first.client() as api:
            view = known(api, address)
            ok(api.post(f"/v1/repositories/{view['id']}/refresh"))
        with silent.accept()[0] as connection:
            first.process.kill()
            first.process.wait()
            while connection.recv(4096):  # Git ends with the server.
                pass
    with server(tmp_path / "state") as second, second.client() as api:
        [found] = ok(api.get(f"/v1/repositories/{view['id']}/inspections"))["inspections"]
    assert found["status"] == "inspection_failed"
    assert "inspect it again" in found["failure_message"]
