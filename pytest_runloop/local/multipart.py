"""Multipart forms, taken apart while they arrive: a file of any size never stands in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .errors import invalid

_FIELD_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins.

    :param name: the field's name.
    :param is_file: whether it has a file name.
    """

    name: str
    is_file: bool


@dataclass(frozen=True, slots=True)
class PartData:
    """More of the part that began last."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is complete."""


Event = PartStart | PartData | PartEnd


@dataclass(slots=True)
class _Collector:
    """Gathers the parser's callbacks as events."""

    events: list[Event] = field(default_factory=list)
    finished: bool = False
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""

    def part_begin(self) -> None:
        self._disposition = b""

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self.events.append(PartStart(name, b"filename" in options))

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(PartData(memoryview(data)[start:end]))

    def part_end(self) -> None:
        self.events.append(PartEnd())

    def end(self) -> None:
        self.finished = True


def _parser(content_type: str, collector: _Collector) -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid("the body must be a multipart form (`Content-Type: multipart/form-data; boundary=...`)")
    return MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": collector.part_begin,
            "on_header_field": collector.header_field,
            "on_header_value": collector.header_value,
            "on_header_end": collector.header_end,
            "on_headers_finished": collector.headers_finished,
            "on_part_data": collector.part_data,
            "on_part_end": collector.part_end,
            "on_end": collector.end,
        },
    )


async def parts(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Yield the events of a form while its bytes arrive.

    :param content_type: the request's header, which names the boundary.
    :param body: the request's body.
    :raises ApiError: if it is no multipart form, or one that is cut short.
    """
    collector = _Collector()
    parser = _parser(content_type, collector)
    async for chunk in body:
        try:
            parser.write(chunk)
        except FormParserError as error:
            raise invalid(f"the multipart form cannot be read: {error}") from None
        for event in collector.events:
            yield event
        collector.events.clear()
    if not collector.finished:
        raise invalid("the multipart form ends before its closing boundary")


def extend_field(field: bytearray, data: memoryview, name: str) -> None:
    """Add bytes to the value of a text field.

    :raises ApiError: if it gets too long.
    """
    field += data
    if len(field) > _FIELD_MAX:
        raise invalid(f"`{name}` is longer than {_FIELD_MAX:,} bytes")


def text_of(field: bytearray, name: str) -> str:
    """Return the value of a text field.

    :raises ApiError: if it is not UTF-8.
    """
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise invalid(f"`{name}` is not UTF-8") from None
