"""Finds out what a tier can do here, by doing it in a real box that is thrown away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from pytest_runloop.local.engine import remedies
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.limiter import machine_memory
from pytest_runloop.local.engine.protocol import (
    Box,
    BoxSpec,
    Capability,
    Command,
    EngineError,
    Limits,
    Process,
)

_TIMEOUT = 60.0  # seconds, for all of it
_MOST_OUTPUT = 4096  # bytes; less than a pipe holds, so nobody has to read while the command runs
_FEW_FILES = 8
_SOME_PROCESSES = 4096
_FOREIGN_PROC = (
    f"devboxes see this machine's processes in /proc, which is masked here: {remedies.UNMASK_PROC}"
)

_OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses of examples, which are nobody's. No packet goes there: a datagram socket's connect sends none."""
_CONNECT_OUT = """
import socket
with socket.socket({family}, socket.SOCK_DGRAM) as outward, socket.socket() as inward:
    print(outward.connect_ex(("{host}", 9)), inward.connect_ex(("127.0.0.1", {port})) != 0)
"""

_Trial = Callable[[Box, Path], Awaitable[None]]


async def probe(engine: SandboxEngine, outside: Path) -> None:
    """Boot a box, try what the tier promises, and destroy it.

    What a machine may take from a tier that works is taken off the engine's list instead.

    :param outside: a directory that no box may write to, and we may.
    :raises EngineError: naming the first step that failed; `BootError` if it is one of booting.
    """
    try:
        async with asyncio.timeout(_TIMEOUT):
            box = await _booted(engine)
            try:
                for trial in _trials(engine.capabilities):
                    await trial(box, outside)
                if Capability.OWN_PROCESSES in engine.capabilities and not await _has_own_proc(box):
                    engine.forgo(Capability.OWN_PROCESSES, _FOREIGN_PROC)
            finally:
                await box.destroy()
    except TimeoutError:
        raise EngineError(f"a devbox to try things in did not get ready in {_TIMEOUT:.0f} s") from None


async def _booted(engine: SandboxEngine) -> Box:
    """Boot a box with limits, and without where the host permits control groups and refuses to use them."""
    limits = Limits(memory_bytes=machine_memory() // 2, cpus=0.9, processes=_SOME_PROCESSES)
    try:
        return await engine.boot(BoxSpec(f"probe{uuid.uuid4().hex[:6]}", limits=limits))
    except EngineError:
        if not engine.forgo_groups():
            raise
        return await engine.boot(BoxSpec(f"probe{uuid.uuid4().hex[:6]}", limits=limits))


def _trials(capabilities: frozenset[Capability]) -> Iterator[_Trial]:
    yield _run_and_kill
    if Capability.ROOT_USER in capabilities:
        yield _change_the_system
    if Capability.PRIVATE_PORTS in capabilities:
        yield _use_a_network_of_its_own
    if Capability.CONFINED_WRITES in capabilities and Capability.OWN_ROOT not in capabilities:
        yield _write_outside


async def _run_and_kill(box: Box, _: Path) -> None:
    await _expect(box, "write into the home", "echo x >probe && cat probe && rm probe", "x")
    process = await _start(box, "exec sleep 600")
    process.signal(signal.SIGKILL)
    status = await process.wait()
    if status != 128 + signal.SIGKILL:
        raise EngineError(f"a killed command in a devbox ended with status {status}")


async def _change_the_system(box: Box, _: Path) -> None:
    for directory in ("/usr", "/etc"):
        await _expect(
            box, f"create a file in {directory}", f"echo x >{directory}/.probe && rm {directory}/.probe"
        )
    if (lower := _some_directory()) is not None:
        await _expect(box, f"replace {lower}", f"rm -rf '{lower}' && mkdir '{lower}' && ls -A '{lower}'")


async def _has_own_proc(box: Box) -> bool:
    """Tell whether `/proc` numbers processes as the box does: else it is the machine's."""
    status, _ = await _run(box, 'read -r pid _ </proc/self/stat && test "$pid" = $$')
    return status == 0


async def _write_outside(box: Box, outside: Path) -> None:
    target = outside / f"probe{uuid.uuid4().hex[:6]}"
    try:
        await _expect(
            box, "be refused outside", f"if (echo x >'{target}') 2>/dev/null; then echo written; fi"
        )
        if target.exists():
            raise EngineError("a devbox wrote outside of its directory")
    finally:
        target.unlink(missing_ok=True)


async def _use_a_network_of_its_own(box: Box, _: Path) -> None:
    """Try that a box cannot reach our own loopback, and reaches what lies outside as far as we do."""
    for family, host in _OUTSIDE:
        if (code := _connect_out(family, host)) is None:
            continue
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            script = _CONNECT_OUT.format(family=int(family), host=host, port=port)
            await _expect(box, "use a network of its own", f"python -I -S -c '{script}'", f"{code} True")


def _connect_out(family: socket.AddressFamily, host: str) -> int | None:
    """Return the errno of connecting to an address, or `None` where this machine has no such addresses."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as outward:
            return outward.connect_ex((host, 9))
    except OSError:
        return None


def _some_directory() -> Path | None:
    """Return a directory of the machine that is quickly removed in an overlay."""
    for directory in sorted(Path("/usr/share").iterdir()):
        if not directory.is_symlink() and directory.is_dir() and "'" not in directory.name:
            entries = list(os.scandir(directory)) if os.access(directory, os.R_OK | os.X_OK) else []
            if 0 < len(entries) <= _FEW_FILES and all(
                entry.is_file(follow_symlinks=False) for entry in entries
            ):
                return directory
    return None


async def _expect(box: Box, step: str, script: str, output: str = "") -> None:
    status, said = await _run(box, script)
    if status or said != output:
        raise EngineError(f"could not {step} in a devbox: {said or f'exit status {status}'}")


async def _run(box: Box, script: str) -> tuple[int, str]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        process = await _start(box, script, writing)
        status = await process.wait()
        os.set_blocking(reading, False)
        return status, _read(reading)
    finally:
        os.close(reading)
        os.close(writing)


async def _start(box: Box, script: str, output: int | None = None) -> Process:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        out = null if output is None else output
        return await box.spawn(Command(["/bin/sh", "-c", script], box.environment, null, out, out))
    finally:
        os.close(null)


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, _MOST_OUTPUT).decode(errors="replace").strip()
    except BlockingIOError:
        return ""
