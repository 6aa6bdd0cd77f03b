"""Steps on what comes into devboxes: agents, repositories and their inspections.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import runloop_api_client as sdk

from .calls import Calls, each, refused, stored_object


async def agents(call: Calls) -> None:
    """Make, find and delete an agent, and mount it by its id and as the newest of its name."""
    stored = await stored_object(call, "agent\n")
    source = {"type": "object", "object": {"object_id": stored}}
    name = f"of {type(call.client).__name__}"
    made = await call("POST /v1/agents", name=name, source=source)
    view = await call("GET /v1/agents/{}", made.id)
    assert (view.source.type, view.source.object.object_id) == ("object", stored), view
    assert [one.id async for one in each(await call("GET /v1/agents", name=name, limit=1))] == [made.id]
    for known in ({"agent_id": made.id, "agent_name": None}, {"agent_id": None, "agent_name": name}):
        mount = {"type": "agent_mount", "agent_path": "~/agent", **known}
        devbox = await call("POST /v1/devboxes", mounts=[mount])
        await call("POST /v1/devboxes/{}/wait_for_status", devbox.id)
        read = await call("POST /v1/devboxes/{}/read_file_contents", devbox.id, file_path="agent")
        assert read == "agent\n", read
        await call("POST /v1/devboxes/{}/shutdown", devbox.id)
    if call.has("POST /v1/agents/{}/delete"):
        assert [one async for one in each(await call("GET /v1/agents/list_public"))] == []
        assert (await call("GET /v1/agents/devbox_counts")).counts[name] == 2
        await call("POST /v1/agents/{}/delete", made.id)
        await refused(sdk.NotFoundError, 404, call("GET /v1/agents/{}", made.id))


async def repositories(call: Calls, repository: Path) -> None:
    """Make a repository known, find and inspect it, build a blueprint of it, and forget it."""
    owner = str(repository.parent)
    made = await call("POST /v1/repositories", owner=owner, name=repository.stem)
    assert (await call("GET /v1/repositories/{}", made.id)).owner == owner
    listed = [one.id async for one in each(await call("GET /v1/repositories", owner=owner, limit=1))]
    assert listed[0] == made.id
    details = await call("POST /v1/repositories/{}/inspect", made.id)
    inspection = "GET /v1/repositories/inspections/{}"
    while (details := await call(inspection, details.id)).status == "inspection_pending":
        await asyncio.sleep(0.02)
    assert details.status == "inspection_success", details
    found = await call("GET /v1/repositories/{}/inspections", made.id)
    assert [one.id for one in found.inspections] == [details.id]
    source = {"inspection_id": details.id}
    built = await call("POST /v1/blueprints/create_from_inspection", name="of", inspection_source=source)
    while (view := await call("GET /v1/blueprints/{}", built.id)).status != "build_complete":
        assert view.status in ("provisioning", "building"), view
        await asyncio.sleep(0.02)
    await call("POST /v1/repositories/{}/refresh", made.id)
    await call("POST /v1/repositories/{}/delete", made.id)
    await refused(sdk.NotFoundError, 404, call("GET /v1/repositories/{}", made.id))
