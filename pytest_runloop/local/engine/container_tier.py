"""The server's side of the `container` tier: the namespace tier, inside one container."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pytest_runloop.local.engine import container_programs, host, launcher
from pytest_runloop.local.engine.container_launcher import ContainerLauncher
from pytest_runloop.local.engine.container_programs import ContainerProgram, Mount
from pytest_runloop.local.engine.namespace_tier import NamespaceTier, SharedNetwork
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.engine.sessions import Session
from pytest_runloop.local.engine.tiers import Helpers

_INSTALL = "install docker or podman"
_LIBRARIES = Path("/etc/ld.so.cache")
_CONTAINERS_OWN = ("sys",)


class ContainerTier(NamespaceTier):
    """Boxes in namespaces that a container permits, where the machine refuses them to its user.

    The container shows the machine's own system directories, so its boxes are those of the namespace tier.
    """

    name: ClassVar[str] = "container"

    def __init__(self) -> None:
        super().__init__()
        self._launcher: ContainerLauncher | None = None

    def launch(self, session: Session) -> ContainerLauncher:
        """Return what starts zygotes in containers."""
        self._launcher = ContainerLauncher(session)
        return self._launcher

    async def prepare(self, state_dir: Path, helpers: Helpers) -> None:
        """Start a container with the first program that can, and make what all boxes stand on.

        :raises EngineError: if none can, or the kernel refuses namespaces even there.
        """
        programs = container_programs.found()
        if not programs:
            raise EngineError(f"there is neither {' nor '.join(container_programs.NAMES)}", _INSTALL)
        machine = host.survey(state_dir)
        refusals = []
        for program in programs:
            try:
                await self._open(program, machine)
                break
            except EngineError as error:
                refusals.append(error)
        else:
            raise EngineError("; ".join(error.what for error in refusals), refusals[0].remedy)
        await super().prepare(state_dir, helpers)

    async def close(self) -> None:
        """Let go of the container that waits, if one does, and of what all boxes stand on."""
        await super().close()
        if self._launcher is not None:
            await asyncio.to_thread(self._launcher.close)

    async def _open(self, program: ContainerProgram, machine: host.Host) -> None:
        assert self._launcher is not None
        await asyncio.to_thread(self._launcher.open, program, list(_mounts(machine)), machine.python)


class SharedNetworkContainerTier(SharedNetwork, ContainerTier):
    """The `container` tier on the network of this machine."""


def _mounts(machine: host.Host) -> Iterator[Mount]:
    """Yield what of the machine a container must show: what boxes stand on, an interpreter, this package."""
    names = [
        name for name in (*machine.links, *machine.overlaid, *machine.bound) if name not in _CONTAINERS_OWN
    ]
    for name in names:
        target = Path("/", name)
        if (source := target.resolve()).is_dir():
            yield Mount(source, target)
    if _LIBRARIES.exists():  # Where interpreters find libraries outside the usual directories.
        yield Mount(_LIBRARIES, _LIBRARIES)
    package = launcher.SOURCE / __package__.partition(".")[0]
    yield Mount(package, package)
