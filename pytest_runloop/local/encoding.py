"""Turns answers into bytes on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import BaseModel

from ..contract.endpoint import Binary, EventStream, Text
from .calls import Answer, Attachment, Chunks
from .errors import ApiError
from .routing import AnyEndpoint

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire.

    :param body: all of it, or the pieces as they come.
    """

    status: int
    content_type: str
    body: bytes | Chunks
    headers: tuple[tuple[str, str], ...] = ()


def encoded(endpoint: AnyEndpoint, answer: Answer) -> Reply:
    """Return the reply for a handler's answer, in the form that the endpoint declares."""
    if answer is None:
        # The API's empty record; clients fail on an empty body.
        return Reply(200, _JSON, b"{}")
    if isinstance(answer, BaseModel):
        return Reply(200, _JSON, answer.model_dump_json(by_alias=True).encode())
    if isinstance(answer, Attachment):
        disposition = f'attachment; filename="{answer.filename}"'
        return Reply(200, _content_type(endpoint), answer.content, (("content-disposition", disposition),))
    return Reply(200, _content_type(endpoint), answer)


def _content_type(endpoint: AnyEndpoint) -> str:
    match endpoint.returns:
        case Text() | EventStream():
            return f"{endpoint.returns.accept}; charset=utf-8"
        case Binary():
            return endpoint.returns.accept
    raise TypeError(f"{endpoint} does not answer with a stream")


def failed(error: ApiError) -> Reply:
    """Return the reply for an error."""
    body = json.dumps({"error": error.code, "message": error.message}).encode()
    headers = [("x-runloop-error-code", error.code)]
    if error.retry is not None:
        headers.append(("x-should-retry", "true" if error.retry else "false"))
    if error.allow:
        headers.append(("allow", ", ".join(error.allow)))
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return Reply(error.status, _JSON, body, tuple(headers))
