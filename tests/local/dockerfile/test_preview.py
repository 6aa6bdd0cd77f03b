"""The Dockerfile of a blueprint."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop.local.dockerfile.config import ImageConfig
from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.parser import parse
from pytest_runloop.local.dockerfile.plan import CopyStep, RunStep
from pytest_runloop.local.dockerfile.preview import FILE_MOUNTS, compose, mount_secrets, mounted_files

from .planning import files, plan


def composed(**params: Any) -> str:
    return compose({"name": "x", **params}, base="debian")  # type: ignore[typeddict-item]


def commands(text: str, **inputs: Any) -> list[str]:
    steps = plan(text, **inputs).result.steps
    return [step.argv[-1] for step in steps if isinstance(step, RunStep)]


def test_a_dockerfile_alone_stays_as_it_is() -> None:
    text = "FROM debian\nRUN a\n"
    assert composed(dockerfile=text) == text


def test_what_has_no_from_begins_with_the_base() -> None:
    assert composed().split() == ["FROM", "debian"]
    text = composed(dockerfile="# escape=`\nRUN a `\n b", base_blueprint_name="mine")
    assert parse(text).escape == "`"
    assert commands(text) == ["a  b"]


def test_additions_come_in_order_as_the_user_in_the_home() -> None:
    text = composed(
        dockerfile="FROM debian AS one\nRUN a",
        file_mounts={".bashrc": "x", "/etc/y": "z"},
        code_mounts=[{"repo_owner": "o", "repo_name": "r", "git_ref": "main", "install_command": "make"}],
        system_setup_commands=["sudo apt-get update", "", "echo $HOME"],
    )
    assert text.splitlines()[2:] == [
        "",
        "USER user",
        "WORKDIR /home/user",
        'COPY --from=file-mounts --chown=user ["0", "/home/user/.bashrc"]',
        'COPY --from=file-mounts --chown=user ["1", "/etc/y"]',
        "RUN git clone --branch main -- https://github.com/o/r.git /home/user/r",
        "RUN <<'EOF'",
        "cd /home/user/r && { make",
        "}",
        "EOF",
        "RUN sudo apt-get update",
        "RUN echo $HOME",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "echo a\necho b",
        '["not", "json form"]',
        "--not a flag",
        "# a comment",
        "cat <<X\nhi\nX",
        "cat <<EOF\nhi\nEOF",
        "echo '<<X'",
        "ends in \\",
        "a\r\nb",
        "EOF\nEOF_",
        "echo \\\n b",
    ],
)
@pytest.mark.parametrize("head", ["FROM debian", "# escape=`\nFROM debian"])
def test_a_setup_command_reaches_the_shell_as_it_was_given(command: str, head: str) -> None:
    (argument,) = commands(composed(dockerfile=head, system_setup_commands=[command]))
    assert argument.removesuffix("\n") == command


@pytest.mark.parametrize(
    "path", ["/a b", "/$HOME/x", "/it's", '/"q"', "/back\\slash", "/`tick`", "/new\nline", "/*?[x]", "/ä"]
)
@pytest.mark.parametrize("head", ["FROM debian", "# escape=`\nFROM debian"])
def test_a_file_mount_lands_where_it_was_asked_for(tmp_path: Any, path: str, head: str) -> None:
    text = composed(dockerfile=head, file_mounts={path: "text"})
    step = plan(text, contexts={FILE_MOUNTS: files(tmp_path, "0")}).result.steps[-1]
    assert isinstance(step, CopyStep)
    assert (step.destination, step.into_directory, step.owner) == (path, False, "user")
    assert step.selection is not None
    assert step.selection.single_file


def test_file_mounts_are_below_the_home_unless_absolute() -> None:
    mounts = {"a/b": "1", "~/c": "2", "/d": "3"}
    expected = {"/home/user/a/b": "1", "/home/user/c": "2", "/d": "3"}
    assert mounted_files({"name": "x", "file_mounts": mounts}) == expected


def test_a_setup_command_with_a_shebang_is_a_script() -> None:
    script = "#!/usr/bin/env python3\nprint()\n"
    step = plan(composed(system_setup_commands=[script])).result.steps[-1]
    assert isinstance(step, RunStep)
    assert step.script == script


@pytest.mark.parametrize("path", ["", "/a/", "a/..", "~"])
def test_a_file_mount_that_names_a_directory_is_refused(path: str) -> None:
    with pytest.raises(DockerfileError, match="names a directory"):
        mounted_files({"name": "x", "file_mounts": {path: "text"}})


def test_a_token_is_a_secret_and_never_in_the_text() -> None:
    params: Any = {"code_mounts": [{"repo_owner": "o", "repo_name": "r", "token": "hunter2"}]}
    text = composed(**params)
    assert "hunter2" not in text
    assert mount_secrets(params) == {"code-mount-0-token": "hunter2"}
    step = plan(text).result.steps[-1]
    assert isinstance(step, RunStep)
    assert [(mount.identifier, mount.variable) for mount in step.mounts] == [
        ("code-mount-0-token", "CODE_MOUNT_TOKEN")
    ]
    assert "password=$CODE_MOUNT_TOKEN" in step.argv[-1]


def test_secrets_and_services_are_named_in_comments() -> None:
    text = composed(secrets={"B": "x", "A": "y"}, services=[{"name": "db", "image": "postgres"}])
    assert "# secrets in the environment of every RUN: A B\n# service db: postgres\n" in text


def test_what_is_built_upon_a_composed_blueprint_goes_on_as_its_user() -> None:
    config = plan(composed(system_setup_commands=["a"]), image=ImageConfig(user="root")).result.config
    assert (config.user, config.working_dir) == ("user", "/home/user")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"dockerfile": "FROM a", "base_blueprint_id": "bpt_1"}, "one of the two"),
        ({"dockerfile": "FROM a\nRUN b \\\n# c\n"}, "within a continued line"),
        ({"dockerfile": "FROM a\nRUNN b"}, "did you mean `RUN`"),
    ],
)
def test_a_request_that_cannot_be_composed_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        composed(**params)
    assert said in str(caught.value)
