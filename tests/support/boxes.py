"""Commands in boxes of any engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from pytest_runloop.local.engine.protocol import Box, Command, Process


async def start(
    box: Box,
    script: str,
    *,
    stdout: int | None = None,
    cwd: str = "",
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a bash script in a box, with nothing to read and, unless told where to, nowhere to write."""
    null = os.open(os.devnull, os.O_RDWR)
    out = null if stdout is None else stdout
    try:
        return await box.spawn(
            Command(["bash", "-c", script], environment or box.environment, null, out, out, cwd)
        )
    finally:
        os.close(null)


async def run(
    box: Box, script: str, *, cwd: str = "", environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a bash script in a box and return its exit status and its output of both kinds."""
    reading, writing = os.pipe()
    try:
        process = await start(box, script, stdout=writing, cwd=cwd, environment=environment)
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as output:
        said = await asyncio.to_thread(output.read)
    return await process.wait(), said.decode()


async def say(box: Box, script: str) -> str:
    """Run a bash script that must succeed, and return what it said."""
    status, said = await run(box, script)
    assert status == 0, said
    return said.strip()


async def put(box: Box, path: str, content: bytes, *, parents: bool = False) -> None:
    """Write a file by `Box.open`."""
    descriptor = await box.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, parents=parents)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


async def get(box: Box, path: str) -> bytes:
    """Read a file by `Box.open`."""
    with os.fdopen(await box.open(path, os.O_RDONLY), "rb") as file:
        return file.read()
