"""Asks a living devbox for the values of its secrets, which nobody else tells, so that none is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ... import Devbox

SECONDS = 10.0
# Byte by byte, and as numbers: no log that shows what commands print gets to show a value.
_COMMAND = (
    'LC_ALL=C; for name in {names}; do eval "value=\\${{$name-}}"; printf \'@%s\' "$name"; '
    'while [ -n "$value" ]; do printf \' %d\' "\'$value"; value=${{value#?}}; done; echo; done'
)


def values(devbox: Devbox, names: Iterable[str]) -> dict[str, str]:
    """Ask a living devbox for the values of variables. They are in memory here, and nowhere else.

    :raises RunloopError: if it cannot be asked.
    """
    from ...contract.params.options import PollingConfig

    asked = " ".join(name for name in names if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name))
    if not asked:
        return {}
    patience = PollingConfig(timeout_seconds=SECONDS, interval_seconds=0.5, max_attempts=1000)
    told = devbox.cmd.exec(_COMMAND.format(names=asked), polling_config=patience).stdout()
    return dict(_value(line) for line in told.splitlines() if line.startswith("@"))


def _value(line: str) -> tuple[str, str]:
    name, *numbers = line[1:].split()
    return name, bytes(int(number) % 256 for number in numbers).decode("utf-8", "surrogateescape")
