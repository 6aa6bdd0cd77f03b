"""Storage objects in devboxes."""

from __future__ import annotations

import gzip
import re
import tarfile
from collections.abc import Callable

import httpx
import pytest

from .box import Box, ok, refused
from .running import Inside
from .storing import Member, archive, member, stored


def mount(identifier: str, path: str) -> dict[str, str]:
    """Return an object mount."""
    return {"type": "object_mount", "object_id": identifier, "object_path": path}


Mounted = Callable[[bytes, str, str], Box]


@pytest.fixture
def mounted(api: httpx.Client, request: pytest.FixtureRequest) -> Mounted:
    """Make a devbox with one object in it."""

    def make(content: bytes, content_type: str, path: str) -> Box:
        box = Box.create(api, mounts=[mount(stored(api, content, content_type), path)])
        request.addfinalizer(box.end)
        return box

    return make


def _why_failed(box: Box) -> str:
    assert box.view()["status"] == "failure"
    return str(next(line["message"] for line in box.logs() if line["level"] == "error"))


@pytest.mark.parametrize("content_type", ["text", "binary", "unspecified"])
def test_a_plain_content_becomes_a_file(mounted: Mounted, content_type: str) -> None:
    content = archive(member("not-unpacked")) + b"\x00\xff"
    box = mounted(content, content_type, "~/deep/in/here.bin")
    assert box.post("download_file", {"path": "deep/in/here.bin"}).content == content


@pytest.mark.parametrize(
    ("content_type", "mode"),
    [("tar", "w:"), ("tgz", "w:gz"), ("gzip", "w:gz"), ("tar", "w:gz"), ("tgz", "w:")],
)
def test_an_archive_becomes_a_directory(mounted: Mounted, content_type: str, mode: str) -> None:
    content = archive(
        member("./"),
        member("run", b"#!/bin/sh\necho ran\n", mode=0o755, uid=4242, gid=4242),
        member("deep/file", b"content"),
        member("link", type=tarfile.SYMTYPE, linkname="deep/file"),
        mode=mode,
    )
    box = mounted(content, content_type, "data/app")
    assert box.text("cd data/app; ./run; cat link; [ -O run ] && echo mine") == "ran\ncontentmine\n"


def test_a_gzip_of_one_file_becomes_that_file(mounted: Mounted) -> None:
    assert mounted(gzip.compress(b"plain text"), "gzip", "notes.txt").text("cat notes.txt") == "plain text"


def test_objects_come_after_files_and_before_launch_commands(api: httpx.Client) -> None:
    first, second = (stored(api, text, "text") for text in (b"one", b"two"))
    box = Box.create(
        api,
        file_mounts={"a": "file", "b": "file"},
        mounts=[
            mount(first, "~/b"),
            {"type": "file_mount", "target": "c", "content": "mounted"},
            mount(second, "c"),
        ],
        launch_parameters={"launch_commands": ["cat a b c > seen"]},
    )
    assert box.text("cat seen") == "fileonetwo"
    box.end()


@pytest.mark.usefixtures("own_root")
def test_an_object_may_go_to_an_absolute_path(mounted: Mounted) -> None:
    box = mounted(archive(member("bin/tool", b"echo tool", mode=0o755)), "tgz", "/opt/suite")
    assert box.text("sh /opt/suite/bin/tool") == "tool\n"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member("../out", b"x")], "leads out"),
        ([member("/etc/motd", b"x")], "leads out"),
        ([member("a/../../out", b"x")], "leads out"),
        ([member("a", type=tarfile.SYMTYPE, linkname="/tmp"), member("a/out", b"x")], "behind the link `a`"),
        (
            [member("a", type=tarfile.SYMTYPE, linkname=".."), member("a", type=tarfile.DIRTYPE)],
            "behind the link",
        ),
        ([member("h", type=tarfile.LNKTYPE, linkname="../../etc/passwd")], "leads out"),
    ],
)
def test_an_archive_that_leads_out_of_its_directory_is_refused(
    mounted: Mounted, members: list[Member], words: str
) -> None:
    message = _why_failed(mounted(archive(*members), "tgz", "data"))
    assert words in message
    assert "at data" in message


def test_what_is_no_archive_fails_the_devbox_with_the_reason(mounted: Mounted) -> None:
    assert "cannot be read as an archive" in _why_failed(mounted(b"no archive", "tgz", "data"))
    whole = archive(member("file", b"x" * 100_000), mode="w:")
    assert "archive" in _why_failed(mounted(whole[:50_000], "tar", "data"))
    assert re.search("directory|lies outside", _why_failed(mounted(b"text", "text", "/")))


def test_what_cannot_be_mounted_is_refused_at_once(api: httpx.Client) -> None:
    answer = api.post("/v1/devboxes", json={"mounts": [mount("obj_none", "x")]})
    refused(answer, 400, "invalid_request", "mounts.object_id", "obj_none")
    view = ok(api.post("/v1/objects", json={"name": "o", "content_type": "text"}))
    answer = api.post("/v1/devboxes", json={"mounts": [mount(view["id"], "x")]})
    refused(answer, 400, "invalid_request", "not complete", "upload")
    gone = stored(api, b"x", "text")
    ok(api.post(f"/v1/objects/{gone}/delete"))
    refused(api.post("/v1/devboxes", json={"mounts": [mount(gone, "x")]}), 400, "invalid_request", "deleted")
    answer = api.post("/v1/devboxes", json={"mounts": [mount(stored(api, b"x", "text"), "")]})
    refused(answer, 400, "invalid_request", "path is empty")


@pytest.mark.asyncio
async def test_the_home_by_its_absolute_path_is_refused_where_it_is_not_there(within: Inside) -> None:
    view = ok(await within.api.post("/v1/objects", json={"name": "o", "content_type": "text"}))
    await within.api.put(view["upload_url"], content=b"x")
    ok(await within.api.post(f"/v1/objects/{view['id']}/complete"))
    body = {"mounts": [mount(view["id"], "/home/user/x")]}
    refused(await within.api.post("/v1/devboxes", json=body), 400, "capability_missing", "write `~`")
