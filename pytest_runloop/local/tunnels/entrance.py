"""The way from an admitted request to the service in the devbox."""

from __future__ import annotations

import asyncio
import socket
from contextlib import nullcontext

from ..clock import Clock
from ..engine.protocol import Box
from ..errors import ENGINE_ERRORS, ApiError
from ..life import Life
from ..notice import hold
from ..settings import Settings
from .heads import Request
from .refusals import RefusedError
from .relay import Passage
from .rules import Rules

_RETRY = 0.05
"""Seconds between two looks whether a service listens again, after a devbox was woken."""
_ASLEEP = ("suspending", "suspended", "resuming")
_PASSING = ("suspending", "resuming", "provisioning", "initializing")


class Entrance:
    """The ways into one devbox.

    :param life: the devbox's.
    """

    def __init__(self, life: Life, clock: Clock, settings: Settings) -> None:
        self.life = life
        self.rules = Rules()
        self._clock, self._settings = clock, settings
        self._patient_until = 0.0
        self._relays: set[asyncio.Task[object]] = set()

    def admit(self, request: Request, port: int) -> Passage:
        """Return the passage of a request to a port.

        :raises RefusedError: if it must not come in.
        """
        head = self.rules.passed(request.head)
        if self.life.devbox.ended:
            raise self._refused()
        using = self.life.using if self.rules.keep_alive else nullcontext
        place = (self.life.devbox.id, port)
        return Passage(request, place, head, using, lambda: self._enter(port))

    async def _enter(self, port: int) -> socket.socket:
        relay = asyncio.current_task()
        assert relay is not None
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        if self.rules.wake and self.life.devbox.status in _ASLEEP:
            await self._wake()
        return await self._connect_soon(port)

    def close(self, seconds: float) -> None:
        """End the connections that came in.

        :param seconds: how long they may still last.
        """
        for task in self._relays:
            asyncio.get_running_loop().call_later(seconds, task.cancel)

    async def _wake(self) -> None:
        devbox, seconds = self.life.devbox, self._settings.create_hold
        await hold(self._clock, devbox.changed, lambda: devbox.status != "suspending", seconds)
        try:
            if devbox.status == "suspended":
                await self.life.resume(seconds)
        except ApiError:  # Its status has changed just now.
            return
        await hold(self._clock, devbox.changed, lambda: devbox.status != "resuming", seconds)
        self._patient_until = asyncio.get_running_loop().time() + self._settings.tunnel_wake

    async def _connect_soon(self, port: int) -> socket.socket:
        """Connect. A service has some time to start after the devbox was woken."""
        while True:
            try:
                return await self._connect(self._box(), port)
            except RefusedError as refusal:
                late = asyncio.get_running_loop().time() > self._patient_until
                if late or refusal.code != "nothing_listens":
                    raise
            await asyncio.sleep(_RETRY)

    def _box(self) -> Box:
        devbox = self.life.devbox
        if devbox.status != "running" or devbox.box is None:
            raise self._refused()
        return devbox.box

    async def _connect(self, box: Box, port: int) -> socket.socket:
        where = f"port {port} of devbox {self.life.devbox.id}"
        try:
            async with asyncio.timeout(self._settings.tunnel_connect):
                return await box.connect(port)
        except ConnectionRefusedError:
            message = (
                f"nothing listens on {where}: start the service there, let it bind 127.0.0.1 or 0.0.0.0 and"
                f" port {port}, and ask again when it does"
            )
            raise RefusedError(502, "nothing_listens", message) from None
        except TimeoutError:
            message = f"the service on {where} takes no connections: is it busy, or stopped?"
            raise RefusedError(504, "timed_out", message) from None
        except ENGINE_ERRORS as error:
            raise RefusedError(502, "not_connected", f"cannot connect to {where}: {error}") from None

    def _refused(self) -> RefusedError:
        devbox = self.life.devbox
        if devbox.ended:
            return RefusedError(410, "devbox_ended", str(devbox.refusal("reach it")))
        message = str(devbox.refusal("reach it"))
        if devbox.status in _PASSING:
            return RefusedError(503, "devbox_not_running", message, {"retry-after": "1"})
        message += ", or let requests do it with `enable_tunnel(wake_on_http=True)`"
        return RefusedError(502, "devbox_not_running", message)
