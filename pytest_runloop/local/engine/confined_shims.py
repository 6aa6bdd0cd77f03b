"""Commands that stand before the machine's own in the PATH of a box that cannot be root."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from pathlib import Path

from pytest_runloop.local.engine.isolation import BASE_PATH
from pytest_runloop.local.engine.protocol import Capability, CapabilityError

_SUDO = """\
#!/bin/sh
# There is one user here: whom it asks for, and what it is to keep, makes no difference.
run=
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        -u|-g|-h|-p|-C|-T|-R|-D|-r|-t|-U) shift ;;
        -v|-k|-K|-l|--validate|--reset-timestamp|--remove-timestamp|--list) run=nothing ;;
        -V|--version) echo "Sudo shim of pytest-runloop"; exit 0 ;;
        --login|--shell) run=shell ;;
        --*) ;;
        -*i*|-*s*) run=shell ;;
        -*) ;;
        [A-Za-z_]*=*) export "$1" ;;
        *) break ;;
    esac
    [ $# -gt 0 ] && shift
done
while :; do
    case ${1-} in
        [A-Za-z_]*=*) export "$1"; shift ;;
        *) break ;;
    esac
done
case $run in
    nothing) [ $# -gt 0 ] || exit 0 ;;
    shell) [ $# -gt 0 ] || exec "${SHELL:-/bin/sh}" ;;
esac
if [ $# -eq 0 ]; then
    echo "usage: sudo [-EHinSs] [-u USER] [NAME=VALUE ...] [COMMAND [ARGUMENT ...]]" >&2
    exit 1
fi
exec "$@"
"""

_REFUSAL = """\
#!/bin/sh
printf '%s\\n' {message} >&2
exit 100
"""

_RUN = """\
#!/bin/sh
exec {command} "$@"
"""


def install(base: Path, tier: str) -> Path:
    """Write the commands, once for all boxes of all engines, and return their directory.

    :param base: the directory to make it in.
    :param tier: whose lack of root they tell of.
    """
    commands = _commands(tier)
    digest = hashlib.sha256(repr(sorted(commands.items())).encode()).hexdigest()[:8]
    place = base / digest
    if not place.is_dir():
        draft = base / f"{digest}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o755, parents=True)
        for name, text in commands.items():
            (draft / name).write_text(text)
            (draft / name).chmod(0o755)
        try:
            draft.rename(place)
        except OSError:  # Another engine was faster.
            shutil.rmtree(draft)
    return place


def _commands(tier: str) -> dict[str, str]:
    refusals = {name: _refusal(name, tier) for name in ("apt", "apt-get")}
    return {"sudo": _SUDO, **refusals, **_python()}


def _refusal(name: str, tier: str) -> str:
    message = str(CapabilityError(Capability.ROOT_USER, tier, f"{name} cannot install anything"))
    return _REFUSAL.format(message=shlex.quote(message))


def _python() -> dict[str, str]:
    """Add what names of Python the machine lacks: for its own Python, or for ours where it has none."""
    python = shlex.quote(shutil.which("python3", path=BASE_PATH) or base_interpreter())
    commands = {"python3": python, "python": python, "pip": f"{python} -m pip", "pip3": f"{python} -m pip"}
    lacking = {name for name in commands if shutil.which(name, path=BASE_PATH) is None}
    return {name: _RUN.format(command=commands[name]) for name in sorted(lacking)}


def base_interpreter() -> str:
    """Return the real path of the Python that runs us, outside of any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))
