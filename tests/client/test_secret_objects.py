"""The client's secrets, of each kind of client."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop import ArgumentError, BadRequestError, NotFoundError

from .fake_api import SECRET, FakeApi, answer, refusal


def test_a_secret_is_made_found_changed_and_deleted(runloop: Any, api: FakeApi) -> None:
    secret = runloop.secret.create("A", "value")
    assert (secret.id, secret.name, secret.get_info().update_time_ms) == ("sec_1", "A", 2)
    assert "value" not in repr(secret)
    assert secret.update("newer").name == "A"
    assert runloop.secret.update(secret.name, "newest").name == "A"
    [listed] = runloop.secret.list(limit=3)[:]
    assert (listed.id, listed.name) == ("sec_1", "A")
    assert runloop.secret.delete("A").id == secret.delete().id == "sec_1"
    assert runloop.secret.from_name("B").id is None
    exact = runloop.secret.from_id("sec_1")
    assert (exact.get_info().id, exact.update("v").id, exact.delete().id) == ("sec_1",) * 3
    assert exact.id == "sec_1"
    assert api.calls == [
        "POST /v1/secrets",
        "GET /v1/secrets/A",
        "POST /v1/secrets/A",
        "POST /v1/secrets/A",
        "GET /v1/secrets?limit=3",
        "POST /v1/secrets/A/delete",
        "POST /v1/secrets/A/delete",
        "GET /v1/secrets/id/sec_1",
        "POST /v1/secrets/id/sec_1/update",
        "POST /v1/secrets/id/sec_1/delete",
    ]
    assert api.bodies("POST /v1/secrets(/A)?") == [
        {"name": "A", "value": "value"},
        {"value": "newer"},
        {"value": "newest"},
    ]


def test_put_makes_or_changes_whichever_it_takes(runloop: Any, api: FakeApi) -> None:
    assert runloop.secret.put("A", "v").name == "A"
    assert api.calls == ["POST /v1/secrets/A"]
    api.on("POST /v1/secrets/A", refusal(404))
    assert runloop.secret.put("A", "v").id == "sec_1"
    taken = refusal(400, "already_exists")
    api.on("POST /v1/secrets", taken)
    api.on("POST /v1/secrets/A", refusal(404), answer(SECRET))
    assert runloop.secret.put("A", "v").name == "A"
    api.on("POST /v1/secrets/A", refusal(404))
    with pytest.raises(BadRequestError):
        runloop.secret.put("A", "v")


def test_a_missing_secret_is_a_not_found_error(runloop: Any, api: FakeApi) -> None:
    api.on("GET /v1/secrets/NONE", refusal(404, "not_found", "there is no secret `NONE`"))
    with pytest.raises(NotFoundError, match="NONE"):
        runloop.secret.from_name("NONE").get_info()
    with pytest.raises(ValueError, match="name is empty"):
        runloop.secret.from_name("").get_info()
    with pytest.raises(ArgumentError, match="did you mean `timeout`"):
        runloop.secret.create("A", "v", timeouts=1)


def test_what_a_newer_service_adds_is_kept(runloop: Any, api: FakeApi) -> None:
    api.on("GET /v1/secrets/A", answer({**SECRET, "owner": "me"}))
    assert runloop.secret.from_name("A").get_info().owner == "me"
