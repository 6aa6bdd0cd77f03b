"""What was done to a devbox is known afterwards, from the calls of the client alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pytest_runloop import Runloop
from pytest_runloop.session.evidence.transcript import Transcript

EXECUTION = {"devbox_id": "dbx_1", "execution_id": "exn_1"}


def answer(request: httpx.Request) -> httpx.Response:
    step = request.url.path.rpartition("/")[2]
    if step == "execute_async":
        return httpx.Response(200, json={**EXECUTION, "status": "running"})
    if step == "wait_for_status":
        ended = {"status": "completed", "exit_status": 3, "stdout": "out", "stdout_truncated": True}
        return httpx.Response(200, json={**EXECUTION, **ended})
    if step == "write_file_contents":
        return httpx.Response(200, json={"devbox_id": "dbx_1", "exit_status": 0, "stdout": "", "stderr": ""})
    if step == "read_file_contents":
        return httpx.Response(400, json={"message": "there is no such file"})
    if step == "apikeys":
        return httpx.Response(200, json={"id": "key_1", "key_secret": "ak_shown-this-once"})
    return httpx.Response(200, json={})


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def client(transcript: Transcript) -> Iterator[Runloop]:
    transport = httpx.MockTransport(answer)
    with Runloop("http://127.0.0.1:1", "key", transport=transport, observer=transcript) as client:
        yield client


def test_a_command_is_known_with_its_end_and_whether_anybody_looked(
    client: Runloop, transcript: Transcript
) -> None:
    result = client.devbox.from_id("dbx_1").cmd.exec("make")
    [record] = transcript.of("dbx_1")
    assert (record.command, record.execution, record.exit_status) == ("make", "exn_1", 3)
    assert (record.stdout, record.stderr, record.truncated) == ("out", "", True)
    assert not record.looked_at
    assert result.failed
    assert record.looked_at


def test_file_calls_are_known_with_what_went_wrong(client: Runloop, transcript: Transcript) -> None:
    files = client.devbox.from_id("dbx_1").file
    files.write(file_path="a.txt", contents="é")
    with pytest.raises(Exception, match="no such file"):
        files.read(file_path="b.txt")
    written, read = transcript.of("dbx_1")
    assert (written.what, written.file, written.content, written.size) == ("write", "a.txt", "é", 2)
    assert (read.what, read.file) == ("read", "b.txt")
    assert read.error is not None
    assert "no such file" in read.error


def test_what_only_asks_is_left_out_and_what_ended_is_forgotten(
    client: Runloop, transcript: Transcript
) -> None:
    client.devbox.from_id("dbx_1").keep_alive()
    assert transcript.touched(0) == []
    client.devbox.from_id("dbx_1").cmd.exec("true")
    assert transcript.touched(0) == ["dbx_1"]
    transcript.forget("dbx_1")
    assert transcript.of("dbx_1") == []


def test_a_key_that_was_made_is_a_secret_and_not_shown_with_its_view(
    client: Runloop, transcript: Transcript
) -> None:
    made = client.apikeys.create()
    assert made.key_secret == "ak_shown-this-once"
    assert "once" not in repr(made)
    assert "once" not in transcript.redactor.text(f"--key {made.key_secret}")
