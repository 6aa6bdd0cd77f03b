"""The `/etc` of a box: a copy of the machine's, without what identifies or protects the machine."""

from __future__ import annotations

import configparser
import contextlib
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = frozenset(
    {"fstab", "hostname", "hosts", "ld.so.preload", "machine-id", "nologin", "profile", "resolv.conf"}
    | {"crypttab", "gshadow", "gshadow-", "shadow", "shadow-", "sudoers", "sudoers.d"}
    | {"group", "group-", "passwd", "passwd-", "subgid", "subgid-", "subuid", "subuid-"}
)
_LARGEST = 16 << 20  # bytes
_USERS = ("user:x:0:0:user:/home/user:/bin/bash", "root:x:0:0:root:/root:/bin/bash")
_GROUPS = ("user:x:0:", "root:x:0:")
_FIRST_HUMAN, _NOBODY = 1000, 65534

PROFILE = """\
# A PATH that the command was given wins over a login's. Bash's own, for want of one, ends in a dot.
case ${PATH-} in "" | *:.) PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ;; esac
export PATH
_given_path=$PATH
if [ "${PS1-}" ] && [ "${BASH-}" ] && [ -r /etc/bash.bashrc ]; then
    . /etc/bash.bashrc
fi
for _script in /etc/profile.d/*.sh; do
    [ -r "$_script" ] && . "$_script"
done
case $PATH in
"$_given_path" | "$_given_path":*) ;;
*) PATH=$_given_path:$PATH ;;
esac
unset _script _given_path
"""


def make(target: Path, one_id: bool) -> None:
    """Make it.

    Only what everybody on this machine may read is copied, also where we may read more.

    :param target: the directory to make.
    :param one_id: boxes have no id but root's.
    """
    _copy(Path("/etc"), target, _LEFT_OUT)
    _write_names(target)
    (target / "profile").write_text(PROFILE)
    (target / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (target / "hosts").write_text(_hosts())
    (target / "resolv.conf").write_text(_text(Path("/etc/resolv.conf")))
    (target / "fstab").touch()
    (target / "pip.conf").write_text(_pip_configuration())
    if one_id and (target / "apt").is_dir():
        _let_apt_stay_root(target)


def make_fittings(target: Path, one_id: bool) -> None:
    """Write what an image lacks, or has left to whoever runs it: names and addresses.

    :param target: the `/etc` below the image's own.
    :param one_id: boxes have no id but root's.
    """
    (target / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (target / "group").write_text("root:x:0:\n")
    (target / "hosts").write_text(_hosts())
    (target / "resolv.conf").write_text(_text(Path("/etc/resolv.conf")))
    (target / "mtab").symlink_to("/proc/mounts")
    if one_id:
        _let_apt_stay_root(target)


def _let_apt_stay_root(target: Path) -> None:
    configuration = target / "apt" / "apt.conf.d"
    configuration.mkdir(parents=True, exist_ok=True)
    (configuration / "99pytest-runloop").write_text('APT::Sandbox::User "root";\n')


def stamp() -> Iterator[str]:
    """Yield texts that change when the machine's `/etc` changes."""
    for directory, names, files in os.walk("/etc"):
        names.sort()
        for name in sorted(files):
            with contextlib.suppress(OSError):
                status = Path(directory, name).stat()
                yield f"{directory}/{name} {status.st_mtime_ns} {status.st_size} {status.st_mode}"


def _copy(source: Path, target: Path, left_out: frozenset[str] = frozenset()) -> None:
    target.mkdir(mode=0o755)
    for entry in os.scandir(source):
        if entry.name in left_out:
            continue
        with contextlib.suppress(OSError):  # It vanished, or is not ours to read after all.
            _copy_entry(entry, target / entry.name)


def _copy_entry(entry: os.DirEntry[str], target: Path) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        target.symlink_to(Path(entry.path).readlink())
    elif stat.S_ISDIR(status.st_mode):
        if status.st_mode & stat.S_IROTH and status.st_mode & stat.S_IXOTH:
            _copy(Path(entry.path), target)
        else:
            target.mkdir(mode=stat.S_IMODE(status.st_mode) | 0o700)
    elif stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH and status.st_size <= _LARGEST:
        shutil.copy2(entry.path, target)


def _write_names(target: Path) -> None:
    """Write the users and groups. Whoever works on the machine is nobody's business in a box."""
    users = [*_USERS, *_system(Path("/etc/passwd"))]
    groups = [*_GROUPS, *_system(Path("/etc/group"))]
    (target / "passwd").write_text("\n".join(users) + "\n")
    (target / "group").write_text("\n".join(groups) + "\n")
    for name, lines, rest in (("shadow", users, "19700:0:99999:7:::"), ("gshadow", groups, ":")):
        path = target / name
        path.write_text("".join(f"{line.partition(':')[0]}:*:{rest}\n" for line in lines))
        path.chmod(0o640)
    for name in ("subuid", "subgid"):
        (target / name).touch()


def _system(path: Path) -> list[str]:
    """Return the lines of the system's own users or groups; members are left out."""
    lines = []
    for line in _text(path).splitlines():
        fields = line.split(":")
        if len(fields) < 4 or not fields[2].isdigit():
            continue
        if 0 < int(fields[2]) < _FIRST_HUMAN or int(fields[2]) == _NOBODY:
            lines.append(":".join([*fields[:3], ""]) if len(fields) == 4 else line)
    return lines


def _hosts() -> str:
    text = _text(Path("/etc/hosts"))
    if text and not text.endswith("\n"):
        text += "\n"
    return text if "localhost" in text.split() else f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{text}"


def _pip_configuration() -> str:
    """Return the machine's settings of pip, with leave to install for everybody: the box is disposable."""
    settings = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error):
        settings.read_string(_text(Path("/etc/pip.conf")))
    if not settings.has_section("global"):
        settings.add_section("global")
    settings["global"]["break-system-packages"] = "true"
    settings["global"]["root-user-action"] = "ignore"
    text = io.StringIO()
    settings.write(text)
    return text.getvalue()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
