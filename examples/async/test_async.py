"""The same in async tests: under pytest-asyncio, as here, and under anyio and trio."""

from __future__ import annotations

import asyncio

import pytest

from pytest_runloop import AsyncDevbox, AsyncRunloop

pytestmark = pytest.mark.asyncio


async def test_a_command_is_awaited(async_devbox: AsyncDevbox) -> None:
    result = await async_devbox.cmd.exec("echo hello")
    assert await result.stdout() == "hello\n"


async def test_commands_run_side_by_side(async_devbox: AsyncDevbox) -> None:
    results = await asyncio.gather(*(async_devbox.cmd.exec(f"echo {n}") for n in range(5)))
    assert [await result.stdout() for result in results] == [f"{n}\n" for n in range(5)]


async def test_a_server_is_asked_by_another_command(async_devbox: AsyncDevbox) -> None:
    await async_devbox.cmd.exec("mkfifo question answer")
    server = await async_devbox.cmd.exec_async("read -r name < question; echo hello $name > answer")
    reply = await async_devbox.cmd.exec("echo world > question; cat answer")
    assert await reply.stdout() == "hello world\n"
    assert (await server.result()).success


async def test_the_client_makes_devboxes_as_well(async_runloop: AsyncRunloop) -> None:
    async with await async_runloop.devbox.create(name="by-hand") as devbox:
        await devbox.file.write(file_path="a.txt", contents="a")
        assert await devbox.file.read(file_path="a.txt") == "a"
