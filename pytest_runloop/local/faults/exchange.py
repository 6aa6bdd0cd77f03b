"""One call on its way through the plan: into the application, and its answer out again."""

from __future__ import annotations

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import rules
from .body import Body
from .connection import Connection
from .decisions import Event, Strike
from .devboxes import FaultyDevboxes
from .endpoints import Call, identify
from .injector import Injector


class FaultyApp:
    """An ASGI application whose calls go through the plan in force. Only paths below `/v1/` are calls.

    :param app: the application.
    :param control: what serves the paths below `/_local/`, but what the application has for devboxes there.
        No plan touches any of them.
    """

    def __init__(self, app: ASGIApp, control: ASGIApp, injector: Injector, devboxes: FaultyDevboxes) -> None:
        self._app = app
        self._control = control
        self._injector = injector
        self._devboxes = devboxes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith("/_local/") and not path.startswith("/_local/devboxes/"):
            await self._control(scope, receive, send)
        elif path.startswith("/v1/"):
            await self._through_the_plan(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _through_the_plan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._injector.plan.quiet:
            await self._app(scope, receive, send)
            return
        call = _call(scope)
        strikes = self._injector.strikes(Event(call, call.devbox_id))
        connection = Connection(scope, receive, send)
        exchange = Exchange(self._injector, self._devboxes, connection, strikes)
        if await exchange.arrives():
            await self._app(scope, connection.receive, exchange.send)


def _call(scope: Scope) -> Call:
    key = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
    return identify(scope["method"], scope["path"], None if key is None else key.decode("latin-1"))


class Exchange:
    """One call with the strikes that were decided for it.

    The call has done its work when the application begins to answer: that is where `after` is.
    """

    def __init__(
        self, injector: Injector, devboxes: FaultyDevboxes, connection: Connection, strikes: list[Strike]
    ) -> None:
        self._injector = injector
        self._devboxes = devboxes
        self._connection = connection
        self._before = [strike for strike in strikes if _when(strike) == "before"]
        self._after = [strike for strike in strikes if _when(strike) == "after"]
        self._body = Body(injector, connection, strikes)
        self._over = False

    async def arrives(self) -> bool:
        """Bring the request to the application, and return whether it comes that far."""
        if not any(isinstance(strike.rule, rules.Unread) for strike in self._before):
            await self._connection.keep_request()
        await self._travel()
        return not await self._struck(self._before)

    async def send(self, message: Message) -> None:
        """Take a message of the application's answer."""
        if self._over:
            return
        if message["type"] == "http.response.body":
            self._over = await self._body.send(message)
            return
        if message["type"] == "http.response.start":
            self._over = await self._struck(self._after)
            if self._over:
                return
            await self._travel()
        await self._connection.send(message)

    async def _travel(self) -> None:
        await self._injector.pause(self._injector.plan.rtt / 2)

    async def _struck(self, strikes: list[Strike]) -> bool:
        """Carry strikes out until one ends the call, and return whether one did."""
        for strike in strikes:
            if await self._carry_out(strike):
                return True
        return False

    async def _carry_out(self, strike: Strike) -> bool:
        match strike.rule:
            case rules.Http() as rule:
                await self._answer(strike, rule)
            case rules.Lost() | rules.Reset() as rule:
                self._injector.record(strike, when=rule.when)
                await (self._connection.close() if isinstance(rule, rules.Lost) else self._connection.reset())
            case rules.Unread() as rule:
                await self._leave_unread(strike, rule)
            case _:
                await self._devboxes.carry_out(strike)
                return False
        return True

    async def _answer(self, strike: Strike, rule: rules.Http) -> None:
        self._injector.record(strike, when=rule.when, status=rule.status)
        phrase = HTTPStatus(rule.status).phrase if rule.status in set(HTTPStatus) else "Error"
        headers = {"x-runloop-fault": strike.rule.name}
        if rule.retry_after is not None:
            headers["retry-after"] = f"{rule.retry_after:g}"
        if rule.should_retry is not None:
            headers["x-should-retry"] = str(rule.should_retry).lower()
        message = f"{phrase}, injected by the rule `{strike.rule.name}` of the fault plan"
        await self._travel()
        error = phrase.lower().replace(" ", "_")
        await self._connection.answer(rule.status, {"error": error, "message": message}, headers)

    async def _leave_unread(self, strike: Strike, rule: rules.Unread) -> None:
        self._injector.record(strike)
        await self._injector.pause(rule.lasting, until=self._connection.left())
        await self._connection.reset()


def _when(strike: Strike) -> str | None:
    """Return which side of the work a strike belongs to; `None` if it is about the answer's body."""
    match strike.rule:
        case rules.Cut() | rules.Slow():
            return None
        case rules.Unread():
            return "before"
        case rule:
            return rule.when or "before"
