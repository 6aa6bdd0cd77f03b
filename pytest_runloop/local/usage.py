"""What a devbox has used, as the service counts it: its size, times the seconds that it had it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from ..contract.views.devboxes import DevboxResourceUsageView, DevboxView, StateTransition
from .limits import DEFAULT, size_of

_ACTIVE = frozenset({"initializing", "running", "suspending", "resuming"})
"""The statuses in which a devbox holds its processors and its memory."""


def usage_of(view: DevboxView, now_ms: int) -> DevboxResourceUsageView:
    """Return what a devbox has used.

    :param view: of the devbox.
    :param now_ms: milliseconds since the epoch.
    """
    until = now_ms if view.end_time_ms is None else view.end_time_ms
    elapsed = (until - view.create_time_ms) / 1000
    active = _active_ms(view.state_transitions, until) / 1000
    # Where nothing was asked for, the service gives, and charges for, its default.
    size = size_of(view.launch_parameters.model_dump()) or DEFAULT
    return DevboxResourceUsageView(
        id=view.id,
        status=view.status,
        start_time_ms=view.create_time_ms,
        end_time_ms=view.end_time_ms,
        total_active_seconds=int(active),
        total_elapsed_seconds=int(elapsed),
        vcpu_seconds=int(active * size.cpus),
        memory_gb_seconds=int(active * size.memory_gib),
        disk_gb_seconds=int(elapsed * size.disk_gib),
    )


def _active_ms(transitions: Iterable[StateTransition], until: float) -> float:
    end = StateTransition(transition_time_ms=until)
    return sum(
        (after.transition_time_ms or 0) - (before.transition_time_ms or 0)
        for before, after in pairwise([*transitions, end])
        if before.status in _ACTIVE
    )
