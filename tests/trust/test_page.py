"""The page on trust names tests that exist, and speaks of every tier."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_runloop.local.engine import select
from tests.support.children import PROJECT

_PAGE = (PROJECT / "docs" / "trust.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`((?:tests/)?[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize(("file", "test"), sorted(set(_TEST.findall(_PAGE))))
def test_a_test_that_the_page_names_exists(file: str, test: str) -> None:
    path = PROJECT / (file if file.startswith("tests/") else f"tests/trust/{file}")
    assert f"def {test}(" in path.read_text(encoding="utf-8") if test else path.exists()


@pytest.mark.parametrize("tier", select.tiers())
def test_the_page_speaks_of_the_tier(tier: str) -> None:
    assert f"\n### {tier}\n" in _PAGE
    assert f" `{tier}` |" in _PAGE


def test_the_page_names_every_test_of_what_a_devbox_or_a_caller_may_try() -> None:
    written = [
        name
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name != Path(__file__).name
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [name for name in written if name not in _PAGE] == []
