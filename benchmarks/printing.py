"""What commands print, chosen by a seed: outputs of every kind, written in pieces to both descriptors."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

LARGE: Final = 4_000_000
"""Bytes of the longest outputs."""
WRITER: Final = """\
import os, time
time.sleep(0.2)  # by then the streams of the outputs are open
with open("content", "rb") as content, open("steps") as steps:
    for step in steps:
        descriptor, size, pause = step.split()
        data = content.read(int(size))
        while data:
            data = data[os.write(int(descriptor), data):]
        time.sleep(float(pause))
"""
"""Run in a devbox, it prints what the files `content` and `steps` say."""
_LETTERS: Final = ["a", "b", " ", "\n", "\r", "\0", '"', "\\", "é", "€", "😀", "\u2028", "data: ", "\n\n"]


@dataclass(frozen=True, slots=True)
class Printed:
    """What one command prints.

    :param pieces: what is written one after the other: to which descriptor, what, and then how many seconds
        of rest.
    """

    pieces: list[tuple[int, bytes, float]]

    @property
    def content(self) -> bytes:
        """All bytes in the order in which they are written."""
        return b"".join(data for _, data, _ in self.pieces)

    @property
    def steps(self) -> str:
        """What tells the writer how to write them."""
        return "".join(f"{fd} {len(data)} {pause:.4f}\n" for fd, data, pause in self.pieces)

    def text(self, descriptor: int) -> str:
        """Return what a reader of one output must get: U+FFFD stands for bytes that are not UTF-8."""
        return b"".join(data for fd, data, _ in self.pieces if fd == descriptor).decode(errors="replace")


def printed(chance: random.Random) -> Printed:
    """Choose what a command prints."""
    parts = {descriptor: _in_pieces(chance, _output(chance)) for descriptor in (1, 2)}
    order = [descriptor for descriptor, pieces in parts.items() for _ in pieces]
    chance.shuffle(order)
    return Printed([(descriptor, parts[descriptor].pop(0), chance.random() / 20) for descriptor in order])


def _output(chance: random.Random) -> bytes:
    kind = chance.choices(("none", "byte", "text", "bytes", "lines", "large"), (20, 20, 60, 50, 49, 1))[0]
    match kind:
        case "none":
            return b""
        case "byte":
            return chance.randbytes(1)
        case "text":
            return "".join(chance.choices(_LETTERS, k=chance.randint(1, 3000))).encode()
        case "bytes":
            return chance.randbytes(chance.randint(1, 20_000))
        case "lines":
            return "".join(f"line {number} äöü €\n" for number in range(chance.randint(1, 6000))).encode()
    return chance.randbytes(LARGE) if chance.random() < 0.5 else b"0123456789\n" * (LARGE // 11)


def _in_pieces(chance: random.Random, output: bytes) -> list[bytes]:
    """Cut an output anywhere, in the middle of characters too."""
    count = min(len(output), chance.choice((1, 5, 10, 20)))
    ends = sorted(chance.sample(range(1, len(output)), count - 1)) if count else []
    return [output[start:end] for start, end in zip([0, *ends], [*ends, len(output)], strict=True) if end]
