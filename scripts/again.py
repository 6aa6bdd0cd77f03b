"""Runs the tests once more that failed in the last run, one after the other, and names those that pass now.

`python -m scripts.again STATUS` takes the exit status of that run. The tests start and kill thousands of real
processes; one in some ten thousand waits in vain on a machine that is busy with the others. What fails
alone too, and more failures than a few, are no such case: the exit status says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_FEW = 5
_FAILED = 1
_LAST_FAILED = Path(".pytest_cache") / "v" / "cache" / "lastfailed"


def main(status: int) -> int:
    """Run the failed tests again, if they are few, and return the exit status of both runs together."""
    failed = _failed() if status == _FAILED else []
    if not 0 < len(failed) <= _FEW:
        return status
    print(f"again, one after the other: {len(failed)} of the tests failed", flush=True)
    second = subprocess.run([sys.executable, "-m", "pytest", "-n", "0", "--lf", "--lfnf=none"]).returncode
    if second == 0:
        print("UNSTEADY, failed among others and passed alone:", *failed, sep="\n  ", flush=True)
    return second


def _failed() -> list[str]:
    try:
        return list(json.loads(_LAST_FAILED.read_text()))
    except FileNotFoundError:  # pytest ended before a test did
        return []


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
