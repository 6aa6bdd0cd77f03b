"""What COPY finds in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_runloop.local.dockerfile.context import Tree
from pytest_runloop.local.dockerfile.errors import DockerfileError

from .planning import files


def targets(tree: Tree, *sources: str, **options: object) -> list[str]:
    return sorted(entry.target for entry in tree.select(sources, **options).entries)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["a.txt"], ["a.txt"]),
        (["/a.txt"], ["a.txt"]),
        (["../../a.txt"], ["a.txt"]),
        (["dir"], ["", "b.txt", "sub", "sub/c.txt"]),
        (["dir/sub/c.txt"], ["c.txt"]),
        (["*.txt"], ["a.txt"]),
        (["dir/*"], ["", "b.txt", "c.txt"]),
        (["d?r/b.*"], ["b.txt"]),
        (["**/b.txt"], ["b.txt"]),
        (["a.txt", "dir/b.txt"], ["a.txt", "b.txt"]),
        (["*.none"], []),
    ],
)
def test_sources_are_found_and_directories_give_their_contents(
    tmp_path: Path, sources: list[str], found: list[str]
) -> None:
    assert targets(files(tmp_path, "a.txt", "dir/b.txt", "dir/sub/c.txt"), *sources) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x/y/a", ["x/y/a"]),
        ("x/./y/a", ["y/a"]),
        ("x/y", ["x/y", "x/y/a", "x/y/b"]),
        ("x/./y", ["y", "y/a", "y/b"]),
        ("**/a", ["a", "x/y/a"]),
        ("./x/**/b", ["x/y/b"]),
    ],
)
def test_parents_are_kept_from_the_pivot_on(tmp_path: Path, source: str, found: list[str]) -> None:
    assert targets(files(tmp_path, "a", "x/y/a", "x/y/b"), source, parents=True) == found


def test_what_is_excluded_is_left_out_below_the_source(tmp_path: Path) -> None:
    tree = files(tmp_path, "src/a.c", "src/a.o", "src/obj/b.c", "x.o")
    assert targets(tree, "src", exclude=["*.o", "obj"]) == ["", "a.c"]
    assert targets(tree, "*.o", exclude=["*.o"]) == []


def test_ignored_files_do_not_exist(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*\n!src\nsrc/*.o\n!deep/keep/x\n")
    tree = files(tmp_path, "a", "src/a.c", "src/a.o", "deep/keep/x", "deep/keep/y", "deep/z")
    assert targets(tree, ".") == ["", "deep", "deep/keep", "deep/keep/x", "src", "src/a.c"]
    with pytest.raises(DockerfileError, match=r"left out by `\*`, line 1 of .dockerignore"):
        tree.select(["a"])


def test_a_missing_source_is_named_with_one_that_is_like_it(tmp_path: Path) -> None:
    tree = files(tmp_path, "dir/requirements.txt")
    with pytest.raises(
        DockerfileError, match=r"no `dir/requirement.txt` to copy, did you mean `requirements.txt`"
    ):
        tree.select(["dir/requirement.txt"])


def test_a_single_file_may_get_a_new_name(tmp_path: Path) -> None:
    selection = files(tmp_path, "a").select(["a"])
    assert [path for path, _ in selection.placed("/x/new", into_directory=False)] == ["/x/new"]
    assert [path for path, _ in selection.placed("/x/old", into_directory=True)] == ["/x/old/a"]


def test_a_directory_is_placed_at_the_destination(tmp_path: Path) -> None:
    selection = files(tmp_path, "d/a").select(["d"])
    assert [path for path, _ in selection.placed("/x", into_directory=False)] == ["/x", "/x/a"]


def test_links_are_followed_as_sources_and_kept_inside_directories(tmp_path: Path) -> None:
    tree = files(tmp_path, "d/real", "e")
    (tmp_path / "d/link").symlink_to("real")
    (tmp_path / "alias").symlink_to("d")
    (tmp_path / "file").symlink_to("/e")
    assert targets(tree, "alias") == ["", "link", "real"]
    (inside,) = (entry for entry in tree.select(["d"]).entries if entry.target == "link")
    assert (inside.kind, inside.link) == ("symlink", "real")
    (top,) = tree.select(["file"]).entries
    assert (top.target, top.kind, top.path) == ("file", "file", tmp_path / "e")


@pytest.mark.parametrize("link", ["/etc/passwd", "../../../../../../../../etc/passwd", "loop", "out/passwd"])
def test_no_link_leads_out_of_the_context(tmp_path: Path, link: str) -> None:
    root = tmp_path / "context"
    tree = files(root, "a")
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to("/etc")
    (root / "link").symlink_to(link)
    assert tree.select(["o*/passwd"]).entries == ()
    assert tree.select(["o*/**/passwd", "**/passwd"], parents=True).entries == ()
    for source in ("link", "out/passwd"):
        with pytest.raises(DockerfileError, match="to copy"):
            tree.select([source])


def test_a_dockerignore_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "context"
    root.mkdir()
    (tmp_path / "outside").write_text("[broken")
    (root / ".dockerignore").symlink_to("../outside")
    assert targets(files(root, "a"), "a") == ["a"]


def test_pipes_are_left_out_of_directories_and_refused_as_sources(tmp_path: Path) -> None:
    tree = files(tmp_path, "d/a")
    os.mkfifo(tmp_path / "d/pipe")
    assert targets(tree, "d") == ["", "a"]
    assert tree.select(["d/pipe"]).entries == ()


def test_the_digest_counts_contents_modes_and_names_but_no_times(tmp_path: Path) -> None:
    def digest() -> str:
        return Tree(tmp_path).select(["d"]).digest

    files(tmp_path, "d/a", "other")
    first = digest()
    os.utime(tmp_path / "d/a", (1, 1))
    (tmp_path / "other").write_text("changed")
    assert digest() == first
    (tmp_path / "d/a").chmod(0o700)
    second = digest()
    (tmp_path / "d/a").write_text("changed")
    third = digest()
    (tmp_path / "d/a").rename(tmp_path / "d/b")
    assert len({first, second, third, digest()}) == 4
