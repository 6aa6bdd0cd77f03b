"""From a Dockerfile to a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.local.dockerfile.config import DEFAULT_PATH, Healthcheck, ImageConfig
from pytest_runloop.local.dockerfile.context import Tree
from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.parser import parse
from pytest_runloop.local.dockerfile.plan import Base, BaseImage, InlineFile, Origin, Remote, WorkdirStep
from pytest_runloop.local.dockerfile.planner import (
    BuildInputs,
    FetchNeededError,
    ImageNeededError,
    make_plan,
    resolve_plan,
)

from .planning import IMAGES, copy, files, plan, result, run

# --- RUN ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("RUN echo $x", ("/bin/sh", "-c", "echo $x")),
        ('RUN ["echo", "$x"]', ("echo", "$x")),
        ('SHELL ["/bin/bash", "-eo", "pipefail", "-c"]\nRUN a', ("/bin/bash", "-eo", "pipefail", "-c", "a")),
        ("RUN <<EOF\na $x\nb\nEOF", ("/bin/sh", "-c", "a $x\nb\n")),
        ("RUN <<-EOF\n\ta\n\tEOF", ("/bin/sh", "-c", "a\n")),
        ("RUN python3 <<EOF\nprint()\nEOF", ("/bin/sh", "-c", "python3 <<EOF\nprint()\nEOF")),
        ("RUN cat <<A - <<'B'\n1\nA\n2\nB", ("/bin/sh", "-c", "cat <<A - <<'B'\n1\nA\n2\nB")),
    ],
)
def test_a_command_is_run_by_the_shell_or_by_itself(text: str, argv: tuple[str, ...]) -> None:
    step = run(text)
    assert (step.argv, step.script) == (argv, None)


def test_a_document_with_a_shebang_is_a_script() -> None:
    step = run("RUN <<EOF\n#!/usr/bin/env python3\nprint()\nEOF")
    assert (step.argv, step.script) == (("/bin/sh", "-c"), "#!/usr/bin/env python3\nprint()\n")


def test_a_command_has_all_that_was_set_before_it() -> None:
    step = run("ENV a=1\nARG b=2\nUSER me:us\nWORKDIR /w\nWORKDIR x/../y\nRUN --network=none true\nENV c=3")
    assert step.environment == {"PATH": DEFAULT_PATH, "a": "1", "b": "2"}
    assert (step.user, step.working_dir, step.network) == ("me:us", "/w/y", "none")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RUN --security=insecure true", "only `--security=sandbox`"),
        ("RUN --device=gpu true", "`--device` is not supported"),
        ("RUN --network=mine true", "default, none or host"),
        ("RUN --mount=type=ssh true", "need an agent"),
        ("RUN --mount=type=bind,target=/x true", "no build context"),
        ('RUN ["", "x"]', "the program has no name"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said) as caught:
        run(text)
    assert caught.value.line == 2


def test_a_bind_mount_sees_the_context_and_earlier_stages(tmp_path: Path) -> None:
    context = files(tmp_path, "d/a")
    text = (
        "FROM debian AS one\nRUN x\nFROM debian\nARG t=/target\n"
        "RUN --mount=source=d,target=$t --mount=from=one,target=/one true"
    )
    (step,) = plan(text, context=context).result.steps
    first, second = step.mounts  # type: ignore[union-attr]
    assert first.selection is not None
    assert (first.target, [one.target for one in first.selection.entries]) == ("/target", ["", "a"])
    assert (second.origin, second.selection) == (Origin("stage", "one", 0), None)


# --- variables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "build_args", "value"),
    [
        ("FROM debian\nARG a=1\nENV x=$a", {}, "1"),
        ("FROM debian\nARG a=1\nENV x=$a", {"a": "2"}, "2"),
        ("FROM debian\nENV x=$a\nARG a=1", {"a": "2"}, ""),
        ("ARG a=1\nFROM debian\nENV x=$a", {}, ""),
        ("ARG a=1\nFROM debian\nARG a\nENV x=$a", {}, "1"),
        ("ARG a=1\nFROM debian\nARG a=2\nENV x=$a", {}, "2"),
        ("ARG a=1\nFROM debian\nARG a\nENV x=$a", {"a": "3"}, "3"),
        ("FROM debian\nARG a=1\nARG a=2\nENV x=$a", {}, "2"),
        ("FROM debian\nARG a=1\nARG a\nENV x=$a", {}, "1"),
        ("FROM debian\nENV a=1\nARG a=2\nENV x=$a", {"a": "3"}, "1"),
        ("FROM debian\nARG a=2\nENV a=1\nENV x=$a", {"a": "3"}, "1"),
        ("FROM debian\nENV a=1\nENV a=2 x=$a", {}, "1"),
        ("ARG a=1\nARG b=${a}2\nFROM debian\nARG b\nENV x=$b", {}, "12"),
        ("FROM debian AS one\nARG a=1\nFROM debian\nENV x=$a", {}, ""),
        ("FROM debian AS one\nARG a=1\nFROM one\nENV x=$a", {}, "1"),
        ("FROM debian\nENV x=$TARGETARCH", {}, ""),
        ("FROM debian\nARG TARGETARCH\nENV x=$TARGETARCH", {}, "arm64"),
        ("FROM debian\nARG TARGETPLATFORM BUILDOS\nENV x=$TARGETPLATFORM,$BUILDOS", {}, "linux/arm64,linux"),
        ("FROM debian\nARG a=${b:?missing}\nENV x=$a", {"a": "given"}, "given"),
        ("FROM debian\nENV x 'a  b' $HOME", {}, "a  b "),
    ],
)
def test_a_variable_has_the_value_of_its_scope(text: str, build_args: dict[str, str], value: str) -> None:
    environment = plan(text, build_args=build_args, platform="linux/arm64").result.config.environment
    assert environment["x"] == value


def test_the_path_of_the_image_can_be_extended() -> None:
    assert result("ENV PATH=/x:$PATH").config.environment["PATH"] == f"/x:{DEFAULT_PATH}"
    below = ImageConfig(environment={"PATH": "/only"})
    assert result("ENV PATH=/x:$PATH", image=below).config.environment["PATH"] == "/x:/only"


def test_proxies_reach_commands_without_an_arg_and_are_told_apart() -> None:
    given = {"HTTP_PROXY": "http://p", "no_proxy": "x", "other": "y"}
    step = run("ARG no_proxy\nRUN true", build_args=given)
    assert (step.proxies, step.environment["no_proxy"]) == ({"HTTP_PROXY": "http://p"}, "x")
    assert "other" not in step.environment


def test_build_arguments_that_nothing_takes_are_told() -> None:
    text = "ARG a\nFROM debian\nARG b\nONBUILD ARG c"
    given = dict.fromkeys(["z", "a", "b", "c", "HTTP_PROXY", "TARGETARCH", "y"], "1")
    assert plan(text, build_args=given).unused_build_args == ("y", "z")


# --- stages ------------------------------------------------------------------------------------------

STAGES = """
FROM debian AS base
RUN base
FROM base AS build
RUN build
FROM alpine:3 AS unused
RUN unused
FROM debian AS last
COPY --from=build /x /y
"""


@pytest.mark.parametrize(
    ("target", "built"),
    [(None, [0, 1, 3]), ("last", [0, 1, 3]), ("BUILD", [0, 1]), ("0", [0]), ("unused", [2])],
)
def test_only_the_stages_that_the_target_needs_are_built(target: str | None, built: list[int]) -> None:
    assert [stage.index for stage in plan(STAGES, target=target).stages] == built


def test_an_image_that_only_an_unused_stage_names_is_not_needed() -> None:
    images = {"debian": IMAGES["debian"]}
    make_plan(BuildInputs(parse(STAGES), images=images))
    with pytest.raises(ImageNeededError) as caught:
        make_plan(BuildInputs(parse(STAGES), images=images, target="unused"))
    assert (caught.value.reference, caught.value.line) == ("alpine:3", 6)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("FROM debian", Base("image", "debian")),
        ("FROM scratch", Base("scratch")),
        ("FROM bpt_1", Base("image", "bpt_1")),
        ("ARG v=3\nFROM alpine:$v", Base("image", "alpine:3")),
        ("ARG v\nFROM alpine:${v:-3}", Base("image", "alpine:3")),
        ("FROM debian AS one\nFROM ONE", Base("stage", "ONE", 0)),
        ("ARG from=one\nFROM debian AS one\nRUN x\nFROM $from AS two\nFROM two", Base("stage", "two", 1)),
        ("FROM debian AS debian\nFROM debian", Base("stage", "debian", 0)),
        ("FROM --platform=$TARGETPLATFORM debian", Base("image", "debian")),
    ],
)
def test_a_stage_begins_with_what_from_names(text: str, base: Base) -> None:
    assert plan(text).result.base == base


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 0, "no FROM"),
        ("ARG a", 0, "no FROM"),
        ("RUN x\nFROM a", 1, "before the first FROM"),
        ("FROM debian a", 1, r"FROM IMAGE \[AS NAME\]"),
        ("FROM debian IS a", 1, r"FROM IMAGE \[AS NAME\]"),
        ("FROM debian AS 1a", 1, "cannot name a stage"),
        ("FROM debian AS scratch", 1, "reserved"),
        ("FROM $nothing", 1, "`\\$nothing` is empty"),
        ("FROM --platform=linux/s390x debian", 1, "cannot be built on linux/amd64"),
        ("FROM debian AS a\nCOPY --from=a /x /y", 2, "does not come before this one"),
        ("FROM debian\nCOPY --from=0 /x /y", 2, "does not come before this one"),
        (
            "FROM debian\nCOPY --from=b /x /y\nFROM debian AS b\nFROM debian\nCOPY --from=0 /x /y",
            2,
            "earlier stage",
        ),
        ("FROM debian\nCOPY --from=$x /x /y", 2, "takes no variables"),
        ("FROM debian\nENV a=$b =c", 2, "cannot be the name"),
        ("FROM debian\nWORKDIR $nothing", 2, "the directory is empty"),
        ("FROM debian\nUSER $nothing", 2, "the user is empty"),
        ("FROM debian\nENV a='b", 2, "closing single quote"),
        ("FROM debian\nARG =a", 2, "has no name"),
    ],
)
def test_a_dockerfile_that_cannot_be_planned_shows_the_line(text: str, line: int, said: str) -> None:
    with pytest.raises(DockerfileError, match=said) as caught:
        plan(text)
    assert caught.value.line == line


def test_an_unknown_target_is_named_with_one_that_is_like_it() -> None:
    with pytest.raises(DockerfileError, match="no stage `biuld`, did you mean `build`"):
        plan(STAGES, target="biuld")


@pytest.mark.asyncio
async def test_images_are_asked_for_one_by_one() -> None:
    asked: list[str] = []

    async def resolve(reference: str) -> BaseImage:
        asked.append(reference)
        return BaseImage(reference)

    text = (
        "FROM a AS one\nFROM b\nCOPY --from=one /x /y\nCOPY --from=c:1 /x /y\nRUN --mount=from=d,target=/d x"
    )
    await resolve_plan(BuildInputs(parse(text)), resolve, no_fetch)
    assert asked == ["a", "b", "c:1", "d"]


async def no_fetch(remote: Remote) -> Tree:
    """Get nothing from elsewhere."""
    raise DockerfileError(f"no network for `{remote.url}`")


@pytest.mark.asyncio
async def test_what_comes_from_elsewhere_is_fetched_when_its_stage_is_needed(tmp_path: Path) -> None:
    async def resolve(reference: str) -> BaseImage:
        return BaseImage(reference)

    async def fetch(remote: Remote) -> Tree:
        fetched.append(remote.url)
        return files(tmp_path, "f")

    fetched: list[str] = []
    pinned = f"--checksum=sha256:{'0' * 64} http://x/pinned"
    text = f"FROM a\nADD http://x/unused /y\nFROM a\nADD http://x/1 http://x/2 /y/\nADD {pinned} /z"
    await resolve_plan(BuildInputs(parse(text)), resolve, fetch)
    assert fetched == ["http://x/1", "http://x/2"]
    with pytest.raises(DockerfileError, match="no network for `http://x/1`") as caught:
        await resolve_plan(BuildInputs(parse(text)), resolve, no_fetch)
    assert caught.value.line == 4


@pytest.mark.asyncio
async def test_an_image_that_cannot_be_had_shows_the_line_that_wants_it() -> None:
    async def resolve(reference: str) -> BaseImage:
        raise DockerfileError(f"no blueprint `{reference}`")

    with pytest.raises(DockerfileError, match="no blueprint `nothing`") as caught:
        await resolve_plan(BuildInputs(parse("# one\nFROM nothing")), resolve, no_fetch)
    assert caught.value.line == 2


# --- configuration -----------------------------------------------------------------------------------


def test_instructions_without_files_make_no_step() -> None:
    stage = result("ENV a=1\nUSER b\nLABEL c=d\nEXPOSE 80\nCMD x\nENTRYPOINT y\nVOLUME /v\nWORKDIR /")
    assert (stage.steps, stage.key) == ((), IMAGES["debian"].key)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("LABEL a=1 b=$PATH\nLABEL a=2", "labels", {"a": "2", "b": DEFAULT_PATH}),
        ("EXPOSE 80 443/udp 8000-8002/TCP\nEXPOSE 80", "exposed_ports",
         ("80/tcp", "443/udp", "8000/tcp", "8001/tcp", "8002/tcp")),
        ("ENV p='1 2'\nEXPOSE $p", "exposed_ports", ("1/tcp", "2/tcp")),
        ('VOLUME /a b\nVOLUME ["/c d", "/a"]', "volumes", ("/a", "b", "/c d")),
        ("CMD a $b", "command", ("/bin/sh", "-c", "a $b")),
        ('CMD ["a", "$b"]', "command", ("a", "$b")),
        ("CMD []", "command", ()),
        ('SHELL ["x"]\nENTRYPOINT a', "entrypoint", ("x", "a")),
        ("CMD a\nENTRYPOINT b", "command", ("/bin/sh", "-c", "a")),
        ("STOPSIGNAL term", "stop_signal", "term"),
        ("STOPSIGNAL 9", "stop_signal", "9"),
        ("MAINTAINER $x", "author", "$x"),
        ("HEALTHCHECK NONE", "healthcheck", Healthcheck(("NONE",))),
        ("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=2 CMD a", "healthcheck",
         Healthcheck(("CMD-SHELL", "a"), interval=90, timeout=0.5, retries=2)),
        ('HEALTHCHECK --start-period=.5s CMD ["a"]', "healthcheck",
         Healthcheck(("CMD", "a"), start_period=0.5)),
        ("ONBUILD RUN a\nONBUILD COPY <<b /c\nd\nb", "onbuild", ("RUN a", "COPY <<b /c\nd\nb")),
        ("WORKDIR /a\nWORKDIR b", "working_dir", "/a/b"),
        ("ENV x=me\nUSER $x:us", "user", "me:us"),
    ],
)  # fmt: skip
def test_the_configuration_says_what_the_instructions_say(text: str, field: str, value: object) -> None:
    assert getattr(result(text).config, field) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EXPOSE 70000", "`70000` is no port"),
        ("EXPOSE 20-10", "is no port"),
        ("EXPOSE http", "is no port"),
        ("STOPSIGNAL 0", "no signal `0`"),
        ("STOPSIGNAL SIGNOTHING", "no signal"),
        ("HEALTHCHECK --interval=5 CMD a", "no duration"),
        ("HEALTHCHECK --interval=1us CMD a", "shorter than a millisecond"),
        ("HEALTHCHECK --retries=x CMD a", "no number"),
        ("VOLUME $nothing", "empty path"),
        ("LABEL =x", "no name"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said):
        result(text)


def test_an_entrypoint_drops_the_command_of_the_image_below() -> None:
    below = ImageConfig(command=("old",), labels={"a": "b"}, user="u", working_dir="/w")
    kept = result("RUN x", image=below).config
    assert (kept.command, kept.labels, kept.user, kept.working_dir) == (("old",), {"a": "b"}, "u", "/w")
    assert result('ENTRYPOINT ["x"]', image=below).config.command is None
    assert result('CMD ["y"]\nENTRYPOINT ["x"]', image=below).config.command == ("y",)


def test_triggers_run_once_where_the_image_is_built_upon() -> None:
    below = ImageConfig(onbuild=("ENV a=1", "RUN <<EOF\nx\nEOF"))
    stage = result("RUN y", image=below)
    assert [step.argv[-1] for step in stage.steps] == ["x\n", "y"]  # type: ignore[union-attr]
    assert (stage.config.environment["a"], stage.config.onbuild) == ("1", ())


def test_triggers_of_a_stage_run_in_the_stage_on_top() -> None:
    built = plan("FROM debian AS a\nONBUILD RUN x\nFROM a AS b\nFROM b")
    assert [len(stage.steps) for stage in built.stages] == [0, 1, 0]


def test_a_trigger_that_fails_shows_the_from_that_runs_it() -> None:
    with pytest.raises(DockerfileError, match="no build context") as caught:
        result("RUN y", image=ImageConfig(onbuild=("COPY a /b",)))
    assert caught.value.line == 1
    assert "FROM debian (ONBUILD COPY a /b)" in str(caught.value)
    with pytest.raises(DockerfileError, match="ONBUILD is malformed"):
        result("RUN y", image=ImageConfig(onbuild=("COPPY a /b",)))


def test_a_workdir_is_made_for_its_user() -> None:
    first, second = result("WORKDIR /a\nUSER me\nWORKDIR b").steps
    assert isinstance(first, WorkdirStep)
    assert isinstance(second, WorkdirStep)
    assert [(first.path, first.user), (second.path, second.user)] == [("/a", ""), ("/a/b", "me")]


# --- COPY and ADD ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "destination", "into_directory"),
    [
        ("COPY a /x", "/x", False),
        ("COPY a /x/", "/x", True),
        ("COPY a x", "/w/x", False),
        ("COPY a .", "/w", True),
        ("COPY a ./", "/w", True),
        ("COPY a ../y/.", "/y", True),
        ("COPY a b /x", "/x", True),
        ("COPY a //x//y", "/x/y", False),
        ("COPY a /", "/", True),
        ('COPY ["a", "/x y/$HOME"]', "/x y", True),
        ("ENV d=/dest/\nCOPY a $d", "/dest", True),
    ],
)
def test_a_destination_is_a_directory_where_it_is_written_as_one(
    tmp_path: Path, text: str, destination: str, into_directory: bool
) -> None:
    step = copy(f"WORKDIR /w\n{text}", context=files(tmp_path, "a", "b"))
    assert (step.destination, step.into_directory) == (destination, into_directory)


def test_a_copy_from_the_context_knows_its_files(tmp_path: Path) -> None:
    context = files(tmp_path, "src/a", "src/b", "x")
    step = copy("ENV s=src\nCOPY --chown=me --chmod=u=rwX $s /d/", context=context)
    assert step.selection is not None
    assert (step.origin, step.owner, step.mode) == (Origin("context"), "me", "u=rwX")
    placed = [path for path, _ in step.selection.placed(step.destination, into_directory=step.into_directory)]
    assert placed == ["/d", "/d/a", "/d/b"]


def test_a_copy_from_elsewhere_says_where(tmp_path: Path) -> None:
    text = "FROM debian AS one\nFROM debian\nCOPY --from={} x* /y"
    steps = [plan(text.format(name)).result.steps[0] for name in ("one", "ONE", "0", "alpine:3")]
    assert [step.origin for step in steps] == [  # type: ignore[union-attr]
        Origin("stage", "one", 0),
        Origin("stage", "ONE", 0),
        Origin("stage", "0", 0),
        Origin("image", "alpine:3"),
    ]
    named = plan(text.format("one"), contexts={"one": files(tmp_path, "xa")}).result.steps[0]
    assert named.origin == Origin("named", "one")  # type: ignore[union-attr]
    assert named.selection is not None  # type: ignore[union-attr]


def test_documents_become_files() -> None:
    step = copy("ENV x=1\nCOPY <<a.txt <<'b' /d/\n\"$x\" \\$x\na.txt\n$x\nb")
    assert step.inline == (InlineFile("a.txt", '"1" $x\n'), InlineFile("b", "$x\n"))
    assert (step.sources, step.destination, step.into_directory) == ((), "/d", True)


def test_add_downloads_and_unpacks(tmp_path: Path) -> None:
    context = files(tmp_path, "a.tar")
    checksum = "sha256:" + "0" * 64
    step = copy(f"ADD --checksum={checksum} https://example.org/x.tar /d/")
    assert step.remotes == (Remote("https://example.org/x.tar", checksum=checksum),)
    assert (step.unpack_files, step.unpack_downloads) == (True, False)
    remote = Remote("https://example.org/x.tar")
    step = copy(
        "ADD --unpack a.tar https://example.org/x.tar /d/", context=context, fetched={remote: context}
    )
    assert (step.remotes, len(step.fetched)) == ((remote,), 1)
    assert (step.sources, step.unpack_files, step.unpack_downloads) == (("a.tar",), True, True)
    assert not copy("ADD --unpack=false a.tar /d/", context=context).unpack_files
    assert not copy("COPY a.tar /d/", context=context).unpack_files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("COPY a", "no destination"),
        ("COPY a $nothing", "the destination is empty"),
        ("COPY $nothing /a", "a source is empty"),
        ("COPY a <<EOF\nx\nEOF", "destination cannot be a document"),
        ("COPY missing /a", "no `missing` to copy"),
        ("COPY --chmod=rw a /b", "no file mode"),
        ("COPY --chown=a:b:c a /b", "names no owner"),
        ("COPY https://example.org/x /a", "expected: ADD"),
        ("ADD https://example.org/x.git?ref=main /a", "expected: REPOSITORY.git#REF:DIRECTORY"),
        ("COPY git@example.org:x /a", "expected: ADD"),
        (f"ADD --checksum=sha256:{'0' * 64} https://example.org/x.git /a", "for one download"),
        ("ADD --checksum=md5:0 https://example.org/x /a", "no checksum"),
        (f"ADD --checksum=sha256:{'0' * 64} a /b", "for one download"),
        ('COPY "a b" /c', "closing double quote"),
        ("COPY [ab /c", "ends inside"),
    ],
)
def test_a_copy_that_cannot_be_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        copy(text, context=files(tmp_path, "a"))
    assert said in str(caught.value)
    assert caught.value.line == 2


def test_without_a_context_the_error_says_what_to_give() -> None:
    with pytest.raises(DockerfileError) as caught:
        copy("COPY . /app")
    assert "`build_context` of the blueprint" in str(caught.value)


# --- keys --------------------------------------------------------------------------------------------


def keys(text: str, **inputs: Any) -> list[str]:
    return [step.key for stage in plan(text, **inputs).stages for step in stage.steps]


def same_prefix(first: list[str], second: list[str]) -> int:
    pairs = zip(first, second, strict=False)
    return next(
        (count for count, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second))
    )


BUILD = "FROM debian\nRUN one\nARG v=1\nCOPY a /a\nRUN two\nWORKDIR /w$v\nRUN three"


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (("RUN three", "RUN 3"), 4),
        (("RUN two", "RUN 2"), 2),
        (("RUN one", "RUN 1"), 0),
        (("FROM debian", "FROM alpine:3"), 0),
        (("v=1", "v=2"), 2),
        (("COPY a /a", "COPY a /b"), 1),
        (("COPY a /a", "COPY --chmod=700 a /a"), 1),
        (("COPY a /a", "COPY --chown=me a /a"), 1),
        (("RUN two", "ENV e=1\nRUN two"), 2),
        (("RUN two", "USER me\nRUN two"), 2),
        (("RUN two", 'SHELL ["bash", "-c"]\nRUN two'), 2),
        (("RUN two", "RUN --network=none two"), 2),
        (("RUN two", "RUN --mount=type=cache,target=/c two"), 2),
        # None of these changes what a step does.
        (("RUN two", "LABEL x=y\nCMD z\nEXPOSE 80\nRUN two"), 5),
        (("RUN two", "# comment\n\nrun    two"), 5),
        (("RUN two", "RUN \\\n two"), 5),
        (("FROM debian", "FROM debian AS name"), 5),
        (("FROM debian", "ARG v=7\nFROM debian"), 5),
        (("FROM debian", "FROM alpine:3 AS other\nRUN x\nFROM debian"), 5),
        (("COPY a /a", "COPY ./a* /a"), 5),
        (("RUN three", "RUN three\nARG late\nRUN four"), 5),
    ],
)
def test_a_change_spoils_what_comes_from_it_and_nothing_before(
    tmp_path: Path, change: tuple[str, str], kept: int
) -> None:
    context = files(tmp_path, "a")
    assert change[0] in BUILD
    before = keys(BUILD, context=context)
    after = keys(BUILD.replace(*change, 1), context=context)
    assert (len(before), same_prefix(before, after)) == (5, kept)


@pytest.mark.parametrize(
    ("given", "kept"), [({"v": "2"}, 2), ({"v": "1"}, 5), ({"other": "2"}, 5), ({"HTTP_PROXY": "p"}, 5)]
)
def test_a_build_argument_counts_from_where_it_is_used(
    tmp_path: Path, given: dict[str, str], kept: int
) -> None:
    context = files(tmp_path, "a")
    assert same_prefix(keys(BUILD, context=context), keys(BUILD, context=context, build_args=given)) == kept


def test_a_copied_file_counts_and_another_does_not(tmp_path: Path) -> None:
    before = keys(BUILD, context=files(tmp_path, "a", "b"))
    (tmp_path / "b").write_text("changed")
    assert keys(BUILD, context=files(tmp_path)) == before
    (tmp_path / "a").write_text("changed")
    assert same_prefix(before, keys(BUILD, context=files(tmp_path))) == 1


def test_a_copy_from_a_stage_counts_that_stage(tmp_path: Path) -> None:
    text = "FROM debian AS one\nRUN {}\nFROM debian\nRUN first\n"
    text += "COPY --from=one /x /x\nRUN --mount=from=one,target=/m y"
    before, after = keys(text.format("a")), keys(text.format("b"))
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True, False, False]


def test_a_new_base_spoils_all() -> None:
    text = parse("FROM debian\nRUN a\nRUN b")
    old = make_plan(BuildInputs(text, images={"debian": BaseImage("1")})).result.steps
    new = make_plan(BuildInputs(text, images={"debian": BaseImage("2")})).result.steps
    assert not {step.key for step in old} & {step.key for step in new}


def test_a_stage_on_a_stage_hits_the_same_keys_as_one_stage() -> None:
    assert keys("FROM debian AS a\nRUN x\nFROM a\nRUN y") == keys("FROM debian\nRUN x\nRUN y")


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("https://example.org/x.git", Remote("https://example.org/x.git", git=True)),
        ("git@example.org:a/x#v1", Remote("git@example.org:a/x", git=True, ref="v1")),
        (
            "https://example.org/x.git#v1:a/b",
            Remote("https://example.org/x.git", git=True, ref="v1", directory="a/b"),
        ),
        ("ssh://example.org/x#:a", Remote("ssh://example.org/x", git=True, directory="a")),
        ("http://example.org/x.git/file", Remote("http://example.org/x.git/file")),
    ],
)
def test_add_knows_repositories_from_files(tmp_path: Path, source: str, remote: Remote) -> None:
    with pytest.raises(FetchNeededError) as caught:
        copy(f"ADD {source} /d")
    assert (caught.value.remote, caught.value.line) == (remote, 2)
    tree = files(tmp_path, "a/b/file", "other")
    assert copy(f"ADD {source} /d", fetched={remote: tree}).fetched
    kept = copy(f"ADD --keep-git-dir {source} /d", fetched={replace(remote, keep_git=remote.git): tree})
    assert kept.remotes[0].keep_git == remote.git


def test_what_is_fetched_counts_by_its_content(tmp_path: Path) -> None:
    remote = Remote("https://example.org/file")

    def key(name: str, content: str) -> str:
        tree = files(tmp_path / name, "f", f=content)
        return copy("ADD https://example.org/file /d", fetched={remote: tree}).key

    assert key("a", "1") == key("b", "1") != key("c", "2")
