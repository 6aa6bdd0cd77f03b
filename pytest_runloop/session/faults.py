"""What a test may let go wrong on the run's local backend, and hold up there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import pytest

from . import backend, options
from .choice import choose
from .errors import UnavailableError
from .run import Run

if TYPE_CHECKING:
    import httpx

CONTROL = pytest.StashKey["FaultControl"]()
"""What a test gives faults with, in its item's stash."""
_ANSWER_SECONDS = 30.0
"""Beyond what a call may take by itself."""

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True


class FaultControl:
    """The faults of one test. What it added ends with it; the plan of the run stays as it is.

    All workers share one backend: a rule that names no `devbox=` strikes the tests of the others too.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._added: list[str] = []
        self.used = False
        """Whether anything was ever added."""
        self._began = self._ask("GET", "/_local/faults/log")["last"]

    def add(self, rule: str) -> str:
        """Add a rule, as `http_503@executions.*:devbox=mine:times=2`, and return its name.

        :param rule: an item of a plan: `KIND[=PROBABILITY][@ENDPOINT][:before|:after][:OPTION=VALUE]...`.
        :raises ValueError: if it is not understood, or its `name` is taken.
        """
        name: str = self._ask("POST", "/_local/faults/rules", {"text": rule})["name"]
        self._added.append(name)
        self.used = True
        return name

    def gate(self, rule: str) -> Gate:
        """Add a rule that holds calls, commands or steps in devboxes' lives.

        :param rule: an item of a plan that begins with `gate`, as `gate:moment=boot:devbox=mine`.
        :raises ValueError: if it is not understood, or is no gate.
        """
        if not rule.startswith("gate"):
            raise ValueError(f"{rule!r} is no gate: write `gate:moment=boot:devbox=NAME` or the like")
        return Gate(self, self.add(rule))

    def log(self) -> list[dict[str, Any]]:
        """Return what went wrong since the test began, oldest first, on whomever's devbox."""
        entries: list[dict[str, Any]] = self._ask("GET", f"/_local/faults/log?after={self._began}")["faults"]
        return entries

    def end(self) -> None:
        """Take back what was added. Whoever is held goes on."""
        while self._added:
            with contextlib.suppress(ValueError):  # The plan was replaced meanwhile.
                self._ask("POST", f"/_local/faults/rules/{quote(self._added.pop(), safe='')}/remove")
        self._http.close()

    def at_gate(self, name: str, what: str, body: dict[str, Any], seconds: float = 0) -> dict[str, Any]:
        """Work one of the gates. For `Gate`."""
        path = f"/_local/gates/{quote(name, safe='')}/{what}"
        answer: dict[str, Any] = self._ask("POST", path, body, seconds)
        return answer

    def _ask(self, verb: str, path: str, body: dict[str, Any] | None = None, seconds: float = 0) -> Any:
        answer = self._http.request(verb, path, json=body, timeout=seconds + _ANSWER_SECONDS)
        if answer.is_success:
            return answer.json()
        said = str(answer.json().get("message", answer.text))
        if answer.status_code == 408:
            raise TimeoutError(said)
        raise ValueError(said)


def given_by(item: pytest.Item) -> bool:
    """Tell whether a test has let things go wrong, or held them up, itself."""
    control = item.stash.get(CONTROL, None)
    return control is not None and control.used


class Gate:
    """Holds whoever comes, until released. As a context manager it lets all go at the end, whatever happens.

    :param name: of its rule.
    """

    def __init__(self, control: FaultControl, name: str) -> None:
        self._control = control
        self.name = name

    def wait(self, count: int = 1, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Wait until so many stand at the gate, and return what is known of each.

        :param count: how many at once.
        :param timeout: seconds; up to 600.
        :return: of each its `endpoint` (or moment, or `command`), `devbox_id`, `occurrence`, `since_ms`.
        :raises TimeoutError: if fewer came.
        """
        body = {"count": count, "timeout_seconds": timeout}
        held: list[dict[str, Any]] = self._control.at_gate(self.name, "wait", body, timeout)["held"]
        return held

    def release(self, count: int | None = None) -> int:
        """Let the first of those go who stand there, and return how many went. Who comes later is held.

        :param count: how many at the most; all by default.
        """
        body = {} if count is None else {"count": count}
        return int(self._control.at_gate(self.name, "release", body)["went"])

    def open(self) -> None:
        """Let all go, and hold nobody any more."""
        self._control.at_gate(self.name, "release", {"open": True})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()


def control(run: Run) -> FaultControl:
    """Return the control of the run's local backend, which is started for it.

    :raises UnavailableError: if the run has no such backend, or one without faults.
    """
    import httpx

    choice = choose(run.settings)
    if choice.kind != "local":
        raise UnavailableError(
            "runloop_faults works on the local backend only, "
            f"and devboxes come from elsewhere ({choice.why}).\n"
            f"Run this test with {options.BACKEND.flag}=local."
        )
    if run.settings[options.FAULTS] is None:
        raise UnavailableError(
            "runloop_faults needs a backend that was started for faults.\n"
            f"Give the run a plan, if only an empty one: `{options.FAULTS.ini} = seed=1` in the ini file, "
            f"or {options.FAULTS.flag}=seed=1."
        )
    running = backend.local_server(run)
    headers = {"Authorization": f"Bearer {running.api_key}"}
    return FaultControl(httpx.Client(base_url=running.base_url, headers=headers, trust_env=False))
