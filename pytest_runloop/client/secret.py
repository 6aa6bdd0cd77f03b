"""Keeps the API key, and values of secrets, out of what people print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Secret:
    """A text that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not serialized")


def hidden_tokens(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call with the token among them hidden from tracebacks."""
    token = params.get("github_auth_token")
    return {**params, "github_auth_token": Secret(token)} if isinstance(token, str) else dict(params)
