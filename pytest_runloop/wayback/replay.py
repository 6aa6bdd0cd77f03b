"""Does once more what a test did to a devbox, and says where it goes another way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..session.evidence.record import Record
from .errors import NoWayError

if TYPE_CHECKING:
    from .. import Devbox, Execution

_NOTHING_DONE = frozenset({"read", "download", "snapshot_disk", "snapshot_disk_async", "create_ssh_key"})
"""What leaves a devbox as it was."""
_SHOWN = 200


@dataclass(slots=True)
class Attempt:
    """A command that was started once more.

    :param record: what is known of the first time.
    :param status: how it ended; `None` while that is not known.
    :param refused: why the service did not take it.
    """

    record: Record
    execution: Execution | None = None
    status: int | None = None
    refused: str | None = None
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Wait for its end, some longer than it took the first time."""
        from ..client.errors import CommandStillRunningError
        from ..contract.params.options import PollingConfig

        if self.execution is None or self.status is not None:
            return
        limit = self.record.seconds * 3 + 30 if self.record.exit_status is not None else self.record.seconds
        config = PollingConfig(max_attempts=10**9, timeout_seconds=max(limit, 1.0))
        with contextlib.suppress(CommandStillRunningError):
            self.status = self.execution.result(polling_config=config).exit_code

    def differences(self) -> Iterator[str]:
        """Say what is another than the first time."""
        record = self.record
        if self.refused is not None and not record.never_started:
            yield f"it was refused: {self.refused}"
        elif self.refused is None and self.status != record.exit_status:
            yield f"{_ended(self.status)}; then it {_ended(record.exit_status)}"
        if self.status is None or record.exit_status is None:
            return
        yield from self._output("stdout", "".join(self.out), record.stdout)
        yield from self._output("stderr", "".join(self.err), record.stderr)

    def _output(self, name: str, now: str, then: str | None) -> Iterator[str]:
        if then is None or self.record.dropped or self.record.redacted:
            return
        if now == then or (self.record.truncated and now.endswith(then)):
            return
        yield f"{name} is another: {_first_difference(now, then)}"


class Replay:
    """A devbox that gets what another one got.

    :param devbox: the new one.
    :param folder: the bundle, where uploads lie.
    :param tell: is told what differs and what cannot be done.
    """

    def __init__(self, devbox: Devbox, folder: Path, tell: Callable[[str], None]) -> None:
        self._devbox = devbox
        self._folder = folder
        self._tell = tell
        self._pending: list[tuple[int, Attempt]] = []
        self._attempts: dict[str, Attempt] = {}
        self.done = self.differing = self.undone = 0

    def run(self, records: Sequence[Record], first: int = 1) -> None:
        """Do a part of it.

        :param first: the number of its first step.
        :raises NoWayError: if the devbox ended.
        :raises RunloopError: if the service does not answer any more.
        """
        for number, record in enumerate(records, first):
            self._settle(record.at)
            self._step(number, record)
        self._settle(records[-1].at + records[-1].seconds if records else 0.0)

    def command(self, records: Sequence[Record], place: int) -> Attempt:
        """Do one command, with the input that it got, and wait for its end.

        :param records: all.
        :param place: which of them is the command.
        """
        record = records[place]
        attempt = self._started(record)
        if record.execution:
            self._attempts[record.execution] = attempt
            for later in records[place + 1 :]:
                if later.execution == record.execution and later.what == "send_std_in":
                    self._to_command(later)
        attempt.wait()
        return attempt

    def _settle(self, now: float) -> None:
        """Wait for the commands that had ended by then."""
        for number, attempt in list(self._pending):
            record = attempt.record
            if record.exit_status is not None and record.at + record.seconds <= now:
                self._pending.remove((number, attempt))
                attempt.wait()
                self._compare(number, attempt)

    def _compare(self, number: int, attempt: Attempt) -> None:
        told = list(attempt.differences())
        self.done += 1
        self.differing += bool(told)
        for line in told:
            self._tell(f"step {number}, `{_short(attempt.record.command or '')}`: {line}")

    def _step(self, number: int, record: Record) -> None:
        why = _impossible(record, self._folder)
        if why is not None:
            self.undone += 1
            self._tell(f"step {number}, {_what(record)}: not done, {why}")
        elif record.what == "command":
            attempt = self._started(record)
            self._pending.append((number, attempt))
            if record.execution:
                self._attempts[record.execution] = attempt
        elif record.what not in _NOTHING_DONE:
            self._done(number, record)

    def _done(self, number: int, record: Record) -> None:
        from ..client.errors import APIStatusError

        try:
            self._do(record)
            failed = None
        except APIStatusError as error:
            failed = f"{type(error).__name__}: {error}"
        self.done += 1
        if bool(failed) != bool(record.error):
            self.differing += 1
            told = f"failed: {failed}" if failed else f"succeeded; then it failed: {record.error}"
            self._tell(f"step {number}, {_what(record)}: {told}")

    def _do(self, record: Record) -> None:
        if record.what == "write":
            self._devbox.file.write(file_path=record.file or "", contents=record.content or "")
        elif record.what == "upload":
            self._devbox.file.upload(path=record.file or "", file=_uploaded(record, self._folder) or b"")
        elif record.what == "suspend":
            self._devbox.suspend()
        elif record.what == "resume":
            self._devbox.resume()
        elif record.what in ("send_std_in", "kill"):
            self._to_command(record)

    def _to_command(self, record: Record) -> None:
        attempt = self._attempts.get(record.execution or "")
        if attempt is None or attempt.execution is None:
            return
        if record.what == "kill":
            attempt.execution.kill(kill_process_group=bool(record.params.get("kill_process_group")))
            return
        from ..client.errors import RunloopError

        with contextlib.suppress(RunloopError):  # it may have ended sooner; then its end tells
            if record.params.get("text") is not None:
                attempt.execution.send_std_in(str(record.params["text"]))
            if record.params.get("signal") == "EOF":
                attempt.execution.close_std_in()
            elif record.params.get("signal") == "INTERRUPT":
                attempt.execution.interrupt()

    def _started(self, record: Record) -> Attempt:
        from ..client.errors import APIStatusError

        attempt, lock = Attempt(record), threading.Lock()

        def keeper(pieces: list[str]) -> Callable[[str], None]:
            def keep(piece: str) -> None:
                with lock:
                    pieces.append(piece)

            return keep

        how = {key: record.params[key] for key in ("shell_name", "attach_stdin") if record.params.get(key)}
        try:
            attempt.execution = self._devbox.cmd.exec_async(
                record.command or "", stdout=keeper(attempt.out), stderr=keeper(attempt.err), **how
            )
        except APIStatusError as error:
            if self._devbox.get_info().status != "running":
                raise NoWayError(f"The devbox ended before `{_short(record.command or '')}`.") from None
            attempt.refused = str(error)
        return attempt


def can_all(records: Sequence[Record], folder: Path) -> bool:
    """Tell whether each of these steps can be done once more."""
    return all(_impossible(record, folder) is None for record in records)


def _impossible(record: Record, folder: Path) -> str | None:
    """Say why a step cannot be done once more."""
    if record.redacted:
        return "something secret was taken out of it"
    if record.what == "command" and record.command is None:
        return "the bundle does not have it"
    if record.what == "write" and record.content is None:
        return "the bundle does not have the text"
    if record.what == "upload" and _uploaded(record, folder) is None:
        return "the bundle does not have the bytes, and the file that they came from is not here as it was"
    doable = {"command", "write", "upload", "suspend", "resume", "send_std_in", "kill", *_NOTHING_DONE}
    return None if record.what in doable else "this is not done again"


def _uploaded(record: Record, folder: Path) -> bytes | None:
    """Return what an upload carried, from the bundle, or from the file of this machine that it came from."""
    if record.stored is not None:
        kept = folder / Path(record.stored).name
        return kept.read_bytes() if kept.is_file() else None
    source = Path(record.source) if record.source else None
    if source is None or not source.is_file() or source.stat().st_size != record.size:
        return None
    return source.read_bytes()


def _what(record: Record) -> str:
    about = record.file or (record.command and f"`{_short(record.command)}`")
    return f"{record.what} {about}" if about else record.what


def _ended(status: int | None) -> str:
    return "did not end" if status is None else f"ended with exit status {status}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def _first_difference(now: str, then: str) -> str:
    """Show the first line that differs."""
    new, old = now.split("\n"), then.split("\n")
    for number in range(max(len(new), len(old))):
        one, two = ([*part[number : number + 1], "(no more)"][0] for part in (new, old))
        if one != two:
            return f"line {number + 1} is {one[:_SHOWN]!r}; then it was {two[:_SHOWN]!r}"
    return "only the beginning"
