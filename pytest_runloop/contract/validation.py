"""Checks values against parameter types, and says what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from .nearest import nearest
from .wire import wire_names


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a value.

    :param where: the field, as `launch_parameters.after_idle.on_idle`.
    :param what: what is wrong with it, as a clause that follows the field's name.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"`{self.where}` {self.what}" if self.where else self.what


class InvalidParamsError(ValueError):
    """Parameters that do not fit their type."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


@cache
def _adapter(params: type) -> TypeAdapter[Any]:
    return TypeAdapter(params)


def validated(params: type, value: Mapping[str, Any], *, lax: bool = False) -> dict[str, Any]:
    """Return the value as its parameter type describes it.

    :param params: the TypedDict to check against.
    :param value: the parameters.
    :param lax: accept text where the type says number or boolean, as a query string has it.
    :raises InvalidParamsError: if a key is unknown or missing, or a value has the wrong type.
    """
    try:
        checked: dict[str, Any] = _adapter(params).validate_python(dict(value), strict=None if lax else True)
    except ValidationError as error:
        raise InvalidParamsError(list(_problems(params, error))) from None
    return checked


def _problems(params: type, error: ValidationError) -> Iterator[Problem]:
    known = wire_names(params)
    for detail in error.errors(include_url=False, include_input=False):
        yield _problem(known, detail)


def _problem(known: list[str], detail: ErrorDetails) -> Problem:
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return Problem(
            ".".join(place), "is not known" + (nearest(place[0], known) if len(place) == 1 else "")
        )
    if detail["type"] == "missing":
        return Problem(".".join(place), "is missing")
    if detail["type"] == "union_tag_not_found":
        return Problem(".".join([*place, detail["ctx"]["discriminator"].strip("'")]), "is missing")
    message = detail["msg"]
    return Problem(".".join(place), message[0].lower() + message[1:])
