"""Every kind of fault, as a rule of a plan. The descriptions in here are what users read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ...contract.nearest import nearest
from ...contract.views.devboxes import FailureReason, ShutdownReason
from ..events import Ending, Moment
from .endpoints import EndpointPattern, names_a_devbox
from .values import Duration, Occurrences, Position, Rate, Share

REASONS: Mapping[str, Ending] = {
    **dict.fromkeys(get_args(FailureReason), "failure"),
    **dict.fromkeys(get_args(ShutdownReason), "shutdown"),
}
"""Everything that a devbox can die of, and the status that it has afterwards."""


def _known_reason(reason: str) -> str:
    if reason not in REASONS:
        hint = nearest(reason, REASONS) or f"; there is {', '.join(REASONS)}"
        raise ValueError(f"is nothing that a devbox dies of: {reason!r}{hint}")
    return reason


Reason = Annotated[str, AfterValidator(_known_reason)]
_WHEN = "before or after the call has done its work"


class Rule(BaseModel):
    """What every rule has: which calls it strikes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    summary: ClassVar[str]

    endpoint: EndpointPattern | None = Field(
        None,
        description="the calls: `*` (all), `devboxes.create`, `executions.*`, `create` (of any resource), "
        "`POST /v1/devboxes/{id}/execute`, `GET /v1/objects/*`",
    )
    probability: Share = Field(1.0, description="of each call that fits; the seed decides")
    nth: Occurrences | None = Field(
        None, description="only these of the calls that fit, from 1: `3`, `2-4`, `5-`, `1/4-5`"
    )
    times: int | None = Field(None, ge=1, description="strike at most so many calls")
    per: Literal["all", "devbox", "request"] = Field(
        "all",
        description="what `nth` counts: all calls that fit, those of each devbox, or the tries of each "
        "request (equal `x-request-id`)",
    )
    devbox: str | None = Field(
        None,
        description="only calls of the devbox with this id or name; `*` and `?` stand for any characters",
    )
    name: str = Field(
        "",
        description="what log and gates call the rule; else kind and number, as `gate2` for the second gate",
    )

    @property
    def calls(self) -> str | None:
        """The pattern of the calls that the rule strikes; `None` if it waits for something else."""
        return self.endpoint or "*"

    @model_validator(mode="after")
    def _devbox_can_be_told(self) -> Self:
        if self.devbox and self.calls and not names_a_devbox(self.calls):
            raise ValueError(f"has `devbox`, but `{self.calls}` has no devbox in its path")
        return self


class _EventRule(Rule):
    """A rule that strikes a call, or a moment in a devbox's life, or a command."""

    when: Literal["before", "after"] | None = Field(None, description=_WHEN + "; before unless told")
    moment: Moment | None = Field(None, description="instead of a call: a step in a devbox's life")
    command: str | None = Field(
        None, description="instead of a call: the start of a command that fits this pattern, as `*make test*`"
    )

    @property
    def calls(self) -> str | None:
        return self.endpoint

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        given = [key for key in ("endpoint", "moment", "command") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                "needs exactly one of `endpoint` (`@NAME` in short form), `moment` and `command`"
            )
        if self.when and not self.endpoint:
            raise ValueError(f"has `when`, which only calls have, beside `{given[0]}`")
        return self


def _require_devbox(endpoint: str | None, what: str) -> None:
    if endpoint and not names_a_devbox(endpoint):
        raise ValueError(f"cannot know who {what} of `{endpoint}`: it has no devbox in its path")


class Http(Rule):
    """An error answer."""

    summary = "an error answer in place of the call, or of its answer"
    fault: Literal["http"]
    status: int = Field(ge=400, le=599, description="the HTTP status; `http_503` in short form")
    when: Literal["before", "after"] = Field("before", description=_WHEN)
    retry_after: Duration | None = Field(None, description="send `retry-after` with so many seconds")
    should_retry: bool | None = Field(None, description="send `x-should-retry`, which clients obey")


class Lost(Rule):
    """An answer that never comes."""

    summary = "the connection is closed in order, without an answer"
    fault: Literal["lost"]
    when: Literal["before", "after"] = Field("after", description=_WHEN)


class Reset(Rule):
    """A connection reset."""

    summary = "the connection is reset (TCP RST), without an answer"
    fault: Literal["reset"]
    when: Literal["before", "after"] = Field("before", description=_WHEN)


class Unread(Rule):
    """A request that nobody reads."""

    summary = "the request is not read and not answered, while the connection stays open"
    fault: Literal["unread"]
    lasting: Duration = Field(600.0, description="then the connection is reset, if the client has not left")


class Cut(Rule):
    """A body that ends too early."""

    summary = "the body of the answer (event stream, download, any) ends too early"
    fault: Literal["cut"]
    at: Position = Field(description="after so many bytes: `100`; `0-4096` lets the seed pick")
    how: Literal["close", "reset", "stall"] = Field(
        "close", description="close in order, reset, or send nothing more on an open connection"
    )
    lasting: Duration | None = Field(
        None, description="a stall ends by closing; else it lasts as the client does"
    )

    @model_validator(mode="after")
    def _only_a_stall_lasts(self) -> Self:
        if self.lasting is not None and self.how != "stall":
            raise ValueError(f"has `lasting`, which goes with `how=stall`, not `how={self.how}`")
        return self


class Slow(Rule):
    """A body that comes slowly."""

    summary = "the body of the answer comes slowly"
    fault: Literal["slow"]
    rate: Rate = Field(description="bytes a second: `500`, `10kB`, `1MiB/s`")


class Delay(_EventRule):
    """A wait."""

    summary = "the call, or the step in a devbox's life, takes longer"
    fault: Literal["delay"]
    by: Duration = Field(description="how much longer")


class Gate(_EventRule):
    """A call that is held until somebody releases it."""

    summary = "the call, or the step in a devbox's life, is held until a test releases it"
    fault: Literal["gate"]


class Die(_EventRule):
    """The end of a devbox."""

    summary = "the devbox dies"
    fault: Literal["die"]
    reason: Reason = Field(
        description="`die_REASON` in short form: " + ", ".join(f"`{reason}`" for reason in REASONS)
    )
    later: Duration = Field(0.0, description="so long after what it waits for")

    @model_validator(mode="after")
    def _says_which_devbox(self) -> Self:
        _require_devbox(self.endpoint, "dies")
        return self


class Evict(_EventRule):
    """The end of a devbox's host."""

    summary = (
        "the devbox's host is to be taken away: `watch_evictions` tells so, and the devbox is suspended if "
        "it runs when the time is over"
    )
    fault: Literal["evict"]
    notice: Duration = Field(60.0, description="how long before it is suspended that is told")
    later: Duration = Field(0.0, description="told so long after what it waits for")

    @model_validator(mode="after")
    def _says_which_devbox(self) -> Self:
        _require_devbox(self.endpoint, "is evicted")
        return self


AnyRule = Http | Lost | Reset | Unread | Cut | Slow | Delay | Gate | Die | Evict
KINDS: Mapping[str, type[Rule]] = {
    get_args(kind.model_fields["fault"].annotation)[0]: kind for kind in get_args(AnyRule)
}
"""Every kind of fault by its name in a plan."""
