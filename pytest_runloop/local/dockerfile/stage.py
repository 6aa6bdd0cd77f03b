"""One stage: its instructions, one after another, become steps and a configuration."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from .config import CONFIG_CHANGES, DEFAULT_PATH, ImageConfig
from .context import Selection, Tree
from .copying import CopyWords, read_copy
from .errors import DockerfileError
from .expansion import expand_document
from .mounts import parse_mount
from .parser import Heredoc, Instruction, parse
from .plan import (
    Base,
    BaseImage,
    CopyStep,
    InlineFile,
    Mount,
    Origin,
    Remote,
    RunStep,
    Stage,
    Step,
    WorkdirStep,
    key_of,
)
from .stages import PROXY_ARGS, GlobalArguments, Outline, StageText, argument_defaults, expand_in
from .words import split_words


class Build(Protocol):
    """What a stage asks about all the rest."""

    arguments: GlobalArguments
    sketch: Outline
    secrets: tuple[str, ...]

    def origin(self, name: str, index: int) -> Origin:
        """Return what `from` names."""

    def origin_key(self, origin: Origin, instruction: Instruction) -> str:
        """Return what the files there are known by."""

    def tree(self, origin: Origin) -> Tree | None:
        """Return the directory of a context."""

    def fetched(self, remote: Remote, instruction: Instruction) -> Tree:
        """Return what was got from elsewhere."""


def selected(tree: Tree, remote: Remote, exclude: Sequence[str] = ()) -> Selection:
    """Find what ADD takes of something from elsewhere.

    :param tree: holds the one file, or the files of the repository.
    """
    return tree.select([remote.directory if remote.git else "*"], exclude=exclude)


class StagePlanner:
    """Takes instructions.

    :param build: the whole.
    :param text: the stage as written.
    :param base: what it begins with.
    :param image: what is known of that.
    :param arguments: the values of ARG that it takes over from a stage that it begins with.
    """

    def __init__(
        self, build: Build, text: StageText, base: Base, image: BaseImage, arguments: Mapping[str, str]
    ) -> None:
        self._build = build
        self._text = text
        self._base = base
        self._steps: list[Step] = []
        self._has_command = False
        self.arguments = dict(arguments)
        self.key = image.key
        environment = {"PATH": DEFAULT_PATH, **image.config.environment}
        self.config = replace(image.config, environment=environment, onbuild=())
        self._triggers = image.config.onbuild

    def run_triggers(self) -> None:
        """Take what ONBUILD kept in the image that this stage begins with."""
        start = self._text.start
        for text in self._triggers:
            try:
                instructions = parse(text).instructions
            except DockerfileError as error:
                raise start.error(f"the image's ONBUILD is malformed: {error.what}", error.expected) from None
            for instruction in instructions:
                # The line is that of FROM: the trigger stands in another Dockerfile.
                self.take(
                    replace(
                        instruction, line=start.line, shown=f"{start.shown} (ONBUILD {instruction.shown})"
                    )
                )

    def take(self, instruction: Instruction) -> None:
        """Plan one instruction.

        :raises DockerfileError: if it cannot be built; it shows the line.
        """
        try:
            self._dispatch(instruction)
        except DockerfileError as error:
            if not error.line:
                raise instruction.error(error.what, error.expected) from None
            raise

    def stage(self) -> Stage:
        """Return all that was planned."""
        return Stage(self._text.index, self._text.name, self._base, tuple(self._steps), self.config, self.key)

    def _dispatch(self, instruction: Instruction) -> None:
        match instruction.name:
            case "RUN":
                self._add(self._run(instruction))
            case "COPY" | "ADD":
                self._add(self._copy(instruction))
            case "WORKDIR":
                self._workdir(instruction)
            case "ARG":
                self._arg(instruction)
            case _:
                self._configure(instruction)

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self.key = step.key

    def _variables(self) -> dict[str, str]:
        # BuildKit lets an ARG that comes after an ENV hide it; the reference says that ENV always wins.
        return {**self.arguments, **self.config.environment}

    def _configure(self, instruction: Instruction) -> None:
        variables, escape = self._variables(), self._build.sketch.escape
        change = CONFIG_CHANGES.get(instruction.name)
        if change is None:
            raise instruction.error(f"{instruction.name} cannot stand here")
        self.config = change(
            self.config, instruction, lambda word: expand_in(instruction, word, variables, escape)
        )
        self._has_command |= instruction.name == "CMD"
        if instruction.name == "ENTRYPOINT" and not self._has_command:
            # The command of the image below was meant for the entrypoint of the image below.
            self.config = replace(self.config, command=None)

    def _arg(self, instruction: Instruction) -> None:
        variables, known = self._variables(), self._build.arguments
        for name, default in argument_defaults(instruction):
            if name in known.given:
                self.arguments[name] = known.given[name]
            elif default is not None:
                self.arguments[name] = expand_in(instruction, default, variables, self._build.sketch.escape)
            elif name in known.values:
                self.arguments[name] = known.values[name]

    def _expand(self, instruction: Instruction, word: str) -> str:
        return expand_in(instruction, word, self._variables(), self._build.sketch.escape)

    def _workdir(self, instruction: Instruction) -> None:
        path = self._expand(instruction, instruction.arguments[0])
        if not path:
            raise instruction.error("the directory is empty", expected="WORKDIR PATH")
        path = _absolute(self.config.working_dir, path)
        self.config = replace(self.config, working_dir=path)
        if path != "/":
            key = key_of("workdir", self.key, path, self.config.user)
            self._add(WorkdirStep(key, instruction.line, f"WORKDIR {path}", path, self.config.user))

    def _run(self, instruction: Instruction) -> RunStep:
        argv, script = _command(self.config, instruction)
        step = RunStep(
            key="",
            line=instruction.line,
            text=instruction.text,
            argv=argv,
            script=script,
            environment=self._variables(),
            proxies=self._proxies(),
            user=self.config.user,
            working_dir=self.config.working_dir,
            mounts=tuple(self._mount(instruction, text) for text in instruction.flag_values("mount")),
            network=_network(instruction),
            secrets=self._build.secrets,
        )
        sources = [self._build.origin_key(one.origin, instruction) for one in step.mounts if one.origin]
        content = replace(step, line=0, text="", proxies={})
        return replace(step, key=key_of("run", self.key, content, sources))

    def _proxies(self) -> dict[str, str]:
        given = self._build.arguments.given
        declared = self._variables()
        return {name: given[name] for name in sorted(PROXY_ARGS & given.keys()) if name not in declared}

    def _mount(self, instruction: Instruction, text: str) -> Mount:
        mount = parse_mount(
            text,
            working_dir=self.config.working_dir,
            expand=lambda word: self._expand(instruction, word),
            find=lambda name: self._build.origin(name, self._text.index),
        )
        tree = self._build.tree(mount.origin) if mount.origin else None
        return replace(mount, selection=tree.select([mount.source])) if tree else mount

    def _copy(self, instruction: Instruction) -> CopyStep:
        words = read_copy(instruction, lambda word: self._expand(instruction, word))
        given = instruction.flag("from")
        origin = self._build.origin(given, self._text.index) if given else Origin("context")
        tree = self._build.tree(origin) if words.sources else None
        step = CopyStep(
            key="",
            line=instruction.line,
            text=instruction.text,
            destination=_absolute(self.config.working_dir, words.destination),
            into_directory=words.into_directory,
            origin=origin,
            sources=words.sources,
            selection=tree.select(words.sources, exclude=words.exclude, parents=words.parents)
            if tree
            else None,
            inline=tuple(self._inline(document) for document in instruction.heredocs),
            remotes=words.remotes,
            fetched=self._fetched(words, instruction),
            owner=words.owner,
            mode=words.mode,
            exclude=words.exclude,
            parents=words.parents,
            unpack_files=words.unpack_files,
            unpack_downloads=words.unpack_downloads,
        )
        # What was found counts, not by which pattern.
        content = replace(step, line=0, text="", sources=() if tree else step.sources)
        return replace(
            step, key=key_of("copy", self.key, content, self._build.origin_key(origin, instruction))
        )

    def _fetched(self, words: CopyWords, instruction: Instruction) -> tuple[Selection, ...]:
        return tuple(
            selected(self._build.fetched(remote, instruction), remote, words.exclude)
            for remote in words.remotes
            if remote.checksum is None
        )

    def _inline(self, document: Heredoc) -> InlineFile:
        text = expand_document(document.text, self._variables()) if document.expand else document.text
        return InlineFile(document.delimiter, text)


def _absolute(working_dir: str, path: str) -> str:
    return "/" + posixpath.normpath(posixpath.join("/", working_dir, path)).lstrip("/")


def _command(config: ImageConfig, instruction: Instruction) -> tuple[tuple[str, ...], str | None]:
    """Return the command, and the script that it runs if there is one."""
    if instruction.exec_form:
        if not instruction.arguments[0]:
            raise DockerfileError("the program has no name")
        return instruction.arguments, None
    (text,) = instruction.arguments
    documents = instruction.heredocs
    if len(documents) == 1 and len(split_words(text, "\\")) == 1:
        script = documents[0].text
        return (config.shell, script) if script.startswith("#!") else ((*config.shell, script), None)
    # The documents belong to a command in the line, so the shell gets all of it, as it was written.
    lines = [text, *(f"{document.body}{document.delimiter}" for document in documents)]
    return (*config.shell, "\n".join(lines)), None


def _network(instruction: Instruction) -> str:
    if instruction.flag("device"):
        raise DockerfileError("`--device` is not supported: a blueprint's build has no devices")
    if instruction.flag("security") not in (None, "sandbox"):
        raise DockerfileError("only `--security=sandbox` is supported")
    network = instruction.flag("network") or "default"
    if network not in ("default", "none", "host"):
        raise DockerfileError(f"`--network={network}` is unknown", expected="default, none or host")
    return network
