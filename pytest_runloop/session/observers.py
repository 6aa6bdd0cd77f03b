"""Tells several observers of what a client does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..client.observing import Call, Observer


class Observers:
    """An observer that hands on what it is told.

    :param observers: to whom, in this order.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def called(self, call: Call) -> None:
        """A call is over."""
        for observer in self._observers:
            observer.called(call)

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """Somebody asked how a command ended."""
        for observer in self._observers:
            observer.looked_at(devbox_id, execution_id)

    def unfit(self, devbox_id: str, why: str) -> None:
        """Processes of a command that was ended may live on in a devbox."""
        for observer in self._observers:
            observer.unfit(devbox_id, why)
