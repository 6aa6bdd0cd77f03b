"""A container engine that answers, if this machine has one, and images for it without any registry."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

_PATIENCE = 120.0  # seconds


@dataclass
class ContainerEngine:
    """docker or podman.

    :param images: the ids of those that were made here.
    """

    program: str
    images: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run a command that must succeed, and return what it prints."""
        done = subprocess.run(
            [self.program, *arguments], input=stdin, capture_output=True, timeout=_PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def make(self, archive: bytes, changes: Sequence[str] = (), name: str = "") -> str:
        """Make an image of a file system, and return its name.

        :param changes: instructions of a Dockerfile.
        :param name: another than one that no other image has.
        """
        name = name or f"localhost/runloop-test-{uuid.uuid4().hex}:1"
        options = [f"--change={change}" for change in changes]
        self.images.append(self.run("import", *options, "-", name, stdin=archive).splitlines()[-1])
        return name

    def containers(self, label: str) -> list[str]:
        """Return the ids of the containers with a label."""
        return self.run("ps", "--all", "--quiet", f"--filter=label={label}").split()

    def close(self) -> None:
        """Remove the images that were made."""
        if self.images:
            self.run("rmi", "--force", *self.images)


def answering() -> ContainerEngine | None:
    """Return an engine that answers."""
    for program in ("docker", "podman"):
        try:
            done = subprocess.run([program, "version"], capture_output=True, timeout=_PATIENCE, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return ContainerEngine(program)
    return None
