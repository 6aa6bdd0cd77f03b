"""Where a run takes place: the state of its repository, the CI job, versions, the seed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import pytest

from ... import __version__
from .schema import Git

CHANGED = 200
"""How many changed paths are told at the most."""
_SECONDS = 5.0
_CI = (
    *("CI", "BUILD_ID", "BUILD_NUMBER", "BUILD_URL", "JOB_NAME", "GIT_BRANCH", "RUNNER_NAME"),
    *(
        "GITHUB_ACTOR",
        "GITHUB_EVENT_NAME",
        "GITHUB_HEAD_REF",
        "GITHUB_JOB",
        "GITHUB_REF",
        "GITHUB_REPOSITORY",
    ),
    *("GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID", "GITHUB_RUN_NUMBER", "GITHUB_SERVER_URL", "GITHUB_SHA"),
    *("GITHUB_WORKFLOW", "CI_COMMIT_REF_NAME", "CI_COMMIT_SHA", "CI_JOB_ID", "CI_JOB_NAME", "CI_JOB_URL"),
    *("CI_PIPELINE_ID", "CI_PIPELINE_URL", "CI_PROJECT_PATH", "BITBUCKET_BUILD_NUMBER", "BITBUCKET_COMMIT"),
    *("CIRCLE_BUILD_URL", "CIRCLE_JOB", "CIRCLE_SHA1", "BUILDKITE_BUILD_URL", "BUILDKITE_JOB_ID"),
    *("BUILDKITE_COMMIT", "BUILD_BUILDID", "BUILD_SOURCEVERSION", "SYSTEM_TEAMPROJECT", "TRAVIS_JOB_WEB_URL"),
    *("DRONE_BUILD_LINK", "CODEBUILD_BUILD_ID", "TEAMCITY_VERSION"),
)
"""Names of variables by which CI services tell which job it is. Those that hold tokens are not among them."""
_PACKAGES = (
    *(
        "pytest",
        "pytest-xdist",
        "pytest-asyncio",
        "pytest-randomly",
        "pytest-rerunfailures",
        "pytest-timeout",
    ),
    *("httpx", "pydantic"),
)


def git(directory: Path) -> Git | None:
    """Return the state of the repository that a directory belongs to; `None` if there is none, or no git."""
    commit = _git(directory, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    branch = _git(directory, "symbolic-ref", "--quiet", "--short", "HEAD")
    status = _git(directory, "status", "--porcelain") or ""
    changed = [line[3:] for line in status.splitlines()]
    return Git(commit.strip(), branch and branch.strip(), changed[:CHANGED])


def _git(directory: Path, *arguments: str) -> str | None:
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", str(directory), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=quiet, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def ci() -> dict[str, str]:
    """Return what the CI service says about its job; empty where there is none."""
    return {name: os.environ[name] for name in _CI if os.environ.get(name)}


def versions() -> dict[str, str]:
    """Return the versions of what the run depends on."""
    found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "pytest-runloop": __version__,
    }
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def seed(config: pytest.Config) -> int | None:
    """Return the seed of pytest-randomly, if it is there."""
    given = config.getoption("randomly_seed", default=None)
    return given if isinstance(given, int) and not isinstance(given, bool) else None
