"""How the server reads requests."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_PIECE = 64 * 1024
_LARGE_PIECE = 1024 * 1024


WEB_SOCKETS = "/pty/"
"""The paths below which a connection may become a WebSocket."""


def web_socket(**given: Any) -> asyncio.Protocol:
    """Return uvicorn's protocol for a WebSocket. It is loaded with the first: it costs a start its time."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**given)


class HttpProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with a short way for large bodies.

    h11 and uvicorn copy each byte of a body five times. Where its length is known there is nothing to parse:
    what arrives goes to the application as it is, and h11 hears no more of that request. The next one on the
    connection gets a parser of its own.

    A client gets some time for the head of a request, and for what it goes on sending after the answer. How
    long it may take for a body is the application's matter.
    """

    head_seconds = 60.0
    _passing = False
    _missing = 0
    _early = b""
    _patience: asyncio.TimerHandle | None = None
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # h11 copies what it is given; pieces of this size stay in the processor's cache meanwhile.
        self._read_at_most(_PIECE)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def data_received(self, data: bytes) -> None:
        if self._passing:
            self._pass_on(data)
        else:
            before = self.cycle
            super().data_received(data)
            if self._upgraded:
                return
            self._look_at(before)
        self._watch()

    def _should_upgrade_to_ws(self) -> bool:
        # All other paths are as they are without: asked for their key, and answered over HTTP.
        wanted: str = self.scope["path"]
        return wanted.startswith(WEB_SOCKETS) and super()._should_upgrade_to_ws()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        self._stop_watching()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # The application is to hear that its answer is not wanted, instead of failing to send it.
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _watch(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._stop_watching()
        elif self._patience is None:
            self._patience = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_watching(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        if self._passing and not self._missing:
            self._end_passing()
        else:
            self._look_at(before)

    def _look_at(self, before: object) -> None:
        """Begin to pass the body on, if a request with a large one has begun."""
        if self.cycle is before or not self.cycle.more_body or self.transport.is_closing():
            return
        self._missing = _length(self.headers) - len(self.cycle.body)
        if self._missing > _PIECE:
            self._passing = True
            self._read_at_most(_LARGE_PIECE)

    def _pass_on(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        piece, self._early = data[: self._missing], self._early + data[self._missing :]
        self._missing -= len(piece)
        if self._early:  # Of the next request, whose turn comes after the answer to this one.
            self.flow.pause_reading()
        if self.cycle.response_complete:
            if not self._missing:
                self._end_passing()
            return
        self._give(piece)

    def _give(self, piece: bytes) -> None:
        # uvicorn makes `bytes` of it, which copies nothing if it is that already.
        cycle: Any = self.cycle
        cycle.body = cycle.body + piece if cycle.body else piece
        cycle.more_body = self._missing > 0
        if len(cycle.body) > _PIECE:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _end_passing(self) -> None:
        self._passing = False
        if self.transport.is_closing():
            return
        early, self._early = self._early, b""
        self.conn = h11.Connection(h11.SERVER)
        self._read_at_most(_PIECE)
        self.flow.resume_reading()
        if early:
            self.data_received(early)

    def _read_at_most(self, size: int) -> None:
        transport: Any = self.transport
        transport.max_size = size


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    """Return the length of a body that is told before it, else 0."""
    found = dict(headers)
    return 0 if b"transfer-encoding" in found else int(found.get(b"content-length", 0))
