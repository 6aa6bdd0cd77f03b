"""Parameters of the repository calls."""

from __future__ import annotations

from typing import Required

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit


@strict
class RepositoryCreateParams(TypedDict, total=False):
    """A repository to know by an id."""

    name: Required[str]
    owner: Required[str]
    blueprint_id: str | None
    """The base of blueprints that are made from its inspections."""
    github_auth_token: str | None
    """What opens a private repository."""


@strict
class RepositoryListParams(TypedDict, total=False):
    """Which repositories to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    owner: str
    starting_after: str


@strict
class RepositoryInspectParams(TypedDict, total=False):
    """How to get at a repository that is to be inspected."""

    github_auth_token: str | None
    """What opens a private repository, in place of the one it was made with."""


@strict
class RepositoryRefreshParams(RepositoryInspectParams, total=False):
    """What is new about a repository, which is then inspected."""

    blueprint_id: str | None
    """The base of blueprints that are made from its inspections."""
