"""Run a command as on a host that permits no namespaces: `python -m tests.support.no_namespaces CMD...`.

What Docker's default seccomp profile refuses is refused here by a filter of the same kind, with the
same errors: new namespaces and mounts with EPERM, `clone3` with ENOSYS, since no filter can see its
flags. The command and all that it starts live under it, root too. A Docker daemon, which lives outside, is
out of its reach.
"""

from __future__ import annotations

import errno
import os
import sys

from pytest_runloop.local.engine import seccomp

# CLONE_NEWTIME aside, which shares its bit with the exit signal: NEWNS, CGROUP, UTS, IPC, USER, PID, NET.
_NEW_NAMESPACES = 0x7E020000
_REFUSED = ("unshare", "setns", "mount", "umount2", "pivot_root")


def refuse_namespaces() -> None:
    """Refuse new namespaces and mounts to this process and all that it starts, for good."""
    flags = [seccomp.load_argument(0), *seccomp.if_any_bit(_NEW_NAMESPACES, [seccomp.fail_with(errno.EPERM)])]
    allow = seccomp.give(seccomp.ALLOW)
    seccomp.install(
        [
            *seccomp.on_calls(_REFUSED, [seccomp.fail_with(errno.EPERM)]),
            *seccomp.on_calls(["clone3"], [seccomp.fail_with(errno.ENOSYS)]),
            *seccomp.on_calls(["clone"], [*flags, allow]),
            allow,
        ]
    )


def main(command: list[str]) -> None:
    """Become the command, without namespaces."""
    if not command:
        sys.exit("usage: python -m tests.support.no_namespaces COMMAND [ARGUMENT...]")
    refuse_namespaces()
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
