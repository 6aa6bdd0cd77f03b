"""Why a devbox cannot be handed on."""

from __future__ import annotations


class NotCleanError(Exception):
    """A devbox that is not proven to be in its starting state, and why."""
