"""As much of pytest's configuration as a run without a terminal needs."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop.session import settings


class Config:
    """A configuration.

    :param given: the values of options of the command line, by their names in the ini file.
    """

    def __init__(self, **given: Any) -> None:
        self._given = given
        self.inipath = None
        self.pluginmanager = pytest.PytestPluginManager()  # without a terminal

    def getoption(self, name: str, default: Any = None) -> Any:
        """Return an option of the command line."""
        return self._given.get(name, default)

    def getini(self, name: str) -> None:
        """There is no ini file."""


def settings_of(**given: Any) -> settings.Settings:
    """Return the options of a run.

    :param given: as the configuration has them.
    """
    config: Any = Config(**given)
    return settings.resolve(config)
