"""Isolated Linux devboxes for pytest, on Runloop's cloud or on an embedded local backend.

The names are loaded when they are first used: a test run that makes no devbox does not pay for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ._version import __version__

if TYPE_CHECKING:
    from .client._async.client import AsyncRunloop
    from .client._async.devbox import AsyncDevbox
    from .client._sync.client import Runloop
    from .client._sync.devbox import Devbox
    from .client.errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        ArgumentError,
        AuthenticationError,
        BadRequestError,
        BlueprintFailedError,
        CapabilityMissingError,
        CommandFailedError,
        CommandStillRunningError,
        CommandTimeoutError,
        ConfigurationError,
        ConflictError,
        DevboxFailedError,
        DevboxNotRunningError,
        InternalServerError,
        NotFoundError,
        PermissionDeniedError,
        PollingTimeout,
        RateLimitError,
        RunloopError,
        ScoringFailedError,
        SnapshotFailedError,
        UnprocessableEntityError,
    )
    from .contract.params.options import PollingConfig
    from .session.factory import DevboxFactory
    from .session.faults import FaultControl, Gate

_ELSEWHERE: Final = {
    "AsyncDevbox": ".client._async.devbox",
    "AsyncRunloop": ".client._async.client",
    "Devbox": ".client._sync.devbox",
    "DevboxFactory": ".session.factory",
    "FaultControl": ".session.faults",
    "Gate": ".session.faults",
    "PollingConfig": ".contract.params.options",
    "Runloop": ".client._sync.client",
}

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "ArgumentError",
    "AsyncDevbox",
    "AsyncRunloop",
    "AuthenticationError",
    "BadRequestError",
    "BlueprintFailedError",
    "CapabilityMissingError",
    "CommandFailedError",
    "CommandStillRunningError",
    "CommandTimeoutError",
    "ConfigurationError",
    "ConflictError",
    "Devbox",
    "DevboxFactory",
    "DevboxFailedError",
    "DevboxNotRunningError",
    "FaultControl",
    "Gate",
    "InternalServerError",
    "NotFoundError",
    "PermissionDeniedError",
    "PollingConfig",
    "PollingTimeout",
    "RateLimitError",
    "Runloop",
    "RunloopError",
    "ScoringFailedError",
    "SnapshotFailedError",
    "UnprocessableEntityError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_ELSEWHERE.get(name, ".client.errors"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
