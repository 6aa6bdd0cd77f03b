"""Commands over their time in real devboxes: whatever they do to get away, nothing of them is left."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from benchmarks.zoo import ZOO, alive
from pytest_runloop import CommandTimeoutError, Runloop

from .running import server


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
