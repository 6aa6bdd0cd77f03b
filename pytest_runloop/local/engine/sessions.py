"""Where an engine keeps things on disk, and how the next one cleans up after it.

    state_dir/
        layers/ID/          outlive engines (`layers.py`)
        sessions/ID/        one living engine: `lock`, `log` of its zygote, `groups`, boxes/NAME/
        trash/ID            to be deleted by whoever comes by

A session's engine, and its zygote, hold a lock on it that the kernel frees. A session that can be locked is
dead, and its boxes with it.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from pytest_runloop.local.engine import cgroups
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.locks import held, is_free, locked

# From linux/fs.h; the numbers are those of 64-bit machines.
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_TOP_DIRECTORY = 0x00020000
_GROUPS = "groups"


class Session:
    """The directories of one engine.

    :param state_dir: shared by all engines of this user.
    :raises EngineError: if it cannot be used.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir = state_dir.resolve()
        self.layers, self._sessions, self.trash = (
            state_dir / name for name in ("layers", "sessions", "trash")
        )
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            for place in (self.layers, self._sessions, self.trash):
                place.mkdir(mode=0o700, exist_ok=True)
            with self._registry():
                self.directory = self._sessions / uuid.uuid4().hex[:8]
                self.boxes.mkdir(mode=0o700, parents=True)
                _spread(self.boxes)
                self.lock = held(self.directory / "lock")
                self.log = os.open(
                    self.directory / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
        except OSError as error:
            remedy = "set RUNLOOP_STATE_DIR to a directory that you may write to"
            raise EngineError(f"could not use {state_dir}: {error.strerror}", remedy) from error

    @property
    def name(self) -> str:
        """What no other session on this machine is called."""
        return self.directory.name

    @property
    def boxes(self) -> Path:
        """The directory of the boxes' directories."""
        return self.directory / "boxes"

    def all_boxes(self) -> Iterator[Path]:
        """Yield the directories of all boxes of all engines on this state directory."""
        return self._sessions.glob("*/boxes/*")

    def discard(self, path: Path) -> None:
        """Move something to the trash. It is gone from its place at once; no error if it was not there."""
        with contextlib.suppress(FileNotFoundError):
            path.rename(self.trash / uuid.uuid4().hex)

    def sweep(self) -> None:
        """Move the directories of dead engines to the trash."""
        with self._registry():
            for directory in self._sessions.iterdir():
                dead = directory != self.directory and directory.is_dir() and is_dead(directory)
                if dead and _remove_groups(directory):
                    self.discard(directory)

    def note_groups(self, groups: list[Path]) -> None:
        """Write down which control groups of this session are about to be made (`cgroups.py`)."""
        (self.directory / _GROUPS).write_text("".join(f"{group}\n" for group in groups))

    def retire(self) -> None:
        """Move one's own directory to the trash."""
        with self._registry():
            self.discard(self.directory)

    def close(self) -> None:
        """Let go of the lock and the log."""
        os.close(self.lock)
        os.close(self.log)

    def _registry(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._sessions / "lock")


def _remove_groups(session: Path) -> bool:
    """Remove the control groups of a dead engine, of which the kernel knows no owner.

    :return: whether there are none any more.
    """
    try:
        groups = (session / _GROUPS).read_text().splitlines()
    except FileNotFoundError:
        return True
    return all(cgroups.remove_session(Path(group)) for group in groups)


def is_dead(session: Path) -> bool:
    """Tell whether nobody holds the lock of a session.

    :param session: its directory.
    """
    return is_free(session / "lock")


def _spread(directory: Path) -> None:
    """Ask ext4 to give each entry of a directory a part of the disk of its own.

    It puts all of them into one part otherwise, where looking for a free inode among thousands that were
    freed moments ago takes up to a millisecond, and a boot makes dozens. Other file systems do not know it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flags = array.array("i", [0])
        fcntl.ioctl(descriptor, _GET_FLAGS, flags)
        flags[0] |= _TOP_DIRECTORY
        fcntl.ioctl(descriptor, _SET_FLAGS, flags)
    except OSError:
        pass
    finally:
        os.close(descriptor)
