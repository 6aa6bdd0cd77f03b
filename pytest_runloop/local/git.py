"""Gets repositories with this machine's git, so that nothing they hold acts on this machine.

A repository comes into a directory of the server, and from there into a box, which may not reach what this
machine reaches. No hook and no submodule of it is taken, no question is asked, no transport is used but
the usual ones. A token is given to git by a credential helper in its environment, for the one server that it
is for: it stands in no argument, no address and no `.git/config`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .descriptors import close_quietly
from .masking import Mask
from .settings import MIB, Settings

_SHOWN = 500
_MORTAL = """
exec 3<&0
{ cat <&3 >/dev/null; kill -KILL 0; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"""
"""Has a program killed, with all that it started, when the other end of its standard input closes."""
_LOOK_SECONDS = 0.5
_INODE_BYTES = 512
# Those of the repository that a hook runs in, which `git rev-parse --local-env-vars` lists.
_OF_ANOTHER = frozenset(
    {
        *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"),
        *("GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE"),
        *(
            "GIT_INDEX_FILE",
            "GIT_NO_REPLACE_OBJECTS",
            "GIT_REPLACE_REF_BASE",
            "GIT_PREFIX",
            "GIT_SHALLOW_FILE",
        ),
        *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_TEMPLATE_DIR"),
    }
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    # Empty, they keep git from asking by a window.
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "LC_ALL": "C.UTF-8",
}
_OPTIONS = {
    "core.hooksPath": "/dev/null",
    # It would hold the name of this machine's user.
    "core.logAllRefUpdates": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "init.defaultBranch": "main",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_HELPER = """!f() {
    [ "$1" = get ] && printf 'username=%s\\npassword=%s\\n' x-access-token "$RUNLOOP_GIT_TOKEN"
}; f"""
_REFUSED_LOGIN = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|terminal prompts disabled"
    r"|Permission denied \(|returned error: 40[13]"
)
_LOGIN = re.compile(r"(https?://)[^/@\s']+@")
_REF = re.compile(r"(?!-)[^\x00-\x20\x7f~^:?*\[\\]+")

GitTrouble = Literal["missing", "invalid", "login", "access", "reference", "size", "time"]


class GitError(Exception):
    """A repository cannot be had.

    :param what: what was wanted, and what came of it; without tokens.
    :param trouble: of which kind that is.
    :param remedy: what to do, if that is known.
    """

    def __init__(self, what: str, trouble: GitTrouble, remedy: str = "") -> None:
        self.what = what
        self.trouble = trouble
        self.remedy = remedy
        super().__init__(f"{what}: {remedy}" if remedy else what)


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository somewhere.

    :param url: its address, as git takes it.
    :param token: what opens it over http.
    """

    url: str
    token: str | None = field(default=None, repr=False)


async def check_out(
    remote: Remote, ref: str, into: Path, settings: Settings, *, keep_git: bool = False
) -> str:
    """Write the files of one commit of a repository into a directory.

    :param ref: a branch, tag or commit; empty for what the repository has as its head.
    :param keep_git: keep the repository itself, `.git`, beside them.
    :return: the commit's name.
    :raises GitError: if there is no git here, or it fails.
    """
    git = _Git(remote, into, settings)
    git.check(ref)
    await git.run("init", "-q", "--template=", str(into))
    try:
        await git.inside("fetch", "-q", "--depth=1", "--no-tags", "--", remote.url, ref or "HEAD")
        found = "FETCH_HEAD"
    except GitError as error:
        if error.trouble != "access":
            raise
        # Some servers give no part of a history, and most give no commit by its name alone.
        await git.inside("fetch", "-q", "--", remote.url, *_EVERYTHING, "HEAD")
        found = await git.resolved(ref)
    await git.inside("checkout", "-q", "--detach", found, "--")
    commit = await git.commit()
    if not keep_git:
        await asyncio.to_thread(shutil.rmtree, into / ".git")
    return commit


async def clone(remote: Remote, ref: str, into: Path, settings: Settings) -> str:
    """Clone a repository with its history into an empty directory.

    :param ref: a branch, which is checked out as one, a tag or a commit; empty for the repository's head.
    :return: the commit's name.
    :raises GitError: if there is no git here, or it fails.
    """
    git = _Git(remote, into, settings)
    git.check(ref)
    # Not by links to the files of a repository of this machine.
    how = ("-q", "--no-local", "--no-checkout", "--no-recurse-submodules", "--template=")
    await git.run("clone", *how, "--", remote.url, str(into))
    if not ref:
        if not await git.has("HEAD"):
            raise GitError(f"`{git.shown}` has no commit", "reference")
        await git.inside("checkout", "-q")
    elif await git.has(f"refs/remotes/origin/{ref}"):
        await git.inside("checkout", "-q", "-B", ref, "--track", f"origin/{ref}", "--")
    else:
        await git.inside("checkout", "-q", "--detach", await git.resolved(ref), "--")
    return await git.commit()


_EVERYTHING = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")


class _Git:
    """Runs git for one repository.

    :param into: the directory that it comes into.
    """

    def __init__(self, remote: Remote, into: Path, settings: Settings) -> None:
        self._remote = remote
        self._into = into
        self._settings = settings
        self._mask = Mask([remote.token] if remote.token else [])
        self.shown = self._masked(remote.url)

    def check(self, ref: str) -> None:
        """Refuse what could be taken for something else than an address and a reference."""
        if self._remote.url.startswith("-") or (ref and not _REF.fullmatch(ref)):
            raise GitError(
                f"`{self._masked(f'{self._remote.url}#{ref}')}` is no address of a git repository", "invalid"
            )

    async def inside(self, *argv: str) -> str:
        """Run git in the repository."""
        return await self.run("-C", str(self._into), *argv)

    async def has(self, name: str) -> bool:
        """Tell whether the repository has a commit of this name."""
        try:
            await self.inside("rev-parse", "-q", "--verify", f"{name}^{{commit}}")
        except GitError as error:
            if error.trouble != "access":
                raise
            return False
        return True

    async def resolved(self, ref: str) -> str:
        """Return the name of the commit that a reference means."""
        for name in (f"refs/remotes/origin/{ref}", f"refs/tags/{ref}", ref) if ref else ("FETCH_HEAD",):
            if await self.has(name):
                return (await self.inside("rev-parse", f"{name}^{{commit}}")).strip()
        raise GitError(f"`{self.shown}` has no branch, tag or commit `{ref}`", "reference")

    async def commit(self) -> str:
        """Return the name of the commit that is checked out."""
        return (await self.inside("rev-parse", "HEAD")).strip()

    async def run(self, *argv: str) -> str:
        """Run git and return what it prints."""
        program = shutil.which("git")
        if program is None:
            what = f"`{self.shown}` is a git repository, and this machine has no git"
            raise GitError(
                what, "missing", "install git (the package `git`), or give the files in another way"
            )
        async with _started([program, *argv], _environment(self._remote)) as process:
            try:
                async with asyncio.timeout(self._settings.git_seconds):
                    out, err = await self._bounded(process)
            except TimeoutError:
                what = f"`{self.shown}`: git was not done after {self._settings.git_seconds:g} s"
                raise GitError(what, "time") from None
        if process.returncode:
            raise self._failure(err.decode(errors="replace").strip(), process.returncode)
        return out.decode(errors="replace")

    async def _bounded(self, process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
        """Wait for git's end, unless what it writes grows too large."""
        running = asyncio.ensure_future(process.communicate())
        try:
            while True:
                done, _ = await asyncio.wait({running}, timeout=_LOOK_SECONDS)
                if await asyncio.to_thread(_size, self._into) > self._settings.repository_max:
                    limit = self._settings.repository_max // MIB
                    raise GitError(
                        f"`{self.shown}` has more than {limit:,} MiB, the most for a repository", "size"
                    )
                if done:
                    return await running
        finally:
            running.cancel()

    def _failure(self, told: str, status: int) -> GitError:
        message = (
            f"`{self.shown}` cannot be had by git: {self._masked(told)[-_SHOWN:] or f'exit status {status}'}"
        )
        if _REFUSED_LOGIN.search(told):
            remedy = "give another token" if self._remote.token else "give a token that opens it"
            return GitError(message, "login", remedy)
        return GitError(message, "access")

    def _masked(self, text: str) -> str:
        return _LOGIN.sub(r"\1***@", self._mask(text))


@asynccontextmanager
async def _started(argv: list[str], environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program that ends with this block, and with this process, however that dies."""
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", _MORTAL, "sh", *argv),
            stdin=reading,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    finally:
        close_quietly(reading, writing)


def _environment(remote: Remote) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not _is_of_another(name)}
    options = dict(_OPTIONS)
    secret = {}
    server = urlsplit(remote.url)
    if remote.token and server.scheme in ("http", "https"):
        # For that server alone: it may lead to others.
        options[f"credential.{server.scheme}://{server.netloc}.helper"] = _HELPER
        secret["RUNLOOP_GIT_TOKEN"] = remote.token
    return {**own, **_ENVIRONMENT, **_configuration(options), **secret}


def _is_of_another(name: str) -> bool:
    return name in _OF_ANOTHER or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))


def _configuration(options: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give git these options, which is then in no list of processes."""
    told = {"GIT_CONFIG_COUNT": str(len(options))}
    for number, (name, value) in enumerate(options.items()):
        told[f"GIT_CONFIG_KEY_{number}"], told[f"GIT_CONFIG_VALUE_{number}"] = name, value
    return told


def _size(root: Path) -> int:
    """Return the bytes below a directory that something writes to."""
    total = 0
    places = [root]
    while places:
        with suppress(OSError), os.scandir(places.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size + _INODE_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        places.append(Path(entry.path))
    return total
