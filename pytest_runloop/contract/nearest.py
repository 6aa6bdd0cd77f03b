"""Suggests the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that proposes the most similar known name, or an empty text."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean `{matches[0]}`?" if matches else ""
