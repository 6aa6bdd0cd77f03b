"""Views of browsers and computers."""

from __future__ import annotations

from .base import View
from .devboxes import DevboxView


class BrowserView(View):
    """A browser in a devbox."""

    connection_url: str
    devbox: DevboxView
    live_view_url: str


class ComputerView(View):
    """A devbox with a screen."""

    devbox: DevboxView
    live_screen_url: str


class ComputerInteractionView(View):
    """What came of an action on a screen."""

    error: str | None = None
    latest_screenshot_base64_img: str | None = None
    output: str | None = None
