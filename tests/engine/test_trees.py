"""Copies of trees of files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pytest_runloop.local.engine import trees

_MEMORY = Path("/dev/shm")


def test_a_tree_is_copied_to_a_file_system_of_another_kind(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "below" / "large").write_bytes(os.urandom(3 << 20))
    with (source / "sparse").open("wb") as file:
        file.truncate(8 << 20)
        file.write(b"head")
    if not _MEMORY.is_dir() or _MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system here")
    with tempfile.TemporaryDirectory(dir=_MEMORY) as place:
        copy = Path(place) / "copy"
        trees.copy(str(source), str(copy))
        for name in ("below/large", "sparse"):
            assert (copy / name).read_bytes() == (source / name).read_bytes()
        assert (copy / "sparse").stat().st_blocks < (1 << 20) // 512
