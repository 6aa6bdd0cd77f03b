"""`python -m tests.local.hasty STATE_DIR [PLAN]`: a server that holds no request for long, whatever it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

from pytest_runloop.local import serve
from pytest_runloop.local.faults import FaultPlan
from pytest_runloop.local.settings import Settings

from .running import PATIENCE, Server

HASTY = partial(
    Settings,
    devbox_hold=0.02,
    devbox_hold_max=0.05,
    execution_hold=0.05,
    create_hold=0.5,
    stream_keep_alive=1,
    eviction_watch=0.2,
    scoring=10,
    git_seconds=10,
)


@contextmanager
def hasty_server(state_dir: Path, *plan: str) -> Iterator[Server]:
    """Run it, on the best tier that the machine permits."""
    command = [sys.executable, "-m", "tests.local.hasty", str(state_dir), *plan]
    environment = os.environ | {"RUNLOOP_CONTAINER_ENGINE": "none"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
    try:
        assert process.stdout is not None
        yield Server(process, json.loads(process.stdout.readline()))
    finally:
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def main(state_dir: str, plan: str | None = None) -> int:
    """Serve until the standard input ends."""
    faults = None if plan is None else FaultPlan.parse(plan)
    options = serve.Options(state_dir=Path(state_dir), until_eof=True, faults=faults)
    with patch.object(serve, "Settings", HASTY):
        return serve.serve(options)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
