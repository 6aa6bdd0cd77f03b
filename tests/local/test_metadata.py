"""Which metadata there is, of all things of one kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .box import Box, ok
from .evaluation import created

KEY = "a key/of mine"


def ids(api: httpx.Client, path: str, **body: Any) -> str:
    """Create something."""
    return str(ok(api.post(path, json={"metadata": {KEY: "ä b"}, **body}))["id"])


def devbox(api: httpx.Client) -> None:
    """Make a devbox with metadata, and one without, and end both."""
    for box in (Box.create(api, metadata={KEY: "ä b"}), Box.create(api)):
        box.end()


MADE: dict[str, Callable[[httpx.Client], object]] = {
    "devboxes": devbox,
    "devboxes/disk_snapshots": lambda api: ids(api, f"/v1/devboxes/{Box.create(api).id}/snapshot_disk"),
    "blueprints": lambda api: ids(api, "/v1/blueprints", name="with metadata"),
    "objects": lambda api: ids(api, "/v1/objects", name="o", content_type="text"),
    "scenarios": lambda api: created(api, metadata={KEY: "ä b"}),
    "benchmarks": lambda api: ids(api, "/v1/benchmarks", name="with metadata"),
}


@pytest.mark.parametrize("kind", MADE)
def test_keys_and_their_values_are_those_of_the_things_that_there_are(api: httpx.Client, kind: str) -> None:
    MADE[kind](api)
    assert KEY in ok(api.get(f"/v1/{kind}/metadata/keys"))["keys"]
    values = ok(api.get(f"/v1/{kind}/metadata/keys/a%20key%2Fof%20mine/values"))
    assert values == {"key": KEY, "values": ["ä b"]}
    assert ok(api.get(f"/v1/{kind}/metadata/keys/none/values")) == {"key": "none", "values": []}


@pytest.mark.parametrize("kind", ["blueprints", "devboxes/disk_snapshots"])
def test_nothing_of_this_backend_is_public(api: httpx.Client, kind: str) -> None:
    assert ok(api.get(f"/v1/{kind}/public/metadata/keys")) == {"keys": []}
    assert ok(api.get(f"/v1/{kind}/public/metadata/keys/k/values")) == {"key": "k", "values": []}
    listed = ok(api.get(f"/v1/{kind}/list_public?limit=3"))
    assert (listed["has_more"], listed["total_count"]) == (False, 0)
