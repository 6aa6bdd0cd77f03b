"""The pool of a run: who gets a slot, when, and with what in it. Real processes, real signals."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.session.errors import UnavailableError
from pytest_runloop.session.pool.line import Line
from pytest_runloop.session.pool.notice import WaitNotice
from pytest_runloop.session.pool.pool import Lease, Pool

_SPAWN = multiprocessing.get_context("spawn")
SECONDS = 60
Start = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The pool's folder."""
    return tmp_path / "pool"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes, all of which have ended when the test has."""
    started: list[Any] = []

    def begin(work: Callable[..., None], *arguments: object) -> Any:
        process = _SPAWN.Process(target=work, args=arguments, daemon=True)
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


def _use_slots(folder: Path, limit: int, rounds: int) -> None:
    pool = Pool(folder, limit, "gw")
    for number in range(rounds):
        leases = pool.take("test", "spec", 1 + number % 2)
        for lease in leases:
            mark = folder / f"used-{lease.slot.number}"
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # Two at once would fail here.
            mark.unlink()
        for lease in leases:
            pool.give_back(lease, "entry", "spec")


def test_no_two_processes_have_a_slot_and_the_cap_holds(folder: Path, start: Start) -> None:
    processes = [start(_use_slots, folder, 2, 40) for _ in range(4)]
    for process in processes:
        process.join(SECONDS)
    assert [process.exitcode for process in processes] == [0] * 4
    assert {path.name for path in (folder / "slots").glob("*.json")} == {"0.json", "1.json"}


def test_who_gives_back_and_queues_up_again_is_not_taken_for_part_of_a_circle(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool(folder, 1, "gw0")
    [taken] = pool.take("first", "spec")
    holder = taken.slot.record.holder
    assert holder is not None

    def waiting(_line: Line) -> set[tuple[int, int]]:
        if taken.slot.read().holder is not None:
            pool.give_back(taken)
        return {(holder.process, holder.thread)}  # As if its owner had come back before this look.

    monkeypatch.setattr(Line, "waiting", waiting)
    [lease] = pool.take("second", "spec")
    pool.give_back(lease)


def _take_and_say(folder: Path, limit: int, said: Path) -> None:
    pool = Pool(folder, limit, "gw0")
    [lease] = pool.take("the test that died", "spec")
    lease.slot.write(entry="its devbox")
    said.touch()
    signal.pause()


def test_a_slot_whose_holder_was_killed_is_never_handed_out_as_it_is(
    folder: Path, start: Start, tmp_path: Path
) -> None:
    process = start(_take_and_say, folder, 1, tmp_path / "said")
    assert _until((tmp_path / "said").exists)
    os.kill(process.pid, signal.SIGKILL)
    pool = Pool(folder, 1, "gw1")
    [lease] = pool.take("test", "spec")
    assert (lease.fits, lease.stale) == (None, "its devbox")
    assert not list(pool.lasting()), "it had not come to say that it lasts"


def _wait_in_line(folder: Path) -> None:
    Pool(folder, 1, "gw0").take("test")


def test_who_died_in_the_line_holds_nobody_up(folder: Path, start: Start) -> None:
    pool = Pool(folder, 1, "")
    [lease] = pool.take("first")
    process = start(_wait_in_line, folder)
    assert _until(lambda: pool.longest_wait() > 0)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    pool.give_back(lease)
    assert pool.take("next")


def _take_and_fill_the_disk(folder: Path, said: Path) -> None:
    pool = Pool(folder, 1, "gw0")
    [lease] = pool.take("test", "spec")
    lease.slot.write(entry="its devbox")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # as on a full disk: no byte more
    for use in (lambda: pool.give_back(lease, "its devbox", "spec"), lambda: pool.take("test", "spec")):
        with pytest.raises(OSError, match="File too large"):
            use()
    said.touch()
    signal.pause()


def test_on_a_full_disk_slots_come_free_and_what_is_in_them_is_not_handed_out(
    folder: Path, start: Start, tmp_path: Path
) -> None:
    start(_take_and_fill_the_disk, folder, tmp_path / "said")
    assert _until((tmp_path / "said").exists)
    [lease] = Pool(folder, 1, "gw1").take("test", "spec")
    assert (lease.fits, lease.stale) == (None, "its devbox")
    assert not [path.name for path in (folder / "slots").glob(".*")]


def _wait_in_line_and_fork(folder: Path, said: Path) -> None:
    with Line(folder).place():
        if os.fork() == 0:
            said.write_text(str(os.getpid()))
        signal.pause()


def test_what_somebody_in_the_line_forked_does_not_wait_in_their_place(
    folder: Path, start: Start, tmp_path: Path
) -> None:
    folder.mkdir()
    process = start(_wait_in_line_and_fork, folder, said := tmp_path / "said")
    assert _until(lambda: said.exists() and bool(said.read_text()))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        with Line(folder).place() as place:
            assert place.is_first()
    finally:
        os.kill(int(said.read_text()), signal.SIGKILL)


def test_a_clock_that_is_set_back_lets_nobody_jump_the_queue(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    line = Line(folder)
    with line.place() as first:
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        with line.place() as second:
            assert (first.is_first(), second.is_first()) == (True, False)


def test_who_came_first_is_served_first(folder: Path) -> None:
    pool, served = Pool(folder, 1, ""), list[int]()

    def take(number: int) -> None:
        [lease] = pool.take(f"test {number}")
        served.append(number)
        pool.give_back(lease)

    [held] = pool.take("holder")
    with ThreadPoolExecutor(4) as threads:
        for number in range(4):
            threads.submit(take, number)
            assert _until(lambda: len(pool._line.waiting()) == number + 1)  # noqa: B023
        pool.give_back(held)
    assert served == [0, 1, 2, 3]


def test_what_fits_is_handed_out_before_anything_else(folder: Path) -> None:
    pool = Pool(folder, None, "")
    first, second = pool.take("test", count=2)
    pool.give_back(first, "old", "other")
    pool.give_back(second, "wanted", "spec")
    [lease] = pool.take("test", "spec")
    assert (lease.fits, lease.stale) == ("wanted", None)


def test_without_a_cap_nothing_that_stands_ready_gives_way(folder: Path) -> None:
    pool = Pool(folder, None, "")
    [lease] = pool.take("test", "other")
    pool.give_back(lease, "idle", "other")
    [lease] = pool.take("test", "spec")
    assert (lease.fits, lease.stale) == (None, None)


def test_under_a_cap_what_idled_longest_gives_way(folder: Path) -> None:
    pool = Pool(folder, 2, "")
    for lease, entry in zip(pool.take("test", count=2), ("older", "newer"), strict=True):
        pool.give_back(lease, entry, "other")
    [lease] = pool.take("test", "spec")
    assert lease.stale == "older"


def test_a_devbox_that_is_not_to_be_reused_is_ended_by_the_next(folder: Path) -> None:
    pool = Pool(folder, 1, "")
    [lease] = pool.take("test")
    pool.give_back(lease, "not confirmed to have ended")
    [lease] = pool.take("test", "spec")
    assert lease.stale == "not confirmed to have ended"


def test_several_are_taken_all_or_none(folder: Path) -> None:
    pool = Pool(folder, 3, "")
    first, second = pool.take("holder", count=2)
    with ThreadPoolExecutor(2) as threads:
        both = threads.submit(pool.take, "wants two", None, 2)
        assert _until(lambda: pool.longest_wait() > 0)
        one = threads.submit(pool.take, "came later, wants one")
        pool.give_back(first)
        assert len(both.result(SECONDS)) == 2
        assert not one.done()
        pool.give_back(second)
        assert len(one.result(SECONDS)) == 1


def test_more_than_the_cap_is_refused_at_once(folder: Path) -> None:
    with pytest.raises(UnavailableError, match=r"3 devboxes are wanted.*max-devboxes allows 2"):
        Pool(folder, 2, "").take("test", count=3)


def test_what_the_run_keeps_counts_against_the_cap(folder: Path) -> None:
    pool = Pool(folder, 1, "")
    [lease] = pool.take("session_devbox")
    pool.keep(lease, "entry")
    assert list(pool.lasting()) == ["entry"]
    with pytest.raises(UnavailableError, match=r"lasts until the end of the run.*session_devbox"):
        pool.take("test")


def test_tests_that_would_wait_for_each_other_forever_are_told(folder: Path) -> None:
    pool = Pool(folder, 2, "")
    holding = threading.Barrier(2)

    def take_twice(name: str) -> str:
        leases = list[Lease]()
        try:
            leases += pool.take(name)
            holding.wait(SECONDS)
            leases += pool.take(name)
        except UnavailableError as error:
            return str(error)
        finally:
            for lease in leases:
                pool.give_back(lease)
        return "served"

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(take_twice, ["test_a", "test_b"]))
    assert sorted(text == "served" for text in said) == [False, True]
    [told] = [text for text in said if text != "served"]
    assert "wait forever" in told
    assert {"test_a", "test_b"} <= set(told.replace("(", " ").split())


def test_a_long_wait_names_who_holds_the_devboxes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_runloop.session.pool.notice.FIRST_SECONDS", 0.2)
    monkeypatch.setattr(WaitNotice, "seconds", 0.05)
    pool, said = Pool(folder, 1, "gw3"), list[str]()
    [lease] = pool.take("tests/test_app.py::test_slow")
    notice = WaitNotice(pool, said.append)
    notice.start()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.take, "test")
        assert _until(lambda: bool(said))
        pool.give_back(lease)
        waiting.result(SECONDS)
    notice.stop()
    assert "gw3 tests/test_app.py::test_slow" in said[0]


def _until(condition: Callable[[], bool]) -> bool:
    passed = threading.Event()
    for _ in range(SECONDS * 50):
        if condition():
            return True
        passed.wait(0.02)
    return False
