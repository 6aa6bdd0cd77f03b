"""The summary of a job on GitHub Actions: what became of the devboxes, and which tests failed in one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file, in Markdown, that GitHub shows with the job."""
NAME = "runloop-job-summary"
PREFIX = "runloop_"
ROWS = 100
"""How many failed tests are listed: GitHub takes a megabyte a step."""


class JobSummary:
    """A plugin of pytest that looks at the reports of failed tests.

    :param path: the file that GitHub shows.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, Mapping[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, and at the test's end what its devboxes were."""
        if report.failed:
            self._failed.setdefault(report.nodeid, {})
        if report.when == "teardown" and report.nodeid in self._failed:
            self._failed[report.nodeid] = {
                name.removeprefix(PREFIX): str(value)
                for name, value in report.user_properties
                if name.startswith(PREFIX)
            }

    def write(self, lines: Sequence[str]) -> None:
        """Add to what GitHub shows.

        :param lines: the run's summary.
        """
        rows = [(test, known) for test, known in self._failed.items() if known]
        text = "\n".join(["### Devboxes", "", *_items(lines), "", *_table(rows)]) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            print(f"runloop: the job's summary could not be written: {error}", file=sys.stderr)


def register(config: pytest.Config) -> None:
    """Let pytest tell of its reports, where GitHub Actions runs it; not in an xdist worker."""
    path = os.environ.get(VARIABLE)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(JobSummary(Path(path)), NAME)


def write(config: pytest.Config, lines: Sequence[str]) -> None:
    """Write the summary, where GitHub Actions runs pytest.

    :param lines: the run's summary; none if no devbox was used.
    """
    summary = config.pluginmanager.get_plugin(NAME)
    if isinstance(summary, JobSummary) and lines:
        summary.write(lines)


def _items(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        text = line.lstrip()
        yield f"{' ' * (len(line) - len(text))}- {_escaped(text)}"


def _table(rows: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    if not rows:
        return
    columns = list(dict.fromkeys(name for _, known in rows for name in known))
    yield "| failed test | " + " | ".join(name.replace("_", " ") for name in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for test, known in rows[:ROWS]:
        cells = [test, *(known.get(name, "") for name in columns)]
        yield "| " + " | ".join(_escaped(cell) for cell in cells) + " |"
    if len(rows) > ROWS:
        yield f"\n{len(rows) - ROWS} more failed."


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, also in a cell of a table."""
    special = "\\`*_{}[]()<>#+-.!|~&" if text[:1] in "-+#>" else "\\`*_[]<>|~&"
    return "".join(f"\\{one}" if one in special else one for one in " ".join(text.split()))
