"""A devbox that answers a download with an archive of its own making gets nothing written elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_runloop import Runloop
from pytest_runloop.client.archives import ArchiveError
from tests.local.running import Server

# In the place of `tar`: whatever is asked for, the archive holds what the test wants.
_TAR = """#!/usr/bin/env python3
import io, sys, tarfile
target = next(each for before, each in zip(sys.argv, sys.argv[1:]) if before.endswith("f"))
with tarfile.open(target, "w:gz") as archive:
    for name, kind, link in {members!r}:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        info.size = 0 if kind != b"0" else 3
        archive.addfile(info, io.BytesIO(b"new") if info.size else None)
"""
_FILE, _HARD, _LINK, _DIRECTORY = b"0", b"1", b"2", b"5"


@pytest.mark.parametrize(
    "members",
    [
        [("../secret", _FILE, "")],
        [("{outside}/secret", _FILE, "")],
        [("link", _LINK, "{outside}"), ("link/secret", _FILE, "")],
        [("link", _LINK, ".."), ("link/secret", _FILE, "")],
        [("hard", _HARD, "../secret"), ("hard", _FILE, "")],
        [("a", _DIRECTORY, ""), ("a/b", _LINK, "../.."), ("a/b/secret", _FILE, "")],
    ],
    ids=["up", "absolute", "link", "link up", "hard link", "deep link"],
)
def test_an_archive_that_climbs_out_is_refused(
    tier_server: Server, outside: Path, members: list[tuple[str, bytes, str]]
) -> None:
    named = [
        (name.format(outside=outside), kind, link.format(outside=outside)) for name, kind, link in members
    ]
    with Runloop(tier_server.base_url, tier_server.api_key) as runloop:
        devbox = runloop.devbox.create()
        try:
            devbox.cmd.exec("mkdir -p ~/.local/bin ~/directory").check()
            devbox.file.write(file_path="~/.local/bin/tar", contents=_TAR.format(members=named))
            devbox.cmd.exec("chmod +x ~/.local/bin/tar").check()
            with pytest.raises(ArchiveError):
                devbox.file.download_dir(path="directory", to=outside / "into")
        finally:
            devbox.shutdown()
    left = sorted(path.name for path in outside.iterdir())
    assert left in (["into", "secret"], ["secret"])
    assert (outside / "secret").read_text() != "new"
