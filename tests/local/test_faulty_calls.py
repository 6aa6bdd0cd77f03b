"""Calls that fail, get lost or break off: what our own client makes of them on a real backend."""

from __future__ import annotations

import uuid

import httpx
import pytest

from pytest_runloop import Runloop

from .faulty import Faulty

CREATE = "devboxes.create*"


def created_once(faulty: Faulty, client: Runloop) -> None:
    """Create a devbox, and check that it is the only one that came of it."""
    name = f"once-{uuid.uuid4()}"
    with client, client.devbox.create(name=name) as devbox:
        assert devbox.cmd.exec("echo here").stdout() == "here\n"
        assert [view["id"] for view in faulty.named(name)] == [devbox.id]


@pytest.mark.parametrize("fault", ["http_429", "http_500", "http_503"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_that_is_answered_by_an_error_twice_makes_one_devbox(
    faulty: Faulty, fault: str, when: str
) -> None:
    faulty.plan(f"{fault}@{CREATE}:{when}:retry_after=0.01:times=2")
    created_once(faulty, faulty.client())
    assert [(entry["detail"]["when"], entry["occurrence"]) for entry in faulty.log()] == [
        (when, 1),
        (when, 2),
    ]


@pytest.mark.parametrize("fault", ["http_429@{}:times=1", "lost@{}:times=1"])
def test_a_failure_that_names_no_pause_is_repeated_too(faulty: Faulty, fault: str) -> None:
    faulty.plan(fault.format(CREATE))
    created_once(faulty, faulty.client())
    assert len(faulty.log()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_creation_makes_one_devbox(faulty: Faulty, when: str) -> None:
    faulty.plan(f"reset@{CREATE}:{when}:times=1")
    created_once(faulty, faulty.client())
    assert [entry["fault"] for entry in faulty.log()] == ["reset"]


def test_a_request_that_nobody_reads_makes_one_devbox(faulty: Faulty) -> None:
    faulty.plan(f"unread@{CREATE}:times=1")
    created_once(faulty, faulty.client(timeout=3))
    assert [entry["fault"] for entry in faulty.log()] == ["unread"]


def test_a_repeat_that_comes_while_the_first_is_held_makes_one_devbox(faulty: Faulty) -> None:
    faulty.plan("gate:moment=boot:nth=1:name=held")
    name = f"held-{uuid.uuid4()}"
    headers = {"x-request-id": name}
    first = faulty.api.post("/v1/devboxes", json={"name": name}, headers=headers)
    faulty.held("held")
    again = faulty.api.post("/v1/devboxes", json={"name": name}, headers=headers)
    faulty.release("held")
    assert first.json()["id"] == again.json()["id"]
    assert len(faulty.named(name)) == 1
    faulty.api.post(f"/v1/devboxes/{first.json()['id']}/shutdown")


@pytest.mark.parametrize("how", ["how=close", "how=reset", "how=stall:lasting=0.1"])
def test_streams_that_are_cut_lose_nothing_and_repeat_nothing(faulty: Faulty, how: str) -> None:
    with faulty.client() as client, client.devbox.create() as devbox:
        faulty.plan(f"seed=5, cut@stream_stdout_updates:at=1-6000:{how}:times=2")
        pieces: list[str] = []
        command = "for i in $(seq 2000); do echo line $i; done; sleep 0.3; echo é end"
        result = devbox.cmd.exec(command, stdout=pieces.append)
        cuts = [entry["fault"] for entry in faulty.log()]
    expected = "".join(f"line {number}\n" for number in range(1, 2001)) + "é end\n"
    assert "".join(pieces) == result.stdout() == expected
    assert cuts == ["cut", "cut"]


@pytest.mark.parametrize("how", ["how=close", "how=reset", "how=stall:lasting=0.1"])
def test_events_of_an_axon_come_once_and_in_order_though_their_stream_is_cut(
    faulty: Faulty, how: str
) -> None:
    with faulty.client() as client:
        axon = client.axon.create()
        faulty.plan(f"seed=5, cut@axons.subscribe_sse:at=1-2000:{how}:times=2, lost@axons.publish:times=1")
        for number in range(20):
            axon.publish(event_type="e", origin="USER_EVENT", source="s", payload=f"{number} é€")
        with axon.subscribe_sse() as stream:
            events = [next(stream) for _ in range(20)]
            axon.delete()
            assert list(stream) == []
        cuts = [entry["fault"] for entry in faulty.log()]
    assert [(one.sequence, one.payload) for one in events] == [(n + 1, f"{n} é€") for n in range(20)]
    assert cuts == ["lost", "cut", "cut"]


def test_a_command_whose_start_is_lost_runs_once(faulty: Faulty) -> None:
    with faulty.client() as client, client.devbox.create() as devbox:
        faulty.plan("http_500@execute*:after:retry_after=0.01:times=2")
        assert devbox.cmd.exec("echo once >> ran; cat ran").stdout() == "once\n"
        assert len(faulty.log()) == 2


def test_a_shutdown_whose_answer_is_lost_is_a_shutdown(faulty: Faulty) -> None:
    with faulty.client() as client:
        devbox = client.devbox.create()
        faulty.plan("lost@devboxes.shutdown:times=1")
        assert devbox.shutdown().status == "shutdown"
        assert [entry["fault"] for entry in faulty.log()] == ["lost"]


def test_a_server_without_a_plan_has_none_of_the_routes(faulty: Faulty, api: httpx.Client) -> None:
    assert api.get("/_local/faults").status_code == 404
    assert faulty.api.get("/_local/faults").status_code == 200
