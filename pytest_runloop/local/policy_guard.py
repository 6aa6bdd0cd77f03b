"""Keeps one devbox, or one build, to its network policy: decides on each connection and each name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..contract.views.network_policies import NetworkPolicyView
from .dns import NO_SUCH_NAME, SERVER_FAILED, addresses_in, question_of, refusal
from .hostnames import address_of, fits, known_here, normal
from .resolvers import Resolver

_FRESH_SECONDS = 5.0
"""How long the addresses of a name are taken for granted that were asked for to decide on a connection."""
_MOST_KNOWN = 4096
"""Addresses that were answered to a devbox, and refusals that were told."""


class PolicyGuard:
    """Decides for one devbox. As `engine.protocol.Guard`.

    An address is permitted while a name is allowed that it was answered for, to the devbox or to us.

    :param policy: returns the policy as it is now.
    :param note: takes a line for each thing that is refused, the first time.
    :param resolver: asks for names.
    """

    def __init__(
        self,
        policy: Callable[[], NetworkPolicyView],
        note: Callable[[str], object],
        resolver: Resolver | None = None,
    ) -> None:
        self._policy = policy
        self._note = note
        self._resolver = resolver or Resolver()
        self._answered: dict[str, set[str]] = {}
        self._asked: dict[str, tuple[float, asyncio.Future[set[str]]]] = {}
        self._told: set[tuple[str, int]] = set()

    async def permits(self, host: str, port: int) -> bool:
        """Tell whether the devbox may connect to an address."""
        policy = self._policy()
        if policy.egress.allow_all or await self._allows(host, policy.egress.allowed_hostnames):
            return True
        self._tell(host, port, f"a connection to {host}, port {port}{self._names(host)}")
        return False

    async def answer(self, query: bytes, *, stream: bool) -> bytes | None:
        """Answer a query for a name, if the name is allowed."""
        try:
            name = normal(question_of(query))
        except ValueError:
            return None
        policy = self._policy()
        if not policy.egress.allow_all and not fits(name, policy.egress.allowed_hostnames):
            shown = name.encode("unicode_escape").decode()
            self._tell(name, 0, f"to look up `{shown}`")
            return refusal(query, NO_SUCH_NAME)
        answer = await self._resolver.ask(query, stream=stream)
        if answer is None:
            return refusal(query, SERVER_FAILED)
        for address in addresses_in(answer):
            self._remember(address, name)
        return answer

    async def _allows(self, host: str, allowed: list[str]) -> bool:
        if host in {address_of(text) for text in allowed}:
            return True
        if any(fits(name, allowed) for name in self._answered.get(host, ())):
            return True
        return host in known_here(allowed) or await self._resolved(host, allowed)

    async def _resolved(self, host: str, allowed: list[str]) -> bool:
        """Tell whether an allowed name has an address now. What fits a wildcard cannot be asked for."""
        names = [normal(text) for text in allowed if "*" not in text and address_of(text) is None]
        found = await asyncio.gather(*map(self._addresses, names))
        return any(host in addresses for addresses in found)

    async def _addresses(self, name: str) -> set[str]:
        # Those who ask at the same time share an answer: a devbox can open thousands of connections at once.
        now = asyncio.get_running_loop().time()
        asked_at, answer = self._asked.get(name, (now, None))
        if answer is None or (answer.done() and now - asked_at >= _FRESH_SECONDS):
            answer = asyncio.ensure_future(self._resolver.addresses(name))
            self._asked[name] = (now, answer)
        return await asyncio.shield(answer)

    def _remember(self, address: str, name: str) -> None:
        self._answered.setdefault(address, set()).add(name)
        if len(self._answered) > _MOST_KNOWN:
            del self._answered[next(iter(self._answered))]

    def _names(self, host: str) -> str:
        names = sorted(self._answered.get(host, ()))
        return f" ({', '.join(names)})" if names else ""

    def _tell(self, what: str, port: int, refused: str) -> None:
        if (what, port) in self._told or len(self._told) >= _MOST_KNOWN:
            return
        self._told.add((what, port))
        policy = self._policy()
        self._note(f"the network policy `{policy.name}` ({policy.id}) refused {refused}")
