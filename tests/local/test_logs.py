"""The log of a devbox: who wrote what into it, and following it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pytest_runloop.local.logbook import Logbook, of
from pytest_runloop.local.masking import Mask

from .box import Box, ok, refused
from .fake_clock import FakeClock


def _tail(box: Box, **query: str) -> Iterator[Any]:
    """Yield the lines of a log until the stream ends."""
    with box.api.stream("GET", f"/v1/devboxes/{box.id}/logs/tail", params=query) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])


def test_every_line_says_who_wrote_it(api: httpx.Client) -> None:
    box = Box.create(
        api, entrypoint="echo begun; sleep 600", launch_parameters={"launch_commands": ["echo set"]}
    )
    ok(box.write("f", "x"))
    assert box.read("f").text == "x"
    execution = box.run("exit 3")["execution_id"]
    box.run("true", shell_name="s")
    by_source: dict[str, list[Any]] = {}
    for line in box.logs():
        by_source.setdefault(line["source"], []).append(line)
    assert set(by_source) >= {"setup_commands", "entrypoint", "files", "exec"}
    assert [line["message"] for line in by_source["files"]] == ["wrote f", "read f"]
    alone = box.logs(execution_id=execution)
    assert [line["source"] for line in alone] == ["exec", "exec"]
    assert (alone[-1]["exit_code"], alone[-1]["cmd"]) == (3, "exit 3")
    assert {line["shell_name"] for line in box.logs(shell_name="s")} == {"s"}
    assert box.logs(shell_name="s", execution_id=execution) == []
    box.end()


def test_a_log_is_followed_until_the_devbox_ends(api: httpx.Client) -> None:
    box = Box.create(api)
    ok(box.write("before", "x"))
    lines = _tail(box)
    seen = [next(lines)]
    while seen[-1]["message"] != "wrote before":
        seen.append(next(lines))
    ok(box.write("after", "x"))
    assert next(lines)["message"] == "wrote after"
    box.end()
    assert "shut down: api_shutdown" in [line["message"] for line in lines][-1]
    assert list(_tail(box))[: len(seen)] == seen, "it can be read again after the end"


def test_the_lines_of_one_command_can_be_followed(api: httpx.Client) -> None:
    box = Box.create(api)
    execution = box.begin("read line; exit 4", attach_stdin=True)
    lines = _tail(box, execution_id=execution)
    assert next(lines)["cmd"] == "read line; exit 4"
    ok(box.write("other", "x"))
    box.stdin(execution, text="go\n")
    assert next(lines)["exit_code"] == 4
    box.end()
    assert list(lines) == []


@pytest.mark.parametrize("call", ["logs", "logs/tail", "usage"])
def test_what_is_not_there_has_no_log(api: httpx.Client, call: str) -> None:
    refused(api.get(f"/v1/devboxes/dbx_none/{call}"), 404, "not_found", "dbx_none")


def test_a_follower_that_is_slow_loses_only_what_the_log_itself_has_lost() -> None:
    log = Logbook(FakeClock(), 3, Mask())
    for number in range(5):
        log.note("exec", str(number), cmd_id="a" if number % 2 else "b")
    lines, position = log.since(1)
    assert ([line.message for line in lines], position) == (["2", "3", "4"], 5)
    assert log.since(position) == ([], 5)
    log.note("exec", "5", shell_name="s")
    assert [line.message for line in log.since(position)[0]] == ["5"]
    assert [line.message for line in log.lines(of("a", None))] == ["3"]
    assert [line.message for line in log.lines(of(None, "s"))] == ["5"]
