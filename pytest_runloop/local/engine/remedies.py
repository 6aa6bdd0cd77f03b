"""What to do where a tier or a capability cannot be had, in one line.

Whether it can be had is found out by trying (`probe.py`), never here: a switch that says yes may be
overruled by another. What the machine says of itself only chooses the advice.
"""

from __future__ import annotations

import errno
from pathlib import Path

from pytest_runloop.local.engine.protocol import Capability

_APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"
_DEBIAN = "kernel/unprivileged_userns_clone"
_LIMIT = "user/max_user_namespaces"
_TRACING = "kernel/yama/ptrace_scope"

_SWITCH_OFF_APPARMOR = (
    "run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or use `podman unshare`"
)
_SWITCH_ON = "run `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
_RAISE_LIMIT = "run `sudo sysctl -w user.max_user_namespaces=15000`"
_OPEN_CONTAINER = "start the container with `--security-opt seccomp=unconfined`"
_OPEN_CONTAINER_WIDER = f"{_OPEN_CONTAINER[:-1]} --security-opt apparmor=unconfined`"
_OPEN_KUBERNETES = "give the pod `securityContext.seccompProfile.type: Unconfined`"
UNMASK_PROC = "start the container with `--security-opt systempaths=unconfined` (podman: `unmask=ALL`)"
_OTHER_DIRECTORY = "set RUNLOOP_STATE_DIR to a directory on ext4, xfs, btrfs or tmpfs"
_OTHER_KERNEL = "use Linux 5.11 or newer with user namespaces and overlayfs"
_RAISE_NETWORKS = "run `sudo sysctl -w user.max_net_namespaces=15000`"
_PERMIT_TRACING = "boot with kernel.yama.ptrace_scope below 3"
_ONE_SUPERVISOR = "run outside of this container, whose own engine supervises system calls"
_NEWER_KERNEL = "use Linux 5.14 or newer"
_ASK = "ask who runs this machine to permit user namespaces"

_LANDLOCK = "boot Linux 5.13 or newer with Landlock (`lsm=landlock,...`), or permit user namespaces"
_NAMESPACES = "permit user namespaces, which give it"
_CAPABILITIES: dict[Capability, str] = {
    Capability.CONFINED_WRITES: _LANDLOCK,
    Capability.OWN_ROOT: f"{_NAMESPACES}; until then write `~` or `$HOME`",
    Capability.OWN_PROCESSES: _NAMESPACES,
    Capability.ROOT_USER: f"{_NAMESPACES}; until then install into the home (pip, npm)",
    Capability.INSTANT_SNAPSHOTS: f"{_NAMESPACES}; until then keep what is snapshotted small",
    Capability.GUARANTEED_END: f"{_NAMESPACES}; until then end runs by Ctrl-C or SIGTERM, not SIGKILL",
}
_SCOPE = "run it under your own service manager: `systemd-run --user --scope pytest ...`"
_AS_ROOT = "run the local backend as root, or boot with `systemd.unified_cgroup_hierarchy=1` and use a scope"
_WRITABLE_GROUPS = "start the container with control groups that it may write to (`--privileged`)"
_LIMITS = {
    Capability.LIMITED_MEMORY,
    Capability.LIMITED_CPU,
    Capability.LIMITED_DISK,
    Capability.LIMITED_PROCESSES,
}


def for_capability(capability: Capability) -> str:
    """Return what to do where no tier of this machine gives a capability."""
    return for_limits(capability) or _CAPABILITIES.get(capability, _NAMESPACES)


def for_limits(capability: Capability, root: Path = Path("/")) -> str:
    """Return what to do where a limit cannot be kept to, or an empty text if the capability is no limit.

    :param root: where `/proc`, `/sys` and the marks of containers lie; another one in tests.
    """
    if capability not in _LIMITS:
        return ""
    if _in_container(root):
        return _WRITABLE_GROUPS
    unified = (root / "sys/fs/cgroup/cgroup.controllers").exists()
    return _SCOPE if unified else _AS_ROOT


def for_namespaces(step: str, number: int, root: Path = Path("/")) -> str:
    """Return what to do when a step of booting a box in namespaces failed.

    :param step: what was being done, as `SetUpError` names it.
    :param number: the errno.
    :param root: where `/proc` and the marks of containers lie; another one in tests.
    """
    making = "namespaces" in step
    if making and number in (errno.ENOSPC, errno.EUSERS):
        return _RAISE_LIMIT
    if step.startswith("overlay"):
        return _OTHER_DIRECTORY
    if number not in (errno.EPERM, errno.EACCES):
        return _OTHER_KERNEL
    return _for_refused_namespaces(root) if making else _for_powerless_namespaces(root)


def for_networks(number: int, root: Path = Path("/")) -> str:
    """Return what to do when devboxes could not have networks of their own, while all else worked.

    :param number: the errno; 0 where there is none.
    :param root: as of `for_namespaces`.
    """
    if number in (errno.ENOSPC, errno.EUSERS):
        return _RAISE_NETWORKS
    if number == errno.EBUSY:
        return _ONE_SUPERVISOR
    return _PERMIT_TRACING if _switch(root, _TRACING) == "3" else _NEWER_KERNEL


def _for_refused_namespaces(root: Path) -> str:
    if _switch(root, _DEBIAN) == "0":
        return _SWITCH_ON
    if _switch(root, _LIMIT) == "0":
        return _RAISE_LIMIT
    if (root / "var/run/secrets/kubernetes.io").is_dir():
        return _OPEN_KUBERNETES
    return _OPEN_CONTAINER if _in_container(root) or _is_filtered(root) else _ASK


def _for_powerless_namespaces(root: Path) -> str:
    """AppArmor lets everybody make namespaces, and refuses them all that makes them useful."""
    if _switch(root, _APPARMOR) == "1":
        return _SWITCH_OFF_APPARMOR
    return _OPEN_CONTAINER_WIDER if _in_container(root) or _is_filtered(root) else _ASK


def _switch(root: Path, name: str) -> str:
    try:
        return (root / "proc/sys" / name).read_text().strip()
    except OSError:
        return ""


def _in_container(root: Path) -> bool:
    return any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv"))


def _is_filtered(root: Path) -> bool:
    """Tell whether a seccomp filter sits over this process, as a container's does."""
    try:
        lines = (root / "proc/self/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.split() == ["Seccomp:", "2"] for line in lines)
