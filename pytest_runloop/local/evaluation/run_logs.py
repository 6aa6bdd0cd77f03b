"""The logs of runs as a zip file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from ...contract.views.devboxes import DevboxLog
from ...contract.views.scenarios import ScenarioRunView

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Zip files know no time before; a fixed one makes equal logs equal files."""


def add_run(archive: zipfile.ZipFile, folder: str, view: ScenarioRunView, lines: Iterable[DevboxLog]) -> None:
    """Add a run: its view, the log of its devbox, and what each scoring function printed.

    :param folder: where in the archive, with its slash, or empty.
    """
    _add(archive, f"{folder}scenario_run.json", view.model_dump_json(indent=2))
    _add(archive, f"{folder}devbox.jsonl", "".join(f"{line.model_dump_json()}\n" for line in lines))
    result = view.scoring_contract_result
    for number, function in enumerate(result.scoring_function_results if result else (), 1):
        name = f"{folder}scoring/{number:02}-{function.scoring_function_name}.log"
        _add(archive, name, function.output)


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, text)


class Zip:
    """A zip file in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self.archive = zipfile.ZipFile(self._buffer, "w")

    def finished(self) -> bytes:
        """Return the whole file."""
        self.archive.close()
        return self._buffer.getvalue()
