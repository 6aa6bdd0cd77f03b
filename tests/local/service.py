"""A service for tests of tunnels: standard library only, run inside a devbox as `service.py PORT`."""

import base64
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    """One request after the other of a connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Do what the path says."""
        name, _, argument = self.path.strip("/").partition("/")
        getattr(self, f"get_{name}")(argument)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Answer with the body, its digest, or before it came."""
        if self.path == "/early":
            self.answer(b"too much", 413)
            self.close_connection = True
            return
        body = self.chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else self.sized()
        if self.path == "/digest":
            digest, size = hashlib.sha256(), 0
            for piece in body:
                digest.update(piece)
                size += len(piece)
            self.answer(json.dumps({"size": size, "sha256": digest.hexdigest()}).encode())
        else:
            self.answer(b"".join(body))

    def answer(self, body: bytes, status: int = 200) -> None:
        """Send an answer of a known size."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def sized(self) -> Iterator[bytes]:
        """Yield the body of a known size."""
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read1(min(left, 65_536))
            left -= len(piece)
            yield piece

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks of the body."""
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def get_hello(self, argument: str) -> None:
        """Answer shortly."""
        self.answer(b"hello\n")

    def get_headers(self, argument: str) -> None:
        """Answer with the headers that came."""
        self.answer(json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode())

    def get_large(self, argument: str) -> None:
        """Answer with so many bytes."""
        left = int(argument)
        self.send_response(200)
        self.send_header("Content-Length", argument)
        self.end_headers()
        while left:
            left -= self.wfile.write(b"x" * min(left, 65_536))

    def get_chunked(self, argument: str) -> None:
        """Answer with so many numbered lines, a chunk each, and a trailer."""
        self.begin_chunks("text/plain")
        for number in range(int(argument)):
            self.chunk(f"{number}\n".encode())
        self.wfile.write(b"0\r\nX-Trailer: yes\r\n\r\n")

    def get_endless(self, argument: str) -> None:
        """Answer without a size: the end of the connection ends it."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"to the end")

    def get_events(self, argument: str) -> None:
        """Send an event each time that the file `go` is there, which is removed."""
        self.begin_chunks("text/event-stream")
        for number in range(int(argument)):
            self.chunk(f"data: {number}\n\n".encode())
            while not os.path.exists("go"):  # noqa: PTH110
                time.sleep(0.01)
            os.unlink("go")  # noqa: PTH108
        self.chunk(b"")

    def get_held(self, argument: str) -> None:
        """Answer when the file `go` is there."""
        Path("held").touch()
        while not os.path.exists("go"):  # noqa: PTH110
            time.sleep(0.01)
        self.answer(b"at last")

    def get_quit(self, argument: str) -> None:
        """Close without an answer."""
        self.close_connection = True

    def get_noise(self, argument: str) -> None:
        """Answer with what is no HTTP."""
        self.wfile.write(b"\x00\x01noise\r\n\r\n\xff")
        self.close_connection = True

    def get_interim(self, argument: str) -> None:
        """Send a hint before the answer."""
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        self.answer(b"after the hint")

    def get_raw(self, argument: str) -> None:
        """Switch to bytes: send back what comes in capitals and, at its end, `BYE`."""
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n")
        while data := self.rfile.read1(65_536):
            self.wfile.write(data.upper())
        self.wfile.write(b"BYE")
        self.close_connection = True

    def get_stubborn(self, argument: str) -> None:
        """Do not switch, whatever is asked."""
        self.answer(b"no")

    def get_websocket(self, argument: str) -> None:
        """Send each message back, as WebSocket has it (RFC 6455), until the client closes."""
        key = self.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.wfile.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while (frame := self.frame())[0] != 8:
            self.send_frame(*frame)
        self.send_frame(*frame)
        self.close_connection = True

    def frame(self) -> tuple[int, bytes]:
        """Return the kind and the content of the next frame."""
        kind, size = self.rfile.read(2)
        size &= 127
        if size > 125:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
        mask = self.rfile.read(4)
        masked = self.rfile.read(size)
        return kind & 15, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))

    def send_frame(self, kind: int, content: bytes) -> None:
        """Send a frame."""
        size = len(content)
        if size < 126:
            length = bytes([size])
        elif size < 65_536:
            length = b"\x7e" + size.to_bytes(2, "big")
        else:
            length = b"\x7f" + size.to_bytes(8, "big")
        self.wfile.write(bytes([128 | kind]) + length + content)

    def begin_chunks(self, kind: str) -> None:
        """Begin an answer in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, content: bytes) -> None:
        """Send a chunk."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Many connections at once."""

    request_queue_size = 128


def main() -> None:
    """Serve, and write the port into the file `port` when ready; 0 takes a free one."""
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        Path("port.new").write_text(str(server.server_port))
        Path("port.new").rename("port")
        server.serve_forever()


if __name__ == "__main__":
    main()
