"""Waiting, running beside, and reading files: once with threads, once with the event loop.

Each class and function has a twin; the generated sync client uses the one without `Async` in its name.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import IO, Any, TypeVar

import anyio
import anyio.to_thread
import httpx

from .sources import PIECE_BYTES, Multipart, Source

A = TypeVar("A")
T = TypeVar("T")

Step = Callable[[A], T]
AsyncStep = Callable[[A], Awaitable[T]]
"""A function of one argument that another calls as part of its work."""

sleep = time.sleep
async_sleep = anyio.sleep

Lock = threading.Lock
AsyncLock = anyio.Lock


def in_thread(work: Callable[..., T], *args: object) -> T:
    """Do blocking work."""
    return work(*args)


async def async_in_thread(work: Callable[..., T], *args: object) -> T:
    """Do blocking work without blocking the event loop."""
    return await anyio.to_thread.run_sync(work, *args)


def deliver(callback: Callable[[str], Any], piece: str) -> BaseException | None:
    """Hand a piece of output to a callback, and return what it raised."""
    try:
        callback(piece)
    except BaseException as error:  # In a thread of ours, whatever comes is the callback's.
        return error
    return None


async def async_deliver(callback: Callable[[str], Any], piece: str) -> BaseException | None:
    """Hand a piece of output to a callback, await what it gives if that can be, and return what it raised."""
    try:
        outcome = callback(piece)
        if inspect.isawaitable(outcome):
            await outcome
    except (anyio.get_cancelled_exc_class(), KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pytest.fail() and pytest.skip() are no `Exception`.
        return error
    return None


def ended(received: Iterator[bytes]) -> closing[Generator[bytes]]:
    """Give what is received, and end it when the block ends."""
    assert isinstance(received, Generator)
    return closing(received)


@asynccontextmanager
async def async_ended(received: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Give what is received, and end it when the block ends, be it before its last piece."""
    assert isinstance(received, AsyncGenerator)
    try:
        yield received
    finally:
        # Closing it would end the outermost of the generators that httpx and httpcore nest, and leave the
        # others to the garbage collector, of which trio warns. A cancelled read ends all of them.
        with anyio.CancelScope() as scope, suppress(httpx.TransportError, httpx.StreamError):
            scope.cancel()
            async for _ in received:
                pass


def whole(response: httpx.Response) -> bytes:
    """Read an answer to its end."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    # Nothing is compressed unless something on the way does it; without httpx's decoders it goes faster.
    return response.read() if "content-encoding" in response.headers else b"".join(response.stream)


async def async_whole(response: httpx.Response) -> bytes:
    """Read an answer to its end."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    if "content-encoding" in response.headers:
        return await response.aread()
    return b"".join([piece async for piece in response.stream])


def pieces(form: Multipart) -> Iterator[bytes]:
    """Yield a form in pieces."""
    yield form.head
    yield from file_pieces(form.source)
    yield form.end


def file_pieces(source: Source) -> Iterator[bytes]:
    """Yield a file in pieces."""
    with source.opened() as file:
        while piece := _read(file):
            yield piece


async def async_pieces(form: Multipart) -> AsyncIterator[bytes]:
    """Yield a form in pieces, reading its file in a thread."""
    yield form.head
    with form.source.opened() as file:
        while piece := await async_in_thread(_read, file):
            yield piece
    yield form.end


async def async_file_pieces(source: Source) -> AsyncIterator[bytes]:
    """Yield a file in pieces, reading it in a thread."""
    with source.opened() as file:
        while piece := await async_in_thread(_read, file):
            yield piece


def _read(file: IO[bytes]) -> bytes:
    piece = file.read(PIECE_BYTES)
    if not isinstance(piece, bytes):
        raise TypeError("the file gives text; open it in binary mode, open(path, 'rb')")
    return piece


@contextmanager
def shielded(seconds: float) -> Iterator[None]:
    """Let a block come to its end: of a thread nothing is cancelled, and each request has its own time."""
    yield


@asynccontextmanager
async def async_shielded(seconds: float) -> AsyncIterator[None]:
    """Let a block come to its end, although the task is cancelled, in so many seconds."""
    with anyio.move_on_after(seconds, shield=True):
        yield


class Background:
    """Work in a thread of its own, from its making on.

    :param work: what to do.
    :param name: what the thread is called.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self.error: BaseException | None = None
        """What the work raised."""
        self.cancelled = False
        # A daemon: a stream that never ends must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the work, or for some seconds."""
        self._thread.join(seconds)

    def cancel(self) -> None:
        """Ask the work to end; it sees it in `cancelled`."""
        self.cancelled = True


class AsyncBackground:
    """Work in a task of its own, from its making on.

    It needs no task group, since it may outlive the call that made it: a command that was only started
    is followed until somebody asks for its result. Nothing escapes from it; `error` tells.

    :param work: what to do.
    :param name: what the task is called.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        self._work = work
        self.error: BaseException | None = None
        """What the work raised."""
        self.cancelled = False
        self._scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._task = self._spawned(name)

    def _spawned(self, name: str) -> object:
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_run():
            return trio.lowlevel.spawn_system_task(self._run, name=name)
        return asyncio.get_running_loop().create_task(self._run(), name=name)

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._work()
        except Exception as error:
            self.error = error
        finally:
            self._done.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the work, or for some seconds."""
        with anyio.move_on_after(seconds):
            await self._done.wait()

    def cancel(self) -> None:
        """End the work at its next wait."""
        self.cancelled = True
        self._scope.cancel()
