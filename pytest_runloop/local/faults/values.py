"""The values that a fault plan is written in: durations, rates, shares, ranges of numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*([A-Za-z%/]*)\s*")
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {"": 1.0, "B": 1.0, "kB": 1e3, "KB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": 1024.0**2}
_SHARES = {"": 1.0, "%": 0.01}


def _amount(value: object, units: dict[str, float], kind: str, examples: str) -> float:
    """Read a number with an optional unit; a bare number is in the unit whose name is empty."""
    found = None if isinstance(value, bool) else _AMOUNT.fullmatch(str(value))
    if found is None or found[2] not in units:
        raise ValueError(f"is not {kind}; write it as {examples}")
    amount = float(found[1]) * units[found[2]]
    if not math.isfinite(amount):
        raise ValueError(f"is not {kind} that can be reached")
    return amount


def duration(value: object) -> float:
    """Return the seconds of a duration.

    :param value: a number of seconds, or a text as `60ms`, `1.7s`, `2m`, `1h`.
    :raises ValueError: if it is none.
    """
    return _amount(value, _SECONDS, "a duration", "`60ms`, `1.7s` or `2m`")


def _rate(value: object) -> float:
    per_second = value.removesuffix("/s") if isinstance(value, str) else value
    return _amount(per_second, _BYTES, "a rate", "bytes a second: `500`, `10kB` or `1MiB/s`")


def _share(value: object) -> float:
    return _amount(value, _SHARES, "a probability", "`0.02` or `2%`")


Duration = Annotated[float, BeforeValidator(duration)]
"""Seconds, never negative."""
Rate = Annotated[float, BeforeValidator(_rate), Field(gt=0)]
"""Bytes a second."""
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
"""A probability or a fraction, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole numbers from `low` to `high`, both included; without end when `high` is `None`."""

    low: int
    high: int | None

    def __contains__(self, number: int) -> bool:
        return number >= self.low and (self.high is None or number <= self.high)

    def __str__(self) -> str:
        if self.high == self.low:
            return str(self.low)
        return f"{self.low}-{'' if self.high is None else self.high}"


def _span(text: str) -> Span:
    found = re.fullmatch(r"\s*(\d+)\s*(?:(-)\s*(\d*))?\s*", text)
    if found is None:
        raise ValueError("is not a number or a range; write it as `3`, `2-4` or `5-`")
    low = int(found[1])
    high = low if not found[2] else int(found[3]) if found[3] else None
    if high is not None and high < low:
        raise ValueError(f"runs backwards; write it as `{high}-{low}`")
    return Span(low, high)


def _position(value: object) -> Span:
    span = value if isinstance(value, Span) else _span(str(value))
    if span.high is None:
        raise ValueError("has no end; write it as `100` or `0-4096`")
    return span


@dataclass(frozen=True, slots=True)
class Numbers:
    """A set of whole numbers, written as `3`, `2-4`, `5-` or several of these joined by `/`."""

    spans: tuple[Span, ...]

    def __contains__(self, number: int) -> bool:
        return any(number in span for span in self.spans)

    def __str__(self) -> str:
        return "/".join(map(str, self.spans))


def _numbers(value: object) -> Numbers:
    if isinstance(value, Numbers):
        return value
    parts = value if isinstance(value, list | tuple) else str(value).split("/")
    spans = tuple(_span(str(part)) for part in parts)
    if not spans or any(span.low < 1 for span in spans):
        raise ValueError("must name calls from 1 on")
    return Numbers(spans)


Position = Annotated[Span, PlainValidator(_position), PlainSerializer(str)]
"""A place in a body in bytes, or a range from which the seed picks one."""
Occurrences = Annotated[Numbers, PlainValidator(_numbers), PlainSerializer(str)]
"""Which of the calls, counted from 1."""
