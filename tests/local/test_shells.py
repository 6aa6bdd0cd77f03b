"""Named shells: persistent, in order, and silent about how they work."""

from __future__ import annotations

import time
import uuid

import pytest

from .box import Box, ok, refused


@pytest.fixture
def shell() -> str:
    """Return a name that no other test uses."""
    return uuid.uuid4().hex


def test_a_shell_keeps_its_directory_and_its_variables(shared: Box, shell: str) -> None:
    view = shared.run("cd /tmp; export A=exported; B=plain; f() { echo function; }", shell_name=shell)
    assert (view["shell_name"], view["exit_status"], view["stdout"], view["stderr"]) == (shell, 0, "", "")
    assert shared.text("f; echo $A $B $PWD", shell_name=shell) == "function\nexported plain /tmp\n"
    assert shared.text("echo ${A-none}", shell_name=shell + "-other") == "none\n"


@pytest.mark.parametrize(
    ("command", "stdout", "stderr", "status"),
    [
        ("printf 'no newline'", "no newline", "", 0),
        ("printf 'out'; printf 'err' >&2; (exit 3)", "out", "err", 3),
        ('echo "it\'s" \'a "test"\' \\$HOME `echo ok`', 'it\'s a "test" $HOME ok\n', "", 0),
        ("cat", "", "", 0),
        ('read x; echo "$x|$?"', "|1\n", "", 0),
        ("cat <<'END'\nheredoc $x\nEND", "heredoc $x\n", "", 0),
        ("for i in 1 2; do\n  echo $i\n  break\ndone", "1\n", "", 0),
        ("# only a comment", "", "", 0),
        ("", "", "", 0),
        ("-x", "", None, 127),
        ("false | true; echo ${PIPESTATUS[0]}", "1\n", "", 0),
        ("echo one; \\\necho two", "one\ntwo\n", "", 0),
        ("exec 0</dev/null; echo still here", "still here\n", "", 0),
        ("printf '0\\n' >&0 2>/dev/null; echo mine", "mine\n", None, 0),
    ],
)
def test_outputs_and_status_are_exact(
    shared: Box, command: str, stdout: str, stderr: str | None, status: int
) -> None:
    view = shared.run(command, shell_name="exact")
    assert (view["stdout"], view["exit_status"]) == (stdout, status)
    assert stderr is None or view["stderr"] == stderr


def test_a_syntax_error_leaves_the_shell_as_it_was(shared: Box, shell: str) -> None:
    shared.text("KEPT=yes", shell_name=shell)
    view = shared.run("echo 'unfinished", shell_name=shell)
    assert view["exit_status"] != 0
    assert "unexpected EOF" in view["stderr"]
    assert shared.text("echo $KEPT", shell_name=shell) == "yes\n"


def test_commands_of_a_shell_run_one_after_another(shared: Box, shell: str) -> None:
    first = shared.begin("sleep 0.3; echo first >> order-$$; cat order-$$", shell_name=shell)
    second = shared.begin("echo second >> order-$$; cat order-$$; rm order-$$", shell_name=shell)
    path = f"/v1/devboxes/{shared.id}/executions/{second}"
    assert ok(shared.api.get(path))["status"] == "queued"
    assert shared.finish(second)["stdout"] == "first\nsecond\n"
    assert shared.finish(first)["stdout"] == "first\n"


def test_shells_of_different_names_do_not_wait_for_each_other(shared: Box, shell: str) -> None:
    slow = shared.begin("sleep 600", shell_name=shell)
    assert shared.text("echo quick", shell_name=shell + "-other") == "quick\n"
    ok(shared.post(f"executions/{slow}/kill", {}))
    shared.finish(slow)


def test_exit_ends_the_shell_and_the_next_command_starts_a_new_one(shared: Box, shell: str) -> None:
    shared.text("A=old", shell_name=shell)
    view = shared.run("echo bye; exit 7; echo never", shell_name=shell)
    assert (view["exit_status"], view["stdout"], view["stderr"]) == (7, "bye\n", "")
    assert shared.text("echo ${A-new}", shell_name=shell) == "new\n"


def test_a_running_command_of_a_shell_can_be_killed(shared: Box, shell: str) -> None:
    execution = shared.begin("echo begun; while true; do sleep 0.1; done", shell_name=shell)
    assert next(shared.events(execution))["output"] == "begun\n"
    ok(shared.post(f"executions/{execution}/kill", {}))
    view = shared.finish(execution)
    assert (view["exit_status"], view["stdout"]) == (137, "begun\n")
    assert shared.text("echo again", shell_name=shell) == "again\n"


def test_the_first_command_of_a_shell_can_be_killed_while_the_shell_starts(shared: Box, shell: str) -> None:
    for number in range(10):
        execution = shared.begin("sleep 600", shell_name=f"{shell}-{number}")
        ok(shared.post(f"executions/{execution}/kill", {}))
        assert shared.finish(execution)["exit_status"] == 137
        assert shared.text("echo next", shell_name=f"{shell}-{number}") == "next\n"


def test_a_queued_command_can_be_killed_before_its_turn(shared: Box, shell: str) -> None:
    first = shared.begin("sleep 600", shell_name=shell)
    second = shared.begin("touch never", shell_name=shell)
    ok(shared.post(f"executions/{second}/kill", {}))
    assert shared.finish(second)["exit_status"] == 137
    ok(shared.post(f"executions/{first}/kill", {}))
    shared.finish(first)
    assert shared.run("test -e never", shell_name=shell)["exit_status"] == 1


def test_a_shell_survives_a_command_that_prints_much(shared: Box, shell: str) -> None:
    execution = shared.begin("X=1; seq 200000", shell_name=shell)
    assert shared.streamed(execution) == "".join(f"{number}\n" for number in range(1, 200_001))
    assert shared.text("echo $X", shell_name=shell) == "1\n"


def test_what_a_background_job_prints_between_commands_belongs_to_none(shared: Box, shell: str) -> None:
    shared.text("(sleep 0.2; echo late; touch between) & echo now", shell_name=shell)
    while shared.read("between").status_code != 200:
        time.sleep(0.02)
    assert shared.text("rm between; echo clean", shell_name=shell) == "clean\n"


def test_stdin_in_a_named_shell_is_refused(shared: Box, shell: str) -> None:
    body = {"command": "cat", "attach_stdin": True, "shell_name": shell}
    refused(shared.post("execute_async", body), 400, "invalid_request", "attach_stdin", "shell_name")
