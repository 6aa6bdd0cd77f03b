"""Builds the stages of a plan, each from the layers that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .build_secrets import BuildSecrets
from .cache import LayerCache
from .copies import collect_from_box
from .dockerfile.plan import Base, BuildPlan, Origin, Stage
from .dockerfile.planner import Fetch
from .engine.protocol import Box, BoxSpec, Engine, Guard, Limits
from .launch import User
from .packing import send_from_root
from .setup import Write
from .steps import AnyStep, Worker


@dataclass(frozen=True, slots=True)
class Ground:
    """What a build stands on.

    :param blueprint: the id of the blueprint that is built.
    :param fetch: gets what ADD names elsewhere.
    :param limits: what the boxes of the build may use.
    :param images: the layer of each image that FROM or `--from` names; `None` for the machine's system.
    :param guard: decides where the boxes of the build may connect to, if anybody does.
    """

    blueprint: str
    user: User
    limits: Limits
    images: Mapping[str, str | None]
    fetch: Fetch
    guard: Guard | None


class StageBuilder:
    """Builds stages, and only those that are not there yet.

    :param write: takes the lines of the log.
    :param secrets: what commands get.
    """

    def __init__(
        self,
        plan: BuildPlan,
        ground: Ground,
        engine: Engine,
        cache: LayerCache,
        write: Write,
        secrets: BuildSecrets,
    ) -> None:
        self._stages = {stage.index: stage for stage in plan.stages}
        self._ground = ground
        self._engine = engine
        self._cache = cache
        self._write = write
        self._worker = Worker(engine, ground.user.home, write, self._collect, ground.fetch, secrets)
        self._boxes = 0

    async def layer_of(self, stage: Stage) -> str | None:
        """Return the layer that holds the files of a stage; `None` if they are the machine's.

        :raises SetupError: if a step failed.
        """
        layer, rest = self._skip(stage.steps, f"stage {stage.name}: " if stage.name else "")
        if layer is None:
            layer = await self._below(stage.base)
        return await self.after(rest, layer)

    async def tail(self, steps: Sequence[AnyStep], below: Stage) -> str | None:
        """Return the layer after the steps that follow a stage."""
        layer, rest = self._skip(steps, "")
        if layer is None:
            layer = await self.layer_of(below)
        return await self.after(rest, layer)

    def _skip(self, steps: Sequence[AnyStep], where: str) -> tuple[str | None, Sequence[AnyStep]]:
        count, layer = self._cache.prefix([step.key for step in steps], self._ground.blueprint)
        for step in steps[:count]:
            self._write("info", f"cached: {where}{_shown(step)}")
        return layer, steps[count:]

    async def _below(self, base: Base) -> str | None:
        if base.stage is not None:
            return await self.layer_of(self._stages[base.stage])
        return self._ground.images[base.name]

    async def after(self, steps: Sequence[AnyStep], layer: str | None) -> str | None:
        """Carry out steps one after another, and return the layer after the last."""
        box: Box | None = None
        try:
            for step in steps:
                async with self._cache.turn(step.key):
                    _, made = self._cache.prefix([step.key], self._ground.blueprint)
                    if made is not None:  # By another build, meanwhile.
                        self._write("info", f"cached: {_shown(step)}")
                        await _drop(box)
                        box, layer = None, made
                        continue
                    box = box or await self._boot(layer)
                    layer = await self._done(step, box)
        finally:
            await _drop(box)
        return layer

    async def _done(self, step: AnyStep, box: Box) -> str:
        if step.line:
            self._write("info", _shown(step))
        await self._worker.carry_out(step, box)
        # What a command left running does not belong to the disk; without it, freezing is quick.
        await box.suspend()
        await box.resume()
        layer = await box.freeze()
        self._cache.keep(step.key, layer, self._ground.blueprint)
        return layer

    async def _boot(self, layer: str | None) -> Box:
        user = self._ground.user
        self._boxes += 1
        name = f"{self._ground.blueprint}-{self._boxes}"
        spec = BoxSpec(
            name,
            layer,
            username=user.username,
            uid=user.uid,
            limits=self._ground.limits,
            guard=self._ground.guard,
        )
        return await self._engine.boot(spec)

    async def _collect(self, origin: Origin, sources: Sequence[str], box: Box, into: str) -> None:
        layer = await self._layer_at(origin)
        if layer is not None and self._engine.layers.is_root(layer):
            # Images that are copied from often hold one program and nothing else.
            await send_from_root(self._engine.layers, layer, sources, box, into)
            return
        source = await self._boot(layer)
        try:
            await collect_from_box(source, sources, box, into)
        finally:
            await source.destroy()

    async def _layer_at(self, origin: Origin) -> str | None:
        if origin.stage is not None:
            return await self.layer_of(self._stages[origin.stage])
        return self._ground.images[origin.name]


async def _drop(box: Box | None) -> None:
    if box is not None:
        await box.destroy()


def _shown(step: AnyStep) -> str:
    return f"line {step.line}: {step.text}" if step.line else step.text
