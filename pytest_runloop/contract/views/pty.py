"""Views of terminals in devboxes."""

from __future__ import annotations

from .base import View


class PtyConnectView(View):
    """A terminal by its name (service of 2026)."""

    created: bool
    """Whether it was made by this call."""
    attached: bool
    """Whether a client sits at it now."""
    session_name: str | None = None
    status: str | None = None
    protocol_version: str | None = None
    connect_url: str | None = None
    """The path of the WebSocket by which one client sits at it: bytes both ways, in binary messages."""
    cols: int | None = None
    rows: int | None = None
    idle_ttl_seconds: int | None = None
    """How long it is kept without a client."""


class PtyControlResultView(View):
    """What became of a terminal."""

    session_name: str | None = None
    status: str | None = None
