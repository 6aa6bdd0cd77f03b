"""Commands over their time in real devboxes: whatever they do to get away, nothing of them is left."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from pytest_runloop import CommandTimeoutError, Runloop

from .running import server

ZOO = {
    "child": "sleep {}",
    "own session": "setsid sleep {} & wait",
    "double fork in a session of its own": "(setsid setsid sleep {} &)",
    "without environment": "(env -i setsid sleep {} &)",
    "nohup": "nohup sleep {} >/dev/null 2>&1 &",
    "ignored signals": "(trap '' HUP INT TERM QUIT; exec setsid sleep {}) &",
    "stopped": "setsid sh -c 'kill -STOP $$; exec sleep {}' &",
    "job control": "set -m; sleep {} & sleep {} &",
    "shell that loops": "(while :; do sleep {}; done) &",
    "keeps forking": "setsid sh -c 'while :; do sleep {} & sleep 0.02; done' &",
}


def alive(token: str) -> list[str]:
    """Return the command lines of this machine's processes that hold a token."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in found if token in line]


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_nothing_outlives_a_command_that_was_over_its_time(tmp_path: Path, isolation: str) -> None:
    token = f"9{secrets.randbelow(10**8):08}.5"
    lines = [part.replace("{}", token) for part in ZOO.values()]
    command = "\n".join(["printf 'begun\\nno newline'", *lines, f"sleep {token}"])
    with server(tmp_path, isolation=isolation) as running:
        client = Runloop(running.base_url, running.api_key)
        devbox = client.devbox.create()
        for commands in (devbox.cmd, devbox.shell("s")):
            with pytest.raises(CommandTimeoutError) as caught:
                commands.exec(command, timeout=1.5)
            assert not alive(token)
            assert caught.value.survivors == ()
            assert caught.value.stdout.startswith("begun\nno newline")
            assert commands.exec("echo still here", timeout=60).check().stdout() == "still here\n"
        client.close()
