"""Pooled devboxes that are put back to their starting state between tests, and proven to be in it."""

from __future__ import annotations

import pytest

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
    time.sleep(11)

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
""")
    result = suite.run("-p", "no:xdist", "-rP", "--runloop-ttl=20")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*was made in place of *: its lifetime of 20 s ends in * s*"])
