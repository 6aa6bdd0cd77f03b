"""Finds the endpoint of a request: fixed parts of a path win over `{id}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ..contract.endpoint import Endpoint
from .errors import ApiError

AnyEndpoint = Endpoint[Any]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    open: _Node | None = None
    """What follows any single part."""
    endpoints: dict[str, AnyEndpoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """The endpoint of a request, and what its path says.

    :param ids: the path parameters by name.
    """

    endpoint: AnyEndpoint
    ids: Mapping[str, str]


class Routes:
    """All routes of the server, as a tree of path parts."""

    def __init__(self, endpoints: Iterable[AnyEndpoint]) -> None:
        self._root = _Node()
        for endpoint in endpoints:
            self._add(endpoint)

    def _add(self, endpoint: AnyEndpoint) -> None:
        node = self._root
        for part in endpoint.path.strip("/").split("/"):
            if part.startswith("{"):
                node.open = node.open or _Node()
                node = node.open
            else:
                node = node.fixed.setdefault(part, _Node())
        node.endpoints[endpoint.verb] = endpoint

    def match(self, verb: str, path: str) -> Match:
        """Return the endpoint for a request.

        :param path: as it was sent, with its percent escapes: an escaped slash is part of a name.
        :raises ApiError: 404 if no endpoint has this path, 405 if only other verbs have it.
        """
        allowed: set[str] = set()
        parts = [unquote(part) for part in path.strip("/").split("/")]
        for node, values in _walk(self._root, parts, ()):
            if endpoint := node.endpoints.get(verb):
                return Match(endpoint, dict(zip(endpoint.path_names, values, strict=True)))
            allowed |= node.endpoints.keys()
        if allowed:
            verbs = tuple(sorted(allowed))
            message = f"{path} takes {' or '.join(verbs)}, not {verb}"
            raise ApiError(405, "method_not_allowed", message, allow=verbs)
        raise ApiError(404, "not_found", f"the local backend has no endpoint {verb} {path}")


def _walk(node: _Node, parts: list[str], values: tuple[str, ...]) -> Iterable[tuple[_Node, tuple[str, ...]]]:
    if not parts:
        yield node, values
        return
    part, rest = parts[0], parts[1:]
    if part in node.fixed:
        yield from _walk(node.fixed[part], rest, values)
    if node.open is not None and part:
        yield from _walk(node.open, rest, (*values, part))
