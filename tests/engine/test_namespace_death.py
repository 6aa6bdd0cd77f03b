"""Whoever is killed, no process and no mount of a box in namespaces is left.

`RUNLOOP_KILL_ROUNDS` sets how many rounds there are of each kind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_confined_death import Host, hosted

_ROUNDS = int(os.environ.get("RUNLOOP_KILL_ROUNDS", "7"))

_KINDS: dict[str, Callable[[Host], tuple[int, ...]]] = {
    "server": lambda host: (host.process.pid,),
    "zygote": lambda host: (host.zygote,),
    "server and zygote": lambda host: (host.process.pid, host.zygote),
    "agents": lambda host: tuple(host.agents),
}


def _mounts(state_dir: Path) -> list[str]:
    """Return the processes of this machine that see a mount of a box."""
    found = []
    for place in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):
            if str(state_dir) in place.read_text():
                found.append(place.parent.name)
    return found


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("round_", range(_ROUNDS))
def test_a_kill_leaves_no_process_and_no_mount(namespace_state: Path, kind: str, round_: int) -> None:
    victims = _KINDS[kind]
    with hosted("namespace", namespace_state) as host:
        killed = victims(host)
        host.kill(*killed)
        host.wait_for_the_end(*killed, *host.agents)
        assert not _mounts(namespace_state)
