"""The state directory is this user's alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.box import Box, ok
from tests.local.running import server

_STRANGER = 54321
_LOOK = """
import json, os, sys
seen = []
for place in sys.argv[1:]:
    try:
        seen += os.listdir(place)
    except OSError:
        pass
    try:
        seen.append(open(place).read())
    except OSError:
        pass
print(json.dumps(seen))
"""


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Return a directory that everybody can reach, with a state directory in it that is too open."""
    with tempfile.TemporaryDirectory(prefix="runloop-trust-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        state_dir = Path(place) / "state"
        state_dir.mkdir(mode=0o755)
        state_dir.chmod(0o777)
        yield state_dir


def _use(state_dir: Path) -> list[str]:
    """Have a server keep things there, and return all that it then holds."""
    with server(state_dir) as running, running.client() as api:
        assert state_dir.stat().st_mode & 0o777 == 0o700
        devbox = Box.create(api, file_mounts={"secret": "x"})
        ok(devbox.post("snapshot_disk", {}))
        held = [str(path) for path in state_dir.rglob("*")]
        devbox.end()
    return held


def test_a_state_directory_that_was_too_open_is_closed(open_place: Path) -> None:
    _use(open_place)
    assert open_place.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")
def test_another_user_sees_nothing_of_the_state(open_place: Path) -> None:
    held = _use(open_place)
    left = [str(path) for path in open_place.rglob("*")]
    assert left
    seen = subprocess.run(
        ["/usr/bin/env", "python3", "-c", _LOOK, str(open_place), *sorted({*held[:500], *left[:500]})],
        user=_STRANGER,
        group=_STRANGER,
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if seen.returncode:
        pytest.skip(f"no Python for everybody here: {seen.stderr.strip()[-80:]}")
    assert json.loads(seen.stdout) == []


def test_a_place_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give directories away")
    os.chown(tmp_path, _STRANGER, _STRANGER)
    command = [sys.executable, "-m", "pytest_runloop.cli", "serve", "--state-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "belongs to another user" in done.stderr
