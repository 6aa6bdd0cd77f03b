"""Builds a blueprint's disk: a box from its base, files, commands, and a layer of what came of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..contract.views.blueprints import BlueprintBuildLog
from .clock import Clock
from .engine.protocol import Box, BoxSpec, Engine
from .errors import ENGINE_ERRORS, as_api_error
from .launch import User
from .setup import SetupError, run_commands, write_files


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build.

    :param layer: the base's; `None` for the machine's own system.
    :param files: what is written before the commands run.
    """

    name: str
    layer: str | None
    user: User
    files: list[tuple[str, str]]
    commands: list[str]


class BuildLog:
    """The last lines of a build's log.

    :param limit: how many lines are kept.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._lines: deque[BlueprintBuildLog] = deque(maxlen=limit)

    def write(self, level: str, message: str) -> None:
        """Add a line."""
        line = BlueprintBuildLog(level=level, message=message, timestamp_ms=self._clock.now_ms())
        self._lines.append(line)

    @property
    def lines(self) -> list[BlueprintBuildLog]:
        """The lines so far."""
        return list(self._lines)


async def build(plan: Plan, engine: Engine, log: BuildLog) -> str | None:
    """Build a blueprint's disk.

    :param log: takes the commands, their output, and what failed.
    :return: the layer, or `None` if a step failed.
    """
    user = plan.user
    try:
        box = await engine.boot(BoxSpec(plan.name, plan.layer, username=user.username, uid=user.uid))
    except ENGINE_ERRORS as error:
        log.write("error", str(as_api_error(error, "boot a devbox to build in")))
        return None
    try:
        layer = await _filled(box, plan, log)
        log.write("info", "the build is complete")
    except SetupError as error:
        log.write("error", str(error))
        return None
    except ENGINE_ERRORS as error:
        log.write("error", str(as_api_error(error, "keep the result of the build")))
        return None
    finally:
        await box.destroy()
    return layer


async def _filled(box: Box, plan: Plan, log: BuildLog) -> str:
    await write_files(box, plan.files)
    await run_commands(box, plan.commands, {}, "system setup command", log.write)
    # What the commands left running does not belong to the disk; without it, freezing is quick.
    await box.suspend()
    await box.resume()
    return await box.freeze()
