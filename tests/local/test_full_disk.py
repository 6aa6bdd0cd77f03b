"""A full disk: every call that needs room says so, nothing is half written, and the server lives on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pytest_runloop.local.records import Records, SnapshotRecord
from pytest_runloop.local.store import Store

from ..plugin.waiting import until
from .box import Box, ok, refused
from .running import PATIENCE, server

_MIB = 1 << 20


class Disk:
    """A small file system.

    :param place: where it is mounted.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self, spare: int = 0) -> None:
        """Write until nothing fits any more.

        :param spare: bytes to leave.
        """
        with self._filler.open("ab", buffering=0) as file:
            for size in (_MIB, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue
        os.truncate(self._filler, self._filler.stat().st_size // 4096 * 4096 - spare)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 64 MiB in memory."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "none", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield Disk(place)
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def crowded(disk: Disk) -> Iterator[httpx.Client]:
    """A client of a server whose state lies on the small file system."""
    with server(disk.place / "state") as running, running.client() as client:
        trash = disk.place / "state/trash"  # What is deleted in the background would make room again.
        until(lambda: not any(trash.iterdir()), "the trash is empty")
        yield client
        disk.free()  # The server ends in order.


def _layers(disk: Disk) -> int:
    return len([path for path in (disk.place / "state/layers").iterdir() if path.is_dir()])


def _drafts(disk: Disk) -> list[str]:
    return [path.name for path in (disk.place / "state").rglob("*.part")]


def test_writing_says_what_is_full_and_keeps_the_old_file(crowded: httpx.Client, disk: Disk) -> None:
    box = Box.create(crowded)
    ok(box.write("kept", "old"))
    disk.fill()
    words = (str(disk.place / "state"), "0.0 MiB of 64.0 MiB free", "delete", "RUNLOOP_STATE_DIR")
    refused(box.write("kept", "n" * 100_000), 507, "disk_full", "kept (100,000 bytes)", *words)
    uploaded = crowded.post(
        f"/v1/devboxes/{box.id}/upload_file", data={"path": "up"}, files={"file": b"u" * 100_000}
    )
    refused(uploaded, 507, "disk_full", "up", *words)
    assert uploaded.headers["x-should-retry"] == "false"
    assert box.read("kept").text == "old"
    assert box.text("ls") == "kept\n"
    assert _drafts(disk) == []
    disk.free()
    ok(box.write("kept", "new"))
    assert box.read("kept").text == "new"
    box.end()


def test_an_object_larger_than_the_disk_is_refused_and_leaves_nothing(
    crowded: httpx.Client, disk: Disk
) -> None:
    view = ok(crowded.post("/v1/objects", json={"name": "huge", "content_type": "binary"}))
    # With a size, and without: then it is found out on the way.
    for content in (bytes(65 * _MIB), iter([bytes(_MIB)] * 65)):
        refused(
            httpx.put(view["upload_url"], content=content, timeout=PATIENCE), 507, "disk_full", view["id"]
        )
    refused(crowded.post(f"/v1/objects/{view['id']}/complete"), 400, "invalid_request", "no content")
    assert os.statvfs(disk.place).f_bavail * 4096 > 50 * _MIB
    assert httpx.put(view["upload_url"], content=b"small").status_code == 200
    assert ok(crowded.post(f"/v1/objects/{view['id']}/complete"))["size_bytes"] == 5


def test_a_devbox_that_cannot_be_made_fails_for_that(crowded: httpx.Client, disk: Disk) -> None:
    disk.fill()
    box = Box.create(crowded)
    assert (box.view()["status"], box.view()["failure_reason"]) == ("failure", "out_of_disk")
    (line,) = [line for line in box.logs() if line["level"] == "error"]
    assert str(disk.place / "state") in line["message"]
    disk.free()
    box = Box.create(crowded)
    assert box.text("echo on") == "on\n"
    box.end()


def test_output_that_cannot_be_kept_is_said_to_be_cut(crowded: httpx.Client, disk: Disk) -> None:
    box = Box.create(crowded)
    disk.fill()
    view = box.run("seq 100000")
    assert (view["exit_status"], view["stdout_truncated"]) == (0, True)
    lost = [line for line in box.logs(execution_id=view["execution_id"]) if line["level"] == "warn"]
    assert "could not be kept: No space left" in lost[0]["message"]
    disk.free()
    assert box.text("seq 3") == "1\n2\n3\n"
    assert box.run(
        "seq 100000",
    )["stdout"].endswith("100000\n")
    box.end()


def test_a_snapshot_that_does_not_fit_leaves_no_layer(crowded: httpx.Client, disk: Disk) -> None:
    box = Box.create(crowded)
    box.text("head -c 8M /dev/urandom >file")
    busy = box.begin("sleep 600")  # Its disk is copied, since it cannot be rebooted.
    disk.fill(spare=_MIB)
    answer = box.post("snapshot_disk", timeout=PATIENCE)
    assert answer.status_code in (500, 507), answer.text
    assert str(disk.place / "state") in answer.json()["message"]
    assert _layers(disk) == 0
    disk.fill()
    refused(box.post("snapshot_disk_async"), 507, "disk_full", str(disk.place / "state"))
    disk.free()
    assert box.text("stat -c %s file") == f"{8 * _MIB}\n"
    ok(box.post("snapshot_disk", timeout=PATIENCE))
    assert _layers(disk) == 1
    ok(box.post(f"executions/{busy}/kill", {}))
    box.end()


def test_a_build_that_does_not_fit_fails_for_that(crowded: httpx.Client, disk: Disk) -> None:
    disk.fill(spare=4 * _MIB)
    text = "FROM x\nRUN head -c 1M /dev/zero >/home/user/one\nRUN head -c 32M /dev/zero >/home/user/two\n"
    made = ok(crowded.post("/v1/blueprints", json={"name": "b", "dockerfile": text}))
    while (view := ok(crowded.get(f"/v1/blueprints/{made['id']}")))["status"] in ("provisioning", "building"):
        pass
    assert view["status"] == "failed"
    disk.free()
    again = ok(crowded.post("/v1/blueprints", json={"name": "b", "dockerfile": text}))
    while (view := ok(crowded.get(f"/v1/blueprints/{again['id']}")))["status"] != "build_complete":
        assert view["status"] != "failed", ok(crowded.get(f"/v1/blueprints/{again['id']}/logs"))


def _record(name: str) -> SnapshotRecord:
    view = {"id": "snp_1", "create_time_ms": 1, "source_devbox_id": "dbx_1", "name": name}
    return SnapshotRecord.model_validate({"view": view, "tier": "t", "server": "s"})


def test_what_must_not_be_lost_is_held_until_there_is_room(disk: Disk) -> None:
    store = Store(disk.place / "backend.sqlite3")
    snapshots = Records(store).snapshots
    snapshots.put(_record("first"))
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        snapshots.put(_record("second" * 100_000))
    with snapshots.changing("snp_1") as record:
        record.view.name = "held" * 1000
    assert [one.view.name for one in snapshots.all()] == ["held" * 1000]
    disk.free()
    store.close()
    store = Store(disk.place / "backend.sqlite3")
    snapshots = Records(store).snapshots
    assert [one.view.name for one in snapshots.all()] == ["held" * 1000]
    disk.fill()
    snapshots.delete("snp_1")
    assert (snapshots.get("snp_1"), snapshots.all()) == (None, [])
    disk.free()
    store.close()
