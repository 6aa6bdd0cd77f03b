"""A box of any tier, as the server sees it: the asyncio side of `protocol.Box` and `protocol.Process`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_runloop.local.engine.channel import Channel, ChannelEndedError
from pytest_runloop.local.engine.connecting import LOOPBACK, NOBODY_THERE, check_port, connected
from pytest_runloop.local.engine.counters import Counters
from pytest_runloop.local.engine.disk_watch import DiskWatch
from pytest_runloop.local.engine.gate import Gate
from pytest_runloop.local.engine.launcher import BootError, Forked, OnNote, Zygote
from pytest_runloop.local.engine.layers import point
from pytest_runloop.local.engine.limiter import Hold
from pytest_runloop.local.engine.protocol import (
    BoxGoneError,
    BoxSpec,
    Capability,
    CapabilityError,
    Command,
    EngineError,
    Limit,
)
from pytest_runloop.local.engine.sentry import Sentry
from pytest_runloop.local.engine.wire import Message

if TYPE_CHECKING:
    from pytest_runloop.local.engine.engine import SandboxEngine

_DROP_TIMEOUT = 0.0015  # seconds; enough for a box of a few files


class SandboxProcess:
    """A process that a box's agent started.

    :param pid: as the box numbers it.
    :param channel: to the agent.
    """

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self._channel = channel
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Return the exit status, 128+n after a signal. May be awaited any number of times."""
        return await asyncio.shield(self._status)

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the process, or to its whole group. No error if it is gone."""
        self._channel.send({"op": "signal", "pid": self.pid, "number": number, "group": group})

    def end(self, status: int) -> None:
        """Take the wait status."""
        if not self._status.done():
            code = os.waitstatus_to_exitcode(status)
            self._status.set_result(128 - code if code < 0 else code)


class SandboxDraft:
    """A file that is being written beside the one that it will replace. Made by `SandboxBox.draft`.

    :param number: of the agent's for it; `None` if it is the file itself.
    :param descriptor: to write to; this object owns it.
    """

    def __init__(self, box: SandboxBox, number: int | None, descriptor: int) -> None:
        self.descriptor = descriptor
        self._box = box
        self._number = number

    async def keep(self) -> None:
        """Put it in its place, whole. As `protocol.Draft.keep`."""
        try:
            if self._number is not None:
                await self._box.keep_draft(self._number)
                self._number = None
        finally:
            self.drop()

    def drop(self) -> None:
        """Remove it. No error if it was kept, or is gone with its box."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        if self._number is not None:
            self._box.drop_draft(self._number)
            self._number = None


class SandboxBox:
    """A running sandbox.

    :param engine: that boots it.
    :param spec: what it is.
    :param directory: its own, made already; `up` in it is its disk.
    :param hold: keeps it to its limits.
    """

    home: str
    environment: Mapping[str, str]

    def __init__(self, engine: SandboxEngine, spec: BoxSpec, directory: Path, hold: Hold) -> None:
        self.spec = spec
        self.hold = hold
        self.exceeded: Limit | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._engine = engine
        self._directory = directory
        self._layer = spec.layer if engine.tier_of_boxes.stacked else None
        self._gate = Gate()
        self._processes: dict[int, SandboxProcess] = {}
        self._early: dict[int, int] = {}
        self._opened: list[tuple[int, os.stat_result]] = []
        self._agent: Forked | None = None
        self._counters = Counters()
        self._mementos: list[int] = []
        self._sentry: Sentry | None = None
        self._own_layers: list[str] = []  # What it wrote before its snapshots.
        self._watching: asyncio.Task[None] | None = None
        self._dropping: asyncio.Future[None] | None = None
        self._gone = "it was not booted"
        self._last_words: Callable[[], str] = str
        self._destroyed = False

    async def start(self, *, reboot: bool = False) -> None:
        """Boot on the disk as it is.

        :param reboot: the box goes on after a snapshot.
        :raises BootError: if a step failed.
        """
        plan = await self._plan(reboot=reboot)
        zygote = self._engine.zygote()
        first: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def on_note(message: Message, descriptors: list[int]) -> None:
            if "exited" in message:
                self._note_exit(message["exited"], message["status"])
            elif not first.done():
                self._mementos = descriptors
                first.set_result(message)
            else:  # The caller was cancelled.
                _close_all(descriptors)

        def on_end() -> None:
            if not first.done():
                first.set_result({"failed": "boot a devbox", "errno": 0})
            else:
                self._dying = asyncio.ensure_future(self._die(agent))

        agent = self._boot(zygote, plan, on_note, on_end)
        self.home, self.environment = await self._await_agent(agent, first, zygote.last_words)
        self._agent, self._gone, self._last_words = agent, "", zygote.last_words
        self._watch_disk()
        await self._serve_again()

    async def _plan(self, *, reboot: bool) -> Message:
        layers = await self._engine.layers.stack(self._layer)
        whole = self._engine.layers.is_whole(self._layer)
        plan = self._engine.tier_of_boxes.plan(self.spec, self._directory, layers, reboot=reboot, whole=whole)
        return {**plan, "bounds": self.hold.plan()}

    def _boot(self, zygote: Zygote, plan: Message, on_note: OnNote, on_end: Callable[[], None]) -> Forked:
        """Have it booted, with somebody to ask where it may connect to if it is guarded."""
        if self.spec.guard is None:
            return zygote.boot(self.spec.name, plan, on_note, on_end)
        self._sentry = Sentry(self.spec.guard)
        try:
            with self._sentry.lent() as line:
                return zygote.boot(self.spec.name, plan, on_note, on_end, line)
        except BaseException:
            self._let_go()
            raise

    async def _await_agent(
        self, agent: Forked, first: asyncio.Future[Message], last_words: Callable[[], str]
    ) -> tuple[str, Mapping[str, str]]:
        try:
            message = await first
            if "failed" in message:
                raise BootError(message["failed"], message["errno"], last_words())
            if self._sentry is not None:
                await self._sentry.listen([self._mementos.pop() for _ in range(message["listeners"])])
        except BaseException:
            await agent.kill()
            self._let_go()
            raise
        return message["home"], message["environment"]

    def memory_kills(self) -> int:
        """Return how many of its processes were killed for memory. As `protocol.Box.memory_kills`."""
        return self.hold.group.memory_kills() if self.spec.limits.memory_bytes is not None else 0

    async def spawn(self, command: Command) -> SandboxProcess:
        """Start a process. As `protocol.Box.spawn`."""
        message = {
            "op": "spawn",
            "argv": list(command.argv),
            "environment": dict(command.environment),
            "cwd": command.cwd,
            "ids": None if command.ids is None else asdict(command.ids),
        }
        async with self._gate.shared():
            channel = self._living()

            def unwanted(answer: Message) -> None:
                if "result" in answer:
                    self._adopt(answer["result"], channel).signal(signal.SIGKILL, group=True)

            descriptors = (command.stdin, command.stdout, command.stderr)
            pid, _ = await self._ask(message, descriptors, unwanted)
            assert isinstance(pid, int)
            return self._adopt(pid, channel)

    async def signal_foreground(self, terminal: int, number: int) -> None:
        """Signal what is in the foreground of a terminal. As `protocol.Box.signal_foreground`."""
        async with self._gate.shared():
            await self._ask({"op": "signal_foreground", "number": number}, (terminal,))

    async def open(self, path: str, flags: int, mode: int = 0o644, *, parents: bool = False) -> int:
        """Open a file inside the box. As `protocol.Box.open`."""
        message = {"op": "open", "path": path, "flags": flags, "mode": mode, "parents": parents}
        async with self._gate.shared():
            _, given = await self._ask(message)
        if not given:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        descriptor = given[0]
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._opened.append((descriptor, os.fstat(descriptor)))
        return descriptor

    async def connect(self, port: int) -> socket.socket:
        """Connect to a port inside. As `protocol.Box.connect`."""
        check_port(port)
        for host in LOOPBACK:
            try:
                return await connected(await self._begin_connection(host, port), host, port)
            except OSError as error:
                if error.errno not in NOBODY_THERE:
                    raise
        text = f"nothing listens on port {port} of devbox {self.spec.name}"
        raise ConnectionRefusedError(errno.ECONNREFUSED, text)

    async def _begin_connection(self, host: str, port: int) -> socket.socket:
        async with self._gate.shared():
            _, given = await self._ask({"op": "connect", "host": host, "port": port})
        if not given:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        connection = socket.socket(fileno=given[0])
        connection.setblocking(False)  # It is already, but Python asks nobody.
        return connection

    async def serve(self, port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Serve a port inside. As `protocol.Box.serve`."""
        check_port(port)
        async with self._gate.shared():
            await self._counters.open(await self._bind(port), protocol)
            self._counters.remember(port, protocol)

    async def _serve_again(self) -> None:
        """Serve what was served before the box was booted again.

        :raises EngineError: if a port is taken meanwhile: where boxes share those of this machine.
        """
        try:
            for port, protocol in self._counters.all():
                await self._counters.open(await self._bind(port), protocol)
        except OSError as error:
            await self._stop("a port that is served from outside was taken")
            raise EngineError(f"could not serve a port of {self.spec.name}: {error.strerror}") from error

    async def _bind(self, port: int) -> socket.socket:
        _, given = await self._ask({"op": "bind", "host": LOOPBACK[0], "port": port})
        if not given:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(fileno=given[0])

    async def draft(self, path: str, mode: int = 0o644) -> SandboxDraft:
        """Begin to write a file. As `protocol.Box.draft`."""

        def unwanted(answer: Message) -> None:
            if answer.get("result") is not None:
                self.drop_draft(answer["result"])

        async with self._gate.shared():
            number, given = await self._ask({"op": "draft", "path": path, "mode": mode}, (), unwanted)
        if not given:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        assert number is None or isinstance(number, int)
        self._opened.append((given[0], os.fstat(given[0])))
        return SandboxDraft(self, number, given[0])

    async def keep_draft(self, number: int) -> None:
        """Put a draft in its place. For `SandboxDraft`.

        :raises OSError: if that is refused.
        """
        async with self._gate.shared():
            await self._ask({"op": "keep", "number": number})

    def drop_draft(self, number: int) -> None:
        """Remove a draft, if the box is there. For `SandboxDraft`."""
        if self._agent is not None:
            self._agent.channel.send({"op": "drop", "number": number})

    async def freeze(self) -> str:
        """Take the disk's state as a new layer. As `protocol.Box.freeze`.

        A caller who is cancelled leaves a box that goes on, and no layer.

        :raises EngineError: if the disk refused.
        """
        freezing = asyncio.create_task(self._freeze())
        try:
            return await asyncio.shield(freezing)
        except asyncio.CancelledError:
            freezing.add_done_callback(self._drop_layer)
            raise
        except OSError as error:
            raise EngineError(f"could not take a snapshot of {self.spec.name}: {error.strerror}") from error

    async def _freeze(self) -> str:
        async with self._gate.exclusive():
            self._living()
            stacked = self._engine.tier_of_boxes.stacked
            idle, _ = await self._ask({"op": "idle"}) if stacked else (False, [])
            if idle and not self._being_written():
                return await self._freeze_by_reboot()
            return await self._freeze_by_copy()

    def _drop_layer(self, freezing: asyncio.Task[str]) -> None:
        if not freezing.cancelled() and freezing.exception() is None:
            self._dropping_layer = asyncio.ensure_future(self._engine.layers.delete(freezing.result()))

    async def _freeze_by_copy(self) -> str:
        await self._ask({"op": "stop"})
        try:
            return await self._engine.layers.add(self._layer, self._copy)
        finally:
            with contextlib.suppress(BoxGoneError):
                await self._ask({"op": "go_on"})

    async def suspend(self) -> None:
        """End all processes and keep the disk."""
        async with self._gate.exclusive():
            self._living()
            await self._stop("it is suspended")

    async def resume(self) -> None:
        """Boot again on the kept disk."""
        async with self._gate.exclusive():
            if self._destroyed or self.ended.done():
                raise BoxGoneError(f"devbox {self.spec.name} cannot be resumed: {self._gone}")
            if self._agent is None:
                await self.start()

    async def destroy(self) -> None:
        """End all processes and drop the disk. May be repeated."""
        self._destroyed = True
        await self._stop("it was destroyed")
        async with self._gate.exclusive():
            await self._stop("it was destroyed")  # A freeze or a resume may have booted it again.
        self._engine.forget(self, self._directory, self._layer or self.spec.layer)

    async def _stop(self, why: str) -> None:
        """Kill the box and wait until the kernel is done with it."""
        self._gone = why
        self._watch_no_more()
        self._counters.close()
        agent, self._agent = self._agent, None
        if agent is not None:
            await agent.kill()
        self._end_processes()
        self._let_go()

    async def _die(self, agent: Forked) -> None:
        """The box ended by itself: find out why."""
        self._agent, self._gone = None, "it is ending"
        self._watch_no_more()
        self._counters.close()
        status = await agent.ended()
        self._gone = _reason(status, self._last_words)
        if status is not None and _was_killed(status) and self.memory_kills():
            self.exceeded = Limit.MEMORY
            self._gone += ", because the memory of the devbox was used up"
        self._end_processes()
        self._let_go()
        if not self.ended.done():
            self.ended.set_result(self._gone)

    # The disk

    def _watch_disk(self) -> None:
        most = self.spec.limits.disk_bytes
        if most is not None:
            watch = DiskWatch(self._directory, most, self._written)
            self._watching = asyncio.create_task(self._end_when_full(watch, most))

    def _watch_no_more(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None and watching is not asyncio.current_task():
            watching.cancel()

    async def _end_when_full(self, watch: DiskWatch, most: int) -> None:
        written = await watch.exceeded()
        self.exceeded = Limit.DISK
        await self._stop(f"it wrote {written:,} bytes, and its disk has {most:,}")
        if not self.ended.done():
            self.ended.set_result(self._gone)

    async def _written(self) -> int:
        """Return how many bytes it wrote, looking at all its files."""
        layers = self._engine.layers
        below = [await layers.size(layer) for layer in self._own_layers]
        above: int = await self._engine.run("size", str(self._directory / "up"))
        copied = self.spec.layer if not self._engine.tier_of_boxes.stacked else None
        return above + sum(below) - (await layers.size(copied) if copied else 0)

    def _note_exit(self, pid: int, status: int) -> None:
        if pid in self._processes:
            self._processes.pop(pid).end(status)
        else:  # The caller of `spawn` has the answer but did not run yet.
            self._early[pid] = status

    def _end_processes(self) -> None:
        for process in self._processes.values():
            process.end(signal.SIGKILL)
        self._processes.clear()
        self._early.clear()

    def _let_go(self) -> None:
        """Let the kernel drop what it kept for us. It takes its time, which nobody has to wait for."""
        sentry, self._sentry = self._sentry, None
        if sentry is not None:
            sentry.close()
        if self._mementos:
            self._dropping = asyncio.get_running_loop().run_in_executor(None, _close_all, self._mementos)
            self._mementos = []

    async def _freeze_by_reboot(self) -> str:
        """Take the disk itself as the layer, and boot on top of it.

        An overlay goes on writing into its upper directory wherever that was moved, so it has to go first.
        """
        await self._stop("it is being rebooted for a snapshot")
        if self._dropping is not None:
            # The kernel grumbles when a layer still belongs to a mount, and no more than that.
            await asyncio.wait([self._dropping], timeout=_DROP_TIMEOUT)
        try:
            layer = await self._engine.layers.add(self._layer, self._move)
            point(layer, self._directory)
            self._layer = layer
            self._own_layers.append(layer)
        finally:
            await self._boot_again()
        return layer

    async def _boot_again(self) -> None:
        try:
            await self.start(reboot=True)
        except EngineError as error:
            self._gone = f"it could not be rebooted after a snapshot: {error}"
            if not self._destroyed:
                self.ended.set_result(self._gone)

    async def _move(self, draft: Path) -> None:
        (self._directory / "up").rename(draft / "up")

    async def _copy(self, draft: Path) -> None:
        await self._engine.run("copy", str(self._directory / "up"), str(draft / "up"))

    def _being_written(self) -> bool:
        """Tell whether the caller still holds a descriptor of ours that it can write to."""
        self._opened = [(number, before) for number, before in self._opened if _still_open(number, before)]
        return bool(self._opened)

    def _adopt(self, pid: int, channel: Channel) -> SandboxProcess:
        process = SandboxProcess(pid, channel)
        if pid in self._early:
            process.end(self._early.pop(pid))
        else:
            self._processes[pid] = process
        return process

    def _living(self) -> Channel:
        if self._agent is None:
            raise BoxGoneError(f"devbox {self.spec.name} is not running: {self._gone}")
        return self._agent.channel

    async def _ask(
        self,
        message: Message,
        descriptors: tuple[int, ...] = (),
        unwanted: Callable[[Message], None] = lambda _: None,
    ) -> tuple[object, list[int]]:
        try:
            answer, given = await self._living().request(message, descriptors, unwanted)
        except ChannelEndedError:
            raise BoxGoneError(f"devbox {self.spec.name} ended meanwhile: {self._gone}") from None
        if "lacking" in answer:
            raise CapabilityError(Capability(answer["lacking"]), self._engine.tier, answer["what"])
        if "errno" in answer:
            number = answer["errno"]
            raise OSError(number, os.strerror(number), answer["file"])
        return answer["result"], given


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _reason(status: int | None, last_words: Callable[[], str]) -> str:
    if status is None:
        words = last_words()
        return "the zygote, which holds all devboxes, died" + (f": {words}" if words else "")
    code = os.waitstatus_to_exitcode(status)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
    return f"its first process {how}"


def _was_killed(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _still_open(number: int, before: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(number), before)
    except OSError:
        return False
