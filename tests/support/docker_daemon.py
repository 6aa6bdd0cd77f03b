"""A Docker daemon for tests: the machine's own, or one that is started for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_ANSWER_TIMEOUT = 10.0  # seconds
_START_TIMEOUT = 60.0  # seconds

# What it mounts is gone with it, and it goes when we are killed.
_ALONE = ("unshare", "--mount", "--propagation=slave", "setpriv", "--pdeathsig=TERM")


class NoDockerError(Exception):
    """There is no Docker daemon, and none can be started; with the reason."""


@contextlib.contextmanager
def docker() -> Iterator[str]:
    """Give the address of a daemon that answers, as `DOCKER_HOST`; empty for the usual one.

    :raises NoDockerError: if there is none.
    """
    if shutil.which("docker") is None:
        raise NoDockerError("docker is not installed")
    given = os.environ.get("DOCKER_HOST", "")
    if _answers(given):
        yield given
    elif given:
        raise NoDockerError(f"no Docker daemon answers at {given}")
    elif os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise NoDockerError("no Docker daemon answers, and only root can start one, with dockerd")
    else:
        with _daemon() as address:
            yield address


def run_docker(*arguments: str, check: bool = True) -> str:
    """Run a command of docker and return what it printed."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=_START_TIMEOUT, check=False
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


def _answers(address: str) -> bool:
    environment = os.environ | ({"DOCKER_HOST": address} if address else {})
    try:
        done = subprocess.run(
            ["docker", "version"], env=environment, capture_output=True, timeout=_ANSWER_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def _daemon() -> Iterator[str]:
    # Not below pytest's directory: paths of its sockets end at 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="rld-", dir="/tmp"))
    place.chmod(0o711)  # Ordinary users come to the socket, whose group says which.
    address = f"unix://{place}/docker.sock"
    command = [
        *_ALONE,
        "dockerd",
        f"--host={address}",
        f"--data-root={place}/data",
        f"--exec-root={place}/exec",
    ]
    command += [f"--pidfile={place}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false"]
    log = place / "log"
    try:
        with (
            log.open("wb") as output,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as daemon,
        ):
            try:
                _await(daemon, address, log)
                yield address
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(_START_TIMEOUT)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _await(daemon: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _START_TIMEOUT
    while not _answers(address):
        if daemon.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace").splitlines()
            raise NoDockerError(f"dockerd did not start: {said[-1] if said else 'it said nothing'}")
        time.sleep(0.1)
