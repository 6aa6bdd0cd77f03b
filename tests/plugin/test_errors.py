"""What a person reads when no devbox can be had, and that a run stops where going on is of no use."""

from __future__ import annotations

import socket
import sys

import pytest

from .service import KEY, Remote, Service
from .stub_api import Asked, Said, stub
from .suite import QUIET, Suite
from .waiting import until

THREE = "\n".join(f"def test_{n}(devbox): pass" for n in "abc")
NOBODY = Said({"devboxes": [], "has_more": False})
BOX = {"id": "dbx_1", "status": "running", "create_time_ms": 1}


def stopped(suite: Suite, why: str, *arguments: str, environment: bool = False) -> str:
    """Run three tests that can have no devbox; check that it stops at once, and return what it said.

    :param environment: whether that is a failure of the environment.
    """
    suite.write(THREE)
    result = suite.run("-p", "no:xdist", *arguments)
    title = "environment" if environment else "errors"
    assert result.parseoutcomes() == {title: 1}
    told = result.stdout.str()
    assert f"runloop: {why}; no devbox can be had in this run" in told
    assert "INTERNALERROR" not in told
    assert "Traceback" not in told
    assert "site-packages" not in told.split(f"= {title.upper()} =")[1]
    return told


def test_a_missing_key_stops_the_run_once(suite: Suite) -> None:
    told = stopped(suite, "RUNLOOP_API_KEY is not set", "--runloop-backend=cloud")
    assert "Set it to a key of your account, or run with --runloop-backend=local, which needs none." in told


def test_a_missing_key_stops_all_workers(suite: Suite) -> None:
    suite.write("@pytest.mark.parametrize('n', range(200))\ndef test_it(devbox, n): pass\n")
    result = suite.run("-n2", "--runloop-backend=cloud")
    assert 1 <= result.parseoutcomes()["errors"] <= 10
    assert "no devbox can be had in this run" in result.stdout.str()


def test_a_key_that_cannot_be_one_stops_the_run(suite: Suite) -> None:
    suite.environment["RUNLOOP_API_KEY"] = "two words"
    assert "has spaces or characters that no key has" in stopped(suite, "the client cannot be set up")


def test_a_wrong_key_stops_the_run(suite: Suite, running_service: Service) -> None:
    suite.environment.update({**running_service.variables, "RUNLOOP_API_KEY": "ak_some_other_key"})
    told = stopped(suite, "the API key is not accepted")
    assert "401" in told
    assert f"Asked {running_service.base_url}, named by the environment variable RUNLOOP_BASE_URL" in told
    assert "ak_some_other_key" not in told


def test_a_revoked_key_stops_the_run(suite: Suite) -> None:
    with stub(lambda _: Said({"error": "forbidden", "message": "the key was revoked"}, 403)) as api:
        suite.environment["RUNLOOP_API_KEY"] = KEY
        told = stopped(suite, "the API key may not create devboxes", f"--runloop-base-url={api.base_url}")
    assert "the key was revoked" in told
    assert "named by --runloop-base-url" in told


def test_a_server_that_cannot_be_reached_stops_the_run(suite: Suite) -> None:
    with socket.socket() as taken:  # bound and not listening: it refuses connections, and stays ours
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=address)
        told = stopped(suite, "the server cannot be reached", environment=True)
    assert address in told
    assert "named by the environment variable RUNLOOP_BASE_URL" in told
    assert "not confirmed" not in told


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_is_not_runloop_stops_the_run(suite: Suite, status: int) -> None:
    suite.environment["RUNLOOP_API_KEY"] = KEY
    page = Said("<html><body>It works!</body></html>", status, "text/html")
    with stub(lambda _: page) as api:
        where = f"--runloop-base-url={api.base_url}"
        told = stopped(suite, "the server is not a Runloop API", where, environment=status == 200)
    assert "does not look like a Runloop API" in told


def test_a_server_that_never_answers_stops_the_run(suite: Suite) -> None:
    suite.environment["RUNLOOP_API_KEY"] = KEY
    suite.pytester.makeconftest(
        "from pytest_runloop.session import backend\nbackend._QUICK.update(timeout=0.5)\n"
    )
    with stub(lambda _: None) as api:
        told = stopped(suite, "the server cannot be reached", f"--runloop-base-url={api.base_url}")
    assert "did not answer" in told


def test_a_local_backend_that_dies_in_the_middle_stops_the_run_with_what_it_said(suite: Suite) -> None:
    suite.write(
        """
import json, pathlib, signal

def test_kills(devbox):
    [found] = pathlib.Path(os.environ["RUNLOOP_STATE_DIR"]).glob("runs/*/backend.json")
    server = json.loads(found.read_text())["pid"]
    os.kill(server, signal.SIGKILL)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)

def test_next(devbox): pass
def test_after(devbox): pass
"""
    )
    result = suite.run("-p", "no:xdist")
    assert result.parseoutcomes() == {"passed": 1, "environment": 1}
    told = result.stdout.str()
    assert "The local backend ended in the middle of the run." in told
    assert "runloop: the local backend ended; no devbox can be had in this run" in told


def test_isolation_that_this_machine_does_not_permit_stops_the_run(suite: Suite) -> None:
    suite.write(THREE)
    inner = [sys.executable, "-m", "pytest", *QUIET, "-p", "no:xdist", "--runloop-isolation=namespace"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_STATE_DIR", str(suite.state))
        patch.setenv("PYTHONPATH", _root())
        result = suite.pytester.run(sys.executable, "-m", "tests.support.no_namespaces", *inner)
    result.assert_outcomes(errors=1)
    told = result.stdout.str()
    assert "the namespace tier cannot be had here" in told
    assert "runloop: the local backend did not start; no devbox can be had in this run" in told


def _root() -> str:
    return __file__.rpartition("/tests/")[0]


def test_without_namespaces_the_summary_says_what_lacks_and_how_to_get_it(suite: Suite) -> None:
    suite.write("def test_it(devbox): assert devbox.cmd.exec('true').success\n")
    inner = [sys.executable, "-m", "pytest", *QUIET, "-n2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_STATE_DIR", str(suite.state))
        patch.setenv("PYTHONPATH", _root())
        result = suite.pytester.run(sys.executable, "-m", "tests.support.no_namespaces", *inner)
    result.assert_outcomes(passed=1)
    told = result.stdout.str()
    assert told.count("isolation landlock: commands see this machine's own paths") == 1
    assert told.count("not better because of namespace: ") == 1


def test_a_state_directory_that_cannot_be_written_stops_the_run(suite: Suite) -> None:
    (suite.state / "file").write_text("")
    suite.environment["RUNLOOP_STATE_DIR"] = str(suite.state / "file" / "below")
    told = stopped(suite, "no state directory")
    assert "Set RUNLOOP_STATE_DIR to a directory that can be written" in told
    suite.run("-n1").assert_outcomes(errors=1)


def test_an_unknown_blueprint_is_the_error_of_its_test_and_names_near_ones(remote: Remote) -> None:
    blueprint = remote.service.client.blueprint.create(name=f"web-{remote.name}")
    remote.suite.write(
        f"""
@pytest.mark.devbox(blueprint="wed-{remote.name}")
@pytest.mark.parametrize("n", [1, 2])
def test_unknown(devbox, n): pass

@pytest.mark.devbox(blueprint="web-{remote.name}")
def test_known(devbox): pass

@pytest.mark.devbox(snapshot="snp_none")
def test_snapshot(devbox): pass
"""
    )
    result = remote.suite.run("-p", "no:xdist")
    blueprint.delete()
    result.assert_outcomes(passed=1, errors=3)
    told = result.stdout.str()
    assert f"Blueprints with a name like it: web-{remote.name}" in told
    assert told.count("Not tried again, since the same failed before: ") == 1
    assert "snp_none" in told
    assert "Traceback" not in told
    assert "site-packages" not in told.split("ERRORS")[1]


def test_a_devbox_that_does_not_come_up_is_told_with_its_log(remote: Remote) -> None:
    remote.suite.write(
        """
@pytest.mark.devbox(launch_parameters={"launch_commands": ["echo the reason; exit 3"]})
def test_fails(devbox): pass
"""
    )
    result = remote.suite.run("-p", "no:xdist")
    result.assert_outcomes(errors=1)
    told = result.stdout.str()
    assert "was to become running, and is failure" in told
    assert "the reason" in told
    assert remote.living() == []


def test_a_boot_that_takes_too_long_is_told_with_the_option_and_ended(remote: Remote) -> None:
    remote.suite.write(
        """
@pytest.mark.devbox(launch_parameters={"launch_commands": ["sleep 600"]})
def test_slow(devbox): pass
"""
    )
    result = remote.suite.run("-p", "no:xdist", "--runloop-boot-timeout=7")
    result.assert_outcomes(errors=1)
    told = result.stdout.str()
    assert "The devbox did not run within 7 s; it was" in told
    assert "runloop: still booting a devbox for test_it.py::test_slow ..." in told
    assert remote.living() == []


def test_the_errors_of_a_factory_are_the_clients_with_a_note(remote: Remote) -> None:
    remote.suite.write(
        """
from pytest_runloop import APIStatusError

def test_it(devbox_factory):
    with pytest.raises(APIStatusError, match="none-such") as caught:
        devbox_factory(blueprint="none-such")
    assert "named by the environment variable RUNLOOP_BASE_URL" in caught.value.__notes__[0]

def test_uncaught(devbox_factory):
    devbox_factory(blueprint="none-such")
"""
    )
    result = remote.suite.run("-p", "no:xdist")
    result.assert_outcomes(passed=1, failed=1)
    assert "pytest_runloop/session" not in result.stdout.str()


def test_a_create_whose_answer_was_lost_is_asked_for_again_and_ended(suite: Suite) -> None:
    def answer(asked: Asked) -> Said | None:
        if asked.line.startswith("GET"):
            return NOBODY
        if asked.line == "POST /v1/devboxes":
            creates = [other for other in api.asked if other.line == asked.line]
            return Said(BOX) if len(creates) > 1 else None
        return Said({**BOX, "status": "shutdown"})

    with stub(answer) as api:
        suite.environment["RUNLOOP_API_KEY"] = KEY
        suite.write("def test_it(devbox): pass\n")
        run = suite.start("-p", "no:xdist", f"--runloop-base-url={api.base_url}")
        until(lambda: "POST /v1/devboxes" in api.lines(), "the create call")
        run.send_signal(2)
        told = suite.output(run)
    creates = [asked for asked in api.asked if asked.line == "POST /v1/devboxes"]
    assert len(creates) == 2
    assert creates[0].key == creates[1].key == creates[0].body["metadata"]["pytest-runloop-entry"]
    assert "POST /v1/devboxes/dbx_1/shutdown?force=true" in api.lines()
    assert "not confirmed" not in told


def test_devboxes_whose_end_nobody_confirmed_are_named_and_ended_by_the_watcher(suite: Suite) -> None:
    broken = True

    def answer(asked: Asked) -> Said:
        if "shutdown" in asked.line:
            return Said({"message": "down"}, 503) if broken else Said({**BOX, "status": "shutdown"})
        if asked.line == "GET /v1/devboxes/dbx_1":
            return Said(BOX)
        return NOBODY if asked.line.startswith("GET") else Said(BOX)

    with stub(answer) as api:
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=api.base_url)
        suite.write("def test_it(devbox): pass\n")
        named = [
            "*1 devbox(es) may still be running*",
            "*dbx_1 (test_it.py::test_it), which ends by itself at *",
        ]
        result = suite.run("-p", "no:xdist", "--runloop-strict-cleanup")
        result.assert_outcomes(passed=1)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["devboxes: 1 created, 0 ended, *, 1 NOT CONFIRMED *", *named])
        assert len(suite.runs) == 1
        result = suite.run("-p", "no:xdist", "-q")
        assert result.ret == 0
        result.stderr.fnmatch_lines(named)
        broken = False
        until(lambda: not suite.runs, "the removal of the run's directory")
