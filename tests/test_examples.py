"""The examples run, as a reader would run them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_runloop import cli
from pytest_runloop.session import options

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


def test_the_workflow_for_github_says_what_the_commands_take() -> None:
    steps = (ROOT / "examples" / "github_actions" / "tests.yml").read_text(encoding="utf-8")
    commands = [shlex.split(line) for line in re.findall(r"run: (pytest.*)", steps)]
    assert {command[0] for command in commands} == {"pytest", "pytest-runloop"}
    flags = {option.flag for option in options.OPTIONS} | {options.SNAPSHOT_ON_FAIL}
    for command in commands:
        if command[0] == "pytest":
            given = [word.partition("=")[0] for word in command if word.startswith("--runloop-")]
            assert given
            assert flags.issuperset(given)
        else:
            assert cli._parser().parse_args(command[1:]).command == command[1]
