"""Git of this machine: what it is given, and what a repository may do to it."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from pytest_runloop.local.addresses import placed
from pytest_runloop.local.errors import ApiError
from pytest_runloop.local.git import GitError, Remote, check_out, clone
from pytest_runloop.local.settings import Settings
from tests.plugin.waiting import processes_that_know, until

from .gits import bare, commit, git, site

TOKEN = f"opens-it-all-{os.getpid()}"
SETTINGS = Settings()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with one commit."""
    commit(tmp_path / "work", {"file": "content\n"})
    return tmp_path / "work"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """An empty directory."""
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def command_lines(known: str) -> list[bytes]:
    """Return what the list of processes shows of those that have this in their environment."""
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_that_know(known)]


@pytest.mark.asyncio
async def test_no_list_of_processes_shows_a_token(into: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/app.git"
        known = f"RUNLOOP_GIT_TOKEN={TOKEN}"
        cloning = asyncio.ensure_future(clone(Remote(address, TOKEN), "", into, SETTINGS))
        with (await asyncio.to_thread(silent.accept))[0]:
            lines = command_lines(known)
            assert any(address.encode() in line for line in lines)
            assert not any(TOKEN.encode() in line for line in lines)
            cloning.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cloning
    # With all that it started.
    until(lambda: not processes_that_know(known), "what git started is gone")
    assert TOKEN not in repr(Remote(address, TOKEN))


@pytest.mark.asyncio
async def test_hooks_and_templates_of_this_machines_user_are_not_run(
    work: Path, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (tmp_path / "config").write_text(f"[core]\n\thooksPath = {hooks}\n")
    await clone(Remote(str(work)), "", into, SETTINGS)
    assert (into / "file").read_text() == "content\n"
    assert not (tmp_path / "ran").exists()
    assert not (into / ".git" / "hooks").exists()


@pytest.mark.asyncio
async def test_a_run_within_a_hook_touches_no_other_repository(
    work: Path, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tmp_path / "other", {"mine": "x"})
    before = git("-C", tmp_path / "other", "rev-parse", "HEAD")
    for name, value in {
        "GIT_DIR": tmp_path / "other" / ".git",
        "GIT_WORK_TREE": tmp_path / "other",
        "GIT_INDEX_FILE": tmp_path / "other" / ".git" / "index",
    }.items():
        monkeypatch.setenv(name, str(value))
    await clone(Remote(str(work)), "", into, SETTINGS)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert (into / "file").exists()
    assert git("-C", tmp_path / "other", "rev-parse", "HEAD") == before
    assert git("-C", tmp_path / "other", "status", "--porcelain") == ""


@pytest.mark.asyncio
async def test_submodules_are_not_fetched(work: Path, into: Path, tmp_path: Path) -> None:
    commit(tmp_path / "secret", {"mine": "x"})
    git("-c", "protocol.file.allow=always", "-C", work, "submodule", "-q", "add", tmp_path / "secret", "sub")
    commit(work, {"more": "x"})
    await clone(Remote(str(work)), "", into, SETTINGS)
    assert list((into / "sub").iterdir()) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["ext::sh -c 'touch RAN'", "fd::3", "--upload-pack=touch RAN", "-x"])
async def test_transports_that_run_programs_are_refused(
    url: str, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext:fd:file")
    for get in (clone, check_out):
        with pytest.raises(GitError):
            await get(Remote(url), "", into, SETTINGS)
    assert not (tmp_path / "RAN").exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("ref", ["--upload-pack=x", "a..b:c", "a b", "a~1", "a\0b", "x^{/y}", "*"])
async def test_what_can_be_no_reference_is_refused(work: Path, into: Path, ref: str) -> None:
    for get in (clone, check_out):
        with pytest.raises(GitError) as caught:
            await get(Remote(str(work)), ref, into, SETTINGS)
        assert caught.value.trouble == "invalid"


@pytest.mark.asyncio
async def test_a_repository_without_a_commit_is_an_error_that_says_so(into: Path, tmp_path: Path) -> None:
    git("init", "-q", tmp_path / "empty")
    with pytest.raises(GitError, match="has no commit"):
        await clone(Remote(str(tmp_path / "empty")), "", into, SETTINGS)


@pytest.mark.asyncio
async def test_a_repository_that_is_too_large_is_left(work: Path, into: Path) -> None:
    commit(work, {f"file{number}": os.urandom(20_000).hex() for number in range(20)})
    with pytest.raises(GitError, match="the most for a repository") as caught:
        await clone(Remote(str(work)), "", into, Settings(repository_max=500_000))
    assert caught.value.trouble == "size"


@pytest.mark.asyncio
async def test_git_that_takes_too_long_is_left(into: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/app.git"
        with pytest.raises(GitError, match=r"not done after 0\.5 s"):
            await clone(Remote(address), "", into, Settings(git_seconds=0.5))


@pytest.mark.asyncio
async def test_nobody_is_asked_for_a_password(
    into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked; echo x\n")
    ask.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(ask))
    monkeypatch.setenv("SSH_ASKPASS", str(ask))
    commit(tmp_path / "w", {"a": "b"})
    bare(tmp_path / "w", tmp_path / "site" / "app.git")
    with site(tmp_path / "site", TOKEN) as (address, _), pytest.raises(GitError) as caught:
        await clone(Remote(f"{address}/app.git"), "", into, SETTINGS)
    assert caught.value.trouble == "login"
    assert not (tmp_path / "asked").exists()


@pytest.mark.asyncio
async def test_a_password_in_an_address_is_not_told(into: Path) -> None:
    with pytest.raises(GitError) as caught:
        await clone(Remote("http://user:hunter2@127.0.0.1:1/x.git"), "", into, SETTINGS)
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1/x.git" in str(caught.value)


@pytest.mark.asyncio
async def test_a_clone_tells_nothing_of_this_machines_user(work: Path, into: Path) -> None:
    await clone(Remote(str(work)), "", into, SETTINGS)
    assert not (into / ".git" / "logs").exists()
    config = (into / ".git" / "config").read_text()
    assert "hooksPath" not in config
    assert "user" not in config


@pytest.mark.parametrize(
    ("owner", "name", "base", "url", "directory"),
    [
        ("o", "n", "https://github.com", "https://github.com/o/n.git", "n"),
        ("o", ".github", "https://github.com", "https://github.com/o/.github.git", ".github"),
        ("o", "n.git", "https://example.org/git/", "https://example.org/git/o/n.git", "n"),
        ("o", "n", "/srv/git", "/srv/git/o/n", "n"),
        ("o", "n", "ssh://git@example.org", "ssh://git@example.org/o/n.git", "n"),
        ("https://example.org/team/", "n", "/x", "https://example.org/team/n.git", "n"),
        ("git@example.org:team", "n", "/x", "git@example.org:team/n", "n"),
        ("any", "git@example.org:n.git", "/x", "git@example.org:n.git", "n"),
        ("any", "https://example.org/a/b.git", "/x", "https://example.org/a/b.git", "b"),
        ("any", "/srv/git/b/", "/x", "/srv/git/b/", "b"),
        ("any", "file:///srv/git/b.git", "/x", "file:///srv/git/b.git", "b"),
    ],
)
def test_an_owner_and_a_name_are_an_address(
    owner: str, name: str, base: str, url: str, directory: str
) -> None:
    place = placed(owner, name, base)
    assert (place.url, place.name) == (url, directory)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("", "n"), (".", "n"), ("..", "n"), ("o", ""), ("o", "."), ("o", ".git"), ("o", "a/b"), ("o", "n\n"),
        ("any", "/srv/.."), ("any", "/"), ("any", "https:///x"), ("any", "https://[/x"),
        ("any", "http://h/a b"), ("-x://h", "n"), ("any", "-x@h:y/z"), ("any", "a@h:-x"), ("any", "x" * 3000),
        ("any", "https://h/" + "x" * 3000),
    ],
)  # fmt: skip
def test_what_can_be_no_address_is_refused(owner: str, name: str) -> None:
    with pytest.raises(ApiError) as caught:
        placed(owner, name, "https://github.com")
    assert caught.value.status == 400
    assert len(str(caught.value)) < 1000
