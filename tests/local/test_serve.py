"""The server as a process: how it starts, and how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop._version import __version__

from .box import Box, ok
from .running import PATIENCE, command, server, start


def _run(*arguments: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE, **how)


def test_the_version_is_printed() -> None:
    assert _run("--version").stdout == f"pytest-runloop {__version__}\n"


def test_the_command_alone_shows_its_help_without_loading_the_server() -> None:
    script = (
        "import sys; from pytest_runloop.cli import main; main([]);"
        "assert not {'uvicorn', 'starlette', 'pydantic'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "serve" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "x"],
        ["--port", "70000"],
        ["--isolation", "docker"],
        ["--nonsense"],
        ["--po", "1"],
        ["--faults", "x"],
    ],
)
def test_wrong_options_exit_with_two(arguments: list[str]) -> None:
    done = _run("serve", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert arguments[0] in done.stderr


def test_the_ready_line_says_all_that_a_client_needs(tmp_path: Path) -> None:
    with server(tmp_path / "state", isolation="process") as running:
        ready = running.ready
        assert ready["base_url"].startswith("http://127.0.0.1:")
        assert ready["isolation"] == "process"
        assert ready["pid"] == running.process.pid
        assert isinstance(ready["capabilities"], list)
        assert isinstance(ready["notes"], list)
        assert len(ready["api_key"]) >= 32
        with running.client() as api:
            assert ok(api.get("/v1/devboxes"))["devboxes"] == []
        assert ready["api_key"] not in Path(f"/proc/{running.process.pid}/cmdline").read_text()
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_the_key_may_come_from_the_environment(tmp_path: Path) -> None:
    line = command("serve", "--state-dir", tmp_path, "--isolation", "process")
    environment = os.environ | {"RUNLOOP_API_KEY": "given-key"}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["api_key"] == "given-key"
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run("serve", "--port", str(port), "--state-dir", tmp_path, "--isolation", "process")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_an_unusable_state_dir_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _run("serve", "--state-dir", tmp_path / "file", "--isolation", "process")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(tmp_path / "file") in done.stderr
    assert "--state-dir" in done.stderr


def test_a_state_dir_of_a_newer_version_is_one_line(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "backend.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    done = _run("serve", "--state-dir", tmp_path, "--isolation", "process")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "newer" in done.stderr


def test_a_broken_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "backend.sqlite3").write_bytes(b"not a database" * 1000)
    done = _run("serve", "--state-dir", tmp_path, "--isolation", "process")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "backend.sqlite3" in done.stderr


def test_refused_isolation_is_one_line(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tests.support.no_namespaces"]
    line += command("serve", "--state-dir", tmp_path, "--isolation", "namespace")
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "namespace" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order_and_every_devbox_with_it(tmp_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path, isolation="process")
    with running.client() as api:
        box = Box.create(api)
        marker = f"marker-{os.getpid()}-{number.name}"
        execution = box.begin(f"exec -a {marker} sleep 600")
        _wait_for(lambda: _living(marker))
        with api.stream("GET", f"/v1/devboxes/{box.id}/executions/{execution}/stream_stdout_updates"):
            running.process.send_signal(number)
            assert running.process.wait(PATIENCE) == 0
    assert not _living(marker)
    assert running.process.stdout is not None
    running.process.stdout.close()


def _living(marker: str) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_text().startswith(marker):
                return True
        except OSError:
            continue
    return False


def _wait_for(condition: Any) -> None:
    while not condition():
        time.sleep(0.01)


def test_the_end_of_standard_input_ends_it_if_asked(tmp_path: Path) -> None:
    running = start(tmp_path, "--until-eof", isolation="process", stdin=subprocess.PIPE)
    assert running.process.stdin is not None
    assert running.process.stdout is not None
    running.process.stdin.write("ignored\n")
    running.process.stdin.flush()
    with running.client() as api:
        ok(api.get("/v1/devboxes"))
    running.process.stdin.close()
    assert running.process.wait(PATIENCE) == 0
    running.process.stdout.close()


def test_the_death_of_the_lock_s_owner_ends_it(tmp_path: Path) -> None:
    lock = tmp_path / "owner.lock"
    fd = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    running = start(tmp_path / "state", "--owner-lock", lock, isolation="process")
    with running.client() as api:
        ok(api.get("/v1/devboxes"))
    assert running.process.poll() is None
    os.close(fd)
    assert running.process.wait(PATIENCE) == 0
    assert running.process.stdout is not None
    running.process.stdout.close()


def test_a_missing_owner_lock_is_one_line(tmp_path: Path) -> None:
    done = _run("serve", "--state-dir", tmp_path, "--isolation", "process", "--owner-lock", tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--owner-lock" in done.stderr


def test_what_a_killed_server_left_unfinished_is_marked_and_swept_at_the_next_start(tmp_path: Path) -> None:
    first = start(tmp_path, isolation="process")
    with first.client() as api:
        blueprint = ok(
            api.post("/v1/blueprints", json={"name": "b", "system_setup_commands": ["sleep 600"]})
        )["id"]
        _wait_for(lambda: ok(api.get(f"/v1/blueprints/{blueprint}"))["status"] == "building")
    first.process.kill()
    first.process.wait(PATIENCE)
    assert first.process.stdout is not None
    first.process.stdout.close()
    with server(tmp_path, isolation="process") as second, second.client() as api:
        view = ok(api.get(f"/v1/blueprints/{blueprint}"))
        assert (view["status"], view["failure_reason"]) == ("failed", "build_failed")
        assert len([path for path in (tmp_path / "servers").iterdir() if path.is_dir()]) == 1


def test_a_second_server_leaves_the_first_one_s_builds_alone(tmp_path: Path) -> None:
    with server(tmp_path, isolation="process") as first, first.client() as api:
        body = {"name": "b", "system_setup_commands": ["until [ -e ~/stop ]; do sleep 0.05; done"]}
        blueprint = ok(api.post("/v1/blueprints", json=body))["id"]
        _wait_for(lambda: ok(api.get(f"/v1/blueprints/{blueprint}"))["status"] == "building")
        with server(tmp_path, isolation="process") as second, second.client() as other:
            assert ok(other.get(f"/v1/blueprints/{blueprint}"))["status"] == "building"


def test_a_connection_that_sends_no_http_harms_nobody(tmp_path: Path) -> None:
    with server(tmp_path, isolation="process") as running:
        url = httpx.URL(running.base_url)
        with socket.create_connection((url.host, url.port or 0)) as raw:
            raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
            raw.recv(100)
        with running.client() as api:
            ok(api.get("/v1/devboxes"))
