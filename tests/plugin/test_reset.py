"""Pooled devboxes that are put back to their starting state between tests, and proven to be in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_runloop.contract.endpoints import local_only
from pytest_runloop.session.restoring.restoring import offers_reset

from ..support.tiers import need
from .service import Remote, Service
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


PASSING_ON = """
import time
from pytest_runloop.session import devboxes

pytestmark = pytest.mark.devbox(reuse="reset")

def _id(devbox):
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\\n")

@pytest.mark.devbox(reuse="shared")
def test_shared(devbox):
    _id(devbox)

@pytest.mark.devbox(environment_variables={"A": "1"})
def test_other_arguments(devbox):
    _id(devbox)

def test_reset(devbox):
    _id(devbox)

def test_the_same_again(devbox, runloop):
    _id(devbox)

def test_end_it(runloop):
    runloop.devbox.from_id(open("ids").read().split()[-1]).shutdown()

def test_another_in_place_of_what_ended(devbox):
    _id(devbox)
    class MuchLater:
        monotonic, time = time.monotonic, lambda: time.time() + 3550
    devboxes.time = MuchLater

def test_another_in_place_of_what_would_soon_end(devbox):
    _id(devbox)
"""


def test_what_is_other_or_has_ended_or_soon_will_is_not_handed_out(remote: Remote) -> None:
    remote.suite.write(PASSING_ON)
    result = remote.suite.run("-p", "no:xdist", "-rP", "--runloop-ttl=3600")
    result.assert_outcomes(passed=7)
    shared, other, reset, again, *later = _ids(remote.suite)
    assert again == reset
    assert len({shared, other, reset, *later}) == 5
    result.stdout.fnmatch_lines(["*was made in place of *: its status is `shutdown`*api_shutdown*"])
    result.stdout.fnmatch_lines(["*was made in place of *: its lifetime of 3600 s ends in *"])


def test_what_a_killed_worker_held_is_not_handed_on(remote: Remote) -> None:
    remote.suite.write("""
import signal
pytestmark = pytest.mark.devbox(reuse="reset")

def test_dies(devbox):
    open("id", "w").write(devbox.id)
    os.kill(os.getpid(), signal.SIGKILL)

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
""")
    remote.suite.run("-n", "1", "--runloop-max-devboxes=1").assert_outcomes(passed=1, failed=1)


AS_ON_THE_CLOUD = """
from pytest_runloop.session.restoring import by_command, restoring

restoring.Restoring._way = property(lambda self: by_command.ByCommand(self._run.path / "restoring"))
"""


def test_over_the_ordinary_api_the_same_is_restored_and_what_is_not_is_replaced(
    remote: Remote, tmp_path: Path
) -> None:
    need("namespace", tmp_path)
    remote.suite.write(
        AS_ON_THE_CLOUD
        + SOILING.replace("range(4)", "range(2)")
        + r"""

SOILED = [
    "f=mounted; t=$(stat -c %y $f); printf 'As mounted\n' > $f; touch -d \"$t\" $f",
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
    result = remote.suite.run("-p", "no:xdist", "-rP")
    result.assert_outcomes(passed=8)
    ids = _ids(remote.suite)
    assert len(set(ids[:6])) == 1, "all of it was restored"
    assert len(set(ids[5:])) == 3
    result.stdout.fnmatch_lines(["*was made in place of *: /etc was changed, which is not restored*"])
    result.stdout.fnmatch_lines(["*was made in place of *: what was kept of its starting state is gone*"])


def test_over_the_ordinary_api_a_mount_is_found_and_its_devbox_replaced(
    remote: Remote, tmp_path: Path
) -> None:
    need("namespace", tmp_path)
    if shutil.which("nsenter") is None:
        pytest.skip("no program `nsenter`: in a devbox of the local backend itself nobody may mount")
    remote.suite.write(
        AS_ON_THE_CLOUD
        + """
import pathlib, subprocess

pytestmark = pytest.mark.devbox(reuse="reset")

def _number(name):
    paths = pathlib.Path("/proc").glob("[0-9]*/cmdline")
    return next(path.parent.name for path in paths if path.read_bytes().startswith(name))

def test_mounts(devbox):
    devbox.cmd.exec(f"(exec -a {devbox.id} sleep 600 >/dev/null 2>&1 &)")
    enter = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target"]
    mount = ["mount", "-t", "tmpfs", "none", "/home/user"]
    subprocess.run([*enter, _number(devbox.id.encode()), *mount], check=True)
    devbox.cmd.exec("mountpoint /home/user").check()
    open("id", "w").write(devbox.id)

def test_gets_another(devbox):
    assert devbox.id != open("id").read()
    assert devbox.cmd.exec("mountpoint /home/user").failed
"""
    )
    result = remote.suite.run("-p", "no:xdist", "-rP")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*was made in place of *: what is mounted is not what was*"])


def test_where_a_devbox_shares_this_machines_processes_none_are_ended(suite: Suite) -> None:
    suite.write(
        AS_ON_THE_CLOUD
        + """
pytestmark = pytest.mark.devbox(reuse="reset")

@pytest.mark.parametrize("number", range(2))
def test_it(devbox, number):
    with open("ids", "a") as ids:
        ids.write(devbox.id + "\\n")
"""
    )
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
