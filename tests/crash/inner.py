"""The tests of a case, which its workers run."""

from __future__ import annotations

from pytest_runloop import Devbox


def test_in_a_devbox(devbox: Devbox, how: str) -> None:
    if how == "fatal":
        devbox.cmd.exec("echo fatal")
    assert how == "passes"
