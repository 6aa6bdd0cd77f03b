"""What of this machine's loopback boxes with a network of their own may use: its DNS servers and proxies."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

Service = tuple[str, int]
"""An address, as text, and a port."""

DNS_PORT = 53
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
_LOCALHOST = ("127.0.0.1", "::1")


def services(environment: Mapping[str, str], resolver: Path = Path("/etc/resolv.conf")) -> list[Service]:
    """Return the services on loopback addresses without which nothing outside could be found or reached.

    Never one of this process's own: the backend's API is not for boxes.

    :param environment: names proxies, as this machine's programs read it.
    :param resolver: names DNS servers.
    """
    found = {*_dns_servers(resolver), *_proxies(environment)}
    forbidden = set(_ports_of_this_process())
    return sorted(service for service in found if service[1] not in forbidden)


def dns_servers(resolver: Path = Path("/etc/resolv.conf")) -> list[str]:
    """Return what this machine's programs ask for names, on its loopback or not."""
    try:
        lines = resolver.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = [words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and len(words) > 1]
    return named or [_LOCALHOST[0]]  # Where none is named, programs ask their own machine.


def _dns_servers(resolver: Path) -> Iterator[Service]:
    for host in dns_servers(resolver):
        if _loops_back(host):
            yield host, DNS_PORT


def _proxies(environment: Mapping[str, str]) -> Iterator[Service]:
    for name, value in environment.items():
        if name.lower() in _PROXIES and value:
            yield from _proxy(value)


def _proxy(value: str) -> Iterator[Service]:
    with contextlib.suppress(ValueError):  # Not a port, or not an address at all.
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT)
        hosts = _LOCALHOST if parts.hostname == "localhost" else (parts.hostname or "",)
        for host in hosts:
            if _loops_back(host):
                yield host, port


def _loops_back(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _ports_of_this_process() -> Iterator[int]:
    """Yield the ports that this process listens on."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # It was closed meanwhile: the one that lists them.
            if entry.is_socket():
                yield from _port(int(entry.name))


def _port(descriptor: int) -> Iterator[int]:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        internet = found.family in (socket.AF_INET, socket.AF_INET6)
        if internet and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield found.getsockname()[1]
