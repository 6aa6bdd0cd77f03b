"""System calls of other processes that wait for our answer: seccomp's user notifications.

Standard library only, and light: the zygote imports it, whose memory every box shares.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Sequence

# From linux/seccomp.h: `_IOWR('!', number, size of the struct)`.
_RECEIVE, _ANSWER, _IS_VALID, _PUT = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_DESCRIPTOR = struct.Struct("=QIIII")
_GO_ON = 1
_AT_THIS_NUMBER = 1

_PIDFD_GETFD = 438  # On every architecture.
_O_CLOEXEC_IN_FDINFO = 0o2000000

_libc = ctypes.PyDLL(None, use_errno=True)


class _Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Call:
    """A call that waits.

    Its thread waits until it is answered, or until a signal takes it out of the call; an answer fails with
    ENOENT then.

    :param listener: the descriptor that told of it.
    :raises OSError: if there is none any more.
    """

    __slots__ = ("_id", "_listener", "arguments", "number", "thread")

    def __init__(self, listener: int) -> None:
        data = bytearray(_NOTIFICATION.size)  # The kernel wants zeros.
        fcntl.ioctl(listener, _RECEIVE, data)
        self._listener = listener
        self._id, self.thread, _, self.number, _, _, *arguments = _NOTIFICATION.unpack(data)
        self.arguments: Sequence[int] = arguments

    def waits(self) -> bool:
        """Tell whether it still waits. While it does, `thread` is nobody else's number."""
        try:
            fcntl.ioctl(self._listener, _IS_VALID, struct.pack("=Q", self._id))
        except OSError:
            return False
        return True

    def is_of_first_process(self) -> bool:
        """Tell whether it is the first process of its namespace that calls, if that lies right below ours."""
        with contextlib.suppress(OSError), open(f"/proc/{self.thread}/status", "rb") as status:
            for line in status:
                if line.startswith(b"NSpid:"):
                    _, _, *inside = line.split()
                    return inside == [b"1"]
        return False

    def go_on(self) -> None:
        """Let the kernel do the call, as if nobody had looked."""
        self._answer(0, 0, _GO_ON)

    def give(self, value: int) -> None:
        """Answer in the kernel's place. Below 0 it is an errno."""
        self._answer(max(value, 0), min(value, 0), 0)

    def put(self, descriptor: int, number: int) -> None:
        """Put a descriptor of ours in the place of one of the caller's, which keeps its close-on-exec flag.

        :raises OSError: if the call does not wait any more.
        """
        flags = os.O_CLOEXEC if self._closes_on_exec(number) else 0
        packed = _DESCRIPTOR.pack(self._id, _AT_THIS_NUMBER, descriptor, number, flags)
        fcntl.ioctl(self._listener, _PUT, packed)

    def read(self, address: int, length: int) -> bytes:
        """Return a piece of the caller's memory.

        :raises OSError: if it has none there, or we may not look.
        """
        buffer = ctypes.create_string_buffer(length)
        ours = _Span(ctypes.addressof(buffer), length)
        theirs = _Span(address, length)
        count = _libc.process_vm_readv(
            self.thread, ctypes.byref(ours), ctypes.c_ulong(1), ctypes.byref(theirs), ctypes.c_ulong(1),
            ctypes.c_ulong(0),
        )  # fmt: skip
        if count < 0:
            _fail("process_vm_readv")
        return buffer.raw[:count]

    def descriptor(self, number: int) -> int:
        """Return a descriptor of the caller's as one of ours.

        :raises OSError: if it has none there, or we may not have it.
        """
        process = _handle(self.thread)
        try:
            descriptor: int = _libc.syscall(
                ctypes.c_long(_PIDFD_GETFD), ctypes.c_int(process), ctypes.c_int(number), ctypes.c_uint(0)
            )
            if descriptor < 0:
                _fail("pidfd_getfd")
        finally:
            os.close(process)
        return descriptor

    def socket(self, number: int) -> socket.socket:
        """Return a socket of the caller's as one of ours: the same one, not another.

        :raises OSError: as `descriptor`.
        """
        descriptor = self.descriptor(number)
        try:
            return socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)
            raise

    def _closes_on_exec(self, number: int) -> bool:
        with open(f"/proc/{self.thread}/fdinfo/{number}", "rb") as information:
            for line in information:
                if line.startswith(b"flags:"):
                    return bool(int(line[6:], 8) & _O_CLOEXEC_IN_FDINFO)
        return False

    def _answer(self, value: int, code: int, flags: int) -> None:
        try:
            fcntl.ioctl(self._listener, _ANSWER, _RESPONSE.pack(self._id, value, code, flags))
        except OSError as error:
            if error.errno != errno.ENOENT:  # Taken out of the call by a signal, or dead.
                raise


def _handle(thread: int) -> int:
    """Return a pidfd of a thread, or of its process where the kernel knows no other (before Linux 6.9)."""
    try:
        return os.pidfd_open(thread, os.O_EXCL)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return os.pidfd_open(_process_of(thread))


def _process_of(thread: int) -> int:
    with open(f"/proc/{thread}/status", "rb") as status:
        for line in status:
            if line.startswith(b"Tgid:"):
                return int(line[5:])
    raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), what)
