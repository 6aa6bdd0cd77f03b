"""A command in a devbox, with somebody at its input and its outputs."""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .. import Devbox

FULL = 1 << 20
"""So many bytes wait to be sent at the most."""
_PIECE = 64 * 1024
_PAUSE = 0.2
_GIVE_UP = 3.0
"""Seconds for the end of a command that nobody wants any more."""


class Line:
    """A running command. Input is sent in order, one request at a time; what comes meanwhile goes together.

    :param devbox: where it runs.
    :param command: what runs.
    :param stdout: gets its output, in a thread of the client's.
    :param stderr: gets its standard error, likewise.
    :param wake: called when it ended, or when there is room for input again.
    :raises RunloopError: if it cannot be started.
    """

    def __init__(
        self,
        devbox: Devbox,
        command: str,
        stdout: Callable[[str], None],
        stderr: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self._wake = wake
        self._pending = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ending = False
        self._change = threading.Condition()
        self._sending_since: float | None = None
        self.over = threading.Event()
        self.status: int | None = None
        self.error: BaseException | None = None
        """Why its end is not known."""
        self.invalid = False
        """Whether some input was no UTF-8."""
        self._execution = devbox.cmd.exec_async(command, attach_stdin=True, stdout=stdout, stderr=stderr)
        for work in (self._await_end, self._send_all):
            threading.Thread(target=work, daemon=True, name=f"runloop shell {work.__name__}").start()

    @property
    def room(self) -> bool:
        """Whether more input should come now."""
        return len(self._pending) < FULL

    @property
    def unanswered(self) -> float:
        """For how many seconds the server has had input without taking it; 0 if it has none."""
        since = self._sending_since
        return 0.0 if since is None else max(time.monotonic() - since, 0.001)

    def send(self, data: bytes) -> None:
        """Send input, soon."""
        with self._change:
            self._pending += data
            self._change.notify()

    def end(self) -> None:
        """Say that no more input comes."""
        with self._change:
            self._ending = True
            self._change.notify()

    def interrupt(self) -> None:
        """Interrupt the command, as Ctrl-C does."""
        self._quietly(self._execution.interrupt)

    def hang_up(self) -> None:
        """End the command: nobody is there any more."""
        if not self.over.is_set():
            threading.Thread(target=self._quietly, args=(self._kill,), daemon=True).start()
            self.over.wait(_GIVE_UP)  # who is gone does not wait for a server that is silent

    def _kill(self, **options: Any) -> None:
        self._execution.kill(kill_process_group=True, **options)

    def _quietly(self, call: Callable[..., Any]) -> None:
        from ..client.errors import RunloopError

        try:
            call(timeout=_GIVE_UP)
        except RunloopError:
            return  # it has ended, or its server has

    def _await_end(self) -> None:
        from ..contract.params.options import PollingConfig

        try:
            without_end = PollingConfig(max_attempts=10**9)
            self.status = self._execution.result(polling_config=without_end).exit_code
        except BaseException as error:  # whoever waits for it decides
            self.error = error
        finally:
            self.over.set()
            with self._change:
                self._change.notify()
            self._wake()

    def _send_all(self) -> None:
        from ..client.errors import RunloopError

        try:
            while (text := self._next()) is not None:
                if text:
                    self._send(text)
                self._wake()
            if not self.over.is_set():
                self._execution.close_std_in()
        except RunloopError:
            return  # then its end says why

    def _next(self) -> str | None:
        """Wait for input and return it; `None` after the last."""
        with self._change:
            while not self._pending and not self._ending and not self.over.is_set():
                self._change.wait()
            if self.over.is_set():
                return None
            data = bytes(self._pending[:_PIECE])
            del self._pending[:_PIECE]
            if not data:
                rest = self._decoder.decode(b"", final=True)
                return rest or None
        text = self._decoder.decode(data)
        self.invalid |= "\ufffd" in text
        return text

    def _send(self, text: str) -> None:
        """Send input; while the command does not read what it got before, wait."""
        from ..client.errors import ConflictError

        self._sending_since = time.monotonic()
        self._wake()
        while not self.over.is_set():
            try:
                self._execution.send_std_in(text)
                break
            except ConflictError:
                time.sleep(_PAUSE)
        self._sending_since = None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(descriptor, data) :]
