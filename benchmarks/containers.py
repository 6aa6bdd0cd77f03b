"""A devbox beside a container of Docker's, where docker answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_runloop import Devbox, Runloop
from pytest_runloop.local.engine import container_programs
from pytest_runloop.local.engine.protocol import EngineError

from .figures import Figure, interleaved
from .local import backend

ROUNDS = 30  # A busy machine only ever adds, and it adds to the short ones most.
_TIERS = ("namespace", "container")
_SHOWN = ("/usr", "/bin", "/lib", "/lib64", "/etc")
"""What containers show of this machine, so that they have a system as devboxes do, and no image is pulled."""


def measure() -> list[Figure]:
    """Create devboxes and containers, and run commands in them, in turn."""
    programs = {program.name: program for program in container_programs.found()}
    try:
        if "docker" not in programs:
            raise EngineError("there is no docker here")
        programs["docker"].require()
    except EngineError as error:
        print(f"left out: {error}", file=sys.stderr)
        return []
    return [figure for tier in _TIERS for figure in _compare(tier)]


def _compare(tier: str) -> Iterator[Figure]:
    with backend(tier) as running, running.client() as client, _Made(client) as made:
        made.container()
        made.devbox()
        creation = interleaved(ROUNDS, min, docker=made.container, devbox=made.devbox)
        execution = interleaved(ROUNDS, min, docker=made.run_in_container, devbox=made.run_in_devbox)
    yield _figure(f"create a devbox ({tier}), times as fast as `docker run`", creation, 15)
    yield _figure(f'`exec("true")` ({tier}), times as fast as `docker exec … bash -lc true`', execution, 20)


def _figure(what: str, times: dict[str, float], bound: float) -> Figure:
    detail = f"{times['docker']:.1f} ms / {times['devbox']:.1f} ms; least of {ROUNDS}"
    return Figure(what, times["docker"] / times["devbox"], "x", bound, detail, at_least=True)


class _Made:
    """Devboxes and containers that stand until the end, so that no end falls into another's beginning."""

    def __init__(self, client: Runloop) -> None:
        self._client = client
        self._containers: list[str] = []
        self._devboxes: list[Devbox] = []

    def __enter__(self) -> _Made:
        return self

    def __exit__(self, *exc: object) -> None:
        _docker("rm", "--force", *self._containers)
        for devbox in self._devboxes:
            devbox.shutdown()

    def container(self) -> None:
        mounts = [f"--volume={place}:{place}:ro" for place in _SHOWN if Path(place).exists()]
        options = ["--detach", "--pull=never", "--network=none", *mounts]
        made = _docker("run", *options, container_programs.IMAGE, "/bin/sleep", "3600")
        self._containers.append(made.strip())

    def devbox(self) -> None:
        self._devboxes.append(self._client.devbox.create())

    def run_in_container(self) -> None:
        _docker("exec", self._containers[0], "/bin/bash", "-lc", "true")

    def run_in_devbox(self) -> None:
        self._devboxes[0].cmd.exec("true").check()


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
