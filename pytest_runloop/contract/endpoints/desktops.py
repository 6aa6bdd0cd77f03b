"""Browsers, and computers with a screen (the service had them until April 2026)."""

from __future__ import annotations

from ..endpoint import Json, get, post
from ..params import desktops as params
from ..views.desktops import BrowserView, ComputerInteractionView, ComputerView

_BROWSER = Json(view=BrowserView)
_COMPUTER = Json(view=ComputerView)
_INTERACTION = Json(view=ComputerInteractionView)

CREATE_BROWSER = post("/v1/devboxes/browsers", _BROWSER, params.BrowserCreateParams)
RETRIEVE_BROWSER = get("/v1/devboxes/browsers/{id}", _BROWSER)
CREATE_COMPUTER = post("/v1/devboxes/computers", _COMPUTER, params.ComputerCreateParams)
RETRIEVE_COMPUTER = get("/v1/devboxes/computers/{id}", _COMPUTER)
KEYBOARD = post(
    "/v1/devboxes/computers/{id}/keyboard_interaction",
    _INTERACTION,
    params.ComputerKeyboardInteractionParams,
)
MOUSE = post(
    "/v1/devboxes/computers/{id}/mouse_interaction", _INTERACTION, params.ComputerMouseInteractionParams
)
SCREEN = post(
    "/v1/devboxes/computers/{id}/screen_interaction", _INTERACTION, params.ComputerScreenInteractionParams
)
