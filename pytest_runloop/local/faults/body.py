"""What happens to the body of an answer on its way out: it comes slowly, it ends too early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from starlette.types import Message

from . import rules
from .connection import Connection
from .decisions import Strike
from .injector import Injector

R = TypeVar("R", bound=rules.Rule)
_PIECES_A_SECOND = 10


class Body:
    """The body of one answer.

    :param strikes: those of the call's strikes that are about its body.
    """

    def __init__(self, injector: Injector, connection: Connection, strikes: Sequence[Strike]) -> None:
        self._injector = injector
        self._connection = connection
        self._slow = min(_of(strikes, rules.Slow), key=lambda found: found[1].rate, default=None)
        self._cut = min(
            ((strike.pick(rule.at), strike, rule) for strike, rule in _of(strikes, rules.Cut)),
            key=lambda found: found[0],
            default=None,
        )
        self._sent = 0

    async def send(self, message: Message) -> bool:
        """Send a part of the body, and return whether that was its untimely end."""
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._slow and body and not self._sent:
            self._injector.record(self._slow[0], rate=self._slow[1].rate)
        for piece, last in self._pieces(body):
            if await self._send_piece(piece, more or not last):
                return True
        return False

    def _pieces(self, body: bytes) -> Iterator[tuple[bytes, bool]]:
        size = max(1, int(self._slow[1].rate / _PIECES_A_SECOND)) if self._slow else len(body)
        for start in range(0, max(1, len(body)), size or 1):
            yield body[start : start + size], start + size >= len(body)

    async def _send_piece(self, piece: bytes, more: bool) -> bool:
        if self._slow:
            await self._injector.pause(len(piece) / self._slow[1].rate)
        if self._cut and self._sent + len(piece) >= self._cut[0]:
            await self._end(piece[: self._cut[0] - self._sent], *self._cut)
            return True
        await self._connection.send({"type": "http.response.body", "body": piece, "more_body": more})
        self._sent += len(piece)
        return False

    async def _end(self, rest: bytes, at: int, strike: Strike, rule: rules.Cut) -> None:
        self._injector.record(strike, at=at, how=rule.how)
        if rest:
            await self._connection.send({"type": "http.response.body", "body": rest, "more_body": True})
        if rule.how == "stall":
            await self._injector.pause(rule.lasting, until=self._connection.gone())
        if rule.how == "reset":
            await self._connection.reset()
        else:
            await self._connection.close()


def _of(strikes: Sequence[Strike], kind: type[R]) -> list[tuple[Strike, R]]:
    return [(strike, strike.rule) for strike in strikes if isinstance(strike.rule, kind)]
