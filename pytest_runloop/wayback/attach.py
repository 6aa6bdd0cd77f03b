"""Puts the user in front of a shell or a command in a devbox."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from . import helper
from .errors import NoWayError
from .keys import LEAVE, Keys
from .line import Line, write_all
from .terminal import ENDING, OUT_OF_PROGRAMS, Signals, raw, size_of

if TYPE_CHECKING:
    from .. import Devbox

_READ = 64 * 1024
_KEEP_ALIVE = 60.0
_SILENT = 5.0


def attach(devbox: Devbox, words: Sequence[str], *, prelude: str = "", keep_alive: bool = True) -> int:
    """Run a shell, or a command, and return its exit status.

    :param words: the command; a shell by default.
    :param prelude: what the shell does first.
    :param keep_alive: let the devbox's lifetime start anew again and again meanwhile.
    :return: 128 and a signal's number if that ended it, or us.
    :raises NoWayError: if the devbox, or the connection to it, ended before the command did.
    """
    at_terminal = os.isatty(0) and os.isatty(1)
    numbers = (*ENDING, signal.SIGWINCH if at_terminal else signal.SIGINT)
    with Signals(*numbers) as signals:
        work = _AtTerminal if at_terminal else _Fed
        attached = work(devbox, words, signals, prelude)
        stop = _kept_alive(devbox) if keep_alive else threading.Event()
        try:
            return attached.run()
        finally:
            stop.set()


def _kept_alive(devbox: Devbox) -> threading.Event:
    from ..client.errors import RunloopError

    stop = threading.Event()

    def work() -> None:
        while True:
            with contextlib.suppress(RunloopError):  # if it has ended, whoever is attached is told
                devbox.keep_alive()
            if stop.wait(_KEEP_ALIVE):
                return

    threading.Thread(target=work, daemon=True, name="runloop shell keep-alive").start()
    return stop


class _Fed:
    """A command whose input is whatever standard input is, and whose outputs are ours.

    :param signals: what may come meanwhile.
    """

    def __init__(self, devbox: Devbox, words: Sequence[str], signals: Signals, prelude: str) -> None:
        self._devbox = devbox
        self._signals = signals
        self._words = words
        self._prelude = prelude
        self._interrupted = False

    def run(self) -> int:
        """Run it to its end."""
        return self._served(self._line(helper.without_terminal(self._words, self._prelude), _to(1), _to(2)))

    def _line(self, command: str, stdout: Callable[[str], None], stderr: Callable[[str], None]) -> Line:
        return Line(self._devbox, command, stdout, stderr, self._signals.ring)

    def _served(self, line: Line) -> int:
        try:
            number = self._converse(line)
        finally:
            line.hang_up()
        if number:
            return 128 + number
        return self._outcome(line)

    def _converse(self, line: Line) -> int:
        """Hand on the input until the command ends, or a signal ends us; return that, or 0."""
        listening = True
        while not line.over.is_set():
            readers = [self._signals.reading, *([0] if listening and line.room else [])]
            ready, _, _ = select.select(readers, [], [], self._patience(line))
            for number in self._signals.taken():
                if number in ENDING or self._heard(line, number):
                    return number
            if 0 in ready:
                data = _read()
                listening = bool(data)
                line.send(self._meant(data)) if data else line.end()
        return 0

    def _patience(self, line: Line) -> float | None:
        """Return for how many seconds to wait at the most for something to do."""
        return None

    def _meant(self, data: bytes) -> bytes:
        """Return what the command is to get of the input.

        :raises NoWayError: if the user wants to leave.
        """
        return data

    def _heard(self, line: Line, number: int) -> bool:
        """Take notice of a signal; tell whether it ends us."""
        if number != signal.SIGINT:
            return False
        if self._interrupted:
            return True
        self._interrupted = True
        threading.Thread(target=line.interrupt, daemon=True).start()
        return False

    def _outcome(self, line: Line) -> int:
        if isinstance(line.error, BrokenPipeError):
            return 128 + signal.SIGPIPE
        if line.error is not None or line.status is None or line.status > 128:
            self._refuse_ended(line)
        if line.error is not None:
            raise NoWayError(f"The connection to devbox {self._devbox.id} was lost: {line.error}")
        if line.invalid:
            _tell("some input was not UTF-8, and was sent as � instead: the API carries text only")
        return line.status if line.status is not None else 1

    def _refuse_ended(self, line: Line) -> None:
        from ..client.errors import RunloopError

        try:
            view = self._devbox.get_info(timeout=5.0)
        except RunloopError:
            return
        if view.status != "running":
            reason = view.failure_reason or view.shutdown_reason
            why = f" ({reason})" if reason else ""
            raise NoWayError(f"Devbox {self._devbox.id} is {view.status}{why}: it ended under the command.")


class _AtTerminal(_Fed):
    """A command at a terminal of its own in the devbox, which the user's terminal is the window to."""

    def run(self) -> int:
        """Run it to its end."""
        self._tty = threading.Event()
        self._tty_name = ""
        self._said = ""
        self._keys = Keys()
        self._silence_told = False
        rows, columns = self._size = size_of(1)
        self._resizing = threading.Lock()
        with raw(0):
            line = self._line(
                helper.with_terminal(self._words, rows, columns, self._prelude), _to(1), self._control
            )
            try:
                status = self._served(line)
            finally:
                if line.status is None:
                    with contextlib.suppress(OSError):
                        write_all(1, OUT_OF_PROGRAMS)
        if helper.NO_TERMINAL in self._said:
            raise NoWayError(
                f"Devbox {self._devbox.id} has no `python3` and no `script`, which make terminals.\n"
                "Install one there, or do without a terminal: echo 'ls -l' | pytest-runloop shell ID"
            )
        return status

    def _control(self, piece: str) -> None:
        """Take what comes on standard error: the terminal's name, or why there is none."""
        self._said += piece
        if not self._tty.is_set() and (told := helper.TTY.search(self._said)):
            self._tty_name = told[1]
            self._tty.set()
            self._resize()  # it may have changed since
        elif self._tty.is_set():
            _tell(piece)

    def _heard(self, line: Line, number: int) -> bool:
        if number == signal.SIGWINCH and self._tty.is_set():
            threading.Thread(target=self._resize, daemon=True).start()
        return False

    def _meant(self, data: bytes) -> bytes:
        meant = self._keys.pass_on(data)
        if meant is None:
            raise NoWayError(
                f"You left devbox {self._devbox.id}. The shell there ends as soon as it is told."
            )
        return meant

    def _patience(self, line: Line) -> float | None:
        """Wait no longer than a server may be silent; then say how to leave."""
        if self._silence_told or not line.unanswered:
            return None
        if line.unanswered < _SILENT:
            return _SILENT - line.unanswered
        self._silence_told = True
        _tell(f"the server has not taken what you typed for {_SILENT:.0f} s. To leave: {LEAVE}")
        return None

    def _resize(self) -> None:
        from ..client.errors import RunloopError

        with self._resizing:
            size = size_of(1)
            if size == self._size:
                return
            try:
                self._devbox.cmd.exec(helper.resizing(self._tty_name, *size))
                self._size = size
            except RunloopError:
                return  # the next change of size tries again


def _read() -> bytes:
    try:
        return os.read(0, _READ)
    except OSError:
        return b""  # the terminal is gone


def _to(descriptor: int) -> Callable[[str], None]:
    return lambda piece: write_all(descriptor, piece.encode("utf-8", "replace"))


def _tell(text: str) -> None:
    print(f"pytest-runloop shell: {text.strip()}\r", file=sys.stderr, flush=True)
