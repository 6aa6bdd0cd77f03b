"""Restores a devbox of the cloud by one shell command, and proves by comparison that it succeeded.

The command (`restore.sh`) reports what a devbox is like, in the same words when it came up and after each
restoration. What it reports first is kept on this side, where no test in the devbox can change it.
"""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_private
from ..ledger import Entry
from .errors import NotCleanError

if TYPE_CHECKING:
    from ... import Devbox

Report = dict[str, list[str]]
"""Lines of a report by their first word."""

LIMIT_SECONDS = 120
"""How long the command may take, in seconds."""
LIMIT_MIB = 512
"""How much the tracked folders may hold: all of it is kept a second time."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PARTS = {
    "mounts": "what is mounted is not what was",
    "ports": "ports that are listened on are not those that were",
    "ipc": "System V objects are not those that were",
    "kept": "what was kept of its starting state was changed",
    "archive": "what was kept of its starting state was changed",
    "above": "folders above the tracked ones are not as they were",
    "files": "files are not as they were",
}
"""What must be equal, and what it means if it is not."""


class ByCommand:
    """Restores devboxes over the ordinary API.

    :param folder: where their first reports lie; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, entry: Entry, devbox: Devbox) -> None:
        """Have the devbox keep a copy of its tracked folders, and take its report down.

        :raises NotCleanError: if it cannot be restored later.
        """
        report = _run(devbox, "remember", f"rl-{entry.key[:8]}", "0", str(LIMIT_MIB))
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._path(entry), json.dumps(report))

    def restore(self, entry: Entry, devbox: Devbox) -> None:
        """Restore it, and compare its report with the first.

        :raises NotCleanError: if it is not as it was.
        """
        try:
            first: Report = json.loads(self._path(entry).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotCleanError("nobody took down what it was like") from None
        [store], [since] = first["store"], first["since"]
        alive = " ".join(first.get("process", []))
        now = _run(devbox, "restore", store, since, alive, *first["root"])
        for difference in _differences(first, now):
            raise NotCleanError(difference)

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.key}.json"


def _differences(first: Report, now: Report) -> list[str]:
    """Return what is not as it was, in words."""
    found = [text for part, text in _PARTS.items() if first[part] != now.get(part)]
    found += [f"process {number} could not be ended" for number in _lacking(now, first)]
    found += [f"process {number}, there from the start, has ended" for number in _lacking(first, now)]
    found += [f"{path} was changed, which is not restored" for path in now.get("elsewhere", [])]
    found += now.get("content", [])
    return found


def _lacking(some: Report, others: Report) -> list[str]:
    """Return the numbers of processes that are in one report and not in another."""
    known = set(others.get("process", []))
    return [process.partition(":")[0] for process in some.get("process", []) if process not in known]


def _run(devbox: Devbox, mode: str, *arguments: str) -> Report:
    from ...contract.params.options import PollingConfig

    # Not in the login shell that the command comes in: a test may have left it a profile of its own.
    command = ["exec", "/usr/bin/env", "-i", f"PATH={_PATH}", "HOME=", "/bin/sh", "-c", _script(), "restore"]
    quoted = shlex.join([*command, mode, _this_machine(), *arguments]).replace("HOME=", 'HOME="$HOME"', 1)
    waiting = PollingConfig(max_attempts=LIMIT_SECONDS, timeout_seconds=LIMIT_SECONDS)
    result = devbox.cmd.exec(quoted, polling_config=waiting)
    lines = [line.partition(" ") for line in result.stdout().splitlines()]
    report: Report = {}
    for part, _, text in lines:
        report.setdefault(part, []).append(text)
    for why in report.get("impossible", []):
        raise NotCleanError(why)
    if result.exit_code != 0 or "done" not in report:
        raise NotCleanError(f"the command that looks at it ended with status {result.exit_code}")
    return report


@cache
def _script() -> str:
    return (Path(__file__).parent / "restore.sh").read_text(encoding="utf-8")


def _this_machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    try:
        return f"{boot.read_text(encoding='ascii').strip()} {namespace.readlink()}"
    except OSError:  # A system without /proc shares its processes with no devbox.
        return ""
