"""Which metadata there is, and what is public, through the client."""

from __future__ import annotations

from typing import Any

from .fake_api import FakeApi, answer

HAVE_METADATA = {
    "devbox": "devboxes",
    "snapshot": "devboxes/disk_snapshots",
    "blueprint": "blueprints",
    "storage_object": "objects",
    "scenario": "scenarios",
    "benchmark": "benchmarks",
}


def test_each_kind_tells_its_keys_and_the_values_of_one(runloop: Any, api: FakeApi) -> None:
    api.on(r"GET /v1/.*/metadata/keys", lambda _: answer({"keys": ["a", "b"]}))
    api.on(r"GET /v1/.*/metadata/keys/.*/values", lambda _: answer({"key": "a/b", "values": ["x"]}))
    for name, path in HAVE_METADATA.items():
        kind = getattr(runloop, name)
        assert kind.metadata.keys() == ["a", "b"]
        assert kind.metadata.values("a/b") == ["x"]
        assert api.calls[-2:] == [
            f"GET /v1/{path}/metadata/keys",
            f"GET /v1/{path}/metadata/keys/a%2Fb/values",
        ]
    for name in ("snapshot", "blueprint"):
        assert getattr(runloop, name).public_metadata.keys() == ["a", "b"]
        assert api.calls[-1] == f"GET /v1/{HAVE_METADATA[name]}/public/metadata/keys"


def test_public_blueprints_and_snapshots_are_listed(runloop: Any, api: FakeApi) -> None:
    api.on(r"GET /v1/.*/list_public", lambda _: answer({"blueprints": [], "snapshots": []}))
    assert list(runloop.blueprint.list_public(name="n")) == []
    assert list(runloop.snapshot.list_public(devbox_id="d")) == []
    assert api.calls == [
        "GET /v1/blueprints/list_public?name=n",
        "GET /v1/devboxes/disk_snapshots/list_public?devbox_id=d",
    ]


def test_devboxes_are_counted_by_agent(runloop: Any, api: FakeApi) -> None:
    api.on(r"GET /v1/agents/devbox_counts", lambda _: answer({"counts": {"a": 2}, "total_count": 2}))
    assert runloop.agent.devbox_counts().counts == {"a": 2}
