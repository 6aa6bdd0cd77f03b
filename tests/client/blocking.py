"""Drives the async client with sync code, so that one test body tests both clients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Iterator
from types import TracebackType
from typing import Any

from anyio.from_thread import BlockingPortal

_ASYNC = "pytest_runloop.client._async"


class Blocking:
    """An object of the async client whose methods block.

    :param target: the object.
    :param portal: runs its methods.
    """

    def __init__(self, target: Any, portal: BlockingPortal) -> None:
        self._target = target
        self._portal = portal

    def __getattr__(self, name: str) -> Any:
        return self._wrapped(getattr(self._target, name))

    def __iter__(self) -> Blocking:
        return self

    def __next__(self) -> Any:
        try:
            return self._called(self._target.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Blocking:
        self._portal.call(self._target.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._target.__aexit__, kind, error, trace)

    def _wrapped(self, value: Any) -> Any:
        if inspect.isroutine(value):
            return functools.partial(self._called, value)
        if isinstance(value, list):
            return [self._wrapped(item) for item in value]
        return Blocking(value, self._portal) if type(value).__module__.startswith(_ASYNC) else value

    def _called(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        outcome, error = self._portal.call(_awaited, method, args, kwargs)
        if error is not None:
            raise error
        return self._wrapped(outcome)


async def _awaited(
    method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    # Errors are values here: the portal does not survive one that is no `Exception`.
    try:
        outcome = method(*args, **kwargs)
        if inspect.isasyncgen(outcome):
            return await _collected(outcome), None
        return (await outcome if inspect.isawaitable(outcome) else outcome), None
    except BaseException as error:
        return None, error


async def _collected(generator: AsyncIterable[Any]) -> Iterator[Any]:
    """Return what an async generator gives, and raise its error in its place."""
    items: list[Any] = []
    error: Exception | None = None
    try:
        async for item in generator:
            items.append(item)
    except Exception as raised:
        error = raised
    return _replayed(items, error)


def _replayed(items: list[Any], error: Exception | None) -> Iterator[Any]:
    yield from items
    if error is not None:
        raise error
