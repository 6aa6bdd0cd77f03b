"""What the plugin adds to `pytest` in a project that does not use it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from .figures import Figure

ROUNDS = 40


def measure() -> list[Figure]:
    """Compare the processor time of pytest with the plugin and with `-p no:runloop`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        Path(folder, "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        _processor_ms(folder)  # Compiles whatever was not yet.
        pairs = [(_processor_ms(folder, "-p", "no:runloop"), _processor_ms(folder)) for _ in range(ROUNDS)]
    without = statistics.median(first for first, _ in pairs)
    added = statistics.median(second - first for first, second in pairs)
    detail = f"median of {ROUNDS} pairs; pytest alone {without:.0f} ms"
    return [Figure("added to pytest where the plugin is not used, processor time", added, "ms", 10, detail)]


def _processor_ms(folder: str, *options: str) -> float:
    # Without it pytest would compile every module at every start, which no user's project does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used * 1000
