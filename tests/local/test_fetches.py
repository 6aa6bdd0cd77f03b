"""What ADD gets from elsewhere. All of elsewhere is on the loopback interface here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.downloads import download
from pytest_runloop.local.git import GitError, Remote, check_out
from pytest_runloop.local.settings import Settings

from .builds import cached, failed, good, log, text
from .storing import archive, member
from .test_builds import any_api, tier

__all__ = ["any_api", "tier"]


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve a file, or lead to one."""
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Site:
    """A directory that is served.

    :param url: where.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self.root = root

    def put(self, name: str, content: bytes) -> str:
        """Serve a file, and return its checksum."""
        (self.root / name).write_bytes(content)
        return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A web site of one directory."""
    root = tmp_path / "site"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", root)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def repository(site: Site, tmp_path: Path) -> Site:
    """A git repository that is served, as plain files."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    work, bare = tmp_path / "work", site.root / "repo.git"

    def git(*argv: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *argv], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main", str(work))
    for number in ("1", "2"):
        (work / "docs").mkdir(exist_ok=True)
        (work / "docs" / "page").write_text(f"page {number}\n")
        (work / "version").write_text(f"{number}\n")
        git("-C", str(work), "add", ".")
        git("-C", str(work), "commit", "-q", "-m", number)
        git("-C", str(work), "tag", f"v{number}")
    git("clone", "-q", "--bare", str(work), str(bare))
    git("-C", str(bare), "update-server-info")
    return site


def test_a_download_is_a_file_for_root_alone(any_api: httpx.Client, site: Site) -> None:
    site.put("one file", b"content\n")
    site.put("second", b"2\n")
    dockerfile = f"""\
FROM debian
WORKDIR /home/user
ADD {site.url}/one%20file ./
ADD --chmod=644 {site.url}/moved/second renamed
ADD {site.url}/second {site.url}/one%20file both/
"""
    blueprint = good(any_api, dockerfile)
    shown = text(any_api, blueprint, "cat 'one file' renamed; ls both; stat -c %a 'one file' renamed")
    assert shown.split() == ["content", "2", "one", "file", "second", "600", "644"]
    assert any("fetching" in message for _, message in log(any_api, blueprint))


def test_a_download_counts_by_its_content(any_api: httpx.Client, site: Site) -> None:
    dockerfile = f"FROM debian\nADD {site.url}/file /home/user/file\nRUN true\n"
    counts = []
    for content in (b"1", b"1", b"2"):
        site.put("file", content)
        counts.append(len(cached(any_api, good(any_api, dockerfile))))
    assert counts == [0, 2, 0]


def test_a_download_with_a_checksum_is_got_once(any_api: httpx.Client, site: Site) -> None:
    checksum = site.put("file", b"pinned")
    dockerfile = f"FROM debian\nADD --checksum={checksum} {site.url}/file /home/user/file\n"
    assert text(any_api, good(any_api, dockerfile), "cat file") == "pinned"
    (site.root / "file").unlink()
    assert len(cached(any_api, good(any_api, dockerfile))) == 1
    site.put("other", b"something else")
    dockerfile = f"FROM debian\nRUN true\nADD --checksum={checksum} {site.url}/other /home/user/file\n"
    failed(any_api, dockerfile, "line 3", "--checksum", hashlib.sha256(b"something else").hexdigest())


def test_a_download_is_unpacked_only_if_asked(any_api: httpx.Client, site: Site) -> None:
    content = archive(member("deep/file", b"unpacked\n"))
    site.put("x.tgz", content)
    dockerfile = f"""\
FROM debian
WORKDIR /home/user
ADD {site.url}/x.tgz plain
ADD --unpack {site.url}/x.tgz unpacked
"""
    blueprint = good(any_api, dockerfile)
    assert text(any_api, blueprint, "cat unpacked/deep/file; wc -c < plain").split() == [
        "unpacked",
        str(len(content)),
    ]


def test_what_cannot_be_downloaded_fails_the_build_with_its_line(any_api: httpx.Client, site: Site) -> None:
    failed(any_api, f"FROM debian\nADD {site.url}/none /home/user/\n", "line 2", "/none", "404 Not Found")
    failed(any_api, "FROM debian\nADD http://127.0.0.1:1/x /home/user/\n", "line 2", "127.0.0.1:1", "Connect")
    failed(any_api, "FROM debian\nADD http://[broken/x /home/user/\n", "line 2", "broken")


@pytest.mark.asyncio
async def test_a_download_is_bounded(site: Site, tmp_path: Path) -> None:
    site.put("large", b"x" * 101)
    with pytest.raises(DockerfileError, match="larger than 100 bytes"):
        await download(f"{site.url}/large", tmp_path, Settings(download_max=100))
    await download(f"{site.url}/?no-name", tmp_path, Settings(download_max=100_000))
    assert (tmp_path / "download").is_file()


def test_a_repository_is_copied_without_its_history(any_api: httpx.Client, repository: Site) -> None:
    url = f"{repository.url}/repo.git"
    dockerfile = f"""\
FROM debian
WORKDIR /home/user
ADD {url} head
ADD {url}#v1 first
ADD --exclude=page {url}#main:docs empty
ADD {url}#main:docs docs
ADD --keep-git-dir {url} whole
"""
    blueprint = good(any_api, dockerfile)
    shown = text(any_api, blueprint, "cat head/version first/version docs/page; ls -A empty head docs whole")
    assert shown.split() == [
        *["2", "1", "page", "2"],
        *["docs:", "page", "empty:", "head:", "docs", "version", "whole:", ".git", "docs", "version"],
    ]
    assert len(cached(any_api, good(any_api, dockerfile.rsplit("ADD", 1)[0]))) == 5


def test_what_git_does_not_find_fails_the_build_with_its_line(
    any_api: httpx.Client, repository: Site
) -> None:
    url = f"{repository.url}/repo.git"
    failed(any_api, f"FROM debian\nADD {url}#v9 /home/user/x\n", "line 2", "v9")
    failed(any_api, f"FROM debian\nADD {url}#main:none /home/user/x\n", "line 2", "none")
    failed(any_api, f"FROM debian\nADD {repository.url}/none.git /home/user/x\n", "line 2", "none.git")
    failed(any_api, f"FROM debian\nADD {url}#--upload-pack=x /home/user/x\n", "line 2", "no address")


@pytest.mark.asyncio
async def test_without_git_the_error_says_what_to_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="no git") as caught:
        await check_out(Remote("https://example.org/x.git"), "", tmp_path, Settings())
    assert "package `git`" in str(caught.value)
