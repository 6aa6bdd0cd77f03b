"""Whoever is killed, nothing that a box without namespaces started is left."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from pytest_runloop.local.engine import landlock, short_names
from pytest_runloop.local.engine.sessions import Session
from tests.support import engine_host
from tests.support.children import PROJECT

_TIERS = [
    pytest.param(
        "landlock", marks=pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
    ),
    "process",
]
_ROUNDS = 4
_BOXES = 3
_PATIENCE = 20  # seconds


class Host:
    """An engine in a process of its own, with boxes full of runaways.

    :param process: the server.
    :param pipe: held open by everything that runs in the boxes.
    """

    def __init__(self, process: subprocess.Popen[str], pipe: IO[bytes]) -> None:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        self.process, self._pipe = process, pipe
        self.zygote: int = told["zygote"]
        self.agents: list[int] = told["agents"]
        self._handles = {pid: os.pidfd_open(pid) for pid in (process.pid, self.zygote, *self.agents)}
        for _ in range(_BOXES * engine_host.RUNAWAYS):
            assert pipe.read(1) == engine_host.READY

    def kill(self, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def wait_for_the_end(self, *pids: int) -> None:
        """Wait until these, and all that was started in the boxes, are gone."""
        readable, _, _ = select.select([self._pipe], [], [], _PATIENCE)
        assert readable, "something that a devbox started is still running"
        assert self._pipe.read() == b""
        for pid in pids:
            assert select.select([self._handles[pid]], [], [], _PATIENCE)[0], f"{pid} is still running"

    def close(self) -> None:
        for handle in self._handles.values():
            os.close(handle)


def _sweep(state_dir: Path) -> None:
    """Do for what was killed what the next engine does."""
    short_names.sweep()
    session = Session(state_dir)
    session.sweep()
    session.retire()
    session.close()


@contextmanager
def hosted(tier: str, state_dir: Path) -> Iterator[Host]:
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "tests.support.engine_host",
        tier,
        str(state_dir),
        str(_BOXES),
        str(writing),
    ]
    with (
        os.fdopen(reading, "rb", 0) as pipe,
        subprocess.Popen(
            command, cwd=PROJECT, pass_fds=[writing], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        os.close(writing)
        try:
            host = Host(process, pipe)
            yield host
            host.close()
        finally:
            process.kill()
            process.wait()
            _sweep(state_dir)


@pytest.mark.parametrize("tier", _TIERS)
@pytest.mark.parametrize("round_", range(_ROUNDS))
def test_a_killed_server_leaves_no_process(tier: str, round_: int, tmp_path: Path) -> None:
    with hosted(tier, tmp_path) as host:
        host.kill(host.process.pid)
        host.wait_for_the_end(host.process.pid, host.zygote, *host.agents)


@pytest.mark.parametrize("tier", _TIERS)
@pytest.mark.parametrize("round_", range(_ROUNDS))
def test_a_killed_zygote_leaves_no_box(tier: str, round_: int, tmp_path: Path) -> None:
    with hosted(tier, tmp_path) as host:
        host.kill(host.zygote)
        host.wait_for_the_end(host.zygote, *host.agents)


@pytest.mark.parametrize("tier", _TIERS)
@pytest.mark.parametrize("round_", range(_ROUNDS))
def test_a_killed_server_and_zygote_leave_no_process(tier: str, round_: int, tmp_path: Path) -> None:
    with hosted(tier, tmp_path) as host:
        host.kill(host.zygote, host.process.pid)
        host.wait_for_the_end(host.process.pid, host.zygote, *host.agents)


@pytest.mark.parametrize("tier", _TIERS)
@pytest.mark.parametrize("round_", range(_ROUNDS))
def test_killed_agents_leave_no_process(tier: str, round_: int, tmp_path: Path) -> None:
    with hosted(tier, tmp_path) as host:
        host.kill(*host.agents)
        host.wait_for_the_end(*host.agents)
