"""What the benchmarks count, and what their command takes."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.cutting import difference


def test_what_is_lost_and_what_came_twice_is_counted_in_bytes() -> None:
    text = "zero one äöü two"
    assert difference(text, text) == (0, 0)
    assert difference(text, "zero äöü two") == (4, 0)
    assert difference(text, "zero one äöü äöü two") == (0, 7)
    assert difference(text, "zero one äoü two") == (2, 1)
    assert difference(text, "") == (19, 0)


@pytest.mark.parametrize(
    ("words", "told"),
    [(["nix"], "no such benchmark: nix; there are: builds"), (["zoo", "--seed=1"], "a seed decides: zoo")],
)
def test_what_cannot_be_measured_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
