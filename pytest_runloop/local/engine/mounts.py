"""The mounts of a box with a root of its own, made in its own mount namespace.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from pytest_runloop.local.engine import syscalls
from pytest_runloop.local.engine.isolation import step
from pytest_runloop.local.engine.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_KERNEL_SWITCHES = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")
_OVERLAY_OPTIONS = "userxattr,volatile,index=off"
_PLAIN = MS_NOSUID | MS_NODEV | MS_NOEXEC


def isolate_mounts() -> None:
    """Keep mounts from here on to this namespace."""
    with step("make the mounts private"):
        syscalls.mount("none", "/", flags=MS_REC | MS_PRIVATE)


class Root:
    """The root of a box while it is being put together.

    :param directory: of the box. It holds `up`, and gets `mnt` and work directories.
    :param layers: directories to stack below `up`, nearest first, as names below `layers_root`.
    :param layers_root: names below it keep the mount's options short: they end at a page.
    """

    def __init__(self, directory: str, layers_root: str, layers: Sequence[str]) -> None:
        self.path = f"{directory}/mnt"
        self._up = f"{directory}/up"
        # An overlay mounted `volatile` refuses a work directory that was used before.
        self._work = f"{directory}/work-{os.urandom(4).hex()}"
        self._layers = layers
        for made in (self.path, self._up, self._work):
            os.makedirs(made, mode=0o755, exist_ok=True)
        os.chdir(layers_root)

    def overlay(self, name: str, target: str, lowers: Sequence[str]) -> None:
        """Mount one overlay.

        :param name: of its directory in `up` and in the layers.
        :param target: below the root; empty for the root itself.
        :param lowers: what is below the layers, nearest first.
        """
        below = [place for layer in self._layers if os.path.isdir(place := f"{layer}/{name}")]
        upper, work = f"{self._up}/{name}", f"{self._work}/{name}"
        with step(f"overlay /{target}"):
            _mirror_directory(next(iter([*below, *lowers])), upper)
            os.mkdir(work)
            places = ":".join(map(_escape, [*below, *lowers]))
            options = (
                f"lowerdir={places},upperdir={_escape(upper)},workdir={_escape(work)},{_OVERLAY_OPTIONS}"
            )
            syscalls.mount("overlay", f"{self.path}/{target}", "overlay", 0, options)

    def bind_read_only(self, source: str, target: str) -> None:
        """Show a directory of the host, and all that is mounted below it, read-only.

        :param target: below the root.
        """
        with step(f"bind {source}"):
            place = f"{self.path}/{target}"
            syscalls.mount(source, place, flags=MS_BIND | MS_REC)
            syscalls.make_read_only(place)

    def devices(self) -> None:
        """Mount the few devices that everything needs, terminals and shared memory."""
        dev = f"{self.path}/dev"
        for name in DEVICES:
            with step(f"bind /dev/{name}"):
                syscalls.mount(f"/dev/{name}", f"{dev}/{name}", flags=MS_BIND)
        with step("mount /dev/pts"):
            options = "newinstance,ptmxmode=0666,mode=620"
            syscalls.mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)
        with step("mount /dev/shm"):
            syscalls.mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")

    def proc(self, protect: bool) -> None:
        """Mount /proc, or the host's where a container hides parts of it and so forbids a new one.

        :param protect: root inside is root of the host to `/proc/sys`: make such switches read-only.
        """
        place = f"{self.path}/proc"
        with step("mount /proc"):
            try:
                syscalls.mount("proc", place, "proc", _PLAIN)
            except PermissionError:
                syscalls.mount("/proc", place, flags=MS_BIND | MS_REC)
        for name in _KERNEL_SWITCHES if protect else ():
            if os.path.exists(f"{place}/{name}"):
                self.bind_read_only(f"{place}/{name}", f"proc/{name}")

    def enter(self) -> None:
        """Make it the root, and let go of the host's."""
        os.chdir(self.path)
        with step("pivot_root"):
            try:
                syscalls.pivot_root(".", ".")
                syscalls.unmount(".")
            except PermissionError:  # Seccomp of some containers forbids pivot_root and permits this.
                syscalls.mount(self.path, "/", flags=syscalls.MS_MOVE)
                os.chroot(".")
        os.chdir("/")


def build(plan: Mapping[str, Any], protect: bool) -> None:
    """Put the root of a box together and enter it.

    :param plan: `directory`, `layers_root`, `layers`, `overlays` (name, target, lowers) and `binds`.
    :param protect: as in `Root.proc`.
    """
    isolate_mounts()
    root = Root(plan["directory"], plan["layers_root"], plan["layers"])
    for name, target, lowers in plan["overlays"]:
        root.overlay(name, target, lowers)
    for source, target in plan["binds"]:
        root.bind_read_only(source, target)
    root.devices()
    root.proc(protect)
    root.enter()


def _mirror_directory(model: str, directory: str) -> None:
    """Make a directory with the mode of another, unless it is there: an upper lends its own to the mount."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return
    os.chmod(directory, os.stat(model).st_mode & 0o7777)


def _escape(path: str) -> str:
    """Return a path as an option: the kernel splits options at commas and lower directories at colons."""
    for character in "\\:,":
        path = path.replace(character, "\\" + character)
    return path
