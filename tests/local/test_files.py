"""Files, in both directions."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from .box import Box, ok, refused
from .running import Server

MIB = 1024 * 1024


def _upload(box: Box, path: str, data: bytes) -> httpx.Response:
    return box.post("upload_file", None, data={"path": path}, files={"file": ("upload", data)})


@pytest.mark.parametrize("path", ["plain", "new/dirs/file", "~/tilde", "with space", "é€", "-dash"])
def test_text_is_written_and_read_byte_for_byte(shared: Box, path: str) -> None:
    text = "line\r\n€ \0 no newline at the end"
    view = ok(shared.write(path, text))
    assert (view["exit_status"], view["stdout"], view["stderr"]) == (0, "", "")
    answer = shared.read(path)
    assert answer.content == text.encode()
    assert answer.headers["content-type"].startswith("text/plain")
    ok(shared.write(path, "shorter"))
    assert shared.read(path).text == "shorter"


def test_an_absolute_path_is_that_of_the_devbox(shared: Box, own_root: None) -> None:
    ok(shared.write("/home/user/absolute", "x"))
    assert shared.text("cat ~/absolute /home/user/absolute") == "xx"


def test_written_files_belong_to_the_user_and_are_not_executable(shared: Box) -> None:
    ok(shared.write("mine", "x"))
    assert shared.text("[ -O mine ] && stat -c %a mine") == "644\n"


@pytest.mark.parametrize("size", [0, 1, 65536, 3 * MIB + 1])
def test_bytes_go_up_and_down_unchanged(shared: Box, size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert ok(_upload(shared, "~/dir/bytes", data)) == {}
    answer = shared.post("download_file", {"path": "dir/bytes"})
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert _upload(shared, "~/dir/bytes", b"less").status_code == 200
    assert shared.post("download_file", {"path": "~/dir/bytes"}).content == b"less"


def test_the_file_may_come_before_its_path(shared: Box) -> None:
    boundary = "xyz"
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="path"\r\n\r\nreversed\r\n--xyz--\r\n'
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    ok(shared.post("upload_file", None, content=body, headers=headers))
    assert shared.read("reversed").text == "content"


def test_a_hundred_megabytes_go_up_and_down_with_flat_memory(box: Box, backend: Server) -> None:
    size = 100 * MIB
    before = _memory(backend.process.pid)
    head = b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\nbig\r\n'
    head += b'--b\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n\r\n'

    def form() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            yield b"m" * MIB
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    ok(box.post("upload_file", None, content=form(), headers=headers))
    assert _memory(backend.process.pid) - before < 40 * MIB
    assert box.text("stat -c %s big") == f"{size}\n"
    path = f"/v1/devboxes/{box.id}/download_file"
    with box.api.stream("POST", path, json={"path": "big"}) as answer:
        assert sum(len(chunk) for chunk in answer.iter_bytes()) == size
    assert _memory(backend.process.pid) - before < 40 * MIB


def test_a_download_tells_its_size_and_holds_to_it_while_the_file_changes(shared: Box) -> None:
    size = 40 * MIB  # More than is on its way when the file changes.
    for change, whole in (("echo more >> changing", True), ("truncate -s 1 changing", False)):
        shared.text(f"head -c {size} /dev/zero > changing")
        path = f"/v1/devboxes/{shared.id}/download_file"
        with shared.api.stream("POST", path, json={"path": "changing"}) as answer:
            assert answer.headers["content-length"] == str(size)
            shared.text(change)
            if whole:
                assert sum(map(len, answer.iter_bytes())) == size
            else:
                with pytest.raises(httpx.RemoteProtocolError):
                    answer.read()
    shared.text("rm changing")


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (resident,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(resident) * 1024


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("none", 404, "file_not_found", ["none", "no such file"]),
        ("/etc", 400, "is_a_directory", ["/etc"]),
        ("~", 400, "is_a_directory", ["~"]),
        (".", 400, "is_a_directory", []),
        ("/etc/passwd/x", 400, "not_a_directory", ["/etc/passwd/x"]),
        ("", 400, "invalid_request", ["empty"]),
        ("a\0b", 400, "invalid_request", ["NUL"]),
        ("x" * 300, 400, "invalid_request", ["too long"]),
    ],
)
def test_reading_what_cannot_be_read_says_why(
    shared: Box, path: str, status: int, code: str, words: list[str]
) -> None:
    refused(shared.read(path), status, code, *words)
    refused(shared.post("download_file", {"path": path}), status, code, *words)


def test_a_device_is_not_read_to_its_end(shared: Box) -> None:
    answer = shared.read("/dev/zero")
    # Where a devbox has no root of its own, its file calls end at its home.
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] in ("invalid_request", "capability_missing")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (".", "is_a_directory"),
        ("a-file/x", "not_a_directory"),
        ("", "invalid_request"),
        ("a\0b", "invalid_request"),
        ("x" * 300, "invalid_request"),
    ],
)
def test_writing_what_cannot_be_written_says_why(shared: Box, path: str, code: str) -> None:
    ok(shared.write("a-file", ""))
    refused(shared.write(path, "x"), 400, code)
    refused(_upload(shared, path, b"x"), 400, code)


def test_a_pipe_in_the_place_of_a_file_blocks_nobody(shared: Box) -> None:
    shared.text("rm -f pipe; mkfifo pipe")
    refused(shared.read("pipe"), 400, "invalid_request", "pipe")
    refused(shared.write("pipe", "x"), 400, "invalid_request", "pipe")
    assert shared.text("rm pipe; echo on") == "on\n"


def test_a_file_without_permission_is_refused_unless_one_is_root(shared: Box) -> None:
    shared.text("rm -f locked; echo secret > locked; chmod 0 locked")
    answer = shared.read("locked")
    if answer.status_code != 200:
        refused(answer, 403, "permission_denied", "locked")
    shared.text("rm -f locked")


def test_files_made_by_the_kernel_are_read_whole(shared: Box) -> None:
    assert "MemTotal" in shared.read("/proc/meminfo").text


@pytest.mark.parametrize(
    ("data", "files", "words"),
    [
        ({"path": "x"}, None, ["multipart"]),
        ({}, {"file": b"x"}, ["`path`", "missing"]),
        ({"path": "x", "mode": "7"}, {"file": b"x"}, ["`mode`"]),
        ({"path": "x" * 70_000}, {"file": b"x"}, ["longer than"]),
    ],
)
def test_a_wrong_upload_is_refused(
    shared: Box, data: dict[str, str], files: dict[str, bytes] | None, words: list[str]
) -> None:
    refused(shared.post("upload_file", None, data=data, files=files), 400, "invalid_request", *words)


def test_a_form_that_is_cut_short_or_without_file_is_refused(shared: Box) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    path = b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\nx\r\n'
    cut = path + b'--b\r\nContent-Disposition: form-data; name="file"; filename="u"\r\n\r\nabc'
    for body, word in ((cut, "closing boundary"), (path + b"--b--\r\n", "`file` is missing"), (b"junk", "")):
        answer = shared.post("upload_file", None, content=body, headers=headers)
        refused(answer, 400, "invalid_request", word)


def test_files_of_a_devbox_that_does_not_run_are_out_of_reach(api: httpx.Client) -> None:
    box = Box.create(api)
    box.end()
    for answer in (box.read("x"), box.write("x", "y"), _upload(box, "x", b"y")):
        refused(answer, 400, "devbox_not_running", box.id)


def _listed(box: Box) -> list[str]:
    return [str(name) for name in box.text("ls -A").splitlines()]


def test_an_upload_that_breaks_off_leaves_the_old_file_and_no_half_of_a_new_one(
    backend: Server, box: Box
) -> None:
    ok(box.write("kept", "old"))
    before = _listed(box)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\nkept\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="u"\r\n\r\n' + b"half" * 50_000
    )
    url = urlsplit(backend.base_url)
    head = (
        f"POST /v1/devboxes/{box.id}/upload_file HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {backend.api_key}\r\nContent-Length: {len(form) * 2}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    with socket.create_connection((str(url.hostname), url.port or 80)) as connection:
        connection.sendall(head.encode() + form)
        while _listed(box) == before:
            time.sleep(0.01)
        assert box.read("kept").text == "old"
    while _listed(box) != before:
        time.sleep(0.01)
    assert box.read("kept").text == "old"
