"""What a COPY or ADD says, before anybody looks for the files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .errors import DockerfileError
from .modes import check_mode
from .parser import Instruction
from .plan import Remote
from .words import split_words

_HEREDOC = re.compile(r"\d*<<-?[^<]+", re.DOTALL)
_URL = re.compile(r"https?://", re.IGNORECASE)
_GIT = re.compile(r"(?:git@|git://|ssh://).*|https?://[^?#]*\.git(?:[#?].*)?", re.IGNORECASE | re.DOTALL)
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
_OWNER = re.compile(r"[^:\s]+(?::[^:\s]+)?")


@dataclass(frozen=True, slots=True)
class CopyWords:
    """The words of a COPY or ADD with their variables replaced. See `plan.CopyStep`."""

    destination: str
    into_directory: bool
    sources: tuple[str, ...]
    remotes: tuple[Remote, ...]
    owner: str
    mode: str | None
    exclude: tuple[str, ...]
    parents: bool
    unpack_files: bool
    unpack_downloads: bool


def read_copy(instruction: Instruction, expand: Callable[[str], str]) -> CopyWords:
    """Read a COPY or ADD.

    :raises DockerfileError: if it has no destination, or something that it cannot copy from.
    """
    *sources, destination = _words(instruction)
    named = [expand(word) for word in sources if not (instruction.heredocs and _HEREDOC.fullmatch(word))]
    destination = expand(destination)
    if not destination or not all(named):
        raise DockerfileError("a source is empty" if destination else "the destination is empty")
    files, remotes = _split_sources(instruction, named)
    unpack = instruction.flag("unpack")
    return CopyWords(
        destination=destination,
        into_directory=_is_directory(destination)
        or len(sources) > 1
        or instruction.flag("parents") == "true",
        sources=files,
        remotes=_pinned(instruction, expand, remotes, named),
        owner=_owner(instruction, expand),
        mode=check_mode(expand(mode)) if (mode := instruction.flag("chmod")) else None,
        exclude=instruction.flag_values("exclude"),
        parents=instruction.flag("parents") == "true",
        unpack_files=instruction.name == "ADD" and unpack != "false",
        unpack_downloads=unpack == "true",
    )


def _words(instruction: Instruction) -> list[str]:
    words = list(instruction.arguments)
    if instruction.heredocs:
        words = split_words(" ".join(words), "\\")
    if len(words) < 2:
        raise DockerfileError(
            f"{instruction.name} has no destination", expected=f"{instruction.name} SOURCE … DESTINATION"
        )
    if instruction.heredocs and _HEREDOC.fullmatch(words[-1]):
        raise DockerfileError("the destination cannot be a document", expected="COPY <<EOF /path")
    return words


def _is_directory(destination: str) -> bool:
    return destination.rsplit("/", 1)[-1] in ("", ".", "..")


def _split_sources(
    instruction: Instruction, sources: list[str]
) -> tuple[tuple[str, ...], tuple[Remote, ...]]:
    # COPY --from may well have a directory called `https:`.
    if instruction.flag("from"):
        return tuple(sources), ()
    far = {source: _remote(instruction, source) for source in sources if _is_remote(source)}
    if far and instruction.name == "COPY":
        raise DockerfileError(f"COPY cannot download `{next(iter(far))}`", expected="ADD")
    return tuple(source for source in sources if source not in far), tuple(far.values())


def _is_remote(source: str) -> bool:
    return bool(_URL.match(source) or _GIT.fullmatch(source))


def _remote(instruction: Instruction, source: str) -> Remote:
    if not _GIT.fullmatch(source):
        return Remote(source)
    url, _, fragment = source.partition("#")
    if "?" in url:
        what = f"`{source}`: queries in the address of a git repository are not supported"
        raise DockerfileError(what, expected="REPOSITORY.git#REF:DIRECTORY")
    ref, _, directory = fragment.partition(":")
    return Remote(url, True, ref, directory or ".", instruction.flag("keep-git-dir") == "true")


def _owner(instruction: Instruction, expand: Callable[[str], str]) -> str:
    flag = instruction.flag("chown")
    owner = expand(flag) if flag else ""
    if flag and not _OWNER.fullmatch(owner):
        raise DockerfileError(f"`--chown={flag}` names no owner", expected="--chown=USER[:GROUP]")
    return owner


def _pinned(
    instruction: Instruction, expand: Callable[[str], str], remotes: tuple[Remote, ...], sources: list[str]
) -> tuple[Remote, ...]:
    flag = instruction.flag("checksum")
    if flag is None:
        return remotes
    checksum = expand(flag)
    if not _CHECKSUM.fullmatch(checksum):
        raise DockerfileError(f"`{checksum}` is no checksum", expected="sha256: and 64 hexadecimal digits")
    if len(remotes) != 1 or len(sources) != 1 or remotes[0].git:
        raise DockerfileError(
            "`--checksum` is for one download", expected="one source, an http:// or https:// address"
        )
    return (replace(remotes[0], checksum=checksum),)
