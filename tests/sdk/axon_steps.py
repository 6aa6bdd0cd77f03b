"""Steps with axons. Runs in the environment of an SDK: it uses nothing but that and the standard library."""

from __future__ import annotations

import json

import runloop_api_client as sdk

from .calls import Calls, each, got, refused


async def axons(call: Calls) -> None:
    """Make, change, find, use and delete an axon."""
    made = await call("POST /v1/axons", name="sdk", metadata={"a": "b"})
    changed = await call("POST /v1/axons/{}", made.id, metadata={"c": "d"})
    assert (changed.name, changed.metadata) == ("sdk", {"c": "d"}), changed
    pages = await call("GET /v1/axons", name="sd", search=made.id, limit=1)
    assert [view.id async for view in each(pages)] == [made.id]
    await events(call, made.id)
    await database(call, made.id)
    await call("DELETE /v1/axons/{}", made.id)
    assert (await call("GET /v1/axons/{}", made.id)).deleted_at_ms
    deleted = call("POST /v1/axons/{}", made.id, metadata={})
    await refused(sdk.ConflictError, 409, deleted)


async def events(call: Calls, axon: str) -> None:
    """Publish events, list them, and get them as a stream."""
    for number in range(3):
        sent = {"event_type": "e", "origin": "AGENT_EVENT", "source": "sdk", "payload": json.dumps(number)}
        result = await call("POST /v1/axons/{}/publish", axon, **sent)
        assert result.sequence == number + 1, result
    page = await call("GET /v1/axons/{}/events", axon, limit=2)
    assert [event.sequence for event in page.events] == [3, 2], page
    assert page.has_more, page
    stream = await call("GET /v1/axons/{}/subscribe/sse", axon, after_sequence=1)
    seen = []
    async for event in each(stream):
        seen.append(json.loads(event.payload))
        if len(seen) == 2:
            break
    await got(stream.close())
    assert seen == [1, 2], seen


async def database(call: Calls, axon: str) -> None:
    """Carry out statements, one and several."""
    await call("POST /v1/axons/{}/sql/query", axon, sql="CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
    statements = [
        {"sql": "INSERT INTO t (v) VALUES (?)", "params": ["one"]},
        {"sql": "SELECT id, v FROM t"},
    ]
    done = await call("POST /v1/axons/{}/sql/batch", axon, statements=statements)
    assert done.results[0].success.meta.changes == 1, done
    result = await call(
        "POST /v1/axons/{}/sql/query", axon, sql="SELECT id, v FROM t WHERE v = ?", params=["one"]
    )
    assert (result.rows, done.results[1].success.rows) == ([[1, "one"]], [[1, "one"]]), result
    assert [column.type for column in result.columns] == ["INTEGER", "TEXT"], result
    wrong = call("POST /v1/axons/{}/sql/query", axon, sql="SELECT * FROM none")
    await refused(sdk.BadRequestError, 400, wrong)
