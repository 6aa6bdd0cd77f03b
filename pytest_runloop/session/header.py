"""What the head of a run says: where devboxes would come from, and what the user asked for."""

from __future__ import annotations

from collections.abc import Iterator

from . import options
from .choice import choose
from .settings import Settings

_SNAPSHOTS = {
    "off": "no snapshots",
    "on-failure": "a snapshot when a test fails",
    "always": "a snapshot after each test",
}


def lines(settings: Settings, run_id: str) -> list[str]:
    """Return the lines of the header. Nothing is contacted for them."""
    return [f"runloop: {_backend(settings)}", f"runloop: {', '.join(_asked_for(settings))}; run {run_id}"]


def _backend(settings: Settings) -> str:
    choice = choose(settings)
    if choice.kind == "cloud":
        return f"{settings[options.BASE_URL] or 'cloud'} ({choice.why})"
    plan = settings[options.FAULTS]
    faults = f", faults: {' '.join(plan.split())}" if plan else ""
    return f"local backend ({choice.why}), isolation {settings[options.ISOLATION]}{faults}"


def _asked_for(settings: Settings) -> Iterator[str]:
    cap = settings[options.MAX_DEVBOXES]
    yield "any number of devboxes" if cap is None else f"at most {cap} devbox{'es' * (cap != 1)} at once"
    yield _SNAPSHOTS[settings[options.SNAPSHOT]]
    if settings[options.KEEP] != "never":
        yield (
            "devboxes of failed tests are kept" if settings[options.KEEP] == "on-failure" else "all are kept"
        )
