"""Programs that are not needed, and what they are good for."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .report import Program

_SECONDS = 5.0
_MORE_PLACES = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers lie, and ordinary users do not look."""
_OWN_PLACE = str(Path(sys.executable).parent)
_VERSION = re.compile(r"\d+(?:\.\d+)+\w*")


@dataclass(frozen=True, slots=True)
class _Known:
    """A program that we ask.

    :param ask: arguments that have it tell its version.
    :param package: of Debian, if it has one.
    :param wheel: of the Python package index, if Debian has none. Its programs lie beside this Python's own.
    :param daemon: arguments that succeed only if what it talks to answers.
    """

    name: str
    serves: str
    package: str = ""
    ask: tuple[str, ...] = ("--version",)
    daemon: tuple[str, ...] = ()
    wheel: str = ""


_KNOWN = (
    _Known("bash", "login shells: every command of a devbox", "bash"),
    _Known("tar", "directories to and from devboxes, COPY in builds", "tar"),
    _Known("setpriv", "USER in Dockerfiles", "util-linux"),
    _Known("docker", "isolation in containers, real images", "docker.io", daemon=("info",)),
    _Known("podman", "isolation in containers, real images", "podman", daemon=("info",)),
    _Known("sshd", "SSH into devboxes", "openssh-server", ask=("-V",)),
    _Known("ssh", "SSH into devboxes", "openssh-client", ask=("-V",)),
    _Known("git", "repositories in devboxes", "git"),
    _Known("npm", "packages of npm in devboxes", "npm"),
    _Known("ast-grep", "scenarios that are scored by ast-grep", wheel="ast-grep-cli"),
)


def examine_programs() -> list[Program]:
    """Look for each program and ask it for its version, all at once, with a limit of time."""
    with ThreadPoolExecutor(len(_KNOWN)) as pool:
        return list(pool.map(_examine, _KNOWN))


def _examine(known: _Known) -> Program:
    places = [os.environ.get("PATH", os.defpath), _MORE_PLACES]
    if known.wheel:
        places.append(_OWN_PLACE)
    path = shutil.which(known.name, path=":".join(places))
    if path is None:
        how = f"pip install {known.wheel}" if known.wheel else f"apt-get install {known.package}"
        remedy = f"install it: `{how}`" + ("" if known.wheel else " on Debian")
        return Program(known.name, known.serves, None, remedy=remedy)
    status, said = _ask(path, *known.ask)
    version = _VERSION.search(said)
    shown = version[0] if version else ""
    if status is None:
        return Program(known.name, known.serves, path, shown, said, f"see why `{path}` does not work")
    problem = _silent_daemon(path, known)
    remedy = "start its service, or see whether you may talk to it" if problem else ""
    return Program(known.name, known.serves, path, shown, problem, remedy)


def _silent_daemon(path: str, known: _Known) -> str:
    if not known.daemon:
        return ""
    status, said = _ask(path, *known.daemon)
    if status == 0:
        return ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit status {status}"
    return f"`{known.name} {' '.join(known.daemon)}` fails: {last}"


def _ask(path: str, *arguments: str) -> tuple[int | None, str]:
    """Run a program and return its status, `None` if it did not end by itself, and all that it said."""
    try:
        process = subprocess.Popen(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        return None, f"it cannot be started: {error.strerror}"
    with process:
        try:
            said = process.communicate(timeout=_SECONDS)[0]
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return None, f"`{Path(path).name} {' '.join(arguments)}` did not end in {_SECONDS:.0f} s"
    return process.returncode, said.decode(errors="replace")
