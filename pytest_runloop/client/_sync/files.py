# Generated from ../_async/files.py by scripts/unasync.py: change that file, and run the script.
"""A devbox's files."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, overload

from ...contract.endpoints import devboxes
from ...contract.views.executions import DevboxExecutionDetailView
from ..archives import pack, packing_command, packing_error, removing_command, unpack, unpacking_command
from ..concurrency import ended, in_thread
from ..errors import ArgumentError, hide_from_traceback
from .commands import CommandInterface
from .transport import Transport

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKDevboxDownloadFileParams,
        SDKDevboxReadFileContentsParams,
        SDKDevboxUploadFileParams,
        SDKDevboxWriteFileContentsParams,
    )

__tracebackhide__ = hide_from_traceback


class FileInterface:
    """The files of one devbox; `devbox.file`. Paths are absolute, relative to the home, or begin with `~/`.

    :param transport: the client's.
    :param devbox_id: whose.
    :param commands: the devbox's commands.
    """

    def __init__(self, transport: Transport, devbox_id: str, commands: CommandInterface) -> None:
        self._transport = transport
        self._devbox_id = devbox_id
        self._path = {"id": devbox_id}
        self._commands = commands

    def read(self, **params: Unpack[SDKDevboxReadFileContentsParams]) -> str:
        """Return a text file's content.

        :param params: `file_path` says which.
        :raises FileNotFoundError: if it does not exist.
        :raises UnicodeDecodeError: if it is not UTF-8; `download` gives its bytes.
        """
        return self._transport.call(devboxes.READ_FILE_CONTENTS, self._path, params)

    def write(self, **params: Unpack[SDKDevboxWriteFileContentsParams]) -> DevboxExecutionDetailView:
        """Write a text file, in place of what it held.

        :param params: `file_path` says which, `contents` what. For bytes there is `upload`.
        """
        if not isinstance(params.get("contents", ""), str):
            raise ArgumentError("contents must be text; for bytes use file.upload(path=..., file=...)")
        return self._transport.call(devboxes.WRITE_FILE_CONTENTS, self._path, params)

    @overload
    def download(self, *, to: None = None, **params: Unpack[SDKDevboxDownloadFileParams]) -> bytes: ...

    @overload
    def download(
        self, *, to: str | os.PathLike[str], **params: Unpack[SDKDevboxDownloadFileParams]
    ) -> Path: ...

    def download(
        self, *, to: str | os.PathLike[str] | None = None, **params: Unpack[SDKDevboxDownloadFileParams]
    ) -> bytes | Path:
        """Return a file's bytes, or write them to a file of this machine and return its path.

        :param to: where to write them, of any size; into it, if it is a directory.
        :param params: `path` says which file.
        :raises FileNotFoundError: if it does not exist.
        """
        if to is None:
            return self._transport.call(devboxes.DOWNLOAD_FILE, self._path, params)
        target = _place(Path(to), params.get("path", ""))
        self._download_to(target, params)
        return target

    def upload(self, **params: Unpack[SDKDevboxUploadFileParams]) -> None:
        """Write a file of any content and size.

        :param params: `path` says which, `file` what: bytes, a `Path`, or an open binary file.
        """
        self._transport.call(devboxes.UPLOAD_FILE, self._path, params)

    def upload_dir(self, *, path: str, directory: str | os.PathLike[str]) -> None:
        """Write a directory's content, in one archive. What else is there stays.

        :param path: where to, in the devbox; made if need be.
        :param directory: the directory of this machine.
        """
        archive = _archive_name()
        with tempfile.TemporaryDirectory(prefix="pytest-runloop-") as scratch:
            packed = Path(scratch) / "directory.tar.gz"
            in_thread(pack, Path(directory), packed)
            self.upload(path=archive, file=packed)
        (self._commands.exec(unpacking_command(archive, path))).check()

    def download_dir(self, *, path: str, to: str | os.PathLike[str]) -> Path:
        """Read a directory's content, in one archive.

        :param path: the directory in the devbox.
        :param to: where to, on this machine; made if need be. What else is there stays.
        :raises FileNotFoundError: if it does not exist.
        :raises ArchiveError: if a link in it leads out of it.
        """
        archive = _archive_name()
        try:
            packed = self._commands.exec(packing_command(path, archive))
            error = packing_error(packed.exit_code, path, self._devbox_id)
            if error is not None:
                raise error
            packed.check()
            with tempfile.TemporaryDirectory(prefix="pytest-runloop-") as scratch:
                file = self.download(path=archive, to=Path(scratch) / "directory.tar.gz")
                in_thread(unpack, file, Path(to))
        finally:
            self._commands.exec(removing_command(archive))
        return Path(to)

    def _download_to(self, target: Path, params: Any) -> None:
        # Beside the target, and renamed when whole: nobody finds half a file under its name.
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")

        def consume(response: httpx.Response) -> None:
            with ended(response.iter_raw()) as received:
                _write(received, part)

        try:
            self._transport.receive(devboxes.DOWNLOAD_FILE, self._path, params, consume)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _write(received: Iterator[bytes], part: Path) -> None:
    with part.open("wb") as file:
        for piece in received:
            in_thread(file.write, piece)


def _place(to: Path, path: str) -> Path:
    return to / PurePosixPath(path).name if to.is_dir() else to


def _archive_name() -> str:
    # Relative to the home: commands and file calls agree on that place on every backend.
    return f".pytest-runloop-{secrets.token_hex(8)}.tar.gz"
