"""A request that is repeated under the same `x-request-id` is carried out once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from .encoding import Reply

Key = tuple[str, str, str, bytes]


def key_of(caller: str, request_id: str, target: str, body: bytes) -> Key:
    """Return what must be equal for two requests to be the same.

    The body counts, because some clients send one id with different requests; and the caller, because
    nobody is to get what others were answered.
    """
    return caller, request_id, target, hashlib.sha256(body).digest()


class Memory:
    """Remembers the replies to the last requests.

    Failures are not remembered: the repetition of a request that failed is a new try.

    :param requests: how many replies to keep at the most.
    :param size: how many bytes of replies to keep at the most.
    """

    def __init__(self, requests: int = 8192, size: int = 16 * 1024 * 1024) -> None:
        self._replies: OrderedDict[Key, Reply] = OrderedDict()
        self._pending: dict[Key, asyncio.Future[Reply]] = {}
        self._requests = requests
        self._size = size
        self._used = 0

    async def once(self, key: Key, work: Callable[[], Awaitable[Reply]]) -> Reply:
        """Return the reply to a request, doing its work only if it was not and is not being done."""
        if reply := self._replies.get(key):
            return reply
        if pending := self._pending.get(key):
            return await asyncio.shield(pending)
        return await self._first(key, work)

    async def _first(self, key: Key, work: Callable[[], Awaitable[Reply]]) -> Reply:
        pending = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await work()
        except BaseException as error:
            # Those who share it must end as well; a cancellation of the first is an error for them.
            pending.set_exception(
                error if isinstance(error, Exception) else RuntimeError("the request was cancelled")
            )
            pending.exception()
            raise
        else:
            pending.set_result(reply)
            self._remember(key, reply)
            return reply
        finally:
            del self._pending[key]

    def _remember(self, key: Key, reply: Reply) -> None:
        if reply.status >= 400 or not isinstance(reply.body, bytes):
            return
        self._replies[key] = reply
        self._used += len(reply.body)
        while len(self._replies) > self._requests or self._used > self._size:
            _, oldest = self._replies.popitem(last=False)
            assert isinstance(oldest.body, bytes)
            self._used -= len(oldest.body)
