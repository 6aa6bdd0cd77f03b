"""The life of a devbox, from its creation to its end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from .box import Box, ok, refused


def _statuses(view: dict[str, list[dict[str, str]]]) -> list[str]:
    return [transition["status"] for transition in view["state_transitions"]]


def test_a_devbox_goes_from_provisioning_to_running(api: httpx.Client) -> None:
    created = ok(api.post("/v1/devboxes", json={"name": "n", "metadata": {"a": "b"}}))
    assert created["status"] == "provisioning"
    assert created["id"].startswith("dbx_")
    view = Box(api, created["id"]).wait("running")
    assert _statuses(view) == ["provisioning", "initializing", "running"]
    assert (view["name"], view["metadata"], view["end_time_ms"]) == ("n", {"a": "b"}, None)
    times = [transition["transition_time_ms"] for transition in view["state_transitions"]]
    assert times == sorted(times)
    Box(api, created["id"]).end()


def test_shutdown_answers_shutdown_at_once_and_the_devbox_stays_readable(api: httpx.Client) -> None:
    box = Box.create(api)
    view = box.end()
    assert (view["status"], view["shutdown_reason"]) == ("shutdown", "api_shutdown")
    assert view["end_time_ms"] >= view["create_time_ms"]
    assert box.view() == view
    assert box.id in [
        item["id"] for item in ok(api.get("/v1/devboxes?status=shutdown&limit=5000"))["devboxes"]
    ]
    assert box.end() == view
    refused(
        box.post("execute_async", {"command": "true"}), 400, "devbox_not_running", box.id, "create another"
    )
    refused(box.post("keep_alive"), 400, "devbox_not_running", box.id)


def test_file_mounts_and_launch_commands_are_done_before_it_runs(api: httpx.Client) -> None:
    mount = {"type": "file_mount", "target": "~/deep/er/mounted", "content": "é\n"}
    commands = ["cat from-map deep/er/mounted > both", "echo $GREETING >> both", "echo warned >&2"]
    box = Box.create(
        api,
        file_mounts={"from-map": "first\n"},
        mounts=[mount],
        environment_variables={"GREETING": "hello"},
        launch_parameters={"launch_commands": commands},
    )
    assert box.text("cat both") == "first\né\nhello\n"
    messages = [line["message"] for line in box.logs() if line["source"] == "setup_commands"]
    assert f"launch command 2 of 3: {commands[1]}" in messages
    assert "warned" in messages
    box.end()


def test_a_failing_launch_command_fails_the_devbox_with_its_output_in_the_log(api: httpx.Client) -> None:
    commands = ["true", "echo out; echo broken >&2; exit 7", "touch never"]
    box = Box.create(api, launch_parameters={"launch_commands": commands})
    view = box.view()
    assert (view["status"], view["failure_reason"]) == ("failure", "execution_failed")
    assert _statuses(view) == ["provisioning", "initializing", "failure"]
    (line,) = [line for line in box.logs() if line["level"] == "error"]
    for word in ("launch command 2 of 3", "exit status 7", "broken", "out"):
        assert word in line["message"]


def test_an_unwritable_file_mount_fails_the_devbox(api: httpx.Client) -> None:
    box = Box.create(api, file_mounts={"/proc/version/x": "no"})
    assert box.view()["status"] == "failure"
    assert any("/proc/version/x" in line["message"] for line in box.logs() if line["level"] == "error")


def test_a_devbox_can_be_ended_while_a_launch_command_runs(api: httpx.Client) -> None:
    launch = {"launch_commands": ["touch started; sleep 600"]}
    box = Box(api, ok(api.post("/v1/devboxes", json={"launch_parameters": launch}))["id"])
    box.wait("initializing", "running")
    assert box.end()["status"] == "shutdown"
    assert box.view()["status"] == "shutdown"


def test_the_end_of_the_entrypoint_ends_the_devbox(api: httpx.Client) -> None:
    box = Box.create(api, entrypoint="until [ -e stop ]; do sleep 0.05; done; echo bye; exit 3")
    assert box.view()["status"] == "running"
    box.text("touch stop")
    view = box.wait("shutdown")
    assert view["shutdown_reason"] == "entrypoint_exit"
    lines = [line for line in box.logs() if line["source"] == "entrypoint"]
    assert [line["message"] for line in lines][1:] == ["bye", "exited with status 3"]
    assert lines[-1]["exit_code"] == 3


def test_update_changes_what_is_given_and_keeps_the_rest(api: httpx.Client, box: Box) -> None:
    assert ok(api.post(f"/v1/devboxes/{box.id}", json={"name": "new"}))["name"] == "new"
    view = ok(api.post(f"/v1/devboxes/{box.id}", json={"metadata": {"k": "v"}}))
    assert (view["name"], view["metadata"]) == ("new", {"k": "v"})


def test_suspension_keeps_the_disk_and_the_id_and_ends_the_processes(box: Box) -> None:
    running = box.begin("echo kept > file; sleep 600", shell_name="s")
    while "kept" not in box.read("file").text:
        time.sleep(0.01)
    assert ok(box.post("suspend"))["status"] in ("suspending", "suspended")
    box.wait("suspended")
    assert box.finish(running)["exit_status"] == 137
    refused(box.post("execute_async", {"command": "true"}), 400, "devbox_not_running", "suspended", "resume")
    refused(box.post("suspend"), 400, "devbox_not_running", "suspended")
    assert ok(box.post("resume"))["status"] == "running"
    assert box.view()["status"] == "running"
    assert box.text("cat file") == "kept\n"
    assert box.text("cat file", shell_name="s") == "kept\n"
    refused(box.post("resume"), 400, "devbox_not_suspended", "running")


def test_a_suspended_devbox_can_be_ended(api: httpx.Client) -> None:
    box = Box.create(api)
    ok(box.post("suspend"))
    box.wait("suspended")
    assert box.end()["status"] == "shutdown"


def test_waiting_answers_only_for_a_requested_status(box: Box) -> None:
    answer = box.post("wait_for_status", {"statuses": ["suspended"], "timeout_seconds": 0.05})
    refused(answer, 408, "timed_out", "running")
    assert answer.headers["x-should-retry"] == "false"
    refused(box.post("wait_for_status", {"statuses": []}), 400, "invalid_request", "statuses")
    refused(box.post("wait_for_status", {"statuses": ["asleep"]}), 400, "invalid_request", "statuses")
    body = {"statuses": ["running"], "timeout_seconds": -1}
    refused(box.post("wait_for_status", body), 400, "invalid_request", "timeout_seconds")


def test_waiting_wakes_when_the_status_comes(box: Box) -> None:
    seen: list[str] = []
    waiter = threading.Thread(target=lambda: seen.append(box.wait("shutdown")["status"]))
    waiter.start()
    box.end()
    waiter.join(60)
    assert seen == ["shutdown"]


def test_a_devbox_whose_processes_are_killed_from_outside_fails(api: httpx.Client, own_root: None) -> None:
    box = Box.create(api)
    # pid 1 of the box takes no signals from within; the test finds it from outside, by its child.
    box.begin("exec -a the-child-of-" + box.id + " sleep 600")
    _kill(_parent_of(f"the-child-of-{box.id}"))
    view = box.wait("failure", "shutdown")
    assert view["status"] == "failure"
    assert any("by itself" in line["message"] for line in box.logs() if line["level"] == "error")


def _parent_of(name: str) -> int:
    while True:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and _command(process).startswith(name):
                return int((process / "stat").read_text().rpartition(")")[2].split()[1])
        time.sleep(0.01)


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_lists_have_pages_newest_first(api: httpx.Client) -> None:
    ids = [ok(api.post("/v1/devboxes", json={}))["id"] for _ in range(5)]
    page = ok(api.get("/v1/devboxes?limit=3"))
    assert [item["id"] for item in page["devboxes"]] == ids[:1:-1]
    assert page["has_more"] is True
    assert page["total_count"] == page["remaining_count"] + 3
    rest = ok(api.get(f"/v1/devboxes?limit=2&include_total_count=false&starting_after={ids[2]}"))
    assert [item["id"] for item in rest["devboxes"]] == ids[1::-1]
    assert rest["total_count"] is None
    for identifier in ids:
        Box(api, identifier).end()


@pytest.mark.parametrize("call", ["shutdown", "suspend", "resume", "keep_alive"])
def test_calls_without_a_body_take_none(api: httpx.Client, call: str) -> None:
    refused(api.post(f"/v1/devboxes/dbx_none/{call}", content=b""), 404, "not_found")
