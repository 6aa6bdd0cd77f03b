"""The WebSocket by which a client sits at a terminal: bytes in both directions, as binary messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Receive, Send

from .session import Session
from .terminal import Terminal, TypedTooMuchError

_TOO_MUCH = (1008, "what runs at the terminal does not read what was typed")


async def attach(session: Session, receive: Receive, send: Send) -> None:
    """Serve a client until it leaves, or the session is over.

    :raises ApiError: if it may not come in; nothing was sent then.
    """
    with session.client() as leave, suppress(OSError):  # The client has gone.
        await send({"type": "websocket.accept"})
        if (ending := await _converse(session, leave, receive, send)) is not None:
            code, reason = ending
            await send({"type": "websocket.close", "code": code, "reason": reason})


async def _converse(
    session: Session, leave: Callable[[], None], receive: Receive, send: Send
) -> tuple[int, str] | None:
    """Return why the client is to leave; `None` if it has left."""

    def left() -> None:
        # At once: who comes back at once finds the place free, and what is shown from now on.
        showing.cancel()
        leave()

    showing = asyncio.ensure_future(_show(session, send))
    listening = asyncio.ensure_future(_listen(session.terminal, receive, left))
    tasks = {showing, listening}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return await (listening if listening.done() else showing)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _show(session: Session, send: Send) -> tuple[int, str]:
    terminal = session.terminal
    while not terminal.over or terminal.shows:
        if data := terminal.take():
            await send({"type": "websocket.send", "bytes": data})
        else:
            # Everybody who waits shares what is waited for: a cancellation must not reach it.
            await asyncio.wait({terminal.changed.next()})
    return session.ending


async def _listen(terminal: Terminal, receive: Receive, left: Callable[[], None]) -> tuple[int, str] | None:
    while (message := await receive())["type"] != "websocket.disconnect":
        data: bytes = message.get("bytes") or (message.get("text") or "").encode()
        try:
            terminal.type(data)
        except TypedTooMuchError:
            return _TOO_MUCH
    left()
    return None
