"""A small server with devboxes that are only entries in a table, to be disturbed by faults."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pytest_runloop.local.faults import Death, FaultableProtocol, Faults, Moment, with_faults

KEY = "ak_toy"
STREAM = b"".join(b'data: {"output":"line %d"}\n\n' % number for number in range(100))
DOWNLOAD = bytes(range(256)) * 4096


@dataclass
class ToyBackend:
    """Devboxes as entries in a table, and a list of the work that calls have done."""

    faults: Faults
    devboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    work: list[str] = field(default_factory=list)
    stopped_streams: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def end(self, devbox_id: str, death: Death) -> bool:
        devbox = self.devboxes[devbox_id]
        if devbox["status"] in ("failure", "shutdown"):
            return False
        devbox.update(status=death.status, reason=death.reason)
        self.faults.devboxes.ended(devbox_id)
        return True

    async def create(self, request: Request) -> Response:
        params = json.loads(await request.body() or b"{}")
        devbox_id = f"dbx_{len(self.devboxes):022d}"
        self.devboxes[devbox_id] = {"id": devbox_id, "status": "provisioning", "name": params.get("name")}
        self.work.append("create")
        self.faults.devboxes.created(devbox_id, params.get("name"))
        task = asyncio.ensure_future(self._boot(devbox_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return JSONResponse(self.devboxes[devbox_id])

    async def _boot(self, devbox_id: str) -> None:
        await self.faults.devboxes.at(devbox_id, Moment.BOOT)
        if self.devboxes[devbox_id]["status"] == "provisioning":
            self.devboxes[devbox_id]["status"] = "running"
            await self.faults.devboxes.at(devbox_id, Moment.RUNNING)

    async def retrieve(self, request: Request) -> Response:
        devbox = self.devboxes.get(request.path_params["id"])
        return JSONResponse(devbox or {"message": "no such devbox"}, 200 if devbox else 404)

    async def execute(self, request: Request) -> Response:
        devbox_id = request.path_params["id"]
        command = json.loads(await request.body())["command"]
        await self.faults.devboxes.command(devbox_id, command)
        if self.devboxes[devbox_id]["status"] in ("failure", "shutdown"):
            return JSONResponse({"message": "not running"}, 400)
        self.work.append(f"execute {command}")
        return JSONResponse({"devbox_id": devbox_id, "status": "running"})

    async def shutdown(self, request: Request) -> Response:
        devbox_id = request.path_params["id"]
        self.end(devbox_id, Death("shutdown", "api_shutdown"))
        await self.faults.devboxes.at(devbox_id, Moment.SHUTDOWN)
        return JSONResponse(self.devboxes[devbox_id])

    async def stream(self, request: Request) -> Response:
        return StreamingResponse(self._lines(), media_type="text/event-stream")

    async def _lines(self) -> AsyncIterator[bytes]:
        try:
            for line in STREAM.splitlines(keepends=True):
                yield line
                await asyncio.sleep(0)
        finally:
            self.stopped_streams += 1

    async def download(self, request: Request) -> Response:
        return Response(DOWNLOAD, media_type="application/octet-stream")

    async def upload(self, request: Request) -> Response:
        self.work.append(f"upload of {len(await request.body())}")
        return JSONResponse({})

    async def look(self, request: Request) -> Response:
        tasks = len(asyncio.all_tasks())
        return JSONResponse({"work": self.work, "stopped_streams": self.stopped_streams, "tasks": tasks})

    async def forget(self, request: Request) -> Response:
        self.work.clear()
        return PlainTextResponse("")

    def app(self) -> Starlette:
        execution = "/v1/devboxes/{id}/executions/{execution}"
        return Starlette(
            routes=[
                Route("/v1/devboxes", self.create, methods=["POST"]),
                Route("/v1/devboxes/{id}", self.retrieve),
                Route("/v1/devboxes/{id}/execute_async", self.execute, methods=["POST"]),
                Route("/v1/devboxes/{id}/shutdown", self.shutdown, methods=["POST"]),
                Route("/v1/devboxes/{id}/download_file", self.download, methods=["POST"]),
                Route("/v1/devboxes/{id}/upload_file", self.upload, methods=["POST"]),
                Route(execution + "/stream_stdout_updates", self.stream),
                Route("/look", self.look),
                Route("/forget", self.forget, methods=["POST"]),
            ]
        )


class ToyServer:
    """The toy under a real uvicorn on the loopback interface."""

    def __init__(self, plan: str) -> None:
        self._plan = plan
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.port = 0

    async def serve(self) -> None:
        """Serve until `stop`."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        faults = Faults(self._plan)
        backend = ToyBackend(faults)
        faults.devboxes.on_death(backend.end)
        config = uvicorn.Config(
            with_faults(backend.app(), faults, KEY),
            port=0,
            http=FaultableProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        faults.close()
        server.should_exit = True
        await serving
        for task in backend.tasks:
            task.cancel()

    def wait_until_ready(self) -> None:
        assert self._ready.wait(30)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def serving(plan: str = "") -> Iterator[ToyServer]:
    """Run a toy server in a thread."""
    server = ToyServer(plan)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()
        thread.join()


def main() -> None:
    """Serve with the plan on the command line, say the port, and end with the standard input."""
    with suppress(KeyboardInterrupt), serving(sys.argv[1]) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
