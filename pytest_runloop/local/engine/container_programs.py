"""Docker and podman, by their command lines: the few commands that the container tier needs of them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_runloop.local.engine.protocol import EngineError

NAMES = ("docker", "podman")

IMAGE = "pytest-runloop/empty:1"
"""Holds nothing: the container shows the machine's own system."""
_LABEL = "pytest-runloop.state"
_PREFIX = "pytest-runloop-"
_ANSWER_TIMEOUT = 5.0  # seconds
_WORK_TIMEOUT = 20.0  # seconds

_OPTIONS = (
    *("run", "--rm", "--pull=never", "--read-only", "--network=host", "--userns=host", "--stop-signal=KILL"),
    # What forbids namespaces and mounts: seccomp, AppArmor, SELinux, and the masks of /proc. The devboxes'
    # own namespaces are what isolates them, as in the `namespace` tier.
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    *("--security-opt=label=disable", "--cap-add=SYS_ADMIN"),
    "--pids-limit=-1",
)
_UNMASK = {"docker": "--security-opt=systempaths=unconfined", "podman": "--security-opt=unmask=ALL"}
_REMEDIES = {
    "docker": "start its daemon (`systemctl start docker`), and be in its group (`usermod -aG docker YOU`)",
    "podman": "see what `podman info` says",
}


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory or file of the machine that a container shows.

    :param source: where it lies, without symbolic links.
    :param target: where the container shows it.
    """

    source: Path
    target: Path
    writable: bool = False

    def __str__(self) -> str:
        """Return it as an option: one line of comma-separated values."""
        fields = ["type=bind", f"source={self.source}", f"target={self.target}"]
        fields += [] if self.writable else ["readonly"]
        return ",".join(f'"{field.replace(chr(34), chr(34) * 2)}"' for field in fields)


class ContainerProgram:
    """One of the two.

    :param name: `docker` or `podman`.
    :param path: of the program.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path

    def require(self) -> None:
        """Make sure that it answers, and that it has our image.

        :raises EngineError: if not, with what it said and a remedy.
        """
        self._run("version", timeout=_ANSWER_TIMEOUT)
        if not self._succeeds("image", "inspect", IMAGE):
            self._run("import", f"--change=LABEL {_LABEL}=", "-", IMAGE, data=_empty_archive())

    def command(
        self, name: str, state_dir: Path, mounts: Sequence[Mount], program: Sequence[str]
    ) -> list[str]:
        """Return the command that runs a program in a new container, and lives as long.

        :param name: of the container, from `name_of`.
        :param state_dir: for whose sessions it is.
        """
        options = [*_OPTIONS, _UNMASK[self.name], f"--name={name}", f"--label={_LABEL}={state_dir}"]
        options += [f"--mount={mount}" for mount in mounts]
        return [self._path, *options, IMAGE, *program]

    def remove(self, name: str) -> None:
        """Kill a container and remove it. No error if there is none, or the program does not answer."""
        self._succeeds("rm", "--force", name)

    def containers(self, state_dir: Path) -> Iterator[tuple[str, str]]:
        """Yield the name and the session of each of our containers, of one state directory.

        :raises EngineError: if the program does not answer.
        """
        listed = self._run("ps", "--all", f"--filter=label={_LABEL}={state_dir}", "--format={{.Names}}")
        for name in listed.split():
            if name.startswith(_PREFIX):
                yield name, name.removeprefix(_PREFIX).partition("-")[0]

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self._run(*arguments)
        except EngineError:
            return False
        return True

    def _run(self, *arguments: str, data: bytes = b"", timeout: float = _WORK_TIMEOUT) -> str:
        try:
            done = subprocess.run(
                [self._path, *arguments], input=data, capture_output=True, timeout=timeout, cwd="/"
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"{self.name} did not answer in {timeout:.0f} s", self.remedy) from None
        except OSError as error:
            raise EngineError(f"could not run {self._path}: {error.strerror}", self.remedy) from error
        if done.returncode:
            said = last_line(done.stderr.decode(errors="replace")) or f"exit status {done.returncode}"
            raise EngineError(f"{self.name} {arguments[0]} failed: {said}", self.remedy)
        return done.stdout.decode(errors="replace")

    @property
    def remedy(self) -> str:
        """One line that says what to do where it does not work."""
        return _REMEDIES[self.name]


def found() -> list[ContainerProgram]:
    """Return those that this machine has."""
    places = ((name, shutil.which(name)) for name in NAMES)
    return [ContainerProgram(name, path) for name, path in places if path is not None]


def name_of(session: str) -> str:
    """Return the name of a new container.

    :param session: the id of the engine's session.
    """
    return f"{_PREFIX}{session}-{os.urandom(3).hex()}"


def last_line(text: str) -> str:
    """Return the last line of what one of them said, apart from where to get help."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "--help" not in line]
    return lines[-1] if lines else ""


def _empty_archive() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        directory = tarfile.TarInfo("tmp")  # podman refuses an image of no files.
        directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(directory)
    return archive.getvalue()
