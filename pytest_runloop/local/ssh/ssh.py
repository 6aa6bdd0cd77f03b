"""The keys of devboxes, and the doors that they open."""

from __future__ import annotations

import asyncio
import os
import pwd
from pathlib import Path

from ...contract.views.ssh import DevboxCreateSSHKeyResponse
from ..bash import environment_of
from ..descriptors import close_quietly
from ..engine.protocol import Box, Capability, Command, Engine
from ..errors import ENGINE_ERRORS, ApiError, as_api_error
from ..launch import require
from ..life import Life
from ..logbook import LineSink
from ..processes import exit_status
from ..pump import Pump
from ..tasks import Tasks
from .door import Door
from .keys import KeyPair, new_key_pair
from .sessions import NO_SERVER, checking, keys_file

_HOST = "127.0.0.1"


class SSH:
    """Makes keys, and lets those who have them into their devbox.

    A devbox that has keys has a port of the loopback interface, until it ends. Each connection gets an
    OpenSSH server of its own inside, which is the devbox's: of this machine, or of its image.

    :param directory: of this server, for its owner only.
    :param tasks: run what nobody waits for.
    """

    def __init__(self, engine: Engine, directory: Path, tasks: Tasks) -> None:
        self._engine = engine
        self._directory = directory
        self._tasks = tasks
        self._doors: dict[str, Door] = {}
        self._making = asyncio.Lock()

    async def new_key(self, life: Life) -> DevboxCreateSSHKeyResponse:
        """Make a further key for a devbox.

        :raises ApiError: if it does not run, or has no OpenSSH server that could let anybody in.
        """
        devbox = life.devbox
        devbox.running_box("create an SSH key")
        user = self._user(life)
        with life.using():
            async with self._making:
                door = await self._door(life)
            pair = await new_key_pair(f"{user}@{devbox.id}", self._directory)
            await _check(devbox.running_box("create an SSH key"), door.host)
        door.authorized.append(pair.public)
        return DevboxCreateSSHKeyResponse(
            id=devbox.id,
            ssh_private_key=pair.private,
            ssh_user=user,
            url=_HOST,
            port=door.port,
            host_key=" ".join(door.host.public.split()[:2]),
        )

    def _user(self, life: Life) -> str:
        """Return who logs in."""
        capabilities = self._engine.capabilities
        if Capability.OWN_ROOT in capabilities:
            return life.devbox.launch.user.username
        if Capability.CONFINED_WRITES in capabilities and os.geteuid() == 0:
            # There sshd needs rights of root that Landlock's devboxes do not have.
            require(self._engine, Capability.OWN_ROOT, "SSH sessions, where the server is run by root,")
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            message = f"SSH needs an account to log in to: user id {os.geteuid()} has none on this machine"
            raise ApiError(400, "ssh_unavailable", message) from None

    async def _door(self, life: Life) -> Door:
        identifier = life.devbox.id
        if identifier not in self._doors:
            host = await new_key_pair(identifier, self._directory)
            life.devbox.running_box("create an SSH key")
            self._doors[identifier] = _opened(life, host)
            life.on_end(lambda: self._tasks.start(self.forget(life)))
        return self._doors[identifier]

    async def forget(self, life: Life) -> None:
        """Let nobody into a devbox any more, whatever key they have. No keys are fine."""
        door = self._doors.pop(life.devbox.id, None)
        if door is not None:
            await door.close()


def _opened(life: Life, host: KeyPair) -> Door:
    try:
        return Door(life, host)
    except OSError as error:
        raise as_api_error(error, "open a port of this machine for SSH") from error


async def _check(box: Box, host: KeyPair) -> None:
    """Prepare a box for SSH.

    :raises ApiError: if it has no OpenSSH server, or one that does not work.
    """
    said = LineSink(lambda _: None)
    nothing, keys = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), keys_file(host.private, [])
    reading, writing = os.pipe()
    errors = Pump(reading, said)
    try:
        process = await box.spawn(Command(checking(), environment_of(box, {}), nothing, keys, writing))
        status = await exit_status(process)
        await errors.seal()
    except ENGINE_ERRORS as error:
        raise as_api_error(error, "prepare the devbox for SSH") from error
    finally:
        close_quietly(nothing, keys, writing)
        errors.close()
    if status == NO_SERVER:
        raise ApiError(400, "program_missing", _MISSING)
    if status:
        why = "; ".join(said.last) or f"it ended with status {status}"
        raise ApiError(400, "ssh_unavailable", f"the devbox's OpenSSH server cannot be used: {why}")


_MISSING = (
    "the devbox has no OpenSSH server, and SSH needs one: install the package `openssh-server` (`openssh` on"
    " Arch and Alpine) on this machine, or in the devbox or its blueprint, and ask again; it need not run"
)
