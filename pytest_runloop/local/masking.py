"""Keeps the values of secrets out of logs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..contract.disguises import disguises

_SHORTEST = 4
"""Characters. What is shorter is part of many words: it is hidden where it stands alone."""


class Mask:
    """Replaces values, also quoted or encoded, and each line of those that have several, by `***`.

    :param values: of secrets.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        whole = set(filter(None, values))
        found = {line for value in whole for line in value.splitlines()} | {
            form for value in whole for form in disguises(value)
        }
        # The longest first, so that no end of it is left.
        hidden = sorted((form for form in found if len(form) >= _SHORTEST), key=len, reverse=True)
        alone = sorted((value for value in whole if len(value) < _SHORTEST), key=len, reverse=True)
        patterns = [*map(re.escape, hidden), *(rf"(?<!\w){re.escape(value)}(?!\w)" for value in alone)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None
        self._longest = max(map(len, [*hidden, *alone]), default=1)

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
