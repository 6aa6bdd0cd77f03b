"""`pytest-runloop shell`: prints why there is no way, and says by its status how it went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..session.requests import ENDED
from ..session.state import state_path
from .attach import attach
from .errors import NoWayError
from .find import Found, found

if TYPE_CHECKING:
    from ..contract.views.devboxes import DevboxView

NO_WAY = 255
"""As of ssh: a status that commands seldom have."""


def shell(devbox: str, words: Sequence[str] = (), *, keep_alive: bool = True) -> int:
    """Open a shell in a devbox, or run a command there.

    :param devbox: its id.
    :param words: the command.
    :param keep_alive: keep the devbox from ending meanwhile.
    :return: the exit status of the shell or the command; 255 if there was no way to it, or no way on.
    """
    from ..client.errors import RunloopError

    try:
        with found(devbox, state_path()) as there:
            _be_running(there)
            return attach(there.devbox, words, keep_alive=keep_alive)
    except (NoWayError, RunloopError, OSError) as error:
        print(f"pytest-runloop shell: {error}", file=sys.stderr)
        return NO_WAY


def _be_running(there: Found) -> None:
    """Wait until it runs, after it was resumed if need be.

    :raises NoWayError: if it has ended.
    :raises RunloopError: if it does not come up.
    """
    status = there.view.status
    if status in ENDED:
        raise NoWayError(_ended(there.view, there.where))
    if status in ("suspending", "suspended"):
        print(f"Devbox {there.view.id} is {status}; it is being resumed.", file=sys.stderr)
        if status == "suspending":
            there.devbox.await_suspended()
        there.devbox.resume()
    elif status != "running":
        print(f"Devbox {there.view.id} is {status}.", file=sys.stderr)
        there.devbox.await_running()


def _ended(view: DevboxView, where: str) -> str:
    reason = view.failure_reason or view.shutdown_reason
    why = f": {reason}" if reason else ", no reason given"
    return (
        f"Devbox {view.id} has ended ({view.status}{why}), says {where}.\n"
        "If a snapshot of it was taken: pytest --runloop-from-snapshot=ID TEST."
    )
