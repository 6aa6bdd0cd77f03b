"""A named terminal of a devbox, with a client or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from ..clock import Clock
from ..errors import ApiError
from ..life import Life
from ..timers import Deadline
from .terminal import Terminal


class Session:
    """A terminal that waits for its client to come back.

    :param life: of the devbox that it is in.
    :param idle: seconds without a client after which it is forgotten.
    :param forget: is called then.
    """

    def __init__(
        self,
        life: Life,
        name: str,
        terminal: Terminal,
        clock: Clock,
        idle: float,
        forget: Callable[[], None],
    ) -> None:
        self.life = life
        self.name = name
        self.terminal = terminal
        self.closed = False
        self._deadline = Deadline(clock, idle, forget)
        self._deadline.restart()

    @property
    def attached(self) -> bool:
        """Whether it has a client."""
        return self.terminal.watched

    def touch(self) -> None:
        """Wait for a client as long as if it was made now."""
        if not self.attached and not self.closed:
            self._deadline.restart()

    @contextmanager
    def client(self) -> Iterator[Callable[[], None]]:
        """Have a client, the only one.

        :return: what says that it has left; from then on there is room for another.
        :raises ApiError: 409 if it has one already.
        """
        if self.attached:
            message = f"the session `{self.name}` has a client already: it takes one at a time"
            raise ApiError(409, "session_attached", message)
        self._deadline.stop()
        self.terminal.watch(True)
        with self.life.using(), ExitStack() as leaving:
            leaving.callback(self._left)
            yield leaving.close

    def _left(self) -> None:
        self.terminal.watch(False)
        self.touch()

    @property
    def ending(self) -> tuple[int, str]:
        """Why it is over, as a WebSocket is closed."""
        if self.life.devbox.status != "running":
            return 1001, "the devbox runs no more"
        return 1000, "the session was closed" if self.closed else "the shell has ended"

    def close(self) -> None:
        """Take the terminal away from what runs at it."""
        self.closed = True
        self._deadline.stop()
        self.terminal.hang_up()
