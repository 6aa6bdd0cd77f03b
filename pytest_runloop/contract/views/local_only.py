"""Views of what our own local backend offers beside the API."""

from __future__ import annotations

from .base import View


class DevboxResetView(View):
    """What became of a devbox that was to be put back to its starting state.

    :param clean: nothing of what it was before is left: its disk, its processes, its network.
    """

    id: str
    clean: bool
