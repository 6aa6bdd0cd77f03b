"""What of this machine a box is made from: which directories it shows, and where its Python is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = ("usr", "opt", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32")
DATABASES = ("var/lib/dpkg", "var/lib/rpm", "var/lib/pacman")
"""Package managers look up here what is installed in the system's directories."""
_STORES = ("nix", "gnu", "sys")
"""Shown as they are: nobody writes to them but through a daemon or the kernel."""


@dataclass(frozen=True, slots=True)
class Host:
    """The parts of this machine that boxes are made from.

    :param links: top-level symbolic links, e.g. `bin` to `usr/bin`.
    :param overlaid: directories that a box sees and changes for itself, without the leading slash.
    :param bound: directories that a box sees read-only, without the leading slash.
    :param python: the interpreter of this process, in a directory that a box sees.
    """

    links: dict[str, str]
    overlaid: tuple[str, ...]
    bound: tuple[str, ...]
    python: Path


def survey(state_dir: Path) -> Host:
    """Look at this machine.

    :param state_dir: the kernel forbids a stack that has this below the directory that it stands on.
    """
    links = {name: str(Path(f"/{name}").readlink()) for name in _SYSTEM if Path(f"/{name}").is_symlink()}
    present = [name for name in (*_SYSTEM, *DATABASES) if _filled(name) and name not in links]
    mounts = mount_points()
    whole = [name for name in present if not _holds(name, mounts) and not _holds(name, [state_dir])]
    bound = [name for name in present if name not in whole and not _holds(name, [state_dir])]
    bound += [name for name in _STORES if _filled(name)]
    prefix = Path(sys.base_prefix).resolve()
    if not any(prefix.is_relative_to(f"/{name}") for name in (*whole, *bound)):
        bound.append(str(prefix)[1:])
    python = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Host(links, tuple(whole), tuple(bound), python)


def has_one_id() -> bool:
    """Tell whether boxes can have no id but root's: we have no other to give, or may not change to it."""
    if os.geteuid() != 0 or Path("/proc/self/setgroups").read_text().strip() == "deny":
        return True
    ranges = Path("/proc/self/uid_map").read_text().splitlines()
    return sum(int(line.split()[2]) for line in ranges) == 1


def mount_points() -> list[Path]:
    """Return where something is mounted on this machine."""
    lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]


def _filled(name: str) -> bool:
    try:
        return any(True for _ in Path(f"/{name}").iterdir())
    except OSError:
        return False


def _holds(name: str, places: Sequence[Path]) -> bool:
    directory = Path(f"/{name}")
    return any(place != directory and place.is_relative_to(directory) for place in places)
