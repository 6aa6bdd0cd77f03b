"""Whatever the text, the answer is a value or an error that was meant for people."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.expansion import expand, expand_document
from pytest_runloop.local.dockerfile.forms import FORMS
from pytest_runloop.local.dockerfile.ignore import parse_ignore
from pytest_runloop.local.dockerfile.modes import apply_mode, check_mode
from pytest_runloop.local.dockerfile.parser import parse
from pytest_runloop.local.dockerfile.plan import RunStep
from pytest_runloop.local.dockerfile.preview import compose

from .planning import plan

# No database: tests leave nothing behind. No deadline: the machine may be busy.
quiet = settings(database=None, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])

PIECES = [
    *(f"{name} " for name in FORMS if name != "FROM"),
    *("FROM debian\n", "FROM debian AS a\n", "FROM a\n", "--mount=type=cache,target=/x ", "--mount="),
    *("--from=a ", "--from=0 ", "--chown=", "--chmod=", "--exclude=[ ", "a", "b=c", "$x", "${x:-", "}"),
    *("'", '"', "\\", "`", "<<EOF", "<<-'E'", "\nEOF\n", "\n\tE\n", "\n", "\\\n", " ", "\t", "# c\n"),
    *("# escape=`\n", '["a"]', "[", "80-90", "\r", "\x0b", "https://x/y", "*", "\u2028", "\ud800"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.text(max_size=60)
words = st.text(alphabet="abx1_${}:-+?#%/\\'\"` *[]", max_size=30)


def answers(function: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(DockerfileError):
        function(text)


@quiet
@given(texts)
def test_any_text_is_parsed_planned_or_refused(text: str) -> None:
    answers(parse, text)
    answers(plan, text)
    answers(plan, f"FROM debian\n{text}")


@quiet
@given(words)
def test_any_word_is_expanded_or_refused(word: str) -> None:
    answers(lambda text: expand(text, {"a": "bab", "x": ""}), word)
    answers(lambda text: expand(text, {"a": "bab"}, "`"), word)
    answers(lambda text: expand_document(text, {"a": "bab"}), word)


@quiet
@given(st.text(alphabet="ab*?[]^-!\\/.# \n", max_size=30))
def test_any_ignore_file_is_read_or_refused(text: str) -> None:
    answers(lambda lines: parse_ignore(lines).ignores("a/b/a"), text)


@quiet
@given(st.text(alphabet="ugoarwxXst+-=,07", max_size=12), st.integers(0, 0o7777), st.booleans())
def test_any_mode_is_applied_within_bounds_or_refused(text: str, current: int, directory: bool) -> None:
    with contextlib.suppress(DockerfileError):
        assert 0 <= apply_mode(check_mode(text), current, directory=directory) <= 0o7777


plain = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\`'\"$<#"), min_size=1, max_size=12
)


@quiet
@given(
    st.lists(
        st.tuples(st.sampled_from(["RUN", "USER", "WORKDIR", "STOPSIGNAL"]), plain.map(str.strip)), max_size=6
    )
)
def test_what_is_written_is_what_is_read(lines: list[tuple[str, str]]) -> None:
    lines = [(name, text) for name, text in lines if text and text[0] not in "[-"]
    dockerfile = parse("\n".join(f"{name}  {text}" for name, text in lines))
    assert [(one.name, *one.arguments) for one in dockerfile.instructions] == lines
    again = parse("\n".join(one.source() for one in dockerfile.instructions))
    assert [(one.name, *one.arguments) for one in again.instructions] == lines


@quiet
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_setup_command_survives_composing(command: str) -> None:
    text = compose({"name": "x", "system_setup_commands": [command, "true"]}, base="debian")
    runs = [step for step in plan(text).result.steps if isinstance(step, RunStep)]
    given_back = [(step.script or step.argv[-1]).strip() for step in runs]
    assert given_back == ([command.strip(), "true"] if command.strip() else ["true"])
