"""How a server puts credentials into requests that it passes on (service of 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Required

from annotated_types import MaxLen
from typing_extensions import TypedDict

from ._strict import strict

AuthType = Literal["header", "bearer", "basic"]


@strict
class AuthMechanism(TypedDict, total=False):
    """Where the credential goes."""

    type: Required[AuthType]
    """`bearer` and `basic` are forms of `Authorization`; the secret of the latter is `USER:PASSWORD`."""
    key: str | None
    """With `header`: its name, as `x-api-key`."""


@strict
class CustomHeader(TypedDict, total=False):
    """A further header: with a text, or with the value of a secret."""

    name: Required[str]
    secret: str | None
    """Its name or its id."""
    value: str | None


CustomHeaders = Annotated[Sequence[CustomHeader], MaxLen(8)]
