"""Further devboxes, made when a test asks for them in its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .ending import end_all
from .ledger import Entry

if TYPE_CHECKING:
    from .. import Devbox
    from .member import Member
    from .spec import Spec

SECONDS = 15.0


class DevboxFactory:
    """Makes devboxes: `devbox_factory(blueprint="name", environment_variables={...})`.

    It ends what it made when the test session ends. A devbox that is used up earlier can be ended by
    `shutdown()`, or be a context manager: `with devbox_factory() as devbox:`.
    """

    def __init__(self, member: Member, session: pytest.Session, defaults: Spec) -> None:
        self._member = member
        self._session = session
        self._defaults = defaults
        self._made: list[Entry] = []

    def __call__(self, **parameters: Any) -> Devbox:
        """Make a devbox and wait until it runs.

        :param parameters: the arguments of the marker, merged over `devbox_defaults`.
        :raises ValueError: if an argument is wrong.
        :raises RunloopError: if the service refuses, or the devbox does not come up.
        """
        __tracebackhide__ = True
        held = self._member.further_devbox(self._session, self._defaults, parameters)
        self._made.append(held.entry)
        return held.devbox

    def end(self) -> None:
        """End all that it made. What is not confirmed is left to the end of the run."""
        end_all(self._made, self._member.devboxes.end, SECONDS)
        self._made.clear()
