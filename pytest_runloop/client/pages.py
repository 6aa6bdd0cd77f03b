"""Lists that the service gives page by page, fetched as far as somebody looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")

Fetched = tuple[list[T], str | None]
"""The items of a page, and the id after which the next one starts: `None` after the last page."""


def cursor_after(view: Any, items: Sequence[Any], limited: bool) -> str | None:
    """Return where the next page starts, `None` if there is none to fetch.

    :param view: the page.
    :param items: its items.
    :param limited: whether the caller gave a limit; then one page is all.
    """
    return items[-1].id if items and not limited and view.has_more else None


class Items(Sequence[T], Generic[T]):
    """A list of the service's. Walking through it fetches the pages on the way; `len` fetches all.

    :param fetch: gets the page after a given id.
    """

    def __init__(self, fetch: Callable[[str | None], Fetched[T]]) -> None:
        self._fetch = fetch
        self._known: list[T] = []
        self._cursor: str | None = None
        self._complete = False

    def _more(self) -> bool:
        if not self._complete:
            items, self._cursor = self._fetch(self._cursor)
            self._known += items
            self._complete = self._cursor is None
            return bool(items)
        return False

    def all(self) -> list[T]:
        """Return all items."""
        while self._more():
            pass
        return self._known

    def __iter__(self) -> Iterator[T]:
        position = 0
        while position < len(self._known) or self._more():
            yield self._known[position]
            position += 1

    def __len__(self) -> int:
        return len(self.all())

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, int) and index >= 0:
            while index >= len(self._known) and self._more():
                pass
            return self._known[index]
        return self.all()[index]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._known}{'' if self._complete else ' and perhaps more'}>"


class AsyncItems(Generic[T]):
    """A list of the service's: `await` it for all items, or walk with `async for`, which fetches on the way.

    :param fetch: gets the page after a given id.
    """

    def __init__(self, fetch: Callable[[str | None], Awaitable[Fetched[T]]]) -> None:
        self._fetch = fetch
        self._known: list[T] = []
        self._cursor: str | None = None
        self._complete = False

    async def _more(self) -> bool:
        if not self._complete:
            items, self._cursor = await self._fetch(self._cursor)
            self._known += items
            self._complete = self._cursor is None
            return bool(items)
        return False

    async def all(self) -> list[T]:
        """Return all items."""
        while await self._more():
            pass
        return self._known

    def __await__(self) -> Generator[Any, Any, list[T]]:
        return self.all().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Walk(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._known}{'' if self._complete else ' and perhaps more'}>"


class _Walk(AsyncIterator[T]):
    # Not an asynchronous generator: one that is left early would need closing.
    def __init__(self, items: AsyncItems[T]) -> None:
        self._items = items
        self._position = 0

    async def __anext__(self) -> T:
        known = self._items._known
        if self._position >= len(known) and not await self._items._more():
            raise StopAsyncIteration
        self._position += 1
        return known[self._position - 1]
