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
ROUNDS = 5
_SUITE = f"""
import pytest

@pytest.mark.parametrize("number", range({TESTS}))
def test_it(devbox, number):
    devbox.file.write(file_path="number", contents=str(number))
    assert devbox.cmd.exec("cat number").stdout() == str(number)
"""


def measure() -> list[Figure]:
    """Run the same suite with the option and without it, in turns, and compare the time of a test."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(_SUITE)
        without: list[float] = []
        with_it: list[float] = []
        for _ in range(ROUNDS):
            without += _seconds(folder)
            with_it += _seconds(folder, "--runloop-artifacts=kept")
    # Noise only ever adds, and on a busy machine it adds far more than the option does.
    before, after = (statistics.quantiles(seconds, n=10)[0] * 1000 for seconds in (without, with_it))
    detail = f"quickest tenth of {len(with_it)} tests each: {after:.1f} ms / {before:.1f} ms"
    what = "a test that passes, boot included, with --runloop-artifacts against without"
    return [Figure(what, after / before, "x", 1.05, detail)]


def _seconds(folder: str, *options: str) -> list[float]:
    """Run the suite, and return how long each of its tests took."""
    junit = Path(folder, "junit.xml")
    quiet = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    command = [sys.executable, "-m", "pytest", *quiet, f"--junitxml={junit}", "--runloop-backend=local"]
    environment = {**os.environ, "RUNLOOP_STATE_DIR": str(Path(folder, "state"))}
    subprocess.run([*command, *options], cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    return [float(str(case.get("time"))) for case in ET.parse(junit).iter("testcase")]
