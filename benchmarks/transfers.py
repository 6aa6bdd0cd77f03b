"""100 MB out of a command, up and down: memory must stay flat in every process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pytest_runloop import Runloop

from .figures import Figure
from .local import backend, peak_kib

SIZE = 100_000_000


def measure() -> list[Figure]:
    """Measure by how much the largest process of both sides grows while 100 MB travel."""
    with backend() as running, running.client() as client, tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        with source.open("wb") as file:
            file.truncate(SIZE)
        with client.devbox.create() as devbox:
            devbox.cmd.exec("true")
            devbox.file.write(file_path="warm", contents="up")
            before = running.peak_kib(), peak_kib()
            devbox.file.upload(path="big", file=source)
            uploaded = running.peak_kib(), peak_kib()
            devbox.file.download(path="big", to=Path(folder, "copy"))
            downloaded = running.peak_kib(), peak_kib()
            assert Path(folder, "copy").stat().st_size == SIZE
            _stream(client, devbox.id)
            streamed = running.peak_kib(), peak_kib()
    return [
        _growth("100 MB up", before, uploaded),
        _growth("100 MB down", uploaded, downloaded),
        _growth("100 MB out of a command", downloaded, streamed),
    ]


def _stream(client: Runloop, devbox_id: str) -> None:
    received = 0

    def count(chunk: str) -> None:
        nonlocal received
        received += len(chunk)

    client.devbox.from_id(devbox_id).cmd.exec(f"yes 0123456 | head -c {SIZE}", stdout=count).check()
    assert received == SIZE


def _growth(what: str, before: tuple[int, int], after: tuple[int, int]) -> Figure:
    server, client = ((later - sooner) / 1024 for sooner, later in zip(before, after, strict=True))
    detail = f"server side +{server:.0f} MiB, client +{client:.0f} MiB at the peak"
    return Figure(f"{what}: growth of the largest process", max(server, client), "MiB", 16, detail)
