"""The ways in which a value may stand in a text, so that a secret can be found there and taken out."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

_ENCODED: Final = 6
"""Characters. A shorter piece of base64 is in any text."""
_WIDTHS: Final = (64, 76)
"""After so many characters `openssl` and `base64` begin a new line."""


def disguises(value: str) -> Iterator[str]:
    """Yield the ways in which a value may stand in a text: plain, quoted, encoded."""
    yield value
    yield from _quoted(value)
    yield from _by_shells(value)
    yield from _in_base64(value.encode("utf-8", "surrogateescape"))


def _quoted(value: str) -> Iterator[str]:
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield from {quote(value, safe=""), quote(value), quote_plus(value)}


def _by_shells(value: str) -> Iterator[str]:
    yield shlex.quote(value)
    yield value.replace("'", "'\\''")  # in a trace, `set -x`
    yield re.sub(r'([\\$`"])', r"\\\1", value)  # in a list of variables, `export -p`
    yield re.sub(r"([ '\"\\|&;()<>!{}*\[\]?^$`,])", r"\\\1", value)  # by `printf %q`


def _in_base64(value: bytes) -> Iterator[str]:
    """Yield what of a value is the same in any text that is encoded as a whole, as `user:password` is."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value).decode()
        first = (0, 2, 3)[before]
        last = len(encoded) - (0, 3, 2)[(before + len(value)) % 3]
        if last - first >= _ENCODED:
            yield encoded[first:last]
            yield encoded[first:last].translate({43: "-", 47: "_"})
        if before == 0:
            yield from _wrapped(encoded[:last])
    yield base64.b64encode(value).decode()


def _wrapped(encoded: str) -> Iterator[str]:
    """Yield the lines of an encoded value that stands alone, and is too long for one."""
    for width in _WIDTHS:
        if len(encoded) > width:
            lines = (encoded[start : start + width] for start in range(0, len(encoded), width))
            yield from (line for line in lines if len(line) >= _ENCODED)
