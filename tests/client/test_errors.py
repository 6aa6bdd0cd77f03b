"""What people read, and catch, when something goes wrong."""

from __future__ import annotations

import pickle
import socket
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

import pytest_runloop as p
from pytest_runloop.client.errors import Answer, RequestInfo, combined

from .conftest import KEY, MakeClient
from .fake_api import FakeApi, answer, refusal
from .loopback import Exchange, serving

INFO = "GET /v1/devboxes/dbx_1"
READ = "POST /v1/devboxes/dbx_1/read_file_contents"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, p.BadRequestError),
        (401, p.AuthenticationError),
        (403, p.PermissionDeniedError),
        (403, PermissionError),
        (404, p.NotFoundError),
        (405, p.APIStatusError),
        (408, p.APIStatusError),
        (409, p.ConflictError),
        (410, p.APIStatusError),
        (422, p.UnprocessableEntityError),
        (429, p.RateLimitError),
        (500, p.InternalServerError),
        (503, p.InternalServerError),
    ],
)
@pytest.mark.usefixtures("pauses")
def test_each_status_has_its_class_and_its_facts(
    runloop: Any, api: FakeApi, status: int, error: type[Exception]
) -> None:
    api.on(INFO, refusal(status, "some_code", "the service's own words", x_runloop_request_id="req_7"))
    with pytest.raises(error) as caught:
        runloop.devbox.from_id("dbx_1").get_info()
    raised = caught.value
    assert isinstance(raised, p.APIStatusError)
    assert (raised.status_code, raised.code, raised.request_id) == (status, "some_code", "req_7")
    for part in (INFO, str(status), "some_code", "req_7", "the service's own words"):
        assert part in str(raised)


@pytest.mark.usefixtures("pauses")
def test_a_request_that_was_repeated_says_so(runloop: Any, api: FakeApi) -> None:
    api.on(INFO, refusal(503))
    with pytest.raises(p.InternalServerError, match="tried 6 times"):
        runloop.devbox.from_id("dbx_1").get_info()
    assert len(api.calls) == 6


@pytest.mark.usefixtures("pauses")
def test_a_request_that_failed_once_succeeds_at_last(runloop: Any, api: FakeApi) -> None:
    api.on(INFO, httpx.ReadError("cut"), refusal(503), httpx.ConnectTimeout("late"), answer({"id": "dbx_1"}))
    assert runloop.devbox.from_id("dbx_1").get_info().id == "dbx_1"
    assert len(api.calls) == 4


@pytest.mark.parametrize(
    ("body", "builtin"),
    [
        ({"error": "file_not_found", "message": "m"}, FileNotFoundError),
        ({"error": "is_a_directory", "message": "m"}, IsADirectoryError),
        ({"error": "not_a_directory", "message": "m"}, NotADirectoryError),
        ({"error": "permission_denied", "message": "m"}, PermissionError),
        ({"error": {"code": "file_not_found", "message": "m"}}, FileNotFoundError),
        ({"message": "cat: x: No such file or directory"}, FileNotFoundError),
        ("x: Is a directory", IsADirectoryError),
    ],
)
@pytest.mark.parametrize("status", [400, 404])
def test_trouble_with_a_file_is_also_pythons_own_exception(
    runloop: Any, api: FakeApi, body: object, builtin: type[OSError], status: int
) -> None:
    api.on(READ, answer(body, status))
    with pytest.raises(builtin) as caught:
        runloop.devbox.from_id("dbx_1").file.read(file_path="~/x")
    assert isinstance(caught.value, p.NotFoundError if status == 404 else p.BadRequestError)
    assert caught.value.filename == "~/x"
    assert "~/x" in str(caught.value)
    assert str(caught.value) in repr(caught.value)


def test_an_unknown_devbox_is_no_missing_file(runloop: Any, api: FakeApi) -> None:
    api.on(READ, refusal(404, "not_found", "there is no devbox dbx_1"))
    with pytest.raises(p.NotFoundError) as caught:
        runloop.devbox.from_id("dbx_1").file.read(file_path="x")
    assert not isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("code", "error"),
    [("capability_missing", p.CapabilityMissingError), ("devbox_not_running", p.DevboxNotRunningError)],
)
def test_codes_of_the_local_backend_have_their_classes(
    runloop: Any, api: FakeApi, code: str, error: type[Exception]
) -> None:
    api.on(INFO, refusal(400, code))
    with pytest.raises(error):
        runloop.devbox.from_id("dbx_1").get_info()


def test_a_refused_key_says_where_keys_come_from(runloop: Any, api: FakeApi) -> None:
    api.on(INFO, refusal(401))
    with pytest.raises(p.AuthenticationError, match=r"RUNLOOP_API_KEY.*http://api\.test"):
        runloop.devbox.from_id("dbx_1").get_info()


def test_a_redirect_says_where_it_points_and_is_not_followed(runloop: Any, api: FakeApi) -> None:
    api.on(INFO, answer({}, 307, location="https://elsewhere.test"))
    with pytest.raises(p.APIStatusError, match=r"https://elsewhere\.test.*RUNLOOP_BASE_URL"):
        runloop.devbox.from_id("dbx_1").get_info()
    assert len(api.calls) == 1


@pytest.mark.parametrize("content", [b"<html><h1>It works!</h1></html>", b"", b"[]", b"hello"])
def test_a_server_that_is_not_runloop_is_recognized(make_client: MakeClient, content: bytes) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.answer(content, "text/html")

    with (
        serving(handle) as url,
        pytest.raises(p.APIResponseValidationError, match="not look like a Runloop API"),
    ):
        make_client(url).devbox.from_id("dbx_1").get_info()


def test_a_page_as_an_error_is_recognized_too(runloop: Any, api: FakeApi) -> None:
    api.on(INFO, httpx.Response(404, html="<!doctype html><title>nginx</title>"))
    with pytest.raises(p.NotFoundError, match=r"not look like a Runloop API.*Check the base URL"):
        runloop.devbox.from_id("dbx_1").get_info()


def test_json_of_another_service_is_recognized_where_an_id_is_needed(runloop: Any, api: FakeApi) -> None:
    api.on("POST /v1/.*", answer({"hello": "world"}))
    with pytest.raises(p.APIResponseValidationError, match="has no id"):
        runloop.devbox.create()
    with pytest.raises(p.APIResponseValidationError, match="has no execution_id"):
        runloop.devbox.from_id("dbx_1").cmd.exec("x")


def test_a_server_that_is_not_there_names_the_address_and_its_origin(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(p.APIConnectionError, match=r"the base_url argument.*Is the base URL right") as caught:
        make_client(url, max_retries=0).devbox.from_id("dbx_1").get_info()
    assert url in str(caught.value)
    assert isinstance(caught.value, ConnectionError)
    assert not isinstance(caught.value, TimeoutError)


def test_a_server_of_this_machine_that_is_gone_is_not_asked_again(
    make_client: MakeClient, pauses: list[float]
) -> None:
    with serving(lambda exchange: exchange.cut()) as url:
        pass
    with pytest.raises(p.APIConnectionError) as caught:
        make_client(url).devbox.from_id("dbx_1").get_info()
    assert pauses == []
    assert not caught.value.sent


def test_a_request_that_may_have_arrived_once_counts_as_sent(
    make_client: MakeClient, pauses: list[float]
) -> None:
    with ExitStack() as stack:

        def handle(exchange: Exchange) -> None:
            stack.close()

        url = stack.enter_context(serving(handle))
        with pytest.raises(p.APIConnectionError) as caught:
            make_client(url).devbox.from_id("dbx_1").get_info()
    assert caught.value.gone
    assert caught.value.attempts == len(pauses) + 1 == 2
    assert caught.value.sent


def test_a_server_that_does_not_speak_http_is_a_connection_error(make_client: MakeClient) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.send(b"220 mail.test ESMTP\r\n")
        exchange.cut()

    with serving(handle) as url, pytest.raises(ConnectionError):
        make_client(url, max_retries=0).devbox.from_id("dbx_1").get_info()


def test_a_server_that_says_nothing_is_a_timeout(make_client: MakeClient) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.connection.recv(1)

    with serving(handle) as url, pytest.raises(TimeoutError) as caught:
        make_client(url, timeout=0.2, max_retries=0).devbox.from_id("dbx_1").get_info()
    assert isinstance(caught.value, p.APITimeoutError)
    assert INFO in str(caught.value)


def test_a_timeout_of_one_request_is_that_of_this_request(make_client: MakeClient) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.connection.recv(1)

    with serving(handle) as url, pytest.raises(TimeoutError):
        make_client(url, max_retries=0).devbox.from_id("dbx_1").get_info(timeout=0.2)


@pytest.mark.parametrize("client", [p.Runloop, p.AsyncRunloop])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "RUNLOOP_API_KEY"),
        ({"api_key": "  "}, "api_key"),
        ({"api_key": "two words"}, "characters that no key has"),
        ({"api_key": "ak_ä"}, "characters that no key has"),
        ({"api_key": KEY, "base_url": "api.runloop.ai"}, "not a base URL"),
        ({"api_key": KEY, "base_url": "ftp://x"}, "not a base URL"),
        ({"api_key": KEY, "base_url": "http://x:port"}, "not a base URL"),
        ({"api_key": KEY, "base_url": "http://me:pass@x"}, "scheme, host, port and path only"),
        ({"api_key": KEY, "timeout": 0}, "timeout"),
        ({"api_key": KEY, "max_retries": -1}, "max_retries"),
    ],
)
def test_unusable_settings_are_refused_when_the_client_is_made(
    client: type, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(p.ConfigurationError, match=message) as caught:
        client(**arguments)
    assert "pass@" not in str(caught.value)
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize("client", [p.Runloop, p.AsyncRunloop])
def test_settings_come_from_the_environment_where_arguments_are_absent(
    client: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLOOP_API_KEY", f" {KEY}\n")
    assert client().base_url == "https://api.runloop.ai"
    monkeypatch.setenv("RUNLOOP_BASE_URL", "http://local.test:8080/prefix/")
    assert client().base_url == "http://local.test:8080/prefix"
    assert client("http://given.test").base_url == "http://given.test"


def test_errors_survive_pickling() -> None:
    asked = RequestInfo("GET", "http://api.test/x", "~/f")
    made = combined(p.NotFoundError, FileNotFoundError)(  # type: ignore[call-arg]
        "words", request=asked, answer=Answer(404, {"a": "b"}, {"c": 1}), code="file_not_found"
    )
    copy = pickle.loads(pickle.dumps(made))
    assert isinstance(copy, FileNotFoundError)
    assert isinstance(copy, p.NotFoundError)
    assert (str(copy), copy.code, copy.body, copy.request) == ("words", "file_not_found", {"c": 1}, asked)
    assert str(pickle.loads(pickle.dumps(p.PollingTimeout("late", {"x": 1})))) == "late"
