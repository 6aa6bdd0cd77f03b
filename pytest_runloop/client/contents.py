"""What is known of the content of storage objects before anything is sent: addresses, types, errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import httpx

from .answers import body_of
from .errors import (
    Answer,
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ArgumentError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RequestInfo,
    hide_from_traceback,
)
from .secret import Secret

if TYPE_CHECKING:
    from ..contract.params.objects import ContentType

__tracebackhide__ = hide_from_traceback

_TYPES: Final[dict[str, ContentType]] = {
    **dict.fromkeys(
        (".txt", ".html", ".css", ".js", ".json", ".xml", ".yaml", ".yml", ".md", ".csv"), "text"
    ),
    ".gz": "gzip",
    ".tar": "tar",
    ".tgz": "tgz",
}
"""The official SDK's table."""


@dataclass(frozen=True, slots=True)
class Address:
    """A signed address: whoever has all of it may read or write a content.

    :param url: all of it.
    :param place: what may be shown: without the query, which holds the signature.
    :param origin: scheme, host and port.
    """

    url: Secret
    place: str
    origin: str


def address_of(url: Secret, base_url: str) -> Address:
    """Take apart an address that the service gave; a relative one is below the API.

    :raises APIResponseValidationError: if it is none that can be asked.
    """
    whole = urljoin(f"{base_url}/", url.reveal())
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise APIResponseValidationError(
            "The service gave an address for a content that is no http:// or https:// one.",
            request=RequestInfo("GET", base_url),
        )
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return Address(Secret(whole), f"{origin}{parts.path}", origin)


def refused(response: httpx.Response, content: bytes, method: str, address: Address) -> APIStatusError:
    """Return the exception for a store that answered with an error."""
    answer = Answer(response.status_code, dict(response.headers), body_of(content))
    kinds: dict[int, type[APIStatusError]] = {403: PermissionDeniedError, 404: NotFoundError}
    default = InternalServerError if answer.status >= 500 else APIStatusError
    known = answer.status in HTTPStatus._value2member_map_
    name = HTTPStatus(answer.status).phrase if known else "unknown status"
    message = f"The store answered {method} {address.place} with {answer.status} {name}: {_said(answer.body)}"
    if answer.status == 403:
        message += " A signed address is good for some time and one use only: ask for a new one."
    return kinds.get(answer.status, default)(
        message, request=RequestInfo(method, address.place), answer=answer
    )


def _said(body: object) -> str:
    # S3 answers in XML, which says all that is known.
    words = body.get("message") if isinstance(body, dict) else body
    return " ".join(str(words or "it says no more").split())[:300].rstrip(".") + "."


def unreached(cause: Exception, method: str, address: Address) -> APIConnectionError:
    """Return the exception for a store that gave no answer."""
    what = f"{type(cause).__name__}{f': {cause}' if str(cause) else ''}"
    asked = f"the store of contents at {address.origin}"
    request = RequestInfo(method, address.place)
    if isinstance(cause, httpx.TimeoutException):
        return APITimeoutError(f"{asked} did not answer {request} in time: {what}.", request=request)
    return APIConnectionError(f"{asked} could not be reached for {request}: {what}.", request=request)


def type_of(name: str) -> ContentType:
    """Guess a content's type by a file's name, as the official SDK does."""
    lowered = name.lower()
    return "tgz" if lowered.endswith(".tar.gz") else _TYPES.get(Path(lowered).suffix, "unspecified")


def milliseconds(ttl: timedelta | None) -> int | None:
    """Return a lifetime as the API takes it, in whole seconds as the official SDK gives it.

    :raises ValueError: if it is less than a second.
    """
    if ttl is None:
        return None
    if ttl < timedelta(seconds=1):
        raise ValueError(f"ttl must be a second or more, and is {ttl}")
    return int(ttl.total_seconds()) * 1000


def spooled(pieces: Iterable[bytes]) -> IO[bytes]:
    """Write pieces to a temporary file, which the caller closes: stores want to know the length before.

    :raises ArgumentError: if it is neither bytes nor anything that gives some.
    """
    if not isinstance(pieces, Iterable):
        expected = "text, bytes, a pathlib.Path, an open binary file or an iterable of bytes"
        raise ArgumentError(f"content must be {expected}, and is {type(pieces).__name__}")
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115
    try:
        for piece in pieces:
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
