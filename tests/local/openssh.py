"""OpenSSH's own programs, at a devbox."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_runloop import CapabilityMissingError, Runloop

from .running import PATIENCE, Server

_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def need(*programs: str) -> None:
    """Skip the test where one of these programs is missing."""
    for program in programs:
        if shutil.which(program, path=_PLACES) is None:
            pytest.skip(f"this machine has no {program}")


@dataclass(frozen=True)
class Access:
    """A key to a devbox, as a configuration of OpenSSH's."""

    config: Path

    @classmethod
    def to(cls, devbox: str, backend: Server, directory: Path) -> Access:
        """Make a key to a devbox, or skip where the tier cannot have SSH."""
        need("sshd", "ssh", "ssh-keygen")
        with Runloop(backend.base_url, backend.api_key) as runloop:
            try:
                return cls(runloop.devbox.from_id(devbox).net.ssh_config(directory))
            except CapabilityMissingError as error:
                pytest.skip(str(error))

    def run(self, program: str, *arguments: str, data: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of the programs."""
        return subprocess.run(
            [program, "-F", str(self.config), *arguments],
            input=data,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def ssh(self, *command: str, data: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the devbox."""
        return self.run("ssh", "devbox", *command, data=data)
