"""Parameters of the secret calls."""

from __future__ import annotations

from typing import Required

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit


@strict
class SecretCreateParams(TypedDict, total=False):
    """A new secret."""

    name: Required[str]
    """A possible name of an environment variable: letters, digits, underscores. Unique in the account."""
    value: Required[str]


@strict
class SecretUpdateParams(TypedDict, total=False):
    """The new value of a secret."""

    value: Required[str]


SecretUpdateByIDParams = SecretUpdateParams


@strict
class SecretListParams(TypedDict, total=False):
    """How many secrets to list, newest first. The API has no further pages of them."""

    limit: Limit
    """At most so many; default 20, at most 5,000 (the API's rule)."""
