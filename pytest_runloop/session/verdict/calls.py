"""What a call that failed proves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .verdict import Finding, Kind

if TYPE_CHECKING:
    from ...client.errors import APIError, APIStatusError

_ABOUT_WHAT_WAS_ASKED = frozenset({"disk_full", "io_error", "snapshot_failed"})
"""Codes of answers that say with a 5xx what is wrong with a file or the disk, and nothing of the service."""
_MADE_HERE = frozenset({"LocalProtocolError", "UnsupportedProtocol", "PoolTimeout"})
"""Errors of a connection that this side made: by a header that is none, by too many calls at once."""
_SPECIAL = ("/proc/", "/sys/", "/dev/")
"""Files whose reading may fail in the middle by nobody's fault."""
_LIMITS = ("quota", "limit", "billing", "credit", "payment")


def finding(
    error: APIError, step: str, devbox: str | None = None, *, own_timeout: bool = False
) -> Finding | None:
    """Return what the error of a call proves of the environment; `None` if nothing.

    :param error: what was raised to the caller, after all repetitions.
    :param step: the last part of the call's path.
    :param devbox: the one that the call is about.
    :param own_timeout: whether the caller said how long it may take.
    """
    from ...client.errors import APIConnectionError, APIResponseValidationError, APIStatusError

    kind: Kind | None = None
    if isinstance(error, APIStatusError):
        kind = _of_status(error, step)
    elif isinstance(error, APIConnectionError):
        kind = _of_connection(error, step, own_timeout)
    elif isinstance(error, APIResponseValidationError):
        kind = Kind.TRANSPORT_FAILED
    return None if kind is None else Finding(kind, first_line(error), devbox)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _of_status(error: APIStatusError, step: str) -> Kind | None:
    if _over_a_limit(error):
        return Kind.QUOTA
    if error.status_code < 500 or error.status_code == 507 or error.code in _ABOUT_WHAT_WAS_ASKED:
        return None
    return Kind.EXEC_NEVER_STARTED if starts_a_command(step) else Kind.TRANSPORT_FAILED


def _over_a_limit(error: APIStatusError) -> bool:
    """Tell whether the account has had enough. Mostly, 403 says that a key may not do something."""
    if error.status_code in (402, 429):
        return True
    body = error.body if isinstance(error.body, Mapping) else {}
    said = f"{error.code} {body.get('message')}".lower()
    return error.status_code == 403 and any(word in said for word in _LIMITS)


def _of_connection(error: APIError, step: str, own_timeout: bool) -> Kind | None:
    from ...client.errors import APITimeoutError

    if getattr(error, "cause", "") in _MADE_HERE or (error.request.file or "").startswith(_SPECIAL):
        return None
    if own_timeout and isinstance(error, APITimeoutError):
        return None
    return Kind.EXEC_NEVER_STARTED if starts_a_command(step) and not error.sent else Kind.TRANSPORT_FAILED


def starts_a_command(step: str) -> bool:
    """Tell whether a call is one that starts a command.

    :param step: the last part of its path.
    """
    return step.startswith("execute")
