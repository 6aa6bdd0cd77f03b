"""Options: where they come from, which one holds, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from pytest_runloop.session.options import OPTIONS

from .suite import QUIET

NATIVE = pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 brought typed ini files")

WRONG = [
    ("backend", "clod", "auto, cloud or local; did you mean cloud?"),
    ("isolation", "chroot", "auto, namespace, container, landlock or process"),
    ("base-url", "api.runloop.ai", "a URL that begins with http:// or https://"),
    ("blueprint", " ", "the name of a blueprint"),
    ("from-snapshot", "", "the id of a snapshot"),
    ("boot-timeout", "-1", "a number of seconds greater than 0"),
    ("boot-timeout", "nan", "a number of seconds greater than 0"),
    ("ttl", "1.5", "a whole number of seconds from 1 to 172800"),
    ("ttl", "172801", "a whole number of seconds from 1 to 172800"),
    ("snapshot", "yes", "off, on-failure or always"),
]


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite of one test that uses no devbox."""
    pytester.makepyfile("def test_nothing(): pass")
    return pytester


def run(inner: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run it in this process, which is quick."""
    return inner.runpytest_inprocess(*QUIET, *arguments)


def header(result: pytest.RunResult) -> str:
    """Return the plugin's line of the header."""
    return next(line for line in result.outlines if line.startswith("runloop: "))


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_value_on_the_command_line_is_refused_with_what_is_allowed(
    inner: pytest.Pytester, name: str, value: str, allowed: str
) -> None:
    result = run(inner, f"--runloop-{name}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stderr.str()
    assert f"ERROR: --runloop-{name}: {value!r} is not allowed; it must be {allowed}" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(("name", "value", "allowed"), [row for row in WRONG if row[1].strip()])
def test_a_wrong_value_in_an_ini_file_is_refused_with_the_file(
    inner: pytest.Pytester, name: str, value: str, allowed: str
) -> None:
    ini = "runloop_" + name.replace("-", "_")
    path = inner.makeini(f"[pytest]\n{ini} = {value}\n")
    result = run(inner)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stderr.str()
    assert f"{ini} in {path}" in told
    assert value in told
    assert allowed in told


@pytest.mark.parametrize(("value", "refused"), [("true", False), ("no", False), ("perhaps", True)])
def test_a_switch_in_an_ini_file_is_true_or_false(inner: pytest.Pytester, value: str, refused: bool) -> None:
    path = inner.makeini(f"[pytest]\nrunloop_strict_cleanup = {value}\n")
    result = run(inner)
    assert result.ret == (pytest.ExitCode.USAGE_ERROR if refused else pytest.ExitCode.OK)
    assert (f"runloop_strict_cleanup in {path} must be true or false" in result.stderr.str()) is refused


@NATIVE
@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("runloop_ttl = '600'", "a whole number of seconds"),
        ("runloop_ttl = 0", "a whole number of seconds"),
        ("runloop_boot_timeout = true", "a number of seconds"),
        ("runloop_backend = 3", "auto, cloud or local"),
        ("runloop_backend = 'clod'", "auto, cloud or local"),
    ],
)
def test_a_wrong_value_in_a_typed_ini_file_is_refused_with_the_file(
    inner: pytest.Pytester, line: str, allowed: str
) -> None:
    path = inner.makefile(".toml", pyproject=f"[tool.pytest]\n{line}\n")
    result = run(inner)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{line.split()[0]} in {path}" in result.stderr.str()
    assert allowed in result.stderr.str()


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("RUNLOOP_ISOLATION", "chroot", "auto, namespace, container, landlock or process"),
        ("RUNLOOP_BASE_URL", "nowhere", "a URL that begins with http:// or https://"),
    ],
)
def test_a_wrong_value_in_the_environment_is_refused_with_the_variable(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run(inner)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"the environment variable {variable}: {value!r} is not allowed" in result.stderr.str()
    assert allowed in result.stderr.str()


def test_two_sources_from_one_place_contradict_each_other(inner: pytest.Pytester) -> None:
    result = run(inner, "--runloop-blueprint=a", "--runloop-from-snapshot=s")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--runloop-blueprint and --runloop-from-snapshot both say where" in result.stderr.str()


def test_a_base_url_for_the_local_backend_is_a_contradiction(inner: pytest.Pytester) -> None:
    result = run(inner, "--runloop-backend=local", "--runloop-base-url=http://127.0.0.1:1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--runloop-base-url names a server" in result.stderr.str()


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("bot=2", "`bot` is neither a setting nor a fault, did you mean `boot`?"),
        ("boot=fast", "`boot` is not a duration"),
        ("{", "is not JSON"),
    ],
)
def test_a_fault_plan_that_is_not_understood_is_refused_with_what_is_wrong(
    inner: pytest.Pytester, plan: str, told: str
) -> None:
    result = run(inner, f"--runloop-faults={plan}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --runloop-faults: the fault plan cannot be used: " in result.stderr.str()
    assert told in result.stderr.str()
    path = inner.makeini(f"[pytest]\nrunloop_faults = {plan}\n")
    assert f"runloop_faults in {path}: the fault plan cannot be used: " in run(inner).stderr.str()


def test_a_fault_plan_for_the_cloud_is_a_contradiction(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.makeini("[pytest]\nrunloop_faults = boot=2s\n")
    assert header(run(inner)).endswith("isolation auto, faults: boot=2s")
    monkeypatch.setenv("RUNLOOP_API_KEY", "ak_x")
    result = run(inner)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "devboxes come from the cloud (RUNLOOP_API_KEY is set)" in result.stderr.str()
    assert run(inner, "--runloop-faults=").ret == pytest.ExitCode.OK
    assert run(inner, "--runloop-backend=local").ret == pytest.ExitCode.OK


def test_the_command_line_holds_over_the_environment_and_that_over_the_ini_file(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.makeini("[pytest]\nrunloop_isolation = process\n")
    assert header(run(inner)).endswith("isolation process")
    monkeypatch.setenv("RUNLOOP_ISOLATION", "landlock")
    assert header(run(inner)).endswith("isolation landlock")
    assert header(run(inner, "--runloop-isolation=namespace")).endswith("isolation namespace")


@NATIVE
def test_a_typed_ini_file_gives_numbers_and_words(inner: pytest.Pytester) -> None:
    inner.makefile(
        ".toml",
        pyproject="[tool.pytest]\nrunloop_ttl = 6\nrunloop_boot_timeout = 2.5\nrunloop_isolation = 'process'",
    )
    result = run(inner)
    assert result.ret == pytest.ExitCode.OK
    assert header(result).endswith("isolation process")


def test_numbers_of_the_older_toml_table_are_taken(inner: pytest.Pytester) -> None:
    inner.makefile(
        ".toml", pyproject="[tool.pytest.ini_options]\nrunloop_ttl = 600\nrunloop_boot_timeout = '2.5'\n"
    )
    assert run(inner).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [
        ({}, [], "local backend (RUNLOOP_API_KEY is not set), isolation auto"),
        ({"RUNLOOP_API_KEY": "ak_x"}, [], "cloud (RUNLOOP_API_KEY is set)"),
        ({"RUNLOOP_API_KEY": "ak_x"}, ["--runloop-backend=local"], "local backend (by --runloop-backend)"),
        ({}, ["--runloop-backend=cloud"], "cloud (by --runloop-backend)"),
        (
            {"RUNLOOP_BASE_URL": "http://h:1"},
            [],
            "http://h:1 (a base URL is given by the environment variable RUNLOOP_BASE_URL)",
        ),
    ],
)
def test_the_header_says_which_backend_and_why(
    inner: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    arguments: list[str],
    expected: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert expected in header(run(inner, *arguments))


def test_help_lists_each_option_with_its_default_and_its_environment(inner: pytest.Pytester) -> None:
    told = " ".join(run(inner, "--help").stdout.str().split())
    assert "devboxes (pytest-runloop):" in told
    for option in OPTIONS:
        assert "=".join(filter(None, [option.flag, option.kind.metavar])) in told
        assert option.ini in told
        assert option.env is None or f"Environment: {option.env}." in told
    assert "--runloop-snapshot-on-fail" in told
