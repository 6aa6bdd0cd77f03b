"""Puts agents into a devbox: packages by its own npm and pip, repositories and objects as files."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .code_mounts import Fitter, within
from .engine.protocol import Box
from .git import Remote
from .object_mounts import ObjectMount, mount_objects
from .setup import SetupError

_MISSING = 127
"""The exit status of what finds no program."""
# The home's own, so that it needs no right to the system's directories; it is in every PATH.
_NPM = """\
command -v npm >/dev/null || {{
    echo 'this devbox has no npm: install it (the package `npm`)' >&2; exit {missing}
}}
npm install --global --prefix {place} --no-audit --no-fund --no-update-notifier --no-progress {more}-- {what}
"""
_PIP = """\
python3 -m pip --version >/dev/null 2>&1 || {{
    echo 'this devbox has no pip: install it (the package `python3-pip`)' >&2; exit {missing}
}}
# Debian's own would refuse: it means packages of the system, and these are the user's.
export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
"""
# In a virtual environment there is no other place than its own.
_PIP_FOR_USER = """\
where=--user; python3 -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' && where=
python3 -m pip install $where --no-warn-script-location {more}-- {what}
"""
# The devbox's pip for it: Debian's Python has none to give to virtual environments.
_PIP_AT_PLACE = """\
python3 -m venv --without-pip -- {place} &&
python3 -m pip --python {place}/bin/python install {more}-- {what}
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A package, for npm or pip.

    :param manager: `npm` or `pip`.
    :param what: the package with its version, as the manager takes it.
    """

    manager: str
    what: str
    registry: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at some commit, branch or tag; empty for its head."""

    remote: Remote
    ref: str = ""


Source = Package | Repository | ObjectMount


@dataclass(frozen=True, slots=True)
class AgentMount:
    """An agent, and where it goes.

    :param name: of the agent.
    :param source: what it is; an object without its path.
    :param path: where it goes; `None` for the place where such packages usually are.
    :param setup: commands that run after it is there.
    """

    name: str
    source: Source
    path: str | None = None
    setup: tuple[str, ...] = ()

    @property
    def token(self) -> str | None:
        """What opens its repository."""
        return self.source.remote.token if isinstance(self.source, Repository) else None


async def mount_agents(fitter: Fitter, mounts: Iterable[AgentMount]) -> None:
    """Install agents in a box, and run their setup commands.

    :raises SetupError: if one cannot be installed, or a command fails; the text says which.
    """
    for mount in mounts:
        try:
            await _mount(fitter, mount)
        except SetupError as error:
            what = f"agent {mount.name}"
            told = str(error) if what in str(error) else f"{what}: {error}"
            raise SetupError(told, error.reason) from error


async def _mount(fitter: Fitter, mount: AgentMount) -> None:
    place = None if mount.path is None else _absolute(fitter.box, mount.path)
    await _install(fitter, mount, place)
    for number, command in enumerate(mount.setup, 1):
        inside = within(shlex.quote(place), command) if place else command
        what = f"agent {mount.name}: setup command {number} of {len(mount.setup)}"
        await fitter.run(inside, what, command)


async def _install(fitter: Fitter, mount: AgentMount, place: str | None) -> None:
    if isinstance(mount.source, Package):
        what = f"agent {mount.name}: {mount.source.manager} install"
        await fitter.run(install_command(mount.source, place), what, mount.source.what)
        return
    assert place is not None, "these have one"
    if isinstance(mount.source, Repository):
        await fitter.clone(mount.source.remote, mount.source.ref, place)
    else:
        await mount_objects(fitter.box, [replace(mount.source, path=place)])
        fitter.write("info", f"agent {mount.name}: the object {mount.source.name} is at {place}")


def install_command(package: Package, place: str | None) -> str:
    """Return the command that installs a package.

    :param place: where, as an absolute path; `None` for the user's own place.
    """
    words = {"what": shlex.quote(package.what), "missing": _MISSING}
    if package.manager == "npm":
        more = f"--registry {shlex.quote(package.registry)} " if package.registry else ""
        return _NPM.format(place=shlex.quote(place) if place else '"$HOME/.local"', more=more, **words)
    more = f"--index-url {shlex.quote(package.registry)} " if package.registry else ""
    rest = _PIP_AT_PLACE if place else _PIP_FOR_USER
    return (_PIP + rest).format(place=shlex.quote(place or ""), more=more, **words)


def _absolute(box: Box, path: str) -> str:
    return box.home if path == "~" else posixpath.join(box.home, path.removeprefix("~/"))
