"""What is uploaded: bytes, a path or an open file, read in pieces so that size does not matter."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from .errors import ArgumentError, hide_from_traceback

__tracebackhide__ = hide_from_traceback

PIECE_BYTES: Final = 256 * 1024
_DEFAULT_NAME: Final = "upload"


class Source:
    """The content of a file to upload, from wherever it comes.

    :param name: the file name that the form tells.
    """

    rewindable = True
    size: int | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    @staticmethod
    def of(file: object) -> Source:
        """Return the source for what a caller gave as a file.

        :param file: bytes, a path of this machine, an open binary file, or a tuple of name and one of these.
        :raises ArgumentError: if it is something else.
        """
        if isinstance(file, tuple) and len(file) >= 2 and isinstance(file[0], str | None):
            source = Source.of(file[1])
            source.name = file[0] or source.name
            return source
        if isinstance(file, bytes | bytearray | memoryview):
            return _BytesSource(bytes(file))
        if isinstance(file, os.PathLike):
            return _PathSource(Path(file))
        if hasattr(file, "read"):
            return _FileSource(file)
        raise ArgumentError(
            f"file must be bytes, a pathlib.Path or an open binary file, and is {type(file).__name__}. "
            "For text use file.write(file_path=..., contents=...), for a file of this machine Path(...)."
        )

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Give the content as an open file, at its beginning."""
        raise NotImplementedError
        yield


class _BytesSource(Source):
    def __init__(self, content: bytes) -> None:
        super().__init__(_DEFAULT_NAME)
        self._content = content
        self.size = len(content)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self._content)


class _PathSource(Source):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        with path.open("rb") as file:  # Fails here, with Python's own error, before anything is sent.
            self.size = os.fstat(file.fileno()).st_size

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        with self._path.open("rb") as file:
            yield file


class _FileSource(Source):
    def __init__(self, file: Any) -> None:
        if isinstance(file, io.TextIOBase):
            raise ArgumentError("the file is open as text; open it in binary mode, open(path, 'rb')")
        name = getattr(file, "name", None)
        super().__init__(Path(name).name if isinstance(name, str) else _DEFAULT_NAME)
        self._file = file
        self.rewindable = bool(getattr(file, "seekable", lambda: False)())
        if self.rewindable:
            self._start = file.tell()
            self.size = file.seek(0, os.SEEK_END) - self._start
            file.seek(self._start)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        if self.rewindable:
            self._file.seek(self._start)
        yield self._file


@dataclass(frozen=True, slots=True)
class Multipart:
    """A form with a file as its last part.

    :param fields: the other fields.
    :param name: the name of the file's field.
    :param source: the file.
    """

    fields: Mapping[str, object]
    name: str
    source: Source
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        """The value of the header."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def head(self) -> bytes:
        """Everything before the file's content."""
        parts = [self._part(f'name="{_quoted(name)}"', str(value)) for name, value in self.fields.items()]
        file = f'name="{_quoted(self.name)}"; filename="{_quoted(self.source.name)}"'
        parts.append(self._part(f"{file}\r\nContent-Type: application/octet-stream", None))
        return "".join(parts).encode()

    @property
    def end(self) -> bytes:
        """Everything after the file's content."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    @property
    def length(self) -> int | None:
        """Bytes of the whole form, `None` if the file does not tell its size."""
        if self.source.size is None:
            return None
        return len(self.head) + self.source.size + len(self.end)

    def _part(self, disposition: str, value: str | None) -> str:
        start = f"--{self.boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
        return start if value is None else f"{start}{value}\r\n"


def _quoted(text: str) -> str:
    # As browsers do: these three would end the quoted text or the header.
    return text.translate({34: "%22", 13: "%0D", 10: "%0A"})
