# Generated from ../_async/devbox.py by scripts/unasync.py: change that file, and run the script.
"""One devbox."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ...contract.endpoints import devboxes, gateway_configs, mcp_configs, tunnels
from ...contract.params.options import PollingConfig
from ...contract.views.devboxes import (
    DevboxLog,
    DevboxLogsListView,
    DevboxResourceUsageView,
    DevboxView,
)
from ...contract.views.gateway_configs import GatewayTokenView
from ...contract.views.mcp_configs import McpTokenView
from ...contract.views.tunnels import TunnelView
from ..errors import APIError, DevboxFailedError, PollingTimeout, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from ..tunnels import cloud_url
from .commands import CommandInterface, NamedShell
from .events import Events, events
from .files import FileInterface
from .network import NetworkInterface
from .snapshot import Snapshot
from .transport import Transport
from .waiting import LongPoll

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKDevboxCreateGatewayTokenParams,
        SDKDevboxCreateMcpTokenParams,
        SDKDevboxLogsListParams,
        SDKDevboxShutdownParams,
        SDKDevboxSnapshotDiskAsyncParams,
        SDKDevboxSnapshotDiskParams,
        SDKDevboxUpdateParams,
    )
    from ...contract.params.options import (
        BaseRequestOptions,
        LongPollingRequestOptions,
        LongRequestOptions,
        PollingRequestOptions,
    )

__tracebackhide__ = hide_from_traceback

_HOLD_SECONDS: Final = 30.0
_ENDS: Final = ("shutdown", "failure")
_LOG_LINES: Final = 20


class Devbox:
    """A devbox: an isolated machine with commands (`cmd`), files (`file`), ways in (`net`), and snapshots.

    As a context manager it is shut down at the end.

    :param transport: the client's.
    :param devbox_id: its id.
    """

    def __init__(self, transport: Transport, devbox_id: str) -> None:
        self._transport = transport
        self._id = devbox_id
        self._path = {"id": devbox_id}
        self._cmd = CommandInterface(transport, devbox_id)
        self._file = FileInterface(transport, devbox_id, self._cmd)
        self._net = NetworkInterface(transport, devbox_id)

    @property
    def id(self) -> str:
        """The devbox's id."""
        return self._id

    @property
    def cmd(self) -> CommandInterface:
        """Its commands."""
        return self._cmd

    @property
    def file(self) -> FileInterface:
        """Its files."""
        return self._file

    @property
    def net(self) -> NetworkInterface:
        """The ways into it."""
        return self._net

    def shell(self, shell_name: str | None = None) -> NamedShell:
        """Return a shell that keeps its directory and variables between commands.

        :param shell_name: its name; a new one by default.
        """
        return NamedShell(self._cmd, shell_name)

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> DevboxView:
        """Return what the service says about the devbox; also after its end."""
        return self._transport.call(devboxes.RETRIEVE, self._path, options)

    def update(self, **params: Unpack[SDKDevboxUpdateParams]) -> DevboxView:
        """Change its `name` or `metadata`."""
        return self._transport.call(devboxes.UPDATE, self._path, params)

    def await_running(self, **options: Unpack[PollingRequestOptions]) -> DevboxView:
        """Wait until it runs.

        :param options: `polling_config` says how long; 120 s by default.
        :raises DevboxFailedError: if it ends instead.
        :raises PollingTimeout: if it takes longer.
        """
        return self._awaited("running", ["running", "failure", "shutdown"], options)

    def await_suspended(self, **options: Unpack[PollingRequestOptions]) -> DevboxView:
        """Wait until it is suspended.

        :param options: `polling_config` says how long; 120 s by default.
        :raises DevboxFailedError: if it ends instead.
        :raises PollingTimeout: if it takes longer.
        """
        return self._awaited("suspended", ["suspended", "shutdown", "failure"], options)

    def shutdown(self, **params: Unpack[SDKDevboxShutdownParams]) -> DevboxView:
        """End it, for good. Its disk is discarded; ending it twice is no error.

        :param params: `force=True` ends it although a snapshot of it is being taken.
        """
        return self._transport.call(devboxes.SHUTDOWN, self._path, params)

    def suspend(self, **options: Unpack[LongPollingRequestOptions]) -> DevboxView:
        """Suspend it and wait until it is: the disk is kept, processes and memory are not."""
        self._transport.call(devboxes.SUSPEND, self._path, options)
        return self.await_suspended(**_waiting(options))

    def resume(self, **options: Unpack[LongPollingRequestOptions]) -> DevboxView:
        """Bring it back from suspension and wait until it runs."""
        self._transport.call(devboxes.RESUME, self._path, options)
        return self.await_running(**_waiting(options))

    def resume_async(self, **options: Unpack[LongRequestOptions]) -> DevboxView:
        """Begin to bring it back from suspension."""
        return self._transport.call(devboxes.RESUME, self._path, options)

    def keep_alive(self, **options: Unpack[LongRequestOptions]) -> None:
        """Let its lifetime start anew."""
        self._transport.call(devboxes.KEEP_ALIVE, self._path, options)

    def get_tunnel(self, **options: Unpack[BaseRequestOptions]) -> TunnelView | None:
        """Return its tunnel, or `None` if `net.enable_tunnel` was not called, nor `tunnel=` given."""
        return (self.get_info(**options)).tunnel

    def get_tunnel_url(self, port: int, **options: Unpack[BaseRequestOptions]) -> str | None:
        """Return the address of a port through its tunnel, or `None` if it has no tunnel.

        :param port: that a service in the devbox listens on, now or later.
        """
        tunnel = self.get_tunnel(**options)
        if tunnel is None:
            return None
        if tunnel.url_template is None:
            return cloud_url(self._transport.settings.base_url, tunnel.tunnel_key, port)
        # Few programs resolve names below `localhost`, so a local backend is asked for a plain address.
        view = self._transport.call(tunnels.CREATE, self._path, {"port": port, **options})
        return view.url

    def logs(self, **params: Unpack[SDKDevboxLogsListParams]) -> DevboxLogsListView:
        """Return its log.

        :param params: `execution_id` for the lines of one command.
        """
        return self._transport.call(devboxes.LOGS, self._path, params)

    def tail_logs(self, **params: Unpack[SDKDevboxLogsListParams]) -> Events[DevboxLog]:
        """Return the lines of its log: those that are there, then those that come, until it ends.

        Whoever stops before its end closes it, best with a `with` block.

        :param params: `execution_id` for the lines of one command.
        :raises APIError: on the walk, if the connection breaks; nothing is repeated.
        """
        return events(self._transport, devboxes.TAIL_LOGS, self._path, params)

    def usage(self, **options: Unpack[BaseRequestOptions]) -> DevboxResourceUsageView:
        """Return what it has used so far, as the service counts it; also after its end."""
        return self._transport.call(devboxes.USAGE, self._path, options)

    def create_gateway_token(self, **params: Unpack[SDKDevboxCreateGatewayTokenParams]) -> GatewayTokenView:
        """Let it call a service without having the credential, beside those of `gateways=`.

        :param params: `gateway` and `secret`: names or ids.
        :return: `url` and `token`, which the devbox sends as `Authorization: Bearer TOKEN`.
        :raises BadRequestError: if it is not running, or one of them is not there.
        """
        return self._transport.call(gateway_configs.CREATE_TOKEN, self._path, params)

    def create_mcp_token(self, **params: Unpack[SDKDevboxCreateMcpTokenParams]) -> McpTokenView:
        """Let it call an MCP server without having the credential, beside those of `mcp=`.

        :param params: `mcp_config` and `secret`: names or ids.
        :return: `url` and `token`, which the devbox sends as `Authorization: Bearer TOKEN`.
        :raises BadRequestError: if it is not running, or one of them is not there.
        """
        return self._transport.call(mcp_configs.CREATE_TOKEN, self._path, params)

    def snapshot_disk(self, **params: Unpack[SDKDevboxSnapshotDiskParams]) -> Snapshot:
        """Take a snapshot of its disk and wait until it is complete.

        :param params: `name`, `commit_message`, `metadata`; `polling_config` says how long to wait.
        :raises SnapshotFailedError: if it cannot be taken.
        """
        snapshot = self._begun_snapshot(params)
        snapshot.await_completed(**_waiting(params))
        return snapshot

    def snapshot_disk_async(self, **params: Unpack[SDKDevboxSnapshotDiskAsyncParams]) -> Snapshot:
        """Begin a snapshot of its disk; `await_completed` of the snapshot waits for it."""
        return self._begun_snapshot(params)

    def close(self) -> None:
        """Shut it down."""
        self.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"

    def _begun_snapshot(self, params: Any) -> Snapshot:
        view = self._transport.call(devboxes.SNAPSHOT_DISK_ASYNC, self._path, params)
        return Snapshot(self._transport, view.id)

    def _awaited(self, status: str, statuses: list[str], options: Any) -> DevboxView:
        config: PollingConfig | None = options.get("polling_config")
        budget = Budget(config)
        wait = LongPoll(
            self._transport,
            devboxes.WAIT_FOR_STATUS,
            self._path,
            statuses,
            _HOLD_SECONDS,
            options_of(options, "extra_headers", "extra_query"),
        )
        view, ended = wait.result(budget, lambda view: view.status in statuses)
        if not ended:
            view = view or self._now()
            raise PollingTimeout(self._patience(status, view, budget), view)
        if view.status in _ENDS:
            raise DevboxFailedError(view, status, self._last_lines())
        return view  # type: ignore[no-any-return]

    def _patience(self, status: str, view: DevboxView | None, budget: Budget) -> str:
        now = f"; it is {view.status}" if view is not None else ""
        return (
            f"Devbox {self._id} is not {status} after {budget.spent:.0f} s{now}. It was left as it is. "
            "Wait longer with polling_config=PollingConfig(timeout_seconds=..., max_attempts=...), or end it "
            f"with runloop.devbox.from_id({self._id!r}).shutdown()"
        )

    def _now(self) -> DevboxView | None:
        """Return what it is now, for a message: a wait that runs out need not have told."""
        try:
            return self._transport.call(devboxes.RETRIEVE, self._path, {"timeout": 5.0}, once=True)
        except APIError:
            return None

    def _last_lines(self) -> list[str]:
        try:
            log = self._transport.call(devboxes.LOGS, self._path, {"timeout": 5.0}, once=True)
        except APIError:
            return []  # It only illustrates.
        return [_line(entry) for entry in (log.logs or [])[-_LOG_LINES:]]


def _line(entry: Any) -> str:
    said = entry.message or entry.cmd or ""
    status = f" (exit status {entry.exit_code})" if entry.exit_code is not None else ""
    return f"{entry.source}: {said}{status}".strip()


def _waiting(options: Any) -> Any:
    """Return the options of a call that are also those of the wait after it."""
    return options_of(options, "polling_config", "extra_headers", "extra_query")
