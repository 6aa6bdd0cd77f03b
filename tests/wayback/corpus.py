"""Tests that fail, each in another way: what `repro` must lead back to. They are not of the suite.

Words and exit statuses come from the seed in `CORPUS_SEED`. Each test says by `@fails(status, text)` how the
command ends that it fails at, and what that command prints.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

SEED = os.environ.get("CORPUS_SEED", "1")
_RANDOM = random.Random(SEED)
WORD = "w" + "".join(_RANDOM.choices("abcdefghij", k=8))
NUMBER = _RANDOM.randint(3, 99)
STATUS = _RANDOM.randint(2, 120)
HEAVY = "Grüße, 漢字"

Devbox = Any
Test = TypeVar("Test", bound=Callable[..., None])
CASES: dict[str, tuple[int | None, str]] = {}
"""By the name of the test: how the command ends that it fails at, and what it prints among others."""


def fails(status: int | None, text: str) -> Callable[[Test], Test]:
    """Say how the command of a test ends that it fails at.

    :param status: `None` if it does not end.
    """

    def note(test: Test) -> Test:
        CASES[test.__name__] = (status, text)
        return test

    return note


@fails(STATUS, WORD)
def test_a_command_fails(devbox: Devbox) -> None:
    devbox.cmd.exec(f"echo {WORD}; exit {STATUS}").check()


@fails(127, "")
def test_a_program_is_not_there(devbox: Devbox) -> None:
    devbox.cmd.exec(f"{WORD} --help").check()


@fails(1, "")
def test_a_file_is_not_there(devbox: Devbox) -> None:
    devbox.cmd.exec("true").check()
    devbox.cmd.exec(f"cat {WORD}.txt").check()


@fails(1, f"{NUMBER}")
def test_a_file_has_the_wrong_content(devbox: Devbox) -> None:
    devbox.file.write(file_path="config/limits.txt", contents=f"{NUMBER}\n")
    devbox.cmd.exec(f"cat config/limits.txt; grep -q {NUMBER + 1} config/limits.txt").check()


@fails(3, WORD)
@pytest.mark.devbox(environment_variables={"MODE": WORD})
def test_a_variable_is_wrong(devbox: Devbox) -> None:
    devbox.cmd.exec('echo $MODE; [ "$MODE" = other ] || exit 3').check()


@fails(4, f"{WORD} {NUMBER}")
def test_a_shell_with_state(devbox: Devbox) -> None:
    shell = devbox.shell("main")
    shell.exec(f"mkdir -p {WORD}; cd {WORD}").check()
    shell.exec(f"export COUNT={NUMBER}").check()
    shell.exec('echo $(basename "$PWD") $COUNT; (exit 4)').check()


@fails(5, WORD)
def test_input_that_is_refused(devbox: Devbox) -> None:
    execution = devbox.cmd.exec_async("read line; echo $line; exit 5", attach_stdin=True)
    execution.send_std_in(f"{WORD}\n")
    execution.close_std_in()
    execution.result().check()


@fails(6, WORD)
def test_a_program_of_bytes_is_uploaded(devbox: Devbox) -> None:
    devbox.file.upload(path="tool.sh", file=f"#!/bin/sh\necho {WORD}\nexit 6\n".encode())
    devbox.cmd.exec("chmod +x tool.sh && ./tool.sh").check()


@fails(7, WORD)
def test_a_program_of_a_file_is_uploaded(devbox: Devbox, tmp_path: Path) -> None:
    (tmp_path / "tool.sh").write_text(f"echo {WORD}; exit 7")
    devbox.file.upload(path="tool.sh", file=tmp_path / "tool.sh")
    devbox.cmd.exec("sh tool.sh").check()


@fails(8, WORD)
def test_a_directory_is_uploaded(devbox: Devbox, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "run.sh").write_text(f"echo {WORD}; exit 8")
    devbox.file.upload_dir(path="project", directory=tmp_path)
    devbox.cmd.exec("cd project && sh lib/run.sh").check()


@fails(9, WORD)
def test_an_async_devbox(async_devbox: Devbox) -> None:
    async def work() -> None:
        await async_devbox.file.write(file_path="a.txt", contents=WORD)
        (await async_devbox.cmd.exec("cat a.txt; exit 9")).check()

    asyncio.run(work())


@fails(10, f"second {WORD}")
def test_one_of_several_devboxes(devbox_factory: Any) -> None:
    first, second = devbox_factory.several(2)
    first.cmd.exec(f"echo first > name; echo {WORD} > other").check()
    second.cmd.exec("echo second > name").check()
    second.cmd.exec(f"echo $(cat name) {WORD}; exit 10").check()


@fails(None, WORD)
def test_a_command_that_does_not_end(devbox: Devbox) -> None:
    from pytest_runloop import PollingConfig

    limit = PollingConfig(timeout_seconds=1.0)
    devbox.cmd.exec(f"echo {WORD}; sleep 600", polling_config=limit).check()


@pytest.fixture
def prepared(devbox: Devbox) -> Devbox:
    """Fail."""
    devbox.cmd.exec(f"echo {WORD} > prepared").check()
    devbox.cmd.exec("cat prepared; exit 11").check()
    return devbox


@fails(11, WORD)
def test_the_setup_fails(prepared: Devbox) -> None:
    prepared.cmd.exec("true").check()


@pytest.fixture
def cleaned(devbox: Devbox) -> Iterator[Devbox]:
    """Fail at the end."""
    yield devbox
    devbox.cmd.exec("cat left; exit 12").check()


@fails(12, WORD)
def test_the_teardown_fails(cleaned: Devbox) -> None:
    cleaned.cmd.exec(f"echo {WORD} > left").check()


@pytest.fixture
def carelessly_cleaned(devbox: Devbox) -> Iterator[Devbox]:
    """Run commands at the end that fail, and nobody cares."""
    yield devbox
    devbox.cmd.exec("sleep 0.1")
    devbox.cmd.exec("rm nothing")


@fails(13, WORD)
def test_the_teardown_is_careless(carelessly_cleaned: Devbox) -> None:
    carelessly_cleaned.cmd.exec(f"echo {WORD}; exit 13").check()


@fails(14, f"{NUMBER}")
def test_a_subtest_fails(devbox: Devbox, subtests: Any) -> None:
    for number in (1, NUMBER):
        with subtests.test(number=number):
            devbox.cmd.exec(f"echo {number}; [ {number} = 1 ] || exit 14").check()


@fails(0, WORD)
def test_an_output_is_wrong(devbox: Devbox) -> None:
    devbox.cmd.exec("echo before").check()
    assert devbox.cmd.exec(f"echo {WORD}").stdout() == "another\n"


@fails(15, WORD)
@pytest.mark.devbox(file_mounts={"/home/user/given.txt": f"{WORD}\n"})
def test_a_file_is_mounted(devbox: Devbox) -> None:
    devbox.cmd.exec("cat given.txt; exit 15").check()


@fails(16, WORD)
@pytest.mark.devbox(launch_parameters={"launch_commands": [f"echo {WORD} > made"]})
def test_launch_commands(devbox: Devbox) -> None:
    devbox.cmd.exec("cat made; exit 16").check()


@fails(17, WORD)
def test_a_process_beside(devbox: Devbox) -> None:
    devbox.cmd.exec("mkfifo pipe").check()
    devbox.cmd.exec_async(f"while true; do echo {WORD} > pipe; done")
    devbox.cmd.exec("head -n 1 pipe; exit 17").check()


@fails(137, WORD)
def test_a_command_kills_itself(devbox: Devbox) -> None:
    devbox.cmd.exec(f"echo {WORD}; kill -9 $$").check()


@fails(18, HEAVY)
def test_text_of_many_scripts(devbox: Devbox) -> None:
    devbox.file.write(file_path="t.txt", contents=f"{HEAVY}\n'\"\\ $HOME `id`\n")
    devbox.cmd.exec(f"cat t.txt; echo '{HEAVY}' >&2; exit 18").check()


@fails(19, "19999")
def test_much_output(devbox: Devbox) -> None:
    devbox.cmd.exec("seq 0 19999; exit 19").check()


@fails(20, "5")
def test_a_counter(devbox: Devbox) -> None:
    count = "n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n | tee n; [ $n -lt 5 ] || exit 20"
    for _ in range(6):
        devbox.cmd.exec(count).check()


@fails(21, WORD)
def test_a_devbox_that_slept(devbox: Devbox) -> None:
    devbox.cmd.exec(f"echo {WORD} > kept").check()
    devbox.suspend()
    devbox.resume()
    devbox.cmd.exec("cat kept; exit 21").check()


@fails(22, WORD)
def test_a_command_was_killed_before(devbox: Devbox) -> None:
    execution = devbox.cmd.exec_async(f"echo {WORD} > started; sleep 600")
    devbox.cmd.exec("until [ -s started ]; do sleep 0.05; done").check()
    execution.kill(kill_process_group=True)
    devbox.cmd.exec("cat started; pgrep -x sleep; exit 22").check()


@fails(23, WORD)
@pytest.mark.devbox(reuse="shared")
def test_a_shared_devbox(devbox: Devbox) -> None:
    devbox.cmd.exec(f"echo {WORD}; exit 23").check()


@fails(24, WORD)
def test_the_session_devbox(session_devbox: Devbox) -> None:
    session_devbox.cmd.exec(f"echo {WORD} > of_the_session").check()
    session_devbox.cmd.exec("cat of_the_session; exit 24").check()


@fails(25, "length 18")
@pytest.mark.devbox(environment_variables={"API_TOKEN": "tok_4vTz81kQm29xLw"})
def test_a_variable_that_is_secret(devbox: Devbox) -> None:
    devbox.cmd.exec("echo length ${#API_TOKEN}; exit 25").check()


@fails(26, "2")
def test_commands_at_once(devbox: Devbox) -> None:
    running = [devbox.cmd.exec_async(f"sleep 0.3; echo {word} > {word}.part") for word in ("one", "two")]
    for execution in running:
        execution.result().check()
    devbox.cmd.exec("ls *.part | wc -l; exit 26").check()


@fails(27, WORD)
@pytest.mark.parametrize("name", [WORD])
def test_with_parameters(devbox: Devbox, name: str) -> None:
    devbox.cmd.exec(
        f"mkdir -p a/b && echo {name} > a/b/c && rm -r a/b/../b && echo {name} && ls a/b; exit 27"
    ).check()


@fails(0, WORD)
@pytest.mark.xfail(strict=True, reason="it passes")
def test_that_passes_and_should_not(devbox: Devbox) -> None:
    devbox.cmd.exec(f"echo {WORD}").check()
