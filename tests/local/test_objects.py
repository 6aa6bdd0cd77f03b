"""Storage objects: their states, their content at signed addresses, their lifetime."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.engine.select import open_engine

from .box import ok, refused
from .running import Inside, Server, inside, server


@pytest.fixture
def name() -> str:
    """Return a name that no other test uses."""
    return f"object-{uuid.uuid4().hex}"


@pytest.fixture
def stranger() -> Iterator[httpx.Client]:
    """A client without the key."""
    with httpx.Client() as client:
        yield client


def _created(api: httpx.Client, name: str, **params: Any) -> Any:
    return ok(api.post("/v1/objects", json={"name": name, "content_type": "binary", **params}))


def _stored(api: httpx.Client, name: str, content: bytes, **params: Any) -> str:
    view = _created(api, name, **params)
    assert httpx.put(view["upload_url"], content=content).status_code == 200
    ok(api.post(f"/v1/objects/{view['id']}/complete"))
    return str(view["id"])


def _address(api: httpx.Client, identifier: str, **query: Any) -> str:
    return str(ok(api.get(f"/v1/objects/{identifier}/download", params=query))["download_url"])


def test_an_object_is_created_uploaded_completed_read_and_deleted(
    api: httpx.Client, stranger: httpx.Client, name: str
) -> None:
    view = _created(api, name, metadata={"a": "b"}, content_type="text")
    assert (view["state"], view["size_bytes"], view["metadata"]) == ("UPLOADING", None, {"a": "b"})
    place = f"/v1/objects/{view['id']}"
    assert ok(api.get(place))["upload_url"] is None
    assert stranger.put(view["upload_url"], content=b"first").status_code == 200
    assert stranger.put(view["upload_url"], content="zweite ä".encode()).status_code == 200
    done = ok(api.post(f"{place}/complete"))
    assert (done["state"], done["size_bytes"]) == ("READ_ONLY", 9)
    answer = stranger.get(_address(api, view["id"]))
    assert (answer.text, answer.headers["content-type"]) == ("zweite ä", "text/plain; charset=utf-8")
    assert ok(api.post(f"{place}/delete"))["state"] == "DELETED"
    assert ok(api.post(f"{place}/delete"))["state"] == "DELETED"
    assert ok(api.get(place))["state"] == "DELETED"


def test_what_does_not_fit_the_state_is_refused(api: httpx.Client, name: str) -> None:
    view = _created(api, name)
    place = f"/v1/objects/{view['id']}"
    refused(api.post(f"{place}/complete"), 400, "invalid_request", "no content", "upload_url")
    refused(api.get(f"{place}/download"), 400, "invalid_request", "not complete", name)
    assert httpx.put(view["upload_url"], content=b"x").status_code == 200
    ok(api.post(f"{place}/complete"))
    answer = api.post(f"{place}/complete")
    refused(answer, 409, "object_not_uploading", "READ_ONLY")
    assert answer.headers["x-should-retry"] == "false"
    refused(httpx.put(view["upload_url"], content=b"y"), 409, "object_not_uploading", "another one")
    address = _address(api, view["id"])
    ok(api.post(f"{place}/delete"))
    refused(api.get(f"{place}/download"), 400, "invalid_request", "deleted")
    refused(httpx.get(address), 400, "invalid_request", "deleted")
    refused(api.get("/v1/objects/obj_none"), 404, "not_found", "obj_none")
    refused(
        api.post("/v1/objects", json={"name": " ", "content_type": "text"}), 400, "invalid_request", "name"
    )
    body = {"name": name, "content_type": "zip"}
    refused(api.post("/v1/objects", json=body), 400, "invalid_request", "content_type", "tgz")


def test_an_address_is_good_for_one_verb_and_one_object(api: httpx.Client, name: str) -> None:
    view, other = _created(api, name), _created(api, name)
    address = httpx.URL(view["upload_url"])
    refused(httpx.get(address), 403, "signature_mismatch", "GET")
    elsewhere = address.copy_with(path=address.path.replace(view["id"], other["id"]))
    refused(httpx.put(elsewhere, content=b"x"), 403, "signature_mismatch", other["id"])
    later = address.copy_set_param("expires", str(int(address.params["expires"]) + 1))
    refused(httpx.put(later, content=b"x"), 403, "signature_mismatch")
    refused(httpx.put(address.copy_set_param("signature", "ä"), content=b"x"), 403, "signature_mismatch")
    refused(httpx.put(address.copy_with(query=b""), content=b"x"), 403, "signature_mismatch")
    refused(api.put(address.copy_with(query=b""), content=b"x"), 403, "signature_mismatch")
    refused(httpx.post(address, content=b"x"), 405, "method_not_allowed", "PUT")


def test_an_upload_that_breaks_off_leaves_nothing(
    api: httpx.Client, backend: Server, state_of: Path, name: str
) -> None:
    view = _created(api, name)

    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise OSError("the client dies")

    with pytest.raises(OSError, match="dies"):
        httpx.put(view["upload_url"], content=broken())
    refused(api.post(f"/v1/objects/{view['id']}/complete"), 400, "invalid_request", "no content")
    assert not (state_of / "objects" / view["id"]).exists()


@pytest.fixture
def state_of(backend: Server) -> Path:
    """The state directory of the shared server."""
    line = Path(f"/proc/{backend.process.pid}/cmdline").read_bytes().split(b"\0")
    return Path(os.fsdecode(line[line.index(b"--state-dir") + 1]))


def test_a_content_lies_in_the_state_directory_for_its_user_alone(
    api: httpx.Client, state_of: Path, name: str
) -> None:
    content = os.urandom(3_000_000)
    identifier = _stored(api, name, content)
    file = state_of / "objects" / identifier
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    with httpx.stream("GET", _address(api, identifier)) as answer:
        assert answer.headers["content-length"] == "3000000"
        assert answer.read() == content
    ok(api.post(f"/v1/objects/{identifier}/delete"))
    assert not file.exists()


def test_a_lost_content_is_an_error_that_says_so(api: httpx.Client, state_of: Path, name: str) -> None:
    identifier = _stored(api, name, b"content")
    (state_of / "objects" / identifier).write_bytes(b"half")
    answer = httpx.get(_address(api, identifier))
    refused(answer, 500, "content_lost", "upload it again")
    assert ok(api.get(f"/v1/objects/{identifier}"))["state"] == "ERROR"


def test_lists_are_filtered_and_paged(api: httpx.Client, name: str) -> None:
    ids = [_stored(api, f"{name}-{number}", b"x", content_type="tar") for number in range(3)]
    ids.append(_created(api, f"{name}-open")["id"])

    def listed(**query: Any) -> list[str]:
        return [item["id"] for item in ok(api.get("/v1/objects", params=query))["objects"]]

    assert listed(name=name) == ids[::-1]
    assert listed(name=name, content_type="tar") == ids[2::-1]
    assert listed(name=name, state="UPLOADING") == ids[3:]
    assert listed(search=ids[1]) == [ids[1]]
    assert listed(search=f"{name}-1") == [ids[1]]
    assert listed(search=ids[1][:-1]) == []
    assert listed(name=name, limit=2) == [ids[3], ids[2]]
    assert listed(name=name, limit=2, starting_after=ids[2]) == [ids[1], ids[0]]
    page = ok(api.get("/v1/objects", params={"name": name, "limit": 1}))
    assert (page["has_more"], page["total_count"], page["remaining_count"]) == (True, 4, 3)
    ok(api.post(f"/v1/objects/{ids[0]}/delete"))
    assert listed(name=name) == ids[:0:-1]
    assert listed(name=name, state="DELETED") == ids[:1]
    assert ok(api.get("/v1/objects/list_public"))["objects"] == []
    refused(api.get("/v1/objects?state=NONE"), 400, "invalid_request", "state", "READ_ONLY")


# Time


async def _stored_inside(within: Inside, **params: Any) -> str:
    body = {"name": "o", "content_type": "text", **params}
    view = ok(await within.api.post("/v1/objects", json=body))
    assert (await within.api.put(view["upload_url"], content=b"content")).status_code == 200
    ok(await within.api.post(f"/v1/objects/{view['id']}/complete"))
    return str(view["id"])


@pytest.mark.asyncio
async def test_an_object_is_deleted_at_the_end_of_its_lifetime(within: Inside, tmp_path: Path) -> None:
    created = within.clock.now_ms()
    identifier = await _stored_inside(within, ttl_ms=60_000)
    view = ok(await within.api.get(f"/v1/objects/{identifier}"))
    assert view["delete_after_time_ms"] == created + 60_000
    file = tmp_path / "objects" / identifier
    await within.clock.advance(59)
    assert file.read_bytes() == b"content"
    await within.clock.advance(1)
    assert not file.exists()
    assert ok(await within.api.get(f"/v1/objects/{identifier}"))["state"] == "DELETED"


@pytest.mark.asyncio
async def test_an_address_ends_to_be_good(within: Inside) -> None:
    identifier = await _stored_inside(within)
    query = {"duration_seconds": 10}
    answer = await within.api.get(f"/v1/objects/{identifier}/download", params=query)
    address = ok(answer)["download_url"]
    await within.clock.advance(9)
    assert (await within.api.get(address)).text == "content"
    await within.clock.advance(1)
    refused(await within.api.get(address), 403, "address_expired", "new one")
    for seconds in (0, 604_801):
        answer = await within.api.get(
            f"/v1/objects/{identifier}/download", params={"duration_seconds": seconds}
        )
        refused(answer, 400, "invalid_request", "duration_seconds")


@pytest.mark.asyncio
async def test_an_object_that_can_no_longer_be_uploaded_is_in_error(within: Inside) -> None:
    body = {"name": "o", "content_type": "text"}
    view = ok(await within.api.post("/v1/objects", json=body))
    await within.clock.advance(3600)
    refused(await within.api.put(view["upload_url"], content=b"late"), 403, "address_expired")
    assert ok(await within.api.get(f"/v1/objects/{view['id']}"))["state"] == "ERROR"


@pytest.mark.asyncio
async def test_lifetimes_go_on_under_the_next_server(tmp_path: Path) -> None:
    async with inside(await open_engine("process", tmp_path), tmp_path) as first:
        short = await _stored_inside(first, ttl_ms=1000)
        kept = await _stored_inside(first)
        open_one = ok(await first.api.post("/v1/objects", json={"name": "o", "content_type": "text"}))["id"]
    (tmp_path / "objects" / "obj_of_nobody").write_bytes(b"left by a crash")
    async with inside(await open_engine("process", tmp_path), tmp_path) as second:
        await second.clock.advance(1)
        assert sorted(path.name for path in (tmp_path / "objects").iterdir()) == [kept]
        states = [
            ok(await second.api.get(f"/v1/objects/{identifier}"))["state"]
            for identifier in (short, kept, open_one)
        ]
        assert states == ["DELETED", "READ_ONLY", "ERROR"]
        address = ok(await second.api.get(f"/v1/objects/{kept}/download"))["download_url"]
        assert (await second.api.get(address)).text == "content"


def test_two_servers_of_a_state_directory_share_objects(tmp_path: Path, name: str) -> None:
    with server(tmp_path, isolation="process") as first, server(tmp_path, isolation="process") as second:
        with first.client() as api:
            identifier = _stored(api, name, b"shared")
        with second.client() as api:
            assert httpx.get(_address(api, identifier)).content == b"shared"
        with first.client() as api:
            ok(api.post(f"/v1/objects/{identifier}/delete"))
        with second.client() as api:
            refused(api.get(f"/v1/objects/{identifier}/download"), 400, "invalid_request", "deleted")


def test_an_upload_that_arrives_after_the_deletion_is_refused(api: httpx.Client, name: str) -> None:
    view = _created(api, name)

    def slowly() -> Iterator[bytes]:
        yield b"x"
        ok(api.post(f"/v1/objects/{view['id']}/delete"))
        yield b"y"

    refused(httpx.put(view["upload_url"], content=slowly()), 409, "object_not_uploading", "DELETED")


def test_content_calls_can_be_struck_by_a_fault_plan(faulty: Any) -> None:
    view = _created(faulty.api, "faulty")
    faulty.plan("http_503@PUT /v1/objects/*:times=1")
    assert httpx.put(view["upload_url"], content=b"x").status_code == 503
    assert httpx.put(view["upload_url"], content=b"x").status_code == 200
