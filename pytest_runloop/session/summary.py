"""What the run's end tells about devboxes, if any was used."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from . import lease, options, server, watcher
from .audit import Audit, clock, warnings
from .evidence import snapshots
from .run import Run
from .way_in import way_in, way_out

SLOWEST = 5
"""How many boots are named."""
_LACKS = {
    "landlock": "commands see this machine's own paths (no /home/user), processes and ports; no root, no apt",
    "process": "nothing is isolated: commands are plain processes of this machine",
}
"""What a tier cannot give that a test may count on."""


def lines(run: Run, audit: Audit | None, *, detailed: bool = False) -> list[str]:
    """Return the lines of the summary, none if no devbox was made.

    :param detailed: name the slowest boots.
    """
    if not run.opened:
        return []
    boots = [event["seconds"] for event in run.journal.read("devbox")]
    faults = list(_environment(run))
    if audit is None or not (boots or audit.unconfirmed or audit.lost):
        return faults if audit is not None else []
    used = [f"{_where(run)}: {_boots(boots)}{_reused(run)}"] if boots else []
    return [
        *used,
        *(_slowest(run) if detailed else ()),
        f"devboxes: {audit}",
        *warnings(audit),
        *_notes(run),
        *_unwatched(run),
        *_swept(run),
        *faults,
        *_snapshots(run),
        *kept(run),
        *_told(run),
    ]


def _where(run: Run) -> str:
    running = server.load(run.path / "backend.json")
    if running is not None:
        return f"local backend, isolation {running.isolation}"
    return run.settings[options.BASE_URL] or "Runloop's cloud"


def _boots(seconds: list[float]) -> str:
    if len(seconds) == 1:
        return f"1 devbox, boot {seconds[0]:.2f} s"
    median, longest = statistics.median(seconds), max(seconds)
    return f"{len(seconds)} devboxes, boot median {median:.2f} s, longest {longest:.2f} s"


def _slowest(run: Run) -> Iterator[str]:
    boots = sorted(run.journal.read("devbox"), key=lambda event: -event["seconds"])
    for event in boots[:SLOWEST]:
        yield f"    {event['seconds']:.2f} s  {event['id']}  {event['test']}"


def _reused(run: Run) -> str:
    times = sum(1 for _ in run.journal.read("reused"))
    return f", reused {times} time{'s' * (times != 1)}" if times else ""


def _swept(run: Run) -> Iterator[str]:
    swept = Counter(str(event["run"]) for event in run.journal.read("swept"))
    for dead, count in swept.items():
        yield f"swept: {count} devbox{'es' * (count != 1)} of run {dead}, which had died"


def _notes(run: Run) -> Iterator[str]:
    running = server.load(run.path / "backend.json")
    if running is None:
        return
    if running.isolation in _LACKS:
        yield f"isolation {running.isolation}: {_LACKS[running.isolation]}"
    yield from running.notes


def _unwatched(run: Run) -> Iterator[str]:
    reason = watcher.trouble(run.path)
    if reason is not None:
        minutes = f"{lease.SECONDS // 60} minutes"
        yield f"no watcher could be started: devboxes of a killed run live on for {minutes} here ({reason})"


def _environment(run: Run) -> Iterator[str]:
    """Say how often it was the environment's fault, and which tests were repeated for that."""
    events = list(run.journal.read("verdict"))
    if not events:
        return
    kinds = Counter(event["kind"] for event in events)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    yield f"failures of the environment: {told}"
    for test, times in Counter(event["test"] for event in events if event["again"]).items():
        kind = next(event["kind"] for event in events if event["test"] == test)
        yield f"run again {'once' if times == 1 else f'{times} times'} ({kind}): {test}"


def _snapshots(run: Run) -> Iterator[str]:
    for taken in snapshots.of_run(run.journal):
        if taken.outcome == "complete":
            yield f"snapshot {taken.id} of {taken.test}"
        elif taken.outcome == "failed":
            yield f"NO snapshot of {taken.test}: {taken.id} failed: {taken.why}"
        else:
            why = taken.why or "the run did not wait for its end"
            yield f"snapshot {taken.id} of {taken.test} may not be complete: {why}"


def kept(run: Run) -> Iterator[str]:
    """Yield the lines that name the devboxes that live on, and how to enter and end each."""
    for keep in run.kept:
        ends = "it does not end by itself" if keep.until is None else f"ends by itself at {clock(keep.until)}"
        yield f"kept {keep.devbox} of {keep.test} ({keep.why}), {ends}"
        yield f"    enter it: {way_in(run.settings, keep.devbox)}"
        yield f"    end it:   {way_out(run.settings, keep.devbox)}"


def _told(run: Run) -> Iterator[str]:
    return (str(event["text"]) for event in run.journal.read("told"))
