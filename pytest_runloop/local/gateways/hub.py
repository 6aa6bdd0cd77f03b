"""One MCP server, as a devbox sees it: streamable HTTP, with the tools that it may use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...contract.views.mcp_configs import McpConfigView
from ..errors import ApiError, invalid
from ..settings import MIB
from .credentials import Header
from .passing import Incoming, headers_of
from .tools import Tools

if TYPE_CHECKING:
    import httpx

PATH = "/mcp"
_METHODS = ("GET", "POST", "DELETE")
_LONGEST = 4 * MIB
"""Of a message. It is parsed on the event loop: one of 16 MiB held it up for 1.7 s."""
_REPLACED = frozenset({b"content-length", b"content-encoding", b"accept-encoding"})


@dataclass(frozen=True, slots=True)
class Message:
    """What a devbox sends.

    :param value: the message, or several; `None` if the request has none.
    :param sent: the same in bytes. Of two keys of one name, servers may take another one than we did.
    """

    value: Any = None
    sent: bytes | None = None


class Hub:
    """The rules for one config."""

    def __init__(self, config: McpConfigView) -> None:
        self._tools = Tools(config)

    async def admitted(self, method: str, path: str, incoming: Incoming) -> Message:
        """Return the message of a request.

        :raises ApiError: 404, 405 or 400 if it is not one for an MCP server, 413 if it is too large.
        """
        if path.rstrip("/") != PATH:
            raise ApiError(404, "not_found", f"MCP servers are at `{PATH}`, as `RL_MCP_URL` says")
        if method not in _METHODS:
            message = f"an MCP server takes {', '.join(_METHODS)}, not {method}"
            raise ApiError(405, "method_not_allowed", message, allow=_METHODS)
        if method != "POST":
            return Message()
        raw = await _collected(incoming.body())
        try:
            value = json.loads(raw)
            return Message(value, json.dumps(value).encode())
        except (ValueError, RecursionError) as error:
            raise invalid(f"the body is no message of JSON-RPC: {error}") from None

    def refusal(self, message: Message) -> bytes | None:
        """Return the answer to a message that asks for a tool that may not be used."""
        answer = self._tools.refusal(message.value)
        return None if answer is None else json.dumps(answer).encode()

    def headers(self, headers: Iterable[Header]) -> list[Header]:
        """Return the headers of a request for a body that was written anew, and an answer that is read."""
        kept = [(name, value) for name, value in headers if name not in _REPLACED]
        return [*kept, (b"accept-encoding", b"identity")]

    def answered(self, response: httpx.Response) -> tuple[list[Header], AsyncIterator[bytes]]:
        """Return an answer without the tools that may not be used."""
        headers = [(name, value) for name, value in headers_of(response) if name not in _REPLACED]
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        match kind:
            case "text/event-stream":
                return headers, self._tools.shown_events(response.aiter_bytes(), _LONGEST)
            case "application/json":
                return headers, self._shown(response.aiter_bytes())
        return headers, response.aiter_bytes()

    async def _shown(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            yield self._tools.shown_text(await _collected(body))
        except ApiError as error:
            raise EOFError(error.message) from None


async def _collected(body: AsyncIterator[bytes]) -> bytes:
    data = bytearray()
    async for piece in body:
        data += piece
        if len(data) > _LONGEST:
            raise ApiError(413, "request_too_large", f"a message has more than {_LONGEST:,} bytes")
    return bytes(data)
