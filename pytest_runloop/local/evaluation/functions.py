"""The six kinds of scoring functions: each runs in the devbox, and gives a score from 0 to 1."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ..descriptors import write_file
from .contracts import context_of
from .custom_scorers import CustomScorers
from .workplace import Outcome, Workplace

_SAID = re.compile(r"\bscore\s*=\s*([-+]?[\w.]+)", re.IGNORECASE)
_PYTHONS = ("python3", "python", *(f"python3.{minor}" for minor in range(20, 6, -1)))


class ScoringError(Exception):
    """A function gave no score; the text says why."""

    def __init__(self, why: str, output: str = "") -> None:
        self.output = output
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Found:
    """A score from 0 to 1, and what the function printed."""

    score: float
    output: str


@dataclass(frozen=True, slots=True)
class Job:
    """A scoring function, and what it works with.

    :param scorer: as the API has it.
    """

    scorer: Mapping[str, Any]
    workplace: Workplace
    scorers: CustomScorers


async def apply(job: Job) -> Found:
    """Run a scoring function.

    :raises ScoringError: if it gives no score.
    :raises TimeIsUpError, ApiError, OSError, EngineError: as `Workplace.run`.
    """
    return await _KINDS[job.scorer["type"]](job)


async def _bash_script(job: Job) -> Found:
    return _printed(await job.workplace.run(job.scorer["bash_script"], context_of(None)))


async def _custom(job: Job) -> Found:
    scorer = job.scorers.of_type(job.scorer["custom_scorer_type"])
    return await run_custom(job.workplace, scorer.bash_script, job.scorer.get("scorer_params"))


async def run_custom(workplace: Workplace, script: str, context: Any) -> Found:
    """Run the script of a custom scorer.

    :param context: what it finds in `$RL_SCORER_CONTEXT`.
    :raises ScoringError: if it gives no score.
    """
    return _printed(await workplace.run(script, context_of(context)))


async def _command(job: Job) -> Found:
    return _by_status(await job.workplace.run(job.scorer["command"]))


async def _test_based(job: Job) -> Found:
    for file in job.scorer.get("test_files") or ():
        path = job.workplace.place(file["file_path"])
        await write_file(job.workplace.box, path, file.get("file_contents") or "")
    return _by_status(await job.workplace.run(job.scorer["test_command"]))


def _by_status(outcome: Outcome) -> Found:
    return Found(1.0 if outcome.exit_status == 0 else 0.0, outcome.output)


def _printed(outcome: Outcome) -> Found:
    """Return the score that a script printed: the last `score=0.5`, else the number on its last line."""
    said = _SAID.findall(outcome.stdout)
    lines = outcome.stdout.split()
    if said:
        return Found(_number(said[-1], outcome), outcome.output)
    if outcome.exit_status != 0:
        # A lone number before a crash may be anything.
        message = f"the script exited with status {outcome.exit_status} and printed no `score=`"
        raise ScoringError(message, outcome.output)
    if not lines:
        raise ScoringError("the script printed no score: let it end with `score=0.5`", outcome.output)
    return Found(_number(lines[-1], outcome), outcome.output)


def _number(text: str, outcome: Outcome) -> float:
    try:
        score = float(text)
    except ValueError:
        message = f"the script printed no score: it ended with `{text[:80]}`, not with `score=0.5`"
        raise ScoringError(message, outcome.output) from None
    if not 0 <= score <= 1:
        raise ScoringError(
            f"the script printed the score {text[:80]}, which is not from 0 to 1", outcome.output
        )
    return score


# Python


async def _python_script(job: Job) -> Found:
    python = await _python(job.workplace, job.scorer.get("python_version_constraint") or "")
    scratch = job.workplace.scratch()
    await scratch.write("score.py", job.scorer["python_script"])
    script = scratch.removal
    if requirements := job.scorer.get("requirements_contents"):
        await scratch.write("requirements.txt", requirements)
        venv, listed = scratch.quoted("venv"), scratch.quoted("requirements.txt")
        script += (
            f"{python} -m venv {venv} >&2"
            f" && {venv}/bin/python -m pip install --disable-pip-version-check -q -r {listed} >&2"
            ' || { echo "the requirements could not be installed" >&2; exit 1; }; '
        )
        python = f"{venv}/bin/python"
    outcome = await job.workplace.run(f"{script}{python} {scratch.quoted('score.py')}")
    return _printed(outcome)


async def _python(workplace: Workplace, constraint: str) -> str:
    """Return the Python of the devbox that satisfies a constraint, as a word of a shell command.

    :raises ScoringError: if there is none.
    """
    ask = "import sys, platform; print(sys.executable, platform.python_version())"
    listed = " ".join(_PYTHONS)
    script = f"for p in {listed}; do command -v $p >/dev/null && $p -c '{ask}'; done 2>/dev/null; true"
    found = [line.rsplit(" ", 1) for line in (await workplace.run(script)).stdout.splitlines()]
    for path, version in (pair for pair in found if len(pair) == 2):
        if _satisfies(version, constraint):
            return shlex.quote(path)
    versions = ", ".join(sorted({version for _, version in found})) or "none"
    wanted = f" that satisfies `{constraint}`" if constraint else ""
    raise ScoringError(f"the devbox has no Python{wanted}: it has {versions}")


def _satisfies(version: str, constraint: str) -> bool:
    try:
        return Version(version.rstrip("+")) in SpecifierSet(constraint, prereleases=True)
    except InvalidVersion:
        return False


# ast-grep


async def _ast_grep(job: Job) -> Found:
    scratch = job.workplace.scratch()
    program, removal = "ast-grep", ""
    if (await job.workplace.run("command -v ast-grep")).exit_status != 0:
        await scratch.copy("ast-grep", _ast_grep_of_host())
        program, removal = scratch.quoted("ast-grep"), scratch.removal
    outcome = await job.workplace.run(removal + _search(program, job.scorer))
    if outcome.exit_status not in (0, 1):
        raise ScoringError(f"ast-grep failed with exit status {outcome.exit_status}", outcome.output)
    return _by_status(outcome)


def _search(program: str, scorer: Mapping[str, Any]) -> str:
    directory = shlex.quote(scorer["search_directory"])
    if scorer["search_directory"].startswith("~/"):
        directory = '"$HOME"/' + shlex.quote(scorer["search_directory"].removeprefix("~/"))
    language = f" --lang {shlex.quote(scorer['lang'])}" if scorer.get("lang") else ""
    # ast-grep takes a missing directory for one without matches. The pattern stands between double quotes,
    # as the API has it: its writers have escaped their dollars.
    return (
        f"[ -e {directory} ] || {{ printf 'there is no %s\\n' {directory} >&2; exit 2; }}; "
        f'{program} run --color never --pattern "{scorer["pattern"]}"{language} -- {directory}'
    )


def _ast_grep_of_host() -> Path:
    beside = which("ast-grep", path=str(Path(sys.executable).parent))
    found = which("ast-grep") or beside
    if found is None:
        raise ScoringError(
            "the program `ast-grep` is neither in the devbox nor on the machine of the local backend:"
            " `pip install ast-grep-cli` where the server runs, or install it in the devbox's blueprint"
        )
    return Path(found)


_KINDS: Mapping[str, Callable[[Job], Awaitable[Found]]] = {
    "ast_grep_scorer": _ast_grep,
    "bash_script_scorer": _bash_script,
    "command_scorer": _command,
    "custom_scorer": _custom,
    "python_script_scorer": _python_script,
    "test_based_scorer": _test_based,
}
