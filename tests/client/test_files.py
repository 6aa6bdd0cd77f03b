"""Files through the client: text, bytes, streams, directories."""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
import tracemalloc
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import MakeClient
from .fake_api import EXECUTION, FakeApi, answer, refusal
from .loopback import Exchange, serving

UPLOAD = "POST /v1/devboxes/dbx_1/upload_file"
DOWNLOAD = "POST /v1/devboxes/dbx_1/download_file"


@pytest.fixture
def devbox(runloop: Any) -> Any:
    """A devbox of each kind of client."""
    return runloop.devbox.from_id("dbx_1")


def form(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """Return the parts of a form: name to file name and content."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    parts: list[Any] = BytesParser().parsebytes(head + request.content).get_payload()  # type: ignore[assignment]
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parts
    }


def test_text_that_is_not_utf_8_names_the_call_for_bytes(devbox: Any, api: FakeApi) -> None:
    api.on(".*read_file_contents", httpx.Response(200, content=b"\xff\xfe"))
    with pytest.raises(UnicodeDecodeError) as caught:
        devbox.file.read(file_path="image.png")
    assert "download" in caught.value.__notes__[0]


def test_bytes_are_not_written_as_text(devbox: Any, api: FakeApi) -> None:
    with pytest.raises(TypeError, match="upload"):
        devbox.file.write(file_path="x", contents=b"bytes")
    assert api.calls == []


def test_bytes_paths_and_open_files_are_uploaded_as_they_are(
    devbox: Any, api: FakeApi, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 2000
    path = tmp_path / "some file.bin"
    path.write_bytes(content)
    stream = io.BytesIO(b"skip" + content)
    stream.seek(4)
    with path.open("rb") as file:
        for source in (content, path, file, stream, ("name.bin", content)):
            devbox.file.upload(path="~/t", file=source)
    forms = [form(request) for request in api.requests]
    assert [one["path"][1] for one in forms] == [b"~/t"] * 5
    assert all(one["file"][1] == content for one in forms)
    names = [one["file"][0] for one in forms]
    assert names == ["upload", "some file.bin", "some file.bin", "upload", "name.bin"]
    assert all(int(request.headers["content-length"]) == len(request.content) for request in api.requests)


class Pipe(io.RawIOBase):
    """A file that cannot be rewound."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._inner.readinto(buffer)


def test_a_pipe_is_uploaded_once_and_never_repeated(devbox: Any, api: FakeApi) -> None:
    devbox.file.upload(path="x", file=Pipe(b"from a pipe"))
    assert form(api.requests[0])["file"][1] == b"from a pipe"
    api.on(UPLOAD, refusal(503))
    with pytest.raises(Exception, match="503"):
        devbox.file.upload(path="x", file=Pipe(b"from a pipe"))
    assert len(api.calls) == 2


@pytest.mark.usefixtures("pauses")
def test_a_repeated_upload_starts_at_the_beginning_of_the_file(devbox: Any, api: FakeApi) -> None:
    api.on(UPLOAD, refusal(503), answer({}))
    devbox.file.upload(path="x", file=io.BytesIO(b"content"))
    assert [form(request)["file"][1] for request in api.requests] == [b"content"] * 2


@pytest.mark.parametrize("wrong", ["text", io.StringIO("text"), 7])
def test_what_is_no_content_is_refused_with_what_is(devbox: Any, api: FakeApi, wrong: object) -> None:
    with pytest.raises(TypeError, match=r"binary"):
        devbox.file.upload(path="x", file=wrong)
    assert api.calls == []


def test_a_local_file_that_does_not_exist_is_pythons_own_error(devbox: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nope\.bin"):
        devbox.file.upload(path="x", file=tmp_path / "nope.bin")


def test_a_quote_in_a_name_stays_inside_of_it(devbox: Any, api: FakeApi) -> None:
    devbox.file.upload(path='a"b\r\nc', file=('q"uo\r\nte', b"x"))
    assert b'filename="q%22uo%0D%0Ate"' in api.requests[0].content


def test_a_download_gives_bytes_or_writes_a_file_or_into_a_directory(devbox: Any, tmp_path: Path) -> None:
    assert devbox.file.download(path="~/b") == b"bytes"
    assert devbox.file.download(path="~/b", to=tmp_path / "here").read_bytes() == b"bytes"
    assert devbox.file.download(path="~/deep/b", to=str(tmp_path)) == tmp_path / "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "here"]


def test_a_download_that_fails_leaves_nothing_and_keeps_what_was_there(
    devbox: Any, api: FakeApi, tmp_path: Path
) -> None:
    target = tmp_path / "kept"
    target.write_text("before")
    api.on(DOWNLOAD, refusal(404, "file_not_found"))
    with pytest.raises(FileNotFoundError):
        devbox.file.download(path="x", to=target)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_download_that_is_cut_is_repeated_whole(
    make_client: MakeClient, tmp_path: Path, pauses: list[float]
) -> None:
    content = os.urandom(300_000)

    def handle(exchange: Exchange) -> None:
        if exchange.number < 2:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
            exchange.send(head.encode() + content[: 100_000 * exchange.number])
            exchange.cut()
        else:
            exchange.answer(content, "application/octet-stream")

    with serving(handle) as url:
        target = make_client(url).devbox.from_id("dbx_1").file.download(path="x", to=tmp_path / "x")
    assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]
    assert len(pauses) == 2


def test_a_large_download_that_ends_stalls_or_is_reset_is_repeated_whole(
    make_client: MakeClient, tmp_path: Path, pauses: list[float]
) -> None:
    content, ends = os.urandom(9_000_000), threading.Event()

    def handle(exchange: Exchange) -> None:
        if exchange.number == 3:
            exchange.answer(content, "application/octet-stream")
            return
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content[:-1])
        if exchange.number == 0:
            exchange.cut()
        elif exchange.number == 1:
            exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionResetError
        else:
            ends.wait()

    with serving(handle) as url:
        client = make_client(url, timeout=3, max_retries=3)
        target = client.devbox.from_id("dbx_1").file.download(path="x", to=tmp_path / "x")
        ends.set()
    assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]
    assert len(pauses) == 3


def test_a_large_file_passes_both_ways_with_little_memory(make_client: MakeClient, tmp_path: Path) -> None:
    size = 60_000_000
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(size)
    received: list[int] = []

    def handle(exchange: Exchange) -> None:
        if "download" in exchange.target:
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(size // 100_000):
                exchange.send(bytes(100_000))
        else:
            received.append(exchange.length)
            exchange.answer(b"{}")

    with serving(handle, keep_bodies=False) as url:
        files = make_client(url).devbox.from_id("dbx_1").file
        tracemalloc.start()
        try:
            files.upload(path="x", file=large)
            target = files.download(path="x", to=tmp_path / "down")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert received[0] > size
    assert target.stat().st_size == size
    assert peak < 12_000_000


class Disk:
    """The end of a devbox that archives go through: it keeps what is uploaded and gives it back."""

    def __init__(self, api: FakeApi) -> None:
        self.archive = b""
        self.exit_code = 0
        self.api = api
        api.on(UPLOAD, self._upload)
        api.on(DOWNLOAD, lambda _: httpx.Response(200, content=self.archive))
        api.on(".*/wait_for_status", lambda _: answer({**EXECUTION, "exit_status": self.exit_code}))

    def _upload(self, request: httpx.Request) -> httpx.Response:
        self.archive = form(request)["file"][1]
        return answer({})

    @property
    def commands(self) -> list[str]:
        """What was run."""
        return [body["command"] for body in self.api.bodies(".*execute_async")]


def test_a_directory_goes_up_and_comes_down_in_one_archive_each(
    devbox: Any, api: FakeApi, tmp_path: Path
) -> None:
    disk = Disk(api)
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (tree / "sub" / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("sub/run.sh")
    os.mkfifo(tree / "pipe")
    devbox.file.upload_dir(path="~/a b", directory=tree)
    assert "\"$HOME\"/'a b'" in disk.commands[0]
    there = devbox.file.download_dir(path="~/a b", to=tmp_path / "back")
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*")) == ["link", "sub", "sub/run.sh"]
    assert (there / "sub" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (there / "link").readlink() == Path("sub/run.sh")
    assert len([call for call in api.calls if "upload" in call or "download" in call]) == 2
    assert disk.commands[-1].startswith("rm -f")


@pytest.mark.parametrize(("exit_code", "error"), [(3, FileNotFoundError), (4, NotADirectoryError)])
def test_a_directory_that_is_none_is_pythons_own_error(
    devbox: Any, api: FakeApi, tmp_path: Path, exit_code: int, error: type[OSError]
) -> None:
    Disk(api).exit_code = exit_code
    with pytest.raises(error, match="~/nope"):
        devbox.file.download_dir(path="~/nope", to=tmp_path)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_local_directory_that_is_none_is_too(devbox: Any, api: FakeApi, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((FileNotFoundError, NotADirectoryError), match=name):
        devbox.file.upload_dir(path="x", directory=tmp_path / name)
    assert api.calls == []
