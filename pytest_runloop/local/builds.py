"""Builds a blueprint: what its Dockerfile says, then its files and its system setup commands."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..contract.views.blueprints import BlueprintBuildLog, BuildFailureReason
from .build_secrets import BuildSecrets
from .cache import LayerCache
from .clock import Clock
from .code_mounts import CodeMount, within
from .dockerfile.config import DEFAULT_PATH, ImageConfig
from .dockerfile.errors import DockerfileError
from .dockerfile.parser import parse
from .dockerfile.plan import BaseImage, BuildPlan, key_of
from .dockerfile.planner import BuildInputs, resolve_plan
from .engine.protocol import Engine, Guard, Limits
from .errors import ENGINE_ERRORS, as_api_error, is_full_disk
from .git import GitError
from .images import ImageError, Images, NoImagesError
from .launch import User
from .machine import STARTER, build_platform, system_key, system_name
from .masking import Mask
from .records import BlueprintRecord
from .setup import SetupError
from .sources import Contexts, Sources, Workplace
from .stages import Ground, StageBuilder
from .steps import AnyStep, BootStep, CodeStep, FilesStep, SetupStep


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to build.

    :param blueprint: the id of the blueprint.
    :param dockerfile: with a FROM.
    :param files: what is written before the setup commands run.
    :param code: the repositories that are cloned after the files.
    :param contexts: what its COPY and ADD read from.
    :param workplace: where they are unpacked, and what ADD gets from elsewhere is.
    :param find: returns the blueprint that FROM names by its id or name, if there is one.
    :param secrets: what its commands get, and nothing else.
    :param guard: decides where its commands may connect to; `None` lets them go anywhere.
    """

    blueprint: str
    user: User
    dockerfile: str
    build_args: Mapping[str, str]
    files: Sequence[tuple[str, str]]
    code: Sequence[CodeMount]
    commands: Sequence[str]
    contexts: Contexts
    workplace: Workplace
    find: Callable[[str], BlueprintRecord | None]
    secrets: BuildSecrets
    guard: Guard | None


@dataclass(frozen=True, slots=True)
class Image:
    """The result of a build."""

    layer: str
    config: ImageConfig


class BuildError(Exception):
    """A build failed. The text says where and how."""

    def __init__(self, message: str, reason: BuildFailureReason = "build_failed") -> None:
        self.reason = reason
        super().__init__(message)


class BuildLog:
    """The last lines of a build's log.

    :param limit: how many lines are kept.
    :param mask: takes out of them what must not be read.
    """

    def __init__(self, clock: Clock, limit: int, mask: Mask) -> None:
        self._clock = clock
        self._mask = mask
        self._lines: deque[BlueprintBuildLog] = deque(maxlen=limit)

    def write(self, level: str, message: str) -> None:
        """Add a line."""
        now, shown = self._clock.now_ms(), self._mask(message)
        self._lines.append(BlueprintBuildLog(level=level, message=shown, timestamp_ms=now))

    @property
    def lines(self) -> list[BlueprintBuildLog]:
        """The lines so far."""
        return list(self._lines)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What builds are made with.

    :param cache: where the layers of earlier builds are, and those of new ones go.
    :param images: what FROM and `--from` find outside of blueprints.
    :param limits: what each box may use in which steps are done.
    """

    engine: Engine
    cache: LayerCache
    images: Images
    limits: Limits


async def build(recipe: Recipe, workshop: Workshop, log: BuildLog) -> Image:
    """Build a blueprint.

    :param log: takes the steps and their output.
    :raises BuildError: if a step failed.
    """
    try:
        async with recipe.workplace.opened(recipe.contexts, log.write) as sources:
            return await _built(recipe, sources, workshop, log)
    except (DockerfileError, SetupError, GitError) as error:
        raise BuildError(str(error), _reason(error)) from error
    except ENGINE_ERRORS as error:
        raise BuildError(str(as_api_error(error, "build the blueprint")), _reason(error)) from error


def _reason(error: BaseException) -> BuildFailureReason:
    if is_full_disk(error):
        return "out_of_disk"
    return error.reason if isinstance(error, SetupError) else "build_failed"


async def _built(recipe: Recipe, sources: Sources, workshop: Workshop, log: BuildLog) -> Image:
    bases = _Bases(recipe, workshop.images, log)
    inputs = BuildInputs(
        parse(recipe.dockerfile),
        build_args=recipe.build_args,
        platform=build_platform(),
        context=sources.main,
        contexts=sources.named,
        secrets=recipe.secrets.names,
    )
    plan = await resolve_plan(inputs, bases.resolve, sources.fetch)
    _note(plan, bases, log)
    ground = Ground(recipe.blueprint, recipe.user, workshop.limits, bases.layers, sources.fetch, recipe.guard)
    stages = StageBuilder(plan, ground, workshop.engine, workshop.cache, log.write, recipe.secrets)
    async with AsyncExitStack() as stack:
        clones = [await stack.enter_async_context(_cloned(recipe, mount, log)) for mount in recipe.code]
        steps = list(_tail(recipe, plan, clones))
        layer = await stages.tail(steps, plan.result)
    if layer is None:
        layer = await stages.after([BootStep(key_of("boot", plan.result.key))], None)
    log.write("info", "the build is complete")
    assert layer is not None, "a step leaves a layer"
    return Image(layer, _final(recipe, plan, changed=bool(steps)))


@dataclass(slots=True)
class _Bases:
    """Finds what FROM names.

    :param layers: of what was found; `None` for the machine's own system.
    :param stood_in: the images for which the machine's own system stands, by the reasons.
    """

    recipe: Recipe
    images: Images
    log: BuildLog
    layers: dict[str, str | None] = field(default_factory=dict)
    stood_in: dict[str, list[str]] = field(default_factory=dict)

    async def resolve(self, name: str) -> BaseImage:
        """Return an earlier blueprint, an image, or the machine's system."""
        user = self.recipe.user
        standard = ImageConfig(user=user.username, working_dir=user.home)
        # Each boot writes the user down.
        if record := self.recipe.find(name):
            self.layers[name] = record.layer
            return BaseImage(key_of("layer", record.layer, user), record.image or standard)
        if name == STARTER:
            return self._system(name, standard)
        try:
            return await self._image(name)
        except NoImagesError as reason:
            self.stood_in.setdefault(str(reason), []).append(name)
            return self._system(name, ImageConfig())

    def _system(self, name: str, config: ImageConfig) -> BaseImage:
        self.layers[name] = None
        return BaseImage(key_of(system_key(), self.recipe.user), config)

    async def _image(self, name: str) -> BaseImage:
        write = self.log.write
        try:
            image = await self.images.find(name, write)
            write("info", f"`{name}` is the image {image.shown}")
            self.layers[name] = await self.images.layer(image, self.recipe.blueprint, write)
        except ImageError as error:
            raise DockerfileError(str(error), expected=error.remedy) from error
        return BaseImage(key_of(image.key, self.recipe.user), image.config)


def _note(plan: BuildPlan, bases: _Bases, log: BuildLog) -> None:
    """Check and tell what the plan stands on."""
    for stage in plan.stages:
        if stage.base.kind == "scratch":
            what = "FROM scratch: the local backend cannot build on nothing"
            raise DockerfileError(what, expected="an image, for which this machine's system stands")
    for reason, images in bases.stood_in.items():
        names = ", ".join(f"`{name}`" for name in images)
        log.write("warn", f"{reason}: this machine's system, {system_name()}, stands for {names}")
    if plan.unused_build_args:
        names = ", ".join(f"`{name}`" for name in plan.unused_build_args)
        log.write("warn", f"no ARG takes the build arguments {names}")


@dataclass(frozen=True, slots=True)
class _Clone:
    mount: CodeMount
    root: Path
    commit: str


@asynccontextmanager
async def _cloned(recipe: Recipe, mount: CodeMount, log: BuildLog) -> AsyncIterator[_Clone]:
    log.write("info", f"cloning {mount.shown}")
    async with recipe.workplace.desk.cloned(mount.remote, mount.ref) as (root, commit):
        yield _Clone(mount, root, commit)


def _tail(recipe: Recipe, plan: BuildPlan, clones: Sequence[_Clone]) -> Iterator[AnyStep]:
    """Yield what comes after the Dockerfile."""
    key, environment = plan.result.key, environment_of_image(plan.result.config)
    seen = (environment, recipe.user, recipe.secrets.names)
    if recipe.files:
        key = key_of("files", key, tuple(recipe.files), recipe.user)
        yield FilesStep(key, tuple(recipe.files))
    for clone in clones:
        mount = clone.mount
        key = key_of("code", key, mount.shown, clone.commit, mount.directory, recipe.user)
        yield CodeStep(key, clone.root, mount.directory, f"{mount.shown}, commit {clone.commit}")
        if mount.install and mount.install.strip():
            command = within(f"~/{shlex.quote(mount.directory)}", mount.install)
            key = key_of("setup", key, command, *seen)
            yield SetupStep(key, command, environment, f"install command of {mount.directory}")
    for number, command in enumerate(recipe.commands, 1):
        key = key_of("setup", key, command, *seen)
        what = f"system setup command {number} of {len(recipe.commands)}"
        yield SetupStep(key, command, environment, what)


def _final(recipe: Recipe, plan: BuildPlan, *, changed: bool) -> ImageConfig:
    """Return the configuration of the image: what follows the Dockerfile runs as the user, in the home."""
    config = plan.result.config
    if not changed:
        return config
    return replace(config, user=recipe.user.username, working_dir=recipe.user.home)


def environment_of_image(config: ImageConfig) -> dict[str, str]:
    """Return the variables that an image sets, without the PATH that every image has."""
    same = {"PATH": DEFAULT_PATH}.items()
    return {name: value for name, value in config.environment.items() if (name, value) not in same}
