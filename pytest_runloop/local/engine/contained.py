"""The start of a zygote that is the first process of a container.

It gets from the server, over a Unix socket in the directory that both see, what a zygote of the server's own
machine inherits: descriptors. Whatever ends it, ends the container.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys

from pytest_runloop.local.engine import capabilities, zygote
from pytest_runloop.local.engine.wire import Connection, Message

_ERRORS = 2


def main() -> None:
    """Run as the server has the container started: arguments are a directory and a socket's name in it."""
    directory, door = sys.argv[1:]
    os.chdir(directory)  # The path of a Unix socket ends at 107 bytes.
    given = _collect(door)
    if given is None:  # The server has gone, or thought better of it.
        return
    message, (control, server, log, *_held) = given
    os.dup2(log, _ERRORS)
    os.close(log)
    _take_limits(message["limits"])
    _become_owner(directory, message["groups"])
    zygote.serve(message["isolation"], control, server)


def _collect(door: str) -> tuple[Message, list[int]] | None:
    with socket.socket(socket.AF_UNIX) as to_server:
        to_server.connect(door)
        connection = Connection(to_server)
        frames = connection.receive()
        while frames == []:  # Not all of it came at once.
            frames = connection.receive()
    return frames[0] if frames else None


def _take_limits(limits: list[tuple[int, int, int]]) -> None:
    """Take on the server's limits: a daemon has others, and gives a container those."""
    for kind, soft, hard in limits:
        with contextlib.suppress(OSError, ValueError):  # One that the container may not raise.
            resource.setrlimit(kind, (soft, hard))


def _become_owner(directory: str, groups: list[int]) -> None:
    """Become who owns the devboxes, unless we are: an engine without root of its own has us be just that.

    The right to make namespaces is kept. It is what the server's user may lack, and the reason to be here.
    """
    owner = os.stat(directory)
    if owner.st_uid != os.geteuid():
        capabilities.change_user(owner.st_uid, owner.st_gid, groups)
