"""Binds handlers to endpoints."""

from __future__ import annotations

from collections.abc import Callable

from ..calls import Handler
from ..routing import AnyEndpoint


class Table:
    """The handlers of a resource. Calling it with endpoints gives a decorator for their handler."""

    def __init__(self) -> None:
        self.table: dict[AnyEndpoint, Handler] = {}

    def __call__(self, *endpoints: AnyEndpoint) -> Callable[[Handler], Handler]:
        """Return a decorator that binds a handler to endpoints."""

        def bind(handler: Handler) -> Handler:
            self.table.update(dict.fromkeys(endpoints, handler))
            return handler

        return bind
