"""How long a devbox may live, and how long it may be idle."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, Timer


class Deadline:
    """Something that happens unless it is put off in time.

    :param seconds: how long from each `restart`.
    :param reached: called then.
    """

    def __init__(self, clock: Clock, seconds: float, reached: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._reached = reached
        self._timer: Timer | None = None

    def restart(self) -> None:
        """Count from now on."""
        self.stop()
        self._timer = self._clock.call_later(self._seconds, self._reached)

    def stop(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Idleness:
    """Watches how long a devbox was not used.

    A command that runs is use, and so is every call that needs the running devbox. Looking at its
    state is not.

    :param seconds: how long it may be idle; `None` for ever.
    :param reached: called when it was idle for so long.
    """

    def __init__(self, clock: Clock, seconds: float | None, reached: Callable[[], None]) -> None:
        self._deadline = None if seconds is None else Deadline(clock, seconds, reached)
        self._uses = 0
        self._watching = False

    def watch(self) -> None:
        """Begin: the devbox runs."""
        self._watching = True
        self._restart()

    def rest(self) -> None:
        """Stop: the devbox does not run."""
        self._watching = False
        if self._deadline is not None:
            self._deadline.stop()

    def begin_use(self) -> None:
        """Something uses the devbox from now on."""
        self._uses += 1
        if self._deadline is not None:
            self._deadline.stop()

    def end_use(self) -> None:
        """It does so no more."""
        self._uses -= 1
        self._restart()

    def _restart(self) -> None:
        if self._deadline is not None and self._watching and not self._uses:
            self._deadline.restart()
