"""What of this machine boxes with a network of their own reach, and what happens where they have none."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_runloop.local.engine import loopback, remedies
from pytest_runloop.local.engine.destinations import parse
from tests.support import own_network
from tests.support.children import PROJECT, run_child

_LISTENED_TO = """
import asyncio, json, sys
from pathlib import Path
from pytest_runloop.local.engine import seccomp
from pytest_runloop.local.engine.select import open_engine
seccomp.install_with_listener([seccomp.give(seccomp.ALLOW)])
async def main():
    engine = await open_engine("namespace", Path(sys.argv[1]))
    await engine.close()
    return engine
engine = asyncio.run(main())
print(json.dumps([sorted(engine.capabilities), engine.notes]))
"""


def _address(host: str, port: int) -> bytes:
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host)
        return struct.pack("=H2s4x16s4x", socket.AF_INET6, port.to_bytes(2, "big"), packed)
    return struct.pack("=H2s4s8x", socket.AF_INET, port.to_bytes(2, "big"), socket.inet_aton(host))


@pytest.mark.parametrize(
    ("host", "out"),
    [
        ("127.0.0.1", False), ("127.9.9.9", False), ("0.0.0.0", False), ("::1", False), ("::", False),
        ("::ffff:127.0.0.1", False), ("::ffff:0.0.0.0", False), ("224.0.0.251", False), ("ff02::fb", False),
        ("255.255.255.255", False), ("198.51.100.7", True), ("10.0.0.1", True), ("2001:db8::1", True),
        ("::ffff:198.51.100.7", True), ("fe80::1", True),
    ],
)  # fmt: skip
def test_loopback_and_groups_stay_inside_and_all_else_leads_out(host: str, out: bool) -> None:
    destination = parse(_address(host, 80))
    assert destination is not None
    assert destination.leads_out(()) is out


def test_one_port_of_the_loopback_leads_out_where_it_may_be_reached() -> None:
    reachable = {(socket.inet_aton("127.0.0.53"), 53)}
    found = [parse(_address("127.0.0.53", port)) for port in (53, 54)]
    assert [destination and destination.leads_out(reachable) for destination in found] == [True, False]
    mapped = parse(_address("::ffff:127.0.0.53", 53))
    assert mapped is not None
    assert mapped.leads_out(reachable)


@pytest.mark.parametrize("raw", [b"", b"\1", b"\1\0/run/x", b"\2\0\0\x50", b"\x0a\0\0\x50abc"])
def test_what_is_no_internet_address_is_none_of_our_business(raw: bytes) -> None:
    assert parse(raw) is None


def test_dns_servers_and_proxies_on_the_loopback_may_be_reached(tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("search x\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\nnameserver\n")
    environment = {
        "http_proxy": "http://127.0.0.1:3128", "HTTPS_PROXY": "user:word@localhost:8443",
        "all_proxy": "socks5h://127.0.0.2", "ftp_proxy": "http://proxy.example:1", "no_proxy": "127.0.0.1:9",
        "Http_Proxy": "http://127.0.0.1:port",
    }  # fmt: skip
    assert loopback.services(environment, resolver) == [
        ("127.0.0.1", 3128), ("127.0.0.1", 8443), ("127.0.0.2", 1080), ("127.0.0.53", 53), ("::1", 53),
        ("::1", 8443),
    ]  # fmt: skip


def test_a_machine_that_names_no_dns_server_is_asked_itself(tmp_path: Path) -> None:
    assert loopback.services({}, tmp_path / "none") == [("127.0.0.1", 53)]


def test_what_this_process_listens_on_may_never_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api:
        proxy = f"http://127.0.0.1:{api.getsockname()[1]}"
        assert loopback.services({"http_proxy": proxy}, tmp_path / "none") == [("127.0.0.1", 53)]
    assert len(loopback.services({"http_proxy": proxy}, tmp_path / "none")) == 2


def test_names_and_proxies_on_the_loopback_work_in_a_box_and_the_api_does_not(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, `unshare` and `ip` to make a machine with a network of its own")
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.support.own_network", tmp_path],
        cwd=PROJECT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.stderr.startswith("unshare: "):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    if "refused" in said:
        pytest.skip(said["refused"])
    refused = "ConnectionRefusedError: [Errno 111] Connection refused"
    assert said == {
        "outside": "hello", "by name": "hello", "proxy": "proxy", "loopback": refused, "api": refused,
        "resolved": own_network.OUTSIDE, "notes": "",
        **{f"held to {name}": f"{line} ConnectionRefusedError ConnectionRefusedError" for name, line in {
            "a wildcard": "PermissionError hello hello PermissionError",  # No wildcard can be looked up.
            "a name": "hello hello hello PermissionError",
            "another": "PermissionError socket.gaierror PermissionError PermissionError",
            "the proxy": "PermissionError socket.gaierror PermissionError proxy",
        }.items()},
    }  # fmt: skip


def test_under_another_supervisor_boxes_share_the_machines_network_and_a_note_says_so(
    namespace_state: Path,
) -> None:
    capabilities, notes = run_child(_LISTENED_TO, str(namespace_state))
    assert "private-ports" not in capabilities
    assert "own-root" in capabilities
    (note,) = notes
    assert "cannot listen on one port" in note
    assert "EBUSY" in note
    assert remedies.for_networks(16) in note


def test_the_remedy_fits_the_reason(tmp_path: Path) -> None:
    switch = tmp_path / "proc/sys/kernel/yama"
    switch.mkdir(parents=True)
    assert "max_net_namespaces" in remedies.for_networks(28, tmp_path)
    assert "Linux 5.14" in remedies.for_networks(92, tmp_path)
    (switch / "ptrace_scope").write_text("3\n")
    assert "ptrace_scope" in remedies.for_networks(0, tmp_path)
