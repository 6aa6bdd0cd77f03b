"""A devbox through plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from .running import PATIENCE


def ok(answer: httpx.Response) -> Any:
    """Return the JSON of an answer that must be a success."""
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str, *words: str) -> str:
    """Return the message of an answer that must be this error, with these words in it."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    body = answer.json()
    assert body["error"] == code, body
    for word in words:
        assert word in body["message"], body["message"]
    assert answer.headers["x-runloop-request-id"]
    return str(body["message"])


@dataclass
class Box:
    """A devbox, and the client that made it."""

    api: httpx.Client
    id: str

    @classmethod
    def create(cls, api: httpx.Client, **params: Any) -> Box:
        """Create a devbox and wait until it runs."""
        view = ok(api.post("/v1/devboxes/create_and_await_running", json=params))
        box = cls(api, view["id"])
        box.wait("running", "failure", "shutdown")
        return box

    def post(self, call: str, body: dict[str, Any] | None = None, **how: Any) -> httpx.Response:
        """Call something of the devbox."""
        return self.api.post(f"/v1/devboxes/{self.id}/{call}", json=body, **how)

    def view(self) -> Any:
        """Return its view."""
        return ok(self.api.get(f"/v1/devboxes/{self.id}"))

    def wait(self, *statuses: str) -> Any:
        """Wait for one of these statuses, and return the view."""
        while True:
            body = {"statuses": statuses, "timeout_seconds": 20}
            answer = self.post("wait_for_status", body, timeout=PATIENCE)
            if answer.status_code != 408:
                return ok(answer)

    def begin(self, command: str, **params: Any) -> str:
        """Start a command and return the execution's id."""
        return str(ok(self.post("execute_async", {"command": command, **params}))["execution_id"])

    def finish(self, execution: str, last_n: str = "100") -> Any:
        """Wait for the end of a command, and return its view."""
        path = f"executions/{execution}/wait_for_status?last_n={last_n}"
        while True:
            answer = self.post(path, {"statuses": ["completed"], "timeout_seconds": 20})
            if answer.status_code != 408:
                return ok(answer)

    def run(self, command: str, **params: Any) -> Any:
        """Run a command and return its view."""
        return self.finish(self.begin(command, **params))

    def text(self, command: str, **params: Any) -> str:
        """Run a command that must succeed, and return what it prints."""
        view = self.run(command, **params)
        assert view["exit_status"] == 0, view
        return str(view["stdout"])

    def stdin(self, execution: str, **params: Any) -> Any:
        """Send to a command's standard input."""
        return ok(self.post(f"executions/{execution}/send_std_in", params))

    def events(self, execution: str, output: str = "stdout", offset: int | None = None) -> Iterator[Any]:
        """Yield the events of a stream."""
        query = "" if offset is None else f"?offset={offset}"
        path = f"/v1/devboxes/{self.id}/executions/{execution}/stream_{output}_updates{query}"
        with self.api.stream("GET", path) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def streamed(self, execution: str, output: str = "stdout", offset: int | None = None) -> str:
        """Return everything of a stream."""
        return "".join(event["output"] for event in self.events(execution, output, offset))

    def read(self, path: str) -> httpx.Response:
        """Read a text file."""
        return self.post("read_file_contents", {"file_path": path})

    def write(self, path: str, contents: str) -> httpx.Response:
        """Write a text file."""
        return self.post("write_file_contents", {"file_path": path, "contents": contents})

    def logs(self, **query: str) -> list[Any]:
        """Return the log."""
        lines: list[Any] = ok(self.api.get(f"/v1/devboxes/{self.id}/logs", params=query))["logs"]
        return lines

    def end(self) -> Any:
        """Shut it down."""
        return ok(self.post("shutdown"))
