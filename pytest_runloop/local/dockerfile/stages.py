"""Which stages a Dockerfile has, which of them a target needs, and what holds for all of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...contract.nearest import nearest
from .errors import DockerfileError
from .expansion import expand
from .mounts import mount_fields
from .parser import Dockerfile, Instruction

_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
PROXY_ARGS = frozenset(
    name
    for base in ("HTTP", "HTTPS", "FTP", "NO", "ALL")
    for name in (f"{base}_PROXY", f"{base.lower()}_proxy")
)
"""Build arguments that every command gets without an ARG, outside all keys."""


@dataclass(frozen=True, slots=True)
class StageText:
    """A stage as written.

    :param index: its number, from 0.
    :param name: in small letters; empty if it has none.
    :param start: the FROM instruction.
    :param body: what follows it.
    """

    index: int
    name: str
    start: Instruction
    body: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A Dockerfile by stages.

    :param arguments: the ARG instructions before the first FROM.
    """

    arguments: tuple[Instruction, ...]
    stages: tuple[StageText, ...]
    escape: str

    def before(self, name: str, index: int) -> StageText | None:
        """Return the stage of this name that comes last before the given number."""
        return next(
            (one for one in reversed(self.stages[:index]) if one.name and one.name == name.lower()), None
        )


def outline(dockerfile: Dockerfile) -> Outline:
    """Split a Dockerfile into its stages.

    :raises DockerfileError: if it has none, or something other than ARG comes before the first.
    """
    instructions = dockerfile.instructions
    starts = [number for number, one in enumerate(instructions) if one.name == "FROM"]
    head = instructions[: starts[0]] if starts else instructions
    for one in head:
        if one.name != "ARG":
            raise one.error(f"{one.name} comes before the first FROM", expected="FROM IMAGE (or ARG) first")
    if not starts:
        raise DockerfileError("the Dockerfile has no FROM", expected="FROM IMAGE")
    bounds = zip(starts, [*starts[1:], len(instructions)], strict=True)
    stages = tuple(
        StageText(index, _stage_name(instructions[start]), instructions[start], instructions[start + 1 : end])
        for index, (start, end) in enumerate(bounds)
    )
    return Outline(head, stages, dockerfile.escape)


def _stage_name(start: Instruction) -> str:
    words = start.arguments
    if len(words) == 1:
        return ""
    if len(words) != 3 or words[1].upper() != "AS":
        raise start.error("FROM takes one image, and a name after AS", expected="FROM IMAGE [AS NAME]")
    name = words[2].lower()
    if not _NAME.fullmatch(name):
        raise start.error(
            f"`{words[2]}` cannot name a stage", expected="a letter, then letters, digits, `-_.`"
        )
    if name == "scratch":
        raise start.error("`scratch` is reserved: it names the empty image", expected="another name")
    return name


def find_target(stages: Sequence[StageText], target: str | None) -> StageText:
    """Return the stage to build: by name or number, the last one if none is given.

    :raises DockerfileError: if there is no such stage.
    """
    if not target:
        return stages[-1]
    for stage in reversed(stages):
        if target.lower() == stage.name or target == str(stage.index):
            return stage
    names = [stage.name for stage in stages if stage.name]
    raise DockerfileError(f"the Dockerfile has no stage `{target}`{nearest(target, names)}")


def platform_arguments(platform: str, target: str) -> dict[str, str]:
    """Return the variables that Docker sets by itself.

    :param platform: as `linux/amd64` or `linux/arm/v7`; built and run on the same.
    :param target: the name of the stage that is built.
    """
    system, architecture, variant = (*platform.split("/", 2), "", "")[:3]
    values = {"PLATFORM": platform, "OS": system, "ARCH": architecture, "VARIANT": variant, "OSVERSION": ""}
    both = {f"{side}{name}": value for side in ("BUILD", "TARGET") for name, value in values.items()}
    return {**both, "TARGETSTAGE": target or "default"}


@dataclass(frozen=True, slots=True)
class GlobalArguments:
    """What FROM may use, and what a stage gets for an ARG without a value.

    :param given: the build arguments of the user.
    :param values: what the ARG instructions before the first FROM give, and Docker's own.
    """

    given: Mapping[str, str]
    values: Mapping[str, str]


def global_arguments(
    instructions: Sequence[Instruction], given: Mapping[str, str], automatic: Mapping[str, str], escape: str
) -> GlobalArguments:
    """Evaluate the ARG instructions before the first FROM, one after another."""
    values = {**automatic, **{name: given[name] for name in automatic if name in given}}
    for instruction in instructions:
        for name, default in argument_defaults(instruction):
            if name in given:
                values[name] = given[name]
            elif default is not None:
                values[name] = expand_in(instruction, default, values, escape)
    return GlobalArguments(given, values)


def argument_defaults(instruction: Instruction) -> Iterator[tuple[str, str | None]]:
    """Yield the names of an ARG with their defaults as written, `None` where there is none.

    :raises DockerfileError: if one has no name.
    """
    for word in instruction.arguments:
        name, equals, default = word.partition("=")
        if not name:
            raise instruction.error(f"`{word}` has no name", expected="ARG NAME[=DEFAULT]")
        yield name, default if equals else None


def expand_in(instruction: Instruction, word: str, variables: Mapping[str, str], escape: str) -> str:
    """Expand a word; an error shows the instruction."""
    try:
        return expand(word, variables, escape)
    except DockerfileError as error:
        raise error.at(instruction.line, instruction.shown) from None


def needed_stages(sketch: Outline, target: StageText, contexts: Collection[str] = ()) -> list[StageText]:
    """Return the stages that the target stands on or copies from, and itself, in the order written.

    :param contexts: names that stand for a directory instead of a stage of that name.
    :raises DockerfileError: if `from` names a stage that is not an earlier one.
    """
    needed: dict[int, StageText] = {}
    pending = [target]
    while pending:
        stage = pending.pop()
        if stage.index not in needed:
            needed[stage.index] = stage
            base = sketch.before(stage.start.arguments[0], stage.index)
            pending += [base] if base else []
            for instruction in stage.body:
                pending += _copied_from(sketch, stage, instruction, contexts)
    return [needed[index] for index in sorted(needed)]


def _copied_from(
    sketch: Outline, stage: StageText, instruction: Instruction, contexts: Collection[str]
) -> list[StageText]:
    try:
        names = [name for name in _sources(instruction) if name not in contexts]
        found = [find_stage(sketch, name, stage.index) for name in names]
    except DockerfileError as error:
        raise error.at(instruction.line, instruction.shown) from None
    return [one for one in found if one]


def find_stage(sketch: Outline, name: str, index: int) -> StageText | None:
    """Return the earlier stage that `from` names, by name or number.

    :param index: the number of the stage in which it is named.
    :raises DockerfileError: if it names this stage, a later one, or a number beyond the last.
    """
    if name.isascii() and name.isdigit():
        if int(name) >= index:
            raise DockerfileError(f"stage {name} does not come before this one, which is {index}")
        return sketch.stages[int(name)]
    stage = sketch.before(name, index)
    if not stage and any(one.name == name.lower() for one in sketch.stages[index:]):
        raise DockerfileError(
            f"the stage `{name}` does not come before this one", expected="an earlier stage"
        )
    return stage


def _sources(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "COPY":
        yield from instruction.flag_values("from")
    elif instruction.name == "RUN":
        fields = [mount_fields(text) for text in instruction.flag_values("mount")]
        yield from (one["from"] for one in fields if "from" in one)
