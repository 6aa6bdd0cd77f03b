"""The names that the package gives, and what they cost."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import pytest_runloop
from pytest_runloop import types
from pytest_runloop.types import shared_params

ROOT = Path(__file__).parents[2]


def test_every_public_name_is_there() -> None:
    for name in pytest_runloop.__all__:
        assert getattr(pytest_runloop, name) is not None
    assert set(pytest_runloop.__all__) <= set(dir(pytest_runloop))
    with pytest.raises(AttributeError, match="Runlop"):
        _ = pytest_runloop.Runlop


def test_every_type_is_there_and_its_annotations_can_be_evaluated() -> None:
    for module in (types, shared_params):
        for name in module.__all__:
            kind = getattr(module, name)
            if name.endswith("Params") or name.endswith("Options"):
                assert get_type_hints(kind, include_extras=True), name


def test_names_that_are_both_view_and_params_are_in_both_places() -> None:
    for name in shared_params.__all__:
        assert getattr(types, name) is not getattr(shared_params, name)


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a statement loads in a new interpreter."""
    source = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_naming_the_client_loads_neither_httpx_nor_pydantic() -> None:
    assert "httpx" not in loaded_by("from pytest_runloop import Runloop")
    assert {"httpx", "pydantic"} <= loaded_by(
        "import pytest_runloop; pytest_runloop.Runloop('http://x', 'k')"
    )
    assert not {"httpx", "pydantic", "anyio"} & loaded_by("import pytest_runloop")


def test_the_sync_client_is_generated_from_the_async_one() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "unasync.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_sync_client_has_nothing_async_in_it() -> None:
    for path in (ROOT / "pytest_runloop" / "client" / "_sync").glob("*.py"):
        text = path.read_text()
        assert text.startswith("# Generated from ../_async/")
        assert not re.search(r"\b(async|await|Async\w+|aclose)\b", text.split("\n", 1)[1]), path.name
