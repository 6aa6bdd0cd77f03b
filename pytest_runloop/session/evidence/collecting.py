"""Collects what is known of a failed test's devboxes while they live."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import spec
from ..ending import together
from ..requests import ENDED
from . import facts, inside
from .record import Record
from .redaction import Redactor
from .schema import Devbox, Transition
from .transcript import TEXT, Transcript, complete

if TYPE_CHECKING:
    from ... import Runloop
    from ...contract.views.devboxes import DevboxLog, DevboxView

SECONDS = 30.0
"""How long it may take for all devboxes of a test."""
DEVBOXES = 20
"""Of how many devboxes of a test evidence is collected."""
LOG_LINES = 500
_LINE = 2000
_COMMANDS = 20
"""Of how many commands of a devbox the output is fetched that is not there yet."""
_GLIMPSE = 2.0


@dataclasses.dataclass(slots=True)
class Found:
    """What was found out about one devbox. Secrets are still in it.

    :param records: what was done to it.
    :param withheld: why nothing that commands and files hold may be shown, if so.
    """

    devbox: Devbox
    records: list[Record]
    withheld: str | None = None


class Collector:
    """Asks devboxes, all at once, each for a limited time.

    :param transcript: what was done to them.
    :param client: gives a client that gives up soon, and that the transcript does not observe.
    """

    def __init__(self, transcript: Transcript, client: Callable[[], Runloop]) -> None:
        self._transcript = transcript
        self._client = client
        self._known: dict[str, bool] = {}

    @property
    def _redactor(self) -> Redactor:
        return self._transcript.redactor

    def learn_secrets(self, devboxes: Sequence[str]) -> None:
        """Ask those devboxes for the values of their secrets that have any, and were not asked before."""
        with_secrets = [d for d in devboxes if d not in self._known and self._variables(d)]
        together(with_secrets, self._learn, inside.SECONDS)

    def collect(self, devboxes: Sequence[str]) -> list[Found]:
        """Find out what can be found out about devboxes, in the order given."""
        found: dict[str, Found] = {}

        def one(devbox: str) -> None:
            made = self._start(devbox)
            self._ask(made)
            found[devbox] = made

        together(devboxes[:DEVBOXES], one, SECONDS)
        return [found.get(devbox) or self._late(devbox) for devbox in devboxes[:DEVBOXES]]

    def _start(self, devbox: str) -> Found:
        transcript = self._transcript
        about = Devbox(devbox, whole=transcript.whole(devbox), transitions=transcript.transitions(devbox))
        params = transcript.parameters(devbox) or {}
        about.parameters = _plain({key: params[key] for key in params if key in spec.known_keys()})
        records = [dataclasses.replace(record) for record in transcript.of(devbox)]
        passed = set(self._variables(devbox).values()) <= transcript.secrets
        unknown = not passed and not self._known.get(devbox)
        why = "the values of its secrets could not be asked for, so nothing is shown that may hold them"
        return Found(about, records, why if unknown else None)

    def _late(self, devbox: str) -> Found:
        made = self._start(devbox)
        made.devbox.trouble.append(f"it did not answer everything within {SECONDS:.0f} s")
        return made

    def _ask(self, found: Found) -> None:
        about, client = found.devbox, self._client()
        with _told(about, "its state"):
            _take_view(about, client.devbox.from_id(about.id).get_info())
        if about.status == "running":
            with _told(about, "output of its commands"):
                _fetch_outputs(client, about.id, found.records)
            with _told(about, "its facts"):
                about.facts = facts.of(client.devbox.from_id(about.id))
        with _told(about, "its log"):
            lines = client.devbox.from_id(about.id).logs().logs or []
            about.logs = [_line(line) for line in lines[-LOG_LINES:]]

    def _variables(self, devbox: str) -> dict[str, str]:
        """Return the variables of a devbox that hold secrets, with the names of these; tokens have none."""
        params = self._transcript.parameters(devbox) or {}
        tokens = [name for kind in ("gateways", "mcp") for name in params.get(kind) or {}]
        return {**dict.fromkeys(tokens, ""), **(params.get("secrets") or {})}

    def _learn(self, devbox: str) -> None:
        self._known[devbox] = False
        told = inside.values(self._client().devbox.from_id(devbox), self._variables(devbox))
        for value in told.values():
            self._redactor.learn(value)
        self._known[devbox] = True


@contextlib.contextmanager
def _told(about: Devbox, what: str) -> Iterator[None]:
    """Let evidence lack a part, and say why."""
    try:
        yield
    except Exception as error:
        if about.status not in ENDED or what == "its state":
            about.trouble.append(f"{what}: {type(error).__name__}: {error}")


def _take_view(about: Devbox, view: DevboxView) -> None:
    about.status = str(view.status)
    about.reason = view.failure_reason or view.shutdown_reason
    about.launch = view.launch_parameters.model_dump(mode="json", exclude_none=True)
    told = [
        Transition(str(step.status), step.transition_time_ms and step.transition_time_ms / 1000)
        for step in view.state_transitions or ()
    ]
    about.transitions = told or about.transitions


def _line(line: DevboxLog) -> str:
    what = " ".join(filter(None, [line.cmd, line.message]))
    ended = "" if line.exit_code is None else f" exit status {line.exit_code}"
    return f"{(line.timestamp_ms or 0) / 1000:.3f} {line.source} {line.level}: {what}{ended}"[:_LINE]


def _fetch_outputs(client: Runloop, devbox: str, records: Sequence[Record]) -> None:
    """Get what nobody waited for, or what the service only sent the end of."""
    wanted = [record for record in records if record.unfinished or (record.truncated and record.execution)]
    for record in wanted[-_COMMANDS:]:
        execution = client.devbox.from_id(devbox).cmd.execution(str(record.execution))
        if record.unfinished:
            complete(record, state := execution.get_state())
            record.running = state.exit_status is None
        if record.running or record.truncated:
            seconds = 0.5 if record.running else _GLIMPSE
            (stdout, whole), (stderr, whole_too) = execution.glimpse(seconds, TEXT)
            if record.running or (whole and whole_too):
                record.stdout, record.stderr, record.truncated = stdout, stderr, not (whole and whole_too)


def _plain(value: Any) -> Any:
    """Copy what a test may still change, in the kinds of JSON."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
