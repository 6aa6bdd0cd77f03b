"""What handlers get and give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from .backend import Backend


@dataclass(frozen=True, slots=True)
class Call:
    """A request, decoded and checked.

    :param ids: the path parameters by name.
    :param params: what its parameter type describes.
    :param filters: the values of `metadata[KEY]=...`, each a list of which one must match.
    :param content_type: of the body.
    :param body: the bytes of an upload, while they arrive.
    :param host: where the client reaches this server, with the port.
    :param devbox_id: the devbox whose PTY tunnel it came through, if any.
    """

    ids: Mapping[str, str]
    params: dict[str, Any] = field(default_factory=dict)
    filters: Mapping[str, list[str]] = field(default_factory=dict)
    content_type: str = ""
    body: AsyncIterator[bytes] | None = None
    host: str = ""
    devbox_id: str | None = None

    @property
    def id(self) -> str:
        """The only path parameter."""
        (value,) = self.ids.values()
        return value


class Chunks(Protocol):
    """A body that is sent while it is produced. It is closed in any case, even if it was never begun.

    :raises EOFError: from its iterator, if it has to end before its length.
    """

    @property
    def length(self) -> int | None:
        """How many bytes it has, if that is known before."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Give up what it holds."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A whole file, under the name that it is to be kept by."""

    filename: str
    content: bytes


Answer = BaseModel | Chunks | Attachment | None
Handler = Callable[["Backend", Call], Awaitable[Answer]]
