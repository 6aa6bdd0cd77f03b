"""What a failed boot means: for the test, for those that ask for the same, for the run."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import choice, options
from .errors import StopRunError, UnavailableError
from .requests import blueprint_names
from .settings import Settings
from .verdict.verdict import Finding

if TYPE_CHECKING:
    from .. import Runloop

PATIENCE = 3
"""After so many failed boots in a row of the same, it is not tried again."""


class Failures:
    """The boots that failed, so that a thousand tests do not wait for what cannot succeed."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._findings: dict[str, Finding | None] = {}

    def check(self, params: Mapping[str, Any]) -> None:
        """Refuse what cannot succeed.

        :raises UnavailableError: with the short form of the error that it had before.
        """
        key = _key(params)
        if self._count[key] >= PATIENCE:
            refusal = UnavailableError(f"Not tried again, since the same failed before: {self._last[key]}")
            refusal.finding = self._findings[key]
            raise refusal

    def add(self, params: Mapping[str, Any], error: BaseException, finding: Finding | None = None) -> None:
        """Note a failed boot. A refusal counts for good, everything else might have been bad luck.

        :param finding: what it proves of the environment.
        """
        if isinstance(error, Exception):
            self._count[_key(params)] += PATIENCE if refused(error) else 1
            self._findings[_key(params)] = finding
            self._last[_key(params)] = next(iter(str(error).splitlines()), type(error).__name__)

    def forget(self, params: Mapping[str, Any]) -> None:
        """Note that it succeeded."""
        self._count.pop(_key(params), None)


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=repr)


def refused(error: BaseException) -> bool:
    """Tell whether the service said no for certain, so that nothing can have come of the request.

    A refusal that came on a repeated request says nothing about the one before it.
    """
    from ..client.errors import APIStatusError

    if not isinstance(error, APIStatusError) or error.attempts > 1:
        return False
    return 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429)


def never_sent(error: BaseException) -> bool:
    """Tell whether the request did not even reach a server."""
    from ..client.errors import APIError

    return isinstance(error, APIError) and not error.sent


def stop_run(error: Exception, settings: Settings, *, reached: bool) -> StopRunError | None:
    """Return why the run must stop, if no devbox can be had in it at all.

    :param reached: whether the service has given a devbox before.
    """
    from ..client import errors

    if isinstance(error, errors.AuthenticationError):
        return StopRunError(_told(error, settings), "the API key is not accepted")
    if isinstance(error, errors.PermissionDeniedError):
        return StopRunError(_told(error, settings), "the API key may not create devboxes")
    if reached:
        return None
    if isinstance(error, errors.APIConnectionError):
        return StopRunError(_told(error, settings), "the server cannot be reached")
    strange = isinstance(error, errors.APIStatusError) and not isinstance(error.body, Mapping)
    if strange or isinstance(error, errors.APIResponseValidationError):
        return StopRunError(_told(error, settings), "the server is not a Runloop API")
    return None


def explained(error: Exception, settings: Settings, client: Runloop, params: Mapping[str, Any]) -> str:
    """Say why a boot failed: the client's words, near names, and who named the server."""
    from ..client.errors import RunloopError

    if isinstance(error, UnavailableError):
        return str(error)
    if not isinstance(error, RunloopError):
        return f"The devbox could not be made: {type(error).__name__}: {error}"
    return _told(error, settings) + _near_names(error, client, params)


def _told(error: Exception, settings: Settings) -> str:
    from ..client.errors import PollingTimeout

    if isinstance(error, PollingTimeout):
        limit, status = settings[options.BOOT_TIMEOUT], getattr(error.last_value, "status", "not there")
        return (
            f"The devbox did not run within {limit:g} s; it was {status} then, and has been ended.\n"
            f"If it needs longer, raise {options.BOOT_TIMEOUT.flag} ({options.BOOT_TIMEOUT.ini})."
        )
    return f"{error}\n{choice.asked(settings)}"


def _near_names(error: Exception, client: Runloop, params: Mapping[str, Any]) -> str:
    """Return the names of blueprints that look like the one that was refused."""
    name = params.get("blueprint_name")
    if not name or not refused(error):
        return ""
    try:
        names = blueprint_names(client)
    except Exception:  # the error that is being told is the one that matters
        return ""
    near = difflib.get_close_matches(name, names, n=3)
    return f"\nBlueprints with a name like it: {', '.join(near)}." if near else ""
