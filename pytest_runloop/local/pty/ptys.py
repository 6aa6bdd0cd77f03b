"""The terminals of all devboxes."""

from __future__ import annotations

from ...contract.views.tunnels import PtyTunnelView
from ..access import unauthorized
from ..clock import Clock
from ..engine.protocol import Capability, Engine
from ..life import Life
from ..settings import Settings
from ..tasks import Tasks
from .terminals import Terminals
from .tokens import Tokens


class Ptys:
    """Makes the ways to terminals, and ends both with their devboxes.

    :param tasks: run what nobody waits for.
    """

    def __init__(self, engine: Engine, clock: Clock, settings: Settings, tasks: Tasks) -> None:
        self.tokens = Tokens()
        self._own_root = Capability.OWN_ROOT in engine.capabilities
        self._clock, self._settings, self._tasks = clock, settings, tasks
        self._of: dict[str, Terminals] = {}

    def tunnel(self, life: Life, host: str) -> PtyTunnelView:
        """Make a token that opens the terminals of a devbox.

        :param host: of this server, as the client reaches it.
        :raises ApiError: 400 if it does not run.
        """
        life.devbox.running_box("create a PTY tunnel")
        if life.devbox.id not in self._of:
            made = Terminals(life, self._own_root, self._clock, self._settings, self._tasks)
            self._of[life.devbox.id] = made
            life.on_end(lambda: self.forget(life))
        return self.tokens.new(life.devbox.id, host)

    def of(self, devbox_id: str) -> Terminals:
        """Return the terminals of a devbox to which somebody has a token.

        :raises ApiError: 401 if it has just ended.
        """
        if (terminals := self._of.get(devbox_id)) is None:
            raise unauthorized(f"devbox {devbox_id} has ended, and its PTY tunnels with it")
        return terminals

    def forget(self, life: Life) -> None:
        """End the terminals of a devbox, and let its tokens open none any more. None are fine."""
        self.tokens.forget(life.devbox.id)
        if (terminals := self._of.pop(life.devbox.id, None)) is not None:
            terminals.close()
