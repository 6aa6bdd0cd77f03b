"""The server's side of the `namespace` tier. What happens inside a box is in `namespace.py`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar

from pytest_runloop.local.engine import base, host, loopback, syscalls
from pytest_runloop.local.engine.isolation import load
from pytest_runloop.local.engine.launcher import BootError
from pytest_runloop.local.engine.protocol import BoxSpec, Capability, EngineError
from pytest_runloop.local.engine.tiers import Helpers, Tier

_KERNEL = ("/sys", "sys")
_MOST_DNS_SERVERS = 3  # as programs ask


class NamespaceTier(Tier):
    """Boxes in namespaces, stacked by overlays on the machine's own system directories.

    Whoever a box's user is, the id inside is 0, whatever the spec asks for: an ordinary user of this machine
    has no other id to give, and so `sudo` needs nobody's help.
    """

    name: ClassVar[str] = "namespace"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    isolation: ClassVar[str] = "pytest_runloop.local.engine.namespace:Networked"
    stacked: ClassVar[bool] = True
    own_users: ClassVar[bool] = True

    def __init__(self) -> None:
        self._reachable: list[loopback.Service] = []
        self._layers_root = Path()
        self._one_id = False
        self._overlays: list[tuple[str, str, list[str]]] = []
        self._binds: list[tuple[str, str]] = []
        self._fittings: list[tuple[str, str, list[str]]] = []
        self._base: base.Base | None = None

    async def prepare(self, state_dir: Path, helpers: Helpers) -> None:
        """Make what all boxes stand on, unless an earlier engine did.

        :raises EngineError: if this machine's system calls are not known, it has no namespaces for us, or the
            disk refuses.
        """
        if not syscalls.supported():
            raise EngineError(f"namespaces are not supported on {os.uname().machine}")
        await _require_namespaces(helpers, load(self.isolation).clone_flags)
        self._reachable = loopback.services(os.environ)
        machine = host.survey(state_dir)
        self._one_id = host.has_one_id()
        try:
            self._base = await asyncio.to_thread(base.provide, state_dir, machine, one_id=self._one_id)
        except OSError as error:
            raise EngineError(f"could not prepare {error.filename}: {error.strerror}") from error
        self._layers_root = state_dir / "layers"
        self._binds = [(f"/{name}", name) for name in machine.bound]
        self._overlays = [("root", "", [str(self._base.path / "root")])]
        self._fittings = [("root", "", [str(self._base.path / "fittings")])]
        self._overlays += [self._overlay(self._base, name) for name in machine.overlaid]

    def plan(
        self, spec: BoxSpec, directory: Path, layers: list[Path], *, reboot: bool, whole: bool
    ) -> dict[str, Any]:
        """Return what `namespace.Namespaced` needs to know."""
        return {
            "username": spec.username,
            "hostname": spec.hostname,
            "directory": str(directory),
            "layers_root": str(self._layers_root),
            "layers": [str(layer.relative_to(self._layers_root)) for layer in layers],
            # An image's own files hide those that make it fit for a box.
            "overlays": self._fittings if whole else self._overlays,
            "binds": [bind for bind in self._binds if not whole or bind == _KERNEL],
            "one_id": self._one_id,
            "reboot": reboot,
            "whole": whole,
            "reachable": self._reachable,
            "dns_servers": [] if spec.guard is None else loopback.dns_servers()[:_MOST_DNS_SERVERS],
        }

    async def close(self) -> None:
        """Let go of what all boxes stand on."""
        if self._base is not None:
            self._base.close()
            self._base = None

    @staticmethod
    def _overlay(base_in_use: base.Base, name: str) -> tuple[str, str, list[str]]:
        above = [base_in_use.path / name, base_in_use.skin / name]
        return name.replace("/", "-"), name, [*(str(path) for path in above if path.is_dir()), f"/{name}"]


class SharedNetwork:
    """What differs where no network of their own can be had for boxes: all share this machine's."""

    capabilities: ClassVar[frozenset[Capability]] = NamespaceTier.capabilities - {Capability.PRIVATE_PORTS}
    isolation: ClassVar[str] = "pytest_runloop.local.engine.namespace:Namespaced"


class SharedNetworkTier(SharedNetwork, NamespaceTier):
    """The `namespace` tier on the network of this machine."""


async def _require_namespaces(helpers: Helpers, flags: int) -> None:
    """Fail at once where the kernel refuses namespaces: what boxes stand on takes a while to make.

    That it refuses none proves nothing yet; only a boot does.
    """
    try:
        await helpers.run("unshare", flags)
    except BootError as error:
        raise BootError("start a process in new namespaces", error.number) from None
