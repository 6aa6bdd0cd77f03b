"""What it costs a suite in which nothing fails to keep evidence of failures."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from .figures import Figure

TESTS = 40
ROUNDS = 16
_OPTIONS = ("--runloop-snapshot-on-fail", "--runloop-artifacts=kept")
_SUITE = f"""
import pytest

@pytest.mark.parametrize("number", range({TESTS}))
def test_it(devbox, number):
    devbox.file.write(file_path="number", contents=str(number))
    assert devbox.cmd.exec("cat number").stdout() == str(number)
"""


def measure() -> list[Figure]:
    """Run the same suite without and with the options, in turns, and compare what they add with the noise."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(_SUITE)
        _typical_ms(folder)  # Compiles whatever was not yet.
        pairs = [(_typical_ms(folder), _typical_ms(folder, *_OPTIONS)) for _ in range(ROUNDS)]
    without, with_them = zip(*pairs, strict=True)
    added = statistics.median(after - before for before, after in pairs)
    low, _, high = statistics.quantiles(without, n=4)
    detail = (
        f"{statistics.median(with_them):.1f} ms / {statistics.median(without):.1f} ms a test, boot included; "
        f"must be: how far the middle half of {ROUNDS} runs without them lies apart"
    )
    what = "added to a test that passes, with `--runloop-snapshot-on-fail --runloop-artifacts`"
    return [Figure(what, added, "ms", round(high - low, 2), detail)]


def _typical_ms(folder: str, *options: str) -> float:
    return statistics.median(_seconds(folder, *options)) * 1000


def _seconds(folder: str, *options: str) -> list[float]:
    """Run the suite, and return how long each of its tests took."""
    junit = Path(folder, "junit.xml")
    quiet = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    command = [sys.executable, "-m", "pytest", *quiet, f"--junitxml={junit}", "--runloop-backend=local"]
    environment = {**os.environ, "RUNLOOP_STATE_DIR": str(Path(folder, "state"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([*command, *options], cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    return [float(str(case.get("time"))) for case in ET.parse(junit).iter("testcase")]
