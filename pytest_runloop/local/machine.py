"""The machine's own system, which stands for the images that FROM names."""

from __future__ import annotations

import platform
from pathlib import Path

from .dockerfile.plan import key_of
from .launch import architecture

# What changes with an installation of packages, on the usual distributions.
_CHANGING = (
    "/usr/bin",
    "/usr/local/bin",
    "/usr/lib",
    "/var/lib/dpkg/status",
    "/var/lib/rpm",
    "/lib/apk/db/installed",
)
STARTER = f"runloop:runloop/starter-{architecture()}"
"""The name of the image that devboxes start from by default."""


def build_platform() -> str:
    """Return the platform of builds, as Docker calls it."""
    return f"linux/{ {'x86_64': 'amd64'}.get(architecture(), architecture()) }"


def system_name() -> str:
    """Return the name of the system, as `Debian GNU/Linux 12 (bookworm)`."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def system_key() -> str:
    """Return what the state of the system is known by: another one after packages were installed."""
    times = [Path(path).stat().st_mtime_ns for path in _CHANGING if Path(path).exists()]
    return key_of("machine", system_name(), times)
