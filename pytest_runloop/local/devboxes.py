"""A devbox: its status and how it may change, its view, its commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..contract.params.devboxes import DevboxStatus
from ..contract.views.devboxes import DevboxView, FailureReason, ShutdownReason, StateTransition
from ..contract.views.tunnels import TunnelView
from .clock import Clock
from .engine.protocol import Box
from .errors import ApiError
from .events import DevboxEvents
from .executions import Executions
from .launch import Launch
from .logbook import Logbook
from .masking import Mask
from .network_policies import NetworkPolicies
from .notice import Notice
from .settings import Settings
from .shells import Shell

Initiator = tuple[str, str | None]
"""What made a devbox: `api`, or `scenario` with the id of the run."""

_ENDS = frozenset[DevboxStatus]({"failure", "shutdown"})
_NEXT: Mapping[DevboxStatus | None, frozenset[DevboxStatus]] = {
    None: frozenset({"provisioning"}),
    "provisioning": frozenset({"initializing", *_ENDS}),
    "initializing": frozenset({"running", *_ENDS}),
    # To `provisioning` by a reset, which only this backend has.
    "running": frozenset({"suspending", "provisioning", *_ENDS}),
    "suspending": frozenset({"suspended", *_ENDS}),
    "suspended": frozenset({"resuming", *_ENDS}),
    "resuming": frozenset({"running", *_ENDS}),
    "failure": frozenset(),
    "shutdown": frozenset(),
}
_REMEDY: Mapping[DevboxStatus, str] = {
    "provisioning": "wait until it is running",
    "initializing": "wait until it is running",
    "suspending": "wait until it is suspended, then resume it",
    "suspended": "resume it first",
    "resuming": "wait until it is running",
    "failure": "create another one",
    "shutdown": "create another one",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What devboxes share.

    :param directory: where outputs may be kept.
    :param state_dir: whose disk all of it is on.
    :param events: hears of each step of their life, and may delay it.
    :param policies: what some of them are kept to.
    """

    clock: Clock
    settings: Settings
    directory: Path
    state_dir: Path
    events: DevboxEvents
    policies: NetworkPolicies


class Devbox:
    """One devbox, from its creation until the server forgets it."""

    def __init__(
        self, identifier: str, launch: Launch, tools: Tools, initiator: Initiator = ("api", None)
    ) -> None:
        self.id = identifier
        self._initiator = initiator
        self.launch = launch
        self.name = launch.name
        self.metadata = dict(launch.metadata)
        self.box: Box | None = None
        self.changed = Notice()
        """Rung at each change of the status."""
        self.snapshots_in_progress = 0
        self.log = Logbook(tools.clock, tools.settings.log_lines, Mask(launch.secrets))
        self.executions = Executions(identifier, tools.directory, tools.settings)
        self.shells: dict[str, Shell] = {}
        self.tunnel: TunnelView | None = None
        self._settings = tools.settings
        self._clock = tools.clock
        self._transitions: list[StateTransition] = []
        self._status: DevboxStatus | None = None
        self._failure_reason: FailureReason | None = None
        self._shutdown_reason: ShutdownReason | None = None
        self.move("provisioning")

    @property
    def status(self) -> DevboxStatus:
        """Where it stands."""
        assert self._status is not None
        return self._status

    @property
    def ended(self) -> bool:
        """Whether it is in a status without return."""
        return self._status in _ENDS

    def move(self, status: DevboxStatus) -> None:
        """Go to another status, and wake those who wait for it."""
        if status not in _NEXT[self._status]:
            raise RuntimeError(f"a devbox cannot go from {self._status} to {status}")
        self._status = status
        self._transitions.append(StateTransition(status=status, transition_time_ms=self._clock.now_ms()))
        self.changed.ring()

    def fail(self, reason: FailureReason) -> None:
        """Go to `failure`."""
        self._failure_reason = reason
        self.move("failure")

    def shut_down(self, reason: ShutdownReason) -> None:
        """Go to `shutdown`."""
        self._shutdown_reason = reason
        self.move("shutdown")

    def begin_anew(self) -> None:
        """Forget what was made of it since its creation, but its status and what it is made of."""
        self.name = self.launch.name
        self.metadata = dict(self.launch.metadata)
        self.shells.clear()
        self.log.clear()

    def refusal(self, doing: str) -> ApiError:
        """Return the error for what its status does not allow.

        :param doing: what was asked, as `run a command`.
        """
        remedy = _REMEDY.get(self.status, "it is running already")
        message = f"cannot {doing}: devbox {self.id} is in status `{self.status}`; {remedy}"
        return ApiError(400, "devbox_not_running", message)

    def running_box(self, doing: str) -> Box:
        """Return the box of a running devbox.

        :param doing: what for.
        :raises ApiError: 400 if it is not running.
        """
        if self.status != "running" or self.box is None:
            raise self.refusal(doing)
        return self.box

    def view(self) -> DevboxView:
        """Return its view."""
        end = self._transitions[-1].transition_time_ms if self.ended else None
        return DevboxView(
            id=self.id,
            name=self.name,
            status=self.status,
            create_time_ms=int(self._transitions[0].transition_time_ms or 0),
            end_time_ms=None if end is None else int(end),
            blueprint_id=self.launch.blueprint_id,
            snapshot_id=self.launch.snapshot_id,
            launch_parameters=self.launch.view(self._settings),
            metadata=self.metadata,
            state_transitions=list(self._transitions),
            failure_reason=self._failure_reason,
            shutdown_reason=self._shutdown_reason,
            initiator_type=self._initiator[0],
            initiator_id=self._initiator[1],
            tunnel=self.tunnel,
            gateway_specs=dict(self.launch.gateways) or None,
            mcp_specs=dict(self.launch.mcp) or None,
        )
