"""The tunnels of all devboxes, as the API has them."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...contract.views.tunnels import DevboxTunnelView, TunnelView
from ..clock import Clock
from ..errors import ApiError, as_api_error
from ..life import Life
from ..listener import Listener
from ..settings import Settings
from ..tasks import Tasks
from .entrance import Entrance
from .heads import Request
from .refusals import RefusedError
from .relay import LINGER, Doorkeeper, Passage, through
from .rules import Rules

_ALPHABET = string.digits + string.ascii_lowercase
_KEY_LENGTH = 26
"""Characters of a host name, which has no upper case: 134 bits."""
_KEYS_REMEMBERED = 1000
"""Of ended devboxes, to say so."""
_HOST = re.compile(rb"([1-9]\d{0,4})-([0-9a-z]+)(?:\..*)?")


@dataclass(slots=True)
class _Tunnelled:
    """A devbox that has tunnels: the way in, and the addresses of single ports."""

    entrance: Entrance
    doors: dict[int, Listener] = field(default_factory=dict)


class Tunnels:
    """Makes tunnels, and ends them with their devboxes.

    A devbox has an address of its own for each port that `create_tunnel` names. With `enable_tunnel`, all
    ports are reachable through one listener too, by host names that hold the key; the rules are for both.

    :param tasks: run what nobody waits for.
    """

    def __init__(self, clock: Clock, settings: Settings, tasks: Tasks) -> None:
        self._clock, self._settings, self._tasks = clock, settings, tasks
        self._tunnelled: dict[str, _Tunnelled] = {}
        self._by_key: dict[str, Entrance] = {}
        self._ended_keys: dict[str, str] = {}
        self._hall: Listener | None = None

    def enable(self, life: Life, params: Mapping[str, Any]) -> TunnelView:
        """Give a devbox a tunnel to all its ports.

        :param params: `auth_mode`, `http_keep_alive`, `wake_on_http`.
        :raises ApiError: 400 if it has one already.
        """
        devbox = life.devbox
        if devbox.tunnel is not None:
            message = f"devbox {devbox.id} has a tunnel already: take it back first, with `remove_tunnel`"
            raise ApiError(400, "tunnel_exists", message)
        if self._hall is None:
            self._hall = _listener(self._admit)
        view = self._view(life, params, self._hall.port)
        entrance = self._of(life).entrance
        token = view.auth_token
        entrance.rules = Rules(token.encode() if token else None, view.http_keep_alive, view.wake_on_http)
        self._by_key[view.tunnel_key] = entrance
        devbox.tunnel = view
        return view

    def create(self, life: Life, port: int) -> DevboxTunnelView:
        """Give a port of a devbox an address of its own. It keeps the one that it has."""
        tunnelled = self._of(life)
        if port not in tunnelled.doors:
            tunnelled.doors[port] = _listener(lambda request: tunnelled.entrance.admit(request, port))
        url = f"http://127.0.0.1:{tunnelled.doors[port].port}"
        return DevboxTunnelView(devbox_id=life.devbox.id, port=port, url=url)

    async def remove(self, life: Life, port: int | None) -> None:
        """Take the address of a port back, or the tunnel with all addresses.

        :raises ApiError: 404 if there is none.
        """
        tunnelled = self._tunnelled.get(life.devbox.id)
        if tunnelled is None or (port is not None and port not in tunnelled.doors):
            what = "tunnel" if port is None else f"tunnel to port {port}"
            message = f"devbox {life.devbox.id} has no {what}: `enable_tunnel` and `create_tunnel` make some"
            raise ApiError(404, "tunnel_not_found", message)
        if port is None:
            await self._end(life, seconds=0)
        else:
            await tunnelled.doors.pop(port).close()

    async def forget(self, life: Life) -> None:
        """End all that a devbox has, and the connections through it. None is fine."""
        await self._end(life, seconds=0)

    async def close(self) -> None:
        """End what is left."""
        for tunnelled in list(self._tunnelled.values()):
            await self._end(tunnelled.entrance.life, seconds=0)
        if self._hall is not None:
            await self._hall.close()

    def _admit(self, request: Request) -> Passage:
        found = _HOST.fullmatch(request.host.partition(b":")[0])
        if found is None or int(found[1]) > 65_535:
            message = "the host says where a request goes: `PORT-KEY.localhost`, with the key of a tunnel"
            raise RefusedError(404, "unknown_host", message)
        entrance = self._by_key.get(found[2].decode())
        if entrance is None:
            raise self._unknown(found[2].decode())
        return entrance.admit(request, int(found[1]))

    def _unknown(self, key: str) -> RefusedError:
        if key in self._ended_keys:
            message = f"devbox {self._ended_keys[key]} has ended, and its tunnel with it"
            return RefusedError(410, "devbox_ended", message)
        message = "no devbox has a tunnel of this key: it was removed, or it is another server's"
        return RefusedError(404, "unknown_tunnel", message)

    def _of(self, life: Life) -> _Tunnelled:
        if life.devbox.id not in self._tunnelled:
            entrance = Entrance(life, self._clock, self._settings)
            entrance.rules = Rules(wake=bool(life.devbox.launch.wakes_on_http))
            self._tunnelled[life.devbox.id] = _Tunnelled(entrance)
            life.on_end(lambda: self._ended(life))
        return self._tunnelled[life.devbox.id]

    def _ended(self, life: Life) -> None:
        if life.devbox.tunnel is not None:
            self._ended_keys[life.devbox.tunnel.tunnel_key] = life.devbox.id
            while len(self._ended_keys) > _KEYS_REMEMBERED:
                del self._ended_keys[next(iter(self._ended_keys))]
        # Answers that are on the way may say that the devbox has gone.
        self._tasks.start(self._end(life, LINGER))

    async def _end(self, life: Life, seconds: float) -> None:
        tunnelled = self._tunnelled.pop(life.devbox.id, None)
        if tunnelled is None:
            return
        view, life.devbox.tunnel = life.devbox.tunnel, None
        if view is not None:
            del self._by_key[view.tunnel_key]
        tunnelled.entrance.close(seconds)
        for door in tunnelled.doors.values():
            await door.close(seconds)

    def _view(self, life: Life, params: Mapping[str, Any], port: int) -> TunnelView:
        key = "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_LENGTH))
        mode = params.get("auth_mode") or "open"
        keep_alive, wake = params.get("http_keep_alive"), life.devbox.launch.wakes_on_http
        return TunnelView(
            tunnel_key=key,
            auth_mode=mode,
            create_time_ms=self._clock.now_ms(),
            http_keep_alive=keep_alive is None or keep_alive,
            wake_on_http=bool(params.get("wake_on_http") if wake is None else wake),
            auth_token=secrets.token_urlsafe(32) if mode == "authenticated" else None,
            url_template=f"http://{{port}}-{key}.localhost:{port}",
        )


def _listener(keeper: Doorkeeper) -> Listener:
    try:
        return Listener(through(keeper))
    except OSError as error:
        raise as_api_error(error, "open a port of this machine for the tunnel") from error
