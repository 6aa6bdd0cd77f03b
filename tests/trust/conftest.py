"""A devbox in each tier, and what lies outside of it.

Every test here tries to get out, in. It is skipped where a tier does not promise to withstand; the reason
names the capability that it lacks.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pytest_runloop.local.engine import landlock, select
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Capability
from tests.local.running import Server, server
from tests.support.boxes import put, run

_TIERS = tuple(select.tiers())
SECRET = "a-secret-of-somebody-else"
_DONE = "all was tried"


@dataclass
class Room:
    """A devbox, and a directory outside of it with a secret in it."""

    engine: SandboxEngine
    box: Box
    outside: Path

    def needs(self, capability: Capability) -> None:
        """Skip where the tier does not promise this."""
        if capability not in self.engine.capabilities:
            pytest.skip(f"the {self.engine.tier} tier does not promise `{capability}`")

    def needs_walls(self) -> None:
        """Skip where nothing keeps processes in: neither processes of their own nor Landlock 6."""
        if Capability.OWN_PROCESSES not in self.engine.capabilities:
            self.needs(Capability.CONFINED_WRITES)
            if landlock.abi() < 6:
                pytest.skip("this kernel's Landlock does not hold signals in")

    async def tries(self, source: str, *arguments: Any) -> str:
        """Run Python in the devbox, and return what it said.

        :param source: must not fail: what it tries is given to `attempt`, which prints what came of it.
        :param arguments: are `given`.
        """
        await put(self.box, "attempt.py", (_PRELUDE + source + f"\nprint({_DONE!r})\n").encode())
        status, said = await run(self.box, f"python3 attempt.py '{json.dumps(arguments)}'")
        assert said.rstrip().endswith(_DONE), f"status {status}: {said}"
        return said

    def untouched(self) -> bool:
        """Tell whether the directory outside is as it was."""
        secret = self.outside / "secret"
        return [path.name for path in self.outside.iterdir()] == ["secret"] and secret.read_text() == SECRET


_PRELUDE = """
import ctypes, json, os, signal, socket, struct, subprocess, sys
given = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def attempt(what, function, *arguments):
    try:
        print("done:", what, function(*arguments))
    except BaseException as error:
        print("refused:", what, type(error).__name__, error)

def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 16)
"""


def _why_not(tier: str, state_dir: Path) -> str:
    async def look() -> str:
        engine = await select.try_tier(tier, state_dir)
        if not isinstance(engine, SandboxEngine):
            return engine.reason
        await engine.close()
        return ""

    return asyncio.run(look())


@pytest.fixture(scope="session", params=_TIERS)
def tier(request: pytest.FixtureRequest) -> str:
    """Return the name of each tier in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def tier_state(tier: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory in which the tier works, or skip."""
    state_dir = tmp_path_factory.mktemp(f"state-{tier}")
    if reason := _why_not(tier, state_dir):
        pytest.skip(f"{tier}: {reason}")
    return state_dir


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a directory of the user's with a secret in it."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_text(SECRET)
    return place


@pytest_asyncio.fixture
async def room(tier: str, tier_state: Path, outside: Path) -> AsyncIterator[Room]:
    """Return a devbox of the tier."""
    engine = await SandboxEngine.open(select.tiers()[tier](), tier_state)
    yield Room(engine, await engine.boot(BoxSpec("box")), outside)
    await engine.close()


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process of the same user outside, with a secret in its environment and its memory."""
    script = "import os, time; print(flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={"SECRET": SECRET, "PATH": os.defpath}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def tier_server(tier: str, tier_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of the tier."""
    with server(tmp_path_factory.mktemp(f"server-{tier}"), isolation=tier) as running:
        yield running


@pytest.fixture(scope="session")
def tier_api(tier_server: Server) -> Iterator[httpx.Client]:
    """Return a client of that server, with its key."""
    with tier_server.client() as client:
        yield client
