"""`pytest-runloop shell`, as somebody at a terminal uses it, and as a script does."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_runloop import Devbox
from pytest_runloop.cli import main
from pytest_runloop.session import settings
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.run import Run
from pytest_runloop.wayback import helper
from pytest_runloop.wayback.keys import Keys
from tests.plugin.service import Service, service
from tests.plugin.waiting import PATIENCE, until

from .seat import seat

PASTE = "".join(f"{number:06} Grüße, 漢字 {'x' * 40}\n" for number in range(1700)).encode()


def shell(*words: str, said: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run it without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_runloop.cli", "shell", *words],
        input=said,
        env={**os.environ, **more},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("tier", ["auto", "landlock"])
def test_a_terminal_has_size_keys_text_of_all_scripts_and_the_shell_s_exit_status(
    services: Callable[[str], Service], tier: str
) -> None:
    assert len(PASTE) > 100_000
    running = services(tier)
    with running.client.devbox.create() as devbox, seat(["shell", devbox.id], running.variables) as here:
        here.type("echo SIZE $(stty size) $(test -t 0 && echo TTY)\r")
        here.until("SIZE 33 101 TTY")
        here.type("echo 'Grüße, 漢字' | tr -d \\\\n; echo =E''ND\r")
        here.until("Grüße, 漢字=END")
        here.type("echo BEG''IN; sleep 600; echo $?\r")
        here.until("BEGIN")
        here.type("\x03")
        here.until("^C")
        here.resize(44, 111)
        here.type("until [ \"$(stty size)\" = '44 111' ]; do sleep 0.1; done; echo RES''IZED\r")
        here.until("RESIZED")
        here.type("stty -echo; echo NO''W; cat > paste; stty echo; md5sum < paste\r")
        here.until("NOW\r\n")
        here.type(PASTE + b"\x04")
        here.until(hashlib.md5(PASTE).hexdigest())
        here.type("exit 7\r")
        assert here.status() == 7
        assert here.as_before


def test_a_flood_is_whole_and_ctrl_c_ends_one_without_end(devbox: Devbox, there: Service) -> None:
    with seat(["shell", devbox.id], there.variables) as here:
        here.type("echo BEG''IN; head -c 3000000 /dev/zero | tr '\\0' x; echo E''ND\r")
        here.until("BEGIN\r\n")
        assert here.until("END").count("x") == 3_000_000
        here.type("yes\r")
        here.until("y\r\ny\r\n")
        here.type("\x03")
        here.until("^C")
        here.type("exit\r")
        assert here.status() == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_ended_leaves_the_terminal_as_it_was_and_nothing_in_the_devbox(
    devbox: Devbox, there: Service, number: signal.Signals
) -> None:
    with seat(["shell", devbox.id], there.variables) as here:
        here.type("echo $$ > pid; echo REA''DY\r")
        here.until("READY")
        here.process.send_signal(number)
        assert (here.status(), here.as_before) == (128 + number, True)
    look = "kill -0 $(cat pid) 2>/dev/null && echo lives || echo gone"
    until(lambda: devbox.cmd.exec(look).stdout() == "gone\n", "the end of the shell in the devbox")


def test_a_devbox_that_ends_under_the_shell_is_told_with_its_reason(devbox: Devbox, there: Service) -> None:
    with seat(["shell", devbox.id], there.variables) as here:
        here.type("echo REA''DY\r")
        here.until("READY")
        devbox.shutdown()
        assert (here.status(), here.as_before) == (255, True)
        assert "it ended under the command" in here.seen.decode()
        assert "api_shutdown" in here.seen.decode()


def test_who_has_no_answer_any_more_is_told_how_to_leave_and_gets_the_terminal_back(tmp_path: Path) -> None:
    with service(tmp_path, "--isolation", "process") as running:
        devbox = running.client.devbox.create()
        with seat(["shell", devbox.id], running.variables) as here:
            here.type("echo ~.; echo REA''DY\r")
            here.until("READY")
            os.kill(running.process, signal.SIGSTOP)
            try:
                here.type("echo\r")
                here.until("To leave: Enter, ~ and .")
                here.type("~")
                here.type(".")
                assert (here.status(), here.as_before) == (255, True)
            finally:
                os.kill(running.process, signal.SIGCONT)
            assert f"You left devbox {devbox.id}" in here.seen.decode()
        with seat(["shell", devbox.id], running.variables) as here:
            here.type("echo REA''DY\r")
            here.until("READY")
            os.kill(running.process, signal.SIGKILL)
            assert (here.status(), here.as_before) == (255, True)
            assert f"The connection to devbox {devbox.id} was lost" in here.seen.decode()


def test_only_keys_that_come_by_themselves_at_the_beginning_of_a_line_leave() -> None:
    def passed(*typed: bytes) -> list[bytes | None]:
        keys = Keys()
        return [keys.pass_on(data) for data in typed]

    assert passed(b"~", b".") == [b"", None]
    assert passed(b"ls\r", b"~.") == [b"ls\r", None]
    assert passed(b"~", b"/bin", b"~", b".") == [b"", b"~/bin", b"~", b"."]
    assert passed(b"a\n~.\n") == [b"a\n~.\n"]


def test_without_a_terminal_commands_are_fed_and_outputs_stay_apart(devbox: Devbox, there: Service) -> None:
    done = shell(devbox.id, said=b"echo out; echo err >&2\nexit 7\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    done = shell(devbox.id, "--", "sh", "-c", 'printf %s "$1"; kill -9 $$', "sh", "a  'b")
    assert (done.returncode, done.stdout) == (137, b"a  'b")
    much = PASTE * 20
    assert shell(devbox.id, "--", "sleep 0.5; cat", said=much).stdout == much
    done = shell(devbox.id, "--", "cat", said=b"a\xffb")
    assert (done.stdout.decode(), "some input was not UTF-8" in done.stderr.decode()) == ("a\ufffdb", True)


def test_one_that_is_suspended_is_resumed_and_one_that_has_ended_is_refused(
    devbox: Devbox, there: Service
) -> None:
    devbox.suspend()
    done = shell(devbox.id, "--", "echo back")
    assert (done.returncode, done.stdout, b"is being resumed" in done.stderr) == (0, b"back\n", True)
    devbox.shutdown()
    done = shell(devbox.id)
    assert (done.returncode, b"has ended (shutdown: api_shutdown)" in done.stderr) == (255, True)


def test_an_id_that_nobody_knows_is_an_error_that_says_who_was_asked(
    there: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["shell", "dbx_nobody"]) == 255
    told = capsys.readouterr().err
    assert "There is no devbox 'dbx_nobody'" in told
    assert f"{there.base_url} does not know it" in told
    monkeypatch.delenv("RUNLOOP_API_KEY")
    assert main(["shell", "dbx_nobody"]) == 255
    assert "RUNLOOP_API_KEY is not set" in capsys.readouterr().err


def test_a_devbox_of_a_run_s_local_backend_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("RUNLOOP_ISOLATION", "process")
    run = Run(settings.without_config())
    devboxes = Devboxes(run, Patience(pytestconfig, run))
    try:
        made = devboxes.boot(run.ledger.intend("test_it"), {})[0]
        assert shell(made.id, "--", "echo found").stdout == b"found\n"
    finally:
        devboxes.close()
        run.close(keep=False)


@pytest.mark.parametrize("programs", [["script", "stty", "tty"], []])
def test_a_devbox_without_python_has_a_terminal_by_script_or_says_that_it_has_none(
    tmp_path: Path, programs: list[str]
) -> None:
    for program in programs:
        (tmp_path / program).symlink_to(shutil.which(program) or pytest.skip(f"no {program} here"))
    bash = shutil.which("bash") or "/bin/bash"
    command = helper.with_terminal(["stty size; test -t 0 && echo TTY; exit 7"], 20, 70)
    done = subprocess.run(
        [bash, "-c", command],
        stdin=subprocess.DEVNULL if not programs else None,
        capture_output=True,
        env={"PATH": str(tmp_path), "SHELL": bash},
        timeout=PATIENCE,
        check=False,
    )
    if programs:
        assert (done.returncode, done.stdout.split()) == (7, [b"20", b"70", b"TTY"])
        assert re.search(helper.TTY, done.stderr.decode())
    else:
        assert (done.returncode, helper.NO_TERMINAL in done.stderr.decode()) == (127, True)
