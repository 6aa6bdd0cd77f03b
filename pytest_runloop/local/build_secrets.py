"""The secrets of one build: seen by its commands, and by nothing that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..contract.nearest import nearest
from .dockerfile.errors import DockerfileError
from .dockerfile.plan import Mount
from .masking import Mask

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BuildSecrets:
    """Values by the names under which a build's commands find them.

    :param values: name to value. Each may be mounted; one whose name a variable can have is one too.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.mask = Mask(self.values.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self.values))

    @property
    def variables(self) -> dict[str, str]:
        """What every command has in its environment."""
        return {name: value for name, value in self.values.items() if _VARIABLE.fullmatch(name)}

    def of(self, mounts: Iterable[Mount]) -> dict[str, str]:
        """Return what one RUN has in its environment.

        :raises DockerfileError: if a mount requires a secret that the build does not have.
        """
        mine = self.variables
        for mount in mounts:
            if mount.kind == "secret" and mount.identifier in self.values:
                mine |= {mount.variable: self.values[mount.identifier]} if mount.variable else {}
            elif mount.kind == "secret" and mount.required:
                what = f"the build has no secret `{mount.identifier}`{nearest(mount.identifier, self.values)}"
                raise DockerfileError(what, expected=f"`secrets` of the blueprint with `{mount.identifier}`")
        return mine
