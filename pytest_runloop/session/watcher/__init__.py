"""Starts the watcher, which ends the devboxes of a run that cannot do it itself any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..backend import server_of_run
from ..choice import KEY
from ..files import write_private
from ..kept import FOLDER as KEPT
from ..lease import SECONDS
from ..ledger import ENTRY_KEY
from ..requests import ENDED, SKEW_MS
from ..run import LEDGER, MEMBERS_LOCK, OWNER_LOCK, Run

FILE = "watcher.json"
"""In the run's directory: the watcher's process id, or why there is none."""
GRACE_SECONDS = 20.0
"""How long a request may still be carried out whose sender has died."""
_START_SECONDS = 10.0
_TIMEOUT_SECONDS = 10.0
_PROGRAM = Path(__file__).with_name("program.py")


def ensure(run: Run, base_url: str) -> None:
    """Let a watcher watch over the run, if none does yet. That it cannot be started stops nobody.

    :param base_url: of the service that has the devboxes.
    """
    path = run.path / FILE
    with run.lock("watcher"):
        if not path.exists():
            write_private(path, json.dumps(_started(run.path, base_url)))


def replace_killed(path: Path) -> None:
    """Start another watcher in place of one that was killed. Only for the run's owner.

    :param path: the run's directory.
    """
    pid = _known(path).get("pid")
    if pid is None or _watches(pid, path):
        return
    # Not while a test has put another key into the environment: the watcher would be told that one.
    base_url = server_of_run(path)
    if base_url is not None:
        write_private(path / FILE, json.dumps(_started(path, base_url)))


def _watches(pid: int, path: Path) -> bool:
    """Tell whether a process is the watcher of the run in a directory. Its number may be another's by now."""
    try:
        return os.fsencode(path) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # where there is no /proc, nobody can tell


def trouble(path: Path) -> str | None:
    """Return why the run in a directory has no watcher, if it should have one."""
    return _known(path).get("failed")


def _known(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads((path / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return known


def _started(path: Path, base_url: str) -> dict[str, int | str]:
    if not sys.executable:
        return {"failed": "which Python runs is not known"}
    command = [sys.executable, "-I", "-S", str(_PROGRAM), str(path / OWNER_LOCK)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(_told(base_url)).encode(),
            capture_output=True,
            timeout=_START_SECONDS,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            check=True,
        )
        return {"pid": int(done.stdout)}
    except subprocess.CalledProcessError as error:
        return {"failed": next(reversed(error.stderr.decode(errors="replace").split("\n")[:-1]), str(error))}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return {"failed": str(error)}


def _told(base_url: str) -> dict[str, object]:
    """Return all that the watcher must know. It goes through a pipe that nobody else can look into."""
    import certifi

    cafile, capath = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return {
        "base_url": base_url,
        "api_key": os.environ.get(KEY, ""),
        "cafile": cafile or (None if capath else certifi.where()),
        "capath": capath,
        "ledger": LEDGER,
        "kept": KEPT,
        "members": MEMBERS_LOCK,
        "entry_key": ENTRY_KEY,
        "ended": sorted(ENDED),
        "skew_ms": SKEW_MS,
        "grace_seconds": GRACE_SECONDS,
        "timeout_seconds": _TIMEOUT_SECONDS,
        "seconds": SECONDS,  # by then the leases have ended what it could not
    }


def _environment() -> dict[str, str]:
    """Return what the watcher needs to start and to reach the service.

    No more, for two reasons: what tests put there is not its business, and CI systems find by a variable
    what they kill when a job is cancelled, which is when it is needed.
    """
    needed = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {
        name: value for name, value in os.environ.items() if name in needed or name.lower().endswith("_proxy")
    }
