"""The asyncio side of a connection to a helper."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from pytest_runloop.local.engine.channel import Channel
from pytest_runloop.local.engine.wire import Connection, Message

pytestmark = pytest.mark.asyncio


async def _cancel_after(turns: int) -> bool:
    """Cancel a request some turns of the loop after its answer was sent, and a descriptor with it.

    :return: whether nobody holds the descriptor any more.
    """
    ours, theirs = socket.socketpair()
    unwanted: asyncio.Queue[Message] = asyncio.Queue()
    channel, helper = Channel(ours, lambda _, __: None, lambda: None), Connection(theirs)
    request = asyncio.create_task(channel.request({"op": "any"}, (), unwanted.put_nowait))
    await asyncio.sleep(0)
    [(message, _)] = helper.receive() or []
    reading, writing = os.pipe2(os.O_NONBLOCK)
    helper.send({"id": message["id"]}, [writing])
    os.close(writing)
    for _ in range(turns):
        await asyncio.sleep(0)
    request.cancel()
    try:
        _, given = await request
        os.close(given[0])
    except asyncio.CancelledError:
        assert await asyncio.wait_for(unwanted.get(), 60) == {"id": message["id"]}
    channel.close()
    theirs.close()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        return pipe.read() == b""


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancelled_request_leaves_no_descriptor(turns: int) -> None:
    assert await _cancel_after(turns)
