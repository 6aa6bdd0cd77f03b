"""Commands and paths that go wrong, seen by a test through the `devbox` fixture."""

from __future__ import annotations

from .suite import Suite

COMMANDS = """
import resource

def test_that_does_not_exist(devbox):
    result = devbox.cmd.exec("no-such-command")
    assert result.exit_code == 127
    assert "no-such-command" in result.stderr()
    with pytest.raises(Exception, match="command not found") as caught:
        result.check()
    assert "no-such-command" in str(caught.value)

def test_that_prints_no_text(devbox):
    result = devbox.cmd.exec(r"printf 'a\\xff\\xfeb\\n'")
    assert result.success
    assert result.stdout() == "a\\ufffd\\ufffdb\\n"

def test_that_prints_100_mb(devbox):
    seen = 0

    def count(text):
        nonlocal seen
        seen += len(text)

    result = devbox.cmd.exec("head -c 100000000 /dev/zero | tr '\\\\0' 'x'", stdout=count)
    assert result.success
    assert seen == 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 700_000

def test_that_never_ends(devbox):
    from pytest_runloop import PollingConfig
    with pytest.raises(TimeoutError, match="sleep 600"):
        devbox.cmd.exec("sleep 600", polling_config=PollingConfig(timeout_seconds=1))
    assert devbox.cmd.exec("true").success
"""
PATHS = """
def test_that_does_not_exist(devbox):
    with pytest.raises(FileNotFoundError, match="none/such"):
        devbox.file.read(file_path="none/such")
    with pytest.raises(FileNotFoundError, match="none"):
        devbox.file.download(path="none")

def test_that_is_a_directory(devbox):
    devbox.cmd.exec("mkdir folder").check()
    with pytest.raises(IsADirectoryError, match="folder"):
        devbox.file.read(file_path="folder")
    with pytest.raises(IsADirectoryError, match="folder"):
        devbox.file.write(file_path="folder", contents="x")

def test_that_climbs_out(devbox, tmp_path):
    (tmp_path / "secret").write_text("of the host")
    for path in (f"{'../' * 30}{tmp_path}/secret", f"{tmp_path}/secret"):
        try:
            assert "of the host" not in devbox.file.read(file_path=path)
        except Exception as error:
            assert "secret" in str(error)
    devbox.cmd.exec(f"ln -s {tmp_path} out").check()
    try:
        devbox.file.write(file_path="out/secret", contents="overwritten")
    except Exception as error:
        assert "secret" in str(error)
    assert (tmp_path / "secret").read_text() == "of the host"
"""


def test_bad_commands_are_told_in_words(suite: Suite) -> None:
    suite.write(COMMANDS)
    suite.run("-p", "no:xdist", "-W", "error").assert_outcomes(passed=4)


def test_bad_paths_are_pythons_own_errors(suite: Suite) -> None:
    suite.write(PATHS)
    suite.run("-p", "no:xdist", "-W", "error").assert_outcomes(passed=3)
