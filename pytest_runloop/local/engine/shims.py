"""Commands that every box has, whatever the machine lacks: `sudo`, `python`, `python3`, `pip`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

_BIN = "usr/local/bin"
_PIP_HOME = "usr/local/lib/pytest-runloop"
SYSTEM = Path("/usr/bin")
"""Where the machine has its commands."""
_NO_PIP = "pip: the machine that runs this devbox has no pip; try: apt-get install python3-pip"
_WHEELS = "/usr/share/python-wheels"

SUDO = """\
#!/bin/sh
# Everything here runs as root already. This gives a command the environment that sudo would give it.
user=root login= shell=
usage() { echo "usage: sudo [-EHinSs] [-u USER] [NAME=VALUE ...] [COMMAND [ARGUMENT ...]]" >&2; exit 1; }
while [ $# -gt 0 ]; do
    case $1 in
    -u | --user) [ $# -gt 1 ] || usage; user=$2; shift ;;
    --user=*) user=${1#*=} ;;
    -u?*) user=${1#-u} ;;
    -g | -p | -C | -D | -R | -T | -h | -r | -t | -U) [ $# -gt 1 ] || usage; shift ;;
    -i | --login) login=1 ;;
    -s | --shell) shell=1 ;;
    -v | --validate | -k | -K | --reset-timestamp | --remove-timestamp) [ $# -gt 1 ] || exit 0 ;;
    -l | --list) echo "User $(whoami) may run the following commands: (ALL) NOPASSWD: ALL"; exit 0 ;;
    -V | --version) echo "Sudo shim of pytest-runloop"; exit 0 ;;
    --) shift; break ;;
    --*) ;;
    -*i*) login=1 ;;
    -*s*) shell=1 ;;
    -*) ;;
    [A-Za-z_]*=*) export "$1" ;;
    *) break ;;
    esac
    shift
done
while [ $# -gt 0 ]; do
    case $1 in [A-Za-z_]*=*) export "$1"; shift ;; *) break ;; esac
done
found=
while IFS=: read -r name _ uid gid _ home user_shell; do
    case $user in "$name" | "#$uid") found=1; break ;; esac
done </etc/passwd
if [ ! "$found" ]; then
    case $user in
    \\#*) name=root uid=${user#?} gid=$uid home=/ user_shell=/bin/sh ;;
    *) echo "sudo: unknown user $user" >&2; exit 1 ;;
    esac
fi
export SUDO_USER="${SUDO_USER:-${USER:-root}}" SUDO_UID=0 SUDO_GID=0 SUDO_COMMAND="$*"
export USER="$name" LOGNAME="$name" HOME="$home"
case ${user_shell:-/bin/sh} in */nologin | */false | '') user_shell=/bin/sh ;; esac
if [ "$login" ]; then
    cd "$HOME" 2>/dev/null || cd /
    SHELL=$user_shell; export SHELL
fi
if [ "$login$shell" ]; then
    [ "$shell" ] && user_shell=${SHELL:-$user_shell}
    if [ $# -gt 0 ]; then
        # Every word stays a word for the shell that puts them together again.
        line=
        for rest in "$@"; do
            line="$line '"
            while :; do
                case $rest in
                *\\'*) line="$line${rest%%\\'*}'\\\\''" rest=${rest#*\\'} ;;
                *) break ;;
                esac
            done
            line="$line$rest'"
        done
        set -- -c "$line"
    fi
    [ "$login" ] && set -- -l "$@"
    set -- "$user_shell" "$@"
fi
[ $# -gt 0 ] || usage
[ "$uid" = 0 ] && exec "$@"
if setpriv --reuid "$uid" --regid "$gid" --init-groups -- true 2>/dev/null; then
    exec setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
fi
# Busybox has another `setpriv`, and this `su`.
if su -m -s /bin/sh "$name" -c : 2>/dev/null; then
    exec su -m -s /bin/sh "$name" -c 'exec "$0" "$@"' "$@"
fi
exec "$@"
"""

WHOAMI = """\
#!/bin/sh
# One id stands for the user and for root. Below sudo it is root's name that is meant.
if [ $# -eq 0 ] && [ "${SUDO_USER-}" ] && [ "${USER-}" = root ]; then echo root; exit; fi
exec /usr/bin/whoami "$@"
"""


def install_sudo(root: Path) -> None:
    """Write `sudo` alone, for a system of which nothing is known.

    :param root: of a layer.
    """
    _write(root / _BIN / "sudo", SUDO)


def install(root: Path, python: Path) -> None:
    """Write the commands.

    :param root: of a layer above the machine's own system; they go to `/usr/local/bin` and `/usr/bin` in it.
    :param python: the interpreter to use where the machine has none in its system.
    """
    places = [f"{_BIN}/sudo", *(["usr/bin/sudo"] if (SYSTEM / "sudo").exists() else [])]
    for place in places:
        _write(root / place, SUDO)
    if (SYSTEM / "whoami").exists():
        _write(root / _BIN / "whoami", WHOAMI)
    if not (SYSTEM / "python3").exists():
        _link(root, "python3", python)
    else:
        python = SYSTEM / "python3"
    if not (SYSTEM / "python").exists():
        _link(root, "python", python)
    if not (SYSTEM / "pip").exists():
        _install_pip(root, python)


def _link(root: Path, name: str, python: Path) -> None:
    # A link would make a Python that looks for its library by its own place look in the wrong one.
    _write(root / _BIN / name, f'#!/bin/sh\nexec {python} "$@"\n')


def _install_pip(root: Path, python: Path) -> None:
    """Write `pip`, and bring one along for a Python that has none."""
    prefix = "" if _has_pip(python) else _bring_pip(root)
    for name in ("pip", "pip3"):
        _write(root / _BIN / name, f'#!/bin/sh\n{prefix}exec {python} -m pip "$@"\n')


def _has_pip(python: Path) -> bool:
    found = subprocess.run([python, "-I", "-m", "pip", "--version"], capture_output=True, check=False)
    return found.returncode == 0


def _bring_pip(root: Path) -> str:
    """Put a pip into the layer and return what a script must say to use it."""
    home = f"/{_PIP_HOME}"
    spec = importlib.util.find_spec("pip")
    if spec is not None and spec.submodule_search_locations:
        source = Path(spec.submodule_search_locations[0])
        shutil.copytree(source, root / _PIP_HOME / "pip", ignore=shutil.ignore_patterns("__pycache__"))
        return f"PYTHONPATH={home}${{PYTHONPATH:+:$PYTHONPATH}}\nexport PYTHONPATH\n"
    wheel = next(iter([*Path(_WHEELS).glob("pip-*.whl"), *_bundled_wheels()]), None)
    if wheel is None:
        return f"echo '{_NO_PIP}' >&2\nexit 1\n"
    (root / _PIP_HOME).mkdir(parents=True)
    shutil.copy(wheel, root / _PIP_HOME)
    return f"PYTHONPATH={home}/{wheel.name}${{PYTHONPATH:+:$PYTHONPATH}}\nexport PYTHONPATH\n"


def _bundled_wheels() -> list[Path]:
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return []
    return list((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
