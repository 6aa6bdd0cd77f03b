"""The client's repositories, of each kind of client."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop import PollingConfig, PollingTimeout

from .fake_api import INSPECTION, FakeApi, answer

TOKEN = "opens-it-all"
PENDING = {**INSPECTION, "status": "inspection_pending"}


def test_a_repository_is_made_found_inspected_and_deleted(runloop: Any, api: FakeApi) -> None:
    repository = runloop.repository.create(owner="o", name="n", github_auth_token=TOKEN)
    assert (repository.id, repository.get_info().owner) == ("rep_1", "o")
    assert repository.inspect(github_auth_token=TOKEN).commit_sha == "c0ffee"
    assert repository.refresh(blueprint_id="bpt_1") is None
    assert [one.id for one in repository.inspections()] == ["rpi_1"]
    assert repository.inspection("rpi_2").id == "rpi_1"
    assert [one.id for one in runloop.repository.list(owner="o")[:]] == ["rep_1"]
    assert runloop.repository.from_id("rep_2").delete() is None
    assert api.calls == [
        "POST /v1/repositories",
        "GET /v1/repositories/rep_1",
        "POST /v1/repositories/rep_1/inspect",
        "POST /v1/repositories/rep_1/refresh",
        "GET /v1/repositories/rep_1/inspections",
        "GET /v1/repositories/inspections/rpi_2",
        "GET /v1/repositories?owner=o",
        "POST /v1/repositories/rep_2/delete",
    ]
    assert api.bodies("POST .*(repositories|inspect|refresh)") == [
        {"owner": "o", "name": "n", "github_auth_token": TOKEN},
        {"github_auth_token": TOKEN},
        {"blueprint_id": "bpt_1"},
    ]


def test_an_inspection_is_waited_for(runloop: Any, api: FakeApi) -> None:
    api.on("POST .*/inspect", answer(PENDING))
    failed = answer({**INSPECTION, "status": "repo_access_failure", "failure_message": "why"})
    api.on("GET .*/inspections/rpi_1", answer(PENDING), failed)
    quick = PollingConfig(interval_seconds=0.001, max_attempts=10_000)
    found = runloop.repository.from_id("rep_1").inspect(polling_config=quick)
    assert (found.status, found.failure_message) == ("repo_access_failure", "why")
    api.on("GET .*/inspections/rpi_1", answer(PENDING))
    with pytest.raises(PollingTimeout) as caught:
        runloop.repository.from_id("rep_1").inspect(polling_config=PollingConfig(0.001, 3))
    last: Any = caught.value.last_value
    assert last.status == "inspection_pending"


def test_a_blueprint_is_made_of_an_inspection(runloop: Any, api: FakeApi) -> None:
    source = {"inspection_id": "rpi_1"}
    blueprint = runloop.blueprint.create_from_inspection(
        name="b", inspection_source=source, metadata={"a": "b"}
    )
    assert blueprint.id == "bpt_1"
    [path, *_] = api.calls
    assert path == "POST /v1/blueprints/create_from_inspection"
    assert api.bodies("POST .*") == [{"name": "b", "inspection_source": source, "metadata": {"a": "b"}}]
