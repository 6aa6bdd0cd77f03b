"""Packs parts of the whole root of an image, for copies from it: nothing of the image has to run for that.

A helper of the zygote does it, with the rights that boxes have, and imports what it needs by itself.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` and what finds the files would weigh on every box.
if TYPE_CHECKING:
    import tarfile

    from pytest_runloop.local.dockerfile.context import Entry


def pack_root(root: str, sources: list[str], archive: int) -> str:
    """Write what sources name below a root as a tar archive, with owners, modes and times.

    Its members are below `files`, and one called `single` says that the sources are one file.

    :param sources: paths or patterns from that root, out of which no link leads.
    :param archive: a descriptor to write it to.
    :return: what is missing, or an empty text.
    :raises OSError: as reading or writing gives it.
    """
    import tarfile
    from pathlib import Path

    from pytest_runloop.local.dockerfile.context import Tree
    from pytest_runloop.local.dockerfile.errors import DockerfileError

    with open(archive, "wb", closefd=False) as stream, tarfile.open(fileobj=stream, mode="w|") as members:
        try:
            entries, single = Tree(Path(root)).find(sources)
        except DockerfileError as error:
            return str(error)  # The archive is empty, and whole.
        if single:
            members.addfile(tarfile.TarInfo("single"))
        for entry in entries:
            _add(members, entry)
            members.members.clear()  # type: ignore[attr-defined]  # It remembers all of them otherwise.
    return ""


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    member = archive.gettarinfo(entry.path, f"files/{entry.target}")
    if not member.isreg() and not member.islnk():
        archive.addfile(member)
        return
    # The first of several links may not be among what is copied.
    member.type, member.linkname = b"0", ""
    with os.fdopen(os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as content:
        member.size = os.fstat(content.fileno()).st_size
        archive.addfile(member, content)
