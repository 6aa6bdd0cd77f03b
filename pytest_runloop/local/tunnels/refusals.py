"""The answers that come from a tunnel itself, not from the devbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass
class RefusedError(Exception):
    """Why a request does not come through.

    :param status: the HTTP status.
    :param code: a fixed word for programs, in the header `x-runloop-error-code`.
    :param message: what is wrong and what to do, for a person.
    :param headers: further ones.
    """

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, method: bytes = b"GET") -> bytes:
        """Return it as an HTTP answer, after which the connection ends.

        :param method: of the request.
        """
        body = f"{self.message}\n".encode()
        headers = {
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(body)),
            "connection": "close",
            "x-runloop-error-code": self.code,
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head if method == b"HEAD" else head + body


def not_http(why: str) -> RefusedError:
    """Return the refusal of what is no request.

    :param why: a clause that goes on after "this".
    """
    return RefusedError(
        400, "invalid_request", f"a tunnel takes requests of HTTP/1.1, and this is none: {why}"
    )
