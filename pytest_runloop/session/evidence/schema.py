"""What a bundle says, for programs: `evidence.json`, and a transcript of one record a line for each devbox.

A bundle is the folder of one failed test. Within a `version` fields are only added. A reader ignores
what it does not know, and takes the default of what is missing; `load` and `load_transcript` do so.

Secrets are not in it: where one was, there is `REDACTED`. A value that is known by its name alone is named in
`Devbox.hidden`, and a step of a transcript that lost part of what it did has `redacted`.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .record import Record

VERSION = 1
EVIDENCE = "evidence.json"
REPORT = "report.md"
REDACTED = "***"

T = TypeVar("T")


@dataclass(slots=True)
class Phase:
    """A phase of the test, or a subtest.

    :param name: `setup`, `call`, `teardown`, or `subtest NAME`.
    :param outcome: `passed`, `failed` or `skipped`, as the report had it.
    :param seconds: how long it took.
    :param exception: the full name of the type of what was raised, as `builtins.AssertionError`.
    :param text: what the exception says, or what the report says where none was raised (a strict xpass).
    :param place: file and line of the failure.
    """

    name: str
    outcome: str
    seconds: float = 0.0
    exception: str | None = None
    text: str | None = None
    place: str | None = None


@dataclass(slots=True)
class Transition:
    """When a devbox reached a status.

    :param at: seconds since the epoch; `None` if the service did not tell.
    """

    status: str
    at: float | None = None


@dataclass(slots=True)
class Process:
    """A process in a devbox.

    :param state: one letter, as of `ps`: R, S, D, Z, T, …
    :param memory_kb: what it has in memory, in KiB.
    :param command: its command line, or its name in brackets if it has none.
    """

    pid: int
    parent: int
    state: str
    user: int
    memory_kb: int
    command: str


@dataclass(slots=True)
class Port:
    """A port that somebody in a devbox listens on.

    :param protocol: `tcp`, `tcp6`, `udp` or `udp6`.
    :param pid: who listens, if that could be found out.
    """

    protocol: str
    address: str
    port: int
    pid: int | None = None


@dataclass(slots=True)
class Disk:
    """A file system of a devbox: sizes in KiB."""

    mounted: str
    size_kb: int
    used_kb: int
    free_kb: int


@dataclass(slots=True)
class File:
    """An entry of the directory that commands start in.

    :param size: in bytes; `None` if it is a directory, or could not be told.
    :param kind: `file`, `directory`, `link` or `other`.
    """

    name: str
    kind: str
    size: int | None = None


@dataclass(slots=True)
class Facts:
    """What a living devbox told of itself after the test.

    :param directory: the directory that commands start in.
    :param files: what is in it.
    :param processes: all that could be seen, but for those that looked.
    :param memory: `MemTotal`, `MemAvailable` and the like, and limits of control groups, in KiB.
    :param killed_for_memory: how many processes the kernel killed for want of memory, if it counts them.
    :param load: the load average, as `/proc/loadavg` has it.
    :param cut: which of these are not complete.
    """

    directory: str = ""
    files: list[File] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    killed_for_memory: int | None = None
    load: str = ""
    cut: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Devbox:
    """A devbox that the test held or did something to.

    :param held: whether it was the test's own; else it is one of the session or of the factory.
    :param parameters: what it was created with, in the API's names; empty if another process made it.
    :param hidden: the places in `parameters` whose value is `REDACTED` as a whole, as
        `environment_variables.API_TOKEN`. Who starts another devbox has to give those.
    :param snapshot: the snapshot of its disk as the test left it.
    :param kept: how long it stays alive, in seconds since the epoch, if it was kept.
    :param boot_seconds: how long it took until it ran; 0 if it stood ready.
    :param status: as the service had it when the test was over.
    :param reason: why it failed or ended, in the service's word.
    :param launch: the launch parameters as the service has them.
    :param logs: its last log lines, as the service told them.
    :param facts: `None` if it did not run any more, or did not answer.
    :param transcript: the name of the file of this bundle with everything done to it.
    :param whole: whether that is everything since the devbox was made: nothing was dropped, and no other
        process had it before.
    :param trouble: what of all this could not be had, and why.
    """

    id: str
    held: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    snapshot: str | None = None
    kept: float | None = None
    boot_seconds: float | None = None
    status: str | None = None
    reason: str | None = None
    launch: dict[str, Any] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    facts: Facts | None = None
    transcript: str | None = None
    whole: bool = True
    trouble: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Backend:
    """Where the devboxes ran.

    :param kind: `cloud` or `local`.
    :param base_url: the server, if it outlives the run.
    :param isolation: the tier of the local backend.
    """

    kind: str
    base_url: str | None = None
    isolation: str | None = None


@dataclass(slots=True)
class Git:
    """The state of the tests' repository.

    :param commit: the whole hash.
    :param branch: its name, or `None` if no branch is checked out.
    :param changed: paths of tracked and new files that differ from the commit, the first 200.
    """

    commit: str
    branch: str | None = None
    changed: list[str] = field(default_factory=list)

    @property
    def dirty(self) -> bool:
        """Whether anything differs from the commit."""
        return bool(self.changed)


@dataclass(slots=True)
class Verdict:
    """Whether the code failed, or its environment.

    :param kind: a word for programs.
    :param text: the evidence, in words.
    """

    kind: str
    text: str = ""


@dataclass(slots=True)
class Evidence:
    """What is known of a failed test.

    :param test: the node id.
    :param run: the id of the run of pytest.
    :param outcome: `failed`, or `error` if set-up or teardown alone failed.
    :param started: seconds since the epoch.
    :param rootdir: pytest's root directory; node ids are relative to it.
    :param phases: in order.
    :param verdict: if something judged it.
    :param ci: variables of the CI job, by name.
    :param versions: of python, pytest, its plugins that matter, and this one.
    :param seed: of pytest-randomly.
    :param worker: the xdist worker, as `gw0`.
    :param way_back: commands that lead back to where it failed, the most useful first.
    """

    test: str
    run: str
    outcome: str
    started: float
    rootdir: str = ""
    phases: list[Phase] = field(default_factory=list)
    verdict: Verdict | None = None
    devboxes: list[Devbox] = field(default_factory=list)
    backend: Backend | None = None
    git: Git | None = None
    ci: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    worker: str | None = None
    way_back: list[str] = field(default_factory=list)
    version: int = VERSION


class NotABundleError(ValueError):
    """What was read is no evidence of this version, or damaged. Its text says what it is."""


def dump(evidence: Evidence) -> str:
    """Return the text of an `evidence.json`."""
    return json.dumps(dataclasses.asdict(evidence), indent=1, ensure_ascii=False, default=repr) + "\n"


def load(folder: Path) -> Evidence:
    """Read the evidence in a bundle.

    :param folder: the bundle.
    :raises NotABundleError: if it is none, or of a version that this program does not know.
    """
    path = folder / EVIDENCE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotABundleError(f"{folder} is no bundle: there is no {EVIDENCE} in it") from None
    except (ValueError, OSError) as error:
        raise NotABundleError(f"{path} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise NotABundleError(f"{path} holds no object, but {data!r:.80}")
    found = data.get("version")
    if found != VERSION:
        newer = isinstance(found, int) and found > VERSION
        remedy = ". Use the newer pytest-runloop that wrote it" if newer else ""
        raise NotABundleError(f"{path} is of version {found!r}; this program reads {VERSION}{remedy}")
    return _made(Evidence, data, str(path))


def dump_transcript(records: Iterable[Record]) -> str:
    """Return the text of a transcript: a record a line, what has its default left out."""
    return "".join(json.dumps(_said(record), ensure_ascii=False, default=repr) + "\n" for record in records)


def load_transcript(folder: Path, devbox: Devbox) -> list[Record]:
    """Read what was done to a devbox.

    :param folder: the bundle.
    :raises NotABundleError: if there is no transcript, or it is damaged.
    """
    path = folder / (devbox.transcript or "")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return [_made(Record, json.loads(line), str(path)) for line in lines if line]
    except (OSError, ValueError) as error:
        raise NotABundleError(f"The transcript of {devbox.id} in {folder} cannot be read: {error}") from None


def _said(record: Record) -> dict[str, Any]:
    said = {}
    for known in dataclasses.fields(Record):
        value = getattr(record, known.name)
        default = {} if known.default is dataclasses.MISSING else known.default
        if known.name != "data" and value != default:
            said[known.name] = value
    return said


def _made(kind: type[T], data: object, where: str) -> T:
    """Make a dataclass from JSON: unknown keys are left out, what is missing has its default."""
    if not isinstance(data, Mapping):
        raise NotABundleError(f"{where}: {kind.__name__} is not an object, but {data!r:.80}")
    hints = get_type_hints(kind)
    values = {name: _fitted(hints[name], data[name], f"{where}: {name}") for name in hints if name in data}
    try:
        return kind(**values)
    except TypeError as error:
        raise NotABundleError(f"{where}: {error}") from None


def _fitted(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        [hint] = [choice for choice in get_args(hint) if choice is not type(None)]
        return None if value is None else _fitted(hint, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _made(hint, value, where)
    shape = get_origin(hint) or hint
    shape = Mapping if shape in (Mapping, dict) else shape
    if isinstance(shape, type) and not isinstance(value, (int, float) if shape is float else shape):
        raise NotABundleError(f"{where} must be {getattr(hint, '__name__', hint)}, not {value!r:.80}")
    if get_origin(hint) is list:
        return [_fitted(get_args(hint)[0], item, where) for item in value]
    return value
