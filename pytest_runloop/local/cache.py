"""The layers of build steps, found again by the keys of the steps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from .engine.protocol import Engine
from .records import BlueprintRecord, Records, StepRecord


class LayerCache:
    """What build steps made. A layer stays as long as a blueprint needs it that is not deleted.

    :param records: hold the keys, for all servers of the state directory.
    """

    def __init__(self, records: Records, engine: Engine) -> None:
        self._records = records
        self._engine = engine
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, key: str) -> asyncio.Lock:
        """Return the lock of a step, so that equal builds at the same moment do it once."""
        return self._turns.setdefault(key, asyncio.Lock())

    def prefix(self, keys: Sequence[str], blueprint: str) -> tuple[int, str | None]:
        """Return how many of the first steps need not be done again, and the layer after them.

        :param blueprint: who needs the layers from now on.
        """
        for count in range(len(keys), 0, -1):
            if layer := self._found(keys[count - 1]):
                below = [kept for key in keys[: count - 1] if (kept := self._found(key))]
                self._note_use(blueprint, [*below, layer])
                return count, layer
        return 0, None

    def keep(self, key: str, layer: str, blueprint: str) -> None:
        """Remember what a step made.

        :param blueprint: who needs the layer.
        """
        self._note_use(blueprint, [layer])
        self._records.steps.put(StepRecord(key=key, tier=self._engine.tier, layer=layer))

    def _found(self, key: str) -> str | None:
        record = self._records.steps.get(StepRecord.identifier(self._engine.tier, key))
        if record is None:
            return None
        if not self._engine.layers.exists(record.layer):
            self._records.steps.delete(record.id)
            return None
        return record.layer

    def _note_use(self, blueprint: str, layers: Sequence[str]) -> None:
        with self._records.blueprints.changing(blueprint) as record:
            record.layers = list(dict.fromkeys([*record.layers, *layers]))

    async def release(self, blueprint: BlueprintRecord) -> None:
        """Give up the layers that only this blueprint needs."""
        others = [one for one in self._records.blueprints.all() if one.view.state != "deleted"]
        needed = {layer for one in others if one.id != blueprint.id for layer in (*one.layers, one.layer)}
        own = dict.fromkeys([*blueprint.layers, *filter(None, [blueprint.layer])])
        unneeded = [layer for layer in own if layer not in needed]
        for step in self._records.steps.all():
            if step.layer in unneeded:
                self._records.steps.delete(step.id)
        # From the top, so that each one's files go at once.
        for layer in reversed(unneeded):
            await self._engine.layers.delete(layer)
