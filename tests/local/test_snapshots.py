"""Snapshots of disks."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from .box import Box, ok, refused
from .running import Inside, Server, server

BASE = "/v1/devboxes/disk_snapshots"


def _status(api: httpx.Client, identifier: str) -> Any:
    return ok(api.get(f"{BASE}/{identifier}/status"))


def _completed(api: httpx.Client, identifier: str) -> Any:
    while (status := _status(api, identifier))["status"] == "in_progress":
        time.sleep(0.01)
    return status


def _weighed(api: httpx.Client, identifier: str) -> int:
    while (size := _status(api, identifier)["snapshot"].get("size_bytes")) is None:
        time.sleep(0.01)
    return int(size)


def test_a_devbox_starts_from_a_snapshot_and_the_source_goes_on(api: httpx.Client, box: Box) -> None:
    box.text("echo one > file; mkdir -p a/b; echo deep > a/b/c; ln -s file link; chmod 751 a")
    running = box.begin("sleep 0.5; echo survived")
    params = {"name": "n", "commit_message": "m" * 1000, "metadata": {"k": "v"}}
    snapshot = ok(box.post("snapshot_disk", params))
    assert snapshot["id"].startswith("snp_")
    assert (snapshot["name"], snapshot["metadata"], snapshot["source_devbox_id"]) == ("n", {"k": "v"}, box.id)
    assert _weighed(api, snapshot["id"]) > 0
    assert box.finish(running)["stdout"] == "survived\n"
    box.text("echo two > file")
    copy = Box.create(api, snapshot_id=snapshot["id"])
    assert copy.view()["snapshot_id"] == snapshot["id"]
    assert copy.text("cat file link a/b/c; stat -c %a a") == "one\none\ndeep\n751\n"
    copy.text("echo three > file")
    assert box.text("cat file") == "two\n"
    copy.end()


def test_an_asynchronous_snapshot_is_followed_by_its_status(api: httpx.Client, box: Box) -> None:
    box.text("echo x > file")
    begun = ok(box.post("snapshot_disk_async", {}))
    status = _completed(api, begun["id"])
    assert (status["status"], status["error_message"]) == ("complete", None)
    assert status["snapshot"]["id"] == begun["id"]


def test_snapshots_form_chains(api: httpx.Client) -> None:
    source: dict[str, str] = {}
    for number in range(5):
        box = Box.create(api, **source)
        box.text(f"echo {number} >> chain")
        source = {"snapshot_id": ok(box.post("snapshot_disk", {}))["id"]}
        box.end()
    last = Box.create(api, **source)
    assert last.text("cat chain") == "0\n1\n2\n3\n4\n"
    last.end()


def test_a_suspended_devbox_can_be_snapshot_and_stays_suspended(api: httpx.Client, box: Box) -> None:
    box.text("echo kept > file")
    ok(box.post("suspend"))
    box.wait("suspended")
    snapshot = ok(box.post("snapshot_disk", {}))
    assert box.view()["status"] == "suspended"
    copy = Box.create(api, snapshot_id=snapshot["id"])
    assert copy.text("cat file") == "kept\n"
    copy.end()
    ok(box.post("resume"))
    assert box.text("cat file") == "kept\n"


def test_an_ended_devbox_cannot_be_snapshot(api: httpx.Client) -> None:
    box = Box.create(api)
    box.end()
    refused(box.post("snapshot_disk", {}), 400, "devbox_not_running", box.id)


def test_a_snapshot_is_changed_where_something_is_given(api: httpx.Client, box: Box) -> None:
    snapshot = ok(box.post("snapshot_disk", {"name": "old", "metadata": {"a": "1"}}))
    path = f"{BASE}/{snapshot['id']}"
    assert ok(api.post(path, json={"name": "new"}))["metadata"] == {"a": "1"}
    changed = ok(api.post(path, json={"metadata": {"b": "2"}, "commit_message": "why"}))
    assert (changed["name"], changed["metadata"], changed["commit_message"]) == ("new", {"b": "2"}, "why")
    known = _status(api, snapshot["id"])["snapshot"]
    assert {**known, "size_bytes": None} == {**changed, "size_bytes": None}  # The size may come later.
    refused(api.post(path, json={"commit_message": "m" * 1001}), 400, "invalid_request", "1,000")


def test_a_too_long_message_is_refused(box: Box) -> None:
    answer = box.post("snapshot_disk", {"commit_message": "m" * 1001})
    refused(answer, 400, "invalid_request", "commit_message", "1,001", "1,000")


def test_a_deleted_snapshot_stays_readable_and_cannot_be_used(api: httpx.Client, box: Box) -> None:
    snapshot = ok(box.post("snapshot_disk", {}))["id"]
    assert ok(api.post(f"{BASE}/{snapshot}/delete")) == {}
    assert ok(api.post(f"{BASE}/{snapshot}/delete")) == {}
    assert _status(api, snapshot)["status"] == "deleted"
    listed = ok(api.get(f"{BASE}?devbox_id={box.id}"))["snapshots"]
    assert listed == []
    refused(api.post("/v1/devboxes", json={"snapshot_id": snapshot}), 400, "invalid_request", "deleted")


def test_a_devbox_outlives_the_snapshot_it_started_from(api: httpx.Client, box: Box) -> None:
    box.text("echo kept > file")
    snapshot = ok(box.post("snapshot_disk", {}))["id"]
    copy = Box.create(api, snapshot_id=snapshot)
    ok(api.post(f"{BASE}/{snapshot}/delete"))
    assert copy.text("cat file") == "kept\n"
    copy.end()


def test_lists_are_filtered_by_devbox_and_metadata(api: httpx.Client, box: Box) -> None:
    made = [ok(box.post("snapshot_disk", {"metadata": {"t": value, "key": "k"}}))["id"] for value in "abc"]

    def listed(**query: str) -> list[str]:
        answer = ok(api.get(BASE, params={"devbox_id": box.id, **query}))
        return [item["id"] for item in answer["snapshots"]]

    assert listed() == made[::-1]
    assert listed(limit="1", starting_after=made[2]) == [made[1]]
    assert listed(**{"metadata[t]": "b"}) == [made[1]]
    assert listed(**{"metadata[t][in]": "a,c"}) == [made[2], made[0]]
    assert listed(**{"metadata[key]": "k", "metadata[t]": "a"}) == [made[0]]
    assert listed(**{"metadata[t]": "d"}) == []
    assert ok(api.get(BASE, params={"devbox_id": "dbx_none"}))["snapshots"] == []
    refused(api.get(BASE, params={"metadata_key": "x"}), 400, "invalid_request", "metadata[KEY]=VALUE")


def test_snapshots_survive_the_server(api: httpx.Client, backend: Server, box: Box) -> None:
    # A second server on the same state directory sees what the first one wrote.
    box.text("echo lasting > file")
    snapshot = ok(box.post("snapshot_disk", {"name": "lasting"}))["id"]
    with server(_state_dir(backend)) as second, second.client() as other:
        assert _status(other, snapshot)["snapshot"]["name"] == "lasting"
        copy = Box.create(other, snapshot_id=snapshot)
        assert copy.text("cat file") == "lasting\n"
        ok(other.post(f"{BASE}/{snapshot}", json={"name": "renamed"}))
    assert _status(api, snapshot)["snapshot"]["name"] == "renamed"


def _state_dir(running: Server) -> Any:
    arguments = running.process.args
    assert isinstance(arguments, list)
    return arguments[arguments.index("--state-dir") + 1]


@pytest.mark.asyncio
async def test_a_devbox_is_not_ended_while_its_snapshot_is_taken_unless_forced(within: Inside) -> None:
    identifier = await within.create()
    await within.reach(identifier, "running")
    path = f"/v1/devboxes/{identifier}"
    begun = (await within.api.post(f"{path}/snapshot_disk_async", json={})).json()
    answer = await within.api.post(f"{path}/shutdown")
    refused(answer, 409, "snapshot_in_progress", identifier, "force=true")
    refused(await within.api.post(f"{BASE}/{begun['id']}/delete"), 409, "snapshot_in_progress")
    assert ok(await within.api.post(f"{path}/shutdown?force=true"))["status"] == "shutdown"
