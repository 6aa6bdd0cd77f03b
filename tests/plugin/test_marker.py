"""The marker: wrong ones are refused while tests are collected, in words and with the place."""

from __future__ import annotations

import pytest

from .suite import QUIET

WRONG = [
    ("bluprint='x'", "`bluprint` is not known; did you mean `blueprint`?"),
    ("layer='x'", "`layer` is not known; known are: blueprint, snapshot,"),
    ("inside=True", "`inside` is not known"),
    ("reuse='rest'", "`reuse` must be 'never', 'reset' or 'shared', not 'rest'"),
    ("reuse=True", "`reuse` must be 'never'"),
    ("blueprint='a', snapshot='b'", "`blueprint` and `snapshot` each say where the devbox starts from"),
    ("blueprint='a', blueprint_name='b'", "`blueprint` and `blueprint_name` each say"),
    ("blueprint_id='a', snapshot_id='b'", "`blueprint_id` and `snapshot_id` each say"),
    ("blueprint=3", "`blueprint` input should be a valid string"),
    ("environment_variables={'A': 1}", "`environment_variables.A` input should be a valid string"),
    ("environment_variables='A=1'", "`environment_variables` input should be a valid dictionary"),
    ("launch_parameters={'keep_alive': 3}", "`launch_parameters.keep_alive` is not known"),
    ("launch_parameters={'launch_commands': 'ls'}", "`launch_parameters.launch_commands`"),
    ("mounts=[{'type': 'tape'}]", "`mounts.0`"),
    (
        "'my-blueprint'",
        "takes keyword arguments only, not 'my-blueprint'; did you mean blueprint='my-blueprint'?",
    ),
]


def errors(pytester: pytest.Pytester, source: str, *arguments: str) -> str:
    """Collect a module with a wrong marker, and return what is said about it."""
    pytester.makepyfile(test_it="import pytest\n" + source)
    result = pytester.runpytest_inprocess(*QUIET, "--strict-markers", *arguments)
    told = result.stdout.str()
    assert result.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED), told
    assert "INTERNALERROR" not in told
    assert "Traceback" not in told
    result.assert_outcomes(errors=1)
    return told


@pytest.mark.parametrize(("arguments", "complaint"), WRONG)
def test_a_wrong_marker_is_one_error_with_file_and_line(
    pytester: pytest.Pytester, arguments: str, complaint: str
) -> None:
    source = f"def test_first(): pass\n@pytest.mark.devbox({arguments})\ndef test_second(devbox): pass\n"
    told = errors(pytester, source)
    assert f"test_it.py:3 (test_second): @pytest.mark.devbox: {complaint}" in told


def test_the_wrong_marker_of_a_class_is_told_once_with_its_place(pytester: pytest.Pytester) -> None:
    source = (
        "@pytest.mark.devbox(nam=1)\nclass TestIt:\n    def test_a(self): pass\n    def test_b(self): 1\n"
    )
    complaint = "test_it.py:2 (TestIt): @pytest.mark.devbox: `nam` is not known; did you mean `name`?"
    assert errors(pytester, source).count(complaint) == 1


def test_the_wrong_marker_of_a_module_is_told_once_with_its_place(pytester: pytest.Pytester) -> None:
    source = "import os\npytestmark = pytest.mark.devbox(secret={})\ndef test_a(): pass\ndef test_b(): pass\n"
    complaint = "test_it.py:3: @pytest.mark.devbox: `secret` is not known; did you mean `secrets`?"
    assert errors(pytester, source).count(complaint) == 1


def test_the_wrong_marker_of_one_parameter_names_it(pytester: pytest.Pytester) -> None:
    source = (
        "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=pytest.mark.devbox(name=2))])\n"
        "def test_a(n): pass\n"
    )
    assert "(test_a[2]): @pytest.mark.devbox: `name` input should be a valid string" in errors(
        pytester, source
    )


def test_all_wrong_markers_of_a_module_are_told_together(pytester: pytest.Pytester) -> None:
    source = (
        "@pytest.mark.devbox(a=1)\ndef test_a(): pass\n"
        "@pytest.mark.devbox(b=1)\ndef test_b(): pass\n"
        "@pytest.mark.devbox(c=1)\nclass TestC:\n    def test_c(self): pass\n"
    )
    told = errors(pytester, source)
    assert all(f"`{key}` is not known" in told for key in "abc")


def test_wrong_markers_are_told_by_collect_only_and_under_xdist(pytester: pytest.Pytester) -> None:
    source = "@pytest.mark.devbox(bluprint=1)\ndef test_a(): pass\n"
    assert "did you mean `blueprint`" in errors(pytester, source, "--collect-only")
    assert "did you mean `blueprint`" in errors(pytester, source, "-n2")


def test_other_modules_run_beside_one_with_a_wrong_marker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_right="def test_right(): pass",
        test_wrong="import pytest\n@pytest.mark.devbox(nix=1)\ndef test_wrong(): pass",
    )
    result = pytester.runpytest_inprocess(*QUIET, "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, errors=1)


def test_markers_and_fixtures_are_listed_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    markers = pytester.runpytest_inprocess(*QUIET, "--markers").stdout.str()
    assert "@pytest.mark.devbox(blueprint=NAME | blueprint_id=ID | snapshot=ID, **parameters)" in markers
    fixtures = pytester.runpytest_inprocess(*QUIET, "--fixtures").stdout.str()
    assert "no docstring available" not in fixtures.split("pytest_runloop")[1]
    for name in (
        "devbox",
        "async_devbox",
        "session_devbox [session scope]",
        "devbox_factory [session scope]",
    ):
        assert f"\n{name} -- " in fixtures
