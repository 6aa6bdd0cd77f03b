"""A devbox and the processes, the memory and the kernel's objects outside of it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_runloop.local.engine.protocol import BoxSpec, Capability
from tests.support.boxes import put, run, say, start

from .conftest import SECRET, Room

pytestmark = pytest.mark.asyncio

_KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl
_PTRACE = {"x86_64": (101, 310), "aarch64": (117, 270)}  # ptrace, process_vm_readv
_needs_numbers = pytest.mark.skipif(os.uname().machine not in _KEYCTL, reason="system calls not known")

_HERE = Path(__file__).resolve()


def _text(path: Path) -> str:
    return path.read_text()


_SIGNALS = """
for pid in given[0]:
    attempt("signal", os.kill, pid, signal.SIGKILL)
    attempt("signal group", os.killpg, pid, signal.SIGKILL)
    attempt("pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL))
"""


async def test_nothing_outside_can_be_signalled(room: Room, victim: subprocess.Popen[bytes]) -> None:
    room.needs_walls()
    zygote = room.engine.zygote().pid
    await room.tries(_SIGNALS, [victim.pid, os.getpid(), zygote])
    await run(room.box, "kill -9 -1")
    await run(room.box, "kill -TERM 1 0; kill -9 $PPID")
    assert victim.poll() is None
    assert await say(room.box, "echo lives") == "lives"


_MEMORY = """
pid, (ptrace, readv) = given
for name in ("environ", "mem", "maps", "root/etc/passwd", "cwd", "exe", "fd", "stack", "syscall", "auxv"):
    path = f"/proc/{pid}/{name}"
    attempt(name, lambda: os.readlink(path) if os.path.islink(path) else
            os.listdir(path) if os.path.isdir(path) else read(path))
attempt("attach", call, ptrace, 16, pid, 0, 0)
attempt("seize", call, ptrace, 0x4206, pid, 0, 0)
room = ctypes.create_string_buffer(16)
local = struct.pack("QQ", ctypes.addressof(room), 16)
attempt("process_vm_readv", call, readv, pid, local, 1, struct.pack("QQ", 0x400000, 16), 1, 0)
attempt("pidfd_getfd", lambda: call(438, os.pidfd_open(pid), 1, 0))
"""


@_needs_numbers
async def test_the_memory_and_environment_of_others_are_out_of_reach(
    room: Room, victim: subprocess.Popen[bytes]
) -> None:
    room.needs_walls()
    for pid in (victim.pid, os.getpid(), room.engine.zygote().pid):
        said = await room.tries(_MEMORY, pid, _PTRACE[os.uname().machine])
        assert SECRET not in said
        assert [line for line in said.splitlines() if line.startswith("done:") and " fd " not in line] == []


async def test_other_processes_are_not_even_seen(room: Room, victim: subprocess.Popen[bytes]) -> None:
    room.needs(Capability.OWN_PROCESSES)
    seen = (await say(room.box, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")).splitlines()
    assert "import os, time; print(flush=True); time.sleep(600)" not in seen
    assert int(await say(room.box, "ls -d /proc/[0-9]* | wc -l")) < 10


_OWN = """
pid = int(given[0])
for name in ("environ", "mem", "maps", "root", "cwd", "exe"):
    path = f"/proc/{pid}/{name}"
    attempt(name, lambda: os.readlink(path) if os.path.islink(path) else read(path))
for number in range(64):
    attempt(f"fd {number}", lambda: os.open(f"/proc/{pid}/fd/{number}", os.O_RDWR))
"""


async def test_the_agent_of_the_devbox_hands_nothing_out(room: Room) -> None:
    room.needs_walls()
    agent = await say(room.box, "echo $PPID")
    said = await room.tries(_OWN, agent)
    assert "done:" not in said


async def test_a_command_has_no_descriptors_but_the_three_usual_ones(room: Room) -> None:
    listing = "import os; print([n for n in range(3, 4096) if os.path.exists(f'/proc/self/fd/{n}')])"
    assert await say(room.box, f'python3 -c "{listing}"') == "[]"


async def test_another_devbox_is_out_of_reach(room: Room) -> None:
    room.needs_walls()
    other = await room.engine.boot(BoxSpec("other"))
    await put(other, "secret", SECRET.encode())
    sleeper = await start(other, "exec sleep 600")
    said = await room.tries(
        """
pid, home, directory = given
attempt("read", read, f"{home}/secret")
attempt("list", os.listdir, directory)
attempt("through proc", read, f"/proc/{pid}/cwd/secret")
if os.path.exists(f"/proc/{pid}") and read(f"/proc/{pid}/comm") == b"sleep\\n":
    attempt("signal", os.kill, pid, signal.SIGKILL)
for each in (entry for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()):
    for name in ("cwd/secret", "root/home/user/secret"):
        try:
            print(read(f"/proc/{each}/{name}"))
        except OSError:
            pass
""",
        sleeper.pid,
        "/nowhere" if room.box.home == other.home else other.home,
        str(room.engine._session.boxes),
    )
    assert SECRET not in said
    assert await say(other, f"kill -0 {sleeper.pid} && echo lives") == "lives"


async def test_the_kernels_keys_are_out_of_reach(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    if os.uname().machine not in _KEYCTL:
        pytest.skip("system calls not known")
    said = await room.tries(
        """
add_key, keyctl = given
for ring in (-2, -3, -4, -5):
    attempt("get", call, keyctl, 0, ring, 1)
    attempt("add", call, add_key, b"user", b"pytest-runloop-trust", b"x", 1, ring)
for line in open("/proc/keys"):
    attempt("link", call, keyctl, 8, int(line.split()[0], 16), -3)
""",
        *_KEYCTL[os.uname().machine],
    )
    assert "done:" not in said


@pytest.fixture
def segment() -> Iterator[int]:
    """Return the key of a System V memory segment of the user's with a secret in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    key = uuid.uuid4().int & 0x7FFFFFFF | 1
    number = libc.shmget(key, 4096, 0o1666)
    if number < 0:
        pytest.skip("no System V memory here")
    ctypes.memmove(libc.shmat(number, None, 0), SECRET.encode(), len(SECRET))
    yield key
    libc.shmctl(number, 0, None)


_SEGMENT = """
libc.shmat.restype = ctypes.c_void_p
number = libc.shmget(given[0], 0, 0)
print("found" if number >= 0 else "none", ctypes.string_at(libc.shmat(number, None, 0), 40)
      if number >= 0 else "")
"""


async def test_system_v_memory_outside_is_not_there(room: Room, segment: int) -> None:
    room.needs(Capability.OWN_PROCESSES)
    assert SECRET not in await room.tries(_SEGMENT, segment)


@pytest.fixture
def shared_file() -> Iterator[Path]:
    """Return a file of the user's in shared memory."""
    place = Path("/dev/shm") / f"pytest-runloop-trust-{uuid.uuid4().hex}"
    try:
        place.write_text(SECRET)
    except OSError as error:
        pytest.skip(f"no shared memory here: {error}")
    yield place
    with suppress(FileNotFoundError):
        place.unlink()


async def test_shared_memory_outside_is_not_there(room: Room, shared_file: Path) -> None:
    room.needs(Capability.OWN_ROOT)
    status, said = await run(room.box, f"cat {shared_file}; echo mine >{shared_file}")
    assert SECRET not in said
    assert status == 0
    assert _text(shared_file) == SECRET


_ABSTRACT = """
def connect():
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(10)
        one.connect("\\0" + given[0])
        return "connected"
attempt("abstract socket", connect)
"""


async def test_abstract_sockets_outside_are_out_of_reach(room: Room) -> None:
    if "private-ports" not in room.engine.capabilities:
        if room.engine.tier == "namespace":
            pytest.skip("the namespace tier does not promise `private-ports`: the network is the machine's")
        room.needs_walls()
    name = f"pytest-runloop-trust-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        assert "refused:" in await room.tries(_ABSTRACT, name)


_CONNECT = "attempt('connect', socket.socket(socket.AF_UNIX).connect, given[0])"


async def test_a_socket_with_a_path_outside_such_as_that_of_an_ssh_agent_is_not_there(room: Room) -> None:
    room.needs(Capability.OWN_ROOT)
    place = Path("/tmp") / f"runloop-trust-{uuid.uuid4().hex[:8]}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        try:
            listener.listen()
            said = await room.tries(_CONNECT, str(place))
        finally:
            place.unlink()
    assert "refused: connect FileNotFoundError" in said


_SWITCHES = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/sys/power/state",
    "/sys/kernel/mm/ksm/run",
    "/sys/fs/cgroup/cgroup.procs",
)
_SET = """
def set_again(path):
    # What is there already, so that nothing changes if it works.
    value = read(path) if os.access(path, os.R_OK) else b""
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, value)

for path in given:
    if os.path.exists(path):
        attempt(path, set_again, path)
"""


async def test_the_kernels_switches_cannot_be_set(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    assert "done:" not in await room.tries(_SET, *_SWITCHES)


_MOUNTS = (
    "mount -t proc proc /mnt",
    "umount /proc/sys",
    "umount -l /proc; mount -t proc proc /proc",
    "mount -o remount,rw,bind /proc/sys",
    "mount --bind /proc /mnt",
    "umount -R /sys",
    "mount -t sysfs sysfs /mnt",
)
_SET_IN_SHELL = """
for file in /proc/sys/kernel/core_pattern /mnt/sys/kernel/core_pattern \\
        /proc/sys/vm/overcommit_memory /mnt/sys/vm/overcommit_memory \\
        /sys/kernel/mm/ksm/run /mnt/kernel/mm/ksm/run; do
    # What is there already, so that nothing changes if it works.
    [ ! -e "$file" ] || { value=$(cat "$file"); (printf %s "$value" >"$file") && echo "set $file"; }
done 2>/dev/null
echo tried
"""


@pytest.mark.parametrize("how", ["sh", "unshare -Urm sh", "unshare -Urmpf sh", "unshare -Urmn sh"])
async def test_mounts_do_not_lay_the_kernels_switches_bare(room: Room, how: str) -> None:
    room.needs(Capability.OWN_ROOT)
    for number, mount in enumerate(_MOUNTS):
        box = await room.engine.boot(BoxSpec(f"box{number}"))
        await put(box, "attempt.sh", f"{mount}\n{_SET_IN_SHELL}".encode())
        status, said = await run(box, f"{how} attempt.sh")
        assert "set /" not in said, (mount, said)
        assert "tried" in said or (status and "unshare" in said), said
        await box.destroy()


async def test_control_groups_cannot_be_changed(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    script = "mkdir -p ~/g; mount -t cgroup2 g ~/g && mkdir ~/g/mine && rmdir ~/g/mine && echo changed; true"
    for how in ("sh -c", "unshare -UrmC sh -c"):
        assert "changed" not in (await run(room.box, f"{how} '{script}'"))[1]
    assert "changed" not in (await run(room.box, "mkdir /sys/fs/cgroup/x 2>&1 && echo changed; true"))[1]


async def test_no_device_but_the_harmless_ones_can_be_opened(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    names = ["mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "loop-control", "fuse", "kvm", "net/tun"]
    said = await room.tries(
        """
for name in given:
    attempt(name, os.open, f"/dev/{name}", os.O_RDONLY)
for major, minor in ((1, 1), (8, 0), (254, 0), (253, 0), (10, 237)):
    def make():
        path = os.path.expanduser(f"~/node-{major}-{minor}")
        os.mknod(path, 0o60600, os.makedev(major, minor))
        return os.open(path, os.O_RDONLY)
    attempt(f"node {major}:{minor}", make)
""",
        *names,
    )
    assert "done:" not in said


async def test_a_root_within_the_root_leads_nowhere(room: Room) -> None:
    room.needs(Capability.OWN_ROOT)
    said = await room.tries(
        """
# The old way out of a chroot: a descriptor above, another root below, and up.
above = os.open("/", os.O_RDONLY)
os.makedirs("/tmp/below", exist_ok=True)
attempt("chroot", os.chroot, "/tmp/below")
os.fchdir(above)
for _ in range(64):
    os.chdir("..")
attempt("chroot up", os.chroot, ".")
print(os.path.exists(given[0]), sorted(os.listdir("/")))
""",
        str(room.outside),
    )
    assert "False [" in said
    assert "/home/user" in await say(room.box, "echo /home/user")


async def test_the_users_home_is_out_of_reach(room: Room) -> None:
    room.needs(Capability.CONFINED_WRITES)
    if any(_HERE.is_relative_to(place) for place in ("/usr", "/opt", sys.base_prefix)):
        pytest.skip("the project lies in the machine's system")
    source = "attempt('read', read, given[0]); attempt('list', os.listdir, given[1])"
    said = await room.tries(source, str(_HERE), str(_HERE.parent))
    assert "done:" not in said


async def test_what_the_server_has_in_its_environment_is_not_in_that_of_a_command(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", SECRET)
    box = await room.engine.boot(BoxSpec("second"))
    names = {line.partition("=")[0] for line in (await say(box, "env")).splitlines()}
    assert "SSH_AUTH_SOCK" not in names
    assert not [name for name in names if name.startswith(("RUNLOOP", "PYTEST", "AWS", "GITHUB"))]


# What a tier does not promise. Should one of these fail, the tier became stronger: say so in docs/trust.md.


async def test_landlock_shares_shared_memory_and_system_v_memory(
    room: Room, shared_file: Path, segment: int
) -> None:
    if room.engine.tier != "landlock":
        pytest.skip("of the landlock tier")
    assert await say(room.box, f"cat {shared_file}") == SECRET
    assert SECRET in await room.tries(_SEGMENT, segment)


async def test_landlock_shows_the_command_lines_of_all_processes(
    room: Room, victim: subprocess.Popen[bytes]
) -> None:
    if room.engine.tier != "landlock":
        pytest.skip("of the landlock tier")
    assert "time.sleep(600)" in await say(room.box, f"tr '\\0' ' ' </proc/{victim.pid}/cmdline")


async def test_a_plain_process_can_do_whatever_the_user_can(
    room: Room, victim: subprocess.Popen[bytes]
) -> None:
    if room.engine.tier != "process":
        pytest.skip("of the process tier")
    await say(room.box, f"kill -TERM {victim.pid}; echo changed >{room.outside}/secret")
    assert victim.wait() == -signal.SIGTERM
    assert _text(room.outside / "secret") == "changed\n"


async def test_landlock_does_not_keep_modes(room: Room) -> None:
    if room.engine.tier != "landlock":
        pytest.skip("of the landlock tier")
    before = await asyncio.to_thread(os.stat, room.outside / "secret")
    await say(room.box, f"chmod 600 {room.outside}/secret")
    assert await asyncio.to_thread(os.stat, room.outside / "secret") != before


async def test_landlock_leaves_sockets_with_a_path_open(room: Room) -> None:
    if room.engine.tier != "landlock":
        pytest.skip("of the landlock tier")
    with tempfile.TemporaryDirectory(prefix="runloop-trust-") as place, socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{place}/agent")
        one.listen()
        said = await room.tries(_CONNECT, f"{place}/agent")
    assert "done: connect" in said
