"""What needs no devbox asks nobody for anything."""

from __future__ import annotations

import pytest

from .suite import Suite

WATCH = """
    import socket, sys, subprocess, os

    def refuse(event, arguments):
        if event in ("socket.connect", "os.posix_spawn", "subprocess.Popen"):
            os.write(2, f"FORBIDDEN {event} {arguments}\\n".encode())
            os._exit(99)

    sys.addaudithook(refuse)

    def pytest_unconfigure():
        heavy = {"httpx", "pydantic", "starlette", "uvicorn", "filelock"} & set(sys.modules)
        rooms = ("pytest_runloop.client.", "pytest_runloop.contract", "pytest_runloop.local")
        ours = [name for name in sys.modules if name.startswith(rooms)]
        if heavy or ours:
            os.write(2, f"FORBIDDEN {heavy} {ours}\\n".encode())
            os._exit(98)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--markers"],
        ["--fixtures"],
        ["--collect-only"],
        ["--setup-plan"],
        ["-k", "unused"],
    ],
)
def test_it_imports_nothing_heavy_and_contacts_nobody(suite: Suite, arguments: list[str]) -> None:
    suite.pytester.makeconftest(WATCH)
    suite.write(
        "def test_used(devbox, async_devbox, session_devbox, devbox_factory): pass\ndef test_unused(): pass\n"
    )
    suite.environment["RUNLOOP_API_KEY"] = "ak_never_used"
    result = suite.run(*arguments, "--runloop-base-url=http://127.0.0.1:9")
    assert result.ret == pytest.ExitCode.OK, result.stderr.str()
    assert list(suite.state.iterdir()) == []
