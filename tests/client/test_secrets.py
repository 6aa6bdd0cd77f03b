"""The API key and the values of secrets are nowhere to be read."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_runloop import AsyncRunloop, Runloop
from pytest_runloop.client.secret import Secret

from .loopback import Exchange, serving

KEY = "ak_never_to_be_seen"

SUITE = """
import os
import pytest
from pytest_runloop import AsyncRunloop, Runloop
import asyncio

def make():
    return Runloop(os.environ["URL"], open("key").read(), max_retries=0)

def test_refused():
    runloop = make()
    runloop.devbox.from_id("dbx_1").cmd.exec("true")

def test_unreachable():
    runloop = Runloop("http://127.0.0.1:1", open("key").read(), max_retries=0)
    runloop.devbox.from_id("dbx_1").get_info()

def test_upload():
    make().devbox.from_id("dbx_1").file.upload(path="x", file=b"content")

def test_async():
    async def main():
        await AsyncRunloop(os.environ["URL"], open("key").read(), max_retries=0).devbox.create()
    asyncio.run(main())

def test_construction():
    Runloop("nonsense", open("key").read())

def test_secret():
    make().secret.create("NAME", open("key").read())

def test_secret_update():
    runloop = Runloop("http://127.0.0.1:1", "other", max_retries=0)
    runloop.secret.from_name("NAME").update(open("key").read())

def test_secret_by_id():
    runloop = Runloop("http://127.0.0.1:1", "other", max_retries=0)
    runloop.secret.from_id("sec_1").update(open("key").read(), nonsense=1)

def test_async_secret():
    async def main():
        runloop = AsyncRunloop(os.environ["URL"], "other", max_retries=0)
        await runloop.secret.update("NAME", open("key").read())
    asyncio.run(main())
"""


def refuse(exchange: Exchange) -> None:
    """Break off, or answer that the key is wrong."""
    body = b'{"error": "unauthorized", "message": "wrong key"}'
    exchange.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_reprs_do_not_show_the_key() -> None:
    for client in (Runloop("http://api.test", KEY), AsyncRunloop("http://api.test", KEY)):
        shown = f"{client!r} {client} {vars(client)} {client._transport.settings!r} {vars(client._transport)}"
        assert KEY not in shown
        assert "***" in shown
    assert KEY not in f"{Secret(KEY)} {Secret(KEY)!r}"


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy])
def test_a_key_is_not_serialized(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret(KEY))  # type: ignore[operator]


def test_a_failing_suite_shows_its_own_line_last_and_no_key_even_with_all_locals(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "key").write_text(KEY)
    with serving(refuse) as url:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--showlocals",
            "-vv",
            "test_suite.py",
        ]
        plain = [name for name in ("runloop", "xdist", "rerunfailures") for name in ("-p", f"no:{name}")]
        done = subprocess.run(
            [*command, *plain],
            cwd=tmp_path,
            env={**os.environ, "URL": url},
            capture_output=True,
            text=True,
            timeout=110,
        )
    assert "9 failed" in done.stdout
    assert KEY not in done.stdout + done.stderr
    for line in (
        'cmd.exec("true")',
        ".get_info()",
        'file=b"content")',
        ".devbox.create()",
        'Runloop("nonsense"',
        'secret.create("NAME"',
    ):
        assert line in done.stdout
    assert "_transport" not in done.stdout.replace("_sync/transport", "")
    assert "pytest_runloop/client" not in done.stdout


def test_a_whole_traceback_shows_no_key_either(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "key").write_text(KEY)
    with serving(lambda exchange: exchange.cut()) as url:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--full-trace",
            "--showlocals",
            "-vv",
        ]
        plain = ["-p", "no:runloop", "test_suite.py"]
        done = subprocess.run(
            [*command, *plain],
            cwd=tmp_path,
            env={**os.environ, "URL": url},
            capture_output=True,
            text=True,
            timeout=110,
        )
    assert "9 failed" in done.stdout
    assert KEY not in done.stdout + done.stderr
