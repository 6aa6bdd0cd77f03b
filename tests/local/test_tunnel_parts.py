"""The parts of tunnels that do no input or output: heads, bodies, rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_runloop.local.tunnels.bodies import (
    Body,
    Chunked,
    Endless,
    Sized,
    body_of_request,
    body_of_response,
)
from pytest_runloop.local.tunnels.heads import HeadError, Request, Response
from pytest_runloop.local.tunnels.refusals import RefusedError
from pytest_runloop.local.tunnels.rules import Rules


def _request(*lines: bytes, start: bytes = b"POST / HTTP/1.1") -> Request:
    return Request.of(b"\r\n".join([start, *lines, b"", b""]))


def _response(*lines: bytes, status: bytes = b"200 OK") -> Response:
    return Response.of(b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""]))


def _taken(body: Body, data: bytes, pieces: list[int]) -> int:
    """Show a body the data piece by piece, and return how much of it was taken."""
    taken = 0
    for size in [*pieces, len(data)]:
        end = min(len(data), taken + size)
        while taken < end and not body.done:
            taken = body.take(bytearray(data), taken, end)
    return taken


_PIECES = st.lists(st.integers(1, 20), max_size=60)
_CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
_EXTENSIONS = st.sampled_from([b"", b";a=b", b' ; x="y"'])


@given(
    _CHUNKS,
    _EXTENSIONS,
    st.sampled_from([b"", b"T: x\r\n", b"T: x\r\nU: y\r\n"]),
    st.binary(max_size=9),
    _PIECES,
)
def test_chunks_end_where_they_end_however_they_arrive(
    chunks: list[bytes], extension: bytes, trailer: bytes, after: bytes, pieces: list[int]
) -> None:
    sent = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    sent += b"0\r\n" + trailer + b"\r\n"
    body = Chunked()
    assert _taken(body, sent + after, pieces) == len(sent)
    assert body.done


@given(st.binary(max_size=60), st.integers(0, 60), _PIECES)
def test_a_size_is_counted_down_however_it_arrives(data: bytes, size: int, pieces: list[int]) -> None:
    body = Sized(size)
    assert _taken(body, data, pieces) == min(size, len(data))
    assert body.done == (len(data) >= size)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"1 1\r\n",
        b"f" * 16 + b"\r\n",
        b"1" * 20_000,
    ],
)
def test_what_is_no_chunk_is_an_error(data: bytes) -> None:
    with pytest.raises(HeadError):
        Chunked().take(bytearray(data), 0, len(data))


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([], Sized),
        ([b"Content-Length: 0"], Sized),
        ([b"content-length:\t5 "], Sized),
        ([b"Content-Length: 5", b"Content-Length: 5"], Sized),
        ([b"Transfer-Encoding: Chunked"], Chunked),
        ([b"Transfer-Encoding: gzip, chunked"], Chunked),
        ([b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"], Chunked),
    ],
)
def test_a_request_says_how_far_its_body_goes(lines: list[bytes], kind: type) -> None:
    assert type(body_of_request(_request(*lines))) is kind


@pytest.mark.parametrize(
    ("status", "method", "lines", "kind"),
    [
        (b"200 OK", b"GET", [b"Content-Length: 3"], Sized),
        (b"200", b"GET", [b"Transfer-Encoding: chunked", b"Content-Length: 3"], Chunked),
        (b"200 OK", b"GET", [], Endless),
        (b"200 OK", b"GET", [b"Transfer-Encoding: gzip"], Endless),
        (b"200 OK", b"HEAD", [b"Content-Length: 3"], Sized),
        (b"204 No Content", b"GET", [b"Transfer-Encoding: chunked"], Sized),
        (b"304 Not Modified", b"GET", [b"Content-Length: 3"], Sized),
    ],
)
def test_an_answer_says_how_far_its_body_goes(
    status: bytes, method: bytes, lines: list[bytes], kind: type
) -> None:
    body = body_of_response(_response(*lines, status=status), method)
    assert type(body) is kind
    assert body.done == (method == b"HEAD" or status[:3] in (b"204", b"304"))


@pytest.mark.parametrize(
    ("method", "status", "switched"),
    [
        (b"GET", b"101 Switching", True),
        (b"CONNECT", b"200 OK", True),
        (b"CONNECT", b"403 No", False),
        (b"GET", b"200 OK", False),
    ],
)
def test_what_switches_to_another_protocol(method: bytes, status: bytes, switched: bool) -> None:
    assert _response(status=status).switched(method) == switched


def test_a_request_asks_for_another_protocol_by_its_connection_field() -> None:
    assert _request(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket").switches
    assert _request(start=b"CONNECT a:1 HTTP/1.1").switches
    assert not _request(b"Upgrade: h2c").switches


_TOKEN = "X-Runloop-Tunnel-Authorization"


@pytest.mark.parametrize(
    ("lines", "passed"),
    [
        ([f"{_TOKEN}: Bearer t"], []),
        ([f"{_TOKEN.lower()}:bearer  t "], []),
        (["Authorization: Bearer t"], []),
        (
            ["Authorization: Bearer of-the-service", f"{_TOKEN}: Bearer t"],
            ["Authorization: Bearer of-the-service"],
        ),
        (["A: b", "Authorization: BEARER t", f"{_TOKEN}: Bearer t", "C:d"], ["A: b", "C:d"]),
    ],
)
def test_the_token_lets_in_and_is_taken_out(lines: list[str], passed: list[str]) -> None:
    head = Rules(token=b"t").passed(_request(*[line.encode() for line in lines]).head)
    assert head.decode().split("\r\n") == ["POST / HTTP/1.1", *passed, "", ""]


@pytest.mark.parametrize(
    "line",
    [
        "A: Bearer t",
        "Authorization: t",
        "Authorization: Basic t",
        f"{_TOKEN}: Bearer tt",
        f"{_TOKEN}: Bearer ",
    ],
)
def test_without_the_token_nobody_gets_in(line: str) -> None:
    with pytest.raises(RefusedError) as caught:
        Rules(token=b"t").passed(_request(line.encode()).head)
    assert caught.value.status == 401


@given(
    st.lists(
        st.tuples(
            st.from_regex(rb"[A-Za-z-]+", fullmatch=True),
            st.binary(max_size=20).filter(lambda value: not set(value) & set(b"\r\n\0")),
        ),
        max_size=5,
    )
)
def test_an_open_tunnel_passes_a_head_on_as_it_came(fields: list[tuple[bytes, bytes]]) -> None:
    lines = [name + b":" + value for name, value in fields]
    raw = b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])
    assert Rules().passed(Request.of(raw).head) == raw
