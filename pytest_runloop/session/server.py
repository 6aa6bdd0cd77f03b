"""The local backend's process: started on first need, ended with the run."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import StopRunError
from .files import write_private

START_SECONDS = 60.0
END_SECONDS = 10.0

# With `-P`: the folder of the tests may hold modules that are called as the server's own are. By `_exit`: the
# run waits for its end, and all that it holds is closed by then, while Python would take its modules apart.
_PROGRAM = "import os; from pytest_runloop.cli import main; os._exit(main())"


@dataclass(frozen=True, slots=True)
class Server:
    """A running local backend.

    :param born: the process's start time in the kernel's clock, which with the id names it for good.
    :param isolation: the tier that isolates its devboxes.
    :param notes: why no better tier could be had, and the remedy.
    """

    base_url: str
    api_key: str = field(repr=False)
    pid: int
    born: str
    isolation: str
    notes: tuple[str, ...] = ()


def start(
    state: Path,
    isolation: str,
    owner_lock: Path,
    log: Path,
    faults: str | None = None,
    outlive: Path | None = None,
) -> Server:
    """Start the local backend and wait until it is ready.

    :param state: its state directory.
    :param isolation: the tier, or `auto`.
    :param owner_lock: the lock whose release ends it.
    :param log: where its standard error goes.
    :param faults: the plan of what is to go wrong.
    :param outlive: the folder that names the devboxes which outlive the owner.
    :raises StopRunError: if it does not come up, with what it said.
    """
    arguments = [
        "serve",
        "--state-dir",
        str(state),
        "--isolation",
        isolation,
        "--owner-lock",
        str(owner_lock),
        *([] if outlive is None else ["--outlive", str(outlive)]),
        *([] if faults is None else [f"--faults={faults}"]),
    ]
    pid, output = _spawn([sys.executable, "-P", "-c", _PROGRAM, *arguments], log)
    try:
        line = _first_line(output, time.monotonic() + START_SECONDS)
    except BaseException:
        _end(pid, signal.SIGKILL)
        raise
    finally:
        os.close(output)
    if not line.endswith(b"\n"):
        _end(pid, signal.SIGKILL)
        raise StopRunError(_why_not(log, isolation), "the local backend did not start")
    return _server(pid, json.loads(line))


def _server(pid: int, ready: dict[str, Any]) -> Server:
    return Server(
        base_url=ready["base_url"],
        api_key=ready["api_key"],
        pid=pid,
        born=_born(pid),
        isolation=ready["isolation"],
        notes=tuple(ready.get("notes", ())),
    )


def _spawn(arguments: list[str], log: Path) -> tuple[int, int]:
    """Start a process in a session of its own; return its id and the reading end of its output.

    Not by `subprocess`: the process outlives the worker that starts it, and a `Popen` object whose process
    still runs warns when it is collected.
    """
    reading, writing = os.pipe()
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_ITS_OWN}
    try:
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            inherited,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
                (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            ],
            setsid=True,
        )
    finally:
        os.close(writing)
    return pid, reading


_NOT_ITS_OWN = frozenset({"RUNLOOP_API_KEY", "RUNLOOP_BASE_URL"})
"""The cloud's key must not become the local backend's."""


def _first_line(output: int, deadline: float) -> bytes:
    """Return the first line, or less when the process ends or the time is up."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(output, 65536) if ready else b""
        if not piece:
            return line
        line += piece
    return line


def _why_not(log: Path, isolation: str) -> str:
    with contextlib.suppress(OSError):
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        if said:
            return f"The local backend (isolation: {isolation}) did not start. It said:\n{said}"
    limit = f"{START_SECONDS:.0f} s"
    return f"The local backend (isolation: {isolation}) did not start in {limit}, and said nothing."


def save(server: Server, path: Path) -> None:
    """Write down how to reach the server, for this user's eyes only."""
    write_private(path, json.dumps(asdict(server)))


def load(path: Path) -> Server | None:
    """Read how to reach the server, if one was started."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Server(**{**content, "notes": tuple(content["notes"])})


def alive(server: Server) -> bool:
    """Tell whether the server's process still runs."""
    return _born(server.pid) == server.born != ""


def stop(server: Server) -> None:
    """End the server in order, and by force if it takes too long. Every devbox of it ends with it."""
    if alive(server):
        _end(server.pid, signal.SIGTERM)


def _end(pid: int, number: signal.Signals) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for attempt in (number, signal.SIGKILL):
            signal.pidfd_send_signal(process, attempt)
            if select.select([process], [], [], END_SECONDS)[0]:
                break
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
        with contextlib.suppress(ChildProcessError):  # it is another process's child
            os.waitpid(pid, os.WNOHANG)


def _born(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
