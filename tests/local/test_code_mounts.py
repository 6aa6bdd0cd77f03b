"""Repositories in devboxes and blueprints."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .builds import cached, ended, failed, good, log, text
from .gits import bare, commit, git, site
from .running import Inside, server

TOKEN = "opens-it-all"


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A directory with the repository `app`: `v1` is its first commit, `feature/x` a branch of that."""
    work = tmp_path / "work"
    commit(work, {"version": "1\n", "deep/file": "content\n"}, tag="v1")
    git("-C", work, "branch", "feature/x")
    (work / "run").write_text("#!/bin/sh\necho ran\n")
    (work / "run").chmod(0o755)
    (work / "link").symlink_to("version")
    commit(work, {"version": "2\n"}, tag="v2")
    bare(work, tmp_path / "team" / "app.git")
    return tmp_path / "team"


def mount(team: Path | str, **more: Any) -> dict[str, Any]:
    """Return a code mount of `app`."""
    return {"repo_owner": str(team), "repo_name": "app", **more}


def why_failed(box: Box) -> str:
    """Return why a devbox failed."""
    assert box.view()["status"] == "failure"
    return str(next(line["message"] for line in box.logs() if line["level"] == "error"))


@pytest.fixture
def any_form(request: pytest.FixtureRequest) -> Any:
    """Each way to ask a devbox for repositories."""
    if request.param == "code_mounts":
        return lambda *mounts: {"code_mounts": list(mounts)}
    return lambda *mounts: {"mounts": [{"type": "code_mount", **mount} for mount in mounts]}


@pytest.mark.parametrize("any_form", ["code_mounts", "mounts"], indirect=True)
def test_a_repository_is_a_clone_in_the_home_and_is_installed(
    api: httpx.Client, team: Path, any_form: Any
) -> None:
    asked = any_form(mount(team, install_command="./run > ran\ncat version >> ran; pwd >> ran"))
    box = Box.create(api, launch_parameters={"launch_commands": ["cat app/ran > seen"]}, **asked)
    assert box.view()["status"] == "running", box.logs()
    assert box.text("cat seen").split("\n")[:2] == ["ran", "2"]
    assert box.text("cat seen").strip().endswith("/app")
    shown = box.text(
        "cd app; git status -sb; git log --oneline | wc -l; cat link; [ -O version ] && echo mine"
    )
    assert shown.split() == ["##", "main...origin/main", "??", "ran", "2", "2", "mine"]
    assert box.text("git -C app remote get-url origin").strip() == f"{team}/app"
    box.end()


@pytest.mark.parametrize(
    ("ref", "version", "head"),
    [("v1", "1", "HEAD"), ("feature/x", "1", "feature/x"), ("main", "2", "main"), ("COMMIT", "1", "HEAD")],
)
def test_a_branch_tag_or_commit_is_checked_out(
    api: httpx.Client, team: Path, ref: str, version: str, head: str
) -> None:
    if ref == "COMMIT":
        ref = git("-C", team / "app.git", "rev-parse", "v1^{commit}")
    box = Box.create(api, code_mounts=[mount(team, git_ref=ref)])
    assert box.text("cat app/version; git -C app rev-parse --abbrev-ref HEAD").split() == [version, head]
    box.end()


def test_a_missing_reference_or_repository_fails_the_devbox_with_the_reason(
    api: httpx.Client, team: Path
) -> None:
    for asked, words in (
        (mount(team, git_ref="v9"), f"`{team}/app` has no branch, tag or commit `v9`"),
        (mount(team / "none"), "cannot be had by git"),
        (
            mount(team, install_command="echo told >&2; exit 3"),
            "install command of app failed with exit status 3",
        ),
    ):
        box = Box.create(api, code_mounts=[asked])
        assert words in why_failed(box)


def test_a_directory_that_is_there_is_not_written_into(api: httpx.Client, team: Path) -> None:
    box = Box.create(api, code_mounts=[mount(team)], file_mounts={"app/mine": "x"})
    assert "there is something at" in why_failed(box)


def test_owners_and_names_are_below_the_base_that_the_server_is_told(team: Path, tmp_path: Path) -> None:
    with (
        server(tmp_path / "state", variables={"RUNLOOP_GIT_BASE": str(team.parent)}) as running,
        running.client() as api,
    ):
        box = Box.create(api, code_mounts=[{"repo_owner": "team", "repo_name": "app"}])
        assert box.text("cat app/version") == "2\n"
        box.end()
        shown = ok(
            api.post(
                "/v1/blueprints/preview",
                json={"name": "x", "code_mounts": [{"repo_owner": "team", "repo_name": "app"}]},
            )
        )
        assert f"git clone -- {team}/app /home/user/app" in shown["dockerfile"]


def test_a_name_may_be_a_whole_address(api: httpx.Client, team: Path) -> None:
    box = Box.create(api, code_mounts=[{"repo_owner": "any", "repo_name": f"file://{team}/app.git"}])
    assert box.text("cat app/version") == "2\n"
    box.end()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"repo_name": "../x"}, "repo_name"),
        ({"repo_name": ".."}, "repo_name"),
        ({"repo_name": "-x"}, "repo_name"),
        ({"repo_name": "a\0b"}, "repo_name"),
        ({"repo_name": "x" * 300}, "repo_name"),
        ({"repo_owner": "a/b"}, "repo_owner"),
        ({"repo_owner": ""}, "repo_owner"),
        ({"repo_name": "ext::sh -c true"}, "repo_name"),
        ({"repo_name": "ext://sh"}, "must be an address"),
        ({"repo_name": "https://user:pw@example.org/x.git"}, "password or token"),
        ({"repo_owner": "https://pw@example.org/x"}, "password or token"),
        ({"repo_name": "ssh://-oProxyCommand=x/y"}, "names no server"),
        ({"install_command": "a\0b"}, "install_command"),
    ],
)
def test_what_can_be_no_repository_is_refused_at_once(
    api: httpx.Client, asked: dict[str, str], words: str
) -> None:
    body = {"code_mounts": [{"repo_owner": "o", "repo_name": "n", **asked}]}
    message = refused(api.post("/v1/devboxes", json=body), 400, "invalid_request", words)
    assert "pw" not in message
    refused(api.post("/v1/blueprints", json={"name": "x", **body}), 400, "invalid_request", words)


def test_two_repositories_of_one_directory_are_refused(api: httpx.Client) -> None:
    body = {"code_mounts": [{"repo_owner": "a", "repo_name": "n"}, {"repo_owner": "b", "repo_name": "n"}]}
    refused(api.post("/v1/devboxes", json=body), 400, "invalid_request", "the directory `n`")


def test_a_token_opens_a_repository_and_is_nowhere_afterwards(api: httpx.Client, team: Path) -> None:
    with site(team, TOKEN) as (address, seen):
        asked = mount(address, token=TOKEN, install_command=f"env; echo {TOKEN}")
        box = Box.create(api, code_mounts=[asked])
        closed = Box.create(api, code_mounts=[mount(address)])
        wrong = Box.create(api, code_mounts=[mount(address, token="another-one")])
        blueprint = good(api, None, code_mounts=[mount(address, token=TOKEN)])
    assert box.text("cat app/version") == "2\n"
    assert any(seen)
    assert TOKEN not in box.text("cat app/.git/config app/.git/FETCH_HEAD 2>&1; env; true")
    assert "***" in str(box.logs())
    assert "give a token that opens it" in why_failed(closed)
    assert "give another token" in why_failed(wrong)
    assert blueprint["parameters"]["code_mounts"][0]["repo_owner"] == address
    for told in (box.logs(), closed.logs(), wrong.logs(), box.view(), blueprint, log(api, blueprint)):
        assert TOKEN not in str(told)
        assert "another-one" not in str(told)
    box.end()


def test_a_token_goes_to_no_other_server(api: httpx.Client, team: Path) -> None:
    with site(team) as (other, seen), moving(other) as address:
        box = Box.create(api, code_mounts=[mount(address, token=TOKEN)])
    assert not any(seen)
    box.end()


def moving(other: str) -> Any:
    """Serve nothing but the way to another site, which asks who it is."""
    from contextlib import contextmanager
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", other + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    @contextmanager
    def served() -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
            thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{running.server_port}"
            running.shutdown()
            thread.join()

    return served()


def test_a_blueprint_holds_its_repositories_and_what_was_installed(api: httpx.Client, team: Path) -> None:
    asked = {
        "code_mounts": [mount(team, git_ref="main", install_command="cat ../note version > installed")],
        "file_mounts": {"note": "noted\n"},
        "system_setup_commands": ["cat app/installed > last"],
    }
    blueprint = good(api, None, **asked)
    assert text(api, blueprint, "cat last; git -C app status -s") == "noted\n2\n?? installed\n"
    again = good(api, None, **asked)
    assert len(cached(api, again)) == 4
    newer = team.parent / "work"
    commit(newer, {"version": "3\n"})
    git("-C", newer, "push", "-q", team / "app.git", "main")
    changed = good(api, None, **asked)
    assert text(api, changed, "cat last") == "noted\n3\n"
    assert len(cached(api, changed)) == 1
    failed(
        api, "", f"`{team}/app` has no branch, tag or commit `v9`", code_mounts=[mount(team, git_ref="v9")]
    )


def test_a_devbox_that_ends_does_not_wait_for_its_repository(api: httpx.Client) -> None:
    """The server takes the connection, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        view = ok(api.post("/v1/devboxes", json={"code_mounts": [mount(address)]}))
        box = Box(api, view["id"])
        with silent.accept()[0] as connection:
            box.post("shutdown")
            assert box.view()["status"] == "shutdown"
            while connection.recv(4096):  # What git asked for, and then that it has gone.
                pass


def test_without_git_the_devbox_fails_with_what_to_get(tmp_path: Path, team: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            if not program.name.startswith("git") and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    assert shutil.which("git", path=str(programs)) is None
    with (
        server(tmp_path / "state", isolation="process", variables={"PATH": str(programs)}) as running,
        running.client() as api,
    ):
        assert "install git" in why_failed(Box.create(api, code_mounts=[mount(team)]))
        view = ended(api, ok(api.post("/v1/blueprints", json={"name": "x", "code_mounts": [mount(team)]})))
        assert "install git" in log(api, view)[-1][1]


@pytest.mark.asyncio
async def test_a_clone_is_left_when_its_devbox_ends_and_nothing_of_it_stays(within: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        identifier = await within.create(code_mounts=[mount(address)])
        with (await asyncio.to_thread(silent.accept))[0] as connection:
            assert list(within.backend.directory.glob("cloned-*"))
            await within.api.post(f"/v1/devboxes/{identifier}/shutdown")
            while await asyncio.to_thread(connection.recv, 4096):
                pass
    await asyncio.to_thread(_wait_until_none, within.backend.directory, "cloned-*")


def _wait_until_none(directory: Path, pattern: str) -> None:
    while list(directory.glob(pattern)):
        time.sleep(0.01)
