"""The rows of the matrix: how pytest is called, what happens in the suite, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .users_suite import FIRST, TESTS

WAYS = ("never", "reset", "shared")
"""To reuse devboxes. There is `mixed` beside them: all of them in one run."""
Count = int | range
ALONE = ("-p", "no:xdist")


def _all() -> Mapping[str, Count]:
    return {"passed": TESTS}


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run the suite.

    :param event: what happens in one of its tests.
    :param outcomes: how many tests pass, fail and so on; `None` if pytest does not live to say so.
    :param before: the event of a run before this one, which failed.
    :param at_once: how many runs there are at the same time.
    """

    name: str
    arguments: tuple[str, ...]
    event: str = ""
    outcomes: Mapping[str, Count] | None = field(default_factory=_all)
    before: str = ""
    at_once: int = 1


ONE_FAILS = {"failed": 1, "passed": TESTS - 1}
STOPS_AT_ONCE = {"failed": 1, "passed": FIRST}
STOPS: Mapping[str, Count] = {"failed": 1, "passed": range(TESTS)}
RERUN = {"passed": TESTS, "rerun": 1}
SHUFFLED = ("-p", "randomly", "--randomly-seed=7")
DIES = "crash"

MODES = (
    Mode("no -n", ()),
    Mode("-p no:xdist", ALONE),
    Mode("-n0", ("-n0",)),
    *(Mode(f"-n {count}", (f"-n{count}",)) for count in (2, 3, 8, 32)),
    *(
        Mode(f"--dist {dist}", ("-n3", f"--dist={dist}"))
        for dist in ("load", "loadscope", "loadfile", "loadgroup", "worksteal")
    ),
    Mode("--dist each", ("--dist=each", "--tx=3*popen"), outcomes={"passed": 3 * TESTS}),
    Mode("-x", (*ALONE, "-x"), "fail", STOPS_AT_ONCE),
    Mode("-x, workers", ("-n2", "-x"), "fail", STOPS),
    Mode("--maxfail", (*ALONE, "--maxfail=1"), "fail", STOPS_AT_ONCE),
    Mode("--maxfail, workers", ("-n2", "--maxfail=1"), "fail", STOPS),
    Mode("--lf", (*ALONE, "--lf"), outcomes={"passed": 1}, before="fail"),
    Mode("--lf, workers", ("-n2", "--lf"), outcomes={"passed": 1}, before="fail"),
    Mode("rerunfailures", (*ALONE, "--reruns=1"), "flaky", RERUN),
    Mode("rerunfailures, workers", ("-n2", "--reruns=1"), "flaky", RERUN),
    Mode("timeout, signal", (*ALONE, "--timeout-method=signal"), "hang", ONE_FAILS),
    Mode("timeout, signal, workers", ("-n2", "--timeout-method=signal"), "hang", ONE_FAILS),
    Mode("timeout, thread", (*ALONE, "--timeout-method=thread"), "hang", None),
    Mode("timeout, thread, workers", ("-n2", "--timeout-method=thread"), "hang", ONE_FAILS),
    Mode("randomly", (*ALONE, *SHUFFLED)),
    Mode("randomly, workers", ("-n3", *SHUFFLED)),
    Mode("worker crash", ("-n2",), DIES, ONE_FAILS),
    Mode("worker crash, one worker", ("-n1",), DIES, ONE_FAILS),
    Mode("--max-worker-restart=0", ("-n2", "--max-worker-restart=0"), DIES, STOPS),
    Mode("two runs at once", ALONE, at_once=2),
    Mode("two runs at once, workers", ("-n2",), at_once=2),
    Mode("nested runs", ALONE, "nested"),
    Mode("nested runs, workers", ("-n2",), "nested"),
)
