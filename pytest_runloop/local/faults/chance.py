"""Chance that depends on nothing but the seed and what it is asked about.

A shared stream of random numbers would give each call what the calls before it left over, so that the faults
of one test would depend on the timing of another. A hash of the question has no such memory.
"""

from __future__ import annotations

import hashlib


def share(seed: int, *about: object) -> float:
    """Return a number from 0 up to, not including, 1: the same for the same seed and question.

    :param about: what the number is for.
    """
    question = repr((seed, *map(str, about))).encode()
    return int.from_bytes(hashlib.blake2b(question, digest_size=7).digest(), "big") / 2**56


def whole(seed: int, low: int, high: int, *about: object) -> int:
    """Return a whole number from `low` to `high`, both included."""
    return low + int(share(seed, *about) * (high - low + 1))
