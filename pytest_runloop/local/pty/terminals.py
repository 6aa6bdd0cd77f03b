"""The terminals of one devbox."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

from ...contract.views.pty import PtyConnectView, PtyControlResultView
from ..clock import Clock
from ..errors import ENGINE_ERRORS, ApiError, as_api_error, invalid
from ..life import Life
from ..settings import Settings
from ..tasks import Tasks
from .session import Session
from .sizes import Size, needed_size_of
from .terminal import Terminal, open_terminal

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Terminals:
    """Makes them, and knows them by their names.

    :param life: of the devbox.
    :param own_root: whether it has devices of its own.
    :param tasks: run what nobody waits for.
    """

    def __init__(self, life: Life, own_root: bool, clock: Clock, settings: Settings, tasks: Tasks) -> None:
        self._life, self._own_root = life, own_root
        self._clock, self._settings, self._tasks = clock, settings, tasks
        self._sessions: dict[str, Session] = {}
        self._making = asyncio.Lock()
        self._closed = False

    async def connect(self, name: str, size: Size | None) -> PtyConnectView:
        """Return the session of a name, which is made if there is none that lives.

        :param size: of a terminal that nobody sits at.
        :raises ApiError: 400 if the name cannot be one, or the devbox does not run; 503 if it cannot be made.
        """
        _check_name(name)
        async with self._making:
            session = self._sessions.get(name)
            created = session is None or session.terminal.over
            if session is None or created:
                session = await self._made(name, size or Size())
            elif size is not None and not session.attached:
                session.terminal.resize(size)
        session.touch()
        return self._view(session, created)

    def _view(self, session: Session, created: bool) -> PtyConnectView:
        return PtyConnectView(
            session_name=session.name,
            status="running",
            protocol_version="1",
            connect_url=f"/pty/{session.name}/attach",
            created=created,
            attached=session.attached,
            cols=session.terminal.size.columns,
            rows=session.terminal.size.rows,
            idle_ttl_seconds=int(self._settings.pty_idle),
        )

    async def _made(self, name: str, size: Size) -> Session:
        living = [one for one in self._sessions.values() if not one.terminal.over]
        if len(living) >= self._settings.pty_sessions:
            raise _unavailable(f"devbox {self._life.devbox.id} has {len(living)} of them: close some")
        terminal = await self._opened(size)
        self._forget(name)
        idle = self._settings.pty_idle
        session = Session(self._life, name, terminal, self._clock, idle, partial(self._forget, name))
        self._sessions[name] = session
        self._life.devbox.log.note("exec", f"terminal `{name}` opened")
        self._tasks.start(self._follow(session))
        return session

    async def _opened(self, size: Size) -> Terminal:
        devbox = self._life.devbox
        devbox.running_box("open a terminal")
        await self._life.command("bash -i")
        box, stay = devbox.running_box("open a terminal"), self._life.stay
        try:
            terminal = await open_terminal(box, self._own_root, devbox.launch.environment, size)
        except ENGINE_ERRORS as error:
            devbox.running_box("open a terminal")
            raise _unavailable(str(as_api_error(error, "open a terminal"))) from error
        if self._closed or stay != self._life.stay:
            terminal.hang_up()
            message = f"cannot open a terminal: devbox {devbox.id} was suspended, reset or ended meanwhile"
            raise ApiError(400, "devbox_not_running", message)
        return terminal

    async def _follow(self, session: Session) -> None:
        await session.terminal.ended()
        self._life.devbox.log.note("exec", f"terminal `{session.name}` ended")
        # One whose shell has ended is still there to be asked about, until its name is used again.
        if self._life.devbox.status != "running" and self._sessions.get(session.name) is session:
            self._forget(session.name)

    async def control(self, name: str, params: Mapping[str, Any]) -> PtyControlResultView:
        """Do something to a session.

        :raises ApiError: 404 if there is none of this name; 400 if it cannot be done.
        """
        session = self.session(name)
        match params["action"]:
            case "resize":
                session.terminal.resize(needed_size_of(params))
            case "signal":
                await _signal(session, params)
            case _:
                self._forget(name)
        return PtyControlResultView(session_name=name, status="closed" if session.closed else "running")

    def session(self, name: str) -> Session:
        """Return a session that is there.

        :raises ApiError: 404 if there is none of this name.
        """
        _check_name(name)
        session = self._sessions.get(name)
        if session is None:
            message = (
                f"devbox {self._life.devbox.id} has no PTY session `{name}`: make it with `GET /pty/{name}`;"
                " one without a client, or of a devbox that was suspended, ends"
            )
            raise ApiError(404, "not_found", message)
        return session

    def _forget(self, name: str) -> None:
        if (session := self._sessions.pop(name, None)) is not None:
            session.close()

    def close(self) -> None:
        """End all of them, and those that are being made."""
        self._closed = True
        for name in list(self._sessions):
            self._forget(name)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid("`session_name` must be 1 to 256 ASCII letters, digits, `-` and `_`")


async def _signal(session: Session, params: Mapping[str, Any]) -> None:
    name = params.get("signal", "")
    if name not in signal.Signals.__members__:
        raise invalid(f"`signal` must be the name of a signal, as `SIGTERM`, not `{name}`")
    try:
        await session.terminal.signal(signal.Signals[name])
    except ProcessLookupError:
        message = f"nothing runs in the foreground of session `{session.name}`: its shell has ended"
        raise ApiError(400, "no_foreground", message) from None
    except ENGINE_ERRORS as error:
        raise as_api_error(error, f"send {name}") from error


def _unavailable(why: str) -> ApiError:
    return ApiError(503, "pty_unavailable", f"no terminal can be had: {why}", retry=False)
