"""Faults and latency for the local backend, decided by one seed.

A server makes one `Faults`, puts `with_faults` around its application, runs uvicorn with
`http=FaultableProtocol`, and lets the life cycle of its devboxes ask `Faults.devboxes`. What a plan can say
is in `reference.markdown()`, how a test works it in `control`.
"""

from __future__ import annotations

from ..events import Death, DevboxEvents, EndDevbox, Moment, UndisturbedDevboxes
from .connection import FaultableProtocol
from .faults import Faults, with_faults
from .plan import FaultPlan, FaultPlanError

__all__ = [
    "Death",
    "DevboxEvents",
    "EndDevbox",
    "FaultPlan",
    "FaultPlanError",
    "FaultableProtocol",
    "Faults",
    "Moment",
    "UndisturbedDevboxes",
    "with_faults",
]
