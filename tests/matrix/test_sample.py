"""A few runs that stand for the rows which `python -m tests.matrix` tries one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .modes import ALONE, ONE_FAILS, RERUN, SHUFFLED, Mode
from .place import Place, place
from .trial import Trial

SAMPLE = (
    Mode("rerun, shuffled, stolen", ("-n3", "--dist=worksteal", "--reruns=1", *SHUFFLED), "flaky", RERUN),
    Mode("a worker dies of a timeout", ("-n2", "--timeout-method=thread"), "hang", ONE_FAILS),
    Mode("the only process does", (*ALONE, "--timeout-method=thread"), "hang", None),
    Mode("the last failures", (*ALONE, "-x", "--lf"), outcomes={"passed": 1}, before="fail"),
    Mode("two at once", ("-n0",), at_once=2),
    Mode("nested", ALONE, "nested"),
)


@pytest.fixture(scope="module")
def where() -> Iterator[Place]:
    with place() as made:
        yield made


@pytest.mark.parametrize("mode", SAMPLE, ids=lambda mode: mode.name)
def test_devboxes_do_not_mind_how_pytest_is_run(where: Place, mode: Mode) -> None:
    wrong = Trial(where, mode, "mixed").run()
    assert not wrong, "\n".join(wrong)
