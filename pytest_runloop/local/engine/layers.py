"""Layers: frozen disks of boxes, immutable and persistent.

    layers/lock
    layers/ID/meta.json     the tier, the parent, and whether the chain ends in a whole root;
                            it is written before the layer gets its name
    layers/ID/up/           the files, in a directory for each overlay of a box
    layers/ID/flat/         the files of the whole chain from here down, once the chain was long
    layers/ID/dropped       nobody wants it any more, but something stands on it

A layer that is not complete lies in its engine's session, and goes with it. A box notes what it stands on
by a symbolic link `layer` in its directory, so that engines of other processes, which share the layers, can
see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_runloop.local.engine.protocol import Capability, CapabilityError, EngineError
from pytest_runloop.local.engine.sessions import Session
from pytest_runloop.local.engine.tiers import Helpers, Tier
from pytest_runloop.local.locks import locked

_LONG_CHAIN = 16
"""From here on a chain is merged into one directory, beside the box's way. Lookups of files that do not exist
cost one look in every layer."""
_LONGEST_CHAIN = 48
"""Nobody boots from a longer one: the way waits for the merge."""


@dataclass(frozen=True, slots=True)
class _Meta:
    tier: str
    parent: str | None
    whole: bool = False


class LayerStore:
    """The layers of one state directory, as one engine sees them.

    :param session: of the engine.
    :param tier: only layers of this tier exist for the engine.
    :param helpers: do the work on files.
    """

    def __init__(self, session: Session, tier: Tier, helpers: Helpers) -> None:
        self._session = session
        self._root = session.layers
        self._tier = tier.name
        self._capabilities = tier.capabilities
        self._helpers = helpers
        self._metas: dict[str, _Meta] = {}
        self._sizes: dict[str, int] = {}
        self._merge: asyncio.Task[None] | None = None

    def exists(self, layer: str) -> bool:
        """Tell whether a box of this engine can be booted from this layer."""
        meta = self._meta(layer)
        return meta is not None and meta.tier == self._tier and not self._dropped(layer)

    async def size(self, layer: str) -> int:
        """Return the bytes that this layer adds to those below it; 0 if it does not exist.

        Reads all of the layer's directories the first time.
        """
        if layer not in self._sizes and self._meta(layer) is not None:
            self._sizes[layer] = await self._helpers.run("size", str(self._root / layer / "up"))
        return self._sizes.get(layer, 0)

    async def delete(self, layer: str) -> None:
        """Give a layer up. Its files go when no box and no other layer stands on it any more."""
        if self._meta(layer) is None:
            return
        with self._locked():
            (self._root / layer / "dropped").touch()
        self.collect()

    def is_whole(self, layer: str | None) -> bool:
        """Tell whether a layer stands on a whole root, and not on the machine's own system."""
        meta = self._meta(layer) if layer is not None else None
        return meta is not None and meta.whole

    def directories(self, layer: str | None) -> list[Path]:
        """Return the directories to stack for a layer, nearest first."""
        found: list[Path] = []
        while layer is not None:
            directory = self._root / layer
            if (directory / "flat").is_dir():
                return [*found, directory / "flat"]
            found.append(directory / "up")
            meta = self._meta(layer)
            layer = meta.parent if meta else None
        return found

    async def stack(self, layer: str | None) -> list[Path]:
        """Return the directories to boot on, as `directories`, and merge first where they are too many.

        :raises EngineError: if that failed.
        """
        found = self.directories(layer)
        if layer is None or len(found) <= _LONGEST_CHAIN:
            return found
        if self._merge is not None:
            await asyncio.wait([self._merge])
        if len(self.directories(layer)) > _LONGEST_CHAIN:
            await self._flatten(layer)
        return self.directories(layer)

    def hold(self, layer: str, box: Path) -> None:
        """Note in a box's directory that the box stands on this layer.

        :raises EngineError: if there is no such layer.
        """
        with self._locked():
            if not self.exists(layer):
                raise EngineError(f"there is no layer {layer} of the {self._tier} tier")
            point(layer, box)

    async def import_root(self, write: Callable[[int], Awaitable[None]]) -> str:
        """Make a layer of the whole root of an image. As `protocol.Layers.import_root`."""
        if Capability.OWN_ROOT not in self._capabilities:
            raise CapabilityError(Capability.OWN_ROOT, self._tier, "the file system of an image")

        async def fill(draft: Path) -> None:
            (draft / "up").mkdir(mode=0o700)
            await self._unpack(draft / "up" / "root", write)

        try:
            return await self.add(None, fill, whole=True)
        except OSError as error:
            raise EngineError(f"could not keep the file system of an image: {error.strerror}") from error

    def is_root(self, layer: str) -> bool:
        """Tell whether it is the whole root of an image. As `protocol.Layers.is_root`."""
        meta = self._meta(layer)
        return meta is not None and meta.whole and meta.parent is None

    async def read_root(self, layer: str, sources: Sequence[str], out: int) -> str:
        """Write parts of the root of an image. As `protocol.Layers.read_root`."""
        root = self._root / layer / "up" / "root"
        missing: str = await self._helpers.run("pack_root", str(root), list(sources), streams=(out,))
        return missing

    async def _unpack(self, target: Path, write: Callable[[int], Awaitable[None]]) -> None:
        reading, writing = os.pipe()

        async def unpack() -> str:
            try:
                refusal: str = await self._helpers.run("unpack_root", str(target), streams=(reading,))
            finally:
                os.close(reading)  # Whoever goes on writing learns of it.
            return refusal

        async def feed() -> None:
            try:
                await write(writing)
            finally:
                os.close(writing)

        refusal, failure = await asyncio.gather(unpack(), feed(), return_exceptions=True)
        for error in (refusal, failure):  # If the first one fails, the second cannot but fail.
            if isinstance(error, BaseException):
                raise error
        if refusal:
            raise EngineError(f"the file system of the image is refused: {refusal}")

    async def add(
        self, parent: str | None, fill: Callable[[Path], Awaitable[None]], *, whole: bool = False
    ) -> str:
        """Make a new layer.

        :param parent: the layer below, which the caller's box keeps; `None` for one that stands on none.
        :param fill: puts `up` into the directory given, or leaves everything as it was.
        :param whole: it is a whole root; one that stands on such a layer is so anyway.
        :return: the new layer's id.
        """
        layer = uuid.uuid4().hex[:12]
        draft = self._session.directory / layer
        draft.mkdir(mode=0o700)
        try:
            meta = _Meta(self._tier, parent, whole or self.is_whole(parent))
            (draft / "meta.json").write_text(json.dumps(asdict(meta)))
            await fill(draft)
        except BaseException:
            self._session.discard(draft)
            raise
        with self._locked():
            draft.rename(self._root / layer)
        self._merge_if_long(layer)
        return layer

    def _merge_if_long(self, layer: str) -> None:
        merging = self._merge is not None and not self._merge.done()
        if not merging and len(self.directories(layer)) >= _LONG_CHAIN:
            self._merge = asyncio.create_task(self._flatten_if_possible(layer))

    async def _flatten_if_possible(self, layer: str) -> None:
        with contextlib.suppress(EngineError):  # A long chain does too. Part of it may have been deleted.
            await self._flatten(layer)

    async def close(self) -> None:
        """Give up work in the background."""
        if self._merge is not None:
            self._merge.cancel()
            await asyncio.wait([self._merge])

    async def _flatten(self, layer: str) -> None:
        """Merge a layer with all below it into one directory, which boxes stand on from then on."""
        draft = self._session.directory / f"flat-{uuid.uuid4().hex}"
        chain = [str(directory) for directory in self.directories(layer)]
        try:
            await self._helpers.run("merge", chain, str(draft))
            with self._locked():
                flat = self._root / layer / "flat"
                if self._meta(layer) is not None and not flat.exists():
                    draft.rename(flat)
        finally:
            self._session.discard(draft)

    def release(self, layer: str) -> None:
        """Take note that a box does not stand on a layer any more."""
        if self._dropped(layer):
            self.collect()

    def collect(self) -> None:
        """Move dropped layers that nothing stands on to the trash."""
        with self._locked():
            metas = {name: meta for name in self._names() if (meta := self._meta(name)) is not None}
            links = [box / "layer" for box in self._session.all_boxes()]
            used = {link.readlink().name for link in links if link.is_symlink()}
            while unused := self._unused(metas, used):
                for layer in unused:
                    self._session.discard(self._root / layer)
                    del metas[layer], self._metas[layer]

    def _unused(self, metas: dict[str, _Meta], used: set[str]) -> list[str]:
        parents = {meta.parent for meta in metas.values()}
        return [layer for layer in metas if layer not in used | parents and self._dropped(layer)]

    def _dropped(self, layer: str) -> bool:
        return (self._root / layer / "dropped").exists()

    def _names(self) -> list[str]:
        return [entry.name for entry in self._root.iterdir() if entry.is_dir()]

    def _meta(self, layer: str) -> _Meta | None:
        """Return what a layer says of itself; `None` if it does not exist. Only deletion changes it."""
        if not layer.isalnum():  # It may come from anywhere, and becomes a path.
            return None
        path = self._root / layer / "meta.json"
        if layer not in self._metas and path.is_file():
            fields = json.loads(path.read_text())
            self._metas[layer] = _Meta(**fields)
        return self._metas.get(layer) if path.is_file() else None

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._root / "lock")


def point(layer: str, box: Path) -> None:
    """Note, or note anew, what a box stands on."""
    new = box / ".layer"
    new.symlink_to(layer)
    new.rename(box / "layer")
