"""The root directory that every box starts from, apart from the machine's system directories or an image."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_runloop.local.engine import etc
from pytest_runloop.local.engine.host import Host
from pytest_runloop.local.engine.mounts import DEVICES

_DIRECTORIES = (
    *(
        "boot",
        "dev/pts",
        "dev/shm",
        "home/user",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run/lock",
        "srv",
        "sys",
    ),
    *(
        "tmp",
        "usr",
        "var/backups",
        "var/cache/apt/archives/partial",
        "var/lib/apt/lists/partial",
        "var/local",
    ),
    *("var/log/apt", "var/mail", "var/opt", "var/spool/cron", "var/tmp"),
)
_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/ptmx": "pts/ptmx",
    "var/run": "/run",
    "var/lock": "/run/lock",
}
_STICKY = ("tmp", "var/tmp", "run/lock", "dev/shm")
_COPIED = (
    *("var/cache/debconf", "var/lib/apt/extended_states"),
    *("var/lib/misc", "var/lib/pam", "var/lib/python", "var/lib/ucf"),
)
"""What package managers noted about the system's directories, apart from their databases."""
_PROFILE = '[ "${BASH_VERSION-}" ] && [ -r ~/.bashrc ] && . ~/.bashrc\n'


_FITTINGS = ("dev/pts", "dev/shm", "etc", "home/user", "proc", "root", "run/lock", "sys", "tmp", "var/tmp")
_FITTED_LINKS = {name: target for name, target in _LINKS.items() if name.startswith("dev/")}
_BASH_PROFILE = """\
# What /etc/profile makes of PATH, behind the PATH that this shell was started with.
mapfile -d '' -t _given <"/proc/$$/environ"
for _entry in "${_given[@]}"; do
    case $_entry in PATH=*)
        case ":${_entry#PATH=}:" in
        *":$PATH:"*) PATH=${_entry#PATH=} ;;
        *) PATH=${_entry#PATH=}:$PATH ;;
        esac
        ;;
    esac
done
unset _given _entry
if [ -r ~/.profile ]; then
    . ~/.profile
elif [ -r ~/.bashrc ]; then
    . ~/.bashrc
fi
"""


def make_fittings(root: Path, one_id: bool) -> None:
    """Make what an image needs to be the root of a box. It lies below the image, whose own files go before.

    :param root: the directory to make.
    :param one_id: boxes have no id but root's.
    """
    root.mkdir(mode=0o755)
    _make_directories(root, _FITTINGS, _FITTED_LINKS)
    etc.make_fittings(root / "etc", one_id)
    for home in ("home/user", "root"):
        (root / home / ".bash_profile").write_text(_BASH_PROFILE)


def make(root: Path, host: Host, one_id: bool) -> None:
    """Make it.

    :param root: the directory to make.
    :param one_id: boxes have no id but root's.
    """
    root.mkdir(mode=0o755)
    _make_directories(root, (*_DIRECTORIES, *host.overlaid, *host.bound), _LINKS | host.links)
    etc.make(root / "etc", one_id)
    _furnish_var(root)
    for home in ("home/user", "root"):
        _furnish_home(root / home)


def _make_directories(root: Path, names: Iterable[str], links: Mapping[str, str]) -> None:
    for name in names:
        (root / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, target in links.items():
        (root / name).symlink_to(target)
    for name in _STICKY:
        (root / name).chmod(0o1777)
    (root / "root").chmod(0o700)
    for name in DEVICES:
        (root / "dev" / name).touch()


def _furnish_var(root: Path) -> None:
    with contextlib.suppress(OSError), os.scandir("/var/lib") as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                (root / "var/lib" / entry.name).mkdir(mode=0o755, exist_ok=True)
    for name in _COPIED:
        _copy(Path("/", name), root / name)


def _copy(source: Path, target: Path) -> None:
    with contextlib.suppress(shutil.Error, OSError):  # Some of it is for root's eyes only.
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, target)


def _furnish_home(home: Path) -> None:
    _copy(Path("/etc/skel"), home)
    # The usual one puts ~/bin in front of a PATH that the command was given.
    (home / ".profile").write_text(_PROFILE)
