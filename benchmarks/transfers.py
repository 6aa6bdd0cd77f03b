"""100 MB out of a command, up and down: memory stays flat everywhere, and time is near a plain socket's."""

from __future__ import annotations

import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_runloop import Runloop

from .figures import Figure
from .local import backend, peak_kib

SIZE = 100_000_000
ROUNDS = 7
_PIECE = 1 << 20


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
        *_speeds(),
    ]


def _speeds() -> list[Figure]:
    """Measure in turn, so that noise hits all alike."""
    with backend() as running, running.client() as client, tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder, "source"), Path(folder, "copy")
        source.write_bytes(bytes(SIZE))
        with client.devbox.create() as devbox:
            ways: dict[str, Callable[[], object]] = {
                "plain": lambda: _copied(source, copy),
                "up": lambda: devbox.file.upload(path="big", file=source),
                "down": lambda: devbox.file.download(path="big", to=copy),
            }
            taken: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(ROUNDS):
                devbox.cmd.exec("rm -f big")
                for way, action in ways.items():
                    # All write a new file: what is overwritten may have to reach the disk first.
                    copy.unlink(missing_ok=True)
                    began = time.perf_counter()
                    action()
                    taken[way].append(time.perf_counter() - began)
    least = {way: min(seconds) for way, seconds in taken.items()}
    return [_speed(f"100 MB {way}", least["plain"], least[way]) for way in ("up", "down")]


def _copied(source: Path, target: Path) -> None:
    """Copy a file through a socket of the loopback interface: one process reads and sends, one writes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = multiprocessing.get_context("fork").Process(
            target=_send, args=(source, listener.getsockname())
        )
        sender.start()
        connection, _ = listener.accept()
        with connection, target.open("wb") as file:
            while piece := connection.recv(_PIECE):
                file.write(piece)
        sender.join()
    assert target.stat().st_size == SIZE


def _send(source: Path, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection, source.open("rb") as file:
        while piece := file.read(_PIECE):
            connection.sendall(piece)


def _speed(what: str, plain: float, taken: float) -> Figure:
    what = f"{what}: speed, against a file's way through a socket"
    detail = f"{SIZE / taken / 1e6:,.0f} MB/s against {SIZE / plain / 1e6:,.0f} MB/s; most of {ROUNDS}"
    return Figure(what, plain / taken, "x", 0.5, detail, at_least=True)


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
