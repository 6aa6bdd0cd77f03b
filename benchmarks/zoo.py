"""What outlives commands that were over their time: processes that do what they can to get away."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_runloop import CommandTimeoutError, Devbox

from .figures import Figure
from .local import backend

ROUNDS = 1000
DEVBOXES = 4
SECONDS = 0.5
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
"""Commands, with `{}` for what `sleep` is told."""


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Run each kind of process over its time again and again, in several devboxes at once.

    :param rounds: how many timeouts.
    """
    with backend("namespace") as running, running.client() as client:
        devboxes = [client.devbox.create() for _ in range(DEVBOXES)]
        kinds = list(ZOO.values())
        with ThreadPoolExecutor(DEVBOXES) as pool:
            told = list(
                pool.map(
                    lambda number: _timed_out(devboxes[number % DEVBOXES], kinds[number % len(kinds)]),
                    range(rounds),
                )
            )
    detail = f"{rounds:,} timeouts of {len(ZOO)} kinds, {DEVBOXES} devboxes at once"
    survivors, unproven = sum(alive for alive, _ in told), sum(not proven for _, proven in told)
    return [
        Figure("processes that outlive an `exec(timeout=…)`", survivors, "processes", 0, detail),
        Figure("timeouts after which that is not proven", unproven, "timeouts", 0, detail),
    ]


def _timed_out(devbox: Devbox, kind: str) -> tuple[int, bool]:
    token = f"9{secrets.randbelow(10**8):08}.5"
    try:
        devbox.cmd.exec(f"{kind.replace('{}', token)}\nsleep {token}", timeout=SECONDS)
    except CommandTimeoutError as error:
        return len(alive(token)), error.proven
    raise AssertionError(f"it ended in its time: {kind}")


def alive(token: str) -> list[str]:
    """Return the command lines of this machine's processes that hold a token."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in found if token in line]
