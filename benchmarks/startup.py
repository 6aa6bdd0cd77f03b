"""What the plugin adds to `pytest` in a project that does not use it."""

from __future__ import annotations

import os
import resource
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
    # Noise only ever adds, and it adds far more than the plugin does.
    without, with_it = (min(column) for column in zip(*pairs, strict=True))
    added = with_it - without
    detail = f"least of {ROUNDS} runs each; pytest alone {without:.0f} ms"
    return [Figure("added to pytest where the plugin is not used, processor time", added, "ms", 10, detail)]


def _processor_ms(folder: str, *options: str) -> float:
    # Without it pytest would compile every module at every start, which no user's project does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used * 1000
