"""What runs where: versions, and who asks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import pwd

from .._version import __version__
from ..local.engine import landlock
from .report import Machine


def examine_machine() -> Machine:
    """Return the versions of what matters."""
    return Machine(
        plugin=__version__,
        python=platform.python_version(),
        pytest=_version_of("pytest"),
        system=_system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        landlock=landlock.abi(),
        user=user_name(os.geteuid()),
    )


def user_name(uid: int) -> str:
    """Return a user's name and id, as `alice (1000)`."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
