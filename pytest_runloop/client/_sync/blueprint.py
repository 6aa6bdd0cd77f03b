# Generated from ../_async/blueprint.py by scripts/unasync.py: change that file, and run the script.
"""One blueprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...contract.endpoints import blueprints
from ...contract.views.blueprints import BlueprintBuildLogsListView, BlueprintView
from ..concurrency import sleep
from ..errors import APIError, BlueprintFailedError, PollingTimeout, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from .devboxes import DevboxOps
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKDevboxCreateFromImageParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions, PollingRequestOptions
    from .devbox import Devbox

__tracebackhide__ = hide_from_traceback

_LOG_LINES: Final = 20


class Blueprint:
    """A prepared image that devboxes start from.

    :param transport: the client's.
    :param blueprint_id: its id.
    """

    def __init__(self, transport: Transport, blueprint_id: str) -> None:
        self._transport = transport
        self._id = blueprint_id
        self._path = {"id": blueprint_id}

    @property
    def id(self) -> str:
        """The blueprint's id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> BlueprintView:
        """Return what the service says about it; also after its deletion."""
        return self._transport.call(blueprints.RETRIEVE, self._path, options)

    def logs(self, **options: Unpack[BaseRequestOptions]) -> BlueprintBuildLogsListView:
        """Return the log of its build."""
        return self._transport.call(blueprints.LOGS, self._path, options)

    def delete(self, **options: Unpack[LongRequestOptions]) -> None:
        """Delete it. A blueprint with snapshots of its devboxes cannot be deleted (the API's rule)."""
        self._transport.call(blueprints.DELETE, self._path, options)

    def await_build_complete(self, **options: Unpack[PollingRequestOptions]) -> BlueprintView:
        """Wait until it is built.

        :param options: `polling_config` says how long and how often to look; 120 s by default.
        :raises BlueprintFailedError: if the build fails; the message has the end of its log.
        :raises PollingTimeout: if it takes longer.
        """
        budget = Budget(options.get("polling_config"))
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        while True:
            view = self.get_info(**looking)
            if view.status == "build_complete":
                return view
            if view.status == "failed":
                raise self._failed(view)
            pause = budget.pause_between_looks()
            if pause is None:
                raise PollingTimeout(f"Blueprint {self._id} is not built after {budget.spent:.0f} s.", view)
            sleep(pause)

    def create_devbox(self, **params: Unpack[SDKDevboxCreateFromImageParams]) -> Devbox:
        """Make a devbox from it, and wait until it runs; as `runloop.devbox.create`."""
        return DevboxOps(self._transport).create_from_blueprint_id(self._id, **params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"

    def _failed(self, view: BlueprintView) -> BlueprintFailedError:
        reason = view.failure_reason or "no reason given"
        lines = [f"Blueprint {self._id} ({view.name}) could not be built: {reason}."]
        try:
            log = self._transport.call(blueprints.LOGS, self._path, {"timeout": 5.0}, once=True)
        except APIError:
            log = None  # It only illustrates.
        if log is not None and log.logs:
            lines += ["Its log ends with:", *(f"    {entry.message}" for entry in log.logs[-_LOG_LINES:])]
        return BlueprintFailedError("\n".join(lines), blueprint_id=self._id)
