"""Python children that try out what cannot be undone: filters, Landlock, subreaping."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


def run_child(source: str, *arguments: str, prefix: tuple[str, ...] = ()) -> Any:
    """Run Python source in a child without site packages, and return what it printed, read as JSON.

    :param prefix: a command that the child is started by, such as `unshare -r`.
    """
    command = [*prefix, sys.executable, "-S", "-c", source, *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)
