"""The OpenAPI document of the local backend, made from the contract."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue

from .. import __version__
from ..contract.all_endpoints import ALL, NAMED
from ..contract.endpoint import Binary, Empty, EventStream, Json, Page, Text
from .routing import AnyEndpoint

PATH = "/openapi.json"
"""Where it is served, to everybody: it tells no more than the package itself."""

_REF = "#/components/schemas/{model}"
_ERROR: JsonSchemaValue = {
    "type": "object",
    "description": "What is wrong: a fixed word for programs, and a sentence for people.",
    "properties": {"error": {"type": "string"}, "message": {"type": "string", "minLength": 1}},
    "required": ["error", "message"],
    "additionalProperties": False,
}
_ERRORS: Mapping[int, str] = {
    400: "Something in the request is wrong, or the state does not permit it.",
    401: "The key is missing or wrong.",
    403: "The key, or the devbox's user, may not do that, or the host forbids it.",
    404: "There is no such thing.",
    408: "What was waited for did not come.",
    409: "The state does not permit it now.",
    413: "Too large.",
    503: "The server is shutting down.",
    507: "The disk is full.",
}
_BYTES: JsonSchemaValue = {"type": "string", "format": "binary"}


@cache
def encoded() -> bytes:
    """Return the document as JSON. It is made when it is first asked for."""
    return json.dumps(document()).encode()


def document(declared: Iterable[AnyEndpoint] = ALL) -> dict[str, Any]:
    """Return the OpenAPI document of these endpoints."""
    declared = tuple(declared)
    called = {endpoint: name for name, endpoint in NAMED.items()}
    schemas = _Components(declared)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in declared:
        operation = {"operationId": called[endpoint].replace(".", "_"), **_operation(endpoint, schemas)}
        paths.setdefault(endpoint.path, {})[endpoint.verb.lower()] = operation
    return {
        "openapi": "3.2.0",
        "info": {
            "title": "Runloop's API, as pytest-runloop's local backend serves it",
            "version": __version__,
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.definitions, "Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Components:
    """The schemas of all parameters and answers, with what they share."""

    def __init__(self, declared: Iterable[AnyEndpoint]) -> None:
        views: set[Any] = {_view(endpoint) for endpoint in declared} - {None}
        inputs: set[Any] = {endpoint.params for endpoint in declared} - {None}
        wanted: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
            *((view, "serialization", TypeAdapter(view)) for view in views),
            *((params, "validation", TypeAdapter(params)) for params in inputs),
        ]
        self._schemas, rest = TypeAdapter.json_schemas(wanted, ref_template=_REF)
        self.definitions: dict[str, JsonSchemaValue] = rest["$defs"]

    def params(self, endpoint: AnyEndpoint) -> JsonSchemaValue:
        """Return the schema of all parameters of an endpoint."""
        if endpoint.params is None:
            return {"type": "object", "properties": {}}
        schema = self._schemas[endpoint.params, "validation"]
        return self.definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def view(self, view: type) -> JsonSchemaValue:
        """Return the schema of an answer."""
        return self._schemas[view, "serialization"]


def _view(endpoint: AnyEndpoint) -> Any:
    returns = endpoint.returns
    return returns.view if isinstance(returns, Json | Page | EventStream) else None


def _operation(endpoint: AnyEndpoint, schemas: _Components) -> dict[str, Any]:
    operation: dict[str, Any] = {"parameters": [*_path(endpoint), *_query(endpoint, schemas)]}
    if (body := _body(endpoint, schemas)) is not None:
        operation["requestBody"] = body
    operation["responses"] = {
        "200": {"description": "Done.", "content": _content(endpoint, schemas)},
        **{str(status): _error(status) for status in _ERRORS},
    }
    return operation


def _error(status: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}}
    return {"description": f"{HTTPStatus(status).phrase}. {_ERRORS[status]}", "content": content}


def _path(endpoint: AnyEndpoint) -> Iterator[dict[str, Any]]:
    for name in endpoint.path_names:
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query(endpoint: AnyEndpoint, schemas: _Components) -> Iterator[dict[str, Any]]:
    params = schemas.params(endpoint)
    for name, schema in params["properties"].items():
        if endpoint.travels_in_query(name):
            yield {
                "name": endpoint.wire.get(name, name),
                "in": "query",
                "required": name in params.get("required", ()),
                "schema": schema,
            }


def _body(endpoint: AnyEndpoint, schemas: _Components) -> dict[str, Any] | None:
    params = schemas.params(endpoint)
    names = [name for name in params["properties"] if not endpoint.travels_in_query(name)]
    if not names:
        return None
    required = [name for name in names if name in params.get("required", ())]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            endpoint.wire.get(name, name): _BYTES if name == endpoint.upload else params["properties"][name]
            for name in names
        },
        "additionalProperties": False,
    }
    if required:
        schema["required"] = [endpoint.wire.get(name, name) for name in required]
    kind = "application/json" if endpoint.upload is None else "multipart/form-data"
    return {"required": bool(required), "content": {kind: {"schema": schema}}}


def _content(endpoint: AnyEndpoint, schemas: _Components) -> dict[str, Any]:
    match endpoint.returns:
        case Json() | Page():
            return {"application/json": {"schema": schemas.view(endpoint.returns.view)}}
        case Empty():
            return {"application/json": {"schema": {"type": "object", "maxProperties": 0}}}
        case Text():
            return {"text/plain": {"schema": {"type": "string"}}}
        case EventStream():
            view = schemas.view(endpoint.returns.view)
            data = {"type": "string", "contentMediaType": "application/json", "contentSchema": view}
            event = {"type": "object", "properties": {"data": data}, "required": ["data"]}
            return {endpoint.returns.accept: {"itemSchema": event}}
        case Binary():
            return {endpoint.returns.accept: {"schema": _BYTES}}
    raise TypeError(f"{endpoint} answers with a form that is not known here: {endpoint.returns}")
