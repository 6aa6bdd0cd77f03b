"""Ids in the API's form: a prefix and 22 characters."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.digits + string.ascii_letters


def new_id(prefix: str) -> str:
    """Return a fresh id, as `dbx_2xMDUOsKMiZBYKsvSRtMA9`."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(22))
