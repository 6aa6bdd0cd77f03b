"""The report for people, in 80 columns and in ASCII: it must be readable where nothing is set up."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from .report import Isolation, Machine, Program, Report, State, TierFinding

_WIDTH = 80
_INDENT = "  "
_COLUMN, _WIDE = 12, 25
"""Where what is said of a name begins."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def as_text(report: Report) -> str:
    """Return the whole report."""
    parts = [
        _machine(report.machine),
        _section("A run here", _run(report)),
        _section("Isolation (a devbox was booted in each tier)", _tiers(report.isolation)),
        _section("What devboxes have here", _capabilities(report.isolation)),
        _section("Optional programs", _programs(report.programs)),
        _section("State", _state(report.state)),
        _section("What is wrong", _problems(report)),
        [_verdict(report)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _machine(machine: Machine) -> list[str]:
    landlock = f"Landlock {machine.landlock}" if machine.landlock else "no Landlock"
    return [
        f"pytest-runloop {machine.plugin}, pytest {machine.pytest}, Python {machine.python}",
        f"{machine.system}, user {machine.user}",
        f"Linux {machine.kernel} on {machine.architecture}, {landlock}",
    ]


def _run(report: Report) -> Iterator[str]:
    run = report.run
    where = run.base_url or ("Runloop's cloud" if run.backend == "cloud" else "this machine")
    yield from _item("backend", f"{run.backend}: {where} ({run.why})")
    yield from _item("API key", "set" if run.api_key_set else "not set")
    yield from _item("isolation", f"{run.isolation} ({run.isolation_from})")


def _tiers(isolation: Isolation) -> Iterator[str]:
    for tier in isolation.tiers:
        yield from _item(tier.tier, _found(tier, used=tier.tier == isolation.tier))
        yield from _remedy(tier.remedy)
        for note in tier.notes:
            yield from _item("", note)


def _found(tier: TierFinding, used: bool) -> str:
    if not tier.works:
        return f"no: {tier.reason}"
    return "yes" + (", used" if used else "") + ("" if tier.automatic else ", only when asked for")


def _capabilities(isolation: Isolation) -> Iterator[str]:
    if isolation.tier is None:
        yield from _item("", f"none: isolation `{isolation.asked}` cannot be had")
    for given in isolation.given:
        yield from _item(f"yes {given.capability}", given.meaning, _WIDE)
    for remedy, group in groupby(isolation.missing, lambda missing: missing.remedy):
        for missing in group:
            yield from _item(f"no  {missing.capability}", missing.meaning, _WIDE)
        yield from _remedy(remedy, " " * _WIDE)


def _programs(programs: Iterable[Program]) -> Iterator[str]:
    for program in programs:
        found = "not found" if program.path is None else program.version or "found"
        yield from _item(program.name, f"{found:<10} {program.serves}")
        if program.problem:
            yield from _item("", program.problem)
        yield from _remedy(program.remedy)


def _state(state: State) -> Iterator[str]:
    if state.mode is None or state.size is None or state.free is None:
        yield from _item("where", f"{state.path}, which cannot be used")
        return
    yield from _item("where", state.path + ("" if state.exists else " (made just now)"))
    yield from _item("is", f"mode {state.mode} of {state.owner}, on {state.file_system}")
    least = "" if state.size_complete else "at least "
    yield from _item("size", f"{least}{_size(state.size)}; {_size(state.free)} are free")
    holds = {
        "snapshots": state.snapshots,
        "blueprints": state.blueprints,
        "objects": state.objects,
        "axons": state.axons,
        "layers": state.layers,
    }
    yield from _item("holds", ", ".join(f"{_count(count)} {kind}" for kind, count in holds.items()))
    yield from _item("servers", f"{_count(state.living_sessions)} running")
    if state.dead_sessions:
        yield from _item("", f"{state.dead_sessions} died and left devboxes' files, which each start removes")


def _problems(report: Report) -> Iterator[str]:
    for problem in report.problems:
        yield from _wrapped(problem.what, "- ", _INDENT)
        yield from _remedy(problem.remedy, _INDENT)


def _verdict(report: Report) -> str:
    if not report.ready:
        return "Not ready: what was asked for cannot be had here."
    if report.judged == "cloud":
        return "Ready: a run here gets its devboxes from the cloud, which was not asked."
    return f"Ready: devboxes run on this machine, isolated by `{report.isolation.tier}`."


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [_INDENT + line for line in lines]
    return [title, *body] if body else []


def _item(name: str, text: str, column: int = _COLUMN) -> Iterator[str]:
    yield from _wrapped(text, f"{name:<{column - 1}} ", " " * column)


def _remedy(remedy: str, indent: str = " " * _COLUMN) -> Iterator[str]:
    if remedy:
        yield from _wrapped(remedy, f"{indent}-> ", f"{indent}   ")


def _wrapped(text: str, first: str, later: str) -> Iterator[str]:
    """Wrap a text; what cannot be broken, as a path, stands out."""
    width = _WIDTH - len(_INDENT)
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    yield from (line.rstrip() for line in lines or [first])


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _size(number: float) -> str:
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            break
        number /= 1024
    return f"{number:.1f} {unit}" if unit != "B" else f"{number:.0f} B"
