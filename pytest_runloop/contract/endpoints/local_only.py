"""What our own local backend offers beside the API, below `/_local/`: in no list of the API's endpoints."""

from __future__ import annotations

from ..endpoint import Json, post
from ..views.local_only import DevboxResetView

RESET = post("/_local/devboxes/{id}/reset", Json(view=DevboxResetView), slow=True)
"""Puts a running devbox back to the state in which it began to run."""
