"""A small file system for an image, made of programs of this machine.

Standard library alone: an ordinary user's Python makes one too.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

TOOLS = (
    *("cat", "chmod", "chown", "cp", "find", "id", "ln", "ls", "mkdir", "mv", "readlink", "rm", "rmdir"),
    *("sh", "sleep", "stat", "tar", "test", "touch", "true", "wc"),
)
"""What commands and builds need."""
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def make(directory: Path, programs: Iterable[str] = TOOLS) -> Path:
    """Make it: the programs in `/bin`, with the libraries that they need, and users.

    :return: the directory.
    """
    (directory / "bin").mkdir(parents=True)
    for name in programs:
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        assert found is not None, name
        source = Path(found).resolve()
        shutil.copy2(source, directory / "bin" / name)
        for library in _libraries(source):
            target = directory / str(library)[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy2(library, target)
    (directory / "etc").mkdir()
    (directory / "etc" / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\napp:x:1234:1234::/srv:/bin/sh\n"
    )
    (directory / "etc" / "group").write_text("root:x:0:\napp:x:1234:\nteam:x:1300:app\n")
    (directory / "marker").write_text("of the image\n")
    return directory


def _libraries(program: Path) -> list[Path]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [Path(path) for path in _LIBRARY.findall(said)]


def archive(directory: Path) -> bytes:
    """Return it as a tar archive, all of it root's."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        file.add(directory, arcname=".", filter=_owned_by_root)
    return stream.getvalue()


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
