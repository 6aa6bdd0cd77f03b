"""Browsers and computers: images that have them are Runloop's, and so a backend of one's own has none."""

from __future__ import annotations

from ...contract.endpoints import desktops as endpoints
from ...contract.views.desktops import BrowserView, ComputerInteractionView, ComputerView
from ..backend import Backend
from ..calls import Call
from ..errors import not_found, not_supported
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE_BROWSER)
async def create_browser(backend: Backend, call: Call) -> BrowserView:
    """Refuse a browser."""
    raise not_supported("have browsers: start one of your own in a devbox, and reach it by a tunnel")


@HANDLES(endpoints.RETRIEVE_BROWSER)
async def retrieve_browser(backend: Backend, call: Call) -> BrowserView:
    """Know no browser."""
    raise not_found("browser", call.id)


@HANDLES(endpoints.CREATE_COMPUTER)
async def create_computer(backend: Backend, call: Call) -> ComputerView:
    """Refuse a computer."""
    raise not_supported("have computers with a screen: start an X server of your own in a devbox")


@HANDLES(endpoints.RETRIEVE_COMPUTER)
async def retrieve_computer(backend: Backend, call: Call) -> ComputerView:
    """Know no computer."""
    raise not_found("computer", call.id)


@HANDLES(endpoints.KEYBOARD, endpoints.MOUSE, endpoints.SCREEN)
async def interact(backend: Backend, call: Call) -> ComputerInteractionView:
    """Know no computer."""
    raise not_found("computer", call.id)
