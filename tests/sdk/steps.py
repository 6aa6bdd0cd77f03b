"""`python -m tests.sdk.steps`: calls the local backend through an SDK, with both of its clients.

Standard input has where the server is, which endpoints it declares and where a git repository is, as JSON;
standard output gets what was sent. Runs in the environment of an SDK: it uses nothing but that and the
standard library.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import runloop_api_client as sdk

from .account_steps import evictions, keys
from .axon_steps import axons
from .calls import Calls, Server, Wire, each, got, refused, stored_object
from .evaluation_steps import benchmark_jobs, benchmarks, scenarios, scorers
from .gateway_steps import gateways
from .methods import found
from .source_steps import agents, repositories

STATEMENT = "for n in $(seq 20000); do echo line $n; done"
OUTPUT = "".join(f"line {number}\n" for number in range(1, 20001))


async def every_step(call: Calls, server: Server, wire: Wire, repository: Path) -> None:
    """Do all there is to do, as far as the SDK has it."""
    devbox = await a_devbox_and_a_wait_that_lapses(call, server, wire)
    await one_request_id_for_all_tries(call, server, wire)
    await files(call, devbox)
    await commands(call, devbox)
    await a_stream_that_is_cut(call, server, wire, devbox)
    await snapshots(call, devbox)
    await tunnels(call, devbox)
    await ssh(call, devbox)
    await life(call, devbox)
    for step in (blueprints, secrets, objects, gateways, network_policies):
        await step(call)
    if call.has("POST /v1/apikeys"):
        await what_there_is_since_2026(call, server, devbox)
    if call.has("POST /v1/agents"):
        await agents(call)
    if call.has("POST /v1/repositories"):
        await repositories(call, repository)
    if call.has("POST /v1/scenarios"):
        await benchmarks(call, await scenarios(call, await scorers(call)))
    if call.has("POST /v1/benchmark_jobs"):
        await benchmark_jobs(call)
    if call.has("POST /v1/devboxes/browsers"):
        await browsers_and_computers(call)
    await errors(call, devbox)


async def what_there_is_since_2026(call: Calls, server: Server, devbox: str) -> None:
    """Use what no release of 2025 has."""
    await keys(call)
    await evictions(call, server, devbox)
    await axons(call)


async def browsers_and_computers(call: Calls) -> None:
    """Be told that this backend has neither."""
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes/browsers", name="b"))
    await refused(sdk.NotFoundError, 404, call("GET /v1/devboxes/browsers/{}", "none"))
    size = {"display_width_px": 640, "display_height_px": 480}
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes/computers", display_dimensions=size))
    await refused(sdk.NotFoundError, 404, call("GET /v1/devboxes/computers/{}", "none"))
    for kind, action in (("keyboard", "key"), ("mouse", "left_click"), ("screen", "screenshot")):
        doing = call(f"POST /v1/devboxes/computers/{{}}/{kind}_interaction", "none", action=action)
        await refused(sdk.NotFoundError, 404, doing)


async def a_devbox_and_a_wait_that_lapses(call: Calls, server: Server, wire: Wire) -> str:
    """Make a devbox that boots for longer than the server holds a request."""
    server.plan("boot=1s")
    made = await call("POST /v1/devboxes", name="sdk", metadata={"a": "b"}, environment_variables={"X": "y"})
    assert made.status == "provisioning", made
    view = await call("POST /v1/devboxes/{}/wait_for_status", made.id)
    assert (view.status, view.name, view.metadata) == ("running", "sdk", {"a": "b"}), view
    waits = [path for _, path, _ in wire.requests if path == f"/v1/devboxes/{made.id}/wait_for_status"]
    assert len(waits) > 1, waits
    server.plan("")
    if call.has("POST /v1/devboxes/create_and_await_running"):
        other = await call("POST /v1/devboxes/create_and_await_running", name="other")
        assert other.status == "running"
        await call("POST /v1/devboxes/{}/shutdown", other.id)
    return str(made.id)


async def one_request_id_for_all_tries(call: Calls, server: Server, wire: Wire) -> None:
    """Have two tries of a creation fail, one before and one after the work: one devbox is made."""
    rule = "@devboxes.create:retry_after=0.01"
    server.plan(f"http_503{rule}:nth=1, http_500{rule}:after:nth=2")
    before = len(wire.requests)
    name = f"made once by {type(call.client).__name__}"
    made = await call("POST /v1/devboxes", name=name)
    keys = [key for verb, path, key in wire.requests[before:] if (verb, path) == ("POST", "/v1/devboxes")]
    assert len(keys) == 3, wire.requests
    assert len(set(keys)) == 1, keys
    assert server.struck() == 2
    server.plan("")
    names = [view.name async for view in each(await call("GET /v1/devboxes", limit=5000))]
    assert names.count(name) == 1, names
    await call("POST /v1/devboxes/{}/shutdown", made.id)


async def files(call: Calls, devbox: str) -> None:
    """Write and read text and bytes."""
    await call("POST /v1/devboxes/{}/write_file_contents", devbox, file_path="d/text", contents="text €\n")
    read = await call("POST /v1/devboxes/{}/read_file_contents", devbox, file_path="d/text")
    assert read == "text €\n", read
    await call("POST /v1/devboxes/{}/upload_file", devbox, path="~/bytes", file=b"\x00\xff")
    answer = await call("POST /v1/devboxes/{}/download_file", devbox, path="~/bytes")
    assert await got(answer.read()) == b"\x00\xff"


async def commands(call: Calls, devbox: str) -> None:
    """Run commands in all three ways; feed one, kill one, and read their output."""
    done = await call("POST /v1/devboxes/{}/execute_sync", devbox, command="echo $X; exit 3")
    assert (done.exit_status, done.stdout) == (3, "y\n"), done
    done = await call("POST /v1/devboxes/{}/execute", devbox, command="true")
    assert (await finished(call, done)).exit_status == 0
    fed = await call(
        "POST /v1/devboxes/{}/execute_async", devbox, command="cat; echo e >&2", attach_stdin=True
    )
    feed = "POST /v1/devboxes/{}/executions/{}/send_std_in"
    assert (await call(feed, devbox, fed.execution_id, text="fed\n")).success
    assert (await call(feed, devbox, fed.execution_id, signal="EOF")).success
    assert (await finished(call, fed)).stdout == "fed\n"
    view = await call("GET /v1/devboxes/{}/executions/{}", devbox, fed.execution_id)
    assert (view.status, view.stderr) == ("completed", "e\n"), view
    stream = "GET /v1/devboxes/{}/executions/{}/stream_stderr_updates"
    assert (
        "".join([chunk.output async for chunk in each(await call(stream, devbox, fed.execution_id))]) == "e\n"
    )
    long = await call("POST /v1/devboxes/{}/execute_async", devbox, command="sleep 600")
    await call("POST /v1/devboxes/{}/executions/{}/kill", devbox, long.execution_id)
    assert (await finished(call, long)).exit_status == 137
    logs = await call("GET /v1/devboxes/{}/logs", devbox)
    assert any(line.cmd == "sleep 600" for line in logs.logs), logs


async def finished(call: Calls, execution: Any) -> Any:
    """Wait until a command has ended; waits that lapse are repeated, by the SDK or here."""
    wait = "POST /v1/devboxes/{}/executions/{}/wait_for_status"
    while True:
        try:
            return await call(wait, execution.devbox_id, execution.execution_id, statuses=["completed"])
        except sdk.APIStatusError as error:
            assert error.status_code == 408, error


async def a_stream_that_is_cut(call: Calls, server: Server, wire: Wire, devbox: str) -> None:
    """Have a stream of output stand still in the middle: the SDK goes on where it stopped."""
    run = await call("POST /v1/devboxes/{}/execute_async", devbox, command=STATEMENT)
    await finished(call, run)
    stream = "GET /v1/devboxes/{}/executions/{}/stream_stdout_updates"
    server.plan("cut@stream_stdout_updates:at=150000:how=stall:times=1")
    chunks = each(await call(stream, devbox, run.execution_id, timeout=1))
    assert "".join([chunk.output async for chunk in chunks]) == OUTPUT
    assert server.struck() == 1
    offsets = [path.partition("?offset=")[2] for _, path, _ in wire.requests if "stdout_updates" in path][-2:]
    assert offsets[0] == "", offsets
    assert 0 < int(offsets[1]) < len(OUTPUT), offsets
    server.plan("")


async def snapshots(call: Calls, devbox: str) -> None:
    """Take snapshots in both ways, change one, find it, start from it, and delete it."""
    one = await call("POST /v1/devboxes/{}/snapshot_disk", devbox, name="one", metadata={"k": "v"})
    two = await call("POST /v1/devboxes/{}/snapshot_disk_async", devbox, name="two")
    while (status := await call("GET /v1/devboxes/disk_snapshots/{}/status", two.id)).status != "complete":
        assert status.status == "in_progress", status
        await asyncio.sleep(0.02)
    assert (await call("POST /v1/devboxes/disk_snapshots/{}", two.id, name="second")).name == "second"
    pages = await call("GET /v1/devboxes/disk_snapshots", devbox_id=devbox, limit=1)
    assert [view.id async for view in each(pages)] == [two.id, one.id]
    copy = await call("POST /v1/devboxes", snapshot_id=one.id)
    await call("POST /v1/devboxes/{}/wait_for_status", copy.id)
    assert await call("POST /v1/devboxes/{}/read_file_contents", copy.id, file_path="d/text") == "text €\n"
    await call("POST /v1/devboxes/{}/shutdown", copy.id)
    for view in (one, two):
        await call("POST /v1/devboxes/disk_snapshots/{}/delete", view.id)
    assert (await call("GET /v1/devboxes/disk_snapshots/{}/status", one.id)).status == "deleted"


async def tunnels(call: Calls, devbox: str) -> None:
    """Make ports reachable: one at a time, as in 2025, or all by one key."""
    if call.has("POST /v1/devboxes/{}/create_tunnel"):
        tunnel = await call("POST /v1/devboxes/{}/create_tunnel", devbox, port=8000)
        assert (tunnel.devbox_id, tunnel.port) == (devbox, 8000), tunnel
        await call("POST /v1/devboxes/{}/remove_tunnel", devbox, port=8000)
    if call.has("POST /v1/devboxes/{}/enable_tunnel"):
        tunnel = await call("POST /v1/devboxes/{}/enable_tunnel", devbox, auth_mode="authenticated")
        assert tunnel.tunnel_key, tunnel
        assert tunnel.auth_token, tunnel
        await call("POST /v1/devboxes/{}/remove_tunnel", devbox)
    if call.has("POST /v1/devboxes/{}/create_pty_tunnel"):
        await terminals(call, devbox)


async def terminals(call: Calls, devbox: str) -> None:
    """Make, resize and close a terminal, through a tunnel of its own."""
    tunnel = await call("POST /v1/devboxes/{}/create_pty_tunnel", devbox)
    there = call.elsewhere(tunnel.url, tunnel.auth_token)
    made = await there("GET /pty/{}", "sdk", cols=90, rows=30)
    assert (made.created, made.attached, made.cols, made.rows) == (True, False, 90, 30), made
    assert not (await there("GET /pty/{}", "sdk")).created
    control = "POST /pty/{}/control"
    assert (await there(control, "sdk", action="resize", cols=80, rows=24)).session_name == "sdk"
    await refused(sdk.BadRequestError, 400, there(control, "sdk", action="signal", signal="SIGNONE"))
    assert (await there(control, "sdk", action="close")).status == "closed"
    await refused(sdk.NotFoundError, 404, there(control, "sdk", action="close"))


async def ssh(call: Calls, devbox: str) -> None:
    """Get a key for a devbox, or be told what this machine lacks."""
    try:
        key = await call("POST /v1/devboxes/{}/create_ssh_key", devbox)
    except sdk.BadRequestError as error:
        lacking = ("openssh", "own-root")  # the latter for root's sake, in a tier without a root of its own
        assert any(what in str(error).lower() for what in lacking), error
    else:
        assert "PRIVATE KEY" in key.ssh_private_key, key
        assert key.url, key


async def life(call: Calls, devbox: str) -> None:
    """Rename a devbox, keep it alive, suspend and resume it."""
    await call("POST /v1/devboxes/{}", devbox, name="renamed", metadata={"c": "d"})
    view = await call("GET /v1/devboxes/{}", devbox)
    assert (view.name, view.metadata) == ("renamed", {"c": "d"}), view
    await call("POST /v1/devboxes/{}/keep_alive", devbox)
    await call("POST /v1/devboxes/{}/suspend", devbox)
    while (await call("GET /v1/devboxes/{}", devbox)).status != "suspended":
        await asyncio.sleep(0.02)
    await call("POST /v1/devboxes/{}/resume", devbox)
    while (await call("GET /v1/devboxes/{}", devbox)).status != "running":
        await asyncio.sleep(0.02)
    if call.has("GET /v1/devboxes/{}/usage"):
        assert (await call("GET /v1/devboxes/{}/usage", devbox)).total_elapsed_seconds >= 0


async def blueprints(call: Calls) -> None:
    """Preview, build, find and delete a blueprint."""
    steps = ["echo built > built"]
    preview = await call("POST /v1/blueprints/preview", name="sdk", system_setup_commands=steps)
    assert "echo built" in preview.dockerfile, preview
    made = await call("POST /v1/blueprints", name="sdk", system_setup_commands=steps)
    assert [view async for view in each(await call("GET /v1/blueprints/list_public"))] == []
    while (view := await call("GET /v1/blueprints/{}", made.id)).status != "build_complete":
        assert view.status in ("provisioning", "building"), view
        await asyncio.sleep(0.02)
    assert made.id in [view.id async for view in each(await call("GET /v1/blueprints", name="sdk"))]
    logs = await call("GET /v1/blueprints/{}/logs", made.id)
    assert any("echo built" in line.message for line in logs.logs), logs
    await call("POST /v1/blueprints/{}/delete", made.id)


async def secrets(call: Calls) -> None:
    """Make, change, find and delete a secret, by its name and by its id."""
    made = await call("POST /v1/secrets", name="SDK_RELEASE", value="v")
    if call.has("GET /v1/secrets/{}"):
        assert (await call("GET /v1/secrets/{}", "SDK_RELEASE")).id == made.id
    await call("POST /v1/secrets/{}", "SDK_RELEASE", value="w")
    listed = await call("GET /v1/secrets", limit=5000)
    assert "SDK_RELEASE" in [view.name for view in listed.secrets]
    if call.has("POST /v1/secrets/id/{}/delete"):
        assert (await call("GET /v1/secrets/id/{}", made.id)).name == "SDK_RELEASE"
        await call("POST /v1/secrets/id/{}/update", made.id, value="x")
        await call("POST /v1/secrets/id/{}/delete", made.id)
        made = await call("POST /v1/secrets", name="SDK_RELEASE", value="v")
    assert (await call("POST /v1/secrets/{}/delete", "SDK_RELEASE")).id == made.id


async def network_policies(call: Calls) -> None:
    """Make, change, find and delete a network policy."""
    if not call.has("POST /v1/network-policies"):
        return
    names = ["github.com", "*.npmjs.org"]
    made = await call("POST /v1/network-policies", name="sdk-release", allowed_hostnames=names)
    assert (made.egress.allow_all, made.egress.allowed_hostnames) == (False, names), made
    changed = await call("POST /v1/network-policies/{}", made.id, description="d", allow_all=True)
    assert changed.egress.allow_devbox_to_devbox, changed
    assert (await call("GET /v1/network-policies/{}", made.id)) == changed
    listed = await call("GET /v1/network-policies", name="sdk-rel", limit=1)
    assert [view.id async for view in each(listed)] == [made.id]
    taken = call("POST /v1/network-policies", name="sdk-release")
    await refused(sdk.BadRequestError, 400, taken)
    assert (await call("POST /v1/network-policies/{}/delete", made.id)).id == made.id
    await refused(sdk.NotFoundError, 404, call("GET /v1/network-policies/{}", made.id))


async def objects(call: Calls) -> None:
    """Store three objects, page through them, and read one."""
    made = []
    for number in range(3):
        made.append(await stored_object(call, str(number), f"sdk-release-{number}"))
    pages = await call("GET /v1/objects", name="sdk-release-", limit=1)
    assert [view.id async for view in each(pages)] == made[::-1]
    assert [view async for view in each(await call("GET /v1/objects/list_public"))] == []
    url = (await call("GET /v1/objects/{}/download", made[0])).download_url
    assert httpx.get(url).text == "0"
    for identifier in made:
        assert (await call("POST /v1/objects/{}/delete", identifier)).state == "DELETED"
    assert (await call("GET /v1/objects/{}", made[0])).state == "DELETED"


async def errors(call: Calls, devbox: str) -> None:
    """Make mistakes: each ends with the error class for it."""
    await refused(sdk.NotFoundError, 404, call("GET /v1/devboxes/{}", "dbx_none"))
    await refused(sdk.NotFoundError, 404, call("GET /v1/devboxes/{}/executions/{}", devbox, "exc_none"))
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes", blueprint_name="no-such-blueprint"))
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes", blueprint_id="a", snapshot_id="b"))
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes", extra_body={"nonsense": 1}))
    await refused(sdk.BadRequestError, 400, call("GET /v1/devboxes", limit=0))
    await refused(sdk.BadRequestError, 400, call("POST /v1/secrets", name="not a name", value="v"))
    read = "POST /v1/devboxes/{}/read_file_contents"
    await refused(sdk.NotFoundError, 404, call(read, devbox, file_path="none"))
    await refused(sdk.BadRequestError, 400, call(read, devbox, file_path="x" * 300))
    await refused(sdk.BadRequestError, 400, call(read, devbox, file_path="a\0b"))
    await call("POST /v1/devboxes/{}/shutdown", devbox)
    await refused(
        sdk.BadRequestError, 400, call("POST /v1/devboxes/{}/execute_async", devbox, command="true")
    )
    await refused(sdk.BadRequestError, 400, call("POST /v1/devboxes/{}/resume", devbox))
    stranger = {"Authorization": "Bearer wrong"}
    await refused(sdk.AuthenticationError, 401, call("GET /v1/devboxes", extra_headers=stranger))


async def an_answer_to_nonsense(call: Calls, endpoint: str) -> None:
    """Call an endpoint for things that are not there: an answer, or an error that says what is wrong."""
    try:
        await call.blindly(endpoint)
    except (sdk.BadRequestError, sdk.NotFoundError, sdk.ConflictError) as error:
        assert isinstance(error.body, dict), error
        assert "no endpoint" not in error.body["message"], error


async def main(told: dict[str, Any]) -> list[dict[str, list[tuple[str, str]]]]:
    """Do all with both clients, and return verb and path of what each sent: of the steps, and of all."""
    server = Server(told["base_url"], told["api_key"])
    methods = found(sdk.Runloop)
    kinds: list[tuple[Any, Any, str]] = [
        (sdk.Runloop, httpx.Client, "sent"),
        (sdk.AsyncRunloop, httpx.AsyncClient, "sent_by_async"),
    ]
    sent = []
    for kind, http, hook in kinds:
        wire = Wire()
        through = http(event_hooks={"request": [getattr(wire, hook)]})
        client = kind(bearer_token=told["api_key"], base_url=told["base_url"], http_client=through)
        call = Calls(client, methods, set(told["endpoints"]))
        await every_step(call, server, wire, Path(told["repository"]))
        by_steps = wire.places()
        for endpoint in sorted(call.endpoints):
            await an_answer_to_nonsense(call, endpoint)
        await got(client.close())
        sent.append({"steps": by_steps, "all": wire.places()})
    return sent


if __name__ == "__main__":
    json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
