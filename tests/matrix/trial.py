"""Tries one mode out: runs the suite in it, and says what is not as it should be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..conftest import INNER_OPTIONS
from ..plugin.waiting import PATIENCE, processes_that_know, until
from . import users_suite
from .modes import ALONE, Count, Mode
from .place import Place

CAP = 2
_LIMIT = PATIENCE * 10
"""Seconds for a run: many workers take minutes to start on few processors."""
_FINISHED = re.compile(r"=+ .* in [\d.]+s.*=+")
_USED = re.compile(r": (\d+) devbox(?:es)?, boot [^,\n]*?(?:, longest [^,\n]*)?(?:, reused (\d+) times?)?\n")
_AUDIT = re.compile(r"^devboxes: (\d+) created, (\d+) ended, nothing kept on purpose(?!.*NOT)", re.MULTILINE)
_NEVER = ("INTERNALERROR", "Exception ignored", "NOT CONFIRMED", "may still be running", "no watcher")


@dataclass
class Trial:
    """A mode, and a way to reuse devboxes in it.

    :param reuse: the way, or `mixed`.
    """

    place: Place
    mode: Mode
    reuse: str

    def __post_init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._told: list[str] = []

    def run(self) -> list[str]:
        """Run it; return what is wrong, a line each, and after that what the runs wrote."""
        with tempfile.TemporaryDirectory(prefix="rl-") as place:
            folder, self._state = Path(place), Path(place) / "state"
            users_suite.write(folder)
            self._uses = folder / "uses"
            try:
                wrong = [*self._runs(folder), *self._overstepped(), *self._left()]
            except subprocess.TimeoutExpired as error:
                wrong = [str(error)]
        return [*wrong, *self._told] if wrong else []

    def _runs(self, folder: Path) -> Iterator[str]:
        if self.mode.before:
            self._end(self._start(folder, self.mode.before))
            self._forget()
        started = [self._start(folder, self.mode.event) for _ in range(self.mode.at_once)]
        for run in started:
            yield from self._judge(self._end(run))

    def _forget(self) -> None:
        """Begin anew: what is compared is of the last run."""
        self._uses.unlink()
        self._name = uuid.uuid4().hex

    def _start(self, folder: Path, event: str) -> subprocess.Popen[str]:
        base = folder / f"base-{uuid.uuid4().hex[:6]}"
        options = ["-W", "error", f"--runloop-max-devboxes={CAP}", f"--basetemp={base}", "-rA"]
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *self.mode.arguments],
            cwd=folder,
            env={**os.environ, **self._variables(event)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def _variables(self, event: str) -> dict[str, str]:
        return {
            **self.place.service.variables,
            "RUNLOOP_STATE_DIR": str(self._state),
            "PYTEST_ADDOPTS": f"{INNER_OPTIONS} -p anyio",
            "TRIAL": self._name,
            "REUSE": self.reuse,
            "EVENT": event,
            "USES": str(self._uses),
        }

    def _end(self, run: subprocess.Popen[str]) -> str:
        try:
            told, _ = run.communicate(timeout=_LIMIT)
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            self._told += run.communicate()[0].splitlines()
            raise
        self._told += told.splitlines()
        return told

    def _judge(self, told: str) -> Iterator[str]:
        yield from (f"it says: {text}" for text in _NEVER if text in told)
        if self.mode.outcomes is None:
            yield from ["it should have died"] * bool(_FINISHED.search(told))
            return
        yield from _differences(self.mode.outcomes, _outcomes(told))
        if self.mode.at_once == 1 and self.mode.event != "nested":
            yield from self._compare_summary(told)

    def _compare_summary(self, told: str) -> Iterator[str]:
        used, audit = _USED.search(told), _AUDIT.search(told)
        if used is None or audit is None:
            yield "no summary of its devboxes"
            return
        devboxes = len(self.place.devboxes(self._name))
        for what, number in [("used", used[1]), ("created", audit[1]), ("ended", audit[2])]:
            if int(number) != devboxes:
                yield f"{number} {what} by its summary, the service knows {devboxes}"
        yield from self._compare_uses(devboxes, int(used[2] or 0))

    def _compare_uses(self, devboxes: int, reused: int) -> Iterator[str]:
        uses = [line.split() for line in self._uses.read_text().splitlines()]
        if reused != len(uses) - devboxes:
            yield f"reused {reused} times by its summary; {len(uses)} uses of {devboxes} devboxes"
        own = [devbox for devbox, _, way in uses if way == "never"]
        others = {devbox for devbox, _, way in uses if way != "never"}
        if len(set(own)) < len(own) or others & set(own):
            yield "a devbox that is a test's own was used by another"
        in_order = self.mode.arguments in ((), ALONE) and self.reuse in ("reset", "shared")
        if in_order and devboxes != users_suite.SPECIFICATIONS:
            yield f"{devboxes} devboxes for {users_suite.SPECIFICATIONS} specifications"

    def _overstepped(self) -> Iterator[str]:
        for run, most in self.place.most_at_once(self._name).items():
            if most > CAP:
                yield f"{most} devboxes at once in run {run}"

    def _left(self) -> Iterator[str]:
        if self.mode.outcomes is not None:  # else its watcher is about to do it
            yield from [f"left: {self.place.living(self._name)}"] * bool(self.place.living(self._name))
        for look in (self._living, self._processes, self._files, self.place.surplus):
            try:
                until(lambda look=look: not look(), "")  # type: ignore[misc]
            except AssertionError:
                yield f"left: {look()}"

    def _living(self) -> list[str]:
        return self.place.living(self._name)

    def _processes(self) -> list[int]:
        return processes_that_know(str(self._state))

    def _files(self) -> list[str]:
        found = {str(path.relative_to(self._state)) for path in self._state.rglob("*")}
        return sorted(found - {"runs", "runs.lock"})


def _outcomes(told: str) -> Mapping[str, int]:
    try:
        nouns = pytest.RunResult.parse_summary_nouns(told.splitlines())
    except ValueError:
        return {}
    return {noun: count for noun, count in nouns.items() if noun not in ("deselected", "warnings")}


def _differences(wanted: Mapping[str, Count], found: Mapping[str, int]) -> Iterator[str]:
    for noun in {**wanted, **found}:
        count = wanted.get(noun, 0)
        if found.get(noun, 0) not in ([count] if isinstance(count, int) else count):
            yield f"{found.get(noun, 0)} {noun}, not {count}"
