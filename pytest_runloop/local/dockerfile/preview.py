"""The Dockerfile that a blueprint stands for: what `blueprints/preview` shows is what is built.

The Dockerfile of the request comes first. After it, in this order, as the API describes them:

1. files: `COPY --from=file-mounts`, a named context that holds one file a mount, numbered in the order of
   `mounted_files`. Relative paths, and those with `~/`, are below the home. They belong to the user;
2. code: a `git clone` into the home, then the install command in it. A token comes as a secret of the name
   `code-mount-N-token`, never in the text;
3. `system_setup_commands`, each a RUN; one that begins with `#!` is a script.

All of these run as the user, in the home. Secrets and services are named in comments: secrets are in the
environment of every RUN and in no layer.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping

from pytest_runloop.contract.params.blueprints import BlueprintCreateParams
from pytest_runloop.contract.params.mounts import CodeMountParameters

from .errors import DockerfileError
from .parser import Dockerfile, parse

FILE_MOUNTS = "file-mounts"
"""The name of the context with the mounted files."""


Placed = Callable[[CodeMountParameters], tuple[str, str]]
"""Says where a repository is: its address, and the name of the directory that it gets."""


def on_github(mount: CodeMountParameters) -> tuple[str, str]:
    """Return where the repository of an owner and a name is on GitHub."""
    return f"https://github.com/{mount['repo_owner']}/{mount['repo_name']}.git", mount["repo_name"]


def compose(
    params: BlueprintCreateParams,
    *,
    base: str,
    user: str = "user",
    home: str = "/home/user",
    place: Placed = on_github,
) -> str:
    """Return the whole Dockerfile of a blueprint.

    :param params: the request.
    :param base: what FROM names if the Dockerfile has none: an image, or the id of a blueprint.
    :param user: who runs what comes after the Dockerfile.
    :param home: the user's home.
    :param place: says where the repositories are.
    :raises DockerfileError: if the Dockerfile is malformed, or names an image beside a base blueprint.
    """
    text = params.get("dockerfile") or ""
    dockerfile = parse(text)
    has_base = any(one.name == "FROM" for one in dockerfile.instructions)
    if has_base and (params.get("base_blueprint_id") or params.get("base_blueprint_name")):
        raise DockerfileError(
            "the Dockerfile has a FROM, and there is a base blueprint", expected="one of the two"
        )
    if dockerfile.unfinished:
        raise DockerfileError(
            "the Dockerfile ends within a continued line", expected=f"no {dockerfile.escape} at its end"
        )
    writer = _Writer(dockerfile, user, home, place)
    added = list(writer.additions(params))
    head = text if has_base else _with_base(text, base)
    if not added:
        return head
    return "\n".join([head.rstrip("\n"), "", f"USER {user}", f"WORKDIR {home}", *added, ""])


def mounted_files(params: BlueprintCreateParams, *, home: str = "/home/user") -> dict[str, str]:
    """Return the texts of the mounted files by absolute path.

    The context `FILE_MOUNTS` holds them in this order, as `0`, `1`, `2` …

    :raises DockerfileError: if a path names a directory.
    """
    files = params.get("file_mounts") or {}
    for path in files:
        if path.rsplit("/", 1)[-1] in ("", ".", "..", "~"):
            raise DockerfileError(f"the file mount `{path}` names a directory", expected="the path of a file")
    return {_absolute(path, home): text for path, text in files.items()}


def mount_secrets(params: BlueprintCreateParams) -> dict[str, str]:
    """Return the secrets that the composed Dockerfile asks for beside those of the request: id to value."""
    mounts = enumerate(params.get("code_mounts") or ())
    return {_token_name(number): token for number, mount in mounts if (token := mount.get("token"))}


def _token_name(number: int) -> str:
    return f"code-mount-{number}-token"


def _absolute(path: str, home: str) -> str:
    return path if path.startswith("/") else f"{home}/{path.removeprefix('~/')}"


def _with_base(text: str, base: str) -> str:
    """Put FROM in front, but behind the directives, which count only at the very top."""
    lines = text.removeprefix("\ufeff").split("\n")
    count = len(parse(text).directives)
    return "\n".join([*lines[:count], f"FROM {base}", *lines[count:], ""])


class _Writer:
    def __init__(self, dockerfile: Dockerfile, user: str, home: str, place: Placed) -> None:
        self._escape = dockerfile.escape
        self._user = user
        self._home = home
        self._place = place

    def additions(self, params: BlueprintCreateParams) -> Iterator[str]:
        yield from self._notes(params)
        for number, path in enumerate(mounted_files(params, home=self._home)):
            words = json.dumps([str(number), self._literal(path)], ensure_ascii=False)
            yield f"COPY --from={FILE_MOUNTS} --chown={self._user} {words}"
        for number, mount in enumerate(params.get("code_mounts") or ()):
            yield from self._code(number, mount)
        for command in params.get("system_setup_commands") or ():
            if command.strip():
                yield self._run(command)

    def _notes(self, params: BlueprintCreateParams) -> Iterator[str]:
        secrets: Mapping[str, str] = params.get("secrets") or {}
        if secrets:
            yield f"# secrets in the environment of every RUN: {' '.join(sorted(secrets))}".replace("\n", " ")
        for service in params.get("services") or ():
            yield f"# service {service['name']}: {service['image']}".replace("\n", " ")

    def _literal(self, word: str) -> str:
        """Write a word so that no character of it means something."""
        return "".join(self._escape + one if one in f"\"'${self._escape}" else one for one in word)

    def _code(self, number: int, mount: CodeMountParameters) -> Iterator[str]:
        url, name = self._place(mount)
        directory = f"{self._home}/{name}"
        branch = ["--branch", ref] if (ref := mount.get("git_ref")) else []
        clone = shlex.join(["clone", *branch, "--", url, directory])
        if mount.get("token"):
            # The token is in the environment alone: neither in the command nor in the clone's configuration.
            helper = "!f() { echo username=x-access-token; echo password=$CODE_MOUNT_TOKEN; }; f"
            flag = f"--mount=type=secret,id={_token_name(number)},env=CODE_MOUNT_TOKEN,required=true "
            yield self._run(f"git -c credential.helper={shlex.quote(helper)} {clone}", flag)
        else:
            yield self._run(f"git {clone}")
        if install := mount.get("install_command"):
            yield self._run(f"cd {shlex.quote(directory)} && {{ {install}\n}}")

    def _run(self, command: str, flags: str = "") -> str:
        """Write a RUN, as a document if the line alone would be read as something else."""
        line = command.strip()
        special = line.startswith(("[", "--", "#")) or line.endswith(self._escape)
        if not special and "<<" not in line and "\n" not in line and "\r" not in line:
            return f"RUN {flags}{line}"
        lines, delimiter = command.split("\n"), "EOF"
        while delimiter in (one.removesuffix("\r") for one in lines):
            delimiter += "_"
        return f"RUN {flags}<<'{delimiter}'\n{command.removesuffix(chr(10))}\n{delimiter}"
