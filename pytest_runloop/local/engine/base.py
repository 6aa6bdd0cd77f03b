"""What all boxes of the namespace tier share on disk, kept as long as the machine stays the same.

state_dir/base/lock
state_dir/base/DIGEST/lock      shared by the engines that use it
state_dir/base/DIGEST/root/     `skeleton.py`
state_dir/base/DIGEST/fittings/ `skeleton.py`, for boxes on images
state_dir/base/DIGEST/usr/      `shims.py`
state_dir/base/DIGEST/skin/     `skin.py`, for ordinary users
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from pytest_runloop.local.engine import etc, shims, skeleton
from pytest_runloop.local.engine import host as hosts
from pytest_runloop.local.engine import skin as skins
from pytest_runloop.local.engine.host import DATABASES, Host
from pytest_runloop.local.engine.sessions import is_dead
from pytest_runloop.local.locks import locked

_PARTS = (
    *("usr", "usr/bin", "usr/lib", "usr/share", "usr/local", "usr/local/bin"),
    *("opt", "etc/skel", "var/lib/dpkg/status"),
)
"""What changes with the packages that this machine has."""


class Base:
    """One such directory, in use by this process until `close`.

    :param path: of it.
    :param lock: a descriptor that holds its lock.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @property
    def skin(self) -> Path:
        """Where the skin is; it may not exist."""
        return self.path / "skin"

    def close(self) -> None:
        """Let it be replaced."""
        os.close(self._lock)


def provide(state_dir: Path, host: Host, one_id: bool) -> Base:
    """Return the base for this machine as it is now. Makes it if need be, and drops those that nobody uses.

    :param one_id: boxes have no id but root's, and so need a skin.
    :raises OSError: if it cannot be made.
    """
    place = state_dir / "base"
    place.mkdir(mode=0o700, exist_ok=True)
    path = place / _digest(host, one_id)
    with locked(place / "lock"):
        if not path.exists():
            _make(place / f".{path.name}", path, host, one_id)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_SH)
        for other in place.iterdir():
            if other.is_dir() and other != path and is_dead(other):
                other.rename(state_dir / "trash" / uuid.uuid4().hex)
    return Base(path, lock)


def _make(draft: Path, path: Path, host: Host, one_id: bool) -> None:
    if draft.exists():  # Of one that died while making it.
        draft.rename(path.parent.parent / "trash" / uuid.uuid4().hex)
    draft.mkdir(mode=0o755)
    (draft / "lock").touch(0o600)
    skeleton.make(draft / "root", host, one_id)
    shims.install(draft, host.python)
    skeleton.make_fittings(draft / "fittings", one_id)
    shims.install_sudo(draft / "fittings")
    if one_id:
        _take_over_skin(path.parent, draft / "skin")
        skin = skins.Skin(draft / "skin")
        for name in host.overlaid:
            skin.cover(name)
            if name in DATABASES:
                skin.copy_files(name)
    draft.rename(path)


def _take_over_skin(place: Path, skin: Path) -> None:
    """Take the skin of a base that nobody uses any more."""
    for other in place.iterdir():
        if (other / "skin").is_dir() and not other.name.startswith(".") and is_dead(other):
            (other / "skin").rename(skin)
            return


def _digest(host: Host, one_id: bool) -> str:
    digest = hashlib.sha256()
    for text in (repr(host), repr(one_id), *_sources(), *etc.stamp(), *_stamps()):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()[:12]


def _sources() -> Iterator[str]:
    """Yield the texts of the modules that make it: another version of them makes another base."""
    for module in (etc, hosts, shims, skeleton, skins):
        if module.__file__ is not None:
            yield Path(module.__file__).read_text()


def _stamps() -> Iterator[str]:
    for name in _PARTS:
        with contextlib.suppress(OSError):
            yield f"{name} {Path('/', name).stat().st_mtime_ns}"
