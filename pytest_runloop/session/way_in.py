"""The commands that enter and end a devbox of a run from another terminal."""

from __future__ import annotations

import os
import shlex

from . import options
from .choice import choose
from .settings import Settings
from .state import VARIABLE, state_path


def way_in(settings: Settings, devbox: str) -> str:
    """Return the command that opens a shell in a devbox."""
    return _elsewhere(settings, f"pytest-runloop shell {devbox}")


def way_out(settings: Settings, devbox: str) -> str:
    """Return the command that ends a devbox."""
    return _elsewhere(settings, f"pytest-runloop sweep --yes --devbox {devbox}")


def _elsewhere(settings: Settings, command: str) -> str:
    """Return a command as a terminal must have it that knows nothing of the run."""
    if choose(settings).kind == "cloud":
        base_url = settings[options.BASE_URL]
        return f"RUNLOOP_BASE_URL={shlex.quote(base_url)} {command}" if base_url else command
    # Where the user's own place is, every terminal of theirs finds it.
    moved = os.environ.get(VARIABLE) or os.environ.get("XDG_STATE_HOME")
    return f"{VARIABLE}={shlex.quote(str(state_path()))} {command}" if moved else command
