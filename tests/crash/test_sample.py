"""A few of the cases that `python -m tests.crash` tries by the thousand."""

from __future__ import annotations

from .__main__ import summary
from .lanes import try_all

SEEDS = range(20)


def test_whatever_dies_nothing_is_left_and_nothing_of_others_is_touched() -> None:
    outcomes = list(try_all(SEEDS, lanes=2))
    assert len(outcomes) == len(SEEDS)
    unclean = [outcome for outcome in outcomes if not outcome.clean]
    assert not unclean, f"repeat with `python -m tests.crash --seeds 1 --seed N`: {unclean}"
    assert sum(outcome.died for outcome in outcomes) > len(SEEDS) / 2, summary(outcomes)
