"""Further devboxes, made when a test asks for them in its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .. import Devbox
    from .lending import Held
    from .member import Member
    from .spec import Spec


class DevboxFactory:
    """Makes devboxes: `devbox_factory(blueprint="name", environment_variables={...})`.

    What it made is ended when the test session ends. A devbox that is used up earlier can be ended by
    `shutdown()`, or be a context manager: `with devbox_factory() as devbox:`.
    """

    def __init__(self, member: Member, session: pytest.Session, defaults: Spec) -> None:
        self._member = member
        self._session = session
        self._defaults = defaults
        self._made: list[Held] = []

    def __call__(self, **parameters: Any) -> Devbox:
        """Make a devbox and wait until it runs.

        :param parameters: the arguments of the marker, merged over `devbox_defaults`.
        :raises ValueError: if an argument is wrong.
        :raises RunloopError: if the service refuses, or the devbox does not come up.
        """
        __tracebackhide__ = True
        return self.several(1, **parameters)[0]

    def several(self, count: int, **parameters: Any) -> list[Devbox]:
        """Make several devboxes of a kind. Under a cap, all of them are waited for in one step.

        Two tests that each take one devbox and then wait for a second would otherwise wait for each other.

        :param count: how many.
        :param parameters: the arguments of the marker, merged over `devbox_defaults`.
        :raises ValueError: if an argument is wrong.
        :raises RunloopError: if the service refuses, or a devbox does not come up. None is left then.
        """
        __tracebackhide__ = True
        made = self._member.further_devboxes(self._session, self._defaults, parameters, count)
        self._made += made
        return [held.devbox for held in made]

    def end(self) -> None:
        """Give up all that it made."""
        self._member.give_up(self._made)
        self._made = []
