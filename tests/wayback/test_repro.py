"""`pytest-runloop repro`, from bundles as runs write them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_runloop import Devbox, Runloop
from pytest_runloop.cli import main
from pytest_runloop.session.evidence import bundle as bundles
from pytest_runloop.session.evidence import schema
from pytest_runloop.session.evidence.record import Record
from pytest_runloop.session.evidence.transcript import Transcript
from pytest_runloop.session.requests import ENDED
from pytest_runloop.wayback.bundle import failing
from tests.plugin.service import KEY, Service, service
from tests.plugin.waiting import PATIENCE, until

from .seat import seat

Write = Callable[..., Path]


@pytest.fixture
def write(there: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Do something to a devbox, and write the bundle of a test that did it and failed."""
    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(tmp_path / "state"))

    def written(
        test: Callable[[Devbox], None],
        *,
        snapshot: bool = False,
        hidden: tuple[str, ...] = (),
        **params: object,
    ) -> Path:
        transcript, started = Transcript(), time.time()
        with (
            Runloop(there.base_url, KEY, observer=transcript) as client,
            client.devbox.create(**params) as devbox,  # type: ignore[arg-type]
        ):
            test(devbox)
            taken = devbox.snapshot_disk().id if snapshot else None
            about = schema.Devbox(devbox.id, True, dict(params), list(hidden), snapshot=taken)
            records = {devbox.id: transcript.of(devbox.id)}
        phase = schema.Phase(
            "call", "failed", time.time() - started, "builtins.AssertionError", "it is wrong"
        )
        evidence = schema.Evidence("test_it.py::test_it", "run", "failed", started, phases=[phase])
        evidence.devboxes, evidence.backend = [about], schema.Backend("cloud", there.base_url)
        return bundles.write(tmp_path / "bundles", "test_it", evidence, records)

    return written


def failing_test(devbox: Devbox) -> None:
    """Do a bit of everything, and fail in a shell."""
    devbox.file.write(file_path="given/one.txt", contents="one\n")
    devbox.file.upload(path="given/two.sh", file=b"cat given/one.txt; echo two")
    reader = devbox.cmd.exec_async("cat > typed", attach_stdin=True)
    reader.send_std_in("Grüße\n")
    reader.close_std_in()
    reader.result()
    shell = devbox.shell("main")
    shell.exec("mkdir -p deep; cd deep; export NAME=value")
    shell.exec("cat ../typed; sh -c 'cd .. && sh given/two.sh'; echo $NAME $(basename $PWD); (exit 9)")
    devbox.cmd.exec("echo after").check()


def simply(devbox: Devbox) -> None:
    """Fail at the second command."""
    devbox.cmd.exec("echo $API_TOKEN > kept").check()
    devbox.cmd.exec("cat kept; exit 3")


def repro(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Run the command; return its status, its output and what it says."""
    capfd.readouterr()
    status = main(["repro", *map(str, words)])
    told = capfd.readouterr()
    return status, told.out, told.err


def change(bundle: Path, place: int, **values: object) -> None:
    """Change a step of a bundle's only transcript."""
    [path] = bundle.glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[place].update(values)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_was_done_is_done_again_and_the_command_fails_as_it_did(
    write: Write, there: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, told = repro(capfd, "--run", write(failing_test))
    assert (status, out) == (9, "Grüße\none\ntwo\nvalue deep\n")
    assert "call: AssertionError: it is wrong" in told
    assert "REPRODUCED: the command ended with exit status 9, as then" in told
    assert ", 0 went another way" in told
    [made] = re.findall(r"devbox (dbx_\w+) was started", told)
    assert there.client.devbox.from_id(made).get_info().status == "shutdown"


def test_one_that_is_kept_stays_as_it_was_after_the_command(
    write: Write, there: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    status, _, told = repro(capfd, "--replay", "--through", "--keep", write(failing_test), "--", "true")
    assert (status, "REPRODUCED: the command ended with exit status 9" in told) == (0, True)
    [kept] = re.findall(r"To enter it: pytest-runloop shell (\S+)", told)
    with there.client.devbox.from_id(kept) as devbox:
        assert devbox.cmd.exec("cat typed").stdout() == "Grüße\n"


def test_a_shell_is_opened_where_the_test_s_shell_was(write: Write, there: Service) -> None:
    with seat(["repro", str(write(failing_test))], there.variables) as here:
        here.until('eval "$RUNLOOP_FAILED"')
        here.type("echo IN $(basename $PWD) $NAME; eval \"$RUNLOOP_FAILED\"; echo STA''TUS $?\r")
        here.until("IN deep value")
        here.until("STATUS 9")
        here.type("exit 4\r")
        assert here.status() == 4


def test_a_snapshot_has_the_disk_as_the_test_left_it(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    bundle = write(simply, snapshot=True, environment_variables={"API_TOKEN": "tok"})
    status, out, told = repro(capfd, "--snapshot", "--run", bundle)
    assert (status, out, "was started from snp_" in told) == (3, "tok\n", True)
    assert repro(capfd, bundle, "--", "cat kept; echo $API_TOKEN")[:2] == (0, "tok\ntok\n")
    [transcript] = bundle.glob("*.jsonl")
    transcript.unlink()
    status, out, told = repro(capfd, bundle, "--", "cat kept")
    assert (status, out, f"No such file or directory: '{transcript}'" in told) == (0, "tok\n", True)


def test_where_it_goes_another_way_is_said(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    bundle = write(simply)
    change(bundle, 0, stdout="hello\n", exit_status=0)
    change(bundle, 1, exit_status=5)
    status, _, told = repro(capfd, "--run", bundle)
    assert status == 3
    assert "step 1, `echo $API_TOKEN > kept`: stdout is another: line 1 is ''; then it was 'hello'" in told
    assert "NOT REPRODUCED: ended with exit status 3; then it ended with exit status 5" in told
    assert "1 steps were done again, 1 went another way" in told


def test_without_its_snapshot_there_is_the_replay_and_without_that_an_error(
    write: Write, there: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = write(simply, snapshot=True)
    [about] = schema.load(bundle).devboxes
    there.client.snapshot.from_id(str(about.snapshot)).delete()
    status, _, told = repro(capfd, bundle, "--", "cat kept")
    assert (status, f"snapshot {about.snapshot} is deleted" in told) == (0, True)
    assert repro(capfd, "--snapshot", bundle)[0] == 255
    (bundle / str(about.transcript)).write_text("")
    status, _, told = repro(capfd, bundle)
    assert (status, "There is no way back" in told) == (255, True)


def test_secrets_come_from_the_environment_or_the_account_or_are_said_to_be_missing(
    write: Write, there: Service, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = {"environment_variables": {"API_TOKEN": schema.REDACTED, "MODE": "x"}}
    bundle = write(simply, hidden=("environment_variables.API_TOKEN",), **hidden)
    look = (bundle, "--", "echo $API_TOKEN $MODE")
    status, out, told = repro(capfd, *look)
    assert (status, out, "Set API_TOKEN in your environment" in told) == (0, "x\n", True)
    secret = there.client.secret.create("API_TOKEN", "of-the-account")
    try:
        assert repro(capfd, *look)[1] == "of-the-account x\n"
        monkeypatch.setenv("API_TOKEN", "mine")
        status, out, told = repro(capfd, *look)
        assert (out, "mine" in told) == ("mine x\n", False)
    finally:
        secret.delete()


def test_what_is_no_bundle_is_told_as_what_it_is(
    write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = write(simply)
    for given, expected in (
        (
            tmp_path / "no",
            "is no bundle: there is no evidence.json in it.\nBundles are the folders that pytest",
        ),
        (bundle.parent, f"repro {bundle}"),
    ):
        status, _, told = repro(capfd, given)
        assert (status, expected in told) == (255, True), told
    assert "There is no devbox 'dbx_x' in the bundle" in repro(capfd, "--devbox=dbx_x", bundle)[2]
    about = bundle / schema.EVIDENCE
    good = about.read_text()
    for old, new, expected in (
        ('"version": 1', '"version": 99', "version 99"),
        ('"transcript": "', '"transcript": "../', "a file outside of itself"),
        ("{", "", "cannot be read"),
    ):
        about.write_text(good.replace(old, new, 1))
        status, _, told = repro(capfd, bundle)
        assert (status, expected in told) == (255, True), told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_ended_while_the_devbox_boots_leaves_nothing(
    write: Write, tmp_path: Path, number: signal.Signals
) -> None:
    bundle = write(simply)
    with service(tmp_path, "--isolation", "process", "--faults", "gate:moment=boot") as slow:
        waiting = subprocess.Popen(
            [sys.executable, "-m", "pytest_runloop.cli", "repro", str(bundle)],
            env={**os.environ, **slow.variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: list(slow.client.devbox.list(status="provisioning", limit=1)), "a devbox that boots")
        waiting.send_signal(number)
        said = waiting.communicate(timeout=PATIENCE)[1]
        assert (waiting.returncode, "Traceback" in said) == (128 + number, False), said
        assert {devbox.get_info().status for devbox in slow.client.devbox.list()} <= ENDED
    assert list((tmp_path / "state" / "runs").iterdir()) == []


def test_the_command_that_a_test_failed_at_is_the_last_that_went_wrong_before_the_end() -> None:
    def command(at: float, status: int | None, **more: object) -> Record:
        return Record("command", at, execution="e", exit_status=status, **more)  # type: ignore[arg-type]

    beside, wrong, fine = command(1, None), command(2, 1), command(3, 0)
    cleaning, late = command(9, 1), command(4, None, error="CommandStillRunningError")
    assert failing([beside, wrong, fine, cleaning], 5) == 1
    assert failing([beside, fine], 5) == 1
    assert failing([wrong, fine, late], 5) == 2
    assert failing([cleaning], 5) == 0
    assert failing([Record("write", 1)], 5) is None
    assert failing([fine, Record("command", 4, error="refused")], 5) == 1


def test_bundles_of_a_run_on_the_local_backend_lead_back_to_its_failures(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNLOOP_STATE_DIR", str(pytester.path / "state"))
    source = Path(__file__).with_name("corpus.py").read_text(encoding="utf-8")
    (pytester.path / "corpus.py").write_text(source, encoding="utf-8")
    tests = [f"corpus.py::test_{name}" for name in ("one_of_several_devboxes", "the_setup_fails")]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--runloop-artifacts=b", *tests]
    inner = subprocess.run(
        command, cwd=pytester.path, capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )
    assert "1 failed, 1 error" in inner.stdout, inner.stdout
    found = [path.parent for path in sorted(pytester.path.glob("b/*/evidence.json"))]
    assert [repro(capfd, "--run", bundle)[0] for bundle in found] == [10, 11]
