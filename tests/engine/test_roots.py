"""Boxes whose root is an image's, not the machine's."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxSpec, CapabilityError, Command, EngineError, Ids
from pytest_runloop.local.engine.tiers import Tier
from tests.support import small_system
from tests.support.boxes import say as say_in_bash

pytestmark = pytest.mark.asyncio

Write = Callable[[int], Awaitable[None]]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of a small system with `sh` and no bash."""
    return small_system.archive(small_system.make(tmp_path_factory.mktemp("small") / "root"))


def _writes(archive: bytes) -> Write:
    async def write(descriptor: int) -> None:
        def put() -> None:
            with os.fdopen(os.dup(descriptor), "wb") as pipe:
                pipe.write(archive)

        await asyncio.to_thread(put)

    return write


def _tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for one in members:
            member, content = one if isinstance(one, tuple) else (one, b"")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest_asyncio.fixture
async def image(engine: SandboxEngine, small: bytes) -> str:
    return await engine.layers.import_root(_writes(small))


@pytest_asyncio.fixture
async def inside(engine: SandboxEngine, image: str) -> Box:
    return await engine.boot(BoxSpec("inside", layer=image))


async def _run(box: Box, *argv: str, ids: Ids | None = None) -> tuple[int, str]:
    null = os.open(os.devnull, os.O_RDWR)
    reading, writing = os.pipe()
    try:
        process = await box.spawn(Command(argv, box.environment, null, writing, writing, ids=ids))
    finally:
        os.close(null)
        os.close(writing)
    with os.fdopen(reading, "rb") as output:
        said = await asyncio.to_thread(output.read)
    return await process.wait(), said.decode().strip()


async def _say(box: Box, script: str, ids: Ids | None = None) -> str:
    status, said = await _run(box, "sh", "-c", script, ids=ids)
    assert status == 0, said
    return said


def _layers(engine: SandboxEngine) -> list[str]:
    return [path.name for path in engine._session.layers.iterdir() if path.is_dir()]


# What a box shows


async def test_a_box_shows_the_image_and_nothing_of_the_machine(inside: Box) -> None:
    assert await _say(inside, "cat /marker; ls /usr; ls /opt 2>/dev/null || echo no opt") == (
        "of the image\nlocal\nno opt"
    )
    assert await _say(inside, "[ -e /usr/bin/env ] || echo none") == "none"


async def test_a_box_on_an_image_has_all_that_boxes_have(inside: Box) -> None:
    assert await _say(inside, "pwd; echo $HOME $USER; id -un; sudo id -un; sudo -i pwd") == (
        "/home/user\n/home/user user\nuser\nuser\n/root"
    )
    assert await _say(inside, "echo x >/dev/null; cat /dev/null; cat <<E >/dev/fd/1\nhere\nE") == "here"
    assert await _say(inside, "cat /proc/self/comm; cat /etc/hostname; ls -d /sys/class") == (
        "cat\ndevbox\n/sys/class"
    )
    hosts = await _say(inside, "cat /etc/hosts")
    assert "localhost" in hosts
    assert "devbox" in hosts
    with open("/etc/resolv.conf") as ours:  # noqa: ASYNC230, PTH123  (a moment)
        assert await _say(inside, "cat /etc/resolv.conf") == ours.read().strip()
    assert await _say(inside, "stat -c '%a %F' /tmp /var/tmp /dev/shm /run/lock") == "\n".join(
        ["1777 directory"] * 4
    )
    users = await _say(inside, "cat /etc/passwd")
    assert users.splitlines()[0] == "user:x:0:0:user:/home/user:/bin/sh"
    assert "app:x:1234" in users


async def test_one_overlay_is_the_whole_root(inside: Box) -> None:
    mounts = await _say(inside, "while read -r _ at kind _; do echo $at $kind; done </proc/mounts")
    assert [line for line in mounts.splitlines() if line.endswith(" overlay")] == ["/ overlay"]


async def test_an_image_without_bash_has_sh_as_its_shell(inside: Box) -> None:
    assert inside.environment["SHELL"] == "/bin/sh"
    with pytest.raises(FileNotFoundError):
        await _run(inside, "bash", "-c", "true")


async def test_bash_is_the_shell_wherever_the_image_has_it(engine: SandboxEngine, tmp_path: Path) -> None:
    root = small_system.make(tmp_path / "root", [*small_system.TOOLS, "bash"])
    (root / "usr/local/bin").mkdir(parents=True)
    (root / "bin/bash").rename(root / "usr/local/bin/bash")
    layer = await engine.layers.import_root(_writes(small_system.archive(root)))
    box = await engine.boot(BoxSpec("box", layer=layer))
    assert box.environment["SHELL"] == "/usr/local/bin/bash"
    assert (await say_in_bash(box, "cat /etc/passwd")).startswith(
        "user:x:0:0:user:/home/user:/usr/local/bin/bash"
    )


async def test_a_login_in_bash_keeps_the_path_that_it_was_given(
    engine: SandboxEngine, tmp_path: Path
) -> None:
    root = small_system.make(tmp_path / "root", [*small_system.TOOLS, "bash"])
    (root / "etc/profile").write_text("PATH=/bin:/profile\nexport PATH\n")
    layer = await engine.layers.import_root(_writes(small_system.archive(root)))
    box = await engine.boot(BoxSpec("box", layer=layer))
    status, said = await _run(box, "bash", "-lc", "echo $PATH")
    assert (status, said) == (0, f"{box.environment['PATH']}:/bin:/profile")


async def test_what_an_image_holds_in_run_stays(engine: SandboxEngine, small: bytes) -> None:
    root = io.BytesIO(small)
    with tarfile.open(fileobj=root, mode="a") as archive:
        archive.addfile(_member("run/service", tarfile.DIRTYPE, mode=0o755))
    layer = await engine.layers.import_root(_writes(root.getvalue()))
    box = await engine.boot(BoxSpec("box", layer=layer))
    assert await _say(box, "ls -d /run/service") == "/run/service"


async def test_an_image_with_nothing_in_it_boots_and_names_what_is_missing(engine: SandboxEngine) -> None:
    layer = await engine.layers.import_root(_writes(_tar((_member("one"), b"1"))))
    box = await engine.boot(BoxSpec("box", layer=layer))
    with pytest.raises(FileNotFoundError, match="sh"):
        await _run(box, "sh", "-c", "true")
    descriptor = await box.open("/one", os.O_RDONLY)
    assert os.read(descriptor, 10) == b"1"
    os.close(descriptor)


async def test_a_command_runs_as_the_ids_that_it_was_given(inside: Box) -> None:
    assert await _say(inside, "id -u; id -g; id -G", Ids(0, 0)) == "0\n0\n0"
    if os.geteuid() == 0:
        said = await _say(
            inside, "id -u; id -g; id -G; touch /marker 2>/dev/null || echo no", Ids(7, 8, (9, 10))
        )
        assert said == "7\n8\n8 9 10\nno"
    with pytest.raises(FileNotFoundError):
        await _run(inside, "/no/such", ids=Ids(0, 0))


# Layers on it


async def test_layers_stand_on_an_image_as_on_the_machine(engine: SandboxEngine, inside: Box) -> None:
    await _say(inside, "echo new >/new; rm /marker; mkdir /srv; echo x >~/mine")
    idle = await inside.freeze()
    assert await _say(inside, "cat /new; ls /marker 2>/dev/null || echo gone") == "new\ngone"
    copy = await engine.boot(BoxSpec("copy", layer=idle))
    assert await _say(copy, "cat /new ~/mine; ls /marker 2>/dev/null || echo gone") == "new\nx\ngone"
    null = os.open(os.devnull, os.O_RDWR)
    await copy.spawn(Command(["sleep", "600"], copy.environment, null, null, null))
    os.close(null)
    await _say(copy, "echo busy >/new")
    busy = await copy.freeze()
    assert await _say(await engine.boot(BoxSpec("third", layer=busy)), "cat /new") == "busy"


async def test_a_box_on_an_image_is_suspended_and_resumed(inside: Box) -> None:
    await _say(inside, "echo kept >/kept; echo r >/run/state")
    await inside.suspend()
    await inside.resume()
    assert await _say(inside, "cat /kept /marker /run/state") == "kept\nof the image\nr"


async def test_a_long_chain_on_an_image_keeps_every_state(engine: SandboxEngine, inside: Box) -> None:
    layers = []
    for number in range(20):
        await _say(inside, f"echo {number} >/number; rm -f /marker")
        layers.append(await inside.freeze())
    assert engine.layers._merge is not None
    await asyncio.wait([engine.layers._merge])
    for number in (0, 16, 19):
        copy = await engine.boot(BoxSpec(f"copy{number}", layer=layers[number]))
        assert await _say(copy, "cat /number; ls /marker 2>/dev/null || echo gone") == f"{number}\ngone"


async def test_an_image_goes_when_nothing_stands_on_it(engine: SandboxEngine, image: str) -> None:
    box = await engine.boot(BoxSpec("box", layer=image))
    assert await engine.layers.size(image) > 100_000
    upper = await box.freeze()
    await engine.layers.delete(image)
    assert not engine.layers.exists(image)
    await box.destroy()
    assert await _say(await engine.boot(BoxSpec("late", layer=upper)), "cat /marker") == "of the image"
    for living in list(engine._boxes):
        await living.destroy()
    await engine.layers.delete(upper)
    assert image not in _layers(engine)


# What an archive may hold


async def test_modes_links_and_times_are_kept_and_devices_left_out(
    engine: SandboxEngine, small: bytes
) -> None:
    stream = io.BytesIO(small)
    with tarfile.open(fileobj=stream, mode="a", format=tarfile.PAX_FORMAT) as archive:
        for member in (
            _member("d/shut", tarfile.DIRTYPE, mode=0, mtime=5),
            _member("d/file", mode=0o4755, uid=33, gid=44, mtime=7),
            _member("d/hard", tarfile.LNKTYPE, linkname="d/file"),
            _member("d/soft", tarfile.SYMTYPE, linkname="/marker"),
            _member("d/null", tarfile.CHRTYPE, devmajor=0, devminor=0),
            _member("d/fifo", tarfile.FIFOTYPE, mode=0o600),
            _member("d/marked", pax_headers={"SCHILY.xattr.user.overlay.opaque": "y"}),
            _member("dev/evil"),
            _member("etc/resolv.conf", tarfile.SYMTYPE, linkname="/nowhere"),
            _member(".dockerenv"),
        ):
            archive.addfile(member)
    layer = await engine.layers.import_root(_writes(stream.getvalue()))
    box = await engine.boot(BoxSpec("box", layer=layer))
    root = os.geteuid() == 0
    assert (await _say(box, "cd /d; stat -c '%n %a %h %Y' file hard; stat -c '%a %Y' shut")) == (
        "file {0} 2 7\nhard {0} 2 7\n0 5".format("4755" if root else "755")
    )
    assert await _say(box, "stat -c %u:%g /d/file") == ("33:44" if root else "0:0")
    assert await _say(box, "cat /d/soft; ls /d; cat /etc/resolv.conf >/dev/null") == (
        "of the image\nfifo\nfile\nhard\nmarked\nshut\nsoft"
    )
    assert await _say(box, "ls /dev/evil /.dockerenv 2>/dev/null || echo none") == "none"
    path = engine.layers.directories(layer)[0] / "root/d/marked"
    assert os.listxattr(path) == []


@pytest.mark.parametrize(
    "members",
    [
        [_member("../out")],
        [_member("/absolute")],
        [_member("a/../../out")],
        [_member("link", tarfile.SYMTYPE, linkname="/"), _member("link/out")],
        [_member("link", tarfile.SYMTYPE, linkname=".."), _member("link/a/out", tarfile.DIRTYPE)],
        [_member("d/in"), _member("d", tarfile.SYMTYPE, linkname="/")],
        [_member("hard", tarfile.LNKTYPE, linkname="../../meta.json")],
        [_member("hard", tarfile.LNKTYPE, linkname="missing")],
        [_member("l", tarfile.SYMTYPE, linkname="/etc"), _member("h", tarfile.LNKTYPE, linkname="l/passwd")],
        [_member("d/in"), _member("h", tarfile.LNKTYPE, linkname="d")],
    ],
)
async def test_an_archive_that_leads_out_of_its_root_is_refused(
    engine: SandboxEngine, members: list[tarfile.TarInfo]
) -> None:
    with pytest.raises(EngineError, match="refused"):
        await engine.layers.import_root(_writes(_tar(*members)))
    assert _layers(engine) == []


@pytest.mark.parametrize(
    "archive", [b"", b"no archive at all" * 100, _tar((_member("f"), b"x" * 4000))[:1500]]
)
async def test_what_is_no_whole_archive_is_refused(engine: SandboxEngine, archive: bytes) -> None:
    with pytest.raises(EngineError, match="refused"):
        await engine.layers.import_root(_writes(archive))
    assert _layers(engine) == []


async def test_a_writer_that_fails_leaves_no_layer(engine: SandboxEngine, small: bytes) -> None:
    async def write(descriptor: int) -> None:
        await _writes(small[:20480])(descriptor)
        raise LookupError("the writer died")

    with pytest.raises(LookupError, match="the writer died"):
        await engine.layers.import_root(write)
    assert _layers(engine) == []
    assert [path.name for path in engine._session.directory.iterdir() if path.is_dir()] == ["boxes"]


async def test_a_cancelled_import_leaves_no_layer_and_no_helper(engine: SandboxEngine, small: bytes) -> None:
    begun = asyncio.Event()

    async def write(descriptor: int) -> None:
        await _writes(small[:20480])(descriptor)
        begun.set()
        await asyncio.Event().wait()

    importing = asyncio.create_task(engine.layers.import_root(write))
    await begun.wait()
    importing.cancel()
    await asyncio.wait([importing])
    assert importing.cancelled()
    assert _layers(engine) == []


async def test_a_full_disk_leaves_no_layer(engine: SandboxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "run", refuse)
    with pytest.raises(EngineError, match="No space left"):
        await engine.layers.import_root(_writes(b"x" * 1_000_000))
    assert _layers(engine) == []


async def test_a_tier_without_a_root_of_its_own_says_so(tmp_path: Path, small: bytes) -> None:
    plain = await SandboxEngine.open(Tier(), tmp_path / "state")
    try:
        with pytest.raises(CapabilityError, match="own-root"):
            await plain.layers.import_root(_writes(small))
    finally:
        await plain.close()


@pytest_asyncio.fixture(autouse=True)
async def _no_layers_left(engine: SandboxEngine) -> AsyncIterator[None]:
    """The state directory is the session's: begin and end without layers."""
    yield
    for box in list(engine._boxes):
        await box.destroy()
    for layer in _layers(engine):
        await engine.layers.delete(layer)
