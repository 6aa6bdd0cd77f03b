"""Output as server-sent events."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path

import pytest

from pytest_runloop.local.clock import SystemClock
from pytest_runloop.local.output import Output, decoded
from pytest_runloop.local.settings import Settings
from pytest_runloop.local.stream import OutputStream

from .box import Box, refused
from .fake_clock import FakeClock
from .running import Server

ALPHABET = ["a", "é", "€", "😀", "\n", "\0"]


def test_a_stream_follows_a_running_command_and_ends_with_it(shared: Box) -> None:
    execution = shared.begin("cat", attach_stdin=True)
    events = shared.events(execution)
    for text in ("one\n", "two\n"):
        shared.stdin(execution, text=text)
        assert next(events)["output"] == text
    shared.stdin(execution, signal="EOF")
    assert list(events) == []


def test_offsets_count_the_bytes_behind_each_event(shared: Box) -> None:
    execution = shared.begin("printf 'a€b'")
    shared.finish(execution)
    (event,) = shared.events(execution)
    assert event == {"output": "a€b", "offset": 5}
    assert shared.streamed(execution, offset=4) == "b"
    assert shared.streamed(execution, offset=5) == ""
    assert shared.streamed(execution, offset=999) == ""
    assert shared.streamed(execution, "stderr") == ""


@pytest.mark.parametrize("offset", ["-1", "x", "1.5", ""])
def test_a_wrong_offset_is_refused(shared: Box, offset: str) -> None:
    execution = shared.begin("true")
    path = f"/v1/devboxes/{shared.id}/executions/{execution}/stream_stdout_updates"
    refused(shared.api.get(path, params={"offset": offset}), 400, "invalid_request", "offset")


def test_a_stream_cut_anywhere_and_resumed_at_its_last_offset_loses_and_repeats_nothing(shared: Box) -> None:
    chance = random.Random(20)
    script = "for i in $(seq 60); do head -c 5000 /dev/urandom | base64 -w 77; printf '€😀%s\\n' $i; done"
    execution = shared.begin(script)
    text, offset = "", 0
    while True:
        wanted = chance.randint(1, 3)
        count = 0
        for event in shared.events(execution, offset=offset):
            text, offset, count = text + event["output"], event["offset"], count + 1
            if count == wanted:
                break
        if not count:
            break
    assert offset == len(text.encode())
    assert text == shared.streamed(execution)
    assert shared.finish(execution)["stdout"] == "".join(text.splitlines(keepends=True)[-100:])


def test_a_hundred_megabytes_are_streamed_whole_with_flat_memory(shared: Box, backend: Server) -> None:
    size = 100 * 1024 * 1024
    before = _memory(backend.process.pid)
    execution = shared.begin(f"head -c {size} /dev/zero | tr '\\0' 'z'")
    received = sum(len(event["output"]) for event in shared.events(execution))
    assert received == size
    assert _memory(backend.process.pid) - before < 40 * 1024 * 1024


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(peak) * 1024


def test_a_reader_that_stops_reading_holds_up_nobody(shared: Box) -> None:
    execution = shared.begin("head -c 30000000 /dev/zero | tr '\\0' 'q'")
    events = shared.events(execution)
    next(events)
    assert shared.finish(execution)["exit_status"] == 0
    assert shared.text("echo on") == "on\n"
    assert sum(len(event["output"]) for event in events) > 0


def test_many_readers_of_one_stream_get_the_same(shared: Box) -> None:
    execution = shared.begin("for i in $(seq 200); do echo line $i; done; sleep 0.2; echo end")
    texts: list[str] = []
    readers = [threading.Thread(target=lambda: texts.append(shared.streamed(execution))) for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert len(set(texts)) == 1
    assert texts[0].endswith("line 200\nend\n")
    assert len(texts) == 5


@pytest.mark.parametrize("seed", range(20))
def test_decoding_in_pieces_gives_the_text_of_the_whole(seed: int) -> None:
    chance = random.Random(seed)
    data = b"".join(
        chance.choice(ALPHABET).encode() if chance.random() < 0.8 else bytes([chance.randrange(256)])
        for _ in range(400)
    )
    text, position = "", 0
    while position < len(data):
        piece = data[position : position + chance.randint(4, 40)]
        found = decoded(piece, final=position + len(piece) == len(data))
        assert found.used > 0
        text, position = text + found.text, position + found.used
    assert text == data.decode("utf-8", "replace")


@pytest.mark.asyncio
@pytest.mark.parametrize("memory", [16, 1024])
async def test_an_output_reads_the_same_from_memory_and_file(tmp_path: Path, memory: int) -> None:
    chance = random.Random(memory)
    output = Output(tmp_path / "out", Settings(output_memory=memory, output_max=10_000))
    expected = b""
    for _ in range(100):
        data = chance.randbytes(chance.randint(0, 60))
        expected += data
        if storing := output.feed(data):
            await storing
    for _ in range(100):
        start, count = chance.randrange(len(expected)), chance.randrange(1, 200)
        found = await output.read(start, count)
        assert found == expected[start : start + len(found)]
        assert found
    output.close()
    await output.settle()
    assert output.size == len(expected)
    whole = await output.tail(10**6, 10**6)
    assert whole.text == expected.decode("utf-8", "replace")
    assert whole.truncated is False


@pytest.mark.asyncio
async def test_a_character_between_file_and_memory_holds_up_no_stream(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", Settings(output_memory=7))
    first, rest = "täxt €".encode()[:-1], "€ end".encode()[2:]
    storing = output.feed(first)
    assert storing is not None
    await storing
    output.feed(rest)
    output.close()
    assert await output.read(0, 100) == first + rest
    async with asyncio.timeout(60):
        events = [event async for event in OutputStream(output, 0, SystemClock(), 1)]
    assert "täxt € end" in b"".join(events).decode()


@pytest.mark.asyncio
async def test_an_output_beyond_its_bound_says_so(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", Settings(output_max=10))
    output.feed(b"12345678")
    output.feed(b"90abc")
    output.feed(b"def")
    output.close()
    assert (await output.tail(10, 100)) == ("1234567890", True)
    events = [event async for event in OutputStream(output, 0, SystemClock(), 1)]
    assert b'"offset": 10' in events[-2]
    assert events[-1].startswith(b"event: error\n")
    assert b"first 10 bytes" in events[-1]


@pytest.mark.asyncio
async def test_a_silent_stream_is_kept_alive(tmp_path: Path) -> None:
    output, clock = Output(tmp_path / "out", Settings()), FakeClock()
    stream = aiter(OutputStream(output, 0, clock, 10))
    assert (await anext(stream)).startswith(b":")
    following = asyncio.ensure_future(anext(stream))
    await clock.asked(1)
    await clock.advance(10)
    assert (await following).startswith(b":")
