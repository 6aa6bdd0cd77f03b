"""What the commands of `pytest-runloop` have in common."""

from __future__ import annotations

import argparse
from typing import Final, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a room of this package adds its commands to, each with its function as the default of `act`."""
ISOLATIONS: Final = ("auto", "namespace", "container", "landlock", "process")
"""What can be asked for, to isolate devboxes of the local backend."""
