"""The way into one devbox, for those who have a key."""

from __future__ import annotations

import os
import socket

from ..bash import environment_of
from ..descriptors import close_quietly
from ..engine.protocol import Box, Command, Process
from ..errors import ENGINE_ERRORS, ApiError, as_api_error
from ..life import Life
from ..listener import Listener
from ..logbook import LineSink
from ..processes import exit_status
from ..pump import Pump
from .keys import KeyPair
from .sessions import keys_file, serving


class Door:
    """A port of the loopback interface, and behind it an OpenSSH server for each connection.

    :param life: of the devbox.
    :param host: what its server proves itself by.
    """

    def __init__(self, life: Life, host: KeyPair) -> None:
        self.host = host
        self.authorized: list[str] = []
        """The public halves of the keys that open it."""
        self._life = life
        self._listener = Listener(self._serve)

    @property
    def port(self) -> int:
        """Where it is."""
        return self._listener.port

    async def close(self) -> None:
        """Let nobody in any more. Who is inside leaves with the devbox."""
        await self._listener.close()

    async def _serve(self, client: socket.socket) -> None:
        log = self._life.devbox.log
        with client, self._life.using():
            try:
                box = self._life.devbox.running_box("open an SSH session")
                process, errors = await self._started(box, client)
            except (*ENGINE_ERRORS, ApiError) as error:
                log.note("exec", str(as_api_error(error, "open an SSH session")), level="warn")
                return
            client.close()  # Else nobody would see its end.
            log.note("exec", "an SSH connection began")
            try:
                await exit_status(process)
                await errors.seal()
            finally:
                errors.close()
            log.note("exec", "an SSH connection ended")

    async def _started(self, box: Box, client: socket.socket) -> tuple[Process, Pump]:
        environment = self._life.devbox.launch.environment
        client.setblocking(True)  # The processes share that.
        keys = keys_file(self.host.private, self.authorized)
        reading, writing = os.pipe()
        argv = serving(keep_path="PATH" in environment)
        try:
            command = Command(argv, environment_of(box, environment), client.fileno(), keys, writing)
            process = await box.spawn(command)
        except BaseException:
            close_quietly(reading)
            raise
        finally:
            close_quietly(keys, writing)
        return process, Pump(reading, LineSink(self._complain))

    def _complain(self, line: str) -> None:
        self._life.devbox.log.note("exec", f"sshd: {line}", level="warn")
