"""A build plan: stages of steps, each complete in itself, with the key under which its result is kept.

A key is a hash over the key of the step before, all that the step does, and the contents that it reads from
the build context. So a builder may take any layer that was frozen under the same key, whoever built it.

* RUN: the command, all ENV and ARG values in sight, user, directory and mounts. As in Docker, an ARG counts
  from where it is declared, whether the command names it or not; one that is not declared never counts.
* COPY, ADD, WORKDIR: the values after replacement only.
* Instructions that change the image's configuration alone have no step and no key: another LABEL or CMD
  spoils nothing. What ENV, USER and SHELL change shows in the steps after them.
* From another stage: that stage's key. (BuildKit compares the contents of the files that were copied.)
* The names of a build's secrets are in the key of each RUN, which sees them; their values are in none, so
  another value alone builds nothing again. (BuildKit does the same with the mounts that name them.)
* Not in any key: the values of secrets, proxy variables, the contents of cache mounts, owners and times of
  files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from .config import ImageConfig
from .context import Selection

MountKind = Literal["bind", "cache", "tmpfs", "secret"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from.

    :param kind: `context` for the build context, `named` for one of the named contexts.
    :param name: of the stage, image or named context; empty for the build context.
    :param stage: the number of the stage.
    """

    kind: Literal["context", "named", "stage", "image"]
    name: str = ""
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """Something that a command sees while it runs, and that is not kept.

    :param target: an absolute path; empty for a secret that is only a variable.
    :param origin, source: of `bind`: where from, and the path there.
    :param selection: of `bind` from a context: the files.
    :param identifier: of `cache` and `secret`.
    :param variable: of `secret`: the environment variable to put it in.
    :param required: of `secret`: fail if there is none.
    :param sharing: of `cache`: `shared`, `private` or `locked`: whether others may use it meanwhile.
    :param mode: permission bits of the file or directory.
    :param size: of `tmpfs`, in bytes; `None` for no limit.
    """

    kind: MountKind
    target: str
    origin: Origin | None = None
    source: str = ""
    selection: Selection | None = None
    identifier: str = ""
    variable: str = ""
    read_only: bool = False
    required: bool = False
    sharing: str = "shared"
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run a command as `user` in `working_dir`, and keep what it changed.

    :param argv: the command.
    :param script: text of a script: write it, executable, outside the layer, and append its path to `argv`.
    :param environment: all of it but what the machine adds (HOME, HOSTNAME).
    :param proxies: proxy variables given as build arguments and not declared; add them to the environment.
    :param user: `NAME[:GROUP]`; empty for root.
    :param network: `default`, `none` or `host`.
    :param secrets: the names of those that the build has.
    """

    key: str
    line: int
    text: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    working_dir: str
    script: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    network: str = "default"
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file written in the Dockerfile. Its mode is 0644 unless the step has one."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Something that ADD gets from elsewhere: a file, or the files of a git repository.

    :param url: where it is.
    :param ref, directory: of a repository: a branch, tag or commit, and which directory of it.
    :param keep_git: of a repository: whether `.git` is copied too.
    :param checksum: `sha256:…` of a file, which then is known before anybody gets it.
    """

    url: str
    git: bool = False
    ref: str = ""
    directory: str = "."
    keep_git: bool = False
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class CopyStep:
    """Put files into the layer. Missing directories on the way are made, 0755.

    :param destination: an absolute path without a slash at its end.
    :param into_directory: the destination is a directory whatever is there; otherwise a single file goes into
        it if it is an existing directory, and becomes it if not.
    :param origin, sources: where the sources are, and their paths or patterns there.
    :param selection: for contexts, what they are; for stages and images the builder asks `context.Tree`.
    :param inline: files written in the Dockerfile.
    :param remotes: what to get from elsewhere; a file has the name of its address's last part, and mode 0600.
    :param fetched: what was found there, of those without a checksum.
    :param owner: `NAME[:GROUP]`; empty for root, and for what comes from a stage or image: as it is there.
    :param mode: as `modes.apply_mode` takes it, for directories too; `None` to keep each one's own.
    :param unpack_files, unpack_downloads: unpack archives instead of copying them.
    """

    key: str
    line: int
    text: str
    destination: str
    into_directory: bool
    origin: Origin
    sources: tuple[str, ...] = ()
    selection: Selection | None = None
    inline: tuple[InlineFile, ...] = ()
    remotes: tuple[Remote, ...] = ()
    fetched: tuple[Selection, ...] = ()
    owner: str = ""
    mode: str | None = None
    exclude: tuple[str, ...] = ()
    parents: bool = False
    unpack_files: bool = False
    unpack_downloads: bool = False


@dataclass(frozen=True, slots=True)
class WorkdirStep:
    """Make a directory, and those above it, unless it is there: 0755, owned by `user`."""

    key: str
    line: int
    text: str
    path: str
    user: str


Step = RunStep | CopyStep | WorkdirStep


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What FROM found outside the Dockerfile: an image, a blueprint, the machine's own system.

    :param key: what its contents are known by; a new key spoils all that was built on the old one.
    :param config: its configuration.
    """

    key: str
    config: ImageConfig = field(default_factory=ImageConfig)


@dataclass(frozen=True, slots=True)
class Base:
    """What a stage begins with.

    :param name: the image, as the `images` of the inputs have it; or the stage's name.
    :param stage: the number of the stage.
    """

    kind: Literal["image", "stage", "scratch"]
    name: str = ""
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage that has to be built.

    :param index: its number in the Dockerfile, from 0.
    :param key: of its last step; of what it begins with if it has none.
    """

    index: int
    name: str
    base: Base
    steps: tuple[Step, ...]
    config: ImageConfig
    key: str


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """All that a build does.

    :param stages: in the order in which to build them; the last one is the result. Stages that it does not
        need are left out, as BuildKit does.
    :param unused_build_args: build arguments that no ARG took, sorted: worth a line in the log.
    """

    stages: tuple[Stage, ...]
    unused_build_args: tuple[str, ...] = ()

    @property
    def result(self) -> Stage:
        """The stage whose files and configuration are the image."""
        return self.stages[-1]


_FORMAT = 1
"""Part of every key: a change in what steps mean must not find the results of old ones."""


def key_of(*parts: object) -> str:
    """Return a key for these values: texts, numbers, tuples, mappings, and dataclasses of them."""
    text = json.dumps([_FORMAT, *parts], default=_plain, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> Any:
    if isinstance(value, Selection):
        return value.digest
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be part of a key")
