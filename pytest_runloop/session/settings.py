"""The settings of a run: for each option the value that holds, and who gave it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

import pytest

from . import options
from .options import OPTIONS, Option

T = TypeVar("T")


class Rank(IntEnum):
    """Who gave a value; the higher one holds."""

    DEFAULT = 0
    INI = 1
    ENVIRONMENT = 2
    COMMAND_LINE = 3


class Given(NamedTuple):
    """A value, and where it came from.

    :param origin: the place in words, as `--runloop-ttl`.
    """

    value: Any
    rank: Rank
    origin: str


class Settings:
    """The value of each option, as `settings[options.BACKEND]`."""

    def __init__(self, given: dict[Option[Any], Given]) -> None:
        self._given = given

    def __getitem__(self, option: Option[T]) -> T:
        value: T = self._given[option].value
        return value

    def origin(self, option: Option[Any]) -> str:
        """Say where this option's value came from."""
        return self._given[option].origin

    def rank(self, option: Option[Any]) -> Rank:
        """Tell who gave this option's value."""
        return self._given[option].rank

    def changed(self, given: dict[Option[Any], Given]) -> Settings:
        """Return these settings with some other values."""
        return Settings({**self._given, **given})


def resolve(config: pytest.Config) -> Settings:
    """Read all options of a run.

    :raises pytest.UsageError: if a value is not allowed, or two contradict each other.
    """
    settings = Settings({option: _parsed(option, next(_candidates(config, option))) for option in OPTIONS})
    _refuse_contradictions(settings)
    return settings


def without_config() -> Settings:
    """Read the options as far as the environment gives them.

    :raises pytest.UsageError: if a value is not allowed.
    """
    return Settings({option: _parsed(option, next(_candidates(None, option))) for option in OPTIONS})


def _candidates(config: pytest.Config | None, option: Option[Any]) -> Iterator[Given]:
    """Yield the values that were given, unparsed, the one that holds first."""
    from_command_line = config.getoption(option.ini, default=None) if config else None
    if from_command_line is not None:
        yield Given(from_command_line, Rank.COMMAND_LINE, option.flag)
    from_environment = os.environ.get(option.env) if option.env else None
    if from_environment:
        yield Given(from_environment, Rank.ENVIRONMENT, f"the environment variable {option.env}")
    from_ini = _ini_value(config, option) if config else None
    if config and from_ini is not None:
        yield Given(from_ini, Rank.INI, _ini_origin(config, option))
    yield Given(option.default, Rank.DEFAULT, "the default")


def _ini_value(config: pytest.Config, option: Option[Any]) -> Any:
    try:
        return config.getini(option.ini)
    except (ValueError, TypeError, pytest.UsageError) as error:
        # pytest's own words tell the value, but not always the option.
        raise pytest.UsageError(
            f"{_ini_origin(config, option)} must be {option.kind.allowed} ({error})"
        ) from None


def _ini_origin(config: pytest.Config, option: Option[Any]) -> str:
    return f"{option.ini} in {config.inipath or 'the ini file'}"


def _parsed(option: Option[Any], given: Given) -> Given:
    if given.rank is Rank.DEFAULT:
        return given
    try:
        return Given(option.kind.parse(given.value), given.rank, given.origin)
    except options.NotAllowedError as error:
        raise pytest.UsageError(f"{given.origin}: {error}") from None
    except ValueError:
        import difflib

        near = difflib.get_close_matches(str(given.value), option.kind.metavar.split("|"), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise pytest.UsageError(
            f"{given.origin}: {given.value!r} is not allowed; it must be {option.kind.allowed}{hint}"
        ) from None


def _refuse_contradictions(settings: Settings) -> None:
    first, second = options.BLUEPRINT, options.FROM_SNAPSHOT
    if settings[first] and settings[second] and settings.rank(first) == settings.rank(second):
        raise pytest.UsageError(
            f"{settings.origin(first)} and {settings.origin(second)} both say where devboxes start from; "
            "give one of them"
        )
    given_by_hand = settings.rank(options.BASE_URL) is Rank.COMMAND_LINE
    if settings[options.BACKEND] == "local" and given_by_hand:
        raise pytest.UsageError(
            f"{options.BASE_URL.flag} names a server, but {settings.origin(options.BACKEND)} asks for this "
            f"machine; leave one of them out, or say {options.BACKEND.flag}=cloud"
        )
