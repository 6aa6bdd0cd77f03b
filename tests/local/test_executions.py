"""Commands: what they see, what they print, how they end."""

from __future__ import annotations

import time

import httpx
import pytest

from .box import Box, ok, refused


def test_a_command_runs_in_a_fresh_login_shell_from_home(shared: Box) -> None:
    assert shared.text("export LEAK=1; cd /; shopt -q login_shell && echo login") == "login\n"
    assert shared.text('echo "$LEAK"; [ "$PWD" = "$HOME" ] && echo home') == "\nhome\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("exit 42", 42),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("no-such-command", 127),
        ("", 0),
    ],
)
def test_exit_statuses_are_those_of_bash(shared: Box, command: str, status: int) -> None:
    assert shared.run(command)["exit_status"] == status


def test_a_plain_exit_prints_nothing(shared: Box) -> None:
    view = shared.run("exit 42")
    assert (view["stdout"], view["stderr"]) == ("", "")


def test_outputs_are_separate_and_exact(shared: Box) -> None:
    view = shared.run("printf 'a\\nb'; printf 'é\\n\\n' >&2")
    assert (view["stdout"], view["stderr"]) == ("a\nb", "é\n\n")
    assert (view["stdout_truncated"], view["stderr_truncated"]) == (False, False)


def test_invalid_utf8_becomes_replacement_characters_in_view_and_stream(shared: Box) -> None:
    execution = shared.begin(r"printf 'a\xffb\xe2\x82|\xe2\x82\xac\xf0\x9f'")
    expected = b"a\xffb\xe2\x82|\xe2\x82\xac\xf0\x9f".decode("utf-8", "replace")
    assert shared.finish(execution)["stdout"] == expected
    assert shared.streamed(execution) == expected


def test_the_environment_of_the_devbox_reaches_commands_and_its_path_wins(api: httpx.Client) -> None:
    variables = {"GREETING": "hi 'there'", "PATH": "/own/bin:/usr/bin:/bin"}
    box = Box.create(api, environment_variables=variables)
    assert box.text('echo "$GREETING $PATH"') == "hi 'there' /own/bin:/usr/bin:/bin\n"
    assert box.text('echo "$PATH"', shell_name="s") == "/own/bin:/usr/bin:/bin\n"
    assert "line 1" in box.run("no-such-command")["stderr"]
    box.end()


@pytest.mark.parametrize("shell_name", [None, "long"])
def test_commands_of_megabytes_run(shared: Box, shell_name: str | None) -> None:
    command = f'set -- {"x" * 3_000_000}; echo ${{#1}} $#; [ -z "$(ls -A ~ | grep command)" ] && echo clean'
    view = shared.run(command, shell_name=shell_name)
    assert (view["stdout"], view["stderr"]) == ("3000000 1\nclean\n", "")


def test_last_n_gives_the_last_lines_and_says_what_is_missing(shared: Box) -> None:
    execution = shared.begin("seq 1000; seq 100 >&2")
    view = shared.finish(execution)
    assert view["stdout"] == "".join(f"{number}\n" for number in range(901, 1001))
    assert (view["stdout_truncated"], view["stderr_truncated"]) == (True, False)
    assert shared.finish(execution, last_n="1")["stdout"] == "1000\n"
    assert shared.finish(execution, last_n="0")["stdout"] == ""
    everything = "".join(f"{number}\n" for number in range(1, 1001))
    whole = shared.finish(execution, last_n="5000")
    assert (whole["stdout"], whole["stdout_truncated"]) == (everything, False)
    assert shared.streamed(execution) == everything


@pytest.mark.parametrize("last_n", ["-1", "many", "", "1.5", "٣"])
def test_a_wrong_last_n_is_refused(shared: Box, last_n: str) -> None:
    execution = shared.begin("true")
    path = f"/v1/devboxes/{shared.id}/executions/{execution}"
    refused(shared.api.get(path, params={"last_n": last_n}), 400, "invalid_request", "last_n")


def test_the_view_of_a_huge_line_is_its_end(shared: Box) -> None:
    execution = shared.begin("head -c 3000000 /dev/zero | tr '\\0' 'x'; printf '€'")
    view = shared.finish(execution)
    assert view["stdout_truncated"] is True
    assert view["stdout"].startswith("x")
    assert view["stdout"].endswith("x€")
    assert len(view["stdout"].encode()) == 1024 * 1024


def test_outputs_are_unset_until_the_command_is_completed(shared: Box) -> None:
    execution = shared.begin("echo early; sleep 600")
    assert next(shared.events(execution))["output"] == "early\n"
    view = ok(shared.api.get(f"/v1/devboxes/{shared.id}/executions/{execution}"))
    assert (view["status"], view["stdout"], view["exit_status"]) == ("running", None, None)
    killed = ok(shared.post(f"executions/{execution}/kill", {}))
    assert killed["execution_id"] == execution
    view = shared.finish(execution)
    assert (view["status"], view["stdout"], view["exit_status"]) == ("completed", "early\n", 137)
    assert ok(shared.post(f"executions/{execution}/kill", {}))["exit_status"] == 137


def test_killing_spares_the_children_unless_the_group_is_asked_for(box: Box) -> None:
    for group, alive in ((False, True), (True, False)):
        command = "(while :; do sleep 0.02; echo >> beat; done) & echo $! > child; touch ready; wait"
        execution = box.begin(f"rm -f ready beat; {command}")
        while box.read("ready").status_code != 200:
            time.sleep(0.01)
        ok(box.post(f"executions/{execution}/kill", {"kill_process_group": group}))
        assert box.finish(execution)["exit_status"] == 137
        beats = "kill -0 $(cat child) 2>/dev/null && echo alive || echo dead"
        assert box.text(beats) == ("alive\n" if alive else "dead\n")
        box.run("kill -9 $(cat child)")


def test_a_background_child_that_holds_the_pipe_does_not_hold_up_the_command(box: Box) -> None:
    execution = box.begin("(sleep 0.3; echo late; touch done) & echo first")
    view = box.finish(execution)
    assert view["stdout"] == "first\n"
    while box.read("done").status_code != 200:
        time.sleep(0.02)
    assert box.streamed(execution) == "first\n"


def test_a_background_child_that_prints_for_ever_does_not_hold_up_the_command(box: Box) -> None:
    view = box.run("yes & echo $! > pid; sleep 0.2")
    assert view["exit_status"] == 0
    assert box.text("kill $(cat pid); echo ended") == "ended\n"


def test_stdin_is_delivered_in_order_and_ends_with_eof(shared: Box) -> None:
    execution = shared.begin("cat", attach_stdin=True)
    assert shared.stdin(execution, text="first\n")["success"] is True
    assert shared.stdin(execution, text="second €\n", signal="EOF")["success"] is True
    view = shared.finish(execution)
    assert (view["exit_status"], view["stdout"]) == (0, "first\nsecond €\n")
    assert shared.stdin(execution, text="late")["success"] is False


def test_interrupt_is_ctrl_c(shared: Box) -> None:
    execution = shared.begin("trap 'echo caught; exit 5' INT; echo ready; cat", attach_stdin=True)
    for event in shared.events(execution):
        assert event["output"] == "ready\n"
        break
    shared.stdin(execution, signal="INTERRUPT")
    view = shared.finish(execution)
    assert (view["exit_status"], view["stdout"]) == (5, "ready\ncaught\n")


def test_a_command_that_does_not_read_does_not_block_the_server(shared: Box) -> None:
    execution = shared.begin("sleep 600", attach_stdin=True)
    shared.stdin(execution, text="x" * 6_000_000)
    refused(
        shared.post(f"executions/{execution}/send_std_in", {"text": "x" * 6_000_000}),
        409,
        "stdin_full",
        "wait",
    )
    assert shared.text("echo others go on") == "others go on\n"
    shared.stdin(execution, signal="INTERRUPT")
    assert shared.finish(execution)["exit_status"] == 130


def test_much_stdin_arrives_whole(shared: Box) -> None:
    execution = shared.begin("sleep 0.2; wc -c", attach_stdin=True)
    shared.stdin(execution, text="y" * 2_000_000)
    shared.stdin(execution, signal="EOF")
    assert shared.finish(execution)["stdout"].strip() == "2000000"


def test_stdin_without_attach_is_refused_and_reads_as_empty(shared: Box) -> None:
    execution = shared.begin("cat; sleep 600")
    path = f"executions/{execution}/send_std_in"
    refused(shared.post(path, {"text": "x"}), 400, "invalid_request", "attach_stdin")
    refused(shared.post(path, {}), 400, "invalid_request", "`text` nor `signal`")
    shared.stdin(execution, signal="INTERRUPT")
    assert shared.finish(execution)["exit_status"] == 130


def test_execute_answers_the_completed_command(shared: Box) -> None:
    body = {"command": "seq 3", "command_id": "same"}
    first = ok(shared.post("execute?last_n=2", body))
    second = ok(shared.post("execute", body | {"command": "echo other"}))
    assert (first["status"], first["stdout"], first["stdout_truncated"]) == ("completed", "2\n3\n", True)
    assert second["stdout"] == "other\n"
    assert first["execution_id"] != second["execution_id"]


def test_execute_answers_a_running_command_after_its_optimistic_timeout(shared: Box) -> None:
    body = {"command": "sleep 600", "command_id": "x", "optimistic_timeout": 0}
    view = ok(shared.post("execute", body))
    assert view["status"] == "running"
    ok(shared.post(f"executions/{view['execution_id']}/kill", {}))
    for wrong in (-1, 601):
        answer = shared.post("execute", body | {"optimistic_timeout": wrong})
        refused(answer, 400, "invalid_request", "optimistic_timeout")


def test_execute_sync_answers_all_of_the_output(shared: Box) -> None:
    view = ok(shared.post("execute_sync", {"command": "seq 1000; echo bad >&2; exit 3"}))
    assert (view["exit_status"], view["stderr"]) == (3, "bad\n")
    assert view["stdout"] == "".join(f"{number}\n" for number in range(1, 1001))


def test_a_command_with_a_nul_is_refused(shared: Box) -> None:
    refused(shared.post("execute_async", {"command": "a\0b"}), 400, "invalid_request", "NUL")


def test_the_log_tells_what_ran_and_how_it_ended(shared: Box) -> None:
    execution = shared.begin("exit 9")
    shared.finish(execution)
    lines = shared.logs(execution_id=execution)
    assert [(line["source"], line["cmd"], line["exit_code"]) for line in lines] == [
        ("exec", "exit 9", None),
        ("exec", "exit 9", 9),
    ]


def test_an_absolute_home_is_refused_where_there_is_none(shared: Box) -> None:
    answer = shared.post("execute_async", {"command": "ls /home/user/x"})
    if answer.status_code == 200:
        assert shared.text("echo ~") == "/home/user\n"
    else:
        refused(answer, 400, "capability_missing", "own-root", "/home/user", "`~`", "namespaces")
    for harmless in ("echo x/home/user", "echo /home/username", "echo ./home/user"):
        assert shared.run(harmless)["exit_status"] == 0
