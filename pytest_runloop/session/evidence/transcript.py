"""Keeps in mind what a process of the run does to its devboxes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from .record import Record

if TYPE_CHECKING:
    from ...client.observing import Call

RECORDS = 2000
"""How many are kept of each devbox: the newest."""
TEXT = 256 * 1024
"""How many characters are kept of each text: of an output the end, of a written file all or nothing."""
_SILENT = frozenset({"retrieve", "wait_for_status", "keep_alive", "usage", "logs", "tail"})
"""Calls that only ask."""


class Transcript:
    """Everything that was done to devboxes through the clients that it observes."""

    def __init__(self) -> None:
        self._records: defaultdict[str, deque[Record]] = defaultdict(lambda: deque(maxlen=RECORDS))
        self._commands: dict[str, Record] = {}
        self._lock = threading.Lock()

    def called(self, call: Call) -> None:
        """Note a call down, if it did something to a devbox."""
        devbox = call.path.get("devbox_id") or call.path.get("id", "")
        if "/devboxes/{" not in call.endpoint.path:
            return
        with contextlib.suppress(Exception), self._lock:  # nothing here may fail the test's own call
            self._note(devbox, call)

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """Note down that somebody asked how a command ended."""
        known = self._commands.get(execution_id)
        if known is not None:
            known.looked_at = True

    def of(self, devbox: str, since: float = 0.0) -> list[Record]:
        """Return what was done to a devbox, in order.

        :param since: leave out what began before, in seconds since the epoch.
        """
        with self._lock:
            return [record for record in self._records.get(devbox, ()) if record.at >= since]

    def touched(self, since: float) -> list[str]:
        """Return the ids of the devboxes to which something was done, those first to which it was first.

        :param since: leave out what began before, in seconds since the epoch.
        """
        with self._lock:
            first = {
                devbox: min((record.at for record in records if record.at >= since), default=None)
                for devbox, records in self._records.items()
            }
        return sorted((devbox for devbox, at in first.items() if at is not None), key=lambda d: first[d] or 0)

    def forget(self, devbox: str) -> None:
        """Drop everything about a devbox that has ended."""
        with self._lock:
            for record in self._records.pop(devbox, ()):
                self._commands.pop(record.execution or "", None)

    def _note(self, devbox: str, call: Call) -> None:
        step = call.endpoint.path.rpartition("/")[2]
        if "execution_id" in call.path:
            self._of_a_command(devbox, step, call)
        elif step.startswith("execute"):
            self._command(devbox, call)
        elif step not in _SILENT and not step.startswith("{"):
            self._add(devbox, _of_a_file(step, call))

    def _command(self, devbox: str, call: Call) -> None:
        record = Record(
            "command", call.at, call.seconds, command=call.values.get("command"), params=_others(call)
        )
        record.execution = getattr(call.answer, "execution_id", None)
        if record.execution is None and call.answer is not None:
            record.execution = ""  # it ran within one request
        _complete(record, call)
        self._add(devbox, record)
        if record.execution:
            self._commands[record.execution] = record

    def _of_a_command(self, devbox: str, step: str, call: Call) -> None:
        known = self._commands.get(call.path["execution_id"])
        if step in ("send_std_in", "kill"):
            self._add(
                devbox, Record(step, call.at, call.seconds, call.path["execution_id"], params=_others(call))
            )
        if known is not None:
            _complete(known, call)

    def _add(self, devbox: str, record: Record) -> None:
        kept = self._records[devbox]
        if len(kept) == RECORDS:
            self._commands.pop(kept[0].execution or "", None)
        kept.append(record)


def _complete(record: Record, call: Call) -> None:
    if call.error is not None:
        record.error = _told(call.error)
        return
    status = getattr(call.answer, "exit_status", None)
    if status is None:
        return
    record.exit_status, record.seconds, record.error = status, time.time() - record.at, None
    for name in ("stdout", "stderr"):
        text = getattr(call.answer, name, None) or ""
        record.truncated |= bool(getattr(call.answer, f"{name}_truncated", False)) or len(text) > TEXT
        setattr(record, name, text[-TEXT:])


def _of_a_file(step: str, call: Call) -> Record:
    names = {
        "write_file_contents": "write",
        "read_file_contents": "read",
        "upload_file": "upload",
        "download_file": "download",
    }
    record = Record(names.get(step, step), call.at, call.seconds, params=_others(call))
    record.file = call.values.get("file_path") or call.values.get("path")
    record.error = None if call.error is None else _told(call.error)
    moved: Any = call.values.get("contents", call.values.get("file", call.answer))
    if isinstance(moved, str | bytes):
        record.size = len(moved.encode()) if isinstance(moved, str) else len(moved)
    if record.what == "write" and isinstance(moved, str) and len(moved) <= TEXT:
        record.content = moved
    if record.what == "upload" and hasattr(moved, "__fspath__"):
        record.source = str(moved)
    return record


def _others(call: Call) -> dict[str, Any]:
    """Return the parameters that no field of a record has, those of the request itself left out."""
    shown = ("shell_name", "attach_stdin", "text", "signal", "kill_process_group", "name", "port")
    return {name: call.values[name] for name in shown if call.values.get(name) is not None}


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
