"""What a run is given beside what its scenario or benchmark says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ..errors import invalid
from ..launch import given


@dataclass(frozen=True, slots=True)
class Profile:
    """A run profile, decoded.

    :param secrets: environment variable to the name of a secret.
    """

    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    launch_parameters: dict[str, Any] = field(default_factory=dict)
    mounts: tuple[Mapping[str, Any], ...] = ()
    purpose: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Return the profile in the parameters of a call."""
        profile = params.get("run_profile") or {}
        return cls(
            dict(profile.get("env_vars") or {}),
            dict(profile.get("secrets") or {}),
            given(profile.get("launch_parameters") or {}),
            tuple(profile.get("mounts") or ()),
            profile.get("purpose"),
        )

    def over(self, below: Profile) -> Profile:
        """Return this profile with what another one says where this one does not."""
        return Profile(
            below.variables | self.variables,
            below.secrets | self.secrets,
            below.launch_parameters | self.launch_parameters,
            (*below.mounts, *self.mounts),
            self.purpose or below.purpose,
        )

    def require(self, variables: Sequence[str] | None, secrets: Sequence[str] | None, what: str) -> None:
        """Refuse a run that lacks what it needs.

        A secret counts by its variable or by its name: the API's words allow both.

        :param what: what needs it, as `scenario scn_…`.
        :raises ApiError: 400, naming all that is missing.
        """
        lacking = [name for name in variables or () if name not in self.variables | self.secrets]
        known = {*self.secrets, *self.secrets.values()}
        secret = [name for name in secrets or () if name not in known]
        wants = [
            *(f"`{name}` in `runProfile.envVars`" for name in lacking),
            *(f"`{name}` in `runProfile.secrets` (variable to name of a secret)" for name in secret),
        ]
        if wants:
            raise invalid(f"{what} needs {', '.join(wants)}")
