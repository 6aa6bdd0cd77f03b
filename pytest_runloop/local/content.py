"""Serves the content of storage objects at signed addresses, as the store behind the API does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from .backend import Backend
from .decoding import arriving
from .encoding import Reply
from .errors import ApiError

_PLACE = re.compile(r"/v1/objects/([^/]+)/content")
_TYPES: Mapping[str, str] = {
    "text": "text/plain; charset=utf-8",
    "gzip": "application/gzip",
    "tar": "application/x-tar",
    "tgz": "application/gzip",
}


async def content_reply(backend: Backend, request: Request) -> Reply | None:
    """Answer a request for a content, which needs no key.

    :return: `None` if it is for something else.
    :raises ApiError: 403 if its address is not good; as `Objects` raises it.
    """
    found = _PLACE.fullmatch(request.scope["path"])
    if found is None:
        return None
    if request.method not in ("GET", "PUT"):
        message = f"a content takes GET or PUT, not {request.method}"
        raise ApiError(405, "method_not_allowed", message, allow=("GET", "PUT"))
    backend.signer.check(request.method, found[1], request.query_params)
    if request.method == "GET":
        return _sent(backend, found[1])
    await backend.objects.upload(found[1], arriving(request, backend.settings.body_stall))
    return Reply(200, "text/plain", b"")


def _sent(backend: Backend, identifier: str) -> Reply:
    view = backend.objects.readable(identifier)
    kind = _TYPES.get(view.content_type, "application/octet-stream")
    return Reply(200, kind, backend.objects.body(identifier))
