"""The first steps: `pytest examples/quickstart -v`.

Without an account the devboxes are sandboxes on this machine. With RUNLOOP_API_KEY set, the same tests
run on Runloop.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_runloop import CommandFailedError, Devbox, DevboxFactory


def test_a_command_runs_in_the_devbox(devbox: Devbox) -> None:
    result = devbox.cmd.exec("echo hello from $(hostname)")
    assert result.exit_code == 0
    assert result.stdout().startswith("hello from ")


def test_a_failed_command_says_why(devbox: Devbox) -> None:
    with pytest.raises(CommandFailedError, match="No such file"):
        devbox.cmd.exec("ls missing-folder").check()


def test_files_are_written_and_read(devbox: Devbox) -> None:
    devbox.file.write(file_path="numbers.txt", contents="3\n1\n2\n")
    devbox.cmd.exec("sort numbers.txt > sorted.txt").check()
    assert devbox.file.read(file_path="sorted.txt") == "1\n2\n3\n"


def test_binary_files_travel_too(devbox: Devbox, tmp_path: Path) -> None:
    local = tmp_path / "data.bin"
    local.write_bytes(bytes(range(256)))
    devbox.file.upload(path="data.bin", file=local)
    assert devbox.file.download(path="data.bin") == bytes(range(256))


@pytest.mark.devbox(
    environment_variables={"GREETING": "hello"},
    file_mounts={"greet.sh": "echo $GREETING, $1 of $STAGE\n"},
)
def test_the_marker_says_what_the_devbox_is_made_of(devbox: Devbox) -> None:
    assert devbox.cmd.exec("bash greet.sh world").stdout() == "hello, world of test\n"


def test_whatever_a_test_breaks(devbox: Devbox) -> None:
    devbox.cmd.exec("echo gone > notes.txt; rm -rf ~/.bashrc ~/.profile").check()


def test_is_whole_again_for_the_next(devbox: Devbox) -> None:
    assert devbox.cmd.exec("test -e notes.txt").failed


def test_output_arrives_while_the_command_runs(devbox: Devbox) -> None:
    lines: list[str] = []
    devbox.cmd.exec("for n in 1 2 3; do echo line $n; done", stdout=lines.append).check()
    assert "".join(lines) == "line 1\nline 2\nline 3\n"


def test_a_command_goes_on_in_the_background(devbox: Devbox) -> None:
    reader = devbox.cmd.exec_async("while read -r line; do echo got $line; done", attach_stdin=True)
    reader.send_std_in("one\ntwo\n")
    reader.close_std_in()
    assert reader.result().stdout() == "got one\ngot two\n"


def test_a_shell_remembers_where_it_is(devbox: Devbox) -> None:
    shell = devbox.shell("work")
    shell.exec("mkdir -p project && cd project && export COLOR=green").check()
    assert shell.exec("echo $(basename $PWD) $COLOR").stdout() == "project green\n"


def test_two_devboxes_are_two_machines(devbox: Devbox, devbox_factory: DevboxFactory) -> None:
    other = devbox_factory(environment_variables={"STAGE": "other"})
    devbox.file.write(file_path="mine.txt", contents="x")
    assert other.cmd.exec("test -e mine.txt").failed
    assert other.cmd.exec("echo $STAGE").stdout() == "other\n"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_session_devbox_is_shared(session_devbox: Devbox, n: int) -> None:
    session_devbox.cmd.exec(f"mkdir -p results && echo {n} > results/{n}").check()
    assert session_devbox.file.read(file_path=f"results/{n}") == f"{n}\n"
