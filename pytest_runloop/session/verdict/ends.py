"""Why a devbox does not run, and whether that was the test's own doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .verdict import Finding, Kind

if TYPE_CHECKING:
    from ...client.errors import DevboxFailedError
    from ...contract.views.devboxes import DevboxView

_TIMES_OUT = frozenset({"keep_alive_timeout", "ttl_expired", "idle"})
_BY_CALL = frozenset({"api_shutdown", None})
_SUSPENDED = frozenset({"suspended", "suspending", "resuming"})
_RUNS_AT_BOOT = ("entrypoint", "mounts", "code_mounts", "file_mounts")
_SOURCES = ("blueprint_id", "blueprint_name", "snapshot_id")
_NEARLY = 0.9
"""A lifetime is over when so much of it is: clocks and timers are not exact."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a run knows of a devbox.

    :param did: what its clients did to it, as `suspend`.
    :param made_of: the create parameters, if this process made it.
    :param leased: whether its lifetime is the run's, which renews it, and not one that somebody asked for.
    :param shared: whether other processes of the run use it too, and may have done more to it.
    """

    did: frozenset[str] = frozenset()
    made_of: Mapping[str, Any] | None = None
    leased: bool = False
    shared: bool = False


def runs(view: DevboxView) -> bool:
    """Tell whether a devbox is there to be used, or will be."""
    return view.status in ("running", "provisioning", "initializing", "queued", "scheduled")


def death(view: DevboxView, known: Known) -> Finding | None:
    """Return what killed a devbox; `None` if it lives, or if that was the doing of who uses it."""
    if runs(view) or _is_of_the_test(view, known):
        return None
    reason = view.failure_reason or view.shutdown_reason
    text = f"Devbox {view.id} is `{view.status}`" + (f", for the reason `{reason}`." if reason else ".")
    booted = any(step.status == "running" for step in view.state_transitions or ())
    kind = Kind.DEVBOX_DIED if booted or view.status != "failure" else Kind.NEVER_BOOTED
    return Finding(kind, text, view.id)


def _is_of_the_test(view: DevboxView, known: Known) -> bool:
    if view.status in _SUSPENDED:
        return known.shared or "suspend" in known.did or _idle_seconds(view) is not None
    if view.status == "failure":
        statuses = [step.status for step in view.state_transitions or ()]
        return _may_be_of_its_commands(statuses, view.failure_reason, known.made_of, view)
    reason = view.shutdown_reason
    if reason in _TIMES_OUT:
        return not known.leased and _lived_its_time(view)
    if reason == "entrypoint_exit":
        return known.made_of is None or any(known.made_of.get(key) for key in ("entrypoint", *_SOURCES))
    # Whose key it was that ended it by a call, nobody can tell from here.
    return reason in _BY_CALL


def _lived_its_time(view: DevboxView) -> bool:
    """Tell whether somebody said that it shall end after so long, and it did."""
    said = [view.launch_parameters.keep_alive_time_seconds, _idle_seconds(view)]
    seconds = min((float(value) for value in said if value), default=None)
    if seconds is None or view.end_time_ms is None:
        return False
    return (view.end_time_ms - view.create_time_ms) / 1000 >= seconds * _NEARLY


def _idle_seconds(view: DevboxView) -> int | None:
    launch = view.launch_parameters
    idle = launch.after_idle or (launch.lifecycle.after_idle if launch.lifecycle else None)
    return idle.idle_time_seconds if idle else None


def of_boot(error: BaseException, made_of: Mapping[str, Any], seconds: float) -> Finding | None:
    """Return what proves that a boot failed by the environment.

    :param error: what the boot ended with.
    :param made_of: the create parameters.
    :param seconds: how long it might take.
    """
    from ...client.errors import DevboxFailedError, PollingTimeout

    if isinstance(error, DevboxFailedError):
        return boot(error, made_of)
    if isinstance(error, PollingTimeout):
        return slow_boot(error.last_value, seconds, made_of)
    return None


def boot(error: DevboxFailedError, made_of: Mapping[str, Any]) -> Finding | None:
    """Return what a devbox that failed on its way up proves of the environment.

    :param made_of: its create parameters.
    """
    statuses = [step.status for step in error.state_transitions]
    if error.shutdown_reason in _BY_CALL and error.status == "shutdown":
        return None
    if _may_be_of_its_commands(statuses, error.failure_reason or error.shutdown_reason, made_of):
        return None
    text = next(iter(str(error).splitlines()))
    return Finding(Kind.NEVER_BOOTED, text, error.devbox_id)


def slow_boot(view: object, seconds: float, made_of: Mapping[str, Any]) -> Finding | None:
    """Return what a devbox proves that did not come up in its time.

    :param view: the devbox as it was seen last.
    :param seconds: how long it had.
    """
    status = getattr(view, "status", "not there")
    if status == "initializing" and _has_commands(made_of):
        return None
    text = f"The devbox did not run within {seconds:g} s; it was {status} then."
    return Finding(Kind.NEVER_BOOTED, text, getattr(view, "id", None))


def _may_be_of_its_commands(
    statuses: Iterable[object],
    reason: str | None,
    made_of: Mapping[str, Any] | None,
    view: DevboxView | None = None,
) -> bool:
    """Tell whether what was to run or to be put in at its boot may have failed, and not the devbox."""
    if "running" in statuses or reason not in ("execution_failed", "entrypoint_exit", None):
        return False
    if made_of is None or (view is not None and view.launch_parameters.launch_commands):
        return True
    return _has_commands(made_of) or any(made_of.get(key) for key in _SOURCES)


def _has_commands(made_of: Mapping[str, Any]) -> bool:
    launch = made_of.get("launch_parameters") or {}
    return bool(launch.get("launch_commands")) or any(made_of.get(key) for key in _RUNS_AT_BOOT)
