"""Pairs of keys, made by OpenSSH's own `ssh-keygen`."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ApiError


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key in OpenSSH's format, and the line of its public half."""

    private: str = field(repr=False)
    public: str


async def new_key_pair(comment: str, directory: Path) -> KeyPair:
    """Make a pair of keys: ECDSA on P-256, as the service's.

    :param comment: what the public half is called.
    :param directory: for its owner only; the keys are there for a moment.
    :raises ApiError: if this machine has no `ssh-keygen`, or it fails.
    """
    with tempfile.TemporaryDirectory(prefix="key-", dir=directory) as place:
        path = Path(place, "key")
        await _generate(path, comment)
        return _read(path)


def _read(path: Path) -> KeyPair:
    return KeyPair(path.read_text(), path.with_suffix(".pub").read_text().strip())


async def _generate(path: Path, comment: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", comment, "-f", str(path)]
    null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=pipe)
    except FileNotFoundError:
        message = (
            "this machine has no `ssh-keygen`: install the package `openssh-client` (`openssh-clients` on"
            " Fedora, `openssh` on Arch and Alpine), and ask again"
        )
        raise ApiError(400, "program_missing", message) from None
    _, said = await process.communicate()
    if process.returncode:
        raise ApiError(500, "engine_error", f"ssh-keygen failed: {said.decode(errors='replace').strip()}")
