"""What an endpoint is: a value that says how a call travels and what comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

R = TypeVar("R")
V = TypeVar("V", bound=BaseModel)

Verb = Literal["DELETE", "GET", "POST"]


class Lane(Enum):
    """The connection pool that a call uses, so that slow calls cannot hold up quick ones."""

    API = "api"
    BACKGROUND = "background"
    """Long polls and event streams: they wait on the server's side."""
    TRANSFER = "transfer"
    """Files of any size."""


@dataclass(frozen=True, slots=True)
class Returns(Generic[R]):
    """How an answer is encoded. `R` is the Python type that the client gives for it."""

    accept: str = "application/json"


@dataclass(frozen=True, slots=True)
class Json(Returns[V]):
    """One view as a JSON object."""

    view: type[V] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Page(Returns[V]):
    """A page of a list: the view of the whole answer, and which of its keys holds the items."""

    view: type[V] = field(kw_only=True)
    items: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Empty(Returns[None]):
    """The API's empty record: `{}` as JSON, never an empty body."""


@dataclass(frozen=True, slots=True)
class Text(Returns[str]):
    """The raw text of the body."""

    accept: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Binary(Returns[bytes]):
    """The raw bytes of the body."""

    accept: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class EventStream(Returns[V]):
    """Server-sent events, each the JSON of one view; the end of the body ends the stream."""

    accept: str = "text/event-stream"
    view: type[V] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[R]):
    """One call of the API.

    :param verb: the HTTP method.
    :param path: the path, with `{name}` for each path parameter.
    :param returns: how the answer is encoded.
    :param params: the TypedDict of everything that travels in query and body; `None` when nothing does
        (then no body is sent at all).
    :param query: the keys of `params` that travel in the query. On GET all of them do.
    :param upload: the key of `params` that travels as the file of a multipart form, with the rest as fields.
    :param wire: the keys whose name on the wire differs from the name in Python.
    :param bodiless: whether no body at all is sent when none of `params` is given, instead of `{}`.
    :param lane: the connection pool to use.
    :param slow: whether the service may take minutes to answer (the client then waits up to 600 s for it).
    """

    verb: Verb
    path: str
    returns: Returns[R]
    params: type | None = None
    query: frozenset[str] = frozenset()
    upload: str | None = None
    wire: Mapping[str, str] = field(default_factory=dict, hash=False)
    bodiless: bool = False
    lane: Lane = Lane.API
    slow: bool = False

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the path parameters, in order."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    def travels_in_query(self, key: str) -> bool:
        """Tell whether this key of `params` belongs in the query string."""
        return self.verb == "GET" or key in self.query

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


def get(path: str, returns: Returns[R], params: type | None = None, **how: Any) -> Endpoint[R]:
    """Declare a GET endpoint."""
    return Endpoint("GET", path, returns, params, **how)


def post(
    path: str,
    returns: Returns[R],
    params: type | None = None,
    *,
    query: tuple[str, ...] = (),
    **how: Any,
) -> Endpoint[R]:
    """Declare a POST endpoint."""
    return Endpoint("POST", path, returns, params, frozenset(query), **how)


def delete(path: str, returns: Returns[R]) -> Endpoint[R]:
    """Declare a DELETE endpoint. It takes nothing but what is in its path."""
    return Endpoint("DELETE", path, returns)
