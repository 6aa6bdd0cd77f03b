"""The local backend as a process: its socket, its ready line, and its end."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import uvicorn

from .addresses import GITHUB, AddressError, require_address
from .app import App
from .backend import Backend
from .engine.protocol import Engine, EngineError
from .protocol import HttpProtocol, web_socket
from .settings import Settings
from .store import StoreError

if TYPE_CHECKING:
    from .faults import FaultPlan, Faults

_ENDING_SECONDS = 2
"""For requests in progress, after every devbox has ended."""
_LOOK_SECONDS = 0.5
_MESSAGE_MAX = 1024 * 1024
"""Of each message of a WebSocket: what somebody types at once."""
_LONGEST_SECONDS = 172_800
"""How long devboxes may outlive the owner: a suspended one has no end of its own."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    :param port: to listen on, on the loopback interface; 0 takes a free one.
    :param state_dir: what outlives the server.
    :param isolation: the tier: `auto`, `namespace`, `container`, `landlock` or `process`.
    :param until_eof: end with the standard input.
    :param owner_lock: end when this file's lock is free: its owner has died.
    :param outlive: a folder; devboxes after whose ids its files are called outlive the owner, and the server
        ends with the last of them.
    :param faults: what is to go wrong. Even an empty plan opens the routes that set another.
    """

    port: int = 0
    state_dir: Path | None = None
    isolation: str = "auto"
    until_eof: bool = False
    owner_lock: Path | None = None
    outlive: Path | None = None
    faults: FaultPlan | None = None


class ServeError(Exception):
    """The server cannot start; the text says why, in one line."""


class OpenEngine(Protocol):
    """Opens an engine, as `local.engine.select.open_engine` does."""

    async def __call__(self, isolation: str, state_dir: Path) -> Engine:
        """Return an engine of the tier."""


def default_state_dir() -> Path:
    """Return where state is kept if nobody says: `RUNLOOP_STATE_DIR`, or a place below the user's home."""
    if given := os.environ.get("RUNLOOP_STATE_DIR"):
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "pytest-runloop"


def serve(options: Options, open_engine: OpenEngine | None = None) -> int:
    """Serve until asked to end.

    :return: the exit code of the process: 0 after an ordered end, 1 if the server could not start.
    """
    try:
        asyncio.run(_serve(options, open_engine or _default_engine()))
    except (ServeError, EngineError, StoreError) as error:
        message = " ".join(str(error).split())
        print(f"pytest-runloop serve: {message}", file=sys.stderr)
        return 1
    return 0


def _default_engine() -> OpenEngine:
    from .engine.select import open_engine

    return open_engine


def _allow_many_files() -> None:
    """Raise the limit of open files: each devbox and each command holds some.

    Only now that the zygote runs: commands inherit the usual one, since `select` knows 1,024 at the most.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(options: Options, open_engine: OpenEngine) -> None:
    stop, orphaned = asyncio.Event(), asyncio.Event()
    state_dir = _prepared(options.state_dir or default_state_dir())
    with _listening(options.port) as listener, _signals(stop):
        _watch_owner(options, stop, orphaned)
        faults = _faults(options)
        engine = await open_engine(options.isolation, state_dir)
        _allow_many_files()
        backend = await _opened(engine, state_dir, faults)
        api_key = os.environ.get("RUNLOOP_API_KEY") or secrets.token_urlsafe(32)
        server = _Server(_config(App(backend, api_key), faults, api_key))
        serving = asyncio.ensure_future(server.serve([listener]))
        try:
            await server.accepting(serving)
            _collect_garbage()
            if not stop.is_set():
                _announce(_ready_line(listener, api_key, backend.engine), stop)
            await _until_over(backend, options.outlive, stop, orphaned)
        finally:
            if faults is not None:
                faults.close()
            # Devboxes first: that ends the commands, and with them streams and waits.
            await backend.close()
            server.should_exit = True
            await serving


def _collect_garbage() -> None:
    """From now on, and only of what comes from now on."""
    gc.freeze()
    gc.enable()


async def _until_over(
    backend: Backend, outlive: Path | None, stop: asyncio.Event, orphaned: asyncio.Event
) -> None:
    """Wait until asked to end, or until the owner has died and with it, or after it, the last devbox."""
    asked, alone = (asyncio.ensure_future(event.wait()) for event in (stop, orphaned))
    await asyncio.wait((asked, alone), return_when=asyncio.FIRST_COMPLETED)
    if alone.done() and not asked.done() and outlive is not None:
        backend.end_all(but=_named(outlive))
        deadline = time.monotonic() + _LONGEST_SECONDS
        while backend.lives() and time.monotonic() < deadline and not asked.done():
            await asyncio.wait((asked,), timeout=_LOOK_SECONDS)
    asked.cancel()
    alone.cancel()


def _named(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*")}


def _faults(options: Options) -> Faults | None:
    if options.faults is None:
        return None
    # Only who asks for faults pays for them.
    from .faults import Faults

    return Faults(options.faults)


async def _opened(engine: Engine, state_dir: Path, faults: Faults | None) -> Backend:
    try:
        settings = Settings(git_base=_git_base())
        return Backend(engine, state_dir, settings=settings, events=faults.devboxes if faults else None)
    except OSError as error:
        await engine.close()
        raise ServeError(f"cannot use the state directory {state_dir}: {error.strerror}") from error
    except StoreError:
        await engine.close()
        raise


def _git_base() -> str:
    base = os.environ.get("RUNLOOP_GIT_BASE") or GITHUB
    try:
        require_address(base)
    except AddressError as error:
        raise ServeError(f"RUNLOOP_GIT_BASE {error}") from None
    return base


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the devboxes must end before the sockets."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def accepting(self, serving: asyncio.Future[None]) -> None:
        """Wait until it accepts connections."""
        while not self.started:
            if serving.done():
                await serving
                raise ServeError("the HTTP server ended before it accepted connections")
            await asyncio.sleep(0.001)


def _config(app: App, faults: Faults | None, api_key: str) -> uvicorn.Config:
    served: dict[str, Any] = {"app": app, "http": HttpProtocol}
    if faults is not None:
        from .faults import FaultableProtocol, with_faults

        served = {"app": with_faults(app, faults, api_key), "http": FaultableProtocol}
    return uvicorn.Config(
        **served,
        access_log=False,
        log_config=None,
        lifespan="off",
        ws=cast("Any", web_socket),
        ws_max_size=_MESSAGE_MAX,
        ws_per_message_deflate=False,
        server_header=False,
        # Longer than clients keep idle connections: it is they who close them.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )


def _prepared(state_dir: Path) -> Path:
    """Make the state directory, for this user alone."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_dir = state_dir.resolve(strict=True)
        found = state_dir.stat()
        if found.st_uid != os.geteuid():
            raise ServeError(
                f"the state directory {state_dir} belongs to another user: name another with --state-dir"
            )
        state_dir.chmod(0o700)
        if not os.access(state_dir, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        message = (
            f"cannot use the state directory {state_dir}: {error.strerror}: name another with --state-dir"
        )
        raise ServeError(message) from error
    return state_dir


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ServeError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}: name another --port"
        ) from error
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _watch_owner(options: Options, stop: asyncio.Event, orphaned: asyncio.Event) -> None:
    if options.owner_lock is not None:
        try:
            fd = os.open(options.owner_lock, os.O_RDWR)
        except OSError as error:
            raise ServeError(f"cannot open --owner-lock {options.owner_lock}: {error.strerror}") from error
        # What it takes then it holds: as long as devboxes outlive the owner, nobody may take it for dead.
        _in_background(lambda: fcntl.flock(fd, fcntl.LOCK_EX), orphaned)
    if options.until_eof:
        _in_background(_read_to_eof, stop)


def _in_background(wait: Callable[[], Any], stop: asyncio.Event) -> None:
    """Wait in a thread, which may wait for ever, and stop the server then."""
    loop = asyncio.get_running_loop()

    def run() -> None:
        wait()
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=run, daemon=True, name="owner-watch").start()


def _read_to_eof() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        # No standard input at all is as good as its end.
        return


def _ready_line(listener: socket.socket, api_key: str, engine: Engine) -> str:
    host, port = listener.getsockname()
    line = {
        "base_url": f"http://{host}:{port}",
        "api_key": api_key,
        "isolation": engine.tier,
        "capabilities": sorted(engine.capabilities),
        "pid": os.getpid(),
        "notes": _notes(engine),
    }
    return json.dumps(line)


def _notes(engine: Engine) -> list[str]:
    """Return what people should know of the engine: what it could not do, and why it is this one."""
    passed_over = [
        f"not better because of {report.tier}: {report.reason}"
        + (f" ({report.remedy})" if report.remedy else "")
        for report in getattr(engine, "passed_over", ())
    ]
    return [*passed_over, *getattr(engine, "notes", ())]


def _announce(line: str, stop: asyncio.Event) -> None:
    try:
        print(line, flush=True)
    except OSError:
        # Whoever started the server has gone, and nobody knows the key.
        stop.set()
