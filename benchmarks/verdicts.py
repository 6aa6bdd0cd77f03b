"""How often a failure of the environment is known as one, and how often one of the code is taken for one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .figures import Figure
from .wrong_code import MUTATIONS, mutated

SEED = 20_261_124
EACH = 5
"""So often each kind of fault is injected."""
CODE = 2_100
"""So many tests fail by their code."""
_SHUT = "http_{}@{}:should_retry=false"
_FAULTS: dict[str, tuple[str, str]] = {
    **{
        f"dies of {reason}": (f'die_{reason}:command="*kind-{reason}*"', f'run("echo kind-{reason}")')
        for reason in ("out_of_memory", "out_of_disk", "health_check_failed", "execution_failed")
    },
    **{
        f"ended by {reason}": (f'die_{reason}:command="*kind-{reason}*"', f'run("echo kind-{reason}")')
        for reason in ("keep_alive_timeout", "idle", "ttl_expired", "entrypoint_exit")
    },
    "dies while it is not looked at": ('die_out_of_memory:command="*unseen*"', "unseen()"),
    "does not boot": ("die_health_check_failed:moment=boot:devbox=weak-*", 'made("weak-1")'),
    "runs out of memory at its boot": ("die_out_of_memory:moment=boot:devbox=poor-*", 'made("poor-1")'),
    "no file is written: 503": (_SHUT.format(503, "write_file_contents"), "write()"),
    "no command is started: 500": (_SHUT.format(500, "execute_async") + ":devbox=mute-*", 'other("mute-1")'),
    "too many calls: 429": (_SHUT.format(429, "read_file_contents"), "read()"),
    "a download is cut": ("cut@download_file:at=10", "download()"),
    "connections are reset": ("reset@upload_file", "upload()"),
    "answers are lost": ("lost@snapshot_disk_async", "snapshot()"),
}
_HEAD = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def few_retries(runloop):
    # The service is as broken after thirty seconds as after none.
    runloop._transport.retries = type(runloop._transport.retries)(max_retries=0)

@pytest.fixture
def tools(devbox, devbox_factory):
    def unseen():
        try:
            devbox.cmd.exec("echo unseen")
        except Exception:
            pass

    def other(name):
        devbox_factory(name=name).cmd.exec("true")

    return {
        "run": devbox.cmd.exec,
        "unseen": unseen,
        "made": lambda name: devbox_factory(name=name),
        "other": other,
        "write": lambda: devbox.file.write(file_path="x", contents="x"),
        "read": lambda: devbox.file.read(file_path="/etc/passwd"),
        "download": lambda: devbox.file.download(path="/etc/passwd"),
        "upload": lambda: devbox.file.upload(path="x", file=b"x"),
        "snapshot": devbox.snapshot_disk,
    }
"""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one test.

    :param failed: whether it did.
    :param verdict: what its report says of that; `None` if nothing.
    """

    failed: bool
    verdict: str | None

    @property
    def of_the_environment(self) -> bool:
        return (self.verdict or "").startswith("environment")


def measure(seed: int = SEED) -> list[Figure]:
    """Inject faults, mutate code, and count the verdicts.

    :param seed: decides the mutations.
    """
    kinds = list(_FAULTS) * EACH
    injected, mutants = _injected(kinds), _run(mutated(random.Random(seed), CODE))
    return [
        _known(kinds, injected),
        _taken(mutants, seed),
        _silent({**injected, **mutants}, len(kinds) + CODE),
    ]


def _known(kinds: list[str], injected: Mapping[str, _Outcome]) -> Figure:
    known = {name for name, outcome in injected.items() if outcome.of_the_environment}
    _tell("not known", [kind for number, kind in enumerate(kinds) if f"test_{number}" not in known])
    each = f"{len(known)} of {len(kinds)} failures, {len(_FAULTS)} kinds of faults"
    share = 100 * len(known) / len(kinds)
    return Figure(
        "failures by injected faults that are known as the environment's", share, "%", 95, each, True
    )


def _taken(mutants: Mapping[str, _Outcome], seed: int) -> Figure:
    wrong = [name for name, outcome in mutants.items() if outcome.of_the_environment]
    _tell("taken for the environment's", wrong)
    failed = sum(outcome.failed for outcome in mutants.values())
    each = f"{failed} failures, {len(MUTATIONS)} kinds, seed {seed}; {len(mutants) - failed} did not fail"
    return Figure("failures of mutated code that are taken for the environment's", len(wrong), "", 0, each)


def _silent(outcomes: Mapping[str, _Outcome], tests: int) -> Figure:
    """Count the failures without a verdict, and the tests that left no report."""
    silent = [name for name, outcome in outcomes.items() if outcome.failed and outcome.verdict is None]
    _tell("without a verdict", silent)
    count = len(silent) + tests - len(outcomes)
    return Figure(
        "tests of both that failed without a verdict, or left no report", count, "", 0, f"{tests} tests"
    )


def _tell(what: str, names: list[str]) -> None:
    for name in sorted(names):
        print(f"{what}: {name}", file=sys.stderr)


def _injected(kinds: list[str]) -> dict[str, _Outcome]:
    """Run a test under a fault of each of these kinds."""
    tests = [
        f"def test_{number}(tools):\n    {_called(_FAULTS[kind][1])}\n" for number, kind in enumerate(kinds)
    ]
    plan = ",".join(["seed=1", *dict.fromkeys(plan for plan, _ in _FAULTS.values())])
    return _run(_HEAD + "\n".join(tests), f"--runloop-faults={plan}")


def _called(call: str) -> str:
    return f'tools["{call.partition("(")[0]}"]({call.partition("(")[2]}'


def _run(source: str, *options: str) -> dict[str, _Outcome]:
    """Run a suite, and return what became of each test."""
    with tempfile.TemporaryDirectory(prefix="runloop-bench-") as folder:
        Path(folder, "test_it.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore"]
        fixed = ["--junitxml=junit.xml", "--runloop-backend=local", "-n2"]
        subprocess.run(
            [*command, *fixed, *options],
            cwd=folder,
            env={**os.environ, "RUNLOOP_STATE_DIR": str(Path(folder, "state"))},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        cases = ET.parse(Path(folder, "junit.xml")).iter("testcase")
        return {str(case.get("name")): _outcome(case) for case in cases}


def _outcome(case: ET.Element) -> _Outcome:
    named = (entry for entry in case.iter("property") if entry.get("name") == "runloop_verdict")
    found = next(named, None)
    failed = case.find("failure") is not None or case.find("error") is not None
    return _Outcome(failed, None if found is None else found.get("value"))
