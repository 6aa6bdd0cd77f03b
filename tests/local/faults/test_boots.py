"""The model of boots gives the figures that it was given."""

from __future__ import annotations

import statistics

import pytest

from pytest_runloop.local.faults import FaultPlan
from pytest_runloop.local.faults.boots import BootQueue

from .virtual import VirtualClock

CLOUD = "preset=cloud"
EXACT = "preset=cloud, boot_jitter=0"


def boots(text: str, arrivals: list[float]) -> list[float]:
    clock = VirtualClock()
    queue = BootQueue(FaultPlan.parse(text), clock)
    began = clock.seconds
    seconds = []
    for arrival in arrivals:
        clock.seconds = began + arrival
        seconds.append(queue.begin())
    return seconds


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def test_a_boot_alone_takes_its_own_time() -> None:
    assert boots(EXACT, [0]) == [pytest.approx(1.7)]


def test_well_spaced_boots_do_not_slow_each_other_down() -> None:
    assert boots(EXACT, [0, 2, 4, 6]) == [pytest.approx(1.7)] * 4


def test_a_burst_has_the_figures_of_the_preset() -> None:
    seconds = boots(EXACT, [0.0] * 100)
    assert statistics.median(seconds) == pytest.approx(6.7, rel=0.001)
    assert p99(seconds) == pytest.approx(12.5, rel=0.001)


@pytest.mark.parametrize("seed", range(20))
def test_a_burst_has_these_figures_with_every_seed(seed: int) -> None:
    seconds = boots(f"{CLOUD}, seed={seed}", [0.0] * 100)
    assert statistics.median(seconds) == pytest.approx(6.7, rel=0.03)
    assert p99(seconds) == pytest.approx(12.5, rel=0.03)
    assert boots(f"{CLOUD}, seed={seed}", [0.0])[0] == pytest.approx(1.7, rel=0.101)


def test_the_seed_decides_how_boots_differ() -> None:
    burst = [0.0] * 10
    assert boots(f"{CLOUD}, seed=1", burst) == boots(f"{CLOUD}, seed=1", burst)
    assert boots(f"{CLOUD}, seed=1", burst) != boots(f"{CLOUD}, seed=2", burst)


def test_a_steady_stream_settles() -> None:
    seconds = boots(EXACT, [n / 3 for n in range(600)])
    assert seconds[-1] == pytest.approx(seconds[300], rel=0.15)
    assert 1.7 < seconds[-1] < 3.5


def test_a_queue_drains_after_a_burst() -> None:
    seconds = boots(EXACT, [*[0.0] * 100, 6.7, 30.0])
    assert 6.0 < seconds[100] < 7.5
    assert seconds[101] == pytest.approx(1.7)


def test_figures_of_ones_own_are_met() -> None:
    seconds = boots("boot=1s, boot_median=2s, boot_p99=8s, boot_burst=40", [0.0] * 40)
    assert statistics.median(seconds) == pytest.approx(2.0, rel=0.02)
    assert p99(seconds) == pytest.approx(8.0, rel=0.02)


def test_with_a_median_alone_the_wait_grows_evenly() -> None:
    seconds = boots("boot=1s, boot_median=2s, boot_burst=11", [0.0] * 11)
    assert seconds == [pytest.approx(1 + n / 5) for n in range(11)]


def test_without_figures_for_bursts_every_boot_takes_the_same() -> None:
    assert boots("boot=2s", [0.0] * 5) == [pytest.approx(2.0)] * 5
