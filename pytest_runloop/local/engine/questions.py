"""What the supervisor asks about boxes that a policy holds: whether a destination is permitted.

The server answers. Runs in the supervisor, which is a fork of the zygote: nothing heavy here.
"""

from __future__ import annotations

import itertools
import json
import select
import socket
from collections import deque

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_runloop.local.engine.destinations import Destination
    from pytest_runloop.local.engine.notifications import Call

_LONGEST = 256  # bytes of an answer


class Question:
    """A call that waits until it is known whether it may be done.

    :param destination: as it was read, once: what its caller writes there meanwhile counts for nothing.
    """

    __slots__ = ("call", "destination")

    def __init__(self, call: Call, destination: Destination) -> None:
        self.call, self.destination = call, destination


class Line:
    """The line to whoever decides for a box. It keeps the borders of messages.

    :param poll: is told what the line waits for.
    """

    def __init__(self, line: socket.socket, poll: select.epoll) -> None:
        line.setblocking(False)
        self._line, self._poll = line, poll
        self._numbers = itertools.count()
        self._waiting: dict[int, Question] = {}
        self._unsent: deque[bytes] = deque()
        poll.register(line, select.EPOLLIN)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._line.fileno()

    def ask(self, question: Question) -> None:
        """Ask without waiting. What the line does not take now follows later."""
        number, destination = next(self._numbers), question.destination
        family = socket.AF_INET if len(destination.host) == 4 else socket.AF_INET6
        host = socket.inet_ntop(family, destination.host)
        self._waiting[number] = question
        self._unsent.append(json.dumps({"id": number, "host": host, "port": destination.port}).encode())
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent, as far as the line takes it."""
        try:
            while self._unsent:
                self._line.send(self._unsent[0], socket.MSG_NOSIGNAL)
                self._unsent.popleft()
        except BlockingIOError:
            self._poll.modify(self._line, select.EPOLLIN | select.EPOLLOUT)
        except OSError:  # Gone. The reader sees it too.
            self._unsent.clear()
        else:
            self._poll.modify(self._line, select.EPOLLIN)

    def answers(self) -> Iterator[tuple[Question, bool]]:
        """Yield the questions that are answered now, and whether they are permitted.

        :raises EOFError: if nobody answers any more.
        """
        while True:
            try:
                data = self._line.recv(_LONGEST)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                raise EOFError
            answer = json.loads(data)
            yield self._waiting.pop(answer["id"]), answer["permitted"]

    def close(self) -> list[Question]:
        """Let go, and return what nobody answers any more."""
        self._poll.unregister(self._line)
        self._line.close()
        return list(self._waiting.values())
