"""Boxes of the tiers without namespaces, as a test meets them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine import landlock, limiter
from pytest_runloop.local.engine.confined_tiers import LandlockTier, ProcessTier
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxGoneError, BoxSpec, Capability, CapabilityError
from tests.support.boxes import get, put, run, say, start

pytestmark = pytest.mark.asyncio

_SKELETON = Path("/etc/skel")
_PASSWD = Path("/etc/passwd").read_bytes()

_no_landlock = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
_LANDLOCK = pytest.param(LandlockTier, id="landlock", marks=_no_landlock)
_PROCESS = pytest.param(ProcessTier, id="process")

landlock_only = pytest.mark.parametrize("engine", [_LANDLOCK], indirect=True)
process_only = pytest.mark.parametrize("engine", [_PROCESS], indirect=True)


@pytest_asyncio.fixture(params=[_LANDLOCK, _PROCESS])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    engine = await SandboxEngine.open(request.param(), tmp_path / "state")
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: SandboxEngine) -> Box:
    return await engine.boot(BoxSpec("box"))


def _files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*"))


def is_within(directory: Path, place: str) -> bool:
    return Path(place).resolve().is_relative_to(directory)


# What a command sees


async def test_everything_points_into_the_devbox(box: Box, tmp_path: Path) -> None:
    places = (await say(box, 'pwd; echo ~; echo "$TMPDIR"; echo "$XDG_RUNTIME_DIR"; mktemp')).splitlines()
    assert len(places) == 5
    assert all(is_within(tmp_path, place) for place in places)
    assert await say(box, 'stat -c %a "$XDG_RUNTIME_DIR"') == "700"


async def test_nothing_of_the_servers_environment_is_seen(
    monkeypatch: pytest.MonkeyPatch, engine: SandboxEngine
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "tell nobody")
    box = await engine.boot(BoxSpec("box"))
    seen = await say(box, "env; tr '\\0' '\\n' </proc/$PPID/environ || true")
    assert "tell nobody" not in seen


async def test_the_user_has_the_name_that_was_asked_for(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box", username="somebody"))
    assert await say(box, "echo $USER $LOGNAME") == "somebody somebody"


async def test_a_home_is_furnished_like_that_of_a_new_user(box: Box) -> None:
    names = await say(box, "ls -A ~")
    assert set(_files(_SKELETON)) - {".bash_logout"} <= set(names.split())


async def test_a_login_shell_says_nothing_at_its_end(box: Box) -> None:
    assert await run(box, "bash -lc 'exit 42'", environment={**box.environment, "TERM": "xterm"}) == (42, "")


async def test_no_command_leaves_a_core_dump(box: Box) -> None:
    assert await say(box, "ulimit -c") == "0"


async def test_a_file_descriptor_of_the_engine_does_not_leak(box: Box) -> None:
    assert await say(box, "ls /proc/self/fd | wc -l") == "4"  # 0, 1, 2 and the listing's own


# Commands before the machine's own


@pytest.mark.parametrize("shell", ["bash -c", "bash -lc", "sh -c"])
async def test_the_shims_come_first_in_every_shell(box: Box, shell: str) -> None:
    assert "shims" in await say(box, f"{shell} 'command -v sudo'")


async def test_a_login_shell_keeps_the_path_that_the_caller_set(box: Box) -> None:
    environment = {**box.environment, "PATH": f"/my/tools:{box.environment['PATH']}"}
    status, path = await run(box, "bash -lc 'echo $PATH'", environment=environment)
    assert (status, path.split(":")[0]) == (0, "/my/tools")


async def test_a_login_shell_reads_what_the_user_added(box: Box) -> None:
    await say(box, "echo 'export A=1' >>~/.profile; echo 'export B=2' >>~/.bash_profile")
    assert await say(box, "bash -lc 'echo $A $B'") == "1 2"


@pytest.mark.parametrize(
    "command",
    [
        "sudo -n -E X=y env",
        "sudo X=y -u root env",
        "sudo -nEH -u somebody X=y env",
        "X=y sudo env",
        "sudo -- X=y env",
        "sudo --preserve-env=X X=y env",
    ],
)
async def test_sudo_just_runs_the_command(box: Box, command: str) -> None:
    assert "X=y" in (await say(box, command)).splitlines()


async def test_sudo_hands_on_words_and_status_as_they_are(box: Box) -> None:
    assert await run(box, "sudo sh -c 'echo \"$1\"; exit 7' - 'a  b'") == (7, "a  b\n")


async def test_sudo_gives_a_shell_when_asked(box: Box) -> None:
    assert await say(box, "echo 'echo in a shell' | sudo -i") == "in a shell"


async def test_sudo_without_a_command_explains_itself(box: Box) -> None:
    status, said = await run(box, "sudo")
    assert status == 1
    assert said.startswith("usage: sudo")


@pytest.mark.parametrize(
    "command", ["apt-get install -y nginx", "sudo apt install nginx", "bash -lc 'apt-get update'"]
)
async def test_apt_names_the_missing_capability(box: Box, engine: SandboxEngine, command: str) -> None:
    status, said = await run(box, command)
    assert status == 100
    assert said.count("\n") == 1
    assert f"the {engine.tier} tier lacks `root-user` (run it where" in said


async def test_python_works(box: Box) -> None:
    script = "import tempfile, multiprocessing as m; tempfile.NamedTemporaryFile(); m.Lock(); print('fine')"
    assert await say(box, f'python3 -c "{script}"') == "fine"
    assert await say(box, "python -c 'print(1)'") == "1"


# Where files may be


@landlock_only
@pytest.mark.parametrize(
    "script",
    [
        "echo x >{outside}/new",
        "echo x >{outside}/file",
        "rm {outside}/file",
        "mv {outside}/file ~",
        "ln {outside}/file ~/hard",
        "mkdir {outside}/directory",
        "truncate -s 0 {outside}/file",
        "cat {outside}/file",
        "ls {outside}",
        "ln -s {outside}/file ~/link && echo x >~/link",
        "echo x >/usr/new-file",
        "echo x >/etc/new-file",
        "echo x >/tmp/new-file-of-a-devbox",
        "bash -c 'trap : EXIT; sudo rm {outside}/file'",
        "mount -t tmpfs none ~",
    ],
)
async def test_the_kernel_refuses_what_lies_outside(box: Box, tmp_path: Path, script: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    status, said = await run(box, script.format(outside=outside))
    assert status != 0
    assert "secret" not in said
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "secret"


@landlock_only
async def test_another_devbox_cannot_be_read(engine: SandboxEngine, box: Box) -> None:
    other = await engine.boot(BoxSpec("other"))
    await put(other, "secret", b"secret")
    status, said = await run(box, f"cat {other.home}/secret")
    assert status != 0
    assert "secret\n" not in said


@landlock_only
@pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock does not hold signals in")
async def test_another_devbox_cannot_be_signalled(engine: SandboxEngine, box: Box) -> None:
    other = await engine.boot(BoxSpec("other"))
    sleeper = await start(other, "exec sleep 600")
    status, _ = await run(box, f"kill -9 {sleeper.pid}; kill -9 {os.getpid()}")
    assert status != 0
    assert await say(other, f"kill -0 {sleeper.pid} && echo alive") == "alive"


@landlock_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize(
    "script", ["hostname other", "head -c 100 /proc/1/environ", "mknod node c 1 3", "dmesg -C"]
)
async def test_root_keeps_no_rights_beyond_files(box: Box, script: str) -> None:
    status, said = await run(box, script)
    assert status != 0
    assert "not permitted" in said or "denied" in said or "must be root" in said


@landlock_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change owners")
async def test_root_may_give_files_to_others_and_become_them(box: Box) -> None:
    assert (
        await say(
            box, "touch file; chown 7:7 file; stat -c %u file; chmod 711 . .. ../..; setpriv --reuid 7 id -u"
        )
        == "7\n7"
    )


@landlock_only
@pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock does not hold signals in")
async def test_a_command_cannot_end_its_own_devbox(box: Box) -> None:
    status, _ = await run(box, "kill -9 $PPID")
    assert status != 0
    assert await say(box, "echo fine") == "fine"


async def test_sockets_fit_into_the_temporary_directories(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("dbx_2xMDUOsKMiZBYKsvSRtMA9"))
    script = "import multiprocessing as m; print(m.Manager().list([1, 2]))"
    assert await say(box, f"python3 -c '{script}'") == "[1, 2]"
    assert len(await say(box, "echo $XDG_RUNTIME_DIR")) < 70


async def test_devices_and_terminals_can_be_written(box: Box) -> None:
    await say(
        box, "echo x >/dev/null; echo y >/dev/stderr; echo z >/dev/stdout; head -c 3 /dev/zero >/dev/null"
    )
    opened = "import pty, os; a, b = pty.openpty(); os.write(b, b'seen'); print(os.read(a, 4))"
    assert await say(box, f'python3 -c "{opened}"') == "b'seen'"


# Files by the API


@pytest.mark.parametrize("path", ["note", "~/note", "/home/user/note", "./note", "/home/user/../user/note"])
async def test_the_usual_names_of_the_home_lead_to_it(box: Box, path: str) -> None:
    if ".." in path:
        await say(box, "mkdir -p ../user")
    await put(box, path, b"written")
    assert await get(box, path) == b"written"


async def test_a_file_of_the_machine_can_be_read_but_not_written(box: Box) -> None:
    assert await get(box, "/etc/passwd") == _PASSWD
    with pytest.raises(CapabilityError) as refused:
        await put(box, "/etc/passwd", b"")
    assert refused.value.capability is Capability.OWN_ROOT


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/file",
        "/usr/file",
        "/etc/file",
        "../../../../../file",
        "~/../../../../file",
        "/home/other/file",
        "/file",
    ],
)
@pytest.mark.parametrize("parents", [True, False])
async def test_a_write_outside_names_the_missing_capability(box: Box, path: str, parents: bool) -> None:
    with pytest.raises(CapabilityError, match="lacks `own-root`"):
        await put(box, path, b"x", parents=parents)


@landlock_only
async def test_a_read_outside_names_the_missing_capability(box: Box, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("secret")
    for path in (tmp_path / "file", tmp_path / "missing", "/tmp/missing"):
        with pytest.raises(CapabilityError, match="lacks `own-root`"):
            await get(box, str(path))


@pytest.mark.parametrize("trick", ["link", "linked/file", "dangling", "chain", "linked/new/deep"])
async def test_a_link_that_climbs_out_is_not_followed(box: Box, tmp_path: Path, trick: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    links = {"link": outside / "file", "linked": outside, "dangling": outside / "new", "chain": "dangling"}
    await say(box, "; ".join(f"ln -s {target} {name}" for name, target in links.items()))
    with pytest.raises(CapabilityError):
        await put(box, trick, b"overwritten", parents=True)
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "kept"


async def test_links_within_the_home_are_followed(box: Box) -> None:
    await say(box, "mkdir a; ln -s a b; ln -s $PWD/a/new c; ln -s /etc/passwd d")
    await put(box, "b/file", b"1")
    await put(box, "c", b"2")
    assert await say(box, "cat a/file a/new") == "12"
    assert await get(box, "d") == _PASSWD


async def test_parents_are_made_when_asked_for(box: Box) -> None:
    await put(box, "deep/er/still/file", b"x", parents=True)
    assert await get(box, "deep/er/still/file") == b"x"
    with pytest.raises(FileNotFoundError):
        await put(box, "other/deep/file", b"x")


async def test_opening_fails_as_open_does(box: Box) -> None:
    await say(box, "mkdir directory; touch file; chmod 640 file; ln -s loop loop; ln -s nothing dangling")
    for path, flags, error in [
        ("missing", os.O_RDONLY, FileNotFoundError),
        ("directory", os.O_WRONLY, IsADirectoryError),
        ("file/below", os.O_RDONLY, NotADirectoryError),
        ("file", os.O_WRONLY | os.O_CREAT | os.O_EXCL, FileExistsError),
        ("dangling", os.O_WRONLY | os.O_CREAT | os.O_EXCL, FileExistsError),
        ("dangling", os.O_RDONLY, FileNotFoundError),
        ("loop", os.O_WRONLY | os.O_CREAT, OSError),
        ("a\0b", os.O_RDONLY, OSError),
        ("n" * 300, os.O_WRONLY | os.O_CREAT, OSError),
    ]:
        with pytest.raises(error):
            os.close(await box.open(path, flags))


async def test_a_new_file_has_the_mode_that_was_asked_for(box: Box) -> None:
    os.close(await box.open("tool", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755))
    assert await say(box, "stat -c %a tool") == "755"


async def test_a_fifo_holds_nobody_up(box: Box) -> None:
    await say(box, "mkfifo fifo")
    descriptor = await asyncio.wait_for(box.open("fifo", os.O_RDONLY), 30)
    os.close(descriptor)


async def test_a_command_starts_where_the_caller_says(box: Box) -> None:
    await say(box, "mkdir -p a")
    for cwd in ("a", "~/a", "/home/user/a"):
        status, place = await run(box, "pwd", cwd=cwd)
        assert (status, place.strip()) == (0, f"{box.home}/a")
    with pytest.raises(FileNotFoundError):
        await run(box, "pwd", cwd="missing")


# Life and death

_DAEMON = (
    "(setsid bash -c 'trap \"\" HUP INT TERM; while :; do sleep 0.01; date +%N >~/beat; done' & ) "
    ">/dev/null 2>&1 & until [ -s ~/beat ]; do sleep 0.01; done"
)


def _alive(tmp_path: Path) -> list[str]:
    """Return the processes that have a file of a box open, or its home as their working directory."""
    return [
        f"{process.name} {target}"
        for process in Path("/proc").glob("[0-9]*")
        for target in _held(process)
        if target.is_relative_to(tmp_path) and "boxes" in target.parts
    ]


def _held(process: Path) -> list[Path]:
    targets = []
    with contextlib.suppress(OSError):  # It ended while we looked.
        for link in [process / "cwd", *process.glob("fd/*")]:
            with contextlib.suppress(OSError):
                targets.append(link.readlink())
    return targets


async def test_suspend_ends_all_processes_and_keeps_the_disk(box: Box, tmp_path: Path) -> None:
    await say(box, _DAEMON)
    await put(box, "kept", b"kept")
    assert _alive(tmp_path)
    await box.suspend()
    assert not _alive(tmp_path)
    with pytest.raises(BoxGoneError):
        await say(box, "true")
    await box.resume()
    assert await get(box, "kept") == b"kept"


async def test_destroy_ends_all_processes_and_drops_the_disk(box: Box, tmp_path: Path) -> None:
    await say(box, _DAEMON)
    await box.destroy()
    await box.destroy()
    assert not _alive(tmp_path)
    assert _files(Path(box.home)) == []


@pytest.mark.parametrize("tier", [_LANDLOCK, _PROCESS])
async def test_closing_the_engine_ends_everything(tier: type[ProcessTier], tmp_path: Path) -> None:
    engine = await SandboxEngine.open(tier(), tmp_path / "state")
    for name in ("a", "b"):
        await say(await engine.boot(BoxSpec(name)), _DAEMON)
    await engine.close()
    assert not _alive(tmp_path)
    assert _files(tmp_path / "state" / "sessions") == ["lock"]


async def test_one_devbox_ends_and_the_others_live(engine: SandboxEngine, box: Box) -> None:
    other = await engine.boot(BoxSpec("other"))
    sleeper = await start(other, "exec sleep 600")
    await say(box, _DAEMON)
    await box.destroy()
    assert await say(other, f"kill -0 {sleeper.pid} && echo alive") == "alive"


async def test_an_agent_that_is_killed_ends_its_devbox(
    engine: SandboxEngine, box: Box, tmp_path: Path
) -> None:
    await say(box, _DAEMON)
    agent = int(await say(box, "echo $PPID"))
    os.kill(agent, signal.SIGKILL)
    assert "SIGKILL" in await asyncio.wait_for(box.ended, 30)
    assert not _alive(tmp_path)
    assert await say(await engine.boot(BoxSpec("next")), "echo fine") == "fine"


async def test_status_is_128_and_the_signal(box: Box) -> None:
    assert (await run(box, "kill -TERM $$"))[0] == 128 + signal.SIGTERM


async def test_a_set_user_id_program_gives_no_rights(box: Box) -> None:
    assert await say(box, "grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1"


# Snapshots


async def test_a_snapshot_keeps_files_as_they_are(engine: SandboxEngine, box: Box) -> None:
    await say(
        box,
        "mkdir -p d/e; echo text >d/file; chmod 751 d/file; ln -s file d/link; ln d/file d/hard; "
        "touch -d @1000000000 d/file d/e; mkfifo d/fifo; echo t >$TMPDIR/t; truncate -s 1G sparse; "
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"d/socket\")'",
    )
    layer = await box.freeze()
    assert engine.layers.exists(layer)
    assert await engine.layers.size(layer) < 100_000_000
    await say(box, "echo changed >d/file")
    copy = await engine.boot(BoxSpec("copy", layer=layer))
    assert await say(
        copy, "cat d/file; stat -c '%a %Y %h' d/file; readlink d/link; stat -c %Y d/e; stat -c %F d/fifo"
    ) == ("text\n751 1000000000 2\nfile\n1000000000\nfifo")
    assert (
        await say(copy, 'ls d; stat -c %s sparse; cat "$TMPDIR/t"')
        == "e\nfifo\nfile\nhard\nlink\n1073741824\nt"
    )
    await say(copy, "echo mine >d/file")
    assert await say(await engine.boot(BoxSpec("third", layer=layer)), "cat d/file") == "text"


async def test_processes_stand_still_while_a_snapshot_is_taken_and_go_on(
    engine: SandboxEngine, box: Box
) -> None:
    # One file is never more than a line ahead of the other.
    writer = await start(box, "while :; do echo x >>one; echo x >>two; done")
    await say(box, "until [ -s two ]; do sleep 0.01; done; head -c 30000000 /dev/zero >bulk")
    layer = await box.freeze()
    copy = await engine.boot(BoxSpec("copy", layer=layer))
    one, two = (await say(copy, "wc -l <one; wc -l <two")).split()
    assert int(one) - int(two) in (0, 1)
    before = await say(box, "wc -l <one")
    await say(box, f"until [ \"$(wc -l <one)\" != '{before}' ]; do sleep 0.01; done")
    writer.signal(signal.SIGKILL, group=True)
    assert await writer.wait() == 128 + signal.SIGKILL


async def test_snapshots_of_snapshots(engine: SandboxEngine, box: Box) -> None:
    layer = None
    for number in range(5):
        box = await engine.boot(BoxSpec(f"box{number}", layer=layer))
        await put(box, f"file{number}", b"x")
        layer = await box.freeze()
        await box.destroy()
    last = await engine.boot(BoxSpec("last", layer=layer))
    assert await say(last, "echo file*") == "file0 file1 file2 file3 file4"


async def test_a_layer_belongs_to_its_tier(engine: SandboxEngine, box: Box, tmp_path: Path) -> None:
    layer = await box.freeze()
    for tier in (LandlockTier, ProcessTier):
        if tier is LandlockTier and not landlock.abi():
            continue
        other = await SandboxEngine.open(tier(), tmp_path / "state")
        assert other.layers.exists(layer) is (tier.name == engine.tier)
        await other.close()


@process_only
async def test_plain_processes_promise_nothing(engine: SandboxEngine) -> None:
    assert engine.capabilities <= limiter.ALL


async def test_a_killed_engines_short_names_go_at_the_next_start(
    engine: SandboxEngine, tmp_path: Path
) -> None:
    link = _link_to(tmp_path / "gone" / "boxes")
    box = await engine.boot(BoxSpec("dbx_2xMDUOsKMiZBYKsvSRtMA9"))
    await say(box, "touch $TMPDIR/mine")
    other = await SandboxEngine.open(ProcessTier(), tmp_path / "state")
    assert not _is_link(link)
    await say(box, "test -e $TMPDIR/mine")
    await other.close()


def _link_to(target: Path) -> Path:
    link = Path(f"/tmp/runloop-{secrets.token_hex(8)}")
    link.symlink_to(target)
    return link


def _is_link(path: Path) -> bool:
    return path.is_symlink()
