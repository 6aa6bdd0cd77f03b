"""What can go wrong, as exceptions that say what was asked, what happened and what to do next.

The tree is the official SDK's. Beside it stand Python's own exceptions, so that `except FileNotFoundError`
and `except TimeoutError` work as they do elsewhere.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..contract.views.devboxes import DevboxView
    from .marks import Ended
    from .results import Outcome


KEY_PREFIX: Final = "pytest-runloop-"
"""How the idempotency keys begin that the client makes."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What was asked. It holds no header, thus no key.

    :param method: the HTTP method.
    :param url: the whole URL.
    :param file: the path in the devbox that the request is about, if it is about one.
    """

    method: str
    url: str
    file: str | None = None

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        query = f"?{parts.query}" if parts.query else ""
        about = f" (file {self.file!r})" if self.file is not None else ""
        return f"{self.method} {parts.path}{query}{about}"


class RunloopError(Exception):
    """Any error of this package's client."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Made without the constructor: the subclasses' constructors differ, and some classes are combined.
        return _restored, (*_origin(type(self)), self.args, self.__dict__)


class ConfigurationError(RunloopError, ValueError):
    """The client was given, or found in the environment, something that it cannot work with."""


class ArgumentError(RunloopError, TypeError):
    """A method was called with arguments that it does not take."""


class APIError(RunloopError):
    """A request that failed.

    :param message: what happened.
    :param request: what was asked.
    :param body: what the service answered, decoded where it was JSON.
    """

    def __init__(self, message: str, *, request: RequestInfo, body: object = None) -> None:
        super().__init__(message)
        self.request = request
        self.body = body
        self.attempts = 1
        """How often it was tried."""
        self.sent = True
        """Whether the service may have got it, in any of the tries."""

    def __str__(self) -> str:
        return self.message + (f" It was tried {self.attempts} times." if self.attempts > 1 else "")


class APIConnectionError(APIError, ConnectionError):
    """The service could not be reached, or the connection broke."""

    cause = ""
    """The name of the error that the connection had."""
    gone = False
    """Whether it is a server on this machine of which nothing is left. A repeat would not reach it either."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """The service did not answer in time."""


class APIResponseValidationError(APIError):
    """The answer is not one that a Runloop API gives."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back when a request failed.

    :param status: the HTTP status.
    :param headers: the headers, by lower-case name.
    :param body: the body, decoded where it was JSON.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None


class APIStatusError(APIError):
    """The service answered with an error status.

    :param message: what happened.
    :param request: what was asked.
    :param answer: what came back.
    :param code: the service's own code for the error, if it sent one.
    """

    def __init__(
        self, message: str, *, request: RequestInfo, answer: Answer, code: str | None = None
    ) -> None:
        super().__init__(message, request=request, body=answer.body)
        self.status_code = answer.status
        self.headers = dict(answer.headers)
        self.code = code

    @property
    def request_id(self) -> str | None:
        """The id under which the service knows the request, for its support."""
        named = self.headers.get("x-runloop-request-id") or self.headers.get("x-request-id")
        if named is None and isinstance(self.body, Mapping):
            named = self.body.get("request_id")
        return named if isinstance(named, str) else None


class BadRequestError(APIStatusError):
    """400: the service does not accept the request as it is."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or revoked."""


class PermissionDeniedError(APIStatusError, PermissionError):
    """403: the API key may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such thing."""


class ConflictError(APIStatusError):
    """409: it does not fit the present state."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is well formed and makes no sense."""


class RateLimitError(APIStatusError):
    """429: too many requests, or too many devboxes at once."""


class InternalServerError(APIStatusError):
    """500 and above: the service failed."""


class DevboxNotRunningError(APIStatusError):
    """The devbox is suspended, shut down or not up yet."""


class CapabilityMissingError(APIStatusError):
    """This backend, as it runs here, cannot do this."""


class PollingTimeout(RunloopError, TimeoutError):  # noqa: N818 - the official SDK's name
    """A wait ended before what was waited for came.

    :param message: what was waited for.
    :param last_value: the last thing that the service told.
    """

    def __init__(self, message: str, last_value: object = None) -> None:
        super().__init__(message)
        self.last_value = last_value


class CommandStillRunningError(PollingTimeout):
    """The wait for a command ended before the command did. It goes on.

    :param devbox_id: where it runs.
    :param execution_id: what `devbox.cmd.execution(id)` takes to get at it again.
    :param stdout: the end of its output so far.
    :param stderr: the same of its standard error.
    """

    def __init__(
        self, message: str, last_value: object, *, devbox_id: str, execution_id: str, stdout: str, stderr: str
    ) -> None:
        super().__init__(message, last_value)
        self.devbox_id = devbox_id
        self.execution_id = execution_id
        self.stdout = stdout
        self.stderr = stderr


class CommandTimeoutError(RunloopError, TimeoutError):
    """A command did not end in its `timeout`, and was ended with everything that it had started.

    :param message: which, the ends of its outputs, and what became of its processes.
    :param devbox_id: where it ran.
    :param execution_id: the id of the command.
    :param timeout: the limit, in seconds.
    :param outputs: all that it wrote to its output and to its standard error until it was killed.
    :param ended: what became of its processes.
    """

    def __init__(
        self,
        message: str,
        *,
        devbox_id: str,
        execution_id: str,
        timeout: float,
        outputs: Sequence[str],
        ended: Ended,
    ) -> None:
        super().__init__(message)
        self.devbox_id = devbox_id
        self.execution_id = execution_id
        self.timeout = timeout
        self.stdout, self.stderr = outputs
        self.survivors = ended.survivors
        """Processes that could not be ended, each as its number and name."""
        self.proven = ended.proven
        """Whether it is proven that no process of it is left. If not, no pool hands the devbox out again."""


class DevboxFailedError(RunloopError):
    """A devbox ended while it was waited for.

    :param view: the devbox as the service saw it last.
    :param awaited: the status that was waited for.
    :param log: the last lines of its log.
    """

    def __init__(self, view: DevboxView, awaited: str, log: Sequence[str] = ()) -> None:
        self.devbox_id = view.id
        self.status = view.status
        self.failure_reason = view.failure_reason
        self.shutdown_reason = view.shutdown_reason
        self.state_transitions = list(view.state_transitions or ())
        self.log = list(log)
        super().__init__(self._story(awaited))

    def _story(self, awaited: str) -> str:
        reason = self.failure_reason or self.shutdown_reason
        path = " → ".join(str(step.status) for step in self.state_transitions)
        lines = [
            f"Devbox {self.devbox_id} was to become {awaited}, and is {self.status}"
            + (f": {reason}." if reason else ", no reason given."),
            *([f"It went: {path}."] if path else []),
            *(["Its log ends with:", *(f"    {line}" for line in self.log)] if self.log else []),
        ]
        return "\n".join(lines)


class BlueprintFailedError(RunloopError):
    """A blueprint could not be built.

    :param message: which, why, and the end of its log.
    :param blueprint_id: its id.
    """

    def __init__(self, message: str, *, blueprint_id: str) -> None:
        super().__init__(message)
        self.blueprint_id = blueprint_id


class SnapshotFailedError(RunloopError):
    """A snapshot could not be taken.

    :param message: which, and why.
    :param snapshot_id: its id.
    """

    def __init__(self, message: str, *, snapshot_id: str) -> None:
        super().__init__(message)
        self.snapshot_id = snapshot_id


class ScoringFailedError(RunloopError):
    """A run of a scenario got no score.

    :param message: which, and what became of it.
    :param run_id: its id.
    """

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message)
        self.run_id = run_id


class CommandFailedError(RunloopError):
    """A command ended with another exit status than 0.

    :param outcome: the command, its exit status and the ends of its outputs.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.exit_code = outcome.exit_code
        self.stdout = outcome.stdout
        self.stderr = outcome.stderr
        super().__init__(outcome.told(_meaning(outcome.exit_code)))


def _meaning(exit_code: int | None) -> str:
    if exit_code == 127:
        return " (command not found)"
    if exit_code == 126:
        return " (not executable)"
    if exit_code == 128 + signal.SIGKILL:
        return " (SIGKILL; get_info() and logs() of the devbox say if it ran out of memory or disk)"
    if exit_code is not None and 128 < exit_code < 160:
        try:
            return f" ({signal.Signals(exit_code - 128).name})"
        except ValueError:
            return ""
    return ""


def hide_from_traceback(excinfo: Any) -> bool:
    """Tell pytest to leave this package's frames out of an error's traceback: the user's line is last.

    A module uses it by the name `__tracebackhide__`. Frames stay where another exception passes through
    them: that is a bug here, and they show where.
    """
    return isinstance(excinfo.value, RunloopError)


_COMBINED: dict[tuple[type[RunloopError], type[OSError]], type[RunloopError]] = {}


def combined(error: type[RunloopError], builtin: type[OSError]) -> type[RunloopError]:
    """Return the class that is both: one of this module's errors, and one of Python's own.

    :param error: gives name, constructor and text.
    :param builtin: what else it shall be caught as.
    """
    if issubclass(error, builtin):
        return error
    known = _COMBINED.get((error, builtin))
    if known is None:
        about = {"__module__": error.__module__, "__doc__": error.__doc__}
        known = type(error.__name__, (error, builtin), about)
        _COMBINED[error, builtin] = known
    return known


def _origin(error: type[RunloopError]) -> tuple[type[RunloopError], type[OSError] | None]:
    for (base, builtin), known in _COMBINED.items():
        if known is error:
            return base, builtin
    return error, None


def _restored(
    error: type[RunloopError], builtin: type[OSError] | None, args: tuple[object, ...], state: dict[str, Any]
) -> RunloopError:
    cls = error if builtin is None else combined(error, builtin)
    made = cls.__new__(cls, *args)
    made.args = args
    made.__dict__.update(state)
    return made
