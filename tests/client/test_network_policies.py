"""The client's network policies, of each kind of client."""

from __future__ import annotations

from typing import Any

from .fake_api import FakeApi


def test_a_policy_is_made_found_changed_and_deleted(runloop: Any, api: FakeApi) -> None:
    policy = runloop.network_policy.create(name="p", allowed_hostnames=["a.example"])
    assert policy.id == "npl_1"
    assert policy.get_info().egress.allowed_hostnames == ["a.example"]
    assert [one.id for one in runloop.network_policy.list(name="p")[:]] == ["npl_1"]
    assert runloop.network_policy.from_id("npl_2").update(allow_all=True).name == "p"
    assert runloop.network_policy.from_id("npl_2").delete().id == "npl_1"
    assert api.calls == [
        "POST /v1/network-policies",
        "GET /v1/network-policies/npl_1",
        "GET /v1/network-policies?name=p",
        "POST /v1/network-policies/npl_2",
        "POST /v1/network-policies/npl_2/delete",
    ]
