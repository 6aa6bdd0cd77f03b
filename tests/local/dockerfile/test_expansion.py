"""Variables."""

from __future__ import annotations

import pytest

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.expansion import expand, expand_document

VALUES = {"x": "foobarfoo", "e": "", "p": "/usr/local/lib.tar.gz", "n": "x", "_u1": "u", "s": "a*b"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("$x", "foobarfoo"),
        ("a${x}b", "afoobarfoob"),
        ("$x-$n/$_u1", "foobarfoo-x/u"),
        ("$unset.", "."),
        ("${unset}", ""),
        ("${x:-d}${e:-d}${unset:-d}", "foobarfoodd"),
        ("${x-d}|${e-d}|${unset-d}", "foobarfoo||d"),
        ("${x:+d}|${e:+d}|${unset:+d}", "d||"),
        ("${x+d}|${e+d}|${unset+d}", "d|d|"),
        ("${unset:-$n}", "x"),
        ("${unset:-${e:-${n}}}", "x"),
        ("${unset:-a b}", "a b"),
        ("${unset:-'}'}", "}"),
        ("${x:?no}", "foobarfoo"),
        ("${e?no}", ""),
        ("${x#f}", "oobarfoo"),
        ("${x#*o}", "obarfoo"),
        ("${x##*o}", ""),
        ("${p##*/}", "lib.tar.gz"),
        ("${p%.*}", "/usr/local/lib.tar"),
        ("${p%%.*}", "/usr/local/lib"),
        ("${x%zzz}", "foobarfoo"),
        ("${x#???}", "barfoo"),
        ("${s#a\\*}", "b"),
        ("${x#[f]}", "foobarfoo"),
        ("${unset%x}", ""),
        ("${x/foo/}", "barfoo"),
        ("${x//foo/A}", "AbarA"),
        ("${x/o*r/-}", "f-foo"),
        ("${x//o/$n}", "fxxbarfxx"),
        ("${p//\\//-}", "-usr-local-lib.tar.gz"),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$/", "$/"),
        ("$$", ""),
        ("$1x", "x"),
        ("\\$x", "$x"),
        ("a\\nb", "anb"),
        ("'$x'", "$x"),
        ("'a\\b'", "a\\b"),
        ('"$x"', "foobarfoo"),
        ('"\\$x\\"\\\\"', '$x"\\'),
        ('"a\\nb"', "a\\nb"),
        ('"it\'s $n"', "it's x"),
        ("\"a b\"c'd e'", "a bcd e"),
        ("", ""),
        ("a\\", "a"),
        ("ä$n€", "äx€"),
    ],
)
def test_a_word_is_expanded_as_docker_does(word: str, value: str) -> None:
    assert expand(word, VALUES) == value


def test_the_escape_token_is_that_of_the_directive() -> None:
    assert expand("`$n\\$n", VALUES, "`") == "$n\\x"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("'a", "closing single quote"),
        ('"a', "closing double quote"),
        ("${n", "no substitution"),
        ("${unset:-a", "lacks `}`"),
        ("${}", "no name"),
        ("${:-a}", "no name"),
        ("${n=a}", "`${n=` is no substitution"),
        ("${n:#a}", "`${n:#` is no substitution"),
        ("${n/a}", "lacks `/`"),
        ("${unset:?give it}", "unset: give it"),
        ("${unset?}", "unset: must be set"),
        ("${e:?}", "must be set and not empty"),
        ("${a:-" * 60 + "}" * 60, "deep"),
    ],
)
def test_what_cannot_be_expanded_says_why(word: str, said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        expand(word, VALUES)
    assert said in str(caught.value)


def test_a_document_keeps_its_quotes_and_loses_its_escapes() -> None:
    assert expand_document('it\'s "$n" \\$n \\\\\n', VALUES) == 'it\'s "x" $n \\\n'
