"""Pooled devboxes that are put back to their starting state between tests, and proven to be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_runloop.contract.endpoints import local_only
from pytest_runloop.session.restoring.restoring import offers_reset

from ..support.tiers import need
from .service import Service
from .suite import Suite

SOILING = """
from pathlib import Path

pytestmark = pytest.mark.devbox(reuse="reset", file_mounts={"mounted": "as mounted\\n"})
LOOK = ("echo $A; ls -A | sort; cat mounted; stat -c '%a %F' mounted; find /tmp/dirt -maxdepth 1;"
    "grep -alE '765432[1]' /proc/[0-9]*/cmdline | wc -l")

@pytest.mark.parametrize("number", range(4))
def test_it_is_as_new(devbox, number):
    seen, known = devbox.cmd.exec(LOOK).stdout(), Path("known")
    if known.exists():
        assert seen == known.read_text()
    known.write_text(seen)
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\\n")
    devbox.cmd.exec("echo 'export A=dirt' > .bash_profile; echo dirt > new")
    devbox.cmd.exec("mkdir -p /tmp/dirt; echo dirt > /tmp/dirt/f")
    devbox.cmd.exec("rm mounted; ln -s /etc/passwd mounted; mkdir -m 000 closed")
    devbox.cmd.exec("(setsid sh -c 'trap : TERM HUP; sleep 7654321 & exec sleep 7654321' >/dev/null 2>&1 &)")
"""


def _ids(suite: Suite) -> list[str]:
    return suite.path("ids").read_text().split()


@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n", "2", "--runloop-max-devboxes=1")])
def test_nothing_that_a_test_did_is_seen_by_the_next(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(SOILING)
    suite.run(*workers, "-W", "error").assert_outcomes(passed=4)
    assert len(set(_ids(suite))) == 1


def test_devboxes_of_other_arguments_or_another_reuse_are_others(suite: Suite) -> None:
    suite.write("""
def _id(devbox):
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\\n")

@pytest.mark.devbox(reuse="shared")
def test_shared(devbox):
    _id(devbox)

@pytest.mark.devbox(environment_variables={"A": "1"})
def test_other(devbox):
    _id(devbox)

def test_reset(devbox):
    _id(devbox)
""")
    suite.run("-p", "no:xdist", "--runloop-reuse=reset").assert_outcomes(passed=3)
    assert len(set(_ids(suite))) == 3


def test_what_a_killed_worker_held_is_not_handed_on(suite: Suite) -> None:
    suite.write("""
import signal
pytestmark = pytest.mark.devbox(reuse="reset")

def test_dies(devbox):
    open("id", "w").write(devbox.id)
    os.kill(os.getpid(), signal.SIGKILL)

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
""")
    suite.run("-n", "1", "--runloop-max-devboxes=1").assert_outcomes(passed=1, failed=1)


def test_what_ended_while_it_stood_ready_is_replaced_and_the_report_says_why(suite: Suite) -> None:
    suite.write("""
pytestmark = pytest.mark.devbox(reuse="reset")

def test_first(devbox):
    open("id", "w").write(devbox.id)

def test_ends_it(runloop):
    runloop.devbox.from_id(open("id").read()).shutdown()

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
""")
    result = suite.run("-p", "no:xdist", "-rP")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*was made in place of *: its status is `shutdown`*api_shutdown*"])


def test_a_devbox_that_would_soon_end_is_not_handed_out(suite: Suite) -> None:
    suite.write("""
import time
pytestmark = pytest.mark.devbox(reuse="reset")

def test_first(devbox):
    open("id", "w").write(devbox.id)
    time.sleep(4.1)

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
""")
    result = suite.run("-p", "no:xdist", "-rP", "--runloop-ttl=8")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*was made in place of *: its *"])


AS_ON_THE_CLOUD = """
from pytest_runloop.session.restoring import by_command, restoring

restoring.Restoring._way = property(lambda self: by_command.ByCommand(self._run.path / "restoring"))
"""


def test_over_the_ordinary_api_the_same_is_restored_and_what_is_not_is_replaced(
    suite: Suite, tmp_path: Path
) -> None:
    need("namespace", tmp_path)
    suite.pytester.makeconftest(AS_ON_THE_CLOUD)
    suite.write(
        SOILING.replace("range(4)", "range(3)")
        + r"""

SOILED = [
    "f=mounted; t=$(stat -c %y $f); printf 'As mounted\\n' > $f; touch -d \"$t\" $f",
    "(setsid python3 -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", 8123));"
    " open(\"r\", \"w\"); time.sleep(7654321)' >/dev/null 2>&1 &); until test -e r; do sleep 0.05; done",
    "true",
    "echo dirt > /etc/dirt",
    "rm -rf /var/tmp/.rl-*",
    "true",
]

@pytest.mark.parametrize("command", SOILED)
def test_what_hides(devbox, command):
    assert devbox.cmd.exec("cat mounted; ls; find /etc/dirt").stdout() == "as mounted\nmounted\n"
    assert devbox.cmd.exec(command).success
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\n")
"""
    )
    result = suite.run("-p", "no:xdist", "-rP")
    result.assert_outcomes(passed=9)
    ids = _ids(suite)
    assert len(set(ids[:7])) == 1, "all of it was restored"
    assert len(set(ids[6:])) == 3
    result.stdout.fnmatch_lines(["*was made in place of *: /etc was changed, which is not restored*"])
    result.stdout.fnmatch_lines(["*was made in place of *: what was kept of its starting state is gone*"])


def test_where_a_devbox_shares_this_machines_processes_none_are_ended(suite: Suite) -> None:
    suite.pytester.makeconftest(AS_ON_THE_CLOUD)
    suite.write("""
pytestmark = pytest.mark.devbox(reuse="reset")

@pytest.mark.parametrize("number", range(2))
def test_it(devbox, number):
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\\n")
""")
    result = suite.run("-p", "no:xdist", "-rP", "--runloop-isolation=process")
    result.assert_outcomes(passed=2)
    assert len(set(_ids(suite))) == 2
    result.stdout.fnmatch_lines(["*is not handed on to other tests: its processes are this machine's*"])


def test_a_local_backend_is_known_by_its_own_call_though_the_run_did_not_start_it(
    running_service: Service,
) -> None:
    assert offers_reset(running_service.client)
    with running_service.client.devbox.create() as devbox:
        devbox.cmd.exec("touch dirt").check()
        assert running_service.client.call(local_only.RESET, {"id": devbox.id}).clean
        assert devbox.cmd.exec("ls").stdout() == ""
