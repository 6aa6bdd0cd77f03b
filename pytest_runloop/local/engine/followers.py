"""What hangs on a socket that is replaced: its other numbers in the process, and the epolls that watch it.

A descriptor that takes another's place takes neither along. Programs that duplicate a socket, or watch it
before they connect it (as nginx does), would go on with one that never connects.

Runs in the supervisor, which is a fork of the zygote: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import struct

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_runloop.local.engine.notifications import Call

_MOST_LOOKED_AT = 256  # descriptors: a program with more has its epolls among the first
_EPOLL = "anon_inode:[eventpoll]"
_EPOLL_CTL_ADD = 1
# `struct epoll_event`, which is packed on x86_64 only.
_EVENT = struct.Struct("=IQ" if os.uname().machine == "x86_64" else "=I4xQ")

_libc = ctypes.PyDLL(None, use_errno=True)


class Watch:
    """An epoll's interest in a socket.

    :param epoll: its number in the process.
    :param number: the socket's number, by which the epoll knows it.
    :param event: events and data, as `epoll_ctl` takes them.
    """

    __slots__ = ("epoll", "event", "number")

    def __init__(self, epoll: int, number: int, event: bytes) -> None:
        self.epoll, self.number, self.event = epoll, number, event


class Followers:
    """Find what hangs on a socket of a process.

    :param call: of a thread of the process.
    :param number: the socket's.
    """

    def __init__(self, call: Call, number: int) -> None:
        self._call = call
        place = f"/proc/{call.thread}/fd"
        wanted = os.readlink(f"{place}/{number}")
        self.numbers = [number]
        epolls = []
        for other, target in _links(place):
            if target == _EPOLL:
                epolls.append(other)
            elif target == wanted and other != number:
                self.numbers.append(other)
        inode = int(wanted.partition("[")[2].rstrip("]"))
        self._watches = [watch for epoll in epolls for watch in self._watches_of(epoll, inode)]

    def _watches_of(self, epoll: int, inode: int) -> Iterator[Watch]:
        with open(f"/proc/{self._call.thread}/fdinfo/{epoll}", "rb") as information:
            for line in information:
                # tfd: 5 events: 19 data: 5  pos:0 ino:1a2b sdev:9
                words = line.replace(b":", b" ").split()
                if words[0] == b"tfd" and int(words[1]) in self.numbers and int(words[9], 16) == inode:
                    event = _EVENT.pack(int(words[3], 16), int(words[5], 16))
                    yield Watch(epoll, int(words[1]), event)

    def move_to(self, descriptor: int) -> None:
        """Put a socket of ours in all the places of the old one, and have it watched as that was.

        :raises OSError: if the call does not wait any more.
        """
        for number in self.numbers:
            self._call.put(descriptor, number)
        for watch in self._watches:
            with contextlib.suppress(OSError):  # The program closed its epoll meanwhile.
                self._watch(descriptor, watch)

    def _watch(self, descriptor: int, watch: Watch) -> None:
        with _numbered(descriptor, watch.number):
            epoll = self._call.descriptor(watch.epoll)  # Here it cannot get that number.
            _libc.epoll_ctl(epoll, _EPOLL_CTL_ADD, watch.number, watch.event)
            os.close(epoll)


def _links(place: str) -> Iterator[tuple[int, str]]:
    with os.scandir(place) as entries:
        for entry in itertools.islice(entries, _MOST_LOOKED_AT):
            with contextlib.suppress(FileNotFoundError):
                yield int(entry.name), os.readlink(entry.path)


@contextlib.contextmanager
def _numbered(descriptor: int, number: int) -> Iterator[None]:
    """Have a descriptor of ours under another number too: an epoll knows a file by its number as well."""
    try:
        ours = os.dup(number)
    except OSError:
        ours = -1
    os.dup2(descriptor, number, inheritable=False)
    try:
        yield
    finally:
        if ours < 0:
            os.close(number)
        else:
            os.dup2(ours, number, inheritable=False)
            os.close(ours)
