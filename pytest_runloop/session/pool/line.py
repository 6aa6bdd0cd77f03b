"""The line of those who wait for a devbox, over all processes of a run.

Everybody in it has a named pipe in one folder, whose name tells when they came. A byte in the pipe wakes
them. The kernel knows whether somebody still reads from a pipe: that proves that the one who waits is alive,
together with their process id, since what a test forks meanwhile has the pipe open too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

SECONDS = 0.25
"""Who waits looks again after so long unasked: a process that died rang for nobody."""


class Place:
    """One's place in the line.

    :param folder: where the pipes lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not the time of day, which may be set back; this clock is one for all processes of a machine.
        came = f"{time.monotonic_ns():020d}"
        self._path = folder / f"{came}-{os.getpid()}-{threading.get_ident()}-{uuid.uuid4().hex[:8]}"
        # Nobody sees the pipe before it is open: they would take its owner for dead.
        hidden = self._path.with_name(f".{self._path.name}")
        os.mkfifo(hidden, 0o600)
        # For writing as well, so that the open does not wait for a writer, nor a read find the end.
        self._pipe = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        hidden.rename(self._path)

    def is_first(self) -> bool:
        """Tell whether nobody came before who is still there."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe, 4096)  # Rung before we look counts as looked after.
        return all(path >= self._path or not _is_alive(path) for path in _in_order(self._folder))

    def wait(self) -> None:
        """Wait until rung for, but not for long."""
        select.select([self._pipe], [], [], SECONDS)

    def leave(self) -> None:
        """Leave the line."""
        self._path.unlink(missing_ok=True)
        os.close(self._pipe)


class Line:
    """The line.

    :param folder: where the pipes lie; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """Queue up at the end, and leave at the end of the block."""
        place = Place(self._folder)
        try:
            yield place
        finally:
            place.leave()
            self.ring()

    def ring(self) -> None:
        """Wake whoever is first: something may have become free."""
        any(_rung(path) for path in _in_order(self._folder))

    def waiting(self) -> set[tuple[int, int]]:
        """Return process and thread of everybody in the line."""
        names = [_parts(path) for path in _in_order(self._folder) if _is_alive(path)]
        return {(process, thread) for _, process, thread in names}

    def longest(self) -> float:
        """Return for how many seconds the first has waited, 0 if nobody waits."""
        first = next((path for path in _in_order(self._folder) if _is_alive(path)), None)
        return (time.monotonic_ns() - _parts(first)[0]) / 1e9 if first else 0.0


def _parts(path: Path) -> tuple[int, int, int]:
    """Return when the owner of a pipe came, and their process and thread."""
    came, process, thread, _ = path.name.split("-")
    return int(came), int(process), int(thread)


def _in_order(folder: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))


def _is_alive(path: Path) -> bool:
    """Tell whether the owner of a pipe lives. The pipes of the dead are removed."""
    pipe = _opened(path)
    if pipe is not None:
        os.close(pipe)
    return pipe is not None


def _rung(path: Path) -> bool:
    """Wake the owner of a pipe; tell whether there is one."""
    pipe = _opened(path)
    if pipe is None:
        return False
    try:
        os.write(pipe, b".")
    except BlockingIOError:  # It has been rung for often enough.
        return True
    except BrokenPipeError:  # It left in between.
        return False
    finally:
        os.close(pipe)
    return True


def _opened(path: Path) -> int | None:
    try:
        os.kill(_parts(path)[1], 0)
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENXIO, errno.ESRCH):
            raise
        path.unlink(missing_ok=True)
        return None
