"""What lies outside of devboxes with a network of their own: this machine's other addresses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest


def address_outside() -> str:
    """Return an address of this machine that is not of its loopback, or skip."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its loopback's")
        host: str = probe.getsockname()[0]
        return host


@contextlib.contextmanager
def serving(host: str, greeting: bytes) -> Iterator[int]:
    """Serve a greeting at an address of this machine, and give the port."""
    with socket.create_server((host, 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
