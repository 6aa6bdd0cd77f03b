"""The tiers without namespaces, `landlock` and `process`, as an engine sees them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from pytest_runloop.local.engine import confined, confined_shims, landlock, limiter, short_names
from pytest_runloop.local.engine.protocol import BoxSpec, Capability, EngineError
from pytest_runloop.local.engine.tiers import Helpers, Tier

# All of a machine's system; nobody's home, nobody's temporary files. Of /dev only what `confined` names:
# root may read disks.
_SYSTEM = (
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "nix", "gnu", "snap",
    "proc", "sys",
    "var/lib/dpkg", "var/lib/apt", "var/cache/apt", "var/lib/rpm", "lib/apk", "var/cache/fontconfig",
)  # fmt: skip
_RESOLVER = "/etc/resolv.conf"  # A link into /run on many machines.
_SHARED_MEMORY = "/dev/shm"


class ProcessTier(Tier):
    """Plain processes in a directory of their own: order, not isolation."""

    name: ClassVar[str] = "process"
    capabilities: ClassVar[frozenset[Capability]] = limiter.ALL
    isolation: ClassVar[str] = f"{confined.Plain.__module__}:{confined.Plain.__qualname__}"

    def __init__(self) -> None:
        self._boxes: short_names.ShortName | None = None

    async def prepare(self, state_dir: Path, helpers: Helpers) -> None:
        """Write the commands that all boxes share, and find out what they may read."""
        try:
            self._shims = confined_shims.install(state_dir / "shims", self.name)
        except OSError as error:
            raise EngineError(f"could not use {state_dir}: {error.strerror}") from error
        short_names.sweep()
        self._readable = self.readable(state_dir)
        self._writable = self.writable(state_dir)

    def plan(
        self, spec: BoxSpec, directory: Path, layers: list[Path], *, reboot: bool, whole: bool
    ) -> dict[str, Any]:
        """Return what the isolation needs to know, as JSON."""
        if self._boxes is None:
            self._boxes = short_names.ShortName(directory.parent)
        return {
            "directory": str(directory),
            "short": str(self._boxes.of(directory.name)),
            "username": spec.username,
            "shims": str(self._shims),
            "readable": self._readable,
            "writable": self._writable,
        }

    async def close(self) -> None:
        """Let go of the short name of what is gone now."""
        if self._boxes is not None:
            self._boxes.close()

    def readable(self, state_dir: Path) -> list[str]:
        """Return the places outside a box that it may read."""
        return ["/"]

    def writable(self, state_dir: Path) -> list[str]:
        """Return the places outside a box that it may write."""
        return []


class LandlockTier(ProcessTier):
    """Processes that the kernel refuses to write outside of their directory.

    They see the machine's processes and network, and may read its system directories. Shared memory
    (`/dev/shm`) is the machine's, for semaphores live there. Landlock knows no rights to a file's metadata:
    a command may `chmod` or `touch` what belongs to its user anywhere, and it may connect to Unix sockets.
    """

    name: ClassVar[str] = "landlock"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CONFINED_WRITES}) | limiter.ALL
    isolation: ClassVar[str] = f"{confined.Landlocked.__module__}:{confined.Landlocked.__qualname__}"

    async def prepare(self, state_dir: Path, helpers: Helpers) -> None:
        """Prepare as for plain processes.

        :raises EngineError: if the kernel has no Landlock.
        """
        if not landlock.abi():
            raise EngineError(
                "the kernel has no Landlock, or it is switched off",
                "boot Linux 5.13 or newer with lsm=landlock,...",
            )
        await super().prepare(state_dir, helpers)

    def readable(self, state_dir: Path) -> list[str]:
        """Return the machine's system directories and the running Python's."""
        python = [sys.base_prefix, sys.base_exec_prefix, confined_shims.base_interpreter()]
        system = [f"/{name}" for name in _SYSTEM] + [_RESOLVER, *python]
        return _without(state_dir, _real(system))

    def writable(self, state_dir: Path) -> list[str]:
        """Return the machine's shared memory."""
        return _without(state_dir, _real([_SHARED_MEMORY]))


def _real(paths: Iterable[str]) -> list[str]:
    """Return the places that exist, without links, and without those that lie beneath others."""
    found: list[str] = []
    for path in sorted({str(Path(path).resolve()) for path in paths if Path(path).exists()}):
        if not found or not f"{path}/".startswith(f"{found[-1]}/"):
            found.append(path)
    return found


def _without(secret: Path, paths: Iterable[str]) -> list[str]:
    """Replace a place above the secret one by what else lies in it: Landlock can allow only, never except."""
    return [part for path in paths for part in _parts(Path(path), secret)]


def _parts(path: Path, secret: Path) -> Iterator[str]:
    if path == secret or secret in path.parents:
        return
    if path not in secret.parents:
        yield str(path)
        return
    for child in path.iterdir():
        if not child.is_symlink():
            yield from _parts(child, secret)
