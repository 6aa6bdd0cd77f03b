"""What is wrong with a Dockerfile, said with the place."""

from __future__ import annotations


class DockerfileError(ValueError):
    """A Dockerfile, or what it copies from, that cannot be built.

    :param what: what is wrong, as a clause.
    :param line: the number of the line, from 1; 0 if no line is to blame.
    :param shown: that line as written.
    :param expected: what would be right, or an empty text.
    """

    def __init__(self, what: str, *, line: int = 0, shown: str = "", expected: str = "") -> None:
        self.what = what
        self.line = line
        self.shown = shown
        self.expected = expected
        super().__init__(what)

    def __str__(self) -> str:
        text = f"Dockerfile line {self.line}: {self.what}" if self.line else self.what
        if self.shown:
            text += f"\n  {self.line} | {self.shown}"
        return f"{text}\n  expected: {self.expected}" if self.expected else text

    def at(self, line: int, shown: str) -> DockerfileError:
        """Return the same error with its place, unless it has one already."""
        if self.line:
            return self
        return DockerfileError(self.what, line=line, shown=shown, expected=self.expected)
