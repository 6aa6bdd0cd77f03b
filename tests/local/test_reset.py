"""Putting a devbox back to its starting state, which only the local backend can do in one step."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..support.tiers import need
from .box import Box, ok, refused
from .running import Server, server

DIRTY = r"""
echo dirt > new && mkdir -p deep/er && echo dirt > deep/er/file && ln -s /etc/passwd link
echo dirt >> mounted && chmod 000 mounted && rm launched && echo 'export A=dirt' >> .bash_profile
(setsid sh -c 'trap "" TERM HUP; sleep 7654321 & exec sleep 7654321' >/dev/null 2>&1 &)
(setsid python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 0));
open("port", "w").write(str(s.getsockname()[1])); time.sleep(7654321)' {mark} >/dev/null 2>&1 &)
until test -s port; do sleep 0.05; done
"""
LOOK = "ls -A | sort; cat mounted launched; stat -c '%a' mounted; echo \"A=$A\"; pwd"


@pytest.fixture(params=["namespace", "container", "landlock", "process"])
def of_a_tier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server of each tier that this machine has."""
    need(request.param, tmp_path / "probe")
    with server(tmp_path / "state", "--isolation", request.param) as running:
        yield running


def test_nothing_of_what_a_test_did_outlives_a_reset(of_a_tier: Server) -> None:
    mark = f"mark-{uuid.uuid4().hex}"
    with of_a_tier.client() as api:
        box = Box.create(
            api,
            name="first",
            metadata={"a": "b"},
            file_mounts={"mounted": "as mounted\n"},
            environment_variables={"A": "1"},
            launch_parameters={"launch_commands": ["echo launched > launched"]},
        )
        before = box.text(LOOK)
        hung = box.begin("sleep 7654321")
        box.text("export IN_SHELL=dirt", shell_name="s")
        box.text(DIRTY.replace("{mark}", mark))
        ok(api.post(f"/v1/devboxes/{box.id}", json={"name": "second", "metadata": {}}))
        tunnel = ok(box.post("create_tunnel", {"port": int(box.text("cat port"))}))
        assert ok(api.post(f"/_local/devboxes/{box.id}/reset")) == {"id": box.id, "clean": True}
        assert box.text(LOOK) == before
        assert box.text('echo "$IN_SHELL"', shell_name="s") == "\n"
        assert box.finish(hung)["exit_status"] == 137
        view = box.view()
        assert (view["status"], view["name"], view["metadata"]) == ("running", "first", {"a": "b"})
        assert not _processes_that_say(mark)
        with pytest.raises(httpx.ConnectError):
            httpx.get(tunnel["url"], timeout=10)
        assert not any("dirt" in line["message"] or "dirt" in (line["cmd"] or "") for line in box.logs())
        box.end()
        answer = api.post(f"/_local/devboxes/{box.id}/reset")
        refused(answer, 400, "devbox_not_running", "reset it", box.id)


def _processes_that_say(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text(errors="replace")
        except OSError:  # It has ended.
            continue
        if mark in text and "python3" in text:
            found.append(text)
    return found


def test_what_a_devbox_had_from_the_start_it_has_after_a_reset(api: httpx.Client) -> None:
    entrypoint = "echo started >> started; sleep 7654321"
    box = Box.create(api, entrypoint=entrypoint, tunnel={"auth_mode": "open"})
    first = box.view()["tunnel"]["tunnel_key"]
    for _ in range(2):
        ok(api.post(f"/_local/devboxes/{box.id}/reset"))
        assert box.text("until test -s started; do sleep 0.05; done; cat started") == "started\n"
    assert box.view()["tunnel"]["tunnel_key"] != first
    box.end()


def test_a_devbox_that_does_not_come_up_again_has_failed(api: httpx.Client) -> None:
    refused(api.post("/_local/devboxes/dbx_none/reset"), 404, "not_found")
    content = ok(api.post("/v1/objects", json={"name": "o", "content_type": "text"}))
    httpx.put(content["upload_url"], content=b"x").raise_for_status()
    ok(api.post(f"/v1/objects/{content['id']}/complete"))
    mount = {"type": "object_mount", "object_id": content["id"], "object_path": "file"}
    box = Box.create(api, mounts=[mount])
    assert box.text("cat file") == "x"
    ok(api.post(f"/v1/objects/{content['id']}/delete"))
    refused(api.post(f"/_local/devboxes/{box.id}/reset"), 400, "devbox_not_running", "create another")
    assert box.view()["status"] == "failure"
