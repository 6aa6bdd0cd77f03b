"""The life of devboxes."""

from __future__ import annotations

from collections.abc import Callable

from ...contract.endpoints import devboxes as endpoints
from ...contract.views.devboxes import (
    DevboxListView,
    DevboxLog,
    DevboxLogsListView,
    DevboxResourceUsageView,
    DevboxView,
)
from ...contract.views.ssh import DevboxCreateSSHKeyResponse
from .. import logbook
from ..backend import Backend
from ..calls import Call
from ..errors import ApiError, invalid
from ..events import Moment
from ..evictions import EvictionStream
from ..log_stream import LogStream
from ..notice import hold
from ..pages import paged
from ..usage import usage_of
from ._table import Table
from ._waits import seconds_to_hold

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> DevboxView:
    """Begin to boot a devbox."""
    return backend.create(call.params).view()


@HANDLES(endpoints.CREATE_AND_AWAIT_RUNNING)
async def create_and_await_running(backend: Backend, call: Call) -> DevboxView:
    """Boot a devbox; the answer may still say that it is not running."""
    devbox = backend.create(call.params)
    ready = ("running", "failure", "shutdown")
    await hold(backend.clock, devbox.changed, lambda: devbox.status in ready, backend.settings.create_hold)
    return devbox.view()


@HANDLES(endpoints.LIST)
async def list_devboxes(backend: Backend, call: Call) -> DevboxListView:
    """List devboxes, ended ones included."""
    wanted = call.params.get("status")
    page = paged([devbox for devbox in backend.devboxes() if wanted in (None, devbox.status)], call.params)
    return DevboxListView(devboxes=[devbox.view() for devbox in page.items], **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> DevboxView:
    """Return a devbox, ended ones included."""
    return backend.devbox(call.id).view()


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> DevboxView:
    """Change what is given, and keep the rest."""
    devbox = backend.devbox(call.id)
    if "name" in call.params:
        devbox.name = call.params["name"]
    if "metadata" in call.params:
        devbox.metadata = dict(call.params["metadata"] or {})
    return devbox.view()


@HANDLES(endpoints.WAIT_FOR_STATUS)
async def wait_for_status(backend: Backend, call: Call) -> DevboxView:
    """Answer as soon as the devbox has one of the statuses, and only then."""
    devbox = backend.devbox(call.id)
    statuses = call.params["statuses"]
    if not statuses:
        raise invalid("`statuses` is empty: name at least one")
    settings = backend.settings
    seconds = seconds_to_hold(call, settings.devbox_hold, settings.devbox_hold_max)
    if not await hold(backend.clock, devbox.changed, lambda: devbox.status in statuses, seconds):
        message = f"devbox {call.id} is in status `{devbox.status}` after {seconds:g} s"
        # A client's own retries would only multiply its wait.
        raise ApiError(408, "timed_out", message, retry=False)
    return devbox.view()


@HANDLES(endpoints.SHUTDOWN)
async def shutdown(backend: Backend, call: Call) -> DevboxView:
    """End a devbox; one that has ended stays as it is."""
    life = backend.life(call.id)
    if life.devbox.snapshots_in_progress and not call.params.get("force"):
        message = f"a snapshot of devbox {call.id} is being taken: wait for it, or give `force=true`"
        raise ApiError(409, "snapshot_in_progress", message)
    life.end("api_shutdown")
    await life.at(Moment.SHUTDOWN)
    return life.devbox.view()


@HANDLES(endpoints.SUSPEND)
async def suspend(backend: Backend, call: Call) -> DevboxView:
    """Begin to suspend a devbox."""
    life = backend.life(call.id)
    life.suspend()
    return life.devbox.view()


@HANDLES(endpoints.RESUME)
async def resume(backend: Backend, call: Call) -> DevboxView:
    """Resume a devbox, and answer when it runs."""
    life = backend.life(call.id)
    await life.resume(backend.settings.create_hold)
    return life.devbox.view()


@HANDLES(endpoints.KEEP_ALIVE)
async def keep_alive(backend: Backend, call: Call) -> None:
    """Begin a devbox's lifetime anew."""
    life = backend.life(call.id)
    if life.devbox.ended:
        raise life.devbox.refusal("keep it alive")
    with life.using():
        life.keep_alive()


@HANDLES(endpoints.CREATE_SSH_KEY)
async def create_ssh_key(backend: Backend, call: Call) -> DevboxCreateSSHKeyResponse:
    """Make a further key that opens a devbox."""
    return await backend.ssh.new_key(backend.life(call.id))


@HANDLES(endpoints.LOGS)
async def logs(backend: Backend, call: Call) -> DevboxLogsListView:
    """Return a devbox's log."""
    return DevboxLogsListView(logs=backend.devbox(call.id).log.lines(_wanted(call)))


@HANDLES(endpoints.TAIL_LOGS)
async def tail_logs(backend: Backend, call: Call) -> LogStream:
    """Send a devbox's log while it is written."""
    log = backend.devbox(call.id).log
    return LogStream(log, _wanted(call), backend.clock, backend.settings.stream_keep_alive)


def _wanted(call: Call) -> Callable[[DevboxLog], bool]:
    return logbook.of(call.params.get("execution_id"), call.params.get("shell_name"))


@HANDLES(endpoints.WATCH_EVICTIONS)
async def watch_evictions(backend: Backend, call: Call) -> EvictionStream:
    """Send which devboxes are to lose their host."""
    settings = backend.settings
    return EvictionStream(
        backend.evictions, backend.clock, settings.stream_keep_alive, settings.eviction_watch
    )


@HANDLES(endpoints.USAGE)
async def usage(backend: Backend, call: Call) -> DevboxResourceUsageView:
    """Return what a devbox has used, ended ones included."""
    return usage_of(backend.devbox(call.id).view(), backend.clock.now_ms())
