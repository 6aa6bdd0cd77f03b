"""What a snapshot's metadata say of the code that ran: the commit, whether files were changed, the CI job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import surroundings

COMMIT_KEY = "pytest-runloop-commit"
TREE_KEY = "pytest-runloop-tree"
JOB_KEY = "pytest-runloop-job"
EXCEPTION_KEY = "pytest-runloop-exception"
LONGEST = 250
"""Characters of a value."""
_ADDRESSES = ("CI_JOB_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "BUILD_URL", "TRAVIS_JOB_WEB_URL")
"""Variables in which CI services name the address of the job."""


def provenance(folder: Path) -> Mapping[str, str]:
    """Return the metadata that say what code ran, as far as that is known.

    :param folder: any of the project.
    """
    git, job = surroundings.git(folder), surroundings.ci()
    told = {
        COMMIT_KEY: git.commit if git is not None else job.get("GITHUB_SHA", ""),
        TREE_KEY: "" if git is None else "changed" if git.dirty else "clean",
        JOB_KEY: _address(job),
    }
    return {key: value[:LONGEST] for key, value in told.items() if value}


def _address(job: Mapping[str, str]) -> str:
    if "GITHUB_RUN_ID" in job:
        server = job.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{job.get('GITHUB_REPOSITORY', '')}/actions/runs/{job['GITHUB_RUN_ID']}"
    return next((job[name] for name in _ADDRESSES if name in job), "")
