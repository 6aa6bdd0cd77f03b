"""What OpenSSH's programs need to reach a devbox: a key, a known host, a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from ..contract.views.ssh import DevboxCreateSSHKeyResponse


def write_access(directory: Path, key: DevboxCreateSSHKeyResponse, base_url: str) -> Path:
    """Write key, known host and configuration, and return the path of the last.

    :param directory: made if it is missing.
    :param base_url: of the service that made the key.
    """
    directory = directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity, known = directory / f"{key.id}.key", directory / f"{key.id}.known_hosts"
    _write_private(identity, key.ssh_private_key)
    _write_private(known, f"{key.id} {key.host_key}\n" if key.host_key else "")
    config = directory / f"{key.id}.config"
    options = {
        "HostName": key.url,
        "HostKeyAlias": key.id,
        "User": key.ssh_user or "user",
        "IdentityFile": _quoted(identity),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": _quoted(known),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes" if key.host_key else "accept-new",
        **({"Port": key.port} if key.port else {"ProxyCommand": _proxy(base_url)}),
    }
    lines = [f"Host devbox {key.id}", *(f"    {name} {value}" for name, value in options.items())]
    _write_private(config, "\n".join(lines) + "\n")
    return config


def _proxy(base_url: str) -> str:
    """Return what carries SSH to the cloud: one door for all devboxes, which tells them apart by TLS."""
    domain = (urlsplit(base_url).hostname or "").removeprefix("api.")
    return f"openssl s_client -quiet -verify_return_error -servername %h -connect ssh.{domain}:443"


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
    return f'"{text}"'


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
