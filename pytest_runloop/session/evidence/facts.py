"""What a living devbox tells of itself: one command, which takes a shell and /proc and nothing more."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .schema import Disk, Facts, File, Port, Process

if TYPE_CHECKING:
    from ... import Devbox

SECONDS = 10.0
"""How long the command may take."""
_MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
_KINDS = {"-": "file", "d": "directory", "l": "link"}
_KEEPER = "pytest-runloop: devbox "
"""How the command line of the process begins that has all others of a local devbox for descendants."""
_TOLD = 20_000

Lines = dict[str, list[str]]


def of(devbox: Devbox) -> Facts:
    """Ask a devbox what it is like.

    :raises RunloopError: if it cannot be asked.
    """
    from ...client.errors import CommandStillRunningError
    from ...contract.params.options import PollingConfig

    patience = PollingConfig(timeout_seconds=SECONDS, interval_seconds=0.5, max_attempts=1000)
    execution = devbox.cmd.exec_async(_script())
    try:
        told = execution.result(polling_config=patience).stdout()
    except CommandStillRunningError as error:
        execution.kill(kill_process_group=True)
        told = error.stdout
    return parsed(told)


def parsed(told: str) -> Facts:
    """Make facts of what the command printed."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for line in told.splitlines():
        part, _, rest = line.removeprefix("@").partition(" ")
        if line.startswith("@"):
            lines[part].append(rest)
    processes, ports = _own(lines, _processes(lines), _ports(lines))
    return Facts(
        directory="".join(lines["directory"]),
        files=[*_listed(lines["list"]), *_named(lines["file"])],
        processes=processes,
        ports=ports,
        disks=_disks(lines["disk"]),
        memory=_memory(lines),
        killed_for_memory=_killed(lines["event"]),
        load="".join(lines["load"]),
        cut=sorted({*lines["cut"], *([] if "end" in lines else ["everything"])}),
    )


@cache
def _script() -> str:
    return Path(__file__).with_name("facts.sh").read_text(encoding="utf-8")


def _listed(lines: list[str]) -> list[File]:
    """Read what `ls -ln` prints: mode, links, user, group, size, three words of a time, name."""
    found = []
    for line in lines:
        words = line.split(None, 8)
        if len(words) == 9:
            kind = _KINDS.get(line[0], "other")
            size = int(words[4]) if kind == "file" and words[4].isdigit() else None
            found.append(File(words[8], kind, size))
    return found


def _named(lines: list[str]) -> list[File]:
    return [File(name, kind) for kind, _, name in (line.partition(" ") for line in lines) if name]


def _processes(lines: Lines) -> list[Process]:
    """Return the processes, without those that look."""
    found = []
    for line in lines["process"]:
        words = line.split(" ", 5)
        if len(words) == 6 and all(words[place].isdigit() for place in (0, 1, 3, 4)):
            pid, parent, state, user, memory, command = words
            found.append(
                Process(int(pid), int(parent), state, int(user), int(memory), command[:_TOLD].strip())
            )
    looking = {int(line.split()[0]) for line in lines["self"]}
    return [process for process in found if not {process.pid, process.parent} & looking]


def _own(lines: Lines, processes: list[Process], ports: list[Port]) -> tuple[list[Process], list[Port]]:
    """Leave out what is not the devbox's, where the local backend's devboxes see all of this machine."""
    keepers = {process.pid for process in processes if process.command.startswith(_KEEPER)}
    parents = {process.pid: process.parent for process in processes}

    def keeper(pid: int) -> int | None:
        while pid in parents and pid not in keepers:
            pid = parents[pid]
        return pid if pid in keepers else None

    [asked] = [line.split()[-1] for line in lines["self"][:1]] or ["1"]
    mine = keeper(int(asked)) if asked.isdigit() else None
    if mine in (None, 1):
        return processes, ports
    own = {pid for pid in parents if keeper(pid) == mine}
    return [process for process in processes if process.pid in own], [p for p in ports if p.pid in own]


def _ports(lines: Lines) -> list[Port]:
    owners: dict[str, int] = {}
    for line in lines["owner"]:
        pid, _, socket = line.partition(" ")
        if pid.isdigit():
            owners.setdefault(socket.strip("[]"), int(pid))
    found = []
    for line in lines["socket"]:
        words = line.split()
        address, _, port = words[1].partition(":") if len(words) > 7 else ("", "", "")
        if port:
            found.append(Port(words[0], _address(address), int(port, 16), owners.get(words[7])))
    return sorted(found, key=lambda port: (port.port, port.protocol))


def _address(digits: str) -> str:
    """Read an address as the kernel prints it: words of four bytes, each in the machine's order."""
    import ipaddress

    try:
        words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
        return str(ipaddress.ip_address(b"".join(words)))
    except ValueError:
        return digits


def _disks(lines: list[str]) -> list[Disk]:
    found = {}
    for line in lines:
        words = line.split(None, 5)
        if len(words) == 6 and all(word.isdigit() for word in words[1:4]):
            found[words[5]] = Disk(words[5], *map(int, words[1:4]))
    return list(found.values())


def _memory(lines: Lines) -> dict[str, int]:
    found = {}
    for line in lines["memory"]:
        name, _, size = line.partition(":")
        words = size.split()
        if name in _MEMORY and words and words[0].isdigit():
            found[name] = int(words[0])
    for line in lines["limit"]:
        name, _, size = line.partition(" ")
        if size.isdigit():
            found[name] = int(size) // 1024
    return found


def _killed(lines: list[str]) -> int | None:
    counts = [line.partition(" ")[2] for line in lines if line.startswith("oom_kill ")]
    return int(counts[0]) if counts and counts[0].isdigit() else None
