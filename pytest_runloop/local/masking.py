"""Keeps the values of secrets out of logs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORTEST = 4
"""Characters. What is shorter is no secret, and hiding it would make logs unreadable."""


class Mask:
    """Replaces values, and each line of those that have several, by `***`.

    :param values: of secrets.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        parts = {part for value in values for part in (value, *value.splitlines())}
        # The longest first, so that no end of it is left.
        hidden = sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, hidden))) if hidden else None

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        return self._pattern.sub("***", text) if self._pattern is not None else text
