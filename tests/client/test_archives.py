"""Archives never write outside of their directory."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from pytest_runloop.client.archives import ArchiveError, packing_command, unpack, unpacking_command


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Return a member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o644
    return info


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    """Write an archive whose files hold `new`."""
    with tarfile.open(path, "w:gz") as file:
        for info in members:
            info.size = 3 if info.type == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(b"new") if info.size else None)
    return path


LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    "members",
    [
        [member("../outside")],
        [member("a/../../outside")],
        [member("/outside")],
        [member("link", LINK, "../outside")],
        [member("a/link", LINK, "../../outside")],
        [member("link", LINK, "/etc/passwd")],
        [member("hard", HARD, "../outside")],
        [member("hard", HARD, "/etc/passwd")],
        [member("a", tarfile.DIRTYPE), member("link", LINK, "a"), member("link/file")],
        [member("a", LINK, "."), member("b", LINK, "a/.."), member("b/outside")],
        [member("link", LINK, "file"), member("hard", HARD, "link")],
    ],
    ids=lambda members: " ".join(info.name for info in members),
)
def test_what_would_leave_the_directory_is_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    outside = tmp_path / "outside"
    outside.write_text("old")
    with pytest.raises(ArchiveError):
        unpack(archive(tmp_path / "a.tar.gz", *members), tmp_path / "into")
    assert outside.read_text() == "old"


def test_a_file_is_not_written_through_a_link_that_was_there(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("old")
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "file").symlink_to(outside)
    unpack(archive(tmp_path / "a.tar.gz", member("file")), tmp_path / "into")
    assert outside.read_text() == "old"
    assert (tmp_path / "into" / "file").read_text() == "new"


def test_a_directory_that_is_a_link_here_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "dir").symlink_to(outside)
    unpack(archive(tmp_path / "a.tar.gz", member("dir", tarfile.DIRTYPE), member("dir/x")), tmp_path / "into")
    assert list(outside.iterdir()) == []
    assert (tmp_path / "into" / "dir" / "x").read_text() == "new"


def test_devices_and_pipes_are_left_out(tmp_path: Path) -> None:
    unpack(
        archive(tmp_path / "a.tar.gz", member("p", tarfile.FIFOTYPE), member("d", tarfile.CHRTYPE)),
        tmp_path / "i",
    )
    assert list((tmp_path / "i").iterdir()) == []


def test_links_and_hard_links_inside_come_as_they_are(tmp_path: Path) -> None:
    members = [
        member("d/f"),
        member("l", LINK, "d/f"),
        member("d/up", LINK, "../l"),
        member("h", HARD, "d/f"),
    ]
    unpack(archive(tmp_path / "a.tar.gz", *members), tmp_path / "i")
    assert [(tmp_path / "i" / name).read_text() for name in ("l", "d/up", "h")] == ["new"] * 3


def test_the_target_may_itself_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    unpack(archive(tmp_path / "a.tar.gz", member(".", tarfile.DIRTYPE), member("./f")), tmp_path / "link")
    assert (tmp_path / "real" / "f").read_text() == "new"


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("~", '"$HOME"'),
        ("~/a b", "\"$HOME\"/'a b'"),
        ("/x;y", "'/x;y'"),
        ("-x", "./-x"),
        ("a'b", "'a'\"'\"'b'"),
    ],
)
def test_paths_in_commands_are_quoted(path: str, quoted: str) -> None:
    assert f"-C {quoted} ." in packing_command(path, "x.tar.gz")
    assert f"mkdir -p -- {quoted} " in unpacking_command("x.tar.gz", path)
