"""Paths that a devbox or a caller gives to the server: none of them leads out of the devbox."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.engine.protocol import BoxSpec, Capability, CapabilityError
from tests.local.box import Box, ok
from tests.local.running import Server
from tests.support.boxes import get, put, run, say, start

from .conftest import SECRET, Room

UP = "../" * 40


def _tricks(place: Path, pid: int) -> list[str]:
    """Return paths of a file outside."""
    return [
        str(place),
        f"{UP}{str(place)[1:]}",
        f"~/{UP}{str(place)[1:]}",
        f"/home/user/{UP}{str(place)[1:]}",
        f"/proc/self/root{place}",
        f"/proc/1/root{place}",
        f"/proc/{pid}/root{place}",
        f"/proc/{pid}/cwd/{place.name}",
        f"/proc/thread-self/root{place}",
        f"/dev/fd/../root{place}",
        f"//{place}",
    ]


_LINKS = """
ln -s {outside} linked; ln -s {outside}/secret link; ln -s {outside}/new dangling
ln -s ~/linked chain; ln -s /proc/self/root{outside} magic; mkdir -p a; ln -s ../linked a/deep
ln {outside}/secret hard 2>/dev/null; true
"""
_THROUGH_LINKS = ("linked/secret", "linked/new", "link", "dangling", "chain/new", "magic/new", "a/deep/new")


@pytest.mark.asyncio
async def test_no_path_writes_outside(room: Room) -> None:
    await say(room.box, _LINKS.format(outside=room.outside))
    for name in ("secret", "new", "new/deep"):
        for path in _tricks(room.outside / name, os.getpid()):
            await _try_to_write(room, path)
    for path in _THROUGH_LINKS:
        await _try_to_write(room, path)
    assert room.untouched()


async def _try_to_write(room: Room, path: str) -> None:
    for parents in (False, True):
        try:
            await put(room.box, path, b"changed", parents=parents)
        except (OSError, CapabilityError):
            continue


@pytest.mark.asyncio
async def test_no_path_reads_outside(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    await say(room.box, _LINKS.format(outside=room.outside))
    for path in [*_tricks(room.outside / "secret", os.getpid()), *_THROUGH_LINKS, "hard"]:
        try:
            content = await get(room.box, path)
        except (OSError, CapabilityError):
            continue
        assert SECRET.encode() not in content, path


_SWAP = """
import os
os.makedirs("real", exist_ok=True); os.makedirs("real2", exist_ok=True)
if not os.path.lexists("place"): os.mkdir("place")
print("go", flush=True)
while True:
    # A directory, then a link to the outside, then a directory again.
    os.rename("place", "kept"); os.symlink(given_outside, "place")
    os.unlink("place"); os.rename("kept", "place")
"""


@pytest.mark.asyncio
async def test_a_directory_swapped_for_a_link_while_it_is_written_leads_nowhere(room: Room) -> None:
    await put(room.box, "swap.py", f"given_outside = {str(room.outside)!r}\n{_SWAP}".encode())
    await say(room.box, "mkdir -p place; touch before")
    swapping = await start(room.box, "exec python3 swap.py")
    try:
        for number in range(300):
            await _try_to_write(room, f"place/file{number}")
            await _try_to_write(room, f"place/deep{number}/file")
            await _try_to_write(room, "place/secret")
    finally:
        swapping.signal(9, group=True)
        await swapping.wait()
    assert room.untouched()


@pytest.mark.asyncio
async def test_a_snapshot_takes_a_link_as_a_link(room: Room) -> None:
    await say(room.box, f"ln -s {room.outside}/secret link; ln -s {room.outside} linked")
    layer = await room.box.freeze()
    copy = await room.engine.boot(BoxSpec("copy", layer=layer))
    assert await say(copy, "readlink link linked") == f"{room.outside}/secret\n{room.outside}"
    await room.engine.layers.delete(layer)
    await copy.destroy()
    assert room.untouched()


@pytest.mark.asyncio
async def test_what_ends_takes_only_its_own_files_along(room: Room) -> None:
    box = await room.engine.boot(BoxSpec("short"))
    await say(box, f"ln -s {room.outside} linked; mkdir d; ln -s {room.outside} d/linked; chmod 000 d")
    await box.destroy()
    await room.engine.close()
    assert room.untouched()


@pytest.mark.asyncio
async def test_a_command_does_not_start_outside(room: Room) -> None:
    room.needs(Capability.OWN_ROOT)
    for path in (str(room.outside), f"{UP}{str(room.outside)[1:]}", f"/proc/1/root{room.outside}"):
        with pytest.raises(OSError, match=r"."):
            await run(room.box, "cat secret", cwd=path)


# The same by the API


@pytest.fixture
def devbox(tier_api: httpx.Client) -> Any:
    made = Box.create(tier_api)
    yield made
    made.end()


def _post(devbox: Box, call: str, **body: str) -> httpx.Response:
    """Call something with any text, such as half of a pair of surrogates, which httpx would not send."""
    content = json.dumps(body)
    headers = {"content-type": "application/json"}
    return devbox.api.post(f"/v1/devboxes/{devbox.id}/{call}", content=content, headers=headers)


def _write(devbox: Box, path: str, contents: str = "changed") -> httpx.Response:
    return _post(devbox, "write_file_contents", file_path=path, contents=contents)


def _upload(devbox: Box, path: str) -> httpx.Response:
    return devbox.api.post(
        f"/v1/devboxes/{devbox.id}/upload_file", data={"path": path}, files={"file": b"changed"}
    )


def _answered(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code < 500 or answer.json()["error"] == "disk_full", answer.text
    return answer


def test_no_file_call_leads_outside(devbox: Box, tier_server: Server, outside: Path) -> None:
    confined = "confined-writes" in tier_server.ready["capabilities"]
    for name in ("secret", "new"):
        for path in _tricks(outside / name, tier_server.process.pid):
            _answered(_write(devbox, path))
            _answered(_upload(devbox, path))
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == SECRET
    for path in _tricks(outside / "secret", tier_server.process.pid) if confined else ():
        read = _answered(devbox.post("read_file_contents", {"file_path": path}))
        down = _answered(devbox.post("download_file", {"path": path}))
        assert SECRET not in read.text + down.text


def test_files_that_are_mounted_do_not_land_outside(tier_api: httpx.Client, outside: Path) -> None:
    for path in _tricks(outside / "new", os.getpid()):
        for params in (
            {"file_mounts": {path: "changed"}},
            {"mounts": [{"type": "file_mount", "target": path, "content": "changed"}]},
        ):
            answer = _answered(tier_api.post("/v1/devboxes", json=params))
            if answer.status_code == 200:
                made = Box(tier_api, answer.json()["id"])
                made.wait("running", "failure")
                made.end()
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_build_copies_nothing_from_or_to_the_outside(
    tier_server: Server, tier_api: httpx.Client, outside: Path
) -> None:
    if "confined-writes" not in tier_server.ready["capabilities"]:
        pytest.skip("the process tier does not promise `confined-writes`: a build runs commands")
    number = 0
    for path in [str(outside), f"{UP}{str(outside)[1:]}", f"/proc/self/root{outside}"]:
        for dockerfile in (
            f"FROM scratch AS other\nFROM ubuntu\nCOPY <<new {path}/new\nchanged\nnew\n",
            f"FROM ubuntu AS other\nFROM ubuntu\nCOPY --from=other {path}/secret /tmp/secret\n",
            f"FROM ubuntu\nRUN ln -s {outside} /tmp/linked\nCOPY <<new /tmp/linked/new\nchanged\nnew\n",
        ):
            number += 1
            made = ok(
                tier_api.post("/v1/blueprints", json={"name": f"trust-{number}", "dockerfile": dockerfile})
            )
            logs = _finished(tier_api, made["id"])
            assert SECRET not in logs
            ok(tier_api.post(f"/v1/blueprints/{made['id']}/delete", json={}))
    assert [path.name for path in outside.iterdir()] == ["secret"]


def _finished(api: httpx.Client, identifier: str) -> str:
    """Wait for the end of a build, and return its log."""
    view = ok(api.get(f"/v1/blueprints/{identifier}"))
    while view["status"] not in ("build_complete", "failed"):
        view = ok(api.get(f"/v1/blueprints/{identifier}"))
    return api.get(f"/v1/blueprints/{identifier}/logs").text


@pytest.mark.parametrize(
    "path",
    [
        "x" * 300,
        "d/" * 1500,
        "d/" * 3000,
        "d/" * 100_000,
        "a\0b",
        "",
        "\udcff",
        "~\udcff",
        "x\udcff/y",
        "new\nline",
        "~nobody/x",
        ".",
    ],
    ids=[
        "long",
        "deep",
        "deeper",
        "deepest",
        "nul",
        "empty",
        "surrogate",
        "home",
        "middle",
        "newline",
        "tilde",
        "directory",
    ],
)
def test_a_path_that_cannot_be_is_an_error_and_harms_nobody(devbox: Box, path: str) -> None:
    for answer in (
        _write(devbox, path),
        _post(devbox, "read_file_contents", file_path=path),
        _post(devbox, "download_file", path=path),
    ):
        _answered(answer)
    if path.isprintable() and len(path) < 5000:
        _answered(_upload(devbox, path))
    assert devbox.api.get(f"/v1/devboxes/{devbox.id}/logs").status_code == 200
    assert devbox.text("echo on") == "on\n"


def test_contents_that_no_file_can_hold_as_text_are_an_error(devbox: Box) -> None:
    assert _answered(_write(devbox, "file", "a\udcffb")).status_code == 400
    assert devbox.text("echo on") == "on\n"


def test_pipes_and_devices_hold_nobody_up(devbox: Box) -> None:
    devbox.text("mkfifo pipe full; (exec 3<>full; sleep 600) >/dev/null 2>&1 &")
    for path in (
        "pipe",
        "full",
        "/dev/zero",
        "/dev/random",
        "/dev/tty",
        "/dev/ptmx",
        "/dev/full",
        "/dev/null",
    ):
        _answered(_write(devbox, path, "x" * 100_000))
        _answered(_upload(devbox, path))
        assert _answered(devbox.post("read_file_contents", {"file_path": path})).status_code >= 400
        assert _answered(devbox.post("download_file", {"path": path})).status_code >= 400
    assert devbox.text("echo on") == "on\n"


@pytest.mark.asyncio
async def test_many_paths_at_once_leave_the_agent_alive(room: Room) -> None:
    async def attempt(path: str) -> None:
        await asyncio.gather(_try_to_write(room, path), _try_to_write(room, f"{path}/x"))

    await asyncio.gather(*(attempt(path) for path in _tricks(room.outside / "new", os.getpid())))
    assert await say(room.box, "echo on") == "on"
    assert room.untouched()
