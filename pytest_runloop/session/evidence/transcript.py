"""Keeps in mind what a process of the run does to its devboxes, and what it learns of secrets on the way."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .record import Record
from .redaction import Redactor
from .schema import Transition

if TYPE_CHECKING:
    from ...client.observing import Call

RECORDS = 2000
"""How many are kept of each devbox: the newest."""
TEXT = 256 * 1024
"""How many characters are kept of each text: of an output the end, of a written file all or nothing."""
READ = 16 * 1024
"""How many characters are kept of a file that was read: the beginning."""
UPLOAD = 1024 * 1024
"""How many bytes an upload may have, so that they are kept."""
BUDGET = 4 * 1024 * 1024
"""How many characters and bytes are kept of each devbox. The texts of the oldest records go first."""
ENDED = 20
"""Of how many devboxes is kept what was done to them, when they have ended."""
_SHORT = 500
_TRANSITIONS = 100
_SILENT = frozenset({"retrieve", "wait_for_status", "keep_alive", "usage", "logs", "tail", "reset"})
"""Calls that only ask, or that no test makes."""
_STREAMS = ("stream_stdout_updates", "stream_stderr_updates")
_FILE_CALLS = {
    "write_file_contents": "write",
    "read_file_contents": "read",
    "upload_file": "upload",
    "download_file": "download",
}
_SECRET_ANSWERS = ("auth_token", "key_secret", "ssh_private_key", "token")
_PARAMS = ("shell_name", "attach_stdin", "text", "signal", "kill_process_group", "name", "port")
"""The parameters of a request that no field of a record has, and that say what was done."""


class _Life:
    """What is known of one devbox.

    :param params: what it was created with; `None` if another process made it.
    """

    def __init__(self) -> None:
        self.params: Mapping[str, Any] | None = None
        self.records: deque[Record] = deque()
        self.transitions: deque[Transition] = deque(maxlen=_TRANSITIONS)
        self.whole = True
        self._heavy: deque[tuple[Record, int]] = deque()
        self._weight = 0

    def add(self, record: Record) -> Record | None:
        """Add a record; return the one that gave way."""
        self.records.append(record)
        self.weigh(record)
        if len(self.records) <= RECORDS:
            return None
        self.whole = False
        gone = self.records.popleft()
        _lighten(gone)
        return gone

    def weigh(self, record: Record) -> None:
        """Count the texts of a record that is new, or has ended, and drop the oldest if they are too many."""
        weight = _weight(record)
        self._heavy.append((record, weight))
        self._weight += weight
        while self._weight > BUDGET:
            oldest, counted = self._heavy.popleft()
            self._weight -= counted
            _lighten(oldest)
            self.whole = False

    def reached(self, status: str) -> None:
        """Note down a status, as an answer has it."""
        if not self.transitions or self.transitions[-1].status != status:
            self.transitions.append(Transition(status, time.time()))


class Transcript:
    """Everything that was done to devboxes through the clients that it observes.

    :param redactor: learns the values of secrets that pass.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()
        self.secrets: set[str] = set()
        """The names of secrets whose values passed."""
        self._lives: dict[str, _Life] = {}
        self._ended: deque[str] = deque()
        self._commands: dict[str, Record] = {}
        self._unfit: dict[str, str] = {}
        self._lock = threading.Lock()

    def called(self, call: Call) -> None:
        """Note a call down, if it did something to a devbox."""
        with contextlib.suppress(Exception), self._lock:  # nothing here may fail the test's own call
            self._learn(call)
            if "/devboxes" in call.endpoint.path:
                self._note(call)

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """Note down that somebody asked how a command ended."""
        known = self._commands.get(execution_id)
        if known is not None:
            known.looked_at = True

    def made(self, devbox: str, params: Mapping[str, Any]) -> None:
        """Note down what a devbox was created with, whoever created it."""
        with self._lock:
            life = self._life(devbox)
            if life.params is None:
                life.params = params
                life.whole = not life.records
                self.redactor.learn_parameters(params)

    def begin(self, devbox: str) -> None:
        """Forget what was done to a devbox so far: it is in its starting state."""
        with self._lock:
            before = self._lives.pop(devbox, None)
            if before is not None:
                self._life(devbox).params = before.params

    def unfit(self, devbox_id: str, why: str) -> None:
        """Note down that processes of a command that was ended may live on in a devbox."""
        self._unfit[devbox_id] = why

    def ailment(self, devbox: str) -> str | None:
        """Say what may live on in a devbox of a command that was ended; `None` if nothing does."""
        return self._unfit.get(devbox)

    def of(self, devbox: str, since: float = 0.0) -> list[Record]:
        """Return what was done to a devbox, in order.

        :param since: leave out what began before, in seconds since the epoch.
        """
        with self._lock:
            known = self._lives.get(devbox)
            return [record for record in known.records if record.at >= since] if known else []

    def parameters(self, devbox: str) -> Mapping[str, Any] | None:
        """Return what a devbox was created with, if that is known here."""
        known = self._lives.get(devbox)
        return known.params if known else None

    def whole(self, devbox: str) -> bool:
        """Tell whether everything that was done to a devbox through this process is here."""
        known = self._lives.get(devbox)
        return known is not None and known.params is not None and known.whole

    def transitions(self, devbox: str) -> list[Transition]:
        """Return the statuses of a devbox that answers told of."""
        with self._lock:
            known = self._lives.get(devbox)
            return list(known.transitions) if known else []

    def touched(self, since: float) -> list[str]:
        """Return the ids of the devboxes to which something was done, those first to which it was first.

        :param since: leave out what began before, in seconds since the epoch.
        """
        with self._lock:
            first = {
                devbox: min((record.at for record in life.records if record.at >= since), default=None)
                for devbox, life in self._lives.items()
            }
        return sorted((devbox for devbox, at in first.items() if at is not None), key=lambda d: first[d] or 0)

    def forget(self, devbox: str) -> None:
        """Drop everything about a devbox that has ended."""
        self._unfit.pop(devbox, None)
        with self._lock:
            self._drop(devbox)

    def _drop(self, devbox: str) -> None:
        known = self._lives.pop(devbox, None)
        for record in known.records if known else ():
            self._commands.pop(record.execution or "", None)

    def _life(self, devbox: str) -> _Life:
        return self._lives.setdefault(devbox, _Life())

    def _learn(self, call: Call) -> None:
        from ...client.secret import Secret

        for value in call.values.values():
            if isinstance(value, Secret):
                self.redactor.learn(value.reveal())
        for answer in (call.answer, getattr(call.answer, "tunnel", None)):
            for name in _SECRET_ANSWERS:
                if isinstance(made := getattr(answer, name, None), str):
                    self.redactor.learn(made)
        if call.endpoint.path.startswith("/v1/secrets") and "value" in call.values:
            if isinstance(call.values["value"], str):
                self.redactor.learn(call.values["value"])
            self.secrets.add(str(call.values.get("name") or call.path.get("name")))

    def _note(self, call: Call) -> None:
        devbox = call.path.get("devbox_id") or call.path.get("id", "")
        if "/devboxes/{" not in call.endpoint.path:
            self._created(call)
            return
        step = call.endpoint.path.rpartition("/")[2]
        self._reached(call)
        if "execution_id" in call.path:
            self._of_a_command(devbox, step, call)
        elif step.startswith("execute"):
            self._command(devbox, call)
        elif step not in _SILENT and not step.startswith("{"):
            self._add(devbox, _of_a_file(step, call))
        if step == "shutdown" and call.error is None:
            self._over(devbox)

    def _created(self, call: Call) -> None:
        made = getattr(call.answer, "id", None)
        if call.endpoint.verb == "POST" and isinstance(made, str):
            params = {name: value for name, value in call.values.items() if name != "idempotency_key"}
            self._life(made).params = params
            self.redactor.learn_parameters(params)
            self._reached(call)

    def _reached(self, call: Call) -> None:
        if hasattr(call.answer, "state_transitions"):
            self._life(call.answer.id).reached(str(call.answer.status))

    def _over(self, devbox: str) -> None:
        if devbox not in self._ended:
            self._ended.append(devbox)
        while len(self._ended) > ENDED:
            self._drop(self._ended.popleft())

    def _command(self, devbox: str, call: Call) -> None:
        record = Record(
            "command", call.at, call.seconds, command=call.values.get("command"), params=_others(call)
        )
        record.execution = getattr(call.answer, "execution_id", None)
        if record.execution is None and call.answer is not None:
            record.execution = ""  # it ran within one request
        complete(record, call.answer)
        if call.error is not None:
            record.error = _told(call.error)
        self._add(devbox, record)
        if record.execution:
            self._commands[record.execution] = record

    def _of_a_command(self, devbox: str, step: str, call: Call) -> None:
        known = self._commands.get(call.path["execution_id"])
        if step in ("send_std_in", "kill"):
            self._add(
                devbox, Record(step, call.at, call.seconds, call.path["execution_id"], params=_others(call))
            )
        if known is None or step in _STREAMS:  # a stream that nobody reads any more ends with an error
            return
        if call.error is not None:
            known.error = _told(call.error)
        elif complete(known, call.answer) and devbox in self._lives:
            self._lives[devbox].weigh(known)

    def _add(self, devbox: str, record: Record) -> None:
        gone = self._life(devbox).add(record)
        if gone is not None:
            self._commands.pop(gone.execution or "", None)


def complete(record: Record, answer: Any) -> bool:
    """Add to a command's record how it ended, if an answer tells it.

    :return: whether it was not known before.
    """
    status = getattr(answer, "exit_status", None)
    if status is None:
        return False
    new = record.exit_status is None
    if new:
        record.seconds = time.time() - record.at
    record.exit_status, record.error = status, None
    for name in ("stdout", "stderr"):
        text = getattr(answer, name, None) or ""
        record.truncated |= bool(getattr(answer, f"{name}_truncated", False)) or len(text) > TEXT
        setattr(record, name, text[-TEXT:])
    return new


def _of_a_file(step: str, call: Call) -> Record:
    record = Record(_FILE_CALLS.get(step, step), call.at, call.seconds, params=_others(call))
    record.file = call.values.get("file_path") or call.values.get("path")
    record.error = None if call.error is None else _told(call.error)
    moved: Any = call.values.get("contents", call.values.get("file", call.answer))
    if isinstance(moved, tuple) and len(moved) > 1:
        moved = moved[1]
    if isinstance(moved, str | bytes):
        record.size = len(moved.encode("utf-8", "replace")) if isinstance(moved, str) else len(moved)
    if record.what == "write" and isinstance(moved, str) and len(moved) <= TEXT:
        record.content = moved
    if record.what == "read" and isinstance(moved, str):
        record.content, record.truncated = moved[:READ], len(moved) > READ
    if record.what == "upload":
        _of_an_upload(record, moved)
    return record


def _of_an_upload(record: Record, moved: Any) -> None:
    if isinstance(moved, bytes) and len(moved) <= UPLOAD:
        record.data = moved
    elif isinstance(moved, os.PathLike):
        path = Path(moved)
        record.source, record.size = str(path), path.stat().st_size
        if record.size <= UPLOAD:
            record.data = path.read_bytes()
    elif isinstance(getattr(moved, "name", None), str):  # where it was open from, nobody knows any more
        record.source = moved.name


def _weight(record: Record) -> int:
    texts = (record.command, record.stdout, record.stderr, record.content, record.data)
    return 200 + sum(len(text) for text in texts if text)


def _lighten(record: Record) -> None:
    record.stdout = record.stderr = record.content = record.data = None
    record.dropped = True
    if record.command is not None and len(record.command) > _SHORT:
        record.command = record.command[:_SHORT]


def _others(call: Call) -> dict[str, Any]:
    return {name: call.values[name] for name in _PARAMS if call.values.get(name) is not None}


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
