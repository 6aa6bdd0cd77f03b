"""An environment for each release of the official SDK, made once and kept beside the project's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

RELEASES = ("1.2.0", "1.32.0", "3.0.0")
"""The oldest that its users still have, the last with benchmarks, scenarios and agents, and today's."""

_VERSION = "{}.{}".format(*sys.version_info)
_FOLDER = Path(sys.prefix) / "sdk-releases" / _VERSION
_SECONDS = 100


class NotInstallableError(Exception):
    """A release cannot be installed here; the text says why."""


def python_of(release: str) -> Path:
    """Return the Python of a release's environment, which is made where it is not there yet.

    :raises NotInstallableError: if it cannot be installed.
    """
    place = _FOLDER / release
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(_FOLDER / f"{release}.lock"):
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            _make(place, release)
            (place / "complete").touch()
    return place / "bin" / "python"


def _make(place: Path, release: str) -> None:
    # Without a pip of its own, which takes longer than all the rest: ours installs for it.
    _run("-m", "venv", "--without-pip", str(place))
    python = str(place / "bin" / "python")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1")
    _run("-m", "pip", "--python", python, "install", *quiet, f"runloop_api_client=={release}")


def _run(*arguments: str) -> None:
    try:
        subprocess.run(
            [sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise NotInstallableError(error.stderr.strip().splitlines()[-1]) from None
    except subprocess.TimeoutExpired as error:
        raise NotInstallableError(str(error)) from None
