"""Raw requests from inside a devbox."""

from __future__ import annotations

import base64
import json
from typing import Any

from .box import Box

_SCRIPT = """
import base64, os, socket, sys
from urllib.parse import urlsplit

place = urlsplit(os.path.expandvars(sys.argv[1]))
request = os.path.expandvars(base64.b64decode(sys.argv[2]).decode("latin-1"))
try:
    connection = socket.create_connection((place.hostname, place.port))
except ConnectionRefusedError:
    sys.exit("refused")
with connection:
    connection.sendall(request.encode("latin-1"))
    while data := connection.recv(65536):
        os.write(1, data)
"""


def prepared(box: Box) -> Box:
    """Put the means to ask into a devbox."""
    box.write("ask.py", _SCRIPT)
    return box


def asking(request: str, url: str = "$GW_URL") -> str:
    """Return the command that sends a request.

    :param request: lines and a body; variables in it are those of the devbox.
    """
    raw = base64.b64encode(request.encode("latin-1")).decode()
    return f"python3 ask.py '{url}' {raw}"


def asked(
    box: Box, target: str, *headers: str, method: str = "GET", body: str = "", url: str = "$GW_URL"
) -> str:
    """Send a request with the gateway's token, and return the whole answer."""
    # HTTP/1.0 knows no chunks: the answer is as the service gave it, and its end that of the connection.
    lines = [f"{method} {target} HTTP/1.0", *headers]
    given = {header.partition(":")[0].lower() for header in headers}
    if "host" not in given:
        lines.append("Host: gateway")
    if not given & {"authorization", "x-api-key"}:
        lines.append("Authorization: Bearer $GW")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return box.text(asking("\r\n".join([*lines, "", body]), url)).replace("\r\n", "\n")


def said(answer: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    head, _, body = answer.partition("\n\n")
    return int(head.split()[1]), body


def message(box: Box, value: Any, *headers: str) -> Any:
    """Send a message to an MCP server, and return the answer: what its JSON means, or its text."""
    text = value if isinstance(value, str) else json.dumps(value)
    authorized = ("Authorization: Bearer $M", "Content-Type: application/json")
    status, body = said(asked(box, "/mcp", *authorized, *headers, method="POST", body=text))
    if body.startswith(("{", "[")):
        return json.loads(body)
    return status, body
