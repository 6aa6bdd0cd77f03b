"""Sees whether a helper that all boxes need still does its work: it answers now and then, or it hangs.

The zygote asks, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import socket
import time

EVERY = 1.0
"""Seconds between two looks."""
_MOST = 10
"""Looks without an answer after which it hangs. Looks and not seconds: while the whole machine sleeps, or
this process gets no time to run either, nobody is to blame."""


class HungError(Exception):
    """A helper does not answer. The text says which, and for how long."""


class Pulse:
    """One helper, and the line on which it answers each byte with one.

    :param what: it, for messages.
    :param every: seconds between two looks.
    """

    def __init__(self, line: socket.socket, what: str, every: float = EVERY) -> None:
        self._line, self._what, self._every = line, what, every
        line.setblocking(False)
        self._next = 0.0
        self._missed = 0
        self._waits = False

    def look(self) -> float:
        """See to it, unless that was done a moment ago.

        :return: seconds until the next look.
        :raises HungError: if it has not answered for long.
        """
        left = self._next - time.monotonic()
        if left > 0:
            return left
        self._next = time.monotonic() + self._every
        if self._waits and not self._answered():
            self._missed += 1
            if self._missed >= _MOST:
                raise HungError(f"{self._what} has not answered for {self._missed * self._every:g} s")
        else:
            self._missed, self._waits = 0, True
            with contextlib.suppress(OSError):  # If it is gone, the kernel says so.
                self._line.send(b"?")
        return self._every

    def _answered(self) -> bool:
        try:
            self._line.recv(1)
        except OSError:
            return False
        return True
