"""Fault injection as a server uses it: one object that holds everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp

from ..clock import Clock, SystemClock
from ..events import DevboxEvents
from .control import control_app
from .devboxes import FaultyDevboxes
from .exchange import FaultyApp
from .injector import Injector
from .plan import FaultPlan


class Faults:
    """A plan being carried out on one server. Make it inside the server's event loop.

    :param plan: what is to go wrong, as `FaultPlan.parse` takes it; an empty plan waits to be replaced.
    :param clock: what waits go by.
    :raises FaultPlanError: if the plan is not understood.
    """

    def __init__(self, plan: FaultPlan | str | Mapping[str, Any] = "", *, clock: Clock | None = None) -> None:
        parsed = plan if isinstance(plan, FaultPlan) else FaultPlan.parse(plan)
        self._injector = Injector(parsed, clock or SystemClock())
        self._devboxes = FaultyDevboxes(self._injector)

    @property
    def plan(self) -> FaultPlan:
        """The plan in force."""
        return self._injector.plan

    @property
    def devboxes(self) -> DevboxEvents:
        """What the life cycle of devboxes has to ask."""
        return self._devboxes

    def close(self) -> None:
        """Let everybody go who is held, and take back what has not happened yet: the server stops."""
        self._devboxes.forget()
        self._injector.close()

    def wrap(self, app: ASGIApp, api_key: str) -> ASGIApp:
        """Return the application with the plan in front of it, and with the routes of `control`.

        :param app: what serves the API.
        :param api_key: what those routes ask for.
        """
        control = control_app(self._injector, self._devboxes, api_key)
        return FaultyApp(app, control, self._injector, self._devboxes)


def with_faults(app: ASGIApp, faults: Faults | None, api_key: str) -> ASGIApp:
    """Return the application with faults; itself when there are none, so that they cost nothing.

    :param app: what serves the API.
    :param faults: the faults, if the server was started with some.
    :param api_key: what the routes below `/_local/` ask for.
    """
    return app if faults is None else faults.wrap(app, api_key)
