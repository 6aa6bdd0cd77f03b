"""Axons: events in order, once and for good, and a database that leads nowhere else."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.axons.database import Database, create
from pytest_runloop.local.axons.lane import BusyError, Lane, LateError
from pytest_runloop.local.axons.session import Budget, in_session
from pytest_runloop.local.axons.sql import is_empty, named_placeholder, without_placeholders
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.errors import ApiError
from pytest_runloop.local.settings import Settings

from .box import ok, refused
from .running import Inside, Server, inside, server

pytestmark = pytest.mark.any_tier
EVENT = {"event_type": "push", "origin": "EXTERNAL_EVENT", "payload": "{}", "source": "github"}
FOREVER = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c"


@dataclass
class Axon:
    """An axon, and the client that made it."""

    api: httpx.Client
    id: str

    @classmethod
    def create(cls, api: httpx.Client, **params: Any) -> Axon:
        """Make one."""
        return cls(api, ok(api.post("/v1/axons", json=params))["id"])

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/axons/{self.id}"

    def publish(self, payload: str = "{}") -> int:
        """Add an event, and return its sequence number."""
        return int(ok(self.api.post(f"{self.path}/publish", json={**EVENT, "payload": payload}))["sequence"])

    def events(self, after: int | None = None) -> Iterator[Any]:
        """Yield the events of a stream."""
        query = {} if after is None else {"after_sequence": after}
        with self.api.stream("GET", f"{self.path}/subscribe/sse", params=query) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def sql(self, sql: str, *params: object) -> httpx.Response:
        """Carry out a statement."""
        return self.api.post(f"{self.path}/sql/query", json={"sql": sql, "params": params})

    def rows(self, sql: str, *params: object) -> Any:
        """Carry out a statement, and return its rows."""
        return ok(self.sql(sql, *params))["rows"]

    def batch(self, *statements: str) -> Any:
        """Carry out statements together, and return what became of each."""
        body = {"statements": [{"sql": sql} for sql in statements]}
        return ok(self.api.post(f"{self.path}/sql/batch", json=body))["results"]


@pytest.fixture
def axon(api: httpx.Client) -> Iterator[Axon]:
    """An axon."""
    made = Axon.create(api)
    yield made
    ok(api.delete(made.path))


# Finding and changing


def test_an_axon_is_found_by_what_is_known_of_it_and_stays_readable_when_it_is_deleted(
    api: httpx.Client,
) -> None:
    one = Axon.create(api, name="find-one", metadata={"color": "red"})
    two = Axon.create(api, name="find-two", metadata={"color": "blue"})

    def found(**query: str) -> list[str]:
        return [view["id"] for view in ok(api.get("/v1/axons", params=query))["axons"]]

    assert found(name="find-") == [two.id, one.id]
    assert found(name="ind-one") == []
    assert found(search="ind-one") == found(search=one.id) == found(id=one.id) == [one.id]
    assert found(**{"name": "find-", "metadata[color]": "red"}) == [one.id]
    assert found(**{"name": "find-", "metadata[color][in]": "red,blue"}) == [two.id, one.id]
    page = ok(api.get("/v1/axons", params={"name": "find-", "limit": "1"}))
    assert (page["has_more"], page["total_count"]) == (True, 2)
    assert found(name="find-", starting_after=two.id) == [one.id]
    assert ok(api.post(one.path, json={}))["metadata"] == {"color": "red"}
    assert ok(api.post(one.path, json={"metadata": {"a": "b"}}))["metadata"] == {"a": "b"}
    assert ok(api.post(one.path, json={"metadata": {}}))["metadata"] == {}
    for each in (one, two, one):
        assert ok(api.delete(each.path)) == {}
    view = ok(api.get(one.path))
    assert view["deleted_at_ms"] >= view["created_at_ms"]
    assert found(name="find-") == [two.id, one.id]


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", "", {}),
    ("GET", "/events", None),
    ("POST", "/publish", EVENT),
    ("POST", "/sql/query", {"sql": "SELECT 1"}),
    ("POST", "/sql/batch", {"statements": []}),
    ("GET", "/subscribe/sse", None),
]


def test_an_unknown_axon_is_not_found_and_of_a_deleted_one_nothing_is_left_but_its_view(
    api: httpx.Client, backend: Server
) -> None:
    gone = Axon.create(api)
    gone.publish()
    ok(api.delete(gone.path))
    for verb, place, body in CALLS:
        refused(api.request(verb, f"/v1/axons/axn_none{place}", json=body), 404, "not_found", "axon")
        if (verb, place) != ("GET", ""):
            answer = api.request(verb, gone.path + place, json=body)
            refused(answer, 409, "axon_deleted", gone.id, "create another")
            assert answer.headers["x-should-retry"] == "false"
    refused(api.delete("/v1/axons/axn_none"), 404, "not_found", "axon")


@pytest.mark.parametrize(
    ("place", "body", "words"),
    [
        ("/publish", {**EVENT, "origin": "SYSTEM_EVENT"}, ["`origin`", "USER_EVENT"]),
        ("/publish", {"event_type": "a", "origin": "USER_EVENT", "source": "b"}, ["`payload` is missing"]),
        ("/publish", {**EVENT, "payload": {"a": 1}}, ["`payload`", "string"]),
        ("/publish", {**EVENT, "pay_load": ""}, ["`pay_load`", "`payload`"]),
        ("/publish", {**EVENT, "payload": "x" * 1_000_000}, ["1,000,000 bytes", "storage object"]),
        ("", {"metadata": {"a": 1}}, ["`metadata.a`"]),
        ("", {"name": "other"}, ["`name` is not known"]),
        ("/sql/query", {"params": []}, ["`sql` is missing"]),
        ("/sql/query", {"sql": " -- nothing\n;"}, ["`sql` is empty"]),
        ("/sql/query", {"sql": "SELECT '\0'"}, ["NUL"]),
        ("/sql/query", {"sql": "SELECT :a", "params": [1]}, [":a", "write ?"]),
        ("/sql/query", {"sql": "SELECT ?", "params": [[1]]}, ["`params.0` must be text, a number"]),
        ("/sql/query", {"sql": "SELECT ?", "params": [2**63]}, ["`params.0` must fit into 64 bits"]),
        ("/sql/batch", {"statements": [{"sq": "x"}]}, ["statements.0.sql", "is missing"]),
        ("/sql/batch", {"statement": []}, ["`statements`"]),
    ],
)
def test_a_wrong_request_is_refused_in_words(axon: Axon, place: str, body: Any, words: list[str]) -> None:
    refused(axon.api.post(axon.path + place, json=body), 400, "invalid_request", *words)


# Events


def test_events_are_numbered_and_listed_newest_first(axon: Axon) -> None:
    assert [axon.publish(str(number)) for number in range(1, 6)] == [1, 2, 3, 4, 5]

    def page(**query: str) -> Any:
        return ok(axon.api.get(f"{axon.path}/events", params=query))

    whole = page()
    assert [event["sequence"] for event in whole["events"]] == [5, 4, 3, 2, 1]
    assert (whole["has_more"], whole["total_count"]) == (False, 5)
    assert whole["events"][0].items() >= {**EVENT, "payload": "5", "axon_id": axon.id}.items()
    part = page(limit="2", starting_after="4", include_total_count="false")
    assert [event["sequence"] for event in part["events"]] == [3, 2]
    assert (part["has_more"], part["remaining_count"], part["total_count"]) == (True, 1, None)
    assert page(starting_after="1")["events"] == []
    for wrong in ("6", "x", "-1", "9" * 30):
        answer = axon.api.get(f"{axon.path}/events", params={"starting_after": wrong})
        refused(answer, 400, "invalid_request", "`starting_after`", wrong)


def test_a_stream_replays_goes_on_live_and_ends_with_the_axon(axon: Axon) -> None:
    axon.publish("1")
    axon.publish("2")
    whole, part = axon.events(), axon.events(after=1)
    assert [next(whole)["payload"] for _ in range(2)] == ["1", "2"]
    assert next(part)["payload"] == "2"
    axon.publish("3")
    assert next(whole) == next(part)
    ok(axon.api.delete(axon.path))
    assert (list(whole), list(part)) == ([], [])


def test_of_many_publishers_and_followers_each_follower_gets_each_event_once_and_in_order(axon: Axon) -> None:
    def taken(start: int) -> list[int]:
        events = axon.events(start)
        return [next(events)["sequence"] for _ in range(start, 160)]

    starts = (0, 0, 3, 40)
    with ThreadPoolExecutor(12) as pool:
        got = [pool.submit(taken, start) for start in starts]
        published = [pool.submit(lambda: [axon.publish() for _ in range(20)]) for _ in range(8)]
        assert sorted(number for each in published for number in each.result()) == list(range(1, 161))
        for start, each in zip(starts, got, strict=True):
            assert each.result() == list(range(start + 1, 161))


def test_who_reads_slowly_holds_up_nobody_and_loses_nothing(axon: Axon) -> None:
    slow = axon.events()
    axon.publish("first")
    assert next(slow)["payload"] == "first"
    payload = "x" * 500_000
    quick = axon.events()
    next(quick)
    for _ in range(30):  # More than sockets hold.
        axon.publish(payload)
        assert next(quick)["payload"] == payload
    assert [next(slow)["sequence"] for _ in range(30)] == list(range(2, 32))


def test_an_event_that_is_sent_twice_under_one_key_is_published_once(axon: Axon) -> None:
    for _ in range(2):
        answer = axon.api.post(f"{axon.path}/publish", json=EVENT, headers={"x-request-id": "one"})
        assert ok(answer)["sequence"] == 1
    assert axon.publish() == 2


# The database


def test_values_come_back_as_what_they_are(axon: Axon) -> None:
    axon.rows("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(9), data BLOB, size REAL)")
    made = ok(
        axon.sql("INSERT INTO t (name, data, size) VALUES (?, x'00ff', ?), ('b?', NULL, 2)", "ä€\0", 1.5)
    )
    assert (made["meta"]["changes"], made["rows"], made["columns"]) == (2, [], [])
    found = ok(axon.sql("SELECT *, '?' || id AS more FROM t WHERE id < ? /* ? */ ORDER BY id LIMIT ?", 9, 5))
    assert found["rows"] == [[1, "ä€\0", "AP8=", 1.5, "?1"], [2, "b?", None, 2.0, "?2"]]
    columns = [(column["name"], column["type"]) for column in found["columns"]]
    assert columns[:4] == [("id", "INTEGER"), ("name", "VARCHAR(9)"), ("data", "BLOB"), ("size", "REAL")]
    assert columns[4][0] == "more"
    assert found["meta"]["changes"] == 0
    assert found["meta"]["rows_read_limit_reached"] is False
    assert axon.rows("SELECT ?, ?, ?, ?, 9e999", True, None, 2**63 - 1, "") == [
        [1, None, 2**63 - 1, "", None]
    ]
    assert axon.rows("SELECT CAST(x'ff41' AS TEXT)") == [["\ufffdA"]]
    assert axon.rows("DELETE FROM t WHERE id = 1 RETURNING name") == [["ä€\0"]]
    assert axon.rows("PRAGMA table_info(t)")[0][1] == "id"


def test_events_can_be_asked_for_in_sql_and_not_be_changed(axon: Axon) -> None:
    axon.publish('{"n": 7}')
    asked = "SELECT sequence, payload ->> 'n', source FROM rl_axon_events"
    assert axon.rows(asked) == [[1, 7, "github"]]
    axon.rows("CREATE VIEW v AS " + asked)
    for sql in (
        "DELETE FROM rl_axon_events",
        "INSERT INTO RL_AXON_EVENTS (payload) VALUES ('')",
        "UPDATE rl_axon_events SET payload = ''",
        "DROP TABLE rl_axon_events",
        "ALTER TABLE rl_axon_events ADD COLUMN more",
        "CREATE TRIGGER t AFTER INSERT ON rl_axon_events BEGIN SELECT 1; END",
        "CREATE INDEX i ON rl_axon_events (payload)",
    ):
        refused(axon.sql(sql), 400, "sql_refused", "rl_axon_events", "reading only")
    assert axon.publish() == 2
    assert len(axon.rows("SELECT * FROM v")) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{}/other' AS other",
        "VACUUM",
        "VACUUM INTO '{}/other'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA temp_store_directory = '{}'",
        "PRAGMA writable_schema = 1",
        "PRAGMA page_size = 512",
        "PRAGMA max_page_count = 1000000000",
        "SELECT file FROM pragma_database_list",
        "SELECT load_extension('{}/other')",
        "SELECT fts3_tokenizer('simple')",
        "CREATE VIRTUAL TABLE t USING csv(filename='{}/other')",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
    ],
)
def test_what_leads_out_of_the_database_is_refused(axon: Axon, sql: str, tmp_path: Path) -> None:
    refused(axon.sql(sql.format(tmp_path)), 400, "sql_refused")
    (step,) = axon.batch(sql.format(tmp_path))
    assert step["error"]["message"]
    assert list(tmp_path.iterdir()) == []
    assert axon.rows("SELECT 1") == [[1]]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM none", "no such table: none"),
        ("SELECT 1; SELECT 2", "as a batch"),
        ("SELECT ?", "bindings"),
        ("INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "may not be modified"),
        ("SELECT readfile('/etc/passwd')", "no such function"),
        ("SELECT zeroblob(100000000)", "too big"),
    ],
)
def test_what_sqlite_refuses_is_refused_in_its_words(axon: Axon, sql: str, words: str) -> None:
    refused(axon.sql(sql), 400, "sql_error", words)


def test_full_text_search_and_json_work(axon: Axon) -> None:
    axon.rows("CREATE VIRTUAL TABLE notes USING fts5(text)")
    axon.rows("INSERT INTO notes VALUES (?), (?)", "the quick fox", "a lazy dog")
    assert axon.rows("SELECT text FROM notes WHERE notes MATCH ?", "fox") == [["the quick fox"]]
    assert axon.rows("SELECT value FROM json_each(?)", "[1, 2]") == [[1], [2]]


def test_a_batch_is_carried_out_as_a_whole_or_not_at_all(axon: Axon) -> None:
    done = axon.batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)", "SELECT * FROM t"
    )
    assert [step["error"] for step in done] == [None, None, None]
    assert done[1]["success"]["meta"]["changes"] == 2
    assert done[2]["success"]["rows"] == [[1], [2]]
    for failing in ("INSERT INTO t VALUES (1)", "INSERT OR ROLLBACK INTO t VALUES (1)"):
        failed = axon.batch("INSERT INTO t VALUES (3)", failing, "SELECT 1")
        messages = [step["error"]["message"] for step in failed]
        assert messages[1] == "UNIQUE constraint failed: t.id"
        assert messages[0] == messages[2]
        assert "statement 2 of the batch failed: UNIQUE" in messages[0]
        assert axon.rows("SELECT count(*) FROM t") == [[2]]
    assert axon.batch() == []


# Bounds, on a backend within the test


@asynccontextmanager
async def bounded(directory: Path, **settings: Any) -> AsyncIterator[tuple[Inside, str]]:
    """Run a backend with an axon."""
    engine = await open_engine("process", directory)
    async with inside(engine, directory, Settings(**settings)) as running:
        yield running, ok(await running.api.post("/v1/axons", json={}))["id"]


async def sql(running: Inside, axon: str, statement: str) -> httpx.Response:
    """Carry out a statement."""
    return await running.api.post(f"/v1/axons/{axon}/sql/query", json={"sql": statement})


async def published(running: Inside, axon: str) -> int:
    """Add an event, and return its sequence number."""
    return int(ok(await running.api.post(f"/v1/axons/{axon}/publish", json=EVENT))["sequence"])


@pytest.mark.asyncio
async def test_a_statement_without_end_is_stopped_and_holds_up_neither_events_nor_other_axons(
    tmp_path: Path,
) -> None:
    async with bounded(tmp_path, sql_seconds=1) as (running, axon):
        other = ok(await running.api.post("/v1/axons", json={}))["id"]
        endless = asyncio.ensure_future(sql(running, axon, FOREVER))
        assert await published(running, axon) == 1
        assert ok(await sql(running, other, "SELECT 1"))["rows"] == [[1]]
        assert not endless.done()
        answer = await endless
        refused(answer, 408, "sql_timeout", "1 s")
        assert answer.headers["x-should-retry"] == "false"
        ok(await sql(running, axon, "CREATE TABLE numbers AS SELECT 1 AS n"))
        writing = asyncio.ensure_future(sql(running, axon, f"INSERT INTO numbers {FOREVER}"))
        assert await published(running, axon) == 2
        refused(await writing, 408, "sql_timeout")
        body = {"statements": [{"sql": "CREATE TABLE t (a)"}, {"sql": FOREVER}]}
        steps = ok(await running.api.post(f"/v1/axons/{axon}/sql/batch", json=body))["results"]
        assert "stopped" in steps[1]["error"]["message"]
        refused(await sql(running, axon, "SELECT * FROM t"), 400, "sql_error", "no such table")


def test_many_short_statements_have_no_more_time_than_a_long_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    create(path)
    statements = [{"sql": "SELECT 1"}] * 3
    over = Budget(0, threading.Event())
    done = in_session(Database(path, "axn_1", 1), Settings(), over, lambda one: one.batch(statements))
    assert [step.success for step in done.results] == [None] * 3
    assert "stopped" in done.results[0].error.message


@pytest.mark.asyncio
async def test_the_end_of_the_server_ends_statements_and_streams(tmp_path: Path) -> None:
    async with bounded(tmp_path, sql_seconds=600) as (running, axon):
        stream = aiter(running.backend.axons.follow(axon, -1))
        assert await anext(stream) == b": events follow\n\n"
        rest = asyncio.ensure_future(anext(stream, b"the end"))
        endless = asyncio.ensure_future(sql(running, axon, FOREVER))
        await published(running, axon)
        assert b"push" in await rest
        rest = asyncio.ensure_future(anext(stream, b"the end"))
        await asyncio.sleep(0)
    assert await rest == b"the end"
    refused(await endless, 503, "shutting_down")


@pytest.mark.asyncio
async def test_answers_values_and_files_have_bounds(tmp_path: Path) -> None:
    bounds = {"sql_rows": 3, "sql_answer_max": 1000, "sql_database_max": 200_000, "sql_pattern_max": 10}
    async with bounded(tmp_path, **bounds) as (running, axon):
        rows = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 9) SELECT {} FROM c"
        for shown, count in (("n", 3), ("zeroblob(400)", 2)):
            found = ok(await sql(running, axon, rows.format(shown)))
            assert found["meta"]["rows_read_limit_reached"] is True
            assert len(found["rows"]) == count
        refused(await sql(running, axon, "SELECT 'a' LIKE '12345678901'"), 400, "sql_error", "LIKE")
        wide = await sql(running, axon, f"SELECT {', '.join(['zeroblob(1000000)'] * 101)}")
        refused(wide, 400, "sql_error", "too many columns")
        ok(await sql(running, axon, "CREATE TABLE t (a)"))
        large = await sql(running, axon, "INSERT INTO t VALUES (zeroblob(300000))")
        refused(large, 400, "sql_error", "as large as it may get")
        assert await published(running, axon) == 1


@pytest.mark.asyncio
async def test_silence_is_broken_by_comments_and_what_another_server_does_is_seen_then(
    tmp_path: Path,
) -> None:
    async with (
        bounded(tmp_path) as (running, axon),
        inside(await open_engine("process", tmp_path), tmp_path) as other,
    ):
        follower = running.backend.axons.follow(axon, -1)
        stream = aiter(follower)
        assert await anext(stream) == b": events follow\n\n"

        async def after_silence(doing: Awaitable[object] | None = None) -> bytes:
            timers = len(running.clock.timers)
            piece = asyncio.ensure_future(anext(stream, b"the end"))
            await running.clock.asked(timers + 1)
            if doing is not None:
                await doing
            await running.clock.advance(10)
            return await piece

        assert await after_silence() == b": nothing new\n\n"
        assert await after_silence(published(other, axon)) == b": nothing new\n\n"
        assert b'"sequence":1' in await anext(stream)
        assert await published(running, axon) == 2
        assert b'"sequence":2' in await anext(stream)
        assert await after_silence(other.api.delete(f"/v1/axons/{axon}")) == b"the end"
        await follower.aclose()


@pytest.mark.asyncio
async def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    async with bounded(tmp_path) as (running, axon):
        (tmp_path / "axons" / f"{axon}.sqlite3").unlink()
        refused(await sql(running, axon, "SELECT 1"), 500, "content_lost", "state directory")
        follower = running.backend.axons.follow(axon, 0)
        pieces = [piece async for piece in follower]
        await follower.aclose()
        assert pieces[0] == b": events follow\n\n"
        (error,) = pieces[1:]
        assert error.startswith(b'event: error\ndata: {"code": 500, "message": "the axon')


@pytest.mark.asyncio
async def test_who_comes_while_an_axon_is_deleted_is_told_so(tmp_path: Path) -> None:
    async with bounded(tmp_path) as (running, axon):
        channel = running.backend.axons.channel(axon)
        await channel.publish(EVENT)
        ok(await running.api.delete(f"/v1/axons/{axon}"))
        for late in (channel.publish(EVENT), channel.query({"sql": "SELECT 1"}), channel.after(0)):
            with pytest.raises(ApiError, match="is deleted") as caught:
                await late
            assert caught.value.code == "axon_deleted"


@pytest.mark.asyncio
async def test_work_that_does_not_end_is_left_behind_and_no_other_begins_before_it_has_ended() -> None:
    lane, end = Lane(), threading.Event()
    with pytest.raises(LateError):
        await lane.run(end.wait, wait=60, limit=0.01)
    with pytest.raises(BusyError):
        await lane.run(lambda: pytest.fail("it began"), wait=0.01, limit=60)
    end.set()
    assert await lane.run(lambda: 5, wait=60, limit=60) == 5


# What outlives the server


def test_events_and_tables_outlive_the_server_and_deleted_ones_leave_no_file(tmp_path: Path) -> None:
    files = tmp_path / "axons"
    with server(tmp_path, isolation="process") as first, first.client() as api:
        kept, deleted = Axon.create(api, name="kept"), Axon.create(api)
        for each in (kept, deleted):
            each.publish("1")
            each.rows("CREATE TABLE t AS SELECT 5 AS a")
        ok(api.delete(deleted.path))
        assert [path.name for path in files.glob("*.sqlite3")] == [f"{kept.id}.sqlite3"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.iterdir()} == {0o600}
    (files / f"{deleted.id}.sqlite3-wal").touch()
    with server(tmp_path, isolation="process") as second, second.client() as api:
        kept = Axon(api, kept.id)
        assert kept.publish("2") == 2
        events = kept.events()
        assert [next(events)["payload"] for _ in range(2)] == ["1", "2"]
        assert kept.rows("SELECT a FROM t") == [[5]]
        assert ok(api.get(f"/v1/axons/{deleted.id}"))["deleted_at_ms"]
    assert [path.name for path in files.iterdir()] == [f"{kept.id}.sqlite3"]


# Words of SQL


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("SELECT ?, ?2", "SELECT  NULL ,  NULL "),
        ("'a?' || \"b?\" || `c?` || [d?] || ?", "'a?' || \"b?\" || `c?` || [d?] ||  NULL "),
        ("'it''s ?' -- ?\n/* ? */ ?", "'it''s ?' -- ?\n/* ? */  NULL "),
        ("a$b /* ?", "a$b /* ?"),
        *((f"SELECT ?, {mark}?", f"SELECT  NULL , {mark}?") for mark in "'\"`["),
    ],
)
def test_placeholders_are_found_where_sqlite_finds_them(text: str, filled: str) -> None:
    assert without_placeholders(text) == filled
    assert named_placeholder(text) is None
    assert not is_empty(text)


def test_a_statement_without_an_end_is_read_once() -> None:
    for mark in "'\"`[":
        text = f"{mark * 1_000_001}?"
        assert without_placeholders(text) == text


@pytest.mark.parametrize("text", ["", " ;; ", "-- a", "/* a */ ; -- b\n", "/* a"])
def test_comments_alone_are_no_statement(text: str) -> None:
    assert is_empty(text)
