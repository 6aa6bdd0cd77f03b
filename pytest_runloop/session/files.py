"""Small files that are complete or not there, whoever dies while they are written."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_private(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file for this user's eyes only, in place of the one that is there.

    :param durable: make it safe from a crash of the machine.
    """
    partial = path.with_name(f".{path.name}-{uuid.uuid4()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:  # on a full disk every bit counts
        partial.unlink(missing_ok=True)
        raise
    if durable:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
