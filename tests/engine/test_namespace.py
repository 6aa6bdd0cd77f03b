"""A box in namespaces: a machine of its own, as seen from inside and from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import zipfile
from pathlib import Path

import pytest

from pytest_runloop.local.engine import limiter
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Capability
from tests.support import ordinary_user
from tests.support.boxes import get, put, run, say, start

pytestmark = pytest.mark.asyncio

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_exists = os.path.lexists


def _text(path: str) -> str:
    return Path(path).read_text()


_PASSWD = _text("/etc/passwd")
_HAS_DOCUMENTS = _exists("/usr/share/doc")


# The user and the home


async def test_the_user_lives_in_a_fresh_home(box: Box) -> None:
    assert box.home == "/home/user"
    assert await say(box, "pwd; echo ~; whoami; echo $USER $LOGNAME $SHELL") == (
        "/home/user\n/home/user\nuser\nuser user /bin/bash"
    )
    assert await say(box, "touch x; stat -c '%U %G %a' x") == "user user 644"


async def test_another_user_lives_in_another_home(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box", username="alice"))
    assert (
        await say(box, "whoami; pwd; getent passwd alice | cut -d: -f6") == "alice\n/home/alice\n/home/alice"
    )
    root = await engine.boot(BoxSpec("root", username="root"))
    assert await say(root, "whoami; pwd") == "root\n/root"


async def test_the_host_name_is_the_boxs_own_and_resolves(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box", hostname="devbox-7"))
    assert await say(box, "hostname; cat /etc/hostname; getent hosts devbox-7 | cut -d' ' -f1") == (
        "devbox-7\ndevbox-7\n127.0.1.1"
    )
    assert socket.gethostname() != "devbox-7"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sudo whoami", "root"),
        ("sudo -n -E whoami", "root"),
        ("sudo -u root whoami", "root"),
        ("sudo A=1 B='2 3' sh -c 'echo $A-$B'", "1-2 3"),
        ("sudo -i pwd", "/root"),
        ("sudo -s echo 'a  b' \"it's\"", "a  b it's"),
        ("sudo -- sh -c 'echo $HOME $USER $SUDO_USER'", "/root root user"),
        ("echo hi | sudo tee /etc/greeting >/dev/null; cat /etc/greeting", "hi"),
        ("sudo -u user sh -c 'echo $HOME'", "/home/user"),
        ("sudo -v; sudo -n true && echo yes", "yes"),
    ],
)
async def test_sudo_asks_for_nothing(box: Box, command: str, said: str) -> None:
    assert await say(box, command) == said


async def test_sudo_passes_the_status_on_and_knows_no_strangers(box: Box) -> None:
    assert (await run(box, "sudo sh -c 'exit 5'"))[0] == 5
    status, said = await run(box, "sudo -u nosuchuser true")
    assert status == 1
    assert "nosuchuser" in said


# What is there


@pytest.mark.parametrize("python", ["python", "python3"])
async def test_python_runs(box: Box, python: str) -> None:
    await put(box, "app.py", b"import json, ssl, sys; print(sys.version_info[0])")
    assert await say(box, f"{python} app.py") == "3"


async def test_pip_installs(box: Box, tmp_path: Path) -> None:
    wheel = tmp_path / "tiny_example-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_example.py", "GREETING = 'hi'\n")
        info = "tiny_example-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-example\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    await put(box, wheel.name, wheel.read_bytes())
    await say(box, f"pip install --no-index --disable-pip-version-check ./{wheel.name}")
    assert await say(box, "python -c 'import tiny_example; print(tiny_example.GREETING)'") == "hi"


async def test_a_package_installs(box: Box) -> None:
    assert await say(box, ordinary_user.PACKAGE) == "tiny"


async def test_the_machines_programs_and_their_files_can_be_changed(box: Box) -> None:
    script = "echo x >/usr/bin/new-one; rm /usr/bin/env; echo y >>/etc/passwd; ls /usr/bin/env"
    status, said = await run(box, script)
    assert status == 2
    assert "No such file" in said
    assert not _exists("/usr/bin/new-one")
    assert _exists("/usr/bin/env")
    assert _text("/etc/passwd") == _PASSWD


async def test_a_directory_of_the_machine_can_be_replaced(box: Box) -> None:
    assert await say(box, "rm -rf /usr/share/doc && mkdir /usr/share/doc && ls -A /usr/share/doc") == ""
    assert _exists("/usr/share/doc") == _HAS_DOCUMENTS


async def test_usual_places_are_fresh_and_writable(box: Box, tmp_path: Path) -> None:
    said = await say(box, "ls -A /tmp /var/tmp /mnt /srv /media | grep -v : | grep -v '^$' || true")
    assert said == ""
    assert await say(box, "stat -c %a /tmp /var/tmp /run/lock /dev/shm") == "1777\n1777\n1777\n1777"
    assert (
        await say(
            box, "for d in /tmp /var/tmp /run /root /srv /opt /var/log /dev/shm; do touch $d/x; done; echo ok"
        )
        == "ok"
    )
    assert not _exists("/srv/x")


async def test_nothing_of_the_machines_owner_is_in_sight(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for place in (secret, Path(__file__)):
        with pytest.raises(FileNotFoundError):
            await get(box, str(place))
    assert await say(box, "ls /home") == "user"
    assert await say(box, "cat /etc/shadow | cut -d: -f2 | sort -u") == "*"


async def test_the_usual_devices_work_and_no_others_exist(box: Box) -> None:
    assert (
        await say(box, "head -c 4 /dev/urandom | wc -c; echo x >/dev/null; head -c 2 /dev/zero | wc -c")
        == "4\n2"
    )
    usual = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert " ".join((await say(box, "ls /dev")).split()) == usual
    assert (await run(box, "mknod /tmp/disk b 8 0 && cat /tmp/disk"))[0] != 0


async def test_terminals_work(box: Box) -> None:
    assert "pts/" in await say(box, "script -qec tty /dev/null </dev/null")


# Other processes


async def test_no_process_outside_is_seen_or_reached(box: Box) -> None:
    assert await say(box, "ls /proc | grep -E '^[0-9]+$' | head -1") == "1"
    assert f"{os.getpid()}" not in (await say(box, "ls /proc")).split() or os.getpid() < 100
    other = await start(box, "sleep 600")
    assert (await run(box, "kill -TERM -1; exit 0"))[0] in (0, 128 + signal.SIGTERM)
    assert await other.wait() == 128 + signal.SIGTERM
    assert await say(box, "echo on") == "on"


async def test_the_first_process_tells_nothing_and_cannot_be_killed(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(box, "kill -KILL 1; kill -STOP 1; kill -INT 1; kill -SEGV 1")
    for place in ("environ", "fd/0", "root", "exe", "cwd", "mem", "maps"):
        assert (await run(box, f"cat /proc/1/{place} || readlink /proc/1/{place}"))[0] != 0, place
    assert "python" not in await say(box, "tr '\\0' ' ' </proc/1/cmdline")


async def test_kernel_switches_are_out_of_reach(box: Box) -> None:
    for place in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/power/state"):
        assert (await run(box, f"echo x >{place}"))[0] != 0, place


# The environment


async def test_the_environment_is_a_fresh_one(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "x")
    names = {line.partition("=")[0] for line in (await say(box, "env")).splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER"}
    assert box.environment["PATH"] == f"/home/user/.local/bin:{_PATH}"


async def test_a_given_path_wins_over_that_of_a_login(box: Box) -> None:
    given = {**box.environment, "PATH": "/my/bin:/usr/bin:/bin"}
    status, said = await run(box, "bash -lc 'echo $PATH'", environment=given)
    assert (status, said.partition(":")[0]) == (0, "/my/bin")
    await say(
        box, "mkdir -p ~/bin ~/.local/bin; echo 'PATH=/late/bin' | sudo tee /etc/profile.d/x.sh >/dev/null"
    )
    status, said = await run(box, "bash -lc 'echo $PATH'", environment=given)
    assert said.startswith("/my/bin:/usr/bin:/bin:")


async def test_a_login_without_a_path_gets_a_sensible_one(box: Box) -> None:
    assert (await say(box, "env -i bash -lc 'echo $PATH'")).split(":")[-1] == "/bin"


# Boxes and engines


async def test_boxes_are_apart_from_each_other(engine: SandboxEngine) -> None:
    first, second = await asyncio.gather(engine.boot(BoxSpec("b1")), engine.boot(BoxSpec("b2")))
    await say(first, "touch /tmp/mine ~/mine /usr/mine /dev/shm/mine")
    assert (await run(second, "ls /tmp/mine ~/mine /usr/mine /dev/shm/mine 2>/dev/null")) == (2, "")


async def test_a_taken_name_is_refused_and_the_first_box_lives(engine: SandboxEngine, box: Box) -> None:
    with pytest.raises(Exception, match="box"):
        await engine.boot(BoxSpec(box.spec.name))
    assert await say(box, "echo on") == "on"


async def test_many_boxes_boot_at_once(engine: SandboxEngine) -> None:
    boxes = await asyncio.gather(*(engine.boot(BoxSpec(f"m{number}")) for number in range(40)))
    said = await asyncio.gather(*(say(box, f"echo {number}") for number, box in enumerate(boxes)))
    assert said == [str(number) for number in range(40)]
    await asyncio.gather(*(box.destroy() for box in boxes))


async def test_a_cancelled_boot_leaves_nothing(engine: SandboxEngine) -> None:
    for turns in range(6):
        task = asyncio.create_task(engine.boot(BoxSpec("short")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():  # It was quicker.
            await task.result().destroy()
    box = await engine.boot(BoxSpec("short"))  # The name is free.
    assert await say(box, "echo on") == "on"


async def test_the_tier_promises_everything(engine: SandboxEngine) -> None:
    assert engine.tier == "namespace"
    assert engine.capabilities | limiter.ALL == frozenset(Capability)


async def test_a_suspended_box_keeps_its_disk_and_loses_its_processes(box: Box) -> None:
    process = await start(box, "sleep 600")
    await say(box, "echo kept >file; echo lost >/dev/shm/file; echo lost >/run/file")
    await box.suspend()
    assert await process.wait() == 128 + signal.SIGKILL
    assert not box.ended.done()
    with pytest.raises(Exception, match="suspended"):
        await run(box, "true")
    await box.resume()
    assert (
        await say(box, "cat file; ls /run /dev/shm; pgrep sleep || echo none")
        == "kept\n/dev/shm:\n\n/run:\nlock\nnone"
    )


async def test_a_closed_engine_leaves_nothing_but_layers(
    engine: SandboxEngine, namespace_state: Path
) -> None:
    await engine.boot(BoxSpec("left-alone"))
    await engine.close()
    assert [path.name for path in (namespace_state / "sessions").iterdir()] == ["lock"]
    assert list((namespace_state / "trash").iterdir()) == []
