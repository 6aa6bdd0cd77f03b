"""Finds the method of an SDK for each endpoint, by calling all of them against a recorder.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from runloop_api_client import RunloopError

_COMPOSED = re.compile("await|_and_")
"""Methods that make several calls, each of which has a method of its own ..."""
_ONLY = ("await_running", "create_and_await_running")
"""... but for the first call of these."""


@dataclass(frozen=True)
class Method:
    """How an endpoint is called.

    :param path: of the attributes, as `devboxes.executions.kill`.
    :param names: of the arguments for the path's parameters, in the order of the path.
    :param needed: other arguments that it cannot do without, with values that mean nothing.
    """

    path: str
    names: tuple[str, ...]
    needed: dict[str, Any]


def found(kind: Any) -> dict[str, Method]:
    """Return the methods by endpoint, as `POST /v1/devboxes/{}/suspend`.

    :param kind: the class of the SDK's synchronous client.
    """
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    methods: dict[str, Method] = {}
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = kind(bearer_token="k", base_url="http://recorder", http_client=http, max_retries=0)
        for path, method in _methods(client):
            arguments = _arguments(method)
            seen.clear()
            # What waits does not understand the recorder's answer.
            with contextlib.suppress(RunloopError), warnings.catch_warnings(action="ignore"):
                method(**arguments)
            request = seen[0]
            names = tuple(re.findall(r"p--(\w+)", request.url.path))
            verb_and_path = f"{request.method} {re.sub('p--[a-z_]+', '{}', request.url.path)}"
            needed = {name: value for name, value in arguments.items() if name not in names}
            methods.setdefault(verb_and_path, Method(path, names, needed))
    return methods


def resolved(client: Any, method: Method) -> Any:
    """Return the bound method of this client."""
    for name in method.path.split("."):
        client = getattr(client, name)
    return client


def _methods(owner: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers_static(type(owner)):
        if name.startswith("_"):
            continue
        path = f"{before}{name}"
        if inspect.isfunction(value) and before and (name in _ONLY or not _COMPOSED.search(name)):
            yield path, getattr(owner, name)
        elif not inspect.isfunction(value) and not name.startswith("with_"):
            inner = getattr(owner, name)
            if type(inner).__name__.endswith("Resource"):
                yield from _methods(inner, f"{path}.")


def _arguments(method: Any) -> dict[str, Any]:
    parameters = inspect.signature(method).parameters.values()
    return {
        parameter.name: _value(parameter.name, str(parameter.annotation))
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty
    }


def _value(name: str, annotation: str) -> Any:
    if annotation.startswith("Literal"):
        return re.findall(r"""["'](\w+)["']""", annotation)[0]
    if annotation.startswith(("Sequence", "Iterable", "List")):
        return []
    return {"str": f"p--{name}", "int": 1, "float": 1.0, "bool": True}.get(annotation, {})
