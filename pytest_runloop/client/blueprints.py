"""The service's limits on a blueprint, checked before it is sent, as the official SDK does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_FILE_BYTES: Final = 98_250
_ALL_BYTES: Final = 7_860_000


def check_file_mounts(mounts: Mapping[str, str] | None) -> None:
    """Refuse files that the service would refuse after a long upload.

    :raises ValueError: if one is too large, or all together are.
    """
    total = 0
    for path, content in (mounts or {}).items():
        size = len(content.encode())
        total += size
        if size > _FILE_BYTES:
            raise ValueError(
                f"file_mounts: {path} has {size:,} bytes, and a mounted file may have {_FILE_BYTES:,}. "
                "Larger ones can be fetched by a system set-up command, or uploaded to the devbox."
            )
    if total > _ALL_BYTES:
        raise ValueError(
            f"file_mounts: all files together have {total:,} bytes, and may have {_ALL_BYTES:,}."
        )
