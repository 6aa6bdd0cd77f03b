"""`pytest-runloop repro`: a devbox as a test left it, or as it was before the test failed."""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..session.errors import UnavailableError
from .attach import attach
from .bundle import Failure, read
from .command import NO_WAY
from .errors import NoWayError
from .host import Host, has_secret, host, missing_snapshot
from .line import write_all
from .parameters import parameters
from .replay import Attempt, Replay, can_all
from .terminal import ENDING

if TYPE_CHECKING:
    from .. import Devbox

STILL_RUNNING = 124
"""As of `timeout`: the command did not end, then or now."""
_STATE = "~/.runloop-shell-state"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with a bundle.

    :param way: `replay`: start where the test's devbox was started and do what it got; `snapshot`: start
        from the disk as the test left it; by default what leads nearer.
    :param through: the command that failed, too.
    :param run: run only that command.
    :param keep: leave the devbox alive.
    :param devbox: which of the test's.
    :param isolation: of the local backend, if not that of the failed run.
    :param words: a command in place of a shell.
    """

    way: Literal["replay", "snapshot"] | None = None
    through: bool = False
    run: bool = False
    keep: bool = False
    devbox: str | None = None
    isolation: str | None = None
    words: Sequence[str] = ()


def repro(bundle: Path, wish: Wish) -> int:
    """Stand where a test failed.

    :param bundle: the folder that `--runloop-artifacts` wrote for it.
    :return: the exit status of the shell or the command; 255 if there was no way there.
    """
    import pytest

    from ..client.errors import RunloopError

    try:
        failure = read(bundle, wish.devbox)
        _introduce(failure)
        with _in_order(), host(failure.evidence, wish.isolation) as there:
            return _go(failure, wish, there)
    except (NoWayError, UnavailableError, RunloopError, OSError, pytest.UsageError) as error:
        _tell(str(error))
        return NO_WAY


@contextlib.contextmanager
def _in_order() -> Iterator[None]:
    """End in order when a signal says so, so that the devbox does too."""
    came: list[int] = []

    def end(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (*ENDING, signal.SIGINT)}
    try:
        yield
    except Exception:
        if came:  # and a library made an error of its own of what the handler raised, as pydantic does
            raise SystemExit(128 + came[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _go(failure: Failure, wish: Wish, there: Host) -> int:
    snapshot = _snapshot(failure, wish, there)
    params = parameters(failure.about, snapshot, lambda name: has_secret(there.client, name), _tell)
    devbox = there.boot(failure.evidence.test, params)
    _tell(f"devbox {devbox.id} was started {_from(failure, snapshot)}")
    replay = Replay(devbox, failure.folder, _tell)
    if snapshot is None:
        _replay(failure, wish, replay)
    status = _run(failure, replay) if wish.run else _enter(failure, wish, devbox, replayed=snapshot is None)
    if wish.keep:
        there.keep(devbox)
    return status


def _snapshot(failure: Failure, wish: Wish, there: Host) -> str | None:
    """Return the snapshot to start from; `None` to replay.

    :raises NoWayError: if what is wished cannot be done.
    """
    if wish.way is None:
        why = _better_replayed(failure, wish)
    else:
        why = "as you wish" if wish.way == "replay" else None
    if why is None:
        snapshot = failure.about.snapshot
        trouble = missing_snapshot(there.client, snapshot) if snapshot else "there is none in the bundle"
        if trouble is None:
            return snapshot
        why = f"snapshot {snapshot} {trouble}" if snapshot else trouble
        if wish.way == "snapshot":
            raise NoWayError(
                f"Devbox {failure.about.id} cannot be started from a snapshot: {why}. Say --replay."
            )
    if not failure.records:
        raise NoWayError(
            f"There is no way back to devbox {failure.about.id}: {why}; nothing can be replayed."
        )
    _tell(f"what the test did to its devbox is done once more ({why})")
    return None


def _better_replayed(failure: Failure, wish: Wish) -> str | None:
    """Say why a replay leads nearer to the failure than a snapshot does; `None` if it does not.

    A snapshot has the disk as the test left it: without shells and processes, and after the command.
    """
    if failure.at is None or not failure.about.whole:
        return None
    if not can_all(failure.records[: failure.at + 1], failure.folder):
        return None
    if wish.run:
        return "for the moment before the command; --snapshot is for the one after it"
    in_shell = failure.records[failure.at].params.get("shell_name")
    return "a snapshot does not hold its shells" if in_shell else None


def _from(failure: Failure, snapshot: str | None) -> str:
    if snapshot is not None:
        return f"from {snapshot}: the disk as the test left it"
    known = failure.about.parameters
    source = next(
        (
            f"{key} {known[key]}"
            for key in ("blueprint_name", "blueprint_id", "snapshot_id")
            if known.get(key)
        ),
        "",
    )
    return f"from {source}" if source else "as the one of the test was"


def _replay(failure: Failure, wish: Wish, replay: Replay) -> None:
    if not failure.about.whole:
        _tell("the bundle does not have everything that was done to this devbox: the result may differ")
    end = len(failure.records) if failure.at is None else failure.at
    replay.run(failure.records[:end])
    if wish.through and not wish.run and failure.at is not None:
        attempt = replay.command(failure.records, failure.at)
        _verdict(attempt)
    told = f"{replay.done} steps were done again, {replay.differing} went another way"
    _tell(told + (f", {replay.undone} could not be done" if replay.undone else ""))


def _run(failure: Failure, replay: Replay) -> int:
    if failure.at is None:
        raise NoWayError("No command is in the bundle that could be run.")
    if failure.records[failure.at].redacted:
        _tell("something secret was taken out of this command: *** stands for it")
    attempt = replay.command(failure.records, failure.at)
    write_all(1, "".join(attempt.out).encode("utf-8", "replace"))
    write_all(2, "".join(attempt.err).encode("utf-8", "replace"))
    _verdict(attempt)
    if attempt.refused is not None:
        return NO_WAY
    return STILL_RUNNING if attempt.status is None else attempt.status


def _verdict(attempt: Attempt) -> None:
    told = list(attempt.differences())
    if not told:
        how = "was refused" if attempt.refused else f"ended with exit status {attempt.status}"
        how = "did not end" if attempt.status is None and not attempt.refused else how
        _tell(f"REPRODUCED: the command {how}, as then")
    for line in told:
        _tell(f"NOT REPRODUCED: {line}")


def _enter(failure: Failure, wish: Wish, devbox: Devbox, *, replayed: bool) -> int:
    command = failure.command
    prelude = ""
    if command is not None and command.command is not None:
        prelude = f"export RUNLOOP_FAILED={shlex.quote(command.command)}; "
        _tell('to run it again: eval "$RUNLOOP_FAILED"')
        if replayed and command.params.get("shell_name"):
            prelude += _state_of(devbox, str(command.params["shell_name"]))
    return attach(devbox, wish.words, prelude=prelude)


def _state_of(devbox: Devbox, shell: str) -> str:
    """Return the line that puts a shell where another one is: its directory and variables."""
    save = f'{{ printf "cd %q\\n" "$PWD"; export -p; }} > {_STATE} 2>/dev/null'
    devbox.shell(shell).exec(save)
    return f"[ -f {_STATE} ] && . {_STATE}; rm -f {_STATE}; "


def _introduce(failure: Failure) -> None:
    evidence = failure.evidence
    _tell(f"{evidence.test} {evidence.outcome}")
    for phase in evidence.phases:
        if phase.outcome == "failed":
            first = next(iter((phase.text or "").splitlines()), "")
            kind = (phase.exception or "").removeprefix("builtins.")
            _tell(f"{phase.name}: {first if first.startswith(kind) else f'{kind}: {first}'}")
    for line in failure.missing:
        _tell(line)
    command = failure.command
    if command is not None:
        ended = "did not end" if command.exit_status is None else f"exit status {command.exit_status}"
        _tell(f"it failed at: {command.command} ({ended})")


def _tell(text: str) -> None:
    print(f"repro: {text}", file=sys.stderr, flush=True)
