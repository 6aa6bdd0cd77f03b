"""The API key and secrets are in no place that people look at: output, reports, ledger, process lists."""

from __future__ import annotations

from .service import KEY, Remote
from .suite import Suite

LOUD = ("--showlocals", "--tb=long", "--full-trace", "--junitxml=junit.xml", "-vv", "-p", "no:xdist")


def test_the_key_is_in_no_output_and_no_report(remote: Remote) -> None:
    remote.suite.write(
        """
import pathlib

def test_fails(devbox, runloop, async_runloop, devbox_factory):
    state = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"])
    written = [path.read_text() for path in state.rglob("*") if path.is_file()]
    pathlib.Path("written").write_text("\\\\n".join(written))
    runloop.devbox.from_id("dbx_none").cmd.exec("true")

def test_wrong_file(devbox):
    devbox.file.read(file_path="/none")

@pytest.mark.devbox(blueprint="none")
def test_error(devbox): pass

def test_factory_error(devbox_factory):
    devbox_factory(blueprint="none")
"""
    )
    result = remote.suite.run(*LOUD, "--runloop-snapshot=always")
    result.assert_outcomes(failed=3, errors=1)
    everything = [result.stdout.str(), result.stderr.str(), remote.suite.path("junit.xml").read_text()]
    written = remote.suite.path("written").read_text()
    assert "pytest-runloop-entry" not in written
    assert "test_it.py::test_fails" in written, "the ledger has been looked at"
    assert not any(KEY in text for text in [*everything, written])


def test_the_clouds_key_does_not_reach_the_local_backend(suite: Suite) -> None:
    suite.environment["RUNLOOP_API_KEY"] = KEY
    suite.write(
        """
import json, pathlib

def test_it(devbox):
    [found] = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"]).glob("runs/*/backend.json")
    assert found.stat().st_mode & 0o777 == 0o600
    assert found.parent.stat().st_mode & 0o777 == 0o700
    server = json.loads(found.read_text())
    with open(f"/proc/{server['pid']}/environ") as file:
        assert os.environ["RUNLOOP_API_KEY"] not in file.read()
    with open(f"/proc/{server['pid']}/cmdline") as file:
        assert server["api_key"] not in file.read()
    assert devbox.cmd.exec("env | grep RUNLOOP").stdout() == ""
"""
    )
    suite.run("--runloop-backend=local", "-p", "no:xdist").assert_outcomes(passed=1)


def test_the_marker_s_secrets_are_in_the_devbox_and_nowhere_else(suite: Suite) -> None:
    suite.write(
        """
import pathlib

@pytest.fixture(scope="session", autouse=True)
def token(runloop):
    value = "-".join(["value", "of", "the", "token"])
    runloop.secret.put("SUITE_TOKEN", value)
    del value

@pytest.mark.devbox(secrets={"TOKEN": "SUITE_TOKEN"}, launch_parameters={"launch_commands": ["echo $TOKEN"]})
def test_fails(devbox):
    assert devbox.cmd.exec('[ "$TOKEN" = value-of"-the-token" ]').success
    state = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"])
    written = [path for path in state.rglob("*") if path.is_file() and b"value-of-the" in path.read_bytes()]
    assert all("backend.sqlite3" in path.name for path in written)
    assert not devbox.cmd.exec("exit 3").success, "as it should be"
    assert not "failed on purpose"
"""
    )
    result = suite.run(*LOUD, "--runloop-backend=local")
    result.assert_outcomes(failed=1)
    everything = [result.stdout.str(), result.stderr.str(), suite.path("junit.xml").read_text()]
    assert "failed on purpose" in everything[0]
    assert not any("value-of-the-token" in text for text in everything)
