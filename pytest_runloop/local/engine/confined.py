"""Boxes without namespaces: a directory of one's own on the machine's root, under Landlock or as it is.

A box is a directory with `up/home` and `up/tmp`, which snapshots keep, and `run`, which they do not.
HOME, TMPDIR and XDG_RUNTIME_DIR point into it, and commands start in the home. Its absolute path is new
with every devbox, so what a program wrote down as an absolute path (the scripts of a virtual environment)
does not hold in a devbox made from a snapshot.

What ends a box: the agent adopts every orphan and kills all when the server or the zygote goes; the zygote
does so when the agent is killed. Only all three killed at once would leave something running.

The zygote imports this, and every box shares its memory: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Callable, Collection, Mapping

from pytest_runloop.local.engine import capabilities, descendants, landlock, seccomp, trees
from pytest_runloop.local.engine.hands import Hands
from pytest_runloop.local.engine.isolation import BASE_PATH, OutOfReachError, SetUpError, World
from pytest_runloop.local.engine.reach import Reach

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _Result = TypeVar("_Result")

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")
SKELETON = "/etc/skel"

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_DEATH = signal.SIGUSR2

_LOGIN = """\
# /etc/profile has just replaced the PATH that this shell was started with. Put it back in front.
mapfile -d '' -t _given <"/proc/$$/environ"
for _entry in "${_given[@]}"; do
    case $_entry in PATH=*)
        case ":${_entry#PATH=}:" in
            *":$PATH:"*) PATH=${_entry#PATH=} ;;
            *) PATH=${_entry#PATH=}:$PATH ;;
        esac ;;
    esac
done
unset _given _entry
"""
_THEN_PROFILE = '[ ! -r "$HOME/.profile" ] || . "$HOME/.profile"\n'

_libc = ctypes.CDLL(None, use_errno=True)


class Plain(World):
    """A directory of its own and plain processes, all of which end with the box.

    :param plan: `directory`, the box's own; `short`, another path of it; `username`; `shims`, a directory of
        commands that go before the machine's; `readable` and `writable`, the places outside the box that may
        be read, and written too. But for `short`, none of the paths holds a symbolic link.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self._zygote = os.getpid()
        self._directory = plan["directory"]
        self.home = f"{self._directory}/up/home"
        self._usual_home = "/root" if plan["username"] == "root" else f"/home/{plan['username']}"
        self.environment = {
            "HOME": self.home,
            "USER": plan["username"],
            "LOGNAME": plan["username"],
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PATH": f"{plan['shims']}:{self.home}/.local/bin:{BASE_PATH}",
            "TMPDIR": f"{plan['short']}/up/tmp",
            "XDG_RUNTIME_DIR": f"{plan['short']}/run",
        }
        self._reach = Reach(self.own(), plan["readable"], self._out_of_reach)

    @classmethod
    def begin(cls) -> None:
        """In the zygote: become the one that adopts what a killed agent leaves."""
        descendants.become_subreaper()

    @classmethod
    def bury(cls, living: Collection[int]) -> None:
        """In the zygote: end what an agent left."""
        descendants.end_descendants(living)

    def enter(self) -> None:
        """Make the directory, adopt all orphans of the box from here on, and give up rights."""
        self._make_directories()
        os.setsid()  # Whatever is typed at the server's terminal is not for us.
        descendants.become_subreaper()
        self._end_with_zygote()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.confine()
        _prctl(_PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")  # Nobody becomes a user whom we cannot end.
        super().enter()

    def confine(self) -> None:
        """Give up rights for good."""

    def own(self) -> list[str]:
        """Return the directories that belong to the box."""
        return [f"{self._directory}/up", f"{self._directory}/run"]

    def leave(self) -> None:
        """End every process of the box."""
        descendants.end_descendants()

    def locate(self, path: str) -> str:
        """Return the place that a path of the caller means; the usual home is ours."""
        if path == self._usual_home or path.startswith(f"{self._usual_home}/"):
            path = path[len(self._usual_home) + 1 :]
        return super().locate(path)

    def open(self, path: str, flags: int, mode: int, parents: bool) -> int:
        """Open a file of the box, or read one of the machine."""
        return self._reach.open(self.locate(path), flags, mode, parents)

    def _out_of_reach(self, path: str) -> OutOfReachError:
        return OutOfReachError(f"{path} lies outside of the devbox's home {self.home}", "own-root")

    def _make_directories(self) -> None:
        for place in self.own():
            os.makedirs(place, mode=0o700, exist_ok=True)
        os.makedirs(f"{self._directory}/up/tmp", exist_ok=True)
        if not os.path.lexists(self.home):
            _furnish(self.home)

    def _end_with_zygote(self) -> None:
        def end(*_: object) -> None:
            try:
                self.leave()
            finally:
                os._exit(1)

        signal.signal(_DEATH, end)
        # The zygote asked the kernel to kill us with it. A killed agent could end nobody any more.
        _prctl(_PR_SET_PDEATHSIG, _DEATH, "parent death signal")
        if os.getppid() != self._zygote:  # It died before it could be asked.
            os._exit(1)


class Landlocked(Plain):
    """The same, and the kernel refuses writes outside the box, and reads outside of the machine's system.

    Commands can signal each other, and neither the agent nor anything else (Linux 6.12).
    """

    def confine(self) -> None:
        """Give up the rights of the thread that starts commands and opens files."""
        self._hands = Hands(self._give_up_rights)

    def act(self, function: Callable[[], _Result]) -> _Result:
        """Do something with no more rights than the box's commands have."""
        return self._hands.do(function)

    def open(self, path: str, flags: int, mode: int, parents: bool) -> int:
        """Open a file of the box, or read one of the machine, as far as the kernel lets its commands."""
        return self.act(lambda: super(Landlocked, self).open(path, flags, mode, parents))

    def _give_up_rights(self) -> None:
        """Leave no more than files here, also to root."""
        devices = [f"/dev/{name}" for name in DEVICES]
        with contextlib.suppress(OSError):  # A processor whose calls nobody wrote down.
            seccomp.refuse_keyrings()
        try:
            if os.geteuid() == 0:
                capabilities.give_up_most()
            landlock.restrict(
                read_only=[*self.plan["readable"], self.plan["shims"]],
                read_write=[*self.own(), *devices, *self.plan["writable"]],
            )
        except OSError as error:
            raise SetUpError(f"confine the devbox ({error.strerror})", error.errno or 0) from error


def _furnish(home: str) -> None:
    """Make a home as the machine makes those of new users."""
    if os.path.isdir(SKELETON):
        trees.copy(SKELETON, home)
        os.chmod(home, 0o755)
        # It clears the screen when a login shell exits: bytes in the output of the command.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{home}/.bash_logout")
    else:
        os.mkdir(home)
    _prepend(f"{home}/.bash_profile", _LOGIN, _THEN_PROFILE)


def _prepend(path: str, text: str, otherwise: str) -> None:
    """Put text before what a file holds already, or before something else where there is no file."""
    with contextlib.suppress(FileNotFoundError), open(path) as existing:
        otherwise = existing.read()
    with open(path, "w") as file:
        file.write(text + otherwise)


def _prctl(option: int, argument: int, what: str) -> None:
    if _libc.prctl(option, argument, 0, 0, 0):
        raise SetUpError(what, ctypes.get_errno())
