"""What does the code under test do when devboxes are slow, or their service fails? Faults say when."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from pytest_runloop import Devbox, DevboxFactory, FaultControl


def status_line(devbox: Devbox) -> str:
    """Stand for the code under test: it shows what a devbox does."""
    return f"{devbox.get_info().status}"


def test_others_work_while_one_boots(
    devbox: Devbox, devbox_factory: DevboxFactory, runloop_faults: FaultControl
) -> None:
    name = f"slow-{uuid.uuid4().hex}"  # of this test alone: workers share one backend
    gate = runloop_faults.gate(f"gate:moment=boot:devbox={name}")
    with ThreadPoolExecutor() as pool, gate:  # however it ends, the gate opens
        booting = pool.submit(devbox_factory, name=name)
        gate.wait()  # now it stands there, and goes no further
        assert devbox.cmd.exec("echo hello").stdout() == "hello\n"
        assert not booting.done()
        gate.release()
    assert booting.result().cmd.exec("echo hello").stdout() == "hello\n"


def test_a_command_is_shown_as_running_until_it_ends(devbox: Devbox, runloop_faults: FaultControl) -> None:
    with runloop_faults.gate(f'gate:command="*make release*":devbox={devbox.id}') as gate:
        with ThreadPoolExecutor() as pool:
            execution = pool.submit(devbox.cmd.exec, "echo make release")
            gate.wait()
            assert status_line(devbox) == "running"
            gate.open()
        assert execution.result().success


def test_a_call_that_fails_once_is_made_again(devbox: Devbox, runloop_faults: FaultControl) -> None:
    runloop_faults.add(f"http_503@devboxes.retrieve:devbox={devbox.id}:retry_after=0.01:times=1")
    assert status_line(devbox) == "running"
    assert [fault["devbox_id"] for fault in runloop_faults.log()].count(devbox.id) == 1
