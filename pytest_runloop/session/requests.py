"""The requests that the client's objects do not offer in the form that a run needs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .ledger import ENTRY_KEY, RUN_KEY, Entry

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.endpoint import Endpoint
    from ..contract.params.devboxes import DevboxStatus
    from ..contract.views.devboxes import DevboxListView, DevboxView

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True

ENDED = frozenset({"shutdown", "failure"})
LIVING: tuple[DevboxStatus, ...] = (
    "provisioning",
    "initializing",
    "running",
    "suspending",
    "suspended",
    "resuming",
)
LONGEST_PAGE = 1000
SKEW_MS = 10 * 60 * 1000
"""How far the service's clock may be from ours."""


def create(client: Runloop, entry: Entry, params: Mapping[str, Any]) -> DevboxView:
    """Ask for a devbox, and return at once with its id.

    The client's own `create` returns when the devbox runs. Until then nobody would know which devbox to
    end, should the wait be interrupted.
    """
    from ..contract.endpoints import devboxes

    ours = {
        "name": params.get("name") or _name(entry),
        "metadata": {**params.get("metadata", {}), **entry.metadata},
        "idempotency_key": entry.key,
    }
    return client.call(devboxes.CREATE, **{**params, **ours, **_leased(entry, params)})


def _leased(entry: Entry, params: Mapping[str, Any]) -> dict[str, Any]:
    if entry.lease is None:
        return {}
    launch = params.get("launch_parameters") or {}
    return {"launch_parameters": {**launch, "keep_alive_time_seconds": entry.lease}}


def _name(entry: Entry) -> str:
    test = entry.test.rpartition("::")[2] or entry.test
    return f"pytest-{re.sub(r'[^A-Za-z0-9]+', '-', test)[:40].strip('-')}-{entry.key[:8]}"


def living_of(client: Runloop, entry: Entry) -> Iterator[str]:
    """Yield the ids of the living devboxes of an entry whose id never reached us.

    The service cannot filter devboxes by metadata, so the newest are looked at, back to the entry's time.
    """
    for view in _since(client, entry.written_ms):
        if view.metadata.get(ENTRY_KEY) == entry.key and view.status not in ENDED:
            yield view.id


def of_run(client: Runloop, run: str, since_ms: int) -> Iterator[DevboxView]:
    """Yield the devboxes of a run, those that have ended included.

    :param since_ms: when the run began, in milliseconds since the epoch.
    """
    return (view for view in _since(client, since_ms) if view.metadata.get(RUN_KEY) == run)


def _since(client: Runloop, since_ms: int) -> Iterator[DevboxView]:
    oldest = min(since_ms, int(time.time() * 1000)) - SKEW_MS  # the clock may have been set back since
    for view in _devboxes(client, limit=100):
        if view.create_time_ms < oldest:
            return
        yield view


def living_of_runs(client: Runloop) -> Iterator[DevboxView]:
    """Yield every living devbox that a run of pytest made, each once."""
    met: set[str] = set()
    for view in living(client):
        if RUN_KEY in view.metadata and view.id not in met:
            met.add(view.id)
            yield view


def living(client: Runloop) -> Iterator[DevboxView]:
    """Yield every living devbox.

    One status after the other, as a devbox goes through them: one that goes on meanwhile is met again.
    """
    for status in LIVING:
        yield from _devboxes(client, status=status)


def _devboxes(client: Runloop, **query: Any) -> Iterator[DevboxView]:
    from ..contract.endpoints import devboxes

    return listed(client, devboxes.LIST, **query)


def listed(
    client: Runloop, endpoint: Endpoint[Any], *, limit: int = LONGEST_PAGE, **query: Any
) -> Iterator[Any]:
    """Yield whatever the service lists, in its order; pages are fetched as far as somebody looks.

    :param endpoint: one whose answers are pages.
    :param limit: how many a page has.
    """
    from ..contract.endpoint import Page

    assert isinstance(endpoint.returns, Page)
    after: dict[str, str] = {}
    while True:
        page = client.call(endpoint, limit=limit, **query, **after)
        items = getattr(page, endpoint.returns.items) or ()
        yield from items
        if not page.has_more or not items:
            return
        after["starting_after"] = items[-1].id


def lease_end_ms(view: DevboxView) -> int | None:
    """Return when a devbox ends by itself at the earliest, in milliseconds since the epoch, if known."""
    seconds = view.launch_parameters.keep_alive_time_seconds
    return view.create_time_ms + seconds * 1000 if seconds else None


def newest(client: Runloop, **query: Any) -> DevboxListView:
    """Return a page of devboxes, newest first."""
    from ..contract.endpoints import devboxes

    return client.call(devboxes.LIST, **query)


def blueprint_names(client: Runloop) -> list[str]:
    """Return the names of the newest blueprints, each once."""
    from ..contract.endpoints import blueprints

    page = client.call(blueprints.LIST, limit=500)
    return sorted({view.name for view in page.blueprints})
