"""Stores objects, and makes archives to store."""

from __future__ import annotations

import io
import tarfile
import uuid
from typing import Any

import httpx

from .box import ok

Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, content: bytes = b"", **fields: Any) -> Member:
    """Return a member of an archive."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def archive(*members: Member, mode: Any = "w:gz") -> bytes:
    """Return an archive."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as file:
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return target.getvalue()


def stored(api: httpx.Client, content: bytes, content_type: str) -> str:
    """Store an object, and return its id."""
    body = {"name": f"object-{uuid.uuid4().hex}", "content_type": content_type}
    view = ok(api.post("/v1/objects", json=body))
    assert httpx.put(view["upload_url"], content=content).status_code == 200
    ok(api.post(f"/v1/objects/{view['id']}/complete"))
    return str(view["id"])
