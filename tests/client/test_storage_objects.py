"""Storage objects: what goes to the API, and what to the store."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop import APIConnectionError, InternalServerError, PermissionDeniedError

from .conftest import KEY, MakeClient
from .fake_api import OBJECT, FakeApi, answer
from .loopback import Exchange, serving

PUT = "PUT /bucket/.*"


def test_an_upload_is_a_creation_a_put_and_a_completion(runloop: Any, api: FakeApi) -> None:
    made = runloop.storage_object.upload_from_text(
        "ä", name="o", metadata={"k": "v"}, ttl=timedelta(seconds=90)
    )
    create, put, complete = api.requests
    assert [request.method for request in api.requests] == ["POST", "PUT", "POST"]
    assert b'"ttl_ms":90000' in create.content
    assert put.content == "ä".encode()
    assert complete.url.path == "/v1/objects/obj_1/complete"
    assert (made.id, made.upload_url) == ("obj_1", None)
    assert made.as_build_context() == {"object_id": "obj_1", "type": "object"}


def test_the_store_never_gets_the_key_and_only_the_headers_that_were_signed(
    runloop: Any, api: FakeApi
) -> None:
    runloop.storage_object.upload_from_bytes(b"abc", name="o", content_type="binary")
    runloop.storage_object.from_id("obj_1").download_as_bytes()
    put, get = (request for request in api.requests if request.url.host == "store.test")
    assert dict(put.headers) == {"host": "store.test", "x-store-needs": "this", "content-length": "3"}
    assert dict(get.headers) == {"host": "store.test"}
    assert KEY not in str([put.headers, get.headers])


def test_anything_with_bytes_in_it_can_be_uploaded(runloop: Any, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"from a path")
    contents = ["text", b"bytes", tmp_path / "file", io.BytesIO(b"from a file"), iter([b"pieces ", b"of it"])]
    for content in contents:
        runloop.storage_object.create(name="o", content_type="binary").upload_content(content)
    puts = [request for request in api.requests if request.method == "PUT"]
    assert [put.content for put in puts] == [
        b"text",
        b"bytes",
        b"from a path",
        b"from a file",
        b"pieces of it",
    ]
    assert all(put.headers["content-length"] == str(len(put.content)) for put in puts)
    with pytest.raises(TypeError, match="iterable of bytes"):
        runloop.storage_object.create(name="o", content_type="binary").upload_content(7)


def test_a_directory_becomes_an_archive_without_what_is_ignored(
    runloop: Any, api: FakeApi, tmp_path: Path
) -> None:
    root = tmp_path / "app"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "kept").write_text("1")
    (root / "dropped.log").write_text("2")

    def ignore(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if member.name.endswith(".log") else member

    runloop.storage_object.upload_from_dir(root, ignore=ignore)
    create, put, _ = api.requests
    assert b'"name":"app.tar.gz"' in create.content
    assert b'"content_type":"tgz"' in create.content
    with tarfile.open(fileobj=io.BytesIO(put.content)) as archive:
        assert archive.getnames() == [".", "sub", "sub/kept"]


def test_what_cannot_be_read_fails_before_anything_is_made(
    runloop: Any, api: FakeApi, tmp_path: Path
) -> None:
    objects = runloop.storage_object
    with pytest.raises(FileNotFoundError, match="nothing"):
        objects.upload_from_file(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="nothing"):
        objects.upload_from_dir(tmp_path / "nothing")
    with pytest.raises(ValueError, match="ttl"):
        objects.upload_from_text("x", name="o", ttl=timedelta(0))
    with pytest.raises(RuntimeError, match="obj_1"):
        objects.from_id("obj_1").upload_content("x")
    assert api.calls == []


@pytest.mark.usefixtures("pauses")
def test_a_store_that_fails_for_a_moment_is_asked_again(runloop: Any, api: FakeApi) -> None:
    api.on(PUT, httpx.Response(503), httpx.ConnectError("no route"), httpx.Response(200))
    runloop.storage_object.upload_from_bytes(b"abc", name="o", content_type="binary")
    assert [request.content for request in api.requests if request.method == "PUT"] == [b"abc"] * 3


def test_a_refusal_of_the_store_tells_all_but_the_signature(runloop: Any, api: FakeApi) -> None:
    api.on(PUT, httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>"))
    with pytest.raises(PermissionDeniedError, match="AccessDenied") as caught:
        runloop.storage_object.upload_from_text("x", name="o")
    assert "http://store.test/bucket/obj_1" in str(caught.value)
    assert "of-the-upload" not in str(caught.value) + repr(caught.value.__dict__)
    api.on(PUT, httpx.Response(301, headers={"location": "http://elsewhere.test/"}))
    with pytest.raises(Exception, match="301"):
        runloop.storage_object.upload_from_text("x", name="o")
    assert not any(request.url.host == "elsewhere.test" for request in api.requests)


@pytest.mark.usefixtures("pauses")
def test_a_store_out_of_reach_is_an_error_that_names_it(runloop: Any, api: FakeApi) -> None:
    api.on("GET /bucket/.*", httpx.ReadTimeout("slow"))
    with pytest.raises(TimeoutError, match=r"store\.test"):
        runloop.storage_object.from_id("obj_1").download_as_text()
    api.on("GET /bucket/.*", httpx.ConnectError("no route"))
    with pytest.raises(APIConnectionError, match=r"store\.test.*no route") as caught:
        runloop.storage_object.from_id("obj_1").download_as_text()
    assert "of-the-download" not in str(caught.value)
    api.on("GET /bucket/.*", httpx.Response(500))
    with pytest.raises(InternalServerError, match="says no more"):
        runloop.storage_object.from_id("obj_1").download_as_text()


def test_signed_addresses_show_in_no_print(runloop: Any) -> None:
    made = runloop.storage_object.create(name="o", content_type="text")
    shown = repr([made, made.refresh(), made.get_download_url(), vars(made)])
    assert "signature=" not in shown
    assert "signature=of-the-upload" in made.upload_url


def test_an_address_relative_to_the_api_is_asked_there(runloop: Any, api: FakeApi) -> None:
    api.on("POST /v1/objects", answer({**OBJECT, "upload_url": "/bucket/relative?signature=1"}))
    runloop.storage_object.upload_from_text("x", name="o")
    assert str(api.requests[1].url) == "http://api.test/bucket/relative?signature=1"
    assert "authorization" not in api.requests[1].headers
    api.on("GET .*/download", answer({"download_url": "file:///etc/passwd"}))
    with pytest.raises(Exception, match="no http"):
        runloop.storage_object.from_id("obj_1").download_as_bytes()


def test_lists_give_handles(runloop: Any, api: FakeApi) -> None:
    (own,) = list(runloop.storage_object.list(search="o"))
    (public,) = list(runloop.storage_object.list_public(name="o"))
    assert (own.id, public.id) == ("obj_1", "obj_1")
    assert api.calls == ["GET /v1/objects?search=o", "GET /v1/objects/list_public?name=o"]


def test_real_connections_go_to_the_store_without_the_key(make_client: MakeClient) -> None:
    asked: list[Exchange] = []

    def store(exchange: Exchange) -> None:
        asked.append(exchange)
        exchange.answer(b"")

    with serving(store) as store_url:
        view = json.dumps({**OBJECT, "upload_url": f"{store_url}/bucket/1?signature=1"}).encode()
        with serving(lambda exchange: exchange.answer(view)) as api_url:
            make_client(api_url).storage_object.upload_from_bytes(
                b"x" * 1_000_000, name="o", content_type="tar"
            )
    (put,) = asked
    assert put.head.startswith("PUT /bucket/1?signature=1 HTTP/1.1")
    assert put.body == b"x" * 1_000_000
    assert "authorization" not in put.head.lower()
    assert KEY not in put.head
