"""All that a sandbox engine must do. The server knows engines by this page alone.

An engine belongs to one asyncio event loop. It keeps two kinds of things on disk: layers, which are
immutable and outlive it, and boxes, which die with it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Capability(StrEnum):
    """What a tier can give. The values appear in messages, `doctor` and the README."""

    CONFINED_WRITES = "confined-writes"
    """The kernel refuses writes outside the devbox."""
    OWN_ROOT = "own-root"
    """A root of its own: absolute `/home/user`, nothing of the user's files in sight."""
    OWN_PROCESSES = "own-processes"
    """Process ids of its own: nothing outside can be seen or signalled."""
    ROOT_USER = "root-user"
    """Acts as root inside: writes below `/usr` and `/etc`, `sudo` with effect, `apt-get`."""
    INSTANT_SNAPSHOTS = "instant-snapshots"
    """A snapshot of an idle devbox takes the same time whatever its size."""
    PRIVATE_PORTS = "private-ports"
    """Ports of its own: two devboxes may listen on the same one."""
    GUARANTEED_END = "guaranteed-end"
    """The kernel itself ends every process when the engine dies, however it dies."""
    LIMITED_MEMORY = "limited-memory"
    """The memory that was asked for is a limit. It takes control groups of the host."""
    LIMITED_CPU = "limited-cpu"
    """The processors that were asked for are a limit. It takes control groups of the host."""
    LIMITED_DISK = "limited-disk"
    """The disk that was asked for is a limit: a devbox that wrote more fails, within moments."""
    LIMITED_PROCESSES = "limited-processes"
    """Processes are bounded: a fork bomb is the end of nothing else. It takes control groups of the host, or
    namespaces of an ordinary user."""


class Limit(StrEnum):
    """What of a box is bounded."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a box may use at the most; `None` where nothing was asked for. See `Capability.LIMITED_MEMORY`
    and its neighbours for what each engine can keep to.

    :param memory_bytes: of all processes together, files in memory included.
    :param cpus: processors, or parts of one, of all processes together.
    :param disk_bytes: what it may add to the disk that it starts from.
    :param processes: processes and threads.
    """

    memory_bytes: int | None = None
    cpus: float | None = None
    disk_bytes: int | None = None
    processes: int | None = None


class Guard(Protocol):
    """Decides where a box may connect to, one connection at a time, for as long as the box lives."""

    async def permits(self, host: str, port: int) -> bool:
        """Tell whether the box may connect, or send a datagram, to an address outside.

        :param host: an address, never a name.
        """

    async def answer(self, query: bytes, *, stream: bool) -> bytes | None:
        """Answer a query to one of the box's DNS servers.

        :param stream: it came through TCP, and may have any size.
        :return: `None` if there is no answer.
        """


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """What to boot.

    :param name: unique among living boxes, fit for a directory name.
    :param layer: the id of the layer to start from; `None` starts from the machine's own system.
    :param hostname: what `hostname` prints inside.
    :param username: the user that commands run as; `root` lives in `/root`, others in `/home/NAME`.
    :param uid: the id that user asks for, where the tier can give one.
    :param limits: what it may use, as far as the engine can keep it to that.
    :param guard: decides where it may connect to, in an engine with `Capability.PRIVATE_PORTS`.
    """

    name: str
    layer: str | None = None
    hostname: str = "devbox"
    username: str = "user"
    uid: int | None = None
    limits: Limits = Limits()
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """Whom a process runs as, by number.

    :param groups: the further ones.
    """

    user: int
    group: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start inside a box.

    :param argv: program and arguments; the program is looked up inside the box.
    :param environment: the whole environment.
    :param cwd: working directory, absolute, relative to the home, or empty for the home.
    :param stdin, stdout, stderr: descriptors of the caller, who goes on owning (and closes) them.
    :param ids: whom it runs as, in a tier with a root user; the box's own user if `None`.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    stdin: int
    stdout: int
    stderr: int
    cwd: str = ""
    ids: Ids | None = None


class Process(Protocol):
    """A process that was started in a box, the leader of a session and process group of its own."""

    pid: int

    async def wait(self) -> int:
        """Return the exit status, 128+n after a signal. May be awaited any number of times."""

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the process, or to its whole group. No error if it is gone."""


class Draft(Protocol):
    """A file that is being written beside the one that it will replace."""

    descriptor: int
    """To write to. The draft goes on owning it."""

    async def keep(self) -> None:
        """Put it in its place, whole.

        :raises OSError: if that is refused; nothing has changed then.
        """

    def drop(self) -> None:
        """Remove it. No error if it was kept, or is gone with its box."""


class Box(Protocol):
    """A running sandbox."""

    spec: BoxSpec
    home: str
    """The user's home as seen by commands inside."""
    environment: Mapping[str, str]
    """What every command should have: HOME, USER, LOGNAME, SHELL, PATH, LANG, and what the tier needs."""
    ended: asyncio.Future[str]
    """Done when the box ended by itself (never by `destroy` or `suspend`), with the reason in words."""
    exceeded: Limit | None
    """The limit that the box died of, once `ended` is done; `None` if it was none."""

    def memory_kills(self) -> int:
        """Return how many of its processes the kernel killed so far because its memory was used up."""

    async def spawn(self, command: Command) -> Process:
        """Start a process.

        :raises FileNotFoundError, PermissionError, NotADirectoryError: as `exec` and `chdir` give them.
        :raises BoxGoneError: if the box ended.
        """

    async def signal_foreground(self, terminal: int, number: int) -> None:
        """Signal the process group in the foreground of a terminal of the box.

        :param terminal: a descriptor of its master side, of the caller.
        :raises ProcessLookupError: if there is none.
        :raises BoxGoneError: if the box ended.
        """

    async def open(self, path: str, flags: int, mode: int = 0o644, *, parents: bool = False) -> int:
        """Open a file inside the box and return a descriptor, which the caller closes.

        :param path: absolute, relative to the home, or beginning with `~/`.
        :param parents: make missing parent directories first.
        :raises OSError: as `open` gives it; no path leads out of the box.
        :raises CapabilityError: if the path needs a root of its own and the tier has none.
        """

    async def connect(self, port: int) -> socket.socket:
        """Connect to a port as a process inside would: to 127.0.0.1, then to ::1.

        :return: connected and non-blocking; the caller closes it.
        :raises ConnectionRefusedError: if nothing listens there; the text says so.
        :raises ValueError: if it is no port.
        :raises BoxGoneError: if the box ended.
        """

    async def serve(self, port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Serve a port of the box's 127.0.0.1 from this process until the box ends, also after further boots.

        :param protocol: makes what serves a connection. Who gives it ends the connections.
        :raises OSError: if the port is taken.
        :raises BoxGoneError: if the box ended.
        """

    async def draft(self, path: str, mode: int = 0o644) -> Draft:
        """Begin to write a file, which appears at its path once it is kept, in place of what was there.

        Missing parent directories are made. What cannot be replaced, as a device, is written to itself.

        :param path: as `open` takes it.
        :param mode: of a file that is new; one that was there keeps its own.
        :raises OSError, CapabilityError: as `open`.
        """

    async def freeze(self) -> str:
        """Take the disk's state as a new layer and return its id. The box goes on running.

        An idle box may be rebooted for it; where processes run, they are stopped only while copying.
        """

    async def suspend(self) -> None:
        """End all processes and keep the disk."""

    async def resume(self) -> None:
        """Boot again on the kept disk."""

    async def destroy(self) -> None:
        """End all processes and drop the disk. Afterwards nothing of the box is left. May be repeated."""


class Layers(Protocol):
    """The engine's immutable layers. A layer is complete or does not exist, whatever died when."""

    def exists(self, layer: str) -> bool:
        """Tell whether a box of this engine can be booted from this layer."""

    async def import_root(self, write: Callable[[int], Awaitable[None]]) -> str:
        """Make a layer of the whole root of an image, in place of the machine's own system.

        All that stands on it stands on that root.

        :param write: writes the root as a tar archive into a descriptor. If it raises, there is no layer.
        :return: the new layer's id.
        :raises CapabilityError: if the tier has no root of its own to give.
        :raises EngineError: if the archive is refused, or the disk refuses.
        """

    def is_root(self, layer: str) -> bool:
        """Tell whether a layer is the whole root of an image, and stands on no other."""

    async def read_root(self, layer: str, sources: Sequence[str], out: int) -> str:
        """Write parts of the root of an image as a tar archive; nothing of the image runs for that.

        :param layer: one that `is_root`.
        :param sources: paths or patterns, as COPY takes them.
        :param out: a descriptor. The archive holds what was found below `files`, and a file `single` beside
            it if that is one file.
        :return: what is missing, or an empty text.
        :raises EngineError: if it cannot be read or written.
        """

    async def size(self, layer: str) -> int:
        """Return the bytes that this layer adds to those below it."""

    async def delete(self, layer: str) -> None:
        """Give a layer up. Its files go when no box and no other layer stands on it any more."""


class Engine(Protocol):
    """A tier, ready to boot boxes."""

    @property
    def tier(self) -> str:
        """`namespace`, `container`, `landlock` or `process`."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the tier can give."""

    @property
    def layers(self) -> Layers:
        """The immutable layers that boxes start from and snapshots become."""

    async def boot(self, spec: BoxSpec) -> Box:
        """Boot a box.

        :raises EngineError: if a step failed; nothing is left of the box then.
        """

    async def close(self) -> None:
        """End every box and every helper process, and remove all but the layers."""


class EngineError(Exception):
    """An engine could not do what it is there for.

    :param what: what was tried, and what came of it.
    :param remedy: one line that says how to get it, or an empty text.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} ({remedy})" if remedy else what)


class BoxGoneError(EngineError):
    """The box ended before or while it was used."""


@dataclass(slots=True)
class CapabilityError(Exception):
    """Something was asked for that this tier cannot give."""

    capability: Capability
    tier: str
    what: str
    remedy: str = field(default="run it where user namespaces are allowed")

    def __str__(self) -> str:
        return f"{self.what}: the {self.tier} tier lacks `{self.capability}` ({self.remedy})"
