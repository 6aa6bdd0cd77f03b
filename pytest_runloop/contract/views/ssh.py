"""Views of SSH access."""

from __future__ import annotations

from pydantic import Field

from .base import View


class DevboxCreateSSHKeyResponse(View):
    """A key that opens a devbox, and where its door is.

    :param id: of the devbox.
    :param url: the host.
    :param port: of the local backend: where its OpenSSH server listens for this devbox. The cloud has one
        door for all, behind TLS.
    :param host_key: of the local backend: what its server proves itself by, as in a known hosts file.
    """

    id: str
    ssh_private_key: str = Field(repr=False)
    url: str
    ssh_user: str | None = None
    port: int | None = None
    host_key: str | None = None
