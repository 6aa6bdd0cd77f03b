"""Errors as the API answers them, and how errors of the engine and the kernel become such answers."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from .engine.protocol import BoxGoneError, CapabilityError, EngineError


@dataclass
class ApiError(Exception):
    """An answer that says what is wrong.

    :param status: the HTTP status.
    :param code: a fixed word that programs can rely on, as `file_not_found`.
    :param message: what was asked, what is wrong with it and what to do, for a person.
    :param retry: what `x-should-retry` says, where the status alone would mislead clients.
    :param allow: the methods that the path has, where another one was used.
    """

    status: int
    code: str
    message: str
    retry: bool | None = None
    allow: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.message


def invalid(message: str) -> ApiError:
    """Return the error for a request that cannot be right."""
    return ApiError(400, "invalid_request", message)


def not_found(kind: str, identifier: str) -> ApiError:
    """Return the error for an id that this server does not know."""
    return ApiError(404, "not_found", f"there is no {kind} with the id `{identifier}` on this server")


def not_supported(what: str) -> ApiError:
    """Return the error for what the API offers and this backend does not."""
    return ApiError(400, "not_supported_locally", f"the local backend does not {what}")


def shutting_down() -> ApiError:
    """Return the error for what is asked of a server that ends."""
    return ApiError(503, "shutting_down", "the local backend is shutting down", retry=False)


DISK_FULL = "disk_full"

_BY_ERRNO: dict[int, tuple[int, str, str]] = {
    errno.ENOENT: (404, "file_not_found", "there is no such file"),
    errno.EISDIR: (400, "is_a_directory", "it is a directory"),
    errno.ENOTDIR: (400, "not_a_directory", "a part of the path is not a directory"),
    # From making the missing directories above a file.
    errno.EEXIST: (400, "not_a_directory", "a part of the path is not a directory"),
    errno.EACCES: (403, "permission_denied", "the devbox's user may not do that"),
    errno.EPERM: (403, "permission_denied", "the devbox's user may not do that"),
    errno.EROFS: (403, "permission_denied", "the file system there is read-only"),
    errno.EXDEV: (403, "permission_denied", "the path leads out of the devbox"),
    errno.ENOSPC: (507, DISK_FULL, "the disk is full"),
    errno.EDQUOT: (507, DISK_FULL, "the disk quota of this machine's user is used up"),
    errno.ENAMETOOLONG: (400, "invalid_request", "the path is too long"),
    errno.ELOOP: (400, "invalid_request", "its symbolic links go round in a circle"),
    errno.ETXTBSY: (400, "invalid_request", "it is a program that is running"),
    errno.EAGAIN: (400, "invalid_request", "it is a pipe that nobody reads from"),
    errno.ENXIO: (400, "invalid_request", "it is a pipe or socket, not a file"),
}


_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full_disk(error: BaseException | None) -> bool:
    """Tell whether an error comes from a full disk, however often it was wrapped since."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False


def _from_os_error(error: OSError, doing: str) -> ApiError:
    unknown = (500, "io_error", error.strerror or str(error))
    status, code, why = _BY_ERRNO.get(error.errno or 0, unknown)
    # 507 is above 500, which clients repeat; a full disk stays full.
    return ApiError(status, code, f"cannot {doing}: {why}", retry=False if status == 507 else None)


def as_api_error(error: Exception, doing: str) -> ApiError:
    """Return what to answer for an error of the engine or the kernel.

    :param error: the error.
    :param doing: what was tried, as `read /etc/shadow`.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, CapabilityError):
        return ApiError(400, "capability_missing", f"cannot {doing}: {error}")
    if isinstance(error, BoxGoneError):
        return ApiError(400, "devbox_not_running", f"cannot {doing}: {error}")
    if isinstance(error, OSError):
        return _from_os_error(error, doing)
    if is_full_disk(error):
        return ApiError(507, DISK_FULL, f"cannot {doing}: {error}", retry=False)
    return ApiError(500, "engine_error", f"cannot {doing}: {error}")


ENGINE_ERRORS = (EngineError, CapabilityError, OSError)
"""What calls of the engine raise."""
