"""Which tools of an MCP server may be used: in the messages of JSON-RPC that go to it and come from it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ...contract.views.mcp_configs import McpConfigView

_INVALID_REQUEST, _INVALID_PARAMS = -32600, -32602
_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LONGEST_END = 4
_LINE = re.compile(rb"\r\n|\n|\r")
_TOOLS = b"tools"


class Tools:
    """The tools that a config allows.

    A pattern means a tool's name, or that behind the name of the service, which is the config's up to its
    first dash: `search_*` or `github.search_*`.
    """

    def __init__(self, config: McpConfigView) -> None:
        self._config = config
        self._service = config.name.partition("-")[0]

    def allow(self, name: Any) -> bool:
        """Tell whether a tool may be used."""
        if not isinstance(name, str):
            return False
        names = (name, f"{self._service}.{name}")
        return any(fnmatchcase(each, pattern) for pattern in self._config.allowed_tools for each in names)

    # What goes to the server

    def refusal(self, value: Any) -> Any | None:
        """Return the answer to a message, or to several, if one of them may not be sent on."""
        messages = value if isinstance(value, list) else [value]
        if not any(self._forbids(message) for message in messages):
            return None
        answers = [self._refused(message) for message in messages if self._forbids(message) or _asks(message)]
        return answers if isinstance(value, list) else answers[0]

    def _forbids(self, message: Any) -> bool:
        return _is_disguised(message) or (_is_call(message) and not self.allow(_tool(message)))

    def _refused(self, message: Any) -> dict[str, Any]:
        code, text = _INVALID_REQUEST, "not carried out: another message that came with it is not allowed"
        if _is_disguised(message):
            text = "not carried out: `method`, `params` and `name` are written in small letters"
        elif self._forbids(message):
            patterns = ", ".join(f"`{pattern}`" for pattern in self._config.allowed_tools) or "none"
            code = _INVALID_PARAMS
            text = (
                f"the MCP config `{self._config.name}` does not allow the tool `{_tool(message)}`: {patterns}"
            )
        identifier = message.get("id") if isinstance(message, dict) else None
        return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}

    # What comes from it

    def shown(self, value: Any) -> Any:
        """Return a message, or several, without the tools that may not be used."""
        if isinstance(value, list):
            return [self.shown(message) for message in value]
        result = value.get("result") if isinstance(value, dict) else None
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            tools = [
                tool for tool in result["tools"] if isinstance(tool, dict) and self.allow(tool.get("name"))
            ]
            return {**value, "result": {**result, "tools": tools}}
        return value

    def shown_text(self, text: bytes) -> bytes:
        """Return the JSON of a message, or of several, without those tools. Anything else stays as it is."""
        if _TOOLS not in text:
            return text
        try:
            return json.dumps(self.shown(json.loads(text))).encode()
        except (ValueError, RecursionError):
            return text

    async def shown_events(self, stream: AsyncIterator[bytes], longest: int) -> AsyncIterator[bytes]:
        """Yield server-sent events as they come, without those tools.

        :param longest: bytes of an event.
        :raises EOFError: if one is longer.
        """
        waiting, seen = bytearray(), 0
        async for piece in stream:
            waiting += piece
            while (end := _END_OF_EVENT.search(waiting, max(0, seen - _LONGEST_END))) is not None:
                yield self._shown_event(bytes(waiting[: end.end()]))
                del waiting[: end.end()]
                seen = 0
            seen = len(waiting)
            if seen > longest:
                raise EOFError(f"an event of an MCP server is longer than {longest:,} bytes")
        if waiting:
            yield self._shown_event(bytes(waiting))

    def _shown_event(self, event: bytes) -> bytes:
        if _TOOLS not in event:  # The lines of most stay as they are, too.
            return event
        lines = [line for line in _LINE.split(event) if line]
        data = b"\n".join(_value(line) for line in lines if line.startswith(b"data:"))
        others = [line for line in lines if not line.startswith(b"data:")]
        return b"\n".join([*others, b"data: " + self.shown_text(data)]) + b"\n\n"


def _value(line: bytes) -> bytes:
    return line.removeprefix(b"data:").removeprefix(b" ")


def _is_call(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "tools/call"


def _is_disguised(message: Any) -> bool:
    """Tell whether servers that do not tell small letters from capitals would read something else in it."""
    return _is_misspelt(message, ("method", "params")) or (
        _is_call(message) and _is_misspelt(message.get("params"), ("name",))
    )


def _is_misspelt(value: Any, names: Sequence[str]) -> bool:
    return isinstance(value, dict) and any(key not in names and key.casefold() in names for key in value)


def _asks(message: Any) -> bool:
    return isinstance(message, dict) and "id" in message and "method" in message


def _tool(message: Any) -> Any:
    params = message.get("params")
    return params.get("name") if isinstance(params, dict) else None
