"""What is kept of failed tests: in their reports and in a folder each, and that nothing of it is secret."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

import pytest

from pytest_runloop.session.evidence import schema

from .suite import Suite

OF_CI = {"GITHUB_RUN_ID": "4711"}
FAILING = """
import pathlib, time

@pytest.fixture
def broken_after(devbox):
    raise RuntimeError("set-up")

@pytest.fixture
def broken_end(devbox):
    yield
    raise RuntimeError("tear-down")

@pytest.mark.devbox(environment_variables={"GREETING": "hi", "APP_PASSWORD": "pw"})
def test_call(devbox):
    devbox.file.write(file_path="app.py", contents="import time; print('up', flush=True); time.sleep(1000)")
    devbox.file.upload(path="data.bin", file=b"\\x00data")
    devbox.cmd.exec_async("python3 app.py")
    devbox.cmd.exec("seq 500; echo wrong >&2; exit 3").check()

def test_setup(broken_after): pass
def test_teardown(broken_end): pass
@pytest.mark.xfail(strict=True)
def test_xpass(devbox): pass
def test_factory(devbox_factory):
    devbox_factory().cmd.exec("nothing-like-it").check()
@pytest.mark.parametrize("x", ["a/" * 150, "../../\\u00e9"])
def test_names(session_devbox, x):
    session_devbox.shell("s").exec("cd /tmp")
    assert not session_devbox.shell("s").exec("pwd").stdout()

def test_pass(devbox): pass
def test_alone(): assert 0
@pytest.mark.xfail
def test_xfail(devbox): assert 0
"""
SECRETS = {"ENV_TOKEN": "value+of/the=environment", "HIDDEN_BY_NAME": "value-that-is-named"}
LOUD = ("--showlocals", "--tb=long", "-vv", "--junitxml=junit.xml", "-o", "junit_logging=all")
NAMED = (
    "--runloop-redact=HIDDEN_*",
    "--runloop-redact=text:value-fixed-text",
    r"--runloop-redact=re:value-id-\d+",
)
WRITTEN = ("junit.xml", "summary", "reports", "processes", "written")
"""By pytest, by this plugin and by the suite."""
FIRST = """
@pytest.mark.parametrize("token", [os.environ["ENV_TOKEN"]])
def test_put(devbox, runloop, token):
    runloop.secret.put("ELSEWHERE", "-".join(["value", "put", "elsewhere"]))
    assert devbox.get_info().metadata["pytest-runloop-test"] == "test_first.py::test_put[***]"
"""
REPORTS = """
def pytest_runtest_logreport(report):
    with open("reports", "a") as file:
        file.write(repr(report._to_json()))
"""
SECRET = """
import base64, json, pathlib

@pytest.fixture(scope="session", autouse=True)
def kept(runloop):
    runloop.secret.put("KEPT", "-".join(["value", "that", "was", "put"]))

@pytest.fixture(scope="session")
def server():
    [known] = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"]).glob("runs/*/backend.json")
    return known

def command_lines(pid):
    yield pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from command_lines(child)

# Nobody here knows the value: it was put by another program.
@pytest.mark.devbox(secrets={"FOREIGN": "ELSEWHERE", "PUT": "KEPT"}, environment_variables={"N": "1"})
def test_it(devbox, server):
    devbox.cmd.exec("sleep 1000 & echo $FOREIGN $PUT")
    pathlib.Path("processes").write_text("".join(command_lines(json.loads(server.read_text())["pid"])))
    token, named = os.environ["ENV_TOKEN"], os.environ["HIDDEN_BY_NAME"]
    fixed, pattern = "-".join(["value", "fixed", "text"]), "-".join(["value", "id", "77"])
    told = " ".join([token, named, fixed, pattern, base64.b64encode(f"user:{token}".encode()).decode()])
    devbox.file.write(file_path="told", contents=told)
    devbox.file.upload(path="told.bin", file=told.encode())
    devbox.file.read(file_path="told")
    devbox.cmd.exec_async(f"exec -a {named} sleep 1000")
    devbox.cmd.exec("cat told; echo $FOREIGN $PUT | tee -a told; base64 -w0 told").check()
    print(told)
    devbox.cmd.exec(f"echo {token}; cat told >&2; false # {fixed}").check()

class Refusal(Exception):
    def __repr__(self): return f"Refusal{self.args}"

@pytest.mark.filterwarnings("ignore:record_property")
def test_raises(devbox, server, record_property, subtests):
    token = os.environ["ENV_TOKEN"]
    record_property("answers", [token, {"one": token}])
    record_property("place", pathlib.Path("at", token))
    with subtests.test(f"first {token}", token=token):
        print("printed", token)
        assert not token
    written = [path.read_text() for path in server.parent.iterdir() if path.is_file()]
    pathlib.Path("written").write_text("\\n".join(written))
    raise Refusal({"token": token}) from Refusal(token)
"""


def bundles(suite: Suite) -> dict[str, Path]:
    """Return the folders by the function of their test."""
    found = [path.parent for path in suite.path("kept").glob("*/evidence.json")]
    return {schema.load(path).test.partition("::")[2]: path for path in found}


def the_outcome(told: schema.Evidence) -> None:
    """Check what is told of the test itself."""
    assert (told.outcome, told.ci) == ("failed", OF_CI)
    assert told.worker is not None
    assert [phase.outcome for phase in told.phases] == ["passed", "failed", "passed"]
    assert str(told.phases[1].exception).endswith("CommandFailedError")
    assert told.way_back[0].startswith(f"pytest --runloop-from-snapshot={told.devboxes[0].snapshot} ")


def the_devbox(devbox: schema.Devbox) -> None:
    """Check what is told of its devbox."""
    assert devbox.held
    assert devbox.whole
    assert devbox.parameters["environment_variables"] == {"GREETING": "hi", "APP_PASSWORD": "***"}
    assert devbox.hidden == ["environment_variables.APP_PASSWORD"]
    assert [step.status for step in devbox.transitions][-1] == devbox.status == "running"
    assert any("seq 500" in line for line in devbox.logs)
    assert devbox.facts is not None
    assert any("app.py" in process.command for process in devbox.facts.processes)
    assert {"app.py", "data.bin"} <= {file.name for file in devbox.facts.files}
    assert devbox.snapshot is not None


def the_transcript(folder: Path, devbox: schema.Devbox) -> None:
    """Check what is told of what was done to it."""
    write, upload, server, command = schema.load_transcript(folder, devbox)
    assert (write.what, write.file) == ("write", "app.py")
    assert (folder / str(upload.stored)).read_bytes() == b"\x00data"
    assert (server.running, server.stdout, server.exit_status) == (True, "up\n", None)
    assert (command.exit_status, command.stderr) == (3, "wrong\n")
    assert command.stdout == "".join(f"{number}\n" for number in range(1, 501))


def the_reports(suite: Suite, output: str, folder: Path) -> None:
    """Check what the terminal and junit show of it."""
    assert "$ seq 500; echo wrong >&2; exit 3   (exit status 3" in output
    assert f"all of it  {folder}" in output
    cases = {str(case.get("name")): case for case in ET.parse(suite.path("junit.xml")).iter("testcase")}
    assert "$ seq 500" in str(cases["test_call"].findtext("system-out"))
    properties = {entry.get("name"): entry.get("value") for entry in cases["test_call"].iter("property")}
    assert properties["runloop_artifacts"] == str(folder)
    assert "runloop_artifacts" not in {entry.get("name") for entry in cases["test_pass"].iter("property")}


def test_each_failed_test_leaves_a_folder_and_sections(suite: Suite) -> None:
    suite.environment.update(OF_CI)
    suite.write(FAILING)
    arguments = ("--runloop-artifacts=kept", "--runloop-snapshot-on-fail", "--junitxml=junit.xml", "-n2")
    result = suite.run(*arguments, "-o", "junit_logging=all", "--runloop-backend=local")
    result.assert_outcomes(failed=6, passed=2, errors=2, xfailed=1)
    kept = bundles(suite)
    names = [name.partition("[")[0].removeprefix("test_") for name in kept]
    assert sorted(names) == ["call", "factory", "names", "names", "setup", "teardown", "xpass"]
    assert schema.load(kept["test_setup"]).outcome == "error"
    told, folder = schema.load(kept["test_call"]), kept["test_call"]
    the_outcome(told)
    the_devbox(told.devboxes[0])
    the_transcript(folder, told.devboxes[0])
    the_reports(suite, result.stdout.str(), folder)


def the_devboxes_of_the_factory(folder: Path) -> None:
    """Check that they were looked at while they lived, though the factory ends with the last test."""
    one, two = schema.load(folder).devboxes
    assert one.id != two.id
    for devbox in (one, two):
        assert (devbox.held, devbox.status, devbox.trouble) == (False, "running", [])
        assert devbox.facts is not None
        assert any("sleep 1000" in process.command for process in devbox.facts.processes)
        assert [record.what for record in schema.load_transcript(folder, devbox)] == ["write", "command"]
        assert schema.load_transcript(folder, devbox)[-1].stdout == devbox.id


def test_of_tests_that_are_repeated_only_what_failed_for_good_leaves_a_folder(suite: Suite) -> None:
    pytest.importorskip("pytest_rerunfailures")
    suite.write(
        """
@pytest.mark.parametrize("enough", [2, 9])
def test_it(devbox, enough):
    with open(f"tries-{enough}", "a") as file:
        file.write("x")
    tries = os.path.getsize(f"tries-{enough}")
    devbox.cmd.exec(f"echo this is try {tries}")
    assert tries >= enough

@pytest.mark.flaky(reruns=0)
def test_last(devbox_factory):
    for devbox in devbox_factory.several(2):
        devbox.file.write(file_path="told", contents=devbox.id)
        devbox.cmd.exec("sleep 1000 & cat told")
    assert 0
"""
    )
    result = suite.run("--reruns=2", "--runloop-artifacts=kept")
    assert "2 failed, 1 passed, 3 rerun" in result.stdout.str()
    kept = bundles(suite)
    assert sorted(kept) == ["test_it[9]", "test_last"]
    [devbox] = schema.load(kept["test_it[9]"]).devboxes
    records = schema.load_transcript(kept["test_it[9]"], devbox)
    assert [record.stdout for record in records] == ["this is try 3\n"]
    assert len(list(suite.path("kept").iterdir())) == len(kept)
    the_devboxes_of_the_factory(kept["test_last"])


def planted_forms() -> list[bytes]:
    """Return what no output may hold."""
    named = ["value-fixed-text", "value-id-77", "value-put-elsewhere", "value-that-was-put", "ak_value_of"]
    planted = [*SECRETS.values(), *named]
    encoded = [base64.b64encode(secret.encode()).decode()[:-4] for secret in planted]
    return [form.encode() for form in {*planted, *encoded, *(quote(secret, safe="") for secret in planted)}]


def kept_in(*places: Path) -> dict[str, bytes]:
    """Return the content of all files in some places, but of the server's data, which hold the secrets."""
    found = [path for place in places for path in place.rglob("*")]
    files = [path for path in found if path.is_file() and not path.is_symlink()]  # as /dev/stdout of a root
    return {str(path): path.read_bytes() for path in files if "backend.sqlite3" not in path.name}


def snapshots_of_a_run_with_a_secret_parameter(suite: Suite) -> bytes:
    """Put a secret that the run after it knows nothing of, and tell of the snapshot that is left."""
    suite.write(FIRST, "test_first")
    result = suite.run("--runloop-backend=local", "--runloop-snapshot=always", "test_first.py")
    result.assert_outcomes(passed=1)
    suite.path("test_first.py").unlink()
    return json.dumps(suite.command("snapshots", "--json")).encode()


def test_planted_secrets_are_in_no_output(suite: Suite) -> None:
    suite.environment.update(SECRETS)
    snapshots = snapshots_of_a_run_with_a_secret_parameter(suite)
    suite.environment["RUNLOOP_API_KEY"] = "ak_value_of_the_key"
    suite.environment["GITHUB_STEP_SUMMARY"] = str(suite.path("summary"))
    suite.write(SECRET)
    suite.write(REPORTS, "conftest")
    result = suite.run(*LOUD, *NAMED, "--runloop-artifacts=kept", "--runloop-backend=local")
    assert "3 failed" in result.stdout.str()
    folder = bundles(suite)["test_it"]
    [devbox] = schema.load(folder).devboxes
    last = schema.load_transcript(folder, devbox)[-1]
    assert (last.command, last.redacted) == ("echo ***; cat told >&2; false # ***", True)
    places = {"terminal": f"{result.stdout}{result.stderr}".encode(), "snapshots": snapshots}
    places |= {name: suite.path(name).read_bytes() for name in WRITTEN}
    places |= kept_in(suite.path("kept"), suite.state)
    planted = planted_forms()
    assert [(path, form) for path, content in places.items() for form in planted if form in content] == []
    masked = ("junit.xml", "terminal", "reports", "snapshots", str(folder / "evidence.json"))
    assert all(b"***" in places[place] for place in masked)
    assert all(places[name] for name in WRITTEN)
    assert json.loads((folder / "evidence.json").read_text())["devboxes"][0]["parameters"]["secrets"]


def test_wrong_options_are_refused_before_any_test(suite: Suite) -> None:
    suite.path("file").write_text("")
    for wrong, told in (
        ("--runloop-artifacts=file", "file is there, and is no directory"),
        ("--runloop-redact=re:(", "a pattern cannot be read"),
        ("--runloop-redact=my secret", "an item is no name of a variable"),
    ):
        result = suite.run(wrong)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert told in result.stderr.str()
        assert "my secret" not in result.stderr.str()
