"""Turns what came back into the value that the caller asked for, or into the exception that explains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin

import httpx
from pydantic import BaseModel, ValidationError

from ..contract.endpoint import Binary, Empty, EventStream, Json, Page, Returns, Text
from .errors import (
    KEY_PREFIX,
    Answer,
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CapabilityMissingError,
    ConflictError,
    DevboxNotRunningError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestInfo,
    UnprocessableEntityError,
    combined,
    hide_from_traceback,
)

if TYPE_CHECKING:
    from .settings import Settings

__tracebackhide__ = hide_from_traceback

R = TypeVar("R")
V = TypeVar("V", bound=BaseModel)

_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
_BY_CODE: dict[str, type[APIStatusError]] = {
    "capability_missing": CapabilityMissingError,
    "devbox_not_running": DevboxNotRunningError,
}
_BUILTIN_BY_CODE: dict[str, type[OSError]] = {
    "file_not_found": FileNotFoundError,
    "is_a_directory": IsADirectoryError,
    "not_a_directory": NotADirectoryError,
    "permission_denied": PermissionError,
}
# The cloud's codes are not published; the wording of the kernel's errors is the same everywhere.
_BUILTIN_BY_WORDS: dict[str, type[OSError]] = {
    "no such file": FileNotFoundError,
    "file not found": FileNotFoundError,
    "file does not exist": FileNotFoundError,
    "is a directory": IsADirectoryError,
    "not a directory": NotADirectoryError,
    "permission denied": PermissionError,
}


def decode(returns: Returns[R], content: bytes, request: RequestInfo) -> R:
    """Return the value in a successful answer.

    :raises APIResponseValidationError: if it is not JSON where JSON was due.
    """
    match returns:
        case Json(view=view) | Page(view=view) | EventStream(view=view):
            return cast("R", view_of(view, content, request))
        case Text():
            return cast("R", _utf8(content, request))
        case Binary():
            return cast("R", content)
        case Empty():
            return cast("R", None)
    raise TypeError(f"no decoding for {returns!r}")


def _utf8(content: bytes, request: RequestInfo) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        error.add_note(f"{request.file!r} is not UTF-8 text: use file.download(path=...) for its bytes.")
        raise


def view_of(view: type[V], content: bytes, request: RequestInfo) -> V:
    """Return the view in a JSON text; what the service left out is `None`.

    :raises APIResponseValidationError: if it is not a JSON object.
    """
    try:
        return view.model_validate_json(content)
    except ValidationError:
        pass
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise APIResponseValidationError(_not_runloop(content, request), request=request, body=_text(content))
    return _lenient(view, data)


def _lenient(view: type[V], data: Mapping[str, Any]) -> V:
    values = dict(data)
    for name, field in view.model_fields.items():
        spelled = field.serialization_alias or name
        if spelled in data:
            del values[spelled]
            values[name] = _fitted(field.annotation, data[spelled])
        elif field.is_required():
            values[name] = None
    return view.model_construct(**values)


def _fitted(annotation: Any, value: Any) -> Any:
    """Make views of the objects in a value where the annotation has views; leave the rest as it is."""
    if isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _lenient(annotation, value)
    if isinstance(value, list) and get_origin(annotation) is list:
        return [_fitted(get_args(annotation)[0], item) for item in value]
    if get_origin(annotation) in (Union, UnionType):
        for choice in get_args(annotation):
            fitted = _fitted(choice, value)
            if fitted is not value:
                return fitted
    return value


def status_error(answer: Answer, request: RequestInfo, settings: Settings) -> APIStatusError:
    """Return the exception for an answer with an error status."""
    code, said = _code_and_words(answer.body)
    cls = _BY_CODE.get(code or "") or _BY_STATUS.get(answer.status)
    if cls is None:
        cls = InternalServerError if answer.status >= 500 else APIStatusError
    builtin = _builtin(code, said, request)
    if builtin is not None:
        cls = cast("type[APIStatusError]", combined(cls, builtin))
    error = cls("", request=request, answer=answer, code=code)
    error.message = _message(error, said, settings)
    error.args = (error.message,)
    if isinstance(error, OSError):
        error.filename = request.file
    return error


def _code_and_words(body: object) -> tuple[str | None, str]:
    """Find code and text in an error body, of which only its being a JSON object is known for the cloud."""
    if not isinstance(body, Mapping):
        return None, str(body or "").strip()
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return _code_and_words({"error": inner.get("code") or inner.get("type"), **inner})
    code = inner if isinstance(inner, str) else body.get("code")
    words = body.get("message") or body.get("detail") or inner or ""
    return (code if isinstance(code, str) else None), str(words).strip()


def _builtin(code: str | None, said: str, request: RequestInfo) -> type[OSError] | None:
    known = _BUILTIN_BY_CODE.get(code or "")
    if known is not None or request.file is None:
        return known
    lowered = said.lower()
    return next((error for words, error in _BUILTIN_BY_WORDS.items() if words in lowered), None)


def _message(error: APIStatusError, said: str, settings: Settings) -> str:
    status = error.status_code
    name = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown status"
    if isinstance(error.body, str) and _is_page(error.body):
        said = f"This does not look like a Runloop API: it answered with a page ({_start(error.body)!r})"
    known_as = error.request_id or ""
    if known_as.startswith(KEY_PREFIX):
        known_as = ""  # Our own key, sent back: it helps nobody.
    details = [part for part in (error.code, known_as and f"request {known_as}") if part]
    first = f"{error.request} was answered with {status} {name}"
    parts = [first + (f" ({', '.join(details)})" if details else "")]
    parts[0] += f": {said.rstrip('.')}." if said else "."
    parts.append(_advice(error, settings))
    return " ".join(part for part in parts if part)


def _is_page(body: str) -> bool:
    return body.lstrip()[:1] == "<"


def _advice(error: APIStatusError, settings: Settings) -> str:
    status = error.status_code
    if status == 401:
        return (
            f"Check the API key (api_key, or RUNLOOP_API_KEY): {settings.base_url} "
            "does not accept it. It may be wrong, revoked, or made for another address."
        )
    if 300 <= status < 400:
        where = error.headers.get("location", "another address")
        return f"The service points to {where}; set RUNLOOP_BASE_URL to the address that is meant."
    if isinstance(error.body, str) and _is_page(error.body):
        return f"Check the base URL, {settings.base_url} (from {settings.base_url_from})."
    if status == 429:
        return "Run fewer devboxes at once, or ask less often."
    return ""


def connection_error(
    cause: Exception, timed_out: bool, request: RequestInfo, settings: Settings
) -> APIConnectionError:
    """Return the exception for a request that got no answer.

    :param cause: what the connection said.
    :param timed_out: whether time ran out.
    """
    error = _connection_error(cause, timed_out, request, settings)
    error.cause = type(cause).__name__
    error.sent = not isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout))
    return error


def _connection_error(
    cause: Exception, timed_out: bool, request: RequestInfo, settings: Settings
) -> APIConnectionError:
    what = f"{type(cause).__name__}{f': {cause}' if str(cause) else ''}"
    where = f"{settings.base_url} (from {settings.base_url_from})"
    if timed_out:
        return APITimeoutError(f"{where} did not answer {request} in time: {what}.", request=request)
    advice = ""
    if "connect" in type(cause).__name__.lower():
        advice = " Is the base URL right, is the service up, and does the network allow it?"
    error = APIConnectionError(
        f"{where} could not be reached for {request}: {what}.{advice}", request=request
    )
    error.gone = isinstance(cause, httpx.ConnectError) and settings.on_this_machine
    return error


def _not_runloop(content: bytes, request: RequestInfo) -> str:
    return (
        f"This does not look like a Runloop API: {request} was answered with "
        f"{_start(_text(content))!r}, which is no JSON object. Check the base URL."
    )


def without(what: str, request: RequestInfo) -> APIResponseValidationError:
    """Return the exception for an answer that lacks what the caller cannot do without."""
    return APIResponseValidationError(
        f"This does not look like a Runloop API: the answer to {request} has no {what}. Check the base URL.",
        request=request,
    )


def told_error(data: bytes, request: RequestInfo, settings: Settings) -> APIStatusError:
    """Return the error that an event of a stream tells of.

    :param data: of the event.
    """
    body = body_of(data)
    code = body.get("code") if isinstance(body, Mapping) else None
    status = code if isinstance(code, int) else 500
    return status_error(Answer(status, {}, body), request, settings)


def body_of(content: bytes) -> object:
    """Return a body as JSON where it is JSON, else as text."""
    try:
        return json.loads(content)
    except ValueError:
        return _text(content)


def _text(content: bytes) -> str:
    return content[:10_000].decode(errors="replace")


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line[:80] + ("…" if len(line) > 80 else "")
