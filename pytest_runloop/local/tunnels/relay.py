"""One client's connection, carried into a devbox request by request."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field

from ..listener import Serve
from ..notice import Notice
from .bodies import Body, Endless, body_of_request, body_of_response
from .heads import HeadError, Request, Response
from .refusals import RefusedError, not_http
from .source import EndedError, LostError, Source

LINGER = 2.0
"""Seconds that a client has to read the last answer and to close."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A request that may come in.

    :param place: where it goes; all requests of a connection go to the same.
    :param head: what to pass on of its head.
    :param using: held from its arrival to the end of its answer.
    :param connect: returns a connection to the service, which the caller closes, or raises a `RefusedError`.
    """

    request: Request
    place: tuple[str, int]
    head: bytes
    using: Callable[[], AbstractContextManager[None]]
    connect: Callable[[], Awaitable[socket.socket]]


Doorkeeper = Callable[[Request], Passage]
"""Returns the passage of a request, or raises the `RefusedError` of one that must not come in."""


@dataclass(slots=True)
class _Asked:
    """A request that went in and whose answer has not ended."""

    method: bytes = b"GET"
    use: ExitStack = field(default_factory=ExitStack)
    begun: bool = False
    switched: asyncio.Future[bool] | None = None

    def decide(self, switched: bool) -> None:
        self.begun = True
        if self.switched is not None and not self.switched.done():
            self.switched.set_result(switched)


def through(keeper: Doorkeeper) -> Serve:
    """Return what a listener does with connections whose requests go through a doorkeeper."""
    return lambda client: Relay(client, keeper).run()


class Relay:
    """Carries what a client sends into a devbox, and the answers out.

    Both directions go on at once, each as fast as its receiver takes it. The end of the client's side goes
    in as such: a service may still answer then.

    :param client: the client's connection, which the relay closes.
    :param keeper: decides on each request.
    """

    def __init__(self, client: socket.socket, keeper: Doorkeeper) -> None:
        self._loop = asyncio.get_running_loop()
        self._client, self._keeper = client, keeper
        self._from_client = Source(client)
        self._inside: socket.socket | None = None
        self._place: tuple[str, int] | None = None
        self._asked: deque[_Asked] = deque()
        self._answered = Notice()
        self._method = b"GET"
        self._raw = False

    async def run(self) -> None:
        """Carry requests until one of the sides ends."""
        try:
            # Where one of the sides has gone, or cannot be understood any more, closing says so.
            with suppress(LostError, HeadError, OSError):
                await self._serve()
        finally:
            for asked in self._asked:
                asked.use.close()
            self._client.close()
            if self._inside is not None:
                self._inside.close()

    async def _serve(self) -> None:
        try:
            passage = await self._next()
            if passage is not None:
                await self._connect(passage)
        except RefusedError as refusal:
            await self._send(refusal.answer(self._method))
        await self._let_go()

    async def _connect(self, passage: Passage) -> None:
        self._place = passage.place
        self._inside = inside = await passage.connect()
        inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tasks = [
            self._loop.create_task(self._carry_in(passage, inside)),
            self._loop.create_task(self._carry_out(inside)),
        ]
        try:
            await self._both(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _both(self, coming: asyncio.Task[None], going: asyncio.Task[None]) -> None:
        """Wait until both directions have ended, or one of them in a way that ends the other."""
        await asyncio.wait({coming, going}, return_when=asyncio.FIRST_COMPLETED)
        if not going.done():
            await self._client_ended(coming.exception(), going)
        if going.done():
            await self._service_ended(coming, going)
        if coming.done():
            coming.result()

    async def _client_ended(self, error: BaseException | None, going: asyncio.Task[None]) -> None:
        if error is None:
            await asyncio.wait({going})  # The client may still read.
        while isinstance(error, RefusedError) and self._asked and not going.done():
            # Answers have the order of their requests.
            await asyncio.wait({going, self._answered.next()}, return_when=asyncio.FIRST_COMPLETED)

    async def _service_ended(self, coming: asyncio.Task[None], going: asyncio.Task[None]) -> None:
        going.result()
        if self._raw:
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_WR)
            await asyncio.wait({coming})
        elif self._asked and not self._asked[0].begun:
            raise self._unanswered()

    def _unanswered(self) -> RefusedError:
        assert self._place is not None
        devbox, port = self._place
        message = f"the service on port {port} of devbox {devbox} closed the connection without an answer"
        return RefusedError(502, "no_answer", f"{message}: its output, or the devbox's log, may say why")

    # In

    async def _next(self) -> Passage | None:
        """Return the next request; `None` at the end of the client's side."""
        try:
            raw = await self._from_client.head()
            if raw is None:
                return None
            request = Request.of(raw)
        except HeadError as error:
            raise not_http(str(error)) from None
        self._method = request.method
        return self._keeper(request)

    async def _carry_in(self, passage: Passage | None, inside: socket.socket) -> None:
        try:
            while passage is not None:
                await self._carry(passage, inside)
                passage = await self._next()
                if passage is not None and passage.place != self._place:
                    raise RefusedError(
                        421, "misdirected", "this connection belongs to another tunnel: open one"
                    )
        except EndedError:
            pass
        except OSError:
            return  # The service takes no more, but its answer may be on the way.
        with suppress(OSError):
            inside.shutdown(socket.SHUT_WR)

    async def _carry(self, passage: Passage, inside: socket.socket) -> None:
        request = passage.request
        try:
            body = body_of_request(request)
        except HeadError as error:
            raise not_http(str(error)) from None
        asked = _Asked(request.method)
        asked.use.enter_context(passage.using())
        self._asked.append(asked)
        if request.switches:
            asked.switched = self._loop.create_future()
        await self._loop.sock_sendall(inside, passage.head)
        await self._from_client.pour(body, inside)
        if asked.switched is not None and await asked.switched:
            await self._from_client.pour(Endless(), inside)

    # Out

    async def _carry_out(self, inside: socket.socket) -> None:
        source = Source(inside)
        with suppress(EndedError, LostError):
            try:
                while (raw := await source.head()) is not None:
                    await self._answer(raw, source)
            except HeadError:
                # It speaks something else. The client sees just that.
                self._begin(switched=False)
                await source.pour(Endless(), self._client)

    async def _answer(self, raw: bytes, source: Source) -> None:
        try:
            response = Response.of(raw)
            body = self._body(response)
        except HeadError:
            await self._send(raw)
            raise
        if response.interim:
            await self._send(raw)
            return
        self._begin(switched=self._raw)
        await self._send(raw)
        await source.pour(body, self._client)
        if self._asked:
            self._asked.popleft().use.close()
            self._answered.ring()

    def _body(self, response: Response) -> Body:
        method = self._asked[0].method if self._asked else b"GET"
        self._raw = response.switched(method)
        return Endless() if self._raw else body_of_response(response, method)

    def _begin(self, *, switched: bool) -> None:
        if self._asked:
            self._asked[0].decide(switched)

    async def _send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._client, data)

    async def _let_go(self) -> None:
        """Close in order. Were bytes of the client's left unread, the kernel would drop the answer too."""
        with suppress(OSError, TimeoutError):
            self._client.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(LINGER):
                while await self._loop.sock_recv(self._client, 64 * 1024):
                    pass
