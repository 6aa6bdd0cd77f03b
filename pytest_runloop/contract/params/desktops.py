"""Parameters of the calls on browsers and computers."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict

KeyboardAction = Literal["key", "type"]
MouseAction = Literal[
    "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click", "double_click"
]
ScreenAction = Literal["screenshot", "cursor_position"]


@strict
class BrowserCreateParams(TypedDict, total=False):
    """A new browser."""

    name: str | None


@strict
class DisplayDimensions(TypedDict, total=False):
    """The size of a screen, in pixels."""

    display_height_px: Required[int]
    display_width_px: Required[int]


@strict
class ComputerCreateParams(TypedDict, total=False):
    """A new computer."""

    display_dimensions: DisplayDimensions | None
    name: str | None


@strict
class Coordinate(TypedDict, total=False):
    """A place on a screen, in pixels from the upper left."""

    x: Required[int]
    y: Required[int]


@strict
class ComputerKeyboardInteractionParams(TypedDict, total=False):
    """What to press or to type."""

    action: Required[KeyboardAction]
    text: str | None


@strict
class ComputerMouseInteractionParams(TypedDict, total=False):
    """What to do with the mouse, and where."""

    action: Required[MouseAction]
    coordinate: Coordinate | None


@strict
class ComputerScreenInteractionParams(TypedDict, total=False):
    """What to look at."""

    action: Required[ScreenAction]
