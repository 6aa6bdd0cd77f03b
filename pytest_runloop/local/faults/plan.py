"""What is to go wrong, and how long things take: one immutable value, with a text and a JSON form."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ...contract.nearest import nearest
from ...contract.validation import Problem
from . import short
from .rules import KINDS, AnyRule
from .values import Duration, Share

PRESETS: Mapping[str, Mapping[str, float]] = {
    "cloud": {
        "rtt": 0.06,
        "boot": 1.7,
        "boot_median": 6.7,
        "boot_p99": 12.5,
        "boot_burst": 100,
        "boot_jitter": 0.1,
        "shutdown": 0.5,
        "snapshot": 3.0,
    },
}
"""Settings by the name of a preset."""


class FaultPlanError(ValueError):
    """A plan that cannot be understood.

    :param problems: everything that is wrong with it.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("the fault plan cannot be used: " + "; ".join(map(str, self.problems)))


class FaultPlan(BaseModel):
    """What is to go wrong, and how long things take. Without anything set, nothing does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0, description="decides everything random; the same seed gives the same faults")
    rtt: Duration = Field(0.0, description="round trip: half before each call, half before its answer")
    boot: Duration = Field(0.0, description="from create to running, of a devbox that boots alone")
    boot_median: Duration | None = Field(None, description="the same in the median of a burst")
    boot_p99: Duration | None = Field(None, description="the same for the slowest hundredth of a burst")
    boot_burst: int = Field(100, ge=3, description="how many devboxes such a burst has")
    boot_jitter: Share = Field(
        0.0, description="by how much `boot` differs from devbox to devbox, to either side"
    )
    shutdown: Duration = Field(0.0, description="until a shutdown is answered")
    snapshot: Duration = Field(0.0, description="until a snapshot is complete")
    suspend: Duration = Field(0.0, description="until a devbox is suspended")
    resume: Duration = Field(0.0, description="until a suspended devbox runs again")
    rules: tuple[Annotated[AnyRule, Field(discriminator="fault")], ...] = Field(
        (), description="the faults, in the order in which they are asked"
    )

    @classmethod
    def parse(cls, source: str | Mapping[str, Any]) -> Self:
        """Return the plan that a user wrote.

        :param source: the short form (`preset=cloud, seed=7, http_503=2%@devboxes.create`), a JSON object
            as text, or that object.
        :raises FaultPlanError: if it is not understood; everything that is wrong is told at once.
        """
        return cls._checked(*_read(source))

    @classmethod
    def parse_rule(cls, source: str | Mapping[str, Any]) -> AnyRule:
        """Return the one rule that a user wrote, without a name unless it was given one.

        :param source: as for `parse`, but of a rule.
        :raises FaultPlanError: if it is not understood, or not one rule.
        """
        values, sources = _read(source if isinstance(source, str) else {"rules": [source]})
        if len(values.get("rules", ())) != 1 or len(values) > 1:
            raise FaultPlanError([Problem("", "one rule is wanted here, and nothing else")])
        rule = cls._checked(values, sources).rules[0]
        return rule if values["rules"][0].get("name") else rule.model_copy(update={"name": ""})

    @classmethod
    def _checked(cls, values: Mapping[str, Any], sources: Sequence[str]) -> Self:
        try:
            return cls.model_validate(_with_preset(values))
        except ValidationError as error:
            raise FaultPlanError(_problems(error, sources)) from None

    @field_validator("rules", mode="after")
    @classmethod
    def _named(cls, rules: tuple[AnyRule, ...]) -> tuple[AnyRule, ...]:
        named = tuple(
            rule.model_copy(update={"name": rule.name or automatic})
            for rule, automatic in zip(rules, automatic_names(rules), strict=True)
        )
        twice = [name for name, count in Counter(rule.name for rule in named).items() if count > 1]
        if twice:
            raise ValueError(f"has several rules of the name `{twice[0]}`")
        return named

    @model_validator(mode="after")
    def _boots_get_slower(self) -> Self:
        if self.boot_p99 is not None and self.boot_median is None:
            raise ValueError("`boot_p99` needs `boot_median`")
        known = [figure for figure in (self.boot, self.boot_median, self.boot_p99) if figure is not None]
        if known != sorted(set(known)):
            raise ValueError("`boot`, `boot_median` and `boot_p99` must rise in this order")
        return self

    @property
    def quiet(self) -> bool:
        """Whether no call is changed by this plan."""
        return not self.rules and not self.rtt

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, with all that differs from the defaults."""
        settings: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True, exclude={"rules"})
        rules = [rule.model_dump(mode="json", exclude_defaults=True) for rule in self.rules]
        return {**settings, "rules": rules} if rules else settings

    def __str__(self) -> str:
        """Return a text from which `parse` makes an equal plan: the short form wherever that can say it."""
        form = self.as_json()
        for rule, automatic in zip(form.get("rules", ()), automatic_names(self.rules), strict=True):
            if rule["name"] == automatic:
                del rule["name"]
        return json.dumps(form) if short.cannot_say(form) else short.write(form)


def automatic_names(rules: Sequence[AnyRule]) -> list[str]:
    """Return what each rule is called if it is not given a name: its kind, and which of that kind it is."""
    seen: Counter[str] = Counter()
    names = []
    for rule in rules:
        seen[rule.fault] += 1
        names.append(f"{rule.fault}{seen[rule.fault]}")
    return names


def _read(source: str | Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
    """Return a plan in its JSON form, and the texts of its rules where they were read from the short form."""
    if isinstance(source, Mapping):
        return source, []
    if source.lstrip().startswith("{"):
        return _from_json(source), []
    items = short.read(source, settings=[*FaultPlan.model_fields, "preset"])
    if items.problems:
        raise FaultPlanError(items.problems)
    return {**items.settings, "rules": items.rules}, items.sources


def _from_json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise FaultPlanError([Problem("", f"is not JSON: {error}")]) from None
    if not isinstance(value, dict):
        raise FaultPlanError([Problem("", "is not a JSON object")])
    return value


def _with_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(values)
    preset = rest.pop("preset", None)
    if preset is None:
        return rest
    if not isinstance(preset, str) or preset not in PRESETS:
        hint = nearest(str(preset), PRESETS) or f"; there is {', '.join(PRESETS)}"
        raise FaultPlanError([Problem("preset", f"is not known: {preset!r}{hint}")])
    return {**PRESETS[preset], **rest}


def _problems(error: ValidationError, sources: Sequence[str]) -> list[Problem]:
    return [_problem(detail, sources) for detail in error.errors(include_url=False)]


def _problem(detail: Any, sources: Sequence[str]) -> Problem:
    place = list(detail["loc"])
    kind = next((part for part in place[2:3] if part in KINDS), None)
    fields = [part for part in place if part != kind]
    if kind and sources:
        return Problem(
            "",
            f"in `{sources[place[1]]}`: "
            + str(Problem(".".join(map(str, fields[2:])), _words(detail, kind))),
        )
    return Problem(".".join(map(str, fields)), _words(detail, kind))


def _words(detail: Any, kind: str | None) -> str:
    match detail["type"]:
        case "extra_forbidden":
            model = KINDS[kind] if kind else FaultPlan
            return "is not known" + nearest(
                str(detail["loc"][-1]), [*model.model_fields, *([] if kind else ["preset"])]
            )
        case "missing":
            return "is missing"
        case "union_tag_invalid":
            tag = detail["ctx"]["tag"]
            return f"is no kind of fault: {tag!r}" + (nearest(tag, KINDS) or f"; there is {', '.join(KINDS)}")
        case "union_tag_not_found":
            return f"does not say its `fault`: {', '.join(KINDS)}"
        case "value_error":
            return str(detail["ctx"]["error"])
    message: str = detail["msg"]
    return message[0].lower() + message[1:]
