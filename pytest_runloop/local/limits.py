"""The sizes of devboxes: what each of them stands for, and what is said of those that cannot be kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .engine.limiter import machine_memory
from .engine.protocol import Capability, Engine, Limits
from .engine.remedies import for_limits
from .errors import invalid

GIB = 1024**3

_CUSTOM = "CUSTOM_SIZE"
_CUSTOM_FIELDS = ("custom_cpu_cores", "custom_gb_memory", "custom_disk_size")
_CORES_MAX, _MEMORY_MAX, _DISK_MAX = 16, 64, 64


@dataclass(frozen=True, slots=True)
class Size:
    """What the service gives a devbox, and charges for it.

    :param cpus: processors.
    :param memory_gib: memory.
    :param disk_gib: disk.
    """

    cpus: float
    memory_gib: int
    disk_gib: int

    def limits(self, processes: int) -> Limits:
        """Return what a devbox of this size may use.

        :param processes: the bound that no size says anything of.
        """
        return Limits(self.memory_gib * GIB, self.cpus, self.disk_gib * GIB, processes)


SIZES: Mapping[str, Size] = {
    "X_SMALL": Size(0.5, 1, 4),
    "SMALL": Size(1, 2, 4),
    "MEDIUM": Size(2, 4, 8),
    "LARGE": Size(2, 8, 16),
    "X_LARGE": Size(4, 16, 16),
    "XX_LARGE": Size(8, 32, 16),
}
"""As the API has them."""
DEFAULT = SIZES["SMALL"]
"""What the service gives, and counts, where nothing is asked for."""


def size_of(launch: Mapping[str, Any]) -> Size | None:
    """Return the size that launch parameters ask for; `None` if they ask for none.

    :param launch: checked already.
    """
    name = launch.get("resource_size_request")
    if name is None:
        return None
    if name != _CUSTOM:
        return SIZES[name]
    return Size(
        launch["custom_cpu_cores"],
        launch["custom_gb_memory"],
        launch.get("custom_disk_size") or DEFAULT.disk_gib,
    )


def limits_of(launch: Mapping[str, Any], processes: int) -> Limits:
    """Return what a devbox may use.

    Without a size that is asked for, it may use what this machine has: the service's default is smaller than
    what many suites take for granted of the machine they run on.
    """
    size = size_of(launch)
    return size.limits(processes) if size else Limits(processes=processes)


def memory_gib(launch: Mapping[str, Any]) -> int:
    """Return the memory that a devbox of these launch parameters has on the service, in GiB."""
    return (size_of(launch) or DEFAULT).memory_gib


def check_size(launch: Mapping[str, Any]) -> None:
    """Refuse a size that the service does not give.

    :raises ApiError: naming the parameter and what it may be.
    """
    name = launch.get("resource_size_request")
    given = [field for field in _CUSTOM_FIELDS if launch.get(field) is not None]
    if name != _CUSTOM:
        if given:
            _refuse(given[0], f"goes with `resource_size_request: {_CUSTOM}` only")
        return
    for field in _CUSTOM_FIELDS[:2]:
        if field not in given:
            _refuse(field, f"is missing, which `resource_size_request: {_CUSTOM}` needs")
    _check_custom(launch)


def _check_custom(launch: Mapping[str, Any]) -> None:
    cores, memory, disk = (launch.get(field) for field in _CUSTOM_FIELDS)
    if cores not in (0.5, 1) and not _even(cores, _CORES_MAX):
        _refuse(_CUSTOM_FIELDS[0], f"must be 0.5, 1 or an even number up to {_CORES_MAX}, not {cores}")
    if memory != 1 and not _even(memory, _MEMORY_MAX):
        _refuse(_CUSTOM_FIELDS[1], f"must be 1 or an even number up to {_MEMORY_MAX}, not {memory}")
    if disk is not None and not _even(disk, _DISK_MAX):
        _refuse(_CUSTOM_FIELDS[2], f"must be an even number from 2 to {_DISK_MAX}, not {disk}")


def _even(value: Any, most: int) -> bool:
    return bool(2 <= value <= most and value % 2 == 0)


def _refuse(field: str, why: str) -> None:
    raise invalid(f"`launch_parameters.{field}` {why}")


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of a devbox's log on its limits."""

    level: str
    text: str


def remarks(launch: Mapping[str, Any], engine: Engine) -> Iterator[Remark]:
    """Yield what a devbox's log should say of the size that was asked for; nothing if none was."""
    size = size_of(launch)
    if size is None:
        return
    yield Remark("info", f"size: {size.cpus:g} vCPU, {size.memory_gib} GiB memory, {size.disk_gib} GiB disk")
    for capability, what in (
        (Capability.LIMITED_MEMORY, f"{size.memory_gib} GiB of memory are not a limit"),
        (Capability.LIMITED_CPU, f"{size.cpus:g} vCPU are not a limit"),
        (Capability.LIMITED_DISK, f"{size.disk_gib} GiB of disk are not a limit"),
        (Capability.LIMITED_PROCESSES, "the number of processes is not limited"),
    ):
        if capability not in engine.capabilities:
            remedy = for_limits(capability)
            yield Remark("warn", f"{what} here: the {engine.tier} tier lacks `{capability}` ({remedy})")
    if size.memory_gib * GIB >= machine_memory():
        have = math.floor(machine_memory() / GIB * 10) / 10
        yield Remark("info", f"{size.memory_gib} GiB of memory are no limit: this machine has {have:g} GiB")
