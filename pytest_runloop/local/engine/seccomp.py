"""Seccomp filters, and the one that makes root of a single-id user namespace look like root.

In a user namespace that maps one id, `chown` to another id and `setuid` to it fail with EINVAL or
EPERM, for there is no such id. Package managers, `useradd` and daemons that give up root take that
for an error. The filter answers such calls with success and does nothing, which is the truth as
far as a namespace with one id can tell it.

Standard library only; the call numbers are those of x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
# Before Linux 5.16 a filter also switched on a slow guard against Spectre, unless asked not to.
_SPEC_ALLOW = 1 << 2
_NEW_LISTENER = 1 << 3

ALLOW = 0x7FFF0000
ASK = 0x7FC00000
"""Have whoever holds the listener answer the call."""
_ERRNO = 0x00050000

_LOAD, _EQUAL, _ANY_BIT, _AND, _GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x45, 0x54, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000  # Calls of the x32 ABI carry this bit.

_S_IFMT, _S_IFCHR, _S_IFBLK = 0o170000, 0o020000, 0o060000

ROOT = 0
UNCHANGED = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]
"""Code, steps if true, steps if false, operand: a `sock_filter`."""


class Architecture:
    """What a filter must know of a processor.

    :param audit: the number by which the kernel names it to filters.
    :param seccomp: the call that installs a filter.
    :param calls: numbers by name.
    """

    __slots__ = ("audit", "calls", "seccomp")

    def __init__(self, audit: int, seccomp: int, calls: dict[str, int]) -> None:
        self.audit, self.seccomp, self.calls = audit, seccomp, calls


_ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E,
        seccomp=317,
        calls={
            "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260,
            "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116,
            "setresuid": 117, "setresgid": 119, "setfsuid": 122, "setfsgid": 123,
            "mknod": 133, "mknodat": 259,
            "clone": 56, "clone3": 435, "unshare": 272, "setns": 308,
            "mount": 165, "umount2": 166, "pivot_root": 155,
            "add_key": 248, "request_key": 249, "keyctl": 250,
            "connect": 42, "listen": 50, "sendto": 44, "sendmsg": 46, "sendmmsg": 307,
            "io_uring_setup": 425,
        },
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        seccomp=277,
        calls={
            "fchown": 55, "fchownat": 54,
            "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setgroups": 159,
            "setresuid": 147, "setresgid": 149, "setfsuid": 151, "setfsgid": 152,
            "mknodat": 33,
            "clone": 220, "clone3": 435, "unshare": 97, "setns": 268,
            "mount": 40, "umount2": 39, "pivot_root": 41,
            "add_key": 217, "request_key": 218, "keyctl": 219,
            "connect": 203, "listen": 201, "sendto": 206, "sendmsg": 211, "sendmmsg": 269,
            "io_uring_setup": 425,
        },
    ),
}  # fmt: skip

_ALWAYS = ("chown", "fchown", "lchown", "fchownat", "setgroups")
_BY_IDS = {"setuid": 1, "setgid": 1, "setfsuid": 1, "setfsgid": 1,
           "setreuid": 2, "setregid": 2, "setresuid": 3, "setresgid": 3}  # fmt: skip
_BY_MODE = {"mknod": 1, "mknodat": 2}  # the argument that holds the mode
_KEYRINGS = ("add_key", "request_key", "keyctl")


def architecture() -> Architecture:
    """Return the running machine's.

    :raises OSError: ENOSYS for a processor whose call numbers are not known here.
    """
    try:
        return _ARCHITECTURES[platform.machine()]
    except KeyError:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {platform.machine()}") from None


def install_root_emulation() -> None:
    """Let calls that need further user ids succeed without effect, in this thread and all that it starts.

    Changing owners and groups, and making device nodes, succeeds always. Changing one's own id is
    left to the kernel where it asks for root, which is the mapped id; any other id "succeeds", and
    the caller stays root. So a program that checks afterwards sees root: sshd refuses to go on then,
    apt needs `APT::Sandbox::User "root"`.

    :raises OSError: if the kernel refuses; ENOSYS on an unknown processor.
    """
    install(_root_emulation())


def refuse_keyrings() -> None:
    """Refuse the kernel's key store to this thread and all that it starts, as if the kernel had none.

    Keys belong to user ids, of which a box has the server's, and no namespace keeps them apart.

    :raises OSError: as `install_root_emulation`.
    """
    install([*on_calls(_KEYRINGS, [fail_with(errno.ENOSYS)]), give(ALLOW)])


def install(body: Sequence[Instruction]) -> None:
    """Install a filter over this machine's own calls; those of foreign ABIs (i386, x32) are let through.

    Sets `no_new_privs` where the caller may not filter without.

    :param body: begins with the call's number loaded, and ends in a return.
    :raises OSError: if the kernel refuses.
    """
    _install(body, _SPEC_ALLOW)


def install_with_listener(body: Sequence[Instruction]) -> int:
    """Install a filter that may `ASK`, and return the descriptor that tells of such calls.

    :param body: as of `install`.
    :raises OSError: if the kernel refuses; EBUSY if an earlier filter of this process has a listener.
    """
    return _install(body, _SPEC_ALLOW | _NEW_LISTENER)


def _install(body: Sequence[Instruction], flags: int) -> int:
    program = b"".join(struct.pack("=HBBI", *each) for each in [*_prologue(), *body])
    libc = ctypes.CDLL(None, use_errno=True)
    result = _load(libc, program, flags)
    if result == -errno.EACCES:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        result = _load(libc, program, flags)
    if result < 0:
        raise OSError(-result, f"seccomp: {os.strerror(-result)}")
    return result


def fail_with(code: int) -> Instruction:
    """Return the instruction that ends the call with this errno, or with success and no effect for 0."""
    return give(_ERRNO | code)


def give(verdict: int) -> Instruction:
    """Return the instruction that ends the filter with this verdict."""
    return (_RETURN, 0, 0, verdict)


def on_calls(names: Sequence[str], then: Sequence[Instruction]) -> list[Instruction]:
    """Return instructions that run `then`, which must end in a return, for these calls only."""
    numbers = [number for name in names if (number := architecture().calls.get(name)) is not None]
    tests = [(_EQUAL, len(numbers) - place - 1, 0, number) for place, number in enumerate(numbers)]
    if not tests:
        return []
    tests[-1] = (_EQUAL, 0, len(then), numbers[-1])
    return [*tests, *then]


def load_argument(place: int, *, upper: bool = False) -> Instruction:
    """Return the instruction that loads the lower or the upper half of an argument, counted from 0."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * place + 4 * upper)  # Both machines are little-endian.


def if_any_bit(bits: int, then: Sequence[Instruction]) -> list[Instruction]:
    """Return instructions that run `then` if what is loaded has any of these bits."""
    return [(_ANY_BIT, 0, len(then), bits), *then]


def _prologue() -> list[Instruction]:
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture().audit),
        give(ALLOW),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_GREATER_EQUAL, 0, 1, _X32),
        give(ALLOW),
    ]


def _root_emulation() -> list[Instruction]:
    body = on_calls(_ALWAYS, [fail_with(0)])
    for count in sorted(set(_BY_IDS.values())):
        body += on_calls([name for name, ids in _BY_IDS.items() if ids == count], _unless_root(count))
    for name, place in _BY_MODE.items():
        body += on_calls([name], _unless_device(place))
    return [*body, give(ALLOW)]


def _unless_root(count: int) -> list[Instruction]:
    """Leave it to the kernel if each of the first `count` arguments is root or "as it is"."""
    tests: list[Instruction] = []
    for place in range(count):
        tests += [load_argument(place), (_EQUAL, 2, 0, ROOT), (_EQUAL, 1, 0, UNCHANGED), fail_with(0)]
    return [*tests, give(ALLOW)]


def _unless_device(place: int) -> list[Instruction]:
    return [
        load_argument(place),
        (_AND, 0, 0, _S_IFMT),
        (_EQUAL, 1, 0, _S_IFCHR),
        (_EQUAL, 0, 1, _S_IFBLK),
        fail_with(0),
        give(ALLOW),
    ]


def _load(libc: ctypes.CDLL, program: bytes, flags: int) -> int:
    """Return what the kernel answers; an errno below 0."""
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a length in instructions, padding, and a pointer.
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code))
    number = architecture().seccomp
    done: int = libc.syscall(number, _SET_MODE_FILTER, ctypes.c_ulong(flags), header)
    return -ctypes.get_errno() if done < 0 else done
