"""How many failing tests of a corpus `pytest-runloop repro` leads back to, from their bundles alone.

For two seeds the corpus fails on a local backend, with `--runloop-artifacts` and snapshots. Then each of the
bundles is reproduced by a new process: the command that the test failed at must be found, and end as it did.
"""

from __future__ import annotations

import functools
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_runloop.session.evidence.schema import load

from .figures import Figure
from .local import backend

SEED = 1
SECRETS = {"API_TOKEN": "tok_4vTz81kQm29xLw"}
_CORPUS = Path(__file__).parents[1] / "tests" / "wayback" / "corpus.py"
_RUN = (
    *("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"),
    "--runloop-snapshot-on-fail",
)


def measure(seed: int = SEED) -> list[Figure]:
    """Let tests fail, and count those that are reproduced: as `repro` chooses, and from a snapshot.

    :param seed: decides the corpus's words and numbers; the next one is used too.
    """
    seeds = (str(seed), str(seed + 1))
    usual: list[bool] = []
    restored: list[bool] = []
    for each in seeds:
        with tempfile.TemporaryDirectory(prefix="rl-") as folder, backend("auto") as running:
            server = {"RUNLOOP_BASE_URL": running.base_url, "RUNLOOP_API_KEY": running.api_key}
            own = {"CORPUS_SEED": each, "RUNLOOP_STATE_DIR": folder}
            environment = {**os.environ, **server, **SECRETS, **own}
            for bundle in failed(Path(folder), environment):
                usual.append(reproduced(bundle, environment))
                restored.append(reproduced(bundle, environment, "--snapshot"))
    detail = f"seeds {' and '.join(seeds)}, {len(usual) // len(seeds)} tests each that fail in different ways"
    # A snapshot has no processes, and what the command changed: not all commands do the same once more.
    return [
        Figure("bundles reproduced by `repro --run`", _share(usual), "%", 100, detail, at_least=True),
        Figure("bundles reproduced from a snapshot", _share(restored), "%", 75, detail, at_least=True),
    ]


def _share(reproduced: list[bool]) -> float:
    return 100 * sum(reproduced) / len(reproduced)


def failed(folder: Path, environment: Mapping[str, str], *only: str) -> list[Path]:
    """Let the corpus fail, and return the bundles.

    :param folder: where the bundles are made.
    :param only: names of tests; all by default.
    """
    (folder / "corpus.py").write_text(_CORPUS.read_text(encoding="utf-8"), encoding="utf-8")
    chosen = [f"corpus.py::{name}" for name in only] or ["corpus.py"]
    command = [sys.executable, "-m", "pytest", *_RUN, f"--runloop-artifacts={folder / 'bundles'}", *chosen]
    subprocess.run(command, cwd=folder, env=environment, check=False, stdout=subprocess.DEVNULL)
    return sorted(path.parent for path in (folder / "bundles").glob("*/evidence.json"))


@functools.cache
def cases(seed: str) -> dict[str, tuple[int | None, str]]:
    """Return what must become of the corpus's tests with a seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORPUS_SEED", seed)
        found: dict[str, tuple[int | None, str]] = runpy.run_path(str(_CORPUS))["CASES"]
    return found


def reproduced(bundle: Path, environment: Mapping[str, str], *way: str) -> bool:
    """Reproduce a failure; tell whether that is what became of it, and say so if not.

    :param way: options of `repro`.
    """
    name = load(bundle).test.rpartition("::")[2].partition("[")[0]
    status, text = cases(environment["CORPUS_SEED"])[name]
    command = [sys.executable, "-m", "pytest_runloop.cli", "repro", "--run", *way, str(bundle)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    expected = 124 if status is None else status
    if done.returncode == expected and text in done.stdout and "repro: REPRODUCED" in done.stderr:
        return True
    told = f"{done.stdout[-500:]}\n{done.stderr[-1500:]}"
    print(f"{name} {' '.join(way)}: status {done.returncode}, not {expected}\n{told}", file=sys.stderr)
    return False
