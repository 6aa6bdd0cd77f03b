"""Parameters of the calls that make ports of a devbox reachable."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Required

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from ._strict import strict

TunnelAuthMode = Literal["open", "authenticated"]
PTY_PORT: Final = 13
"""What the host name of a PTY tunnel begins with."""
Port = Annotated[int, Ge(1), Le(65_535)]


@strict
class TunnelParameters(TypedDict, total=False):
    """How a devbox's tunnel behaves (service of 2026)."""

    auth_mode: TunnelAuthMode | None
    """Who may use it: everybody who knows its key (`open`, the default), or who sends its token too."""
    http_keep_alive: bool | None
    """Whether requests through it keep the devbox from being idle; they do by default."""
    wake_on_http: bool | None
    """Whether a request resumes the devbox when it is suspended; it does not by default."""


DevboxEnableTunnelParams = TunnelParameters


@strict
class DevboxCreateTunnelParams(TypedDict, total=False):
    """The port to make reachable."""

    port: Required[Port]


@strict
class DevboxRemoveTunnelParams(TypedDict, total=False):
    """What to take back."""

    port: Port
    """Of `create_tunnel`. Without one it is the tunnel of `enable_tunnel`."""
