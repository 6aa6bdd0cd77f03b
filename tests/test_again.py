"""Failed tests are run again, and what passes then is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.again import main

_UNSTEADY = """
import pathlib

def test_steady():
    pass

def test_unsteady():
    seen = pathlib.Path("seen").exists()
    pathlib.Path("seen").touch()
    assert seen
"""
_BROKEN = """
import pytest

@pytest.mark.parametrize("number", range({}))
def test_broken(number):
    assert False
"""


def _first_run(folder: Path, text: str) -> int:
    (folder / "test_it.py").write_text(text)
    return subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True).returncode


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (
            _UNSTEADY,
            0,
            "1 passed*UNSTEADY*test_it.py::test_unsteady",
        ),
        (_BROKEN.format(2), 1, "again, one after the other: 2 of the tests failed*2 failed"),
        (_BROKEN.format(6), 1, ""),
        ("raise KeyboardInterrupt", 2, ""),
    ],
)
def test_a_few_that_failed_are_run_again(
    text: str,
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = _first_run(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    assert main(first) == status
    out = capfd.readouterr().out
    position = -1
    for part in told.split("*"):
        position = out.index(part, position + 1)
    assert bool(out) == bool(told)


def test_without_a_failure_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [main(status) for status in (1, 3, 5)] == [1, 3, 5]
