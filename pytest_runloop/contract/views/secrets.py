"""Views of secrets. None has the value: it never comes back."""

from __future__ import annotations

from .base import ListView, View


class SecretView(View):
    """A secret without its value. Times are milliseconds since the epoch."""

    id: str
    name: str
    create_time_ms: int
    update_time_ms: int


class SecretListView(ListView):
    """The newest secrets."""

    secrets: list[SecretView]
