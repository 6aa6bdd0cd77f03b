"""What the agent does at the server's request, in a box of any kind."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine.confined_tiers import ProcessTier
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxGoneError, BoxSpec, Command
from tests.support.boxes import get, put, run, say, start

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    engine = await SandboxEngine.open(ProcessTier(), tmp_path / "state")
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: SandboxEngine) -> Box:
    return await engine.boot(BoxSpec("box"))


async def _spawn(box: Box, *argv: str, **environment: str) -> None:
    with open(os.devnull, "r+b") as null:  # noqa: ASYNC230, PTH123  (never waits)
        number = null.fileno()
        await box.spawn(Command(argv, {**box.environment, **environment}, number, number, number))


async def test_a_status_is_that_of_the_command(box: Box) -> None:
    assert (await run(box, "exit 7"))[0] == 7


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_a_signal_gives_128_and_its_number(box: Box, number: int) -> None:
    assert (await run(box, f"kill -{number} $$"))[0] == 128 + number


async def test_a_status_may_be_asked_for_twice_and_late(box: Box) -> None:
    process = await start(box, "exit 4")
    assert await process.wait() == 4
    await run(box, "true")
    assert list(await asyncio.gather(process.wait(), process.wait())) == [4, 4]


async def test_no_exit_is_missed_however_quick(box: Box) -> None:
    processes = await asyncio.gather(*(start(box, f"exit {number}") for number in range(100)))
    assert [await process.wait() for process in processes] == list(range(100))


async def test_an_orphan_is_nobodys_exit(box: Box) -> None:
    assert await say(box, "(sleep 0.05 &) ; echo gone") == "gone"
    assert await say(box, "sleep 0.1; echo here") == "here"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["no-such-command"], FileNotFoundError),
        (["/no/such/command"], FileNotFoundError),
        (["./no-such-command"], FileNotFoundError),
        ([""], FileNotFoundError),
        (["/etc/passwd"], PermissionError),
        (["/etc/passwd/x"], NotADirectoryError),
        (["/etc"], PermissionError),
    ],
)
async def test_what_cannot_start_says_why(box: Box, argv: list[str], expected: type[OSError]) -> None:
    with pytest.raises(expected) as caught:
        await _spawn(box, *argv)
    assert caught.value.filename == argv[0]


async def test_no_command_at_all_is_invalid(box: Box) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        await _spawn(box)


async def test_a_zero_byte_in_an_argument_is_invalid(box: Box) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        await _spawn(box, "echo", "a\0b")


async def test_too_long_an_argument_is_refused_and_the_box_goes_on(box: Box) -> None:
    with pytest.raises(OSError, match="Argument list too long") as caught:
        await _spawn(box, "true", "x" * (1 << 20))
    assert caught.value.errno == errno.E2BIG
    assert await say(box, "echo on") == "on"


async def test_too_large_an_environment_is_refused_and_the_box_goes_on(box: Box) -> None:
    with pytest.raises(OSError, match="Argument list too long"):
        await _spawn(box, "true", **{f"V{number}": "x" * 100_000 for number in range(100)})
    assert await say(box, "echo on") == "on"


@pytest.mark.parametrize(
    ("cwd", "expected"), [("/no/such", FileNotFoundError), ("/etc/passwd", NotADirectoryError)]
)
async def test_a_bad_working_directory_says_why(box: Box, cwd: str, expected: type[OSError]) -> None:
    with pytest.raises(expected):
        await run(box, "true", cwd=cwd)


async def test_the_working_directory_is_the_home_or_counts_from_it(box: Box) -> None:
    await say(box, "mkdir -p a/b")
    assert await say(box, "pwd") == box.home
    assert await run(box, "pwd", cwd="a/b") == (0, f"{box.home}/a/b\n")
    assert await run(box, "pwd", cwd="~/a") == (0, f"{box.home}/a\n")
    assert await run(box, "pwd", cwd="/usr") == (0, "/usr\n")


async def test_a_command_is_looked_up_on_the_path_that_it_gets(box: Box) -> None:
    await say(box, "mkdir -p bin; printf '#!/bin/sh\\necho mine\\n' >bin/true; chmod +x bin/true")
    reading, writing = os.pipe()
    with open(os.devnull, "rb") as null:  # noqa: ASYNC230, PTH123  (never waits)
        environment = {**box.environment, "PATH": f"{box.home}/bin:/bin"}
        process = await box.spawn(Command(["true"], environment, null.fileno(), writing, writing))
    os.close(writing)
    assert await process.wait() == 0
    with os.fdopen(reading, "rb") as output:
        assert output.read() == b"mine\n"


async def test_a_file_on_the_path_that_cannot_run_is_passed_over(box: Box) -> None:
    await say(box, "mkdir -p bin; touch bin/true")
    await _spawn(box, "true", PATH=f"{box.home}/bin:/bin")
    with pytest.raises(PermissionError):
        await _spawn(box, "true", PATH=f"{box.home}/bin")


async def test_a_script_without_interpreter_line_runs_in_a_shell(box: Box) -> None:
    await say(box, "echo 'exit 9' >script; chmod +x script")
    assert (await run(box, "exec ./script"))[0] == 9
    await _spawn(box, f"{box.home}/script")


async def test_a_command_has_its_own_session_and_group(box: Box) -> None:
    leader, group, session = (await say(box, "echo $$ $(ps -o pgid=,sid= -p $$)")).split()
    assert leader == group == session


async def test_a_command_starts_with_clean_signals_and_mask(box: Box) -> None:
    assert await say(box, "umask") == "0022"
    status = dict(line.split(":\t", 1) for line in (await say(box, "cat /proc/self/status")).splitlines())
    assert int(status["SigBlk"], 16) == 0
    # The C library itself leaves its two internal signals ignored.
    assert int(status["SigIgn"], 16) & ~(0b11 << 31) == 0


async def test_a_command_gets_no_other_descriptors(box: Box) -> None:
    reading, writing = os.pipe()
    with open(os.devnull, "rb") as null:  # noqa: ASYNC230, PTH123  (never waits)
        command = Command(["ls", "/proc/self/fd"], box.environment, null.fileno(), writing, writing)
        process = await box.spawn(command)
    os.close(writing)
    await process.wait()
    with os.fdopen(reading, "rb") as output:
        assert output.read().split() == [b"0", b"1", b"2", b"3"]  # The last one is the listing's own.


async def test_a_signal_reaches_the_process_or_the_group(box: Box) -> None:
    script = "sleep 600 & echo $!; trap '' TERM; wait; wait"
    reading, writing = os.pipe()
    process = await start(box, script, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        child = int(await asyncio.to_thread(output.readline))
        process.signal(signal.SIGTERM)
        assert await say(box, f"kill -0 {child} && echo alive") == "alive"
        process.signal(signal.SIGTERM, group=True)  # It ends the child, and so the wait.
        assert await process.wait() in (0, 128 + signal.SIGTERM)


async def test_a_signal_to_what_is_gone_is_no_error(box: Box) -> None:
    process = await start(box, "true")
    await process.wait()
    process.signal(signal.SIGKILL)
    process.signal(signal.SIGKILL, group=True)
    assert await say(box, "echo on") == "on"


async def test_a_cancelled_start_leaves_nothing_running(box: Box) -> None:
    reading, writing = os.pipe()
    task = asyncio.create_task(start(box, "sleep 600", stdout=writing))
    await asyncio.sleep(0)  # It has sent its request now.
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        assert await asyncio.wait_for(asyncio.to_thread(output.read), 30) == b""


async def test_files_of_any_bytes_are_written_and_read(box: Box) -> None:
    content = bytes(range(256)) * 4096
    await put(box, "~/deep/er/file", content, parents=True)
    assert await get(box, f"{box.home}/deep/er/file") == content
    assert await get(box, "deep/er/file") == content


async def test_a_missing_file_or_parent_says_why(box: Box) -> None:
    with pytest.raises(FileNotFoundError):
        await get(box, "missing")
    with pytest.raises(FileNotFoundError):
        await put(box, "missing/file", b"")
    with pytest.raises(IsADirectoryError):
        await put(box, ".", b"")


async def test_names_that_are_no_utf8_travel(box: Box) -> None:
    name = os.fsdecode(b"f\xff\xfe")
    await put(box, name, b"x")
    assert await say(box, "ls | od -An -tx1") == "66 ff fe 0a"


async def test_a_pipe_without_writer_holds_up_nobody(box: Box) -> None:
    await say(box, "mkfifo pipe")
    descriptor = await asyncio.wait_for(box.open("pipe", os.O_RDONLY), 30)
    os.close(descriptor)
    with pytest.raises(OSError, match="No such device or address"):
        await box.open("pipe", os.O_WRONLY)


async def test_an_opened_file_blocks_as_its_opener_expects(box: Box) -> None:
    descriptor = await box.open("file", os.O_WRONLY | os.O_CREAT)
    assert os.get_blocking(descriptor)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


async def test_a_destroyed_box_answers_nothing(box: Box) -> None:
    process = await start(box, "sleep 600")
    await box.destroy()
    await box.destroy()
    assert await process.wait() == 128 + signal.SIGKILL
    with pytest.raises(BoxGoneError):
        await run(box, "true")
    assert not box.ended.done()
