"""A box on a machine with a network of the test's own: `python -m tests.support.own_network STATE_DIR`.

Run it as root in new network and mount namespaces. The machine has one address outside of its loopback, a DNS
server on its loopback (as systemd-resolved is) and a proxy there, as its environment says. Prints what the
box's commands said as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from pytest_runloop.contract.views.network_policies import EgressRulesView, NetworkPolicyView
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Engine, EngineError
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.policy_guard import PolicyGuard
from tests.support.boxes import run

RESOLVER, OUTSIDE, NAME = "127.0.0.53", "198.51.100.7", "service.example"

_RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
_CONNECT = "import socket, sys; print(socket.create_connection(sys.argv[1:]).recv(9).decode())"
_QUERY_HEADER = 12
_POLICIES = {"a wildcard": "*.example", "a name": NAME, "another": "*.other", "the proxy": "127.0.0.1"}


def _set_up(state_dir: Path) -> None:
    for command in (
        "ip link set lo up",
        f"ip addr add {OUTSIDE}/32 dev lo",
        "mount --make-rprivate /",
    ):
        subprocess.run(command.split(), check=True)
    resolver = state_dir / "resolv.conf"
    resolver.write_text(f"nameserver {RESOLVER}\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)


def _answer_names(server: socket.socket) -> None:
    """Answer each question for an address with ours, and each other with none."""
    while True:
        query, sender = server.recvfrom(512)
        end = query.index(b"\0", _QUERY_HEADER) + 5
        question = query[_QUERY_HEADER:end]
        address = question[-4:-2] == b"\0\1"
        head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if address else b"\0\0") + bytes(4)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(OUTSIDE)
        server.sendto(head + question + (record if address else b""), sender)


def _greet(listener: socket.socket, greeting: bytes) -> None:
    while True:
        with listener.accept()[0] as client:
            client.sendall(greeting)


def _serve(address: tuple[str, int], greeting: bytes) -> int:
    listener = socket.create_server(address)
    threading.Thread(target=_greet, args=(listener, greeting), daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def _start_proxy() -> tuple[subprocess.Popen[str], int]:
    """Start a proxy, of sorts: what is not this process may be reached."""
    proxy = subprocess.Popen(
        [sys.executable, "-c", _PROXY], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert proxy.stdout is not None
    return proxy, int(proxy.stdout.readline())


def _offer(proxy_port: int) -> dict[str, tuple[str, int]]:
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((RESOLVER, 53))
    threading.Thread(target=_answer_names, args=(names,), daemon=True).start()
    outside, loopback, api = (_serve((host, 0), b"hello") for host in (OUTSIDE, "127.0.0.1", "127.0.0.1"))
    os.environ["https_proxy"] = f"http://localhost:{proxy_port}"
    os.environ["http_proxy"] = f"http://127.0.0.1:{api}"  # This very process, as the backend's API is.
    return {
        "outside": (OUTSIDE, outside),
        "by name": (NAME, outside),
        "loopback": ("127.0.0.1", loopback),
        "proxy": ("127.0.0.1", proxy_port),
        "api": ("127.0.0.1", api),
    }


async def _visit_held(engine: Engine, services: dict[str, tuple[str, int]]) -> dict[str, str]:
    """Say what boxes get of the same that network policies hold."""
    said: dict[str, str] = {}
    for name, allowed in _POLICIES.items():
        box = await engine.boot(BoxSpec(f"held-{name}", guard=_guard([allowed])))
        # The address first: it was not answered for any name yet.
        for what in ("outside", "by name", "outside", "proxy", "loopback", "api"):
            answer = await _say(box, _CONNECT, *services[what])
            said[name] = f"{said.get(name, '')} {answer.partition(':')[0]}".strip()
    return {f"held to {name}": text for name, text in said.items()}


def _guard(allowed: list[str]) -> PolicyGuard:
    rules = {"allow_all": False, "allow_devbox_to_devbox": False}
    gateways = {"allow_agent_gateway": False, "allow_mcp_gateway": False}
    egress = EgressRulesView(allowed_hostnames=allowed, **rules, **gateways)
    policy = NetworkPolicyView(id="npl_1", name="p", egress=egress, create_time_ms=0, update_time_ms=0)
    return PolicyGuard(lambda: policy, lambda _: None)


async def _visit(services: dict[str, tuple[str, int]], state_dir: Path) -> dict[str, str]:
    engine = await open_engine("namespace", state_dir)
    try:
        box = await engine.boot(BoxSpec("box"))
        said = {name: await _say(box, _CONNECT, *address) for name, address in services.items()}
        said["resolved"] = await _say(box, _RESOLVE, NAME)
        held = await _visit_held(engine, services)
    finally:
        await engine.close()
    return {**said, **held, "notes": "; ".join(engine.notes)}


async def _say(box: Box, source: str, *arguments: object) -> str:
    """Return the last line that a Python script says in a box."""
    _, said = await run(box, f"python -c '{source}' {' '.join(map(str, arguments))}")
    return said.strip().splitlines()[-1]


def main(state_dir: Path) -> None:
    """Set the machine up, and visit its services from a box."""
    _set_up(state_dir)
    proxy, port = _start_proxy()
    try:
        print(json.dumps(asyncio.run(_visit(_offer(port), state_dir))))
    except EngineError as error:
        print(json.dumps({"refused": str(error)}))
    finally:
        proxy.communicate()


_PROXY = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
def greet():
    while True:
        with listener.accept()[0] as client:
            client.sendall(b"proxy")
threading.Thread(target=greet, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
