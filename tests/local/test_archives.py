"""Archives, looked through and unpacked on the server's side."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from pytest_runloop.local.archives import ArchiveError, check, is_archive, unpack

from .storing import Member, archive, member


def test_an_archive_is_known_by_its_content() -> None:
    whole = archive(member("x"))
    contents = {
        "whole": whole,
        "no tar": b"no archive",
        "no tar in gzip": gzip.compress(b"no archive"),
        "nothing": b"",
        "cut": whole[:20],
        "zeros": bytes(10240),
    }
    assert [name for name, content in contents.items() if is_archive(io.BytesIO(content))] == ["whole"]


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_everything_is_unpacked_with_mode_and_time(tmp_path: Path, mode: str) -> None:
    content = archive(
        member("locked", type=tarfile.DIRTYPE, mode=0o500, mtime=1_000_000),
        member("locked/file", b"content", mode=0o640, mtime=2_000_000, uid=77, gid=77),
        member("./deep/er/hard", type=tarfile.LNKTYPE, linkname="locked/file"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/../anywhere"),
        member("pipe", type=tarfile.FIFOTYPE),
        mode=mode,
    )
    unpack(io.BytesIO(content), tmp_path)
    file = tmp_path / "locked/file"
    assert (file.read_bytes(), file.stat().st_mode & 0o7777, file.stat().st_mtime) == (
        b"content",
        0o640,
        2_000_000,
    )
    assert ((tmp_path / "locked").stat().st_mode & 0o7777, (tmp_path / "locked").stat().st_mtime) == (
        0o700,
        1_000_000,
    )
    assert (tmp_path / "deep/er/hard").samefile(file)
    assert str((tmp_path / "link").readlink()) == "/etc/../anywhere"
    assert file.stat().st_uid == os.geteuid()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "link", "locked"]


OUTSIDE = "outside of it"
TRICKS: dict[str, list[Member]] = {
    "a name that climbs": [member("../out", b"x")],
    "a name that climbs later": [member("a/b/../../../out", b"x")],
    "an absolute name": [member("/out", b"x")],
    "a file behind a link": [member("l", type=tarfile.SYMTYPE, linkname=".."), member("l/out", b"x")],
    "a link behind a link": [
        member("l", type=tarfile.SYMTYPE, linkname=".."),
        member("l/out", type=tarfile.SYMTYPE, linkname="x"),
    ],
    "a directory in the place of a link": [
        member("l", type=tarfile.SYMTYPE, linkname=".."),
        member("l", type=tarfile.DIRTYPE),
    ],
    "a hard link to the outside": [member("h", type=tarfile.LNKTYPE, linkname="../secret")],
    "a hard link to a link": [
        member("l", type=tarfile.SYMTYPE, linkname="../secret"),
        member("h", type=tarfile.LNKTYPE, linkname="l"),
    ],
    "a hard link through a link": [
        member("l", type=tarfile.SYMTYPE, linkname=".."),
        member("h", type=tarfile.LNKTYPE, linkname="l/secret"),
    ],
    "a file in the place of a directory": [member("d/x", b""), member("d", b"x")],
    "a directory in the place of a file": [member("d", b"x"), member("d", type=tarfile.DIRTYPE)],
    "a file below a file": [member("d", b"x"), member("d/x/y", b"")],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_leaves_the_directory(tmp_path: Path, trick: str) -> None:
    (tmp_path / "secret").write_text(OUTSIDE)
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(ArchiveError):
        unpack(io.BytesIO(archive(*TRICKS[trick])), root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "secret"]
    made = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not any(path.read_text() == OUTSIDE for path in made)


def test_a_file_replaces_a_link_and_is_not_written_through_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(OUTSIDE)
    root = tmp_path / "root"
    root.mkdir()
    members = [member("l", type=tarfile.SYMTYPE, linkname="../secret"), member("l", b"own")]
    unpack(io.BytesIO(archive(*members)), root)
    assert ((root / "l").read_text(), (tmp_path / "secret").read_text()) == ("own", OUTSIDE)


@pytest.mark.parametrize("content", [b"", b"text", archive(member("x", b"y" * 9000), mode="w:")[:2000]])
def test_what_is_broken_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArchiveError, match="cannot be read as an archive"):
        unpack(io.BytesIO(content), tmp_path)


def test_a_look_changes_nothing_and_leaves_the_file_at_its_beginning() -> None:
    file = io.BytesIO(archive(member("x", b"content")))
    check(file)
    assert file.tell() == 0
    with pytest.raises(ArchiveError):
        check(io.BytesIO(archive(member("../x"))))
