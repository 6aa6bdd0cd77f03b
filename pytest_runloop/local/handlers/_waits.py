"""What the calls that wait have in common."""

from __future__ import annotations

from ..calls import Call
from ..errors import invalid


def seconds_to_hold(call: Call, default: float, most: float) -> float:
    """Return for how many seconds a request may be held.

    :param default: if it does not say.
    :param most: if it asks for more.
    :raises ApiError: if it asks for less than none.
    """
    asked = call.params.get("timeout_seconds")
    if asked is None:
        return default
    if asked < 0:
        raise invalid(f"`timeout_seconds` must be 0 or more, not {asked:g}")
    return min(float(asked), most)


def lines_wanted(call: Call, default: int) -> int:
    """Return how many lines of each output a request asks for.

    :raises ApiError: if that is no number.
    """
    text = call.params.get("last_n")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"`last_n` must be a number of lines, not `{text}`")
    return int(text[:9])
