"""How often a failure of the environment is known as one, and how often one of the code is taken for one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
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


def measure() -> list[Figure]:
    """Inject faults, mutate code, and count the verdicts."""
    print(f"seed {SEED}", file=sys.stderr)
    known = _environment()
    taken, judged, missing = _code()
    share = 100 * known / (EACH * len(_FAULTS))
    each = f"{known} of {EACH * len(_FAULTS)} failures, {len(_FAULTS)} kinds of faults"
    kinds = f"{judged} failures, {len(MUTATIONS)} kinds, seed {SEED}"
    if missing:
        kinds += f"; {missing} did not fail"
    return [
        Figure("failures by injected faults that are known as the environment's", share, "%", 95, each, True),
        Figure("failures of mutated code that are taken for the environment's", taken, "", 0, kinds),
    ]


def _environment() -> int:
    tests = [
        f"def test_{number}(tools):\n    {_called(call)}\n"
        for number, (_, call) in enumerate(list(_FAULTS.values()) * EACH)
    ]
    plan = ",".join(["seed=1", *dict.fromkeys(plan for plan, _ in _FAULTS.values())])
    verdicts = _run(_HEAD + "\n".join(tests), f"--runloop-faults={plan}")
    kinds = list(_FAULTS) * EACH
    missed = [kinds[int(name[5:])] for name, verdict in verdicts.items() if not _is_environment(verdict)]
    for kind in sorted(set(missed)):
        print(f"not known: {kind} ({missed.count(kind)} times)", file=sys.stderr)
    return sum(_is_environment(verdict) for verdict in verdicts.values())


def _called(call: str) -> str:
    return f'tools["{call.partition("(")[0]}"]({call.partition("(")[2]}'


def _code() -> tuple[int, int, int]:
    """Return how many failures were taken for the environment's, of how many, and how many tests passed."""
    verdicts = _run(mutated(random.Random(SEED), CODE))
    wrong = [name for name, verdict in verdicts.items() if _is_environment(verdict)]
    for name in wrong:
        print(f"taken for the environment's: {name}", file=sys.stderr)
    judged = sum(verdict is not None for verdict in verdicts.values())
    return len(wrong), judged, len(verdicts) - judged


def _is_environment(verdict: str | None) -> bool:
    return (verdict or "").startswith("environment")


def _run(source: str, *options: str) -> dict[str, str | None]:
    """Run a suite, and return the verdict on each test."""
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
        return {str(case.get("name")): _verdict(case) for case in cases}


def _verdict(case: ET.Element) -> str | None:
    named = (entry for entry in case.iter("property") if entry.get("name") == "runloop_verdict")
    found = next(named, None)
    return None if found is None else found.get("value")
