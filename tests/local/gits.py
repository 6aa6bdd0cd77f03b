"""Git repositories of tests, in directories and on a web site of the loopback interface."""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


def git(*argv: str | Path) -> str:
    """Run git, and return what it prints."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *map(str, argv)], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(work: Path, files: Mapping[str, str], tag: str = "") -> str:
    """Write files into a repository, which is made if need be, and return the name of its new commit."""
    if not (work / ".git").exists():
        git("init", "-q", "-b", "main", work)
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git("-C", work, "add", ".")
    git("-C", work, "commit", "-q", "-m", "changed")
    if tag:
        git("-C", work, "tag", tag)
    return git("-C", work, "rev-parse", "HEAD")


def bare(work: Path, target: Path) -> Path:
    """Make a bare repository of one, which plain files on a web site can be."""
    git("clone", "-q", "--bare", work, target)
    git("-C", target, "update-server-info")
    return target


class _Handler(SimpleHTTPRequestHandler):
    token = ""
    seen: list[str]

    def do_GET(self) -> None:
        """Serve a file to who has the token."""
        given = self.headers.get("Authorization", "")
        self.seen.append(given)
        if (
            self.token
            and given != f"Basic {base64.b64encode(f'x-access-token:{self.token}'.encode()).decode()}"
        ):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site(root: Path, token: str = "") -> Iterator[tuple[str, list[str]]]:
    """Serve a directory.

    :param token: what opens it.
    :return: its address, and the credentials that came.
    """
    seen: list[str] = []
    handler = type("Handler", (_Handler,), {"token": token, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
