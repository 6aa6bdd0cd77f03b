"""Leads a devbox through its life: boot, entrypoint, suspension, lifetime, end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ..contract.views.devboxes import ShutdownReason
from .bash import login_shell
from .devboxes import Devbox, Tools
from .engine.protocol import Box, BoxSpec, Engine, EngineError
from .errors import ENGINE_ERRORS, ApiError, as_api_error
from .launch import check_home
from .logbook import LineSink
from .notice import hold
from .processes import start
from .setup import SetupError, run_commands, write_files
from .tasks import Tasks
from .timers import Deadline, Idleness


class Life:
    """What happens to one devbox.

    :param devbox: whose life it is.
    :param engine: boots its box.
    :param tasks: run what nobody waits for.
    """

    def __init__(self, devbox: Devbox, engine: Engine, tools: Tools, tasks: Tasks) -> None:
        self.devbox = devbox
        self._engine = engine
        self._clock = tools.clock
        self._tasks = tasks
        # One change of the box at a time: booting, suspending, freezing, destroying.
        self._turn = asyncio.Lock()
        launch = devbox.launch
        lifetime = launch.keep_alive(tools.settings)
        self._lifetime = Deadline(tools.clock, lifetime, self._expired) if lifetime else None
        self.idleness = Idleness(tools.clock, launch.idle.seconds if launch.idle else None, self._idle)

    def begin(self) -> None:
        """Boot it, in the background."""
        self.keep_alive()
        self._tasks.start(self._boot())

    # Booting

    async def _boot(self) -> None:
        try:
            box = await self._booted()
            if box is not None:
                await self._prepare(box)
        except (*ENGINE_ERRORS, ApiError) as error:
            self._fail(str(as_api_error(error, "boot the devbox")))
        except SetupError as error:
            self._fail(str(error))

    async def _booted(self) -> Box | None:
        devbox = self.devbox
        user = devbox.launch.user
        spec = BoxSpec(devbox.id, devbox.launch.layer, username=user.username, uid=user.uid)
        async with self._turn:
            if devbox.ended:
                return None
            devbox.box = box = await self._engine.boot(spec)
        if devbox.ended:
            return None
        box.ended.add_done_callback(self._died)
        devbox.move("initializing")
        return box

    async def _prepare(self, box: Box) -> None:
        launch = self.devbox.launch
        await write_files(box, launch.files)
        await run_commands(box, launch.commands, launch.environment, "launch command", self._setup_line)
        if not self.devbox.ended:
            await self._go(box)

    async def _go(self, box: Box) -> None:
        """Start the entrypoint, and be running."""
        if self.devbox.launch.entrypoint is not None:
            await self._start_entrypoint(box, self.devbox.launch.entrypoint)
        if not self.devbox.ended:
            self.devbox.move("running")
            self.idleness.watch()

    def _setup_line(self, level: str, message: str) -> None:
        self.devbox.log.note("setup_commands", message, level=level)

    async def _start_entrypoint(self, box: Box, command: str) -> None:
        environment = self.devbox.launch.environment
        log = self.devbox.log
        check_home(command, self.devbox.launch.user, self._engine, box.home)
        argv = await login_shell(box, command, environment)
        out = LineSink(lambda line: log.note("entrypoint", line))
        err = LineSink(lambda line: log.note("entrypoint", line, level="warn"))
        running = await start(box, argv, environment, out, err)
        log.note("entrypoint", f"started: {command}", cmd=command)

        async def watch() -> None:
            status = await running.finish()
            if self.devbox.status in ("initializing", "running", "resuming"):
                log.note("entrypoint", f"exited with status {status}", cmd=command, exit_code=status)
                self.end("entrypoint_exit")

        self._tasks.start(watch())

    # Ends

    def end(self, reason: ShutdownReason) -> None:
        """Shut the devbox down. Its status says so at once; what it was made of goes in the background.

        No effect on one that has ended.
        """
        if not self.devbox.ended:
            self.devbox.shut_down(reason)
            self.devbox.log.note("setup_commands", f"the devbox was shut down: {reason}")
            self._tasks.start(self._clean_up())

    def _fail(self, message: str) -> None:
        if not self.devbox.ended:
            self.devbox.log.note("setup_commands", message, level="error")
            self.devbox.fail("execution_failed")
            self._tasks.start(self._clean_up())

    def _died(self, ended: asyncio.Future[str]) -> None:
        if not ended.cancelled() and not self.devbox.ended:
            message = f"the devbox ended by itself: {ended.result()}"
            self.devbox.log.note("setup_commands", message, level="error")
            self.devbox.fail("health_check_failed")
            self._tasks.start(self._clean_up())

    async def _clean_up(self) -> None:
        self.idleness.rest()
        if self._lifetime is not None:
            self._lifetime.stop()
        self.devbox.executions.kill_queued()
        async with self._turn:
            if self.devbox.box is not None:
                await self.devbox.box.destroy()
                self.devbox.box = None

    # Time

    def keep_alive(self) -> None:
        """Begin the lifetime anew."""
        if self._lifetime is not None:
            self._lifetime.restart()

    def _expired(self) -> None:
        self.end("keep_alive_timeout")

    def _idle(self) -> None:
        idle = self.devbox.launch.idle
        if idle is None or self.devbox.status != "running":
            return
        if idle.action == "suspend":
            self.suspend()
        else:
            self.end("idle")

    @contextmanager
    def using(self) -> Iterator[None]:
        """Keep the devbox from being idle."""
        self.idleness.begin_use()
        try:
            yield
        finally:
            self.idleness.end_use()

    # Suspension

    def suspend(self) -> None:
        """End its processes and keep its disk: in the background.

        :raises ApiError: 400 if it is not running.
        """
        if self.devbox.status != "running":
            raise self.devbox.refusal("suspend it")
        self.devbox.move("suspending")
        self.idleness.rest()
        if self._lifetime is not None:
            self._lifetime.stop()
        self.devbox.executions.kill_queued()
        self._tasks.start(self._suspend())

    async def _suspend(self) -> None:
        async with self._turn:
            if self.devbox.status != "suspending" or self.devbox.box is None:
                return
            try:
                await self.devbox.box.suspend()
            except EngineError as error:
                self._fail(f"the devbox could not be suspended: {error}")
                return
        if not self.devbox.ended:
            self.devbox.shells.clear()
            self.devbox.move("suspended")

    async def resume(self, seconds: float) -> None:
        """Boot it again on its disk.

        :param seconds: how long to wait until it is running. Clients take the status `resuming` for
            an error, so nobody should see it for longer than a boot takes.
        :raises ApiError: 400 if it is not suspended.
        """
        devbox = self.devbox
        if devbox.status != "suspended":
            message = f"cannot resume it: devbox {devbox.id} is in status `{devbox.status}`, not `suspended`"
            raise ApiError(400, "devbox_not_suspended", message)
        devbox.move("resuming")
        self.keep_alive()
        self._tasks.start(self._resume())
        await hold(self._clock, devbox.changed, lambda: devbox.status != "resuming", seconds)

    async def _resume(self) -> None:
        async with self._turn:
            box = self.devbox.box
            if self.devbox.status != "resuming" or box is None:
                return
            try:
                await box.resume()
            except ENGINE_ERRORS as error:
                self._fail(f"the devbox could not be resumed: {error}")
                return
        try:
            await self._go(box)
        except (*ENGINE_ERRORS, ApiError) as error:
            self._fail(str(as_api_error(error, "start the entrypoint")))

    # Snapshots

    async def freeze(self) -> str:
        """Take the disk's state as a layer. A suspended devbox is one again afterwards.

        :raises ApiError: 400 if it is neither running nor suspended.
        :raises EngineError, OSError: if it could not be done.
        """
        async with self._turn:
            box = self.devbox.box
            if box is None or self.devbox.status not in ("running", "suspended"):
                raise self.devbox.refusal("take a snapshot")
            if self.devbox.status == "running":
                return await box.freeze()
            await box.resume()
            try:
                return await box.freeze()
            finally:
                await box.suspend()
