"""Which service gives the devboxes of a run, and why. Decided without contacting anybody."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

import pytest

from . import options
from .settings import Rank, Settings

KEY = "RUNLOOP_API_KEY"


class Choice(NamedTuple):
    """The backend of a run.

    :param why: the reason, as a clause.
    """

    kind: Literal["cloud", "local"]
    why: str


def choose(settings: Settings) -> Choice:
    """Decide where devboxes run. Nothing is contacted for it."""
    wanted = settings[options.BACKEND]
    if wanted == "cloud":
        return Choice("cloud", f"by {settings.origin(options.BACKEND)}")
    if wanted == "local":
        return Choice("local", f"by {settings.origin(options.BACKEND)}")
    if settings[options.BASE_URL]:
        return Choice("cloud", f"a base URL is given by {settings.origin(options.BASE_URL)}")
    if os.environ.get(KEY):
        return Choice("cloud", f"{KEY} is set")
    return Choice("local", f"{KEY} is not set")


def refuse_what_the_cloud_lacks(settings: Settings) -> None:
    """Refuse options that only the local backend has, if devboxes come from elsewhere.

    :raises pytest.UsageError: if there is one.
    """
    choice = choose(settings)
    if choice.kind == "cloud" and settings[options.FAULTS]:
        raise pytest.UsageError(
            f"{settings.origin(options.FAULTS)} gives a fault plan, which only the local backend can carry "
            f"out, but devboxes come from {settings[options.BASE_URL] or 'the cloud'} ({choice.why}); "
            f"say {options.BACKEND.flag}=local, or {options.FAULTS.flag}= for no faults"
        )


def asked(settings: Settings) -> str:
    """Say which server is asked and who named it, for error messages."""
    if choose(settings).kind == "local":
        return "Asked the local backend, which runs for this test run only."
    origin = settings.origin(options.BASE_URL)
    if settings.rank(options.BASE_URL) is Rank.DEFAULT:
        return f"Asked Runloop's cloud with the key in {KEY}."
    return f"Asked {settings[options.BASE_URL]}, named by {origin}, with the key in {KEY}."
