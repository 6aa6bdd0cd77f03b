"""What a debugger's prompt says of the devboxes of the test that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .evidence import settle
from .way_in import way_in

if TYPE_CHECKING:
    from .ledger import Entry
    from .member import Member


def is_wanted(config: pytest.Config) -> bool:
    """Tell whether pytest stops at a failure. Then its devboxes are needed until the prompt was left."""
    return bool(getattr(config.option, "usepdb", False))


def lines(item: pytest.Item, since: float, member: Member) -> Iterator[str]:
    """Say how to enter the devboxes that a test has at this moment: they live while the prompt waits.

    :param since: when the test began, in seconds since the epoch.
    """
    for entry in _at_hand(item, since, member):
        fate = member.devboxes.fate(entry)
        if fate is None:
            enter = way_in(member.run.settings, str(entry.devbox))
            yield f"devbox {entry.devbox} lives; from another terminal: {enter}"
        else:
            yield f"devbox {entry.devbox} has ended: {fate}"


def _at_hand(item: pytest.Item, since: float, member: Member) -> list[Entry]:
    """Return the test's own devboxes, those that its fixtures gave it, and those that it did anything to."""
    own = [held.devbox.id for held in settle.held_by(item)]
    used = member.devboxes.transcript.touched(since)
    named = list(dict.fromkeys([*own, *_given(item), *used]))
    living = {entry.devbox: entry for entry in member.run.ledger} if named else {}
    return [living[devbox] for devbox in named if devbox in living]


def _given(item: pytest.Item) -> Iterator[str]:
    from .. import AsyncDevbox, Devbox

    values = getattr(item, "funcargs", {}).values()
    return (value.id for value in values if isinstance(value, Devbox | AsyncDevbox))
