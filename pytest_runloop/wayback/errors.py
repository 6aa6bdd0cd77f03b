"""What ends a command of this package before it did what it was asked for."""

from __future__ import annotations


class NoWayError(Exception):
    """There is no way to where the user wants to go. Its text is for people: what, why, what to do."""
