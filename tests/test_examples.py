"""The examples run, as a reader would run them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if any(path.glob("test_*.py")))


@pytest.mark.parametrize(("name", "workers"), [("quickstart", []), *((name, ["-n2"]) for name in EXAMPLES)])
def test_an_example_passes(name: str, workers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="rl-") as state:
        monkeypatch.setenv("RUNLOOP_STATE_DIR", state)
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"examples/{name}",
            "-v",
            "-p",
            "no:cacheprovider",
            *workers,
        ]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "devboxes, boot median" in run.stdout
        assert not any(Path(state, "runs").iterdir())
