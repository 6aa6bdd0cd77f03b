"""The engine of every tier: `protocol.Engine` over a zygote, a session directory and a layer store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pytest_runloop.local.engine.box import SandboxBox
from pytest_runloop.local.engine.launcher import Zygote
from pytest_runloop.local.engine.layers import LayerStore
from pytest_runloop.local.engine.limiter import ALL, Hold, Limiter
from pytest_runloop.local.engine.protocol import BoxSpec, Capability, EngineError
from pytest_runloop.local.engine.sessions import Session
from pytest_runloop.local.engine.tiers import Tier, TierReport

_LAST_CLEANING = 10.0  # seconds


class SandboxEngine:
    """A tier, ready to boot boxes. Made by `open`.

    :param tier_of_boxes: the tier.
    :param session: where its files lie.
    """

    def __init__(self, tier_of_boxes: Tier, session: Session) -> None:
        self.tier_of_boxes = tier_of_boxes
        self.passed_over: list[TierReport] = []
        self.notes: list[str] = []
        """What people should know of the choice, one sentence each."""
        self._forgone: set[Capability] = set()
        self._session = session
        self._limiter = Limiter(session, own_users=tier_of_boxes.own_users)
        self.layers = LayerStore(session, tier_of_boxes, self)
        self._launch = tier_of_boxes.launch(session)
        self._zygote: Zygote | None = None
        self._boxes: set[SandboxBox] = set()
        self._cleaner: asyncio.Task[None] | None = None
        self._closed = False  # No more boxes.
        self._finished = False  # No more helpers either.

    @classmethod
    async def open(cls, tier: Tier, state_dir: Path) -> Self:
        """Start an engine and clean up after those that died.

        :param state_dir: holds layers and boxes; shared with other engines of this user.
        :raises EngineError: if the tier cannot be had here. Only a boot proves that it can.
        """
        engine = cls(tier, Session(state_dir))
        try:
            await tier.prepare(engine._session.state_dir, engine)
        except BaseException:
            await engine.close()
            raise
        engine._session.sweep()
        engine._limiter.sweep()
        engine.layers.collect()
        engine.clean()
        return engine

    @property
    def tier(self) -> str:
        """The tier's name."""
        return self.tier_of_boxes.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the tier can give, and this machine lets it."""
        refused = ALL - self._limiter.capabilities
        return self.tier_of_boxes.capabilities - refused - self._forgone

    def forgo(self, capability: Capability, note: str) -> None:
        """Claim a capability no longer that this machine does not let the tier have.

        :param note: for people: what is missing, and what to do.
        """
        self._forgone.add(capability)
        self.notes.append(note)

    async def boot(self, spec: BoxSpec) -> SandboxBox:
        """Boot a box.

        :raises EngineError: if a step failed (`BootError`, with the step and the errno) or the layer does not
            exist; nothing is left of the box then.
        """
        directory = self._make_directory(spec)
        hold = Hold()
        try:
            hold = self._limiter.hold(spec)
            await self._fill(directory, spec.layer)
            box = SandboxBox(self, spec, directory, hold)
            await box.start()
        except BaseException:
            self._limiter.release(hold)
            self._drop(directory)
            raise
        self._boxes.add(box)
        return box

    def forgo_groups(self) -> bool:
        """Do without control groups from now on. Before the first box.

        :return: whether there were any.
        """
        return self._limiter.forgo_groups()

    async def close(self) -> None:
        """End every box and every helper process, and remove all but the layers. May be repeated."""
        if self._closed:
            return
        self._closed = True
        if self._cleaner is not None:
            self._cleaner.cancel()
            await asyncio.gather(self._cleaner, return_exceptions=True)
        await asyncio.gather(*(box.destroy() for box in list(self._boxes)))
        await self.layers.close()
        self._limiter.close()
        self._session.retire()
        with contextlib.suppress(EngineError, TimeoutError):  # The next engine goes on with it.
            async with asyncio.timeout(_LAST_CLEANING):
                await self._empty_trash()
        self._finished = True
        if self._zygote is not None:
            await self._zygote.close()
        self._session.close()  # Not earlier: it may take a new zygote, which gets the session's descriptors.
        await self.tier_of_boxes.close()

    def zygote(self) -> Zygote:
        """Return the living zygote. A new one is started when the last one died.

        :raises EngineError: if it cannot be started.
        """
        if self._finished:
            raise EngineError("the engine is closed")
        if self._zygote is None or not self._zygote.alive:
            isolation = self.tier_of_boxes.isolation
            self._zygote = Zygote(isolation, self._session.log, (self._session.lock,), self._launch)
        return self._zygote

    async def run(self, task: str, *arguments: Any, streams: Sequence[int] = ()) -> Any:
        """Run a task of `zygote.TASKS` in a helper process and return its result.

        :param streams: descriptors, its last arguments.
        :raises EngineError: if it failed.
        """
        return await self.zygote().run(task, *arguments, streams=streams)

    def forget(self, box: SandboxBox, directory: Path, layer: str | None) -> None:
        """Drop what is left of a destroyed box.

        :param layer: that it stood on.
        """
        self._boxes.discard(box)
        self._limiter.release(box.hold)
        self._drop(directory)
        if layer is not None:
            self.layers.release(layer)

    def clean(self) -> None:
        """Have the trash emptied in the background."""
        if not self._closed and (self._cleaner is None or self._cleaner.done()):
            self._cleaner = asyncio.create_task(self._clean())

    def _make_directory(self, spec: BoxSpec) -> Path:
        directory = self._session.boxes / spec.name
        if self._closed:
            raise EngineError("the engine is closed")
        try:
            directory.mkdir(mode=0o700)
        except OSError as error:
            raise EngineError(
                f"could not make the directory of devbox {spec.name}: {error.strerror}"
            ) from error
        return directory

    async def _fill(self, directory: Path, layer: str | None) -> None:
        """Give a box its first disk."""
        up = directory / "up"
        if layer is not None:
            self.layers.hold(layer, directory)
        if layer is not None and not self.tier_of_boxes.stacked:
            await self.run("copy", str(self.layers.directories(layer)[0]), str(up))
        else:
            up.mkdir(mode=0o700)

    def _drop(self, directory: Path) -> None:
        self._session.discard(directory)
        self.clean()

    async def _clean(self) -> None:
        await asyncio.sleep(0.05)  # Let several come together: a helper costs a fork.
        with contextlib.suppress(EngineError):
            await self._empty_trash()

    async def _empty_trash(self) -> None:
        while names := [str(path) for path in self._session.trash.iterdir()]:
            left = await self.run("remove", names)
            if left:  # Another owner's, which only that owner can remove.
                return
