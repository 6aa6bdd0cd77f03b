"""Carries out COPY and ADD: collects the files in a directory of the box, then puts them in their place."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

from .archives import is_archive
from .descriptors import write_file
from .dockerfile.context import Entry, Selection
from .dockerfile.errors import DockerfileError
from .dockerfile.plan import CopyStep, Origin
from .engine.protocol import Box
from .errors import ENGINE_ERRORS, as_api_error
from .packing import send
from .setup import SetupError
from .tools import run_tool, scratch_directory, transfer

# A pattern stands unquoted, with no IFS that would split its result. As in Docker, a link that is named
# itself is followed, and one within a directory stays one.
_COLLECT = """
to=$1/files; shift; mkdir -p -- "$to"; IFS=; unset single; count=0
cd /
for pattern in "$@"; do
    for path in $pattern; do
        [ -e "$path" ] || { echo "there is no \\`$path\\` to copy" >&2; exit 1; }
        count=$((count + 1))
        if [ -d "$path" ]; then cp -a -- "$path/." "$to/"; count=$((count + 1))
        else cp -pL -- "$path" "$to/"; fi
    done
done
[ "$count" = 1 ] && : > "$to/../single" || :
"""

# A directory that is there keeps its mode and owner, so those in the archive get the same before: not every
# tar can leave them alone.
_PUT = """
from=$1 to=$2 into=$3 owner=$4 mode=$5
mkdir -p -- "$from/files"
for archive in "$from"/archives/*; do
    [ -e "$archive" ] || continue
    tar --numeric-owner -C "$from/files" -xpf "$archive"
    into=yes
done
[ -z "$mode" ] || find "$from/files" -mindepth 1 ! -type l -exec chmod -- "$mode" {} +
[ -z "$owner" ] || find "$from/files" -mindepth 1 -exec chown -h -- "$owner" {} +
if [ -e "$from/single" ] && [ -z "$into" ] && [ ! -d "$to" ]; then
    mkdir -p -- "${to%/*}/"
    rm -f -- "$to"
    find "$from/files" -mindepth 1 -exec cp -a -T -- {} "$to" \\;
else
    if [ -d "$to" ]; then keep=yes; else keep=; mkdir -p -- "$to"; fi
    cd "$from/files"
    [ -z "$keep" ] || find . -type d -exec sh -ec '
        to=$1; shift
        for name; do
            [ -d "$to/$name" ] || continue
            chmod -- "$(stat -c %a -- "$to/$name")" "$name"
            chown -- "$(stat -c %u:%g -- "$to/$name")" "$name"
        done
    ' sh "$to" {} +
    tar --numeric-owner -cf "$from/all" .
    tar --numeric-owner -C "$to" -xpf "$from/all"
    [ -n "$keep" ] || [ -z "$owner" ] || chown -- "$owner" "$to"
fi
"""


def check_copy(step: CopyStep) -> None:
    """Refuse what this builder cannot copy.

    :raises DockerfileError: naming what to write instead.
    """
    for given, what, instead in (
        (step.exclude, "`--exclude` is not supported from stages", "a RUN that removes the files"),
        (step.parents, "`--parents` is not supported from stages", "a COPY for each directory"),
    ):
        if given and step.sources and step.selection is None:
            raise DockerfileError(f"{what} in builds of the local backend yet", expected=instead)


Collect = Callable[[Origin, Sequence[str], Box, str], Awaitable[None]]
"""Copies what patterns find in a stage or image into `files` in a directory of a box.

A file `single` beside it says that it is one file. Raises `SetupError` if something is missing."""


async def copy_files(step: CopyStep, box: Box, collect: Collect, destination: str, owner: str) -> None:
    """Carry out a COPY or ADD.

    :param collect: gets what it copies from a stage or image.
    :param destination: where to, as the box has it.
    :param owner: as `chown` takes it; empty to keep them.
    :raises SetupError: if something is missing or cannot be written.
    """
    async with scratch_directory(box) as scratch:
        if step.sources and step.selection is None:
            await collect(step.origin, step.sources, box, scratch)
        if step.selection is not None:
            await collect_selection(step.selection, box, scratch, unpack=step.unpack_files)
        for found in step.fetched:
            await collect_selection(found, box, scratch, unpack=step.unpack_downloads)
        await _write_inline(step, box, scratch)
        into = "yes" if step.into_directory else ""
        await run_tool(box, _PUT, scratch, destination, into, owner, step.mode or "")


async def collect_from_box(source: Box, patterns: Sequence[str], box: Box, into: str) -> None:
    """Do what a `Collect` does with programs of the stage or image, in a box of it."""
    async with scratch_directory(source) as collected:
        await run_tool(source, _COLLECT, collected, *patterns)
        await transfer(source, collected, box, into)


async def collect_selection(selection: Selection, box: Box, into: str, *, unpack: bool = False) -> None:
    """Copy what was found in a context, as a `Collect` does.

    :param unpack: put archives that were named into `archives`, to be unpacked.
    :raises SetupError: if it cannot be written.
    """
    await send(_placed(selection, unpack), box, into)
    if selection.single_file:
        await run_tool(box, ': > "$1/single"', into)


def _placed(selection: Selection, unpack: bool) -> Iterator[tuple[str, Entry]]:
    for entry in selection.entries:
        if unpack and entry.named and _is_archive(entry):
            # In the order of the sources, of which several may be called the same.
            yield f"archives/{time.monotonic_ns():020}", entry
        else:
            yield f"files/{entry.target}", entry


def _is_archive(entry: Entry) -> bool:
    with entry.path.open("rb") as file:
        return is_archive(file)


async def _write_inline(step: CopyStep, box: Box, scratch: str) -> None:
    files = {f"files/{file.name}": file.content for file in step.inline}
    if len(files) == 1:
        files["single"] = ""
    for name, text in files.items():
        try:
            await write_file(box, f"{scratch}/{name}", text)
        except ENGINE_ERRORS as error:
            raise SetupError(str(as_api_error(error, f"write {name}"))) from error


def chown_word(owner: str) -> str:
    """Return an owner as `chown` takes it: without a group, it is the one that Docker takes."""
    if not owner or ":" in owner:
        return owner
    # For a number the same number; for a name the group that the user logs in with.
    return f"{owner}:{owner if owner.isdigit() else ''}"
