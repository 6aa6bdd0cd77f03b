"""Leads a devbox through its life: boot, entrypoint, suspension, lifetime, end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from ..contract.views.devboxes import FailureReason, ShutdownReason
from .agent_mounts import mount_agents
from .bash import login_shell
from .code_mounts import Desk, Fitter, mount_code
from .devboxes import Devbox, Tools
from .engine.protocol import Box, BoxSpec, Engine, EngineError, Limit
from .errors import ENGINE_ERRORS, ApiError, as_api_error, is_full_disk
from .events import Death, Moment
from .executions import Execution
from .launch import check_home
from .limits import limits_of, memory_gib, remarks
from .logbook import LineSink
from .masking import Mask
from .notice import hold
from .object_mounts import mount_objects
from .processes import KILLED, start
from .setup import SetupError, run_commands, write_files
from .space import advice
from .tasks import Tasks
from .timers import Deadline, Idleness

_DEATHS: Mapping[Limit | None, FailureReason] = {Limit.MEMORY: "out_of_memory", Limit.DISK: "out_of_disk"}


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
        self._events = tools.events
        self._tasks = tasks
        self._settings = tools.settings
        self._state_dir = tools.state_dir
        self._policies = tools.policies
        self._desk = Desk(tools.directory, tools.settings)
        self._memory_kills = 0
        self._mask = Mask(devbox.launch.secrets)
        # One change of the box at a time: booting, suspending, freezing, destroying.
        self._turn = asyncio.Lock()
        self._interruptions = 0
        launch = devbox.launch
        lifetime = launch.keep_alive(tools.settings)
        self._lifetime = Deadline(tools.clock, lifetime, self._expired) if lifetime else None
        self._on_boot: list[Callable[[Box], Awaitable[None]]] = []
        self._on_end: list[Callable[[], object]] = []
        self.idleness = Idleness(tools.clock, launch.idle.seconds if launch.idle else None, self._idle)

    def begin(self) -> None:
        """Boot it, in the background."""
        self._events.created(self.devbox.id, self.devbox.name)
        self.keep_alive()
        self._tasks.start(self._boot())

    # Booting

    async def _boot(self) -> None:
        try:
            box = await self._booted()
            if box is not None:
                await self._prepare(box)
        except (*ENGINE_ERRORS, ApiError) as error:
            self._fail_at(str(as_api_error(error, "boot the devbox")), error)
        except SetupError as error:
            self._fail_at(str(error), error)

    def _fail_at(self, message: str, error: Exception) -> None:
        """Fail, with what the error says of the reason."""
        if is_full_disk(error):
            self._fail(f"{message}; {advice(self._state_dir)}", "out_of_disk")
        else:
            self._fail(message, "out_of_memory" if self.memory_ran_out() else "execution_failed")

    async def _booted(self) -> Box | None:
        devbox = self.devbox
        user = devbox.launch.user
        limits = limits_of(devbox.launch.parameters, self._settings.processes)
        guard = self._policies.guard(devbox.launch.network_policy_id, self._refused)
        spec = BoxSpec(
            devbox.id,
            devbox.launch.layer,
            username=user.username,
            uid=user.uid,
            limits=limits,
            guard=guard,
        )
        async with self._turn:
            if devbox.ended:
                return None
            devbox.box = box = await self._engine.boot(spec)
        for remark in remarks(devbox.launch.parameters, self._engine):
            devbox.log.note("stats", remark.text, level=remark.level)
        if devbox.ended:
            return None
        box.ended.add_done_callback(lambda ended: self._died(box, ended))
        devbox.move("initializing")
        return box

    def _refused(self, message: str) -> None:
        self.devbox.log.note("kmsg", message, level="warn")

    async def _prepare(self, box: Box) -> None:
        launch = self.devbox.launch
        for callback in self._on_boot:
            await callback(box)
        await write_files(box, launch.files)
        await mount_objects(box, launch.objects)
        await self._while_alive(self._fit(box))
        await run_commands(
            box,
            launch.commands,
            launch.environment,
            "launch command",
            self._setup_line,
            self.command,
            self._mask,
        )
        if not self.devbox.ended:
            await self._go(box, Moment.BOOT)

    async def _fit(self, box: Box) -> None:
        launch = self.devbox.launch
        fitter = Fitter(box, launch.environment, self._desk, self._setup_line, self.command, self._mask)
        await mount_code(fitter, launch.code)
        await mount_agents(fitter, launch.agents)

    async def _while_alive(self, work: Coroutine[object, object, None]) -> None:
        """Do something that may take minutes outside of the box, and leave it when the devbox ends."""
        doing = asyncio.ensure_future(work)
        if self.devbox.ended:
            doing.cancel()
        self.on_end(doing.cancel)
        try:
            await doing
        except asyncio.CancelledError:
            if not self.devbox.ended:
                raise

    async def _go(self, box: Box, moment: Moment) -> None:
        """Start the entrypoint, and be running.

        :param moment: the step that ends with that.
        """
        await self.at(moment)
        if not self.devbox.ended and self.devbox.launch.entrypoint is not None:
            await self._start_entrypoint(box, self.devbox.launch.entrypoint)
        if not self.devbox.ended:
            self.devbox.move("running")
            self.idleness.watch()
            await self.at(Moment.RUNNING)

    def _setup_line(self, level: str, message: str) -> None:
        self.devbox.log.note("setup_commands", message, level=level)

    async def _start_entrypoint(self, box: Box, command: str) -> None:
        environment = self.devbox.launch.environment
        log = self.devbox.log
        check_home(command, self.devbox.launch.user, self._engine, box.home)
        await self.command(command)
        argv = await login_shell(box, command, environment)
        out = LineSink(lambda line: log.note("entrypoint", line), self._mask)
        err = LineSink(lambda line: log.note("entrypoint", line, level="warn"), self._mask)
        running = await start(box, argv, environment, out, err)
        log.note("entrypoint", f"started: {command}", cmd=command)
        interruptions = self._interruptions

        async def watch() -> None:
            status = await running.finish()
            # One that a suspension or a reset ended may be noticed as late as after it.
            alive = interruptions == self._interruptions
            if alive and self.devbox.status in ("initializing", "running", "resuming"):
                log.note("entrypoint", f"exited with status {status}", cmd=command, exit_code=status)
                if status == KILLED and self.memory_ran_out():
                    self._fail("the entrypoint was killed: its memory was used up", "out_of_memory")
                else:
                    self.end("entrypoint_exit")

        self._tasks.start(watch())

    # What it announces. No lock is held meanwhile, and the devbox may have ended after it.

    async def at(self, moment: Moment) -> None:
        """Return when a step of its life may be shown as done."""
        await self._events.at(self.devbox.id, moment)

    async def command(self, command: str) -> None:
        """Return when a command may start.

        :raises ApiError: if the devbox has ended.
        """
        with self.using():
            await self._events.command(self.devbox.id, command)
        if self.devbox.ended:
            raise self.devbox.refusal("run a command")

    # Ends

    def end(self, reason: ShutdownReason) -> None:
        """Shut the devbox down. Its status says so at once; what it was made of goes in the background.

        No effect on one that has ended.
        """
        if not self.devbox.ended:
            self.devbox.shut_down(reason)
            self.devbox.log.note("setup_commands", f"the devbox was shut down: {reason}")
            self._over()

    def die(self, death: Death) -> bool:
        """End it in the way that a plan of faults wants.

        :return: whether it was alive.
        """
        if self.devbox.ended:
            return False
        if death.status == "shutdown":
            self.end(cast(ShutdownReason, death.reason))
        else:
            message = f"the devbox failed, as the fault plan has it: {death.reason}"
            self._fail(message, cast(FailureReason, death.reason))
        return True

    def _fail(self, message: str, reason: FailureReason = "execution_failed") -> None:
        if not self.devbox.ended:
            self.devbox.log.note("setup_commands", message, level="error")
            self.devbox.fail(reason)
            self._over()

    def _died(self, box: Box, ended: asyncio.Future[str]) -> None:
        if not ended.cancelled() and box is self.devbox.box:
            reason = _DEATHS.get(box.exceeded, "health_check_failed")
            self._fail(f"the devbox ended by itself: {ended.result()}", reason)

    def memory_ran_out(self, execution: Execution | None = None) -> bool:
        """Tell whether the kernel killed processes for memory since this was asked last. The log says so too.

        :param execution: that has just completed.
        """
        kills = self.devbox.box.memory_kills() if self.devbox.box is not None else 0
        new, self._memory_kills = kills - self._memory_kills, kills
        if new > 0:
            victim = execution if execution and execution.exit_status == KILLED else None
            self.devbox.log.note(
                "kmsg",
                f"out of memory: the kernel killed {new} of the devbox's processes, since its"
                f" {memory_gib(self.devbox.launch.parameters)} GiB were used up; ask for a larger size",
                level="error",
                cmd=victim.command if victim else None,
                cmd_id=victim.id if victim else None,
            )
        return new > 0

    def on_boot(self, callback: Callable[[Box], Awaitable[None]]) -> None:
        """Call back with each box that it gets, before anything runs in it.

        :param callback: may raise `ENGINE_ERRORS`, with which the devbox fails.
        """
        self._on_boot.append(callback)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call back once, when the devbox has ended."""
        self._on_end.append(callback)

    def _over(self) -> None:
        self._events.ended(self.devbox.id)
        for callback in self._on_end:
            callback()
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
        self.devbox.log.close()

    # Time

    def keep_alive(self) -> None:
        """Begin the lifetime anew. That of a suspended devbox stands still until it is resumed."""
        if self._lifetime is not None and self.devbox.status not in ("suspending", "suspended"):
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

    @property
    def stay(self) -> int:
        """Which of its stays on a host it is: a suspension or a reset ends one."""
        return self._interruptions

    def suspend(self) -> None:
        """End its processes and keep its disk: in the background.

        :raises ApiError: 400 if it is not running.
        """
        if self.devbox.status != "running":
            raise self.devbox.refusal("suspend it")
        self.devbox.move("suspending")
        self._interruptions += 1
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
        await self.at(Moment.SUSPEND)
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
            await self._go(box, Moment.RESUME)
        except (*ENGINE_ERRORS, ApiError) as error:
            self._fail(str(as_api_error(error, "start the entrypoint")))

    # Reset

    async def reset(self) -> None:
        """Give it another box in place of the one it has, from the same source and prepared as the first.

        That is what makes it clean: nothing of a box outlives it. What it is made of stays, its id, and its
        executions, for those who know their ids.

        :raises ApiError: 400 if it does not run, or does not come up again.
        """
        devbox = self.devbox
        devbox.running_box("reset it")
        devbox.move("provisioning")
        self._interruptions += 1
        self.idleness.rest()
        devbox.executions.kill_queued()
        async with self._turn:
            box, devbox.box = devbox.box, None
            if box is not None:
                await box.destroy()
        if not devbox.ended:
            devbox.begin_anew()
            await self._boot()
        devbox.running_box("reset it")

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
