"""The routes by which a test reads and sets the plan, sees what happened, and works the gates.

All ask for the server's own key, as `Authorization: Bearer KEY`. Bodies and answers are JSON objects. A plan
or a rule is given as such, or as `{"text": SHORT FORM}`.

| route | does |
|---|---|
| `GET /_local/faults` | gives the plan in force, as `plan` and as `text` |
| `POST /_local/faults` | sets another plan; counts begin anew, and whoever is held or waits goes on |
| `POST /_local/faults/rules` | adds a rule, while the others go on counting; gives its `name` |
| `POST /_local/faults/rules/{name}/remove` | takes a rule away |
| `GET /_local/faults/log?after=N` | gives the `faults` after number N, the `last` number, counts `by_rule` |
| `GET /_local/gates` | gives every gate, and who stands at it |
| `POST /_local/gates/{name}/wait` | answers when `count` (1) stand there; 408 after `timeout_seconds` (10) |
| `POST /_local/gates/{name}/release` | lets `count` (all) go; with `open: true` holds nobody any more |
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ...contract.nearest import nearest
from .devboxes import FaultyDevboxes
from .gates import Gate
from .injector import Injector
from .plan import FaultPlan, FaultPlanError

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
Handler = Callable[[Request], Awaitable[dict[str, Any]]]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Wait(_Body):
    count: int = Field(1, ge=1)
    timeout_seconds: Annotated[float, Field(ge=0, le=600)] = 10.0


class _Release(_Body):
    count: int | None = Field(None, ge=1)
    open: bool = False


class _RefusedError(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(message)


def control_app(injector: Injector, devboxes: FaultyDevboxes, api_key: str) -> ASGIApp:
    """Return the application that has these routes.

    :param api_key: what a caller must send as `Authorization: Bearer KEY`.
    """
    control = _Control(injector, devboxes)
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/_local/faults", control.read),
        ("POST", "/_local/faults", control.replace),
        ("POST", "/_local/faults/rules", control.add),
        ("POST", "/_local/faults/rules/{name}/remove", control.remove),
        ("GET", "/_local/faults/log", control.log),
        ("GET", "/_local/gates", control.gates),
        ("POST", "/_local/gates/{name}/wait", control.wait),
        ("POST", "/_local/gates/{name}/release", control.release),
    ]
    routes = [Route(path, _answering(handler), methods=[verb]) for verb, path, handler in table]
    return guarded(Router([*routes, Route("/{path:path}", _answering(_unknown))]), api_key)


async def _unknown(request: Request) -> dict[str, Any]:
    raise _RefusedError(404, f"there is no {request.method} {request.url.path}")


def guarded(app: ASGIApp, api_key: str) -> ASGIApp:
    """Return an application that answers only who sends the key; others do not even learn its routes."""
    expected = f"Bearer {api_key}".encode()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get("authorization", "").encode("latin-1")
        if hmac.compare_digest(given, expected):
            await app(scope, receive, send)
        else:
            refusal = JSONResponse({"message": "the API key is missing or wrong"}, 401)
            await refusal(scope, receive, send)

    return answer


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except _RefusedError as refused:
            return JSONResponse({"message": str(refused)}, refused.status, refused.headers)

    return answer


@dataclass(frozen=True, slots=True)
class _Control:
    injector: Injector
    devboxes: FaultyDevboxes

    async def read(self, request: Request) -> dict[str, Any]:
        return {"plan": self.injector.plan.as_json(), "text": str(self.injector.plan)}

    async def replace(self, request: Request) -> dict[str, Any]:
        plan = _parsed(FaultPlan.parse, await _json(request))
        self.devboxes.forget()
        self.injector.replace(plan)
        return await self.read(request)

    async def add(self, request: Request) -> dict[str, Any]:
        given = await _json(request)
        rule = _parsed(FaultPlan.parse_rule, given)
        try:
            return {"name": self.injector.add(rule)}
        except ValueError as error:
            raise _RefusedError(409, str(error)) from None

    async def remove(self, request: Request) -> dict[str, Any]:
        name = request.path_params["name"]
        try:
            self.injector.remove(name)
        except KeyError:
            known = [rule.name for rule in self.injector.plan.rules]
            raise _RefusedError(404, f"there is no rule `{name}`{nearest(name, known)}") from None
        return {}

    async def log(self, request: Request) -> dict[str, Any]:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            raise _RefusedError(400, "`after` is not a number")
        log = self.injector.log
        faults = [asdict(entry) for entry in log.after(int(after))]
        return {"faults": faults, "last": log.last, "by_rule": dict(log.by_rule)}

    async def gates(self, request: Request) -> dict[str, Any]:
        return {"gates": [_view(name, gate) for name, gate in sorted(self.injector.gates.items())]}

    async def wait(self, request: Request) -> dict[str, Any]:
        name, gate = self._gate(request)
        wanted = _validated(_Wait, await _json(request))
        if not await gate.wait(wanted.count, wanted.timeout_seconds):
            there = f"{len(gate.held)} of {wanted.count} stood at the gate `{name}`"
            said = f"{there} after {wanted.timeout_seconds:g} s"
            raise _RefusedError(408, said, x_should_retry="false")
        return _view(name, gate)

    async def release(self, request: Request) -> dict[str, Any]:
        name, gate = self._gate(request)
        wanted = _validated(_Release, await _json(request))
        went = gate.release(wanted.count, leave_open=wanted.open)
        return {**_view(name, gate), "went": went}

    def _gate(self, request: Request) -> tuple[str, Gate]:
        name, gates = request.path_params["name"], self.injector.gates
        if name not in gates:
            raise _RefusedError(404, f"the plan has no gate `{name}`{nearest(name, gates)}")
        return name, gates[name]


def _view(name: str, gate: Gate) -> dict[str, Any]:
    held = [asdict(who) for who in gate.held]
    return {"name": name, "held": held, "released": gate.released, "open": gate.open}


def _parsed(parse: Callable[[str | Mapping[str, Any]], T], given: dict[str, Any]) -> T:
    text = given.get("text")
    try:
        return parse(text if isinstance(text, str) and len(given) == 1 else given)
    except FaultPlanError as error:
        raise _RefusedError(400, str(error)) from None


def _validated(body: type[B], given: dict[str, Any]) -> B:
    try:
        return body.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _RefusedError(400, f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}") from None


async def _json(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        value = json.loads(raw or b"{}")
    except ValueError:
        raise _RefusedError(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise _RefusedError(400, "the body is not a JSON object")
    return value
