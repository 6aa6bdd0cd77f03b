"""Dockerfile text to instructions."""

from __future__ import annotations

import pytest

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.parser import Heredoc, Instruction, parse


def only(text: str) -> Instruction:
    (instruction,) = parse(text).instructions
    return instruction


@pytest.mark.parametrize(
    ("text", "name", "arguments", "exec_form"),
    [
        ("run echo hi", "RUN", ("echo hi",), False),
        ("  RUN\techo hi  ", "RUN", ("echo hi",), False),
        ('RUN ["echo", "a b"]', "RUN", ("echo", "a b"), True),
        ('RUN ["echo"] && true', "RUN", ('["echo"] && true',), False),
        ("RUN ['echo']", "RUN", ("['echo']",), False),
        ("RUN [ -f x ] && true", "RUN", ("[ -f x ] && true",), False),
        ("CMD []", "CMD", (), True),
        ('ENTRYPOINT ["a\\tb"]', "ENTRYPOINT", ("a\tb",), True),
        ("COPY a  b\tc", "COPY", ("a", "b", "c"), False),
        ('COPY ["a b", "c"]', "COPY", ("a b", "c"), True),
        ("COPY -- --a b", "COPY", ("--a", "b"), False),
        ("ENV a=b c='d e' f=g\\ h", "ENV", ("a", "b", "c", "'d e'", "f", "g\\ h"), False),
        ("ENV name all the rest=x", "ENV", ("name", "all the rest=x"), False),
        ("ENV empty=", "ENV", ("empty", ""), False),
        ('LABEL "a b"=c', "LABEL", ('"a b"', "c"), False),
        ("ARG a b=1", "ARG", ("a", "b=1"), False),
        ("EXPOSE 80 443/tcp", "EXPOSE", ("80", "443/tcp"), False),
        ("HEALTHCHECK NONE", "HEALTHCHECK", ("NONE",), False),
        ("HEALTHCHECK CMD curl x", "HEALTHCHECK", ("CMD", "curl x"), False),
        ('HEALTHCHECK CMD ["curl", "x"]', "HEALTHCHECK", ("CMD", "curl", "x"), True),
        ("VOLUME /a /b", "VOLUME", ("/a", "/b"), False),
        ("WORKDIR /a b", "WORKDIR", ("/a b",), False),
        ('SHELL ["bash", "-c"]', "SHELL", ("bash", "-c"), True),
        ("MAINTAINER Ann <a@b>", "MAINTAINER", ("Ann <a@b>",), False),
    ],
)
def test_each_instruction_has_its_form(
    text: str, name: str, arguments: tuple[str, ...], exec_form: bool
) -> None:
    instruction = only(text)
    assert (instruction.name, instruction.arguments, instruction.exec_form) == (name, arguments, exec_form)


@pytest.mark.parametrize(
    ("text", "command", "end"),
    [
        ("RUN a \\\n  b", "a   b", 2),
        ("RUN a \\  \n b", "a  b", 2),
        ("RUN a\\\n# no part of it\n   # nor this\nb", "ab", 4),
        ("RUN a \\\n\n\n b", "a  b", 4),
        ("RUN a \\\r\n b\r\n", "a  b", 2),
        ("RUN \\\n a", "a", 2),
        ("RUN a # b", "a # b", 1),
        ("# escape=`\nRUN a `\n b\\", "a  b\\", 3),
        ("RUN a \\", "a", 1),
        ("\ufeffRUN a", "a", 1),
    ],
)
def test_lines_are_joined_where_they_are_continued(text: str, command: str, end: int) -> None:
    instruction = only(text)
    assert (instruction.arguments, instruction.end_line) == ((command,), end)


def test_an_escaped_escape_continues_nothing() -> None:
    assert [one.name for one in parse("RUN a \\\\\nUSER b").instructions] == ["RUN", "USER"]


def test_an_unfinished_file_says_so() -> None:
    assert parse("RUN a \\\n# comment\n").unfinished
    assert not parse("RUN a \\\n b\n").unfinished


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        ("# escape=`\nFROM a", "`"),
        ("#Escape = `\nFROM a", "`"),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a", "`"),
        ("# only a comment\n# escape=`\nFROM a", "\\"),
        ("\n# escape=`\nFROM a", "\\"),
        ("# other=x\n# escape=`\nFROM a", "\\"),
        ("FROM a\n# escape=`", "\\"),
    ],
)
def test_directives_count_only_at_the_very_top(text: str, escape: str) -> None:
    assert parse(text).escape == escape


def test_flags_come_before_the_arguments_and_lose_their_quotes() -> None:
    instruction = only('COPY --chown="a b":c --link --from=x --exclude=*.o --exclude=*.a src /dst --late')
    assert instruction.flags == (
        ("chown", "a b:c"), ("link", "true"), ("from", "x"), ("exclude", "*.o"), ("exclude", "*.a"),
    )  # fmt: skip
    assert instruction.arguments == ("src", "/dst", "--late")


@pytest.mark.parametrize(
    ("text", "heredocs"),
    [
        ("RUN <<EOF\na\n# b\n\nEOF", [Heredoc("EOF", "a\n# b\n\n")]),
        ("RUN <<'EOF'\n$a\nEOF", [Heredoc("EOF", "$a\n", expand=False)]),
        ("RUN <<-EOF\n\ta\n\tEOF", [Heredoc("EOF", "\ta\n", strip_tabs=True)]),
        ('RUN cat 3<<A <<"B C"\n1\nA\n2\nB C', [Heredoc("A", "1\n"), Heredoc("B C", "2\n", expand=False)]),
        ("COPY <<a <<b /dst/\n1\na\n2\nb", [Heredoc("a", "1\n"), Heredoc("b", "2\n")]),
        ("RUN cat <<EOF \\\n > x\nhi\nEOF", [Heredoc("EOF", "hi\n")]),
        ("RUN <<EOF\r\na\r\nEOF\r\n", [Heredoc("EOF", "a\r\n")]),
        ("ADD <<EOF /x\nEOF", [Heredoc("EOF", "")]),
    ],
)
def test_documents_are_read_up_to_their_delimiter(text: str, heredocs: list[Heredoc]) -> None:
    assert list(only(text).heredocs) == heredocs


@pytest.mark.parametrize(
    "text", ["RUN cat<<EOF", "RUN cat <<<EOF", 'RUN echo "<<EOF"', 'RUN ["<<EOF"]', "CMD <<EOF"]
)
def test_what_only_looks_like_a_document_is_none(text: str) -> None:
    assert only(text).heredocs == ()


def test_tabs_are_stripped_from_every_line() -> None:
    assert Heredoc("E", "\t\ta\n\n\tb\tc\n", strip_tabs=True).text == "a\n\nb\tc\n"


def test_a_trigger_keeps_its_instruction_with_its_documents() -> None:
    text = "ONBUILD RUN --network=none cat <<EOF\nhi\nEOF"
    trigger = only(text).trigger
    assert trigger is not None
    assert (trigger.name, trigger.flag("network"), trigger.heredocs[0].body) == ("RUN", "none", "hi\n")
    again = only(trigger.source())
    assert (again.arguments, again.flags, again.heredocs) == (
        trigger.arguments,
        trigger.flags,
        trigger.heredocs,
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("FROM a\n\nRUNN x", 3, "unknown instruction `RUNN`, did you mean `RUN`?"),
        ("FORM a", 1, "did you mean `FROM`?"),
        ("zzzzzz a", 1, "one of ADD, ARG"),
        ("RUN", 1, "RUN needs an argument"),
        ("RUN []", 1, "RUN needs an argument"),
        ("WORKDIR", 1, "expected: WORKDIR PATH"),
        ('CMD ["a", 1]', 1, "only strings"),
        ("ENV a", 1, "`a` has no value"),
        ("ENV a=b c", 1, "`c` has no `=`"),
        ("SHELL bash -c", 1, "as a list in JSON form"),
        ("HEALTHCHECK curl x", 1, "`curl x` is no health check"),
        ("COPY --fro=a b c", 1, "no flag `--fro`, did you mean `from`?"),
        ("COPY --chown b c", 1, "`--chown` has no value"),
        ("COPY --link=maybe b c", 1, "neither true nor false"),
        ("COPY --from=a --from=b c d", 1, "given twice"),
        ("USER --x=y z", 1, "USER has no flag `--x`"),
        ("FROM a\nRUN \\\n  <<EOF\nx", 2, "expected: a line that is `EOF`"),
        ("ONBUILD", 1, "ONBUILD needs an argument"),
        ("ONBUILD FROM x", 1, "`FROM` cannot be kept"),
        ("ONBUILD onbuild RUN x", 1, "`onbuild` cannot be kept"),
        ("ONBUILD RUNN x", 1, "did you mean `RUN`?"),
        ("# escape=x\nFROM a", 1, "`x` cannot be the escape"),
        ("# syntax=a\n# syntax=b\nFROM a", 2, "given twice"),
        ("FROM a\nRUN a\0b", 2, "NUL"),
    ],
)
def test_an_error_names_the_line_and_what_is_expected(text: str, line: int, said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text)
    assert caught.value.line == line
    assert said in str(caught.value)


def test_an_error_shows_the_line() -> None:
    with pytest.raises(DockerfileError) as caught:
        parse("FROM a\n  COPY --form=b c d")
    assert "\n  2 | COPY --form=b c d\n" in str(caught.value)
