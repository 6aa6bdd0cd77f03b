"""A small web service: counts the visits of each path. Run as `python3 app.py PORT_FILE`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VISITS: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    """Counts and answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer how often the path was visited."""
        VISITS[self.path] += 1
        body = json.dumps({"path": self.path, "visits": VISITS[self.path]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Listen on a free port, and write it into a file."""
    # A fixed port would do too, wherever each devbox has ports of its own.
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Path(sys.argv[1]).write_text(f"{server.server_port}\n")
        server.serve_forever()


if __name__ == "__main__":
    main()
