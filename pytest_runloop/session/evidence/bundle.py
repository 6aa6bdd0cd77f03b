"""Writes the folder of a failed test: whole or not at all, and over nothing that is not ours."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .. import options
from . import schema, text
from .record import Record
from .schema import Devbox, Evidence

FOLDER = pytest.StashKey[Path]()
"""The bundle of a test's last attempt, in the item's stash."""
MARKER = ".pytest-runloop"
"""A folder with a file of this name is ours."""
_COMPLETING = threading.Lock()  # snapshots of several devboxes become known in threads of their own
_NAME = 80
_TAKEN = 100


def folder_name(shown: str, test: str) -> str:
    """Return a name for a test's folder that any file system takes, and that is another for each test.

    :param shown: the test's node id, without secrets.
    :param test: the node id.
    """
    words = re.sub(r"[^A-Za-z0-9._]+", "-", shown)[-_NAME:].strip("-.")
    return f"{words or 'test'}-{hashlib.sha256(test.encode('utf-8', 'replace')).hexdigest()[:10]}"


def write(directory: Path, name: str, evidence: Evidence, records: Mapping[str, Sequence[Record]]) -> Path:
    """Write a bundle, in place of an older one of the same test.

    :param directory: where bundles lie; made if need be.
    :param name: of the folder.
    :param records: what was done to each devbox, by its id.
    :return: the folder.
    :raises OSError: if it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    target = _free(directory, name)
    evidence.way_back = way_back(evidence, target)
    partial = directory / f".{uuid.uuid4().hex}.partial"
    partial.mkdir()
    try:
        _put(partial / MARKER, f"A bundle of pytest-runloop; it may be replaced. Run {evidence.run}\n")
        for about in evidence.devboxes:
            _write_transcript(partial, about, records[about.id])
        _tell(partial, evidence, {known: list(steps) for known, steps in records.items()})
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def complete_for(item: pytest.Item, devbox: str, **known: Any) -> None:
    """Complete the bundle of a test's last attempt, if it has one, as `complete` does."""
    folder = item.stash.get(FOLDER, None)
    if folder is not None:
        complete(folder, devbox, **known)


def complete(folder: Path, devbox: str, *, snapshot: str | None = None, kept: float | None = None) -> None:
    """Add to a bundle what became known after it was written. One that is not there any more stays away.

    :param devbox: the id of one of its devboxes.
    :param snapshot: the id of the snapshot of it.
    :param kept: until when it lives on, in seconds since the epoch.
    """
    with _COMPLETING, contextlib.suppress(OSError, schema.NotABundleError):
        evidence = schema.load(folder)
        for about in evidence.devboxes:
            if about.id == devbox:
                about.snapshot, about.kept = snapshot or about.snapshot, kept or about.kept
        evidence.way_back = way_back(evidence, folder)
        _tell(folder, evidence, {a.id: schema.load_transcript(folder, a) for a in evidence.devboxes})


def remove(folder: Path) -> None:
    """Remove a bundle: the test passed after all, when it was repeated."""
    if (folder / MARKER).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def way_back(evidence: Evidence, folder: Path | None) -> list[str]:
    """Return commands that lead back to where a test failed, the most useful first.

    :param folder: its bundle, if there is one.
    """
    test = shlex.quote(evidence.test)
    seed = f" -p randomly --randomly-seed={evidence.seed}" if evidence.seed is not None else ""
    snapshots = [about.snapshot for about in evidence.devboxes if about.held and about.snapshot]
    commands = [f"pytest {options.FROM_SNAPSHOT.flag}={snapshots[0]}{seed} {test}"] if snapshots else []
    if folder is not None:
        commands.append(f"pytest-runloop repro {shlex.quote(str(folder))}")
    return [*commands, f"pytest{seed} {test}"]


def _free(directory: Path, name: str) -> Path:
    """Return the folder of a test: one that is not there, or is ours."""
    for number in range(1, _TAKEN):
        target = directory / (name if number == 1 else f"{name}-{number}")
        if (target / MARKER).is_file() or not os.path.lexists(target):
            return target
    raise FileExistsError(f"{directory / name} and all names like it are taken by something else")


def _write_transcript(folder: Path, about: Devbox, records: Sequence[Record]) -> None:
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", about.id)[:_NAME]
    uploads = [record for record in records if record.data is not None]
    for number, record in enumerate(uploads, 1):
        record.stored = f"devbox-{safe}-upload-{number}"
        (folder / record.stored).write_bytes(record.data or b"")
    about.transcript = f"devbox-{safe}.jsonl"
    _put(folder / about.transcript, schema.dump_transcript(records))


def _tell(folder: Path, evidence: Evidence, records: dict[str, list[Record]]) -> None:
    for name, content in (
        (schema.EVIDENCE, schema.dump(evidence)),
        (schema.REPORT, text.report(evidence, records)),
    ):
        partial = folder / f".{uuid.uuid4().hex}"
        _put(partial, content)
        partial.replace(folder / name)


def _put(path: Path, content: str) -> None:
    # A lone surrogate stands for a byte that is no UTF-8; written so, it is what JSON has for it.
    path.write_text(content, encoding="utf-8", errors="backslashreplace", newline="\n")


def _replace(partial: Path, target: Path) -> None:
    old = partial.with_suffix(".old")
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
