"""The watcher: sees a run die, and has the devboxes ended that it leaves on a service that outlives it.

Run as `python -I -S program.py LOCK`. It waits for hours beside every run, so until it has to act it imports
almost nothing, and never anything but the standard library. All that it must know, the key above all, comes
through its standard input: arguments and environments are there for all to see.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys


def main(lock_path: str) -> None:
    """Leave the process that starts it, wait until the run is dead, end what it left, and end."""
    told = _read_all(0)
    lock = os.open(lock_path, os.O_RDWR)
    child = os.fork()
    if child:  # nobody's child: not the run's, whose tests may count theirs, nor of a tree that is killed
        os.write(1, str(child).encode())
        os._exit(0)
    _detach()
    fcntl.flock(lock, fcntl.LOCK_EX)
    if os.path.exists(lock_path):  # noqa: PTH110 - pathlib takes more memory than all else here
        _sweep(told, lock_path)  # an ordered end would have removed the directory before


def _read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def _detach() -> None:
    """Let go of everything that belongs to the run: who reads its output waits for the last who can write."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they end the run, which is what it waits for
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _sweep(told: bytes, lock_path: str) -> None:
    import json
    import runpy

    estate = runpy.run_path(os.path.join(os.path.dirname(__file__), "estate.py"))  # noqa: PTH118, PTH120
    estate["sweep"](lock_path, json.loads(told))


if __name__ == "__main__":
    main(sys.argv[1])
