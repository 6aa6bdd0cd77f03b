"""What the doctor found. `--json` prints it as it stands here, field by field.

Fields are added; none changes its meaning or goes within one `version`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..session.preview import Preview

VERSION = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs where.

    :param kernel: its release, as `6.1.0-13-amd64`.
    :param landlock: the version of the kernel's Landlock; 0 if it has none.
    :param user: name and id of who asks, as `alice (1000)`.
    """

    plugin: str
    python: str
    pytest: str
    system: str
    kernel: str
    architecture: str
    landlock: int
    user: str


@dataclass(frozen=True, slots=True)
class CapabilityFinding:
    """A capability that devboxes have here, or lack.

    :param meaning: what it is, in a sentence.
    :param remedy: how to get it, in one line, where it is missing.
    """

    capability: str
    meaning: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class TierFinding:
    """A tier that was tried by booting a devbox in it.

    :param works: whether it can be had.
    :param automatic: whether `auto` may choose it.
    :param capabilities: what its devboxes have.
    :param reason: why it cannot be had.
    :param remedy: how to get it, in one line.
    :param notes: what people should know where it works.
    """

    tier: str
    works: bool
    automatic: bool
    capabilities: list[str] = field(default_factory=list)
    reason: str = ""
    remedy: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What isolates devboxes here.

    :param asked: `auto` or a tier.
    :param tier: the one that is used; `None` if there is none.
    :param given: the capabilities that its devboxes have.
    :param missing: those that they lack; both are empty where there is no tier.
    :param tiers: every tier, best first.
    """

    asked: str
    tier: str | None = None
    given: list[CapabilityFinding] = field(default_factory=list)
    missing: list[CapabilityFinding] = field(default_factory=list)
    tiers: list[TierFinding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Program:
    """An optional program.

    :param serves: what it is good for.
    :param path: where it is; `None` if it was not found.
    :param version: as it tells it; empty if it does not.
    :param problem: why it is of no use although it is there.
    :param remedy: how to get it, in one line.
    """

    name: str
    serves: str
    path: str | None
    version: str = ""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    :param remedy: what to do, in one line.
    :param fatal: whether no devbox can be had because of it.
    """

    what: str
    remedy: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where all is kept that outlives devboxes. Sizes are in bytes; `None` is what could not be found out.

    :param exists: whether it was there before the doctor came, who makes it as a run does.
    :param mode: its permissions, as `0700`.
    :param file_system: its kind, as `ext4`.
    :param size_complete: whether all was counted; counting ends after some seconds.
    :param snapshots, blueprints, objects: those that the store knows.
    :param axons: those that are not deleted.
    :param layers: of the engine: what snapshots, blueprints and build steps stand on.
    :param living_sessions: of servers that run now.
    :param dead_sessions: of servers that died; each start removes them.
    """

    path: str
    exists: bool = False
    mode: str | None = None
    owner: str | None = None
    file_system: str | None = None
    size: int | None = None
    size_complete: bool = True
    free: int | None = None
    snapshots: int | None = None
    blueprints: int | None = None
    objects: int | None = None
    axons: int | None = None
    layers: int | None = None
    living_sessions: int | None = None
    dead_sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All of it.

    :param ready: whether what was asked for can be had: the exit status is 0 if so, and 1 if not.
    :param judged: what that is about: `local` where an isolation was named, else the backend of a run here.
    :param version: of this shape.
    :param run: what a run of pytest in the working directory would use.
    :param problems: the worst first.
    """

    ready: bool
    judged: Literal["cloud", "local"]
    machine: Machine
    run: Preview
    isolation: Isolation
    programs: list[Program]
    state: State
    problems: list[Problem]
    version: int = VERSION
