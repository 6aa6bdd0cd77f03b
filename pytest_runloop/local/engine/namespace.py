"""The `namespace` isolation: own users, mounts, processes, IPC and host name, with a root of its own.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Mapping, Sequence

from pytest_runloop.local.engine import capabilities, egress, mounts, network, seccomp, syscalls, trees
from pytest_runloop.local.engine.isolation import BASE_PATH, SetUpError, World, step
from pytest_runloop.local.engine.pulse import Pulse

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any, ClassVar

_ALL_IDS = b"a"
_ONE_ID = b"1"


class Namespaced(World):
    """A box in namespaces of its own. Its first process is the agent.

    Everything in it runs as its root. Where the engine runs as root of more than one id, all ids exist inside
    and are the host's; else root is the only one, and stands for the user who runs the engine.

    To many switches of the kernel, root is root whatever its namespace. So root that is the host's mounts
    nothing: it could mount another `/proc` beside the one whose switches are read-only.
    """

    clone_flags = (
        syscalls.CLONE_NEWUSER
        | syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWPID
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWUTS
    )

    def __init__(self, plan: Mapping[str, Any]) -> None:
        username = plan["username"]
        super().__init__({**plan, "home": "/root" if username == "root" else f"/home/{username}"})
        self._user, self._group = os.geteuid(), os.getegid()
        self._told, self._tell = os.pipe2(os.O_CLOEXEC)

    def adopt(self, pid: int) -> None:
        """Map all ids where we may, and let the child map its own where we may not."""
        try:
            os.write(self._tell, _ONE_ID if self.plan["one_id"] or not _map_all(pid) else _ALL_IDS)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of what `adopt` needed."""
        os.close(self._tell)
        os.close(self._told)

    def descriptors(self) -> Sequence[int]:
        """See `World.descriptors`."""
        return (self._told,)

    def enter(self) -> None:
        """Set the namespaces up. The zygote's answer about ids comes first."""
        told = os.read(self._told, 1)
        os.close(self._told)
        if not told:
            raise SetUpError("learn the id map", errno.EPIPE)
        if told == _ONE_ID:
            _map_one(self._user, self._group)
        else:
            os.setgroups([])
            _forbid_group_namespaces()
        os.umask(0)
        self._set_up_network()
        mounts.build(self.plan, protect=told == _ALL_IDS)
        self._furnish()
        seccomp.refuse_keyrings()
        if told == _ONE_ID:
            seccomp.install_root_emulation()
        # Before: without the capability, a filter costs programs their set-user-id bit.
        self._hand_over_network()
        if told != _ONE_ID:
            capabilities.give_up_most()
        syscalls.set_dumpable(False)
        syscalls.die_with_parent()

    def mementos(self) -> list[int]:
        """Return the mount namespace.

        The kernel drops the mounts with the last process otherwise, and lets the killer wait for it: longer
        for a box that has touched more files.
        """
        return [os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)]

    @classmethod
    def empower(cls) -> None:
        """Become the root that boxes have: they may have left files that their owner cannot read."""
        user, group = os.geteuid(), os.getegid()
        if user != 0:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            _map_one(user, group)

    def idle(self) -> bool:
        """Tell whether no process is alive but the agent."""
        try:
            os.kill(-1, 0)
        except ProcessLookupError:
            return True
        return False

    def untidy(self) -> bool:
        """Tell whether something lies in memory, where a reboot would lose it."""
        return bool(os.listdir("/dev/shm"))

    def _set_up_network(self) -> None:
        """Nothing: it is the host's."""

    def _hand_over_network(self) -> None:
        """Nothing: it is the host's."""

    def _furnish(self) -> None:
        """Put in what differs from box to box."""
        os.umask(0o022)
        # What an image has there was put there for whoever runs it.
        if not self.plan["reboot"] and not self.plan["whole"]:
            _empty("/run", keep="lock")
        shell = _shell()
        self.environment = {**self.environment, "SHELL": shell}
        hostname, username = self.plan["hostname"], self.plan["username"]
        socket.sethostname(hostname)
        _write("/etc/hostname", f"{hostname}\n")
        _add_host(hostname)
        _put_first("/etc/passwd", f"{username}:x:0:0:{username}:{self.home}:{shell}\n")
        _put_first("/etc/group", f"{username}:x:0:\n")
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.home, 0o755)


def _shell() -> str:
    """Return the shell of this system: bash, or `sh` where there is none."""
    places = [f"{directory}/bash" for directory in ("/bin", *BASE_PATH.split(":"))]
    return next(filter(os.path.exists, places), "/bin/sh")


class Networked(Namespaced):
    """A box in namespaces that has a network of its own too, and so ports of its own."""

    clone_flags = Namespaced.clone_flags | syscalls.CLONE_NEWNET
    supervisor: ClassVar[socket.socket]
    pulse: ClassVar[Pulse]

    @classmethod
    def begin(cls) -> int:
        """Start the supervisor of all boxes' connections."""
        cls.supervisor, cls.pulse, vital = egress.start()
        return vital

    @classmethod
    def look(cls) -> float:
        """See whether the supervisor still answers: while it does not, every connection hangs."""
        return cls.pulse.look()

    def __init__(self, plan: Mapping[str, Any]) -> None:
        super().__init__(plan)
        self._played: list[socket.socket] = []

    def descriptors(self) -> Sequence[int]:
        """See `World.descriptors`."""
        return (*super().descriptors(), self.supervisor.fileno(), *self.plan["line"])

    def listeners(self) -> list[int]:
        """Return the sockets of the DNS servers that the server plays."""
        return [played.detach() for played in self._played]

    def _set_up_network(self) -> None:
        with step("set up a network"):
            network.set_up()
            if self.plan["line"]:
                self._played = network.play(self.plan["dns_servers"])

    def _hand_over_network(self) -> None:
        with self.supervisor, step("hand the network over to its supervisor"):
            if not self.plan["line"]:
                network.hand_over(self.supervisor, self.plan["reachable"])
                return
            played = sorted({each.getsockname()[:2] for each in self._played})
            reachable = [each for each in self.plan["reachable"] if tuple(each) not in played]
            with socket.socket(fileno=self.plan["line"][0]) as line:
                network.hand_over(self.supervisor, reachable, played, line)


def _map_all(child: int) -> bool:
    """Map every id that we have to itself. Where a container's root may not, there is only one id."""
    try:
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/self/{kind}", encoding="ascii") as ours:
                ranges = [line.split() for line in ours]
            text = "".join(f"{inside} {inside} {count}\n" for inside, _, count in ranges)
            _write(f"/proc/{child}/{kind}", text)
    except OSError:
        return False
    return True


def _map_one(user: int, group: int) -> None:
    syscalls.set_dumpable(True)  # Else these files belong to root.
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        try:
            _write(f"/proc/self/{name}", text)
        except OSError as error:
            raise SetUpError(f"write {name}", error.errno or errno.EPERM) from error


def _forbid_group_namespaces() -> None:
    """Let nobody in the box mount control groups anew, by a namespace below: root may change ours there."""
    with contextlib.suppress(OSError):  # A container's /proc may be read-only; it has its own groups.
        _write("/proc/sys/user/max_cgroup_namespaces", "0")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:  # The box's owner may have removed it, or put a directory there.
        return ""


def _add_host(hostname: str) -> None:
    hosts = _read("/etc/hosts")
    if hostname not in hosts.split():
        _write("/etc/hosts", f"{hosts}127.0.1.1\t{hostname}\n")


def _put_first(path: str, line: str) -> None:
    """Make a line the first that speaks of an id: whoever looks the id up gets this name."""
    name = line.partition(":")[0] + ":"
    lines = _read(path).splitlines(keepends=True)
    if not lines or not lines[0].startswith(name):
        _write(path, line + "".join(other for other in lines if not other.startswith(name)))


def _empty(directory: str, keep: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        trees.remove([f"{directory}/{name}" for name in os.listdir(directory) if name != keep])
