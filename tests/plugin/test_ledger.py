"""The ledger, the journal, and what ends devboxes, without a pytest run."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from pytest_runloop import Runloop
from pytest_runloop.session import ending
from pytest_runloop.session.ending import end, end_all
from pytest_runloop.session.errors import StopRunError
from pytest_runloop.session.journal import Journal
from pytest_runloop.session.kept import Keep
from pytest_runloop.session.ledger import ENTRY_KEY, Entry, Ledger
from pytest_runloop.session.requests import create, living_of
from pytest_runloop.session.run import kept_in, ledger_in, to_be_ended
from pytest_runloop.session.state import state_directory

from .service import KEY
from .stub_api import Asked, Said, stub

BOX = {"id": "dbx_1", "status": "shutdown", "create_time_ms": 1}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger(tmp_path / "devboxes", "the-run")


def test_an_entry_is_there_before_and_until_its_devbox_ended(ledger: Ledger) -> None:
    entry = ledger.intend("test_it")
    assert [(found.key, found.devbox) for found in ledger] == [(entry.key, None)]
    ledger.complete(entry, "dbx_1")
    assert [found.devbox for found in ledger] == ["dbx_1"]
    ledger.strike(entry)
    ledger.strike(entry)
    assert list(ledger) == []


def test_a_devbox_that_is_kept_is_not_to_be_ended_though_its_entry_is_there_still(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    entries = [ledger.intend("test_it") for _ in range(2)]
    for entry, devbox in zip(entries, ("dbx_1", "dbx_2"), strict=True):
        ledger.complete(entry, devbox)
    kept_in(tmp_path).add(Keep("dbx_2", entries[1].key, "test_it", "it failed", 0, None))
    assert [entry.devbox for entry in to_be_ended(tmp_path)] == ["dbx_1"]
    assert [entry.devbox for entry in ledger] == ["dbx_1"]


def test_an_entry_is_synced_before_it_is_relied_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.path.isdir(f"/proc/self/fd/{descriptor}"))  # noqa: PTH112 - follows the link
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    ledger.intend("test_it")
    assert synced == [False, True], "the file, then its folder"


def test_entries_are_for_this_users_eyes_only(ledger: Ledger, tmp_path: Path) -> None:
    ledger.intend("test_it")
    [path] = (tmp_path / "devboxes").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_entry_still_names_its_devbox(ledger: Ledger, tmp_path: Path) -> None:
    entry = ledger.intend("test_it")
    (tmp_path / "devboxes" / f"{entry.key}.json").write_text("{")
    assert [found.metadata[ENTRY_KEY] for found in ledger] == [entry.key]


def test_a_journal_survives_a_line_that_broke_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert list(journal.read("devbox")) == []
    journal.note("devbox", seconds=1)
    with (tmp_path / "journal").open("a") as file:
        file.write('{"what": "dev')
    journal.note("snapshot", id="s")
    journal.note("devbox", seconds=2)
    assert [event["seconds"] for event in journal.read("devbox")] == [1, 2]


def entry_of(number: int) -> Entry:
    """Return an entry that nothing else knows."""
    return Entry(str(number), "the-run", "test_it", 10**12, f"dbx_{number}")


def test_many_are_ended_at_once_and_one_that_hangs_does_not_hold_up_the_end() -> None:
    hangs, ended = threading.Event(), []

    def end_one(entry: Entry) -> None:
        if entry.key == "0":
            hangs.wait()
        if entry.key == "1":
            raise ConnectionError("no")
        ended.append(entry.key)

    end_all([entry_of(number) for number in range(40)], end_one, seconds=2)
    assert set(ended) == {str(number) for number in range(2, 40)}
    hangs.set()


def test_a_devbox_whose_id_never_came_is_found_by_its_metadata_on_later_pages(ledger: Ledger) -> None:
    entry = ledger.intend("test_it")

    def page(asked: Asked) -> Said:
        if asked.line.startswith("POST"):
            return Said(BOX)
        later = "starting_after=dbx_other" in asked.line
        view = {
            "id": "dbx_1" if later else "dbx_other",
            "status": "running",
            "create_time_ms": entry.written_ms,
        }
        metadata = entry.metadata if later else {}
        return Said({"devboxes": [{**view, "metadata": metadata}], "has_more": not later})

    with stub(page) as api, Runloop(api.base_url, KEY) as client:
        end(client, ledger, entry)
    assert "POST /v1/devboxes/dbx_1/shutdown?force=true" in api.lines()
    assert list(ledger) == []


def test_a_create_call_that_is_carried_out_after_its_sender_died_is_waited_for(ledger: Ledger) -> None:
    entry = ledger.intend("test_it")
    looks = []

    def page(asked: Asked) -> Said:
        if asked.line.startswith("POST"):
            return Said(BOX)
        looks.append(asked)
        view = {**BOX, "status": "running", "create_time_ms": entry.written_ms, "metadata": entry.metadata}
        return Said({"devboxes": [view] if len(looks) > 1 else [], "has_more": False})

    with stub(page) as api, Runloop(api.base_url, KEY) as client:
        end(client, ledger, entry)
    assert "POST /v1/devboxes/dbx_1/shutdown?force=true" in api.lines()
    assert list(ledger) == []


def test_an_entry_from_before_the_clock_was_set_back_is_looked_for_and_not_waited_for_until_then(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = time.time_ns() // 1_000_000
    found, nothing = ledger.intend("test_it"), ledger.intend("test_it")
    found.written_ms = nothing.written_ms = now_ms + 3_600_000

    def page(asked: Asked) -> Said:
        view = {**BOX, "create_time_ms": now_ms, "metadata": found.metadata}
        if asked.line.startswith("POST"):
            return Said(view)
        return Said({"devboxes": [{**view, "status": "running"}], "has_more": False})

    monkeypatch.setattr(ending, "FLIGHT_SECONDS", 0.1)
    with stub(page) as api, Runloop(api.base_url, KEY) as client:
        for entry in (found, nothing):
            end(client, ledger, entry)
    assert [line for line in api.lines() if line.startswith("POST")] == [
        "POST /v1/devboxes/dbx_1/shutdown?force=true"
    ]


def test_the_search_by_metadata_stops_at_devboxes_that_are_older_than_the_entry(ledger: Ledger) -> None:
    old = Said({"devboxes": [{**BOX, "create_time_ms": 1}], "has_more": True})
    with stub(lambda _: old) as api, Runloop(api.base_url, KEY) as client:
        assert list(living_of(client, ledger.intend("test_it"))) == []
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("refusal", "status", "gone"),
    [(404, "shutdown", True), (400, "shutdown", True), (400, "failure", True), (400, "running", False)],
)
def test_an_end_counts_only_if_the_service_says_so(
    ledger: Ledger, refusal: int, status: str, gone: bool
) -> None:
    entry = ledger.intend("test_it")
    ledger.complete(entry, "dbx_1")

    def answer(asked: Asked) -> Said:
        if asked.line.startswith("POST"):
            return Said({"message": "no"}, refusal)
        return Said({**BOX, "status": status})

    with stub(answer) as api, Runloop(api.base_url, KEY) as client:
        if gone:
            end(client, ledger, entry)
        else:
            with pytest.raises(Exception, match="400"):
                end(client, ledger, entry)
    assert (list(ledger) == []) is gone


def test_a_devbox_is_asked_for_with_our_metadata_beside_the_users(ledger: Ledger) -> None:
    entry = ledger.intend("tests/test_it.py::TestA::test_näme[1-x]")
    with stub(lambda _: Said(BOX)) as api, Runloop(api.base_url, KEY) as client:
        create(client, entry, {"metadata": {"mine": "1"}})
        create(client, entry, {"name": "mine"})
    first, second = api.asked
    assert first.body["metadata"] == {"mine": "1", **entry.metadata}
    assert first.body["name"] == f"pytest-test-n-me-1-x-{entry.key[:8]}"
    assert second.body["name"] == "mine"
    assert first.key == entry.key


def test_a_file_system_without_locks_is_refused_since_they_prove_who_lives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StopRunError, match=r"cannot be used: Function not implemented.*\n.*locks"):
        state_directory()
    assert not list(tmp_path.iterdir())
