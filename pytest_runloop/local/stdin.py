"""Feeds a command's standard input, in order, without ever waiting for it."""

from __future__ import annotations

import asyncio
import os
from collections import deque

from .errors import ApiError

_PENDING_MAX = 8 * 1024 * 1024


class StdIn:
    """The writing end of a pipe to a command.

    :param fd: the descriptor; this object owns it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._pending: deque[memoryview] = deque()
        self._size = 0
        self._ending = False
        os.set_blocking(fd, False)

    @property
    def open(self) -> bool:
        """Whether more can be sent."""
        return self._fd >= 0 and not self._ending

    def send(self, data: bytes) -> None:
        """Send bytes; what the pipe does not take yet follows as the command reads.

        :raises ApiError: 409 if too much waits already.
        """
        if self._size + len(data) > _PENDING_MAX:
            message = f"the command does not read: {self._size:,} bytes of its standard input wait already"
            raise ApiError(409, "stdin_full", message)
        self._pending.append(memoryview(data))
        self._size += len(data)
        self._flush()

    def end(self) -> None:
        """Close it once everything is delivered (EOF)."""
        self._ending = True
        self._flush()

    def _flush(self) -> None:
        if self._fd < 0:
            return
        try:
            while self._pending:
                self._write_some()
        except BlockingIOError:
            self._loop.add_writer(self._fd, self._flush)
            return
        except OSError:
            # The command has closed its end: what is left can reach nobody.
            self.close()
            return
        self._loop.remove_writer(self._fd)
        if self._ending:
            self.close()

    def _write_some(self) -> None:
        data = self._pending[0]
        written = os.write(self._fd, data)
        self._size -= written
        if written == len(data):
            self._pending.popleft()
        else:
            self._pending[0] = data[written:]

    def close(self) -> None:
        """Close it now. May be repeated."""
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._pending.clear()
