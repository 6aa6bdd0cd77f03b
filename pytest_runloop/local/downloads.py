"""Gets what ADD names by a http:// or https:// address."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import os
import posixpath
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from .descriptors import write_all
from .dockerfile.errors import DockerfileError
from .settings import Settings

if TYPE_CHECKING:
    import httpx

_ANONYMOUS = "download"
"""The name of a file whose address has none, as in BuildKit."""


async def download(url: str, into: Path, settings: Settings, checksum: str | None = None) -> None:
    """Write a file into a directory, with the mode that Docker gives it.

    :param checksum: `sha256:…` that it must have.
    :raises DockerfileError: if it cannot be had, is too large, or is another one.
    """
    # Few builds download anything, and every server would pay for the import.
    import httpx

    timeout = httpx.Timeout(settings.download_stall, connect=min(10, settings.download_stall))
    headers = {"Accept-Encoding": "identity", "User-Agent": "pytest-runloop"}
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=timeout, headers=headers) as client,
            client.stream("GET", url) as answer,
        ):
            _check_status(answer, url)
            found = await _write(answer, into / _name(url), url, settings.download_max)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"`{url}` cannot be downloaded: {type(error).__name__}: {error}".rstrip(": ")
        raise DockerfileError(what, expected="an address that this machine can reach") from None
    if checksum is not None and found != checksum:
        raise DockerfileError(f"`{url}` is not the file that `--checksum` means: it has {found}")


def _check_status(answer: httpx.Response, url: str) -> None:
    if not answer.is_success:
        status = answer.status_code
        known = status in HTTPStatus._value2member_map_
        told = f"{status} {HTTPStatus(status).phrase if known else answer.reason_phrase}".strip()
        raise DockerfileError(f"`{url}` cannot be downloaded: the server answered {told}")


async def _write(answer: httpx.Response, path: Path, url: str, limit: int) -> str:
    digest, size = hashlib.sha256(), 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > limit:
                raise DockerfileError(f"`{url}` is larger than {limit:,} bytes, the most for a download")
            digest.update(piece)
            await asyncio.to_thread(write_all, fd, piece)
        _set_time(fd, answer.headers.get("last-modified", ""))
    finally:
        os.close(fd)
    return f"sha256:{digest.hexdigest()}"


def _set_time(fd: int, date: str) -> None:
    try:
        seconds = email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return
    os.utime(fd, (seconds, seconds))


def _name(url: str) -> str:
    name = posixpath.basename(unquote(urlsplit(url).path)).replace("\0", "")
    return _ANONYMOUS if name in ("", ".", "..") else name
