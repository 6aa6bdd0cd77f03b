"""From a Dockerfile to a build plan."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from .context import Tree
from .errors import DockerfileError
from .parser import Dockerfile, Instruction
from .plan import Base, BaseImage, BuildPlan, Origin, Remote, key_of
from .stage import StagePlanner
from .stages import (
    PROXY_ARGS,
    StageText,
    argument_defaults,
    expand_in,
    find_stage,
    find_target,
    global_arguments,
    needed_stages,
    outline,
    platform_arguments,
)


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """All that a plan depends on.

    :param target: name or number of the stage to build; the last one if `None`.
    :param platform: of this machine, as `linux/amd64`.
    :param context: the build context, or `None` if there is none.
    :param contexts: further directories that `--from` may name; they go before stages and images.
    :param fetched: what ADD gets from elsewhere.
    :param images: what FROM and `--from` find outside the Dockerfile, by the words written there.
    :param secrets: the names of those that its commands get, sorted.
    """

    dockerfile: Dockerfile
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    platform: str = "linux/amd64"
    context: Tree | None = None
    contexts: Mapping[str, Tree] = field(default_factory=dict)
    fetched: Mapping[Remote, Tree] = field(default_factory=dict)
    images: Mapping[str, BaseImage] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


class ImageNeededError(DockerfileError):
    """The plan needs an image that the inputs do not have.

    :param reference: the image, as written and with variables replaced.
    """

    def __init__(self, reference: str, instruction: Instruction) -> None:
        super().__init__(f"there is no image `{reference}`", line=instruction.line, shown=instruction.shown)
        self.reference = reference


class FetchNeededError(DockerfileError):
    """The plan needs something from elsewhere that the inputs do not have."""

    def __init__(self, remote: Remote, instruction: Instruction) -> None:
        super().__init__(f"`{remote.url}` was not fetched", line=instruction.line, shown=instruction.shown)
        self.remote = remote


def make_plan(inputs: BuildInputs) -> BuildPlan:
    """Plan a build.

    :raises ImageNeededError: if `inputs.images` lacks one.
    :raises FetchNeededError: if `inputs.fetched` lacks something.
    :raises DockerfileError: if the Dockerfile cannot be built; it shows the line.
    """
    return _Planner(inputs).plan()


Resolve = Callable[[str], Awaitable[BaseImage]]
Fetch = Callable[[Remote], Awaitable[Tree]]


async def resolve_plan(inputs: BuildInputs, resolve: Resolve, fetch: Fetch) -> BuildPlan:
    """Plan a build, asking for each image and file from elsewhere that is needed and for no other.

    What has a checksum is not needed for the plan: whoever has built with it before needs no network.

    :param resolve: finds an image or blueprint; what it raises as `DockerfileError` gets the line.
    :param fetch: gets something from elsewhere; what it raises gets the line too.
    :raises DockerfileError: as `make_plan`.
    """
    while True:
        try:
            # Large contexts take their time to hash.
            return await asyncio.to_thread(make_plan, inputs)
        except ImageNeededError as needed:
            image = await _resolved(needed, resolve)
            inputs = replace(inputs, images={**inputs.images, needed.reference: image})
        except FetchNeededError as needed:
            tree = await _fetched(needed, fetch)
            inputs = replace(inputs, fetched={**inputs.fetched, needed.remote: tree})


async def _fetched(needed: FetchNeededError, fetch: Fetch) -> Tree:
    try:
        return await fetch(needed.remote)
    except DockerfileError as error:
        raise error.at(needed.line, needed.shown) from None


async def _resolved(needed: ImageNeededError, resolve: Resolve) -> BaseImage:
    try:
        return await resolve(needed.reference)
    except DockerfileError as error:
        raise error.at(needed.line, needed.shown) from None


class _Planner:
    def __init__(self, inputs: BuildInputs) -> None:
        self.inputs = inputs
        self.sketch = outline(inputs.dockerfile)
        self.secrets = inputs.secrets
        self._target = find_target(self.sketch.stages, inputs.target)
        automatic = platform_arguments(inputs.platform, self._target.name)
        self.arguments = global_arguments(
            self.sketch.arguments, inputs.build_args, automatic, self.sketch.escape
        )
        self._done: dict[int, StagePlanner] = {}

    def plan(self) -> BuildPlan:
        for stage in needed_stages(self.sketch, self._target, self.inputs.contexts):
            self.finished(stage)
        return BuildPlan(tuple(one.stage() for one in self._done.values()), self._unused())

    def finished(self, text: StageText) -> StagePlanner:
        """Plan a stage, once. The order in which they are done is the order in which to build them."""
        if text.index not in self._done:
            planner = self._begun(text)
            for instruction in text.body:
                planner.take(instruction)
            self._done[text.index] = planner
        return self._done[text.index]

    def _begun(self, text: StageText) -> StagePlanner:
        name = expand_in(text.start, text.start.arguments[0], self.arguments.values, self.sketch.escape)
        if not name.strip():
            raise text.start.error(
                f"`{text.start.arguments[0]}` is empty: no such ARG before the first FROM has a value"
            )
        if name in self.inputs.contexts:
            what = f"`{name}` is a build context, which has no system in it"
            raise text.start.error(what, expected=f"FROM an image, and COPY --from={name}")
        self._check_platform(text.start)
        below = self.sketch.before(name, text.index)
        if below:
            parent = self.finished(below)
            base, image = Base("stage", name, below.index), BaseImage(parent.key, parent.config)
        elif name == "scratch":
            base, image = Base("scratch"), BaseImage(key_of("scratch"))
        else:
            base, image = Base("image", name), self.image(name, text.start)
        planner = StagePlanner(self, text, base, image, self._done[below.index].arguments if below else {})
        planner.run_triggers()
        return planner

    def _check_platform(self, start: Instruction) -> None:
        flag = start.flag("platform")
        wanted = expand_in(start, flag, self.arguments.values, self.sketch.escape) if flag else ""
        if wanted and wanted != self.inputs.platform:
            raise start.error(f"the platform `{wanted}` cannot be built on {self.inputs.platform}")

    def image(self, name: str, instruction: Instruction) -> BaseImage:
        """Return an image from outside."""
        if name not in self.inputs.images:
            raise ImageNeededError(name, instruction)
        return self.inputs.images[name]

    def origin(self, name: str, index: int) -> Origin:
        """Return what `from` names in a stage: a named context, an earlier stage or an image."""
        if "$" in name:
            what = "`--from` takes no variables"
            raise DockerfileError(what, expected="a stage of its own: FROM $IMAGE AS name, and --from=name")
        if name in self.inputs.contexts:
            return Origin("named", name)
        stage = find_stage(self.sketch, name, index)
        return Origin("stage", name, stage.index) if stage else Origin("image", name)

    def origin_key(self, origin: Origin, instruction: Instruction) -> str:
        """Return what the files of a stage or image are known by; empty for contexts, which have contents."""
        if origin.stage is not None:
            return self.finished(self.sketch.stages[origin.stage]).key
        return self.image(origin.name, instruction).key if origin.kind == "image" else ""

    def tree(self, origin: Origin) -> Tree | None:
        """Return the directory of a context, `None` for stages and images."""
        if origin.kind == "named":
            return self.inputs.contexts[origin.name]
        if origin.kind == "context" and self.inputs.context is None:
            raise DockerfileError(
                "there is no build context to copy from", expected="`build_context` of the blueprint"
            )
        return self.inputs.context if origin.kind == "context" else None

    def fetched(self, remote: Remote, instruction: Instruction) -> Tree:
        """Return what was got from elsewhere."""
        if remote not in self.inputs.fetched:
            raise FetchNeededError(remote, instruction)
        return self.inputs.fetched[remote]

    def _unused(self) -> tuple[str, ...]:
        declared = {
            name
            for instruction in self.inputs.dockerfile.instructions
            for one in (instruction, instruction.trigger)
            if one and one.name == "ARG"
            for name, _ in argument_defaults(one)
        }
        automatic = platform_arguments("", "").keys()
        return tuple(sorted(set(self.inputs.build_args) - declared - PROXY_ARGS - automatic))
