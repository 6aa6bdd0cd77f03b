"""What is known of a failed test, in words for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from .record import Record
from .schema import Devbox, Evidence, Facts, Port, Process

STEPS = 8
"""How many of the last steps a test's report shows."""
LINES = 12
"""How many lines of the last command's output it shows."""
WIDTH = 160


def steps(records: Sequence[Record], since: float, *, last: int | None = None) -> list[str]:
    """Tell what was done to a devbox, with the output of the last command and of those that failed last.

    :param since: when the test began, in seconds since the epoch.
    :param last: only so many at the end; all by default, each with its output.
    """
    shown = records if last is None else records[-last:]
    lines = [] if len(shown) == len(records) else [f"… {len(records) - len(shown)} steps before these"]
    loud = _with_output(shown) if last is not None else set(range(len(shown)))
    for number, record in enumerate(shown):
        lines.append(_step(record, since))
        if number in loud:
            lines += _output(record, LINES if last is not None else None)
    return lines


def _with_output(records: Sequence[Record]) -> set[int]:
    """Return the places of the last command, of the last that failed, and of the last that runs on."""
    commands = [place for place, record in enumerate(records) if record.command is not None]
    running = [place for place in commands if records[place].running]
    failed = [place for place in commands if records[place].exit_status not in (0, None)]
    return {*commands[-1:], *failed[-1:], *running[-1:]}


def _step(record: Record, since: float) -> str:
    when = f"{record.at - since:+8.2f} s  "
    if record.command is None:
        return (when + _file_step(record))[:WIDTH]
    end = "still running" if record.running else "end not known"
    if record.exit_status is not None:
        end = f"exit status {record.exit_status}, {record.seconds:.2f} s"
    if record.never_started:
        end = "never started"
    trouble = f"; {record.error}" if record.error else ""
    shell = f"[{record.params['shell_name']}] " if "shell_name" in record.params else ""
    return f"{when}{shell}$ {_one_line(record.command)}   ({end}{trouble})"


def _file_step(record: Record) -> str:
    size = "" if record.size is None else f", {record.size:,} bytes"
    about = record.file or ", ".join(f"{name}={value}" for name, value in record.params.items())
    return f"{record.what} {about}{size}" + (f"   ({record.error})" if record.error else "")


def _one_line(command: str) -> str:
    flat = " ⏎ ".join(line for line in command.strip().splitlines() if line.strip())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 2] + " …"


def _output(record: Record, most: int | None) -> Iterator[str]:
    for sign, text in (("|", record.stdout), ("!", record.stderr)):
        lines = (text or "").rstrip("\n").split("\n") if text else []
        if record.truncated and lines:
            yield f"            {sign} […]"
        if most is not None and len(lines) > most:
            yield f"            {sign} … {len(lines) - most} lines before these"
            lines = lines[-most:]
        yield from (f"            {sign} {line if most is None else line[:WIDTH]}" for line in lines)


def facts(about: Devbox) -> list[str]:
    """Tell what a devbox was like when the test was over."""
    lines = [_state(about)]
    if about.facts is not None:
        lines += _of_facts(about.facts)
    lines += [f"not known: {trouble}" for trouble in about.trouble]
    return lines


def _state(about: Devbox) -> str:
    reason = f" ({about.reason})" if about.reason else ""
    way = " → ".join(step.status for step in about.transitions)
    boot = f", booted in {about.boot_seconds:.2f} s" if about.boot_seconds else ""
    return f"status     {about.status or 'not known'}{reason}{boot}" + (f"; it went {way}" if way else "")


def _of_facts(facts: Facts) -> Iterator[str]:
    yield f"processes  {_some([_process(process) for process in facts.processes], 6) or 'none'}"
    yield f"listening  {_some([_port(port, facts) for port in facts.ports], 6) or 'nothing'}"
    disks = [f"{disk.mounted} {_size(disk.free_kb)} free of {_size(disk.size_kb)}" for disk in facts.disks]
    yield f"disk       {_some(disks, 3) or 'not known'}"
    yield f"memory     {_memory(facts)}; load {facts.load or 'not known'}"
    names = [file.name + ("/" if file.kind == "directory" else "") for file in facts.files]
    yield f"in {facts.directory}: {_some(names, 12) or 'nothing'}"
    if facts.cut:
        yield f"not complete: {', '.join(facts.cut)}"


def _some(items: Sequence[str], most: int) -> str:
    more = f", and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _process(process: Process) -> str:
    command = process.command if len(process.command) <= 60 else process.command[:59] + "…"
    return f"{process.pid} `{command}` ({process.state}, {_size(process.memory_kb)})"


def _port(port: Port, facts: Facts) -> str:
    named = {process.pid: process.command.split(" ")[0].rpartition("/")[2] for process in facts.processes}
    by = f" by {port.pid} {named.get(port.pid, '')}".rstrip() if port.pid is not None else ""
    return f"{port.protocol} {port.address}:{port.port}{by}"


def _memory(facts: Facts) -> str:
    total, free = facts.memory.get("MemTotal"), facts.memory.get("MemAvailable")
    known = f"{_size(free)} available of {_size(total)}" if total and free is not None else "not known"
    limit = f", limit {_size(facts.memory['memory.max'])}" if "memory.max" in facts.memory else ""
    killed = f", {facts.killed_for_memory} killed for want of it" if facts.killed_for_memory else ""
    return known + limit + killed


def _size(kib: int) -> str:
    size = float(kib)
    for unit in ("KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "KiB" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def report(evidence: Evidence, records: dict[str, list[Record]]) -> str:
    """Return the whole story, as Markdown.

    :param records: what was done to each devbox, by its id.
    """
    lines = [f"# {evidence.test}", "", *_head(evidence)]
    for phase in evidence.phases:
        if phase.outcome == "failed":
            place = f" at {phase.place}" if phase.place else ""
            lines += ["", f"## {phase.name} failed{place}", *_fenced((phase.text or "").split("\n"))]
    lines += ["", "## The way back", *_fenced(evidence.way_back)]
    for about in evidence.devboxes:
        lines += ["", f"## Devbox {about.id}", *_fenced(facts(about))]
        lines += ["", "### What was done to it", *_fenced(steps(records[about.id], evidence.started))]
        lines += ["", "### Its log", *_fenced(about.logs)]
    return "\n".join(lines) + "\n"


def _head(evidence: Evidence) -> Iterator[str]:
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(evidence.started))
    yield f"* {evidence.outcome}, begun {started}, run {evidence.run}"
    if evidence.verdict is not None:
        yield f"* verdict: {evidence.verdict.kind} {evidence.verdict.text}".rstrip()
    if evidence.git is not None:
        changed = f", and {len(evidence.git.changed)} changed paths" if evidence.git.dirty else ""
        yield f"* commit {evidence.git.commit}{changed}"
    yield from (f"* {name}: {value}" for name, value in evidence.ci.items())
    yield f"* {', '.join(f'{name} {version}' for name, version in evidence.versions.items())}"
    if evidence.seed is not None:
        yield f"* seed of pytest-randomly: {evidence.seed}"


def _fenced(lines: Sequence[str]) -> list[str]:
    fence = "`" * max(4, 1 + max((len(line) - len(line.lstrip("`")) for line in lines), default=0))
    return ["", fence + "text", *(lines or ["(nothing)"]), fence]
