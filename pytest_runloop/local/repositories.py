"""Gets what ADD names by the address of a git repository, with this machine's git."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from .dockerfile.errors import DockerfileError

_SECONDS = 600
_SHOWN = 500
# No questions to a terminal, no programs that the repository brings along.
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "LC_ALL": "C.UTF-8"}
_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "init.defaultBranch=main", "-c", "gc.auto=0")


async def check_out(url: str, ref: str, into: Path, *, keep_git: bool = False) -> None:
    """Write the files of a repository into a directory.

    :param ref: a branch, tag or commit; empty for what the repository has as its head.
    :param keep_git: keep the repository itself, `.git`, beside them.
    :raises DockerfileError: if there is no git here, or it fails.
    """
    git = shutil.which("git")
    if git is None:
        what = f"`{url}` is a git repository, and this machine has no git"
        raise DockerfileError(what, expected="git (the package `git`), or a build context with the files")
    if url.startswith("-") or ref.startswith("-"):
        raise DockerfileError(f"`{url}#{ref}` is no address of a git repository")
    await _run(url, git, "init", "-q", str(into))
    there = [git, *_OPTIONS, "-C", str(into)]
    try:
        await _run(url, *there, "fetch", "-q", "--depth=1", "--no-tags", "--", url, ref or "HEAD")
        found = "FETCH_HEAD"
    except DockerfileError:
        # Some servers give no part of a history, and most give no commit by its name alone.
        await _run(url, *there, "fetch", "-q", "--", url, *_EVERYTHING, "HEAD")
        found = await _resolved(url, there, ref)
    await _run(url, *there, "checkout", "-q", "--detach", found, "--")
    if not keep_git:
        await asyncio.to_thread(shutil.rmtree, into / ".git")


_EVERYTHING = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")


async def _resolved(url: str, there: list[str], ref: str) -> str:
    for name in (f"refs/remotes/origin/{ref}", f"refs/tags/{ref}", ref) if ref else ("FETCH_HEAD",):
        with suppress(DockerfileError):
            return (await _run(url, *there, "rev-parse", "-q", "--verify", f"{name}^{{commit}}")).strip()
    raise DockerfileError(f"`{url}` has no branch, tag or commit `{ref}`")


async def _run(url: str, *argv: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **_ENVIRONMENT},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        raise DockerfileError(f"`{url}`: git was not done after {_SECONDS} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        told = err.decode(errors="replace").strip()[-_SHOWN:] or f"exit status {process.returncode}"
        raise DockerfileError(f"`{url}` cannot be had by git: {told}")
    return out.decode(errors="replace")
