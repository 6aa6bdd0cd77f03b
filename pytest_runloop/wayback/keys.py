"""What somebody types who wants to leave, although nobody answers any more."""

from __future__ import annotations

LEAVE = "Enter, ~ and . (as in ssh)"


class Keys:
    """Looks through what is typed for the keys that leave: at the beginning of a line `~`, and then `.`.

    Only keys that come by themselves are taken for that. In a paste the same letters are text.
    """

    def __init__(self) -> None:
        self._held = b""
        self._at_start = True

    def pass_on(self, data: bytes) -> bytes | None:
        """Return what is to be handed on of what was typed; `None` if somebody wants to leave."""
        typed, self._held = self._held + data, b""
        if self._at_start and typed == b"~.":
            return None
        if self._at_start and typed == b"~":
            self._held = typed
            return b""
        self._at_start = typed.endswith((b"\r", b"\n"))
        return typed
