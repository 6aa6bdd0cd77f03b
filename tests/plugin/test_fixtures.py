"""The fixtures, on a local backend that the run starts and ends."""

from __future__ import annotations

import pytest

from .suite import QUIET, Suite

DEVBOX = """
@pytest.mark.devbox(environment_variables={"A": "class", "B": "class"}, name="of-the-class")
class TestMerging:
    @pytest.mark.devbox(environment_variables={"B": "test"})
    def test_nearest_wins(self, devbox):
        assert devbox.cmd.exec("echo $A $B $C").stdout() == "class test defaults\\n"
        assert devbox.get_info().name == "of-the-class"

def test_each_test_has_a_devbox_of_its_own(devbox, request):
    devbox.file.write(file_path="seen", contents="x")
    info = devbox.get_info()
    assert info.name.startswith("pytest-test-each-test-has-a-devbox-of-its-own-")
    assert info.metadata["pytest-runloop-test"] == request.node.nodeid
    assert info.metadata["mine"] == "kept"
    assert info.launch_parameters.keep_alive_time_seconds == 1234

def test_and_nothing_of_the_one_before(devbox):
    assert devbox.cmd.exec("test -e seen").failed

def test_of_which_there_is_one(devbox, request):
    assert request.getfixturevalue("devbox") is devbox

def test_a_test_may_end_its_devbox(devbox):
    devbox.shutdown()

def test_further_devboxes(devbox, devbox_factory, runloop):
    one, two = devbox_factory(), devbox_factory(environment_variables={"A": "1"}, name="mine")
    assert len({devbox.id, one.id, two.id}) == 3
    assert two.cmd.exec("echo $A $C").stdout() == "1 defaults\\n"
    with devbox_factory() as three:
        assert three.cmd.exec("true").success
    assert runloop.devbox.from_id(three.id).get_info().status == "shutdown"

def test_a_wrong_argument_of_the_factory(devbox_factory):
    with pytest.raises(ValueError, match="`nam` is not known; did you mean `name`"):
        devbox_factory(nam="x")

def test_the_client(runloop, devbox):
    assert devbox.id in [box.id for box in runloop.devbox.list(status="running")]
"""
DEFAULTS = """
    import pytest

    @pytest.fixture(scope="session")
    def devbox_defaults():
        return {"environment_variables": {"C": "defaults"}, "metadata": {"mine": "kept"}}
"""


def test_a_test_has_a_devbox_made_as_marker_options_and_defaults_say(suite: Suite) -> None:
    suite.pytester.makeconftest(DEFAULTS)
    suite.write(DEVBOX)
    result = suite.run("--runloop-ttl=1234", "-p", "no:xdist", "-W", "error")
    result.assert_outcomes(passed=8)
    result.stdout.re_match_lines(
        [r"local backend, isolation \w+: 10 devboxes, boot median \d+\.\d+ s, longest .*"]
    )


ASYNC = """
pytestmark = pytest.mark.{mark}

async def test_{mark}(async_devbox, devbox):
    result = await async_devbox.cmd.exec("echo $A")
    assert await result.stdout() == "1\\n"
    assert async_devbox.id == devbox.id

async def test_{mark}_again(async_devbox, async_runloop):
    await async_devbox.file.write(file_path="a", contents="b")
    assert await async_runloop.devbox.from_id(async_devbox.id).file.read(file_path="a") == "b"
"""
AUTO = """
async def test_auto(async_devbox):
    assert (await async_devbox.cmd.exec("true")).success
"""


@pytest.mark.any_tier
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_async_devboxes_work_under_asyncio_anyio_and_trio(suite: Suite, mode: str) -> None:
    suite.pytester.makeconftest(DEFAULTS.replace("C", "A").replace('defaults"}', '1"}'))
    suite.write(ASYNC.format(mark="asyncio"), "test_asyncio")
    suite.write(AUTO if mode == "auto" else "", "test_auto")
    expected = 2 + (1 if mode == "auto" else 0)
    if mode == "strict":
        suite.write(ASYNC.format(mark="anyio"), "test_anyio")
        expected += 4  # asyncio and trio
    result = suite.run("-p", "anyio", "-W", "error", "-o", f"asyncio_mode={mode}")
    result.assert_outcomes(passed=expected)


def test_the_session_devbox_is_one_for_all_workers_and_outlives_each(suite: Suite) -> None:
    suite.write(
        """
@pytest.mark.parametrize("n", range(6))
def test_it(session_devbox, n, worker_id):
    session_devbox.cmd.exec(f"echo {worker_id} >> seen").check()
    with open(f"{session_devbox.id}-{worker_id}", "w") as file:
        file.write("x")
"""
    )
    result = suite.run("-n3", "--dist=each")
    result.assert_outcomes(passed=18)
    result.stdout.re_match_lines([r"local backend, isolation \w+: 1 devbox, boot .*"])
    assert len({path.name.split("-")[0] for path in suite.pytester.path.glob("dbx_*")}) == 1


def test_workers_share_one_backend(suite: Suite) -> None:
    suite.write(
        """
@pytest.mark.parametrize("n", range(6))
def test_it(devbox, runloop, n):
    assert devbox.cmd.exec("echo hello").stdout() == "hello\\n"
    with open("urls", "a") as file:
        file.write(runloop.base_url + "\\n")
"""
    )
    result = suite.run("-n2", "--maxfail=3")
    result.assert_outcomes(passed=6)
    result.stdout.re_match_lines([r"local backend, isolation \w+: 6 devboxes, boot .*"])
    assert len(set(suite.path("urls").read_text().split())) == 1


@pytest.mark.any_tier
def test_it_works_without_the_plugins_that_it_works_with(suite: Suite) -> None:
    suite.write("def test_it(devbox):\n    assert devbox.cmd.exec('true').success\n")
    result = suite.run("-p", "no:xdist", "-p", "no:asyncio", "-p", "no:terminalreporter")
    assert result.ret == pytest.ExitCode.OK
    result = suite.pytester.runpytest_inprocess(*QUIET, "-p", "no:xdist", "--fixtures")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.any_tier
def test_defaults_that_are_wrong_are_told_by_each_test_that_uses_them(suite: Suite) -> None:
    suite.pytester.makeconftest(DEFAULTS.replace("environment_variables", "enviroment_variables"))
    suite.write("def test_it(devbox): pass\ndef test_other(): pass\n")
    result = suite.run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["The fixture devbox_defaults is wrong: `enviroment_variables` is not known; did you mean `environ*"]
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.any_tier
def test_quiet_runs_have_no_summary_and_unused_ones_neither(suite: Suite) -> None:
    suite.write("def test_used(devbox): pass\ndef test_unused(): pass\n")
    assert "= devboxes =" not in suite.run("-q").stdout.str()
    assert "= devboxes =" not in suite.run("-k", "unused").stdout.str()
