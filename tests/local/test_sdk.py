"""The official SDK as a client, sync and async."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import runloop_api_client as sdk
from runloop_api_client.lib.polling import PollingConfig

from .openssh import need
from .running import PATIENCE, Server

QUICK = PollingConfig(interval_seconds=0.02, max_attempts=3000)


@pytest.fixture(scope="module")
def runloop(backend: Server) -> Iterator[sdk.RunloopSDK]:
    with sdk.RunloopSDK(bearer_token=backend.api_key, base_url=backend.base_url) as client:
        yield client


@pytest_asyncio.fixture
async def async_runloop(backend: Server) -> AsyncIterator[sdk.AsyncRunloopSDK]:
    async with sdk.AsyncRunloopSDK(bearer_token=backend.api_key, base_url=backend.base_url) as client:
        yield client


def test_a_devbox_from_creation_to_shutdown(runloop: sdk.RunloopSDK, tmp_path: Path) -> None:
    with runloop.devbox.create(name="sdk", metadata={"a": "b"}, environment_variables={"X": "y"}) as devbox:
        info = devbox.get_info()
        assert (info.status, info.name, info.metadata) == ("running", "sdk", {"a": "b"})
        assert devbox.id in [item.id for item in runloop.devbox.list(limit=5000)]
        result = devbox.cmd.exec("echo $X; echo err >&2; exit 4")
        assert (result.exit_code, result.success) == (4, False)
        assert (result.stdout(), result.stderr()) == ("y\n", "err\n")
        devbox.file.write(file_path="dir/f", contents="text €\n")
        assert devbox.file.read(file_path="dir/f") == "text €\n"
        (tmp_path / "up").write_bytes(bytes(range(256)))
        devbox.file.upload(path="~/up", file=tmp_path / "up")
        assert devbox.file.download(path="~/up") == bytes(range(256))
        devbox.file.upload(path="~/up2", file=("name", io.BytesIO(b"from a stream")))
        assert devbox.file.read(file_path="up2") == "from a stream"
        devbox.keep_alive()
        assert any(line.cmd == "echo $X; echo err >&2; exit 4" for line in devbox.logs().logs)
    assert devbox.get_info().status == "shutdown"


def test_output_is_streamed_and_long_output_is_whole(runloop: sdk.RunloopSDK) -> None:
    with runloop.devbox.create() as devbox:
        chunks: list[str] = []
        errors: list[str] = []
        result = devbox.cmd.exec(
            "seq 3; sleep 0.1; seq 4 5; echo e >&2", stdout=chunks.append, stderr=errors.append
        )
        assert "".join(chunks) == result.stdout() == "1\n2\n3\n4\n5\n"
        assert errors == ["e\n"]
        result = devbox.cmd.exec("seq 1000")
        assert result.stdout() == "".join(f"{number}\n" for number in range(1, 1001))
        assert result.stdout(num_lines=2) == "999\n1000"


def test_stdin_and_kill(runloop: sdk.RunloopSDK) -> None:
    with runloop.devbox.create() as devbox:
        execution = devbox.cmd.exec_async("cat", attach_stdin=True)
        execution.send_std_in("first\n")
        execution.send_std_in("second\n")
        execution.close_std_in()
        result = execution.result()
        assert (result.exit_code, result.stdout()) == (0, "first\nsecond\n")
        execution = devbox.cmd.exec_async("sleep 600")
        assert execution.get_state().status == "running"
        execution.kill()
        assert execution.result().exit_code == 137


def test_snapshots_and_suspension(runloop: sdk.RunloopSDK) -> None:
    with runloop.devbox.create() as devbox:
        devbox.file.write(file_path="kept", contents="1")
        snapshot = devbox.snapshot_disk(name="sdk", metadata={"k": "v"}, polling_config=QUICK)
        assert snapshot.get_info().status == "complete"
        assert snapshot.id in [item.id for item in runloop.snapshot.list(devbox_id=devbox.id)]
        snapshot.update(name="renamed")
        with snapshot.create_devbox() as copy:
            assert copy.file.read(file_path="kept") == "1"
        devbox.suspend(polling_config=QUICK)
        assert devbox.get_info().status == "suspended"
        devbox.resume(polling_config=QUICK)
        assert devbox.get_info().status == "running"
        assert devbox.file.read(file_path="kept") == "1"
        snapshot.delete()
        assert snapshot.get_info().status == "deleted"


def test_a_tunnel_from_its_beginning_to_its_end(runloop: sdk.RunloopSDK, backend: Server) -> None:
    with runloop.devbox.create(tunnel={"auth_mode": "open"}) as devbox:
        tunnel = devbox.get_tunnel()
        assert tunnel is not None
        assert (tunnel.auth_mode, tunnel.auth_token) == ("open", None)
        url = devbox.get_tunnel_url(8000)
        assert url == f"https://8000-{tunnel.tunnel_key}.tunnel.127.0.0.1"
        # Nobody can call that here; the host name in it is understood, though.
        hall = urlsplit(str(tunnel.model_extra["url_template"] if tunnel.model_extra else "")).port
        answer = httpx.get(f"http://127.0.0.1:{hall}", headers={"host": url.removeprefix("https://")})
        assert (answer.status_code, devbox.id in answer.text) == (502, True)
        devbox.net.remove_tunnel()
        assert devbox.get_tunnel() is None
        assert devbox.get_tunnel_url(8000) is None
        tunnel = devbox.net.enable_tunnel(auth_mode="authenticated", wake_on_http=True)
        assert tunnel.auth_token
        assert tunnel.wake_on_http
        with pytest.raises(sdk.BadRequestError, match="has a tunnel already"):
            devbox.net.enable_tunnel()


def test_blueprints(runloop: sdk.RunloopSDK) -> None:
    blueprint = runloop.blueprint.create(
        name="sdk-blueprint",
        system_setup_commands=["echo built > result"],
        file_mounts={"mounted": "m"},
        polling_config=QUICK,
    )
    assert blueprint.get_info().status == "build_complete"
    assert any("echo built" in line.message for line in blueprint.logs().logs)
    by_name = runloop.devbox.create_from_blueprint_name("sdk-blueprint")
    for made in (blueprint.create_devbox(), by_name):
        with made as devbox:
            assert devbox.cmd.exec("cat result mounted").stdout() == "built\nm"
    blueprint.delete()


def test_secrets(runloop: sdk.RunloopSDK) -> None:
    secret = runloop.secret.create("SDK_SECRET", "value")
    assert (secret.name, secret.get_info().id) == ("SDK_SECRET", secret.id)
    assert "SDK_SECRET" in [item.name for item in runloop.secret.list()]
    secret.update("newer")
    with runloop.devbox.create(secrets={"TOKEN": "SDK_SECRET"}) as devbox:
        assert devbox.cmd.exec("printenv TOKEN").stdout() == "newer\n"
    assert secret.id is not None
    exact = runloop.secret.from_id(secret.id)
    assert exact.get_info().name == "SDK_SECRET"
    exact.update("newest")
    assert exact.delete().id == secret.id
    for gone in (secret, exact):
        with pytest.raises(sdk.NotFoundError):
            gone.get_info()
    with pytest.raises(sdk.BadRequestError, match="SDK_SECRET"):
        runloop.devbox.create(secrets={"TOKEN": "SDK_SECRET"})


def test_an_ssh_key_opens_the_devbox(runloop: sdk.RunloopSDK, tmp_path: Path) -> None:
    need("sshd", "ssh", "ssh-keygen")
    with runloop.devbox.create() as devbox:
        try:
            key = devbox.net.create_ssh_key()
        except sdk.BadRequestError as error:
            if "capability_missing" not in str(error):
                raise
            pytest.skip(str(error))
        identity = tmp_path / "key"
        identity.write_text(key.ssh_private_key)
        identity.chmod(0o600)
        extra = key.model_extra or {}
        (tmp_path / "known").write_text(f"[{key.url}]:{extra['port']} {extra['host_key']}\n")
        command = [
            "ssh",
            "-F",
            "none",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            f"UserKnownHostsFile={tmp_path}/known",
        ]
        command += ["-i", str(identity), "-p", str(extra["port"]), f"{key.ssh_user}@{key.url}", "echo in"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert (key.id, done.stdout, done.returncode) == (devbox.id, "in\n", 0), done.stderr


def test_storage_objects(runloop: sdk.RunloopSDK, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("in a file")
    made = {
        "text €": runloop.storage_object.upload_from_text("text €", name="sdk-text", metadata={"k": "v"}),
        "\x00": runloop.storage_object.upload_from_bytes(
            b"\x00", name="sdk-bytes", content_type="binary", ttl=timedelta(hours=1)
        ),
        "in a file": runloop.storage_object.upload_from_file(tmp_path / "notes.md"),
    }
    for text, item in made.items():
        view = item.refresh()
        assert (view.state, view.size_bytes) == ("READ_ONLY", len(text.encode()))
        assert item.download_as_text() == text
        assert item.download_as_bytes(duration_seconds=60) == text.encode()
        assert item.id in [one.id for one in runloop.storage_object.list(limit=5000, name=view.name)]
        assert item.delete().state == "DELETED"
    directory = runloop.storage_object.upload_from_dir(tmp_path)
    assert directory.refresh().content_type == "tgz"
    with pytest.raises(sdk.BadRequestError, match="deleted"):
        item.get_download_url()


def test_a_blueprint_from_a_directory_and_an_object_in_its_devbox(
    runloop: sdk.RunloopSDK, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.sh").write_text("echo built; cat ~/data/numbers")
    (tmp_path / "numbers").write_text("1 2 3\n")
    context = runloop.storage_object.upload_from_dir(tmp_path, ignore=_without_numbers)
    blueprint = runloop.blueprint.create(
        name="sdk-context",
        dockerfile="FROM debian\nCOPY . /home/user/context\n",
        build_context=context.as_build_context(),
        polling_config=QUICK,
    )
    data = runloop.storage_object.upload_from_file(tmp_path / "numbers")
    with blueprint.create_devbox(
        mounts=[{"type": "object_mount", "object_id": data.id, "object_path": "data/numbers"}]
    ) as devbox:
        result = devbox.cmd.exec("sh context/app/main.sh; ls context")
        assert result.stdout() == "built\n1 2 3\napp\n"
    blueprint.delete()
    with pytest.raises(sdk.BadRequestError, match="obj_none"):
        runloop.blueprint.create(name="x", build_context={"type": "object", "object_id": "obj_none"})


def _without_numbers(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name == "numbers" else member


def test_errors_are_the_sdk_s_own(runloop: sdk.RunloopSDK, backend: Server) -> None:
    with pytest.raises(sdk.NotFoundError, match="dbx_none"):
        runloop.api.devboxes.retrieve("dbx_none")
    with pytest.raises(sdk.BadRequestError, match="no-such-blueprint"):
        runloop.devbox.create_from_blueprint_name("no-such-blueprint")
    with (
        sdk.Runloop(bearer_token="wrong", base_url=backend.base_url) as stranger,
        pytest.raises(sdk.AuthenticationError, match="key"),
    ):
        stranger.devboxes.list()
    with runloop.devbox.create() as devbox, pytest.raises(sdk.NotFoundError, match="no such file"):
        devbox.file.read(file_path="none")


@pytest.mark.asyncio
async def test_the_async_sdk_does_the_same(async_runloop: sdk.AsyncRunloopSDK) -> None:
    async with await async_runloop.devbox.create(name="async") as devbox:
        chunks: list[str] = []
        result = await devbox.cmd.exec("echo out; echo err >&2", output=chunks.append)
        assert await result.stdout() == "out\n"
        assert sorted(chunks) == ["err\n", "out\n"]
        await devbox.file.write(file_path="f", contents="x")
        await devbox.file.upload(path="g", file=b"\x00\xff")
        assert await devbox.file.read(file_path="f") == "x"
        assert await devbox.file.download(path="g") == b"\x00\xff"
        snapshot = await devbox.snapshot_disk(polling_config=QUICK)
        async with await snapshot.create_devbox() as copy:
            assert await copy.file.read(file_path="f") == "x"
        await devbox.suspend()
        await devbox.await_suspended(polling_config=QUICK)
        await devbox.resume(polling_config=QUICK)
        execution = await devbox.cmd.exec_async("cat", attach_stdin=True)
        await execution.send_std_in("in")
        await execution.close_std_in()
        assert await (await execution.result()).stdout() == "in"
        assert devbox.id in [item.id for item in await async_runloop.devbox.list(limit=5000)]
    stored = await async_runloop.storage_object.upload_from_text("stored", name="async")
    assert await stored.download_as_text() == "stored"
    assert (await devbox.get_info()).status == "shutdown"
