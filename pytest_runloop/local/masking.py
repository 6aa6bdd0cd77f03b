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
        self._longest = len(hidden[0]) if hidden else 1

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        return self._pattern.sub("***", text) if self._pattern is not None else text

    def cut(self, text: str) -> int:
        """Return the last place where a text may be cut that goes on: no value is cut in two there."""
        place = max(0, len(text) - self._longest + 1)
        for found in self._pattern.finditer(text) if self._pattern is not None else ():
            if found.start() < place < found.end():
                return found.end()
        return place
