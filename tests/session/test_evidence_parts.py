"""The parts of the evidence, each by itself: what is secret, what a devbox tells, names of folders."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from pytest_runloop import Runloop
from pytest_runloop.client.observing import Call
from pytest_runloop.contract.endpoints import devboxes, gateway_configs, tunnels
from pytest_runloop.contract.views.devboxes import DevboxView
from pytest_runloop.contract.views.gateway_configs import GatewayTokenView
from pytest_runloop.contract.views.ssh import DevboxCreateSSHKeyResponse
from pytest_runloop.contract.views.tunnels import PtyTunnelView, TunnelView
from pytest_runloop.session.evidence import bundle, facts, redaction, schema, text
from pytest_runloop.session.evidence.collecting import Collector
from pytest_runloop.session.evidence.keeper import without_secrets
from pytest_runloop.session.evidence.record import Record
from pytest_runloop.session.evidence.redaction import Redactor
from pytest_runloop.session.evidence.transcript import BUDGET, Transcript, _Life

SECRET = "s3cr\u00e9t/&'va+lue=?"


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.learn(SECRET)
    return made


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        repr(SECRET),
        html.escape(SECRET),
        SECRET.replace("'", "'\\''"),
        *(base64.b64encode(b"user:"[at:] + SECRET.encode() + b"@host"[at:]).decode() for at in range(3)),
    ],
)
def test_a_secret_is_taken_out_in_every_form(redactor: Redactor, form: str) -> None:
    shown = redactor.text(f"before {form} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    inner = shown.removeprefix("before ").removesuffix(" after")
    assert schema.REDACTED in inner
    assert len(inner) <= 20, "of an encoded whole, the first and last signs mix with what is around"
    assert SECRET not in repr(redactor)


@pytest.mark.parametrize("value", [SECRET, 'a\'b $(c) \\ "d" `e`, f', "-".join(map(str, range(60)))])
def test_a_secret_is_taken_out_of_what_a_shell_says_of_it(redactor: Redactor, value: str) -> None:
    redactor.learn(value)
    script = """set -x; : "$V"; { set +x; } 2>/dev/null; export -p; printf '%q\\n' "$V"; base64 <<<"$V" """
    variables = {"V": value, "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    told = subprocess.run(["bash", "-c", script], env=variables, capture_output=True, text=True, check=True)
    shown = redactor.text(told.stdout + told.stderr)
    encoded = base64.b64encode(value.encode()).decode()[:-4]
    pieces = [whole[at : at + 8] for whole in (value, encoded) for at in range(len(whole) - 7)]
    assert [piece for piece in pieces if piece in shown] == []
    assert "declare -x LC_ALL" in shown


def test_parts_of_a_secret_at_a_cut_are_taken_out_too(redactor: Redactor) -> None:
    for cut in range(1, len(SECRET) - 4):
        assert SECRET[cut:] not in redactor.text(SECRET[cut:] + " rest", cut=True)
        assert SECRET[:-cut] not in redactor.shown(f"assert {SECRET[:-cut]}...")
        assert SECRET[cut:] not in redactor.shown(f"assert ...{SECRET[cut:]}")
    assert redactor.shown("nothing... secret") == "nothing... secret"


def test_names_tell_what_is_secret_and_the_user_adds_to_them(tmp_path: Path) -> None:
    secret = ["API_KEY", "githubToken", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "NPM_AUTH"]
    assert all(map(redaction.looks_secret, secret))
    assert not any(map(redaction.looks_secret, ["PWD", "HOME", "auth_mode", "KEYBOARD", "MONKEY_COUNT"]))
    wanted = redaction.parse(["DB_*, OTHER", "text:fixed, text", r"re:id-\d+"])
    made = Redactor(wanted)
    variables = {"DB_URL": "db://x", "MY_TOKEN": "long enough", "A_KEY": "short", "B_KEY": str(tmp_path)}
    made.learn_environment(variables)
    told = " ".join(["fixed, text", "id-12", *variables.values()])
    assert made.text(told) == f"*** *** *** *** short {tmp_path}"


@pytest.mark.parametrize("wrong", ["a b", "text:abc", "re:(", "re:x*", ","])
def test_what_cannot_be_redacted_is_refused_without_being_repeated(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"\w+") as caught:
        redaction.parse([wrong])
    assert wrong not in str(caught.value) or wrong == ","


def test_parameters_keep_their_shape_and_name_what_is_hidden(redactor: Redactor) -> None:
    params = {
        "environment_variables": {"GREETING": "hi", "DB_PASSWORD": "pw"},
        "secrets": {"TOKEN": "NAME_OF_IT"},
        "tunnel": {"auth_mode": "open"},
        "file_mounts": {"a": f"x {SECRET}"},
        "code_mounts": [{"repo_name": "r", "token": "t"}],
        "launch_parameters": {"keep_alive_time_seconds": 5},
    }
    shown, hidden = redactor.parameters(params)
    assert hidden == ["environment_variables.DB_PASSWORD", "code_mounts.0.token"]
    assert shown["environment_variables"] == {"GREETING": "hi", "DB_PASSWORD": "***"}
    assert (shown["secrets"], shown["tunnel"]) == (params["secrets"], params["tunnel"])
    assert shown["file_mounts"] == {"a": "x ***"}
    assert shown["launch_parameters"] == {"keep_alive_time_seconds": 5}


def test_files_are_searched_also_when_gzip_packed_them(redactor: Redactor) -> None:
    assert redactor.content(b"\xff" + SECRET.encode() + b"\x00") == b"\xff***\x00"
    assert redactor.content(gzip.compress(SECRET.encode())) is None
    assert redactor.content(b"\x1f\x8b broken") is None
    clean = gzip.compress(b"nothing")
    assert redactor.content(clean) == clean


@pytest.mark.parametrize("shell", ["bash", "dash", "busybox"])
def test_a_devbox_tells_of_itself_in_any_shell(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = Path(facts.__file__).with_name("facts.sh").read_text()
    (tmp_path / "a file").write_text("12345")
    (tmp_path / "folder").mkdir()
    command = [program, *(["sh"] if shell == "busybox" else []), "-c", script]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=60)
    found = facts.parsed(told.stdout)
    assert "everything" not in found.cut, told.stderr
    assert found.directory == str(tmp_path)
    assert schema.File("a file", "file", 5) in found.files
    assert schema.File("folder", "directory") in found.files
    assert any(process.pid == os.getpid() for process in found.processes) or "processes" in found.cut
    assert found.memory["MemTotal"] > 0
    assert any(disk.mounted == "/" for disk in found.disks)


def test_ports_are_told_with_their_owners_and_foreign_processes_are_left_out() -> None:
    told = """@self 40 20
@process 7 1 S 0 10 sh
@process 8 1 S 0 900 pytest-runloop: devbox dbx_2
@process 9 8 S 0 10 theirs
@process 20 7 S 0 900 pytest-runloop: devbox dbx_1
@process 21 20 S 0 900 python3 app.py
@process 3 21 S 0 900 child
@socket tcp 0100007F:1F90 00:00 00:00 00 0 0 11 1
@socket tcp 00000000:1F91 00:00 00:00 00 0 0 12 1
@socket tcp6 00000000000000000000000001000000:1F92 00:00 00:00 00 0 0 13 1
"""
    found = facts.parsed(told + "@owner 21 [11]\n@owner 7 [12]\n@owner 21 [13]\n@cut list\n")
    assert [process.pid for process in found.processes] == [20, 21, 3]
    assert [(port.address, port.port, port.pid) for port in found.ports] == [
        ("127.0.0.1", 8080, 21),
        ("::1", 8082, 21),
    ]
    assert found.cut == ["everything", "list"]


def test_folders_have_names_that_any_file_system_takes() -> None:
    tests = [
        "t.py::test_a[x/../y]",
        "t.py::test_a[X/../Y]",
        "t.py::" + "é" * 300,
        "t.py::test[" + "a" * 300,
        ".",
    ]
    names = [bundle.folder_name(test, test) for test in tests]
    assert len({name.lower() for name in names}) == len(tests)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}", name) for name in names), names


def test_a_bundle_replaces_its_like_and_nothing_else(tmp_path: Path) -> None:
    devbox = schema.Devbox("dbx_1", held=True)
    evidence = schema.Evidence("t.py::t", "run", "failed", 1.0, devboxes=[devbox])
    upload = Record("upload", 2.0, file="f", data=b"\x00bytes")
    (tmp_path / "name").mkdir()
    (tmp_path / "name" / "theirs").write_text("kept")
    first = bundle.write(tmp_path, "name", evidence, {"dbx_1": [upload]})
    again = bundle.write(tmp_path, "name", evidence, {"dbx_1": [upload, Record("suspend", 3.0)]})
    assert first == again == tmp_path / "name-2"
    bundle.complete(again, "dbx_1", snapshot="snp_1")
    read = schema.load(again)
    assert read.devboxes[0].snapshot == "snp_1"
    assert read.way_back[0] == "pytest --runloop-from-snapshot=snp_1 t.py::t"
    stored, suspended = schema.load_transcript(again, read.devboxes[0])
    assert (again / str(stored.stored)).read_bytes() == b"\x00bytes"
    assert suspended.what == "suspend"
    assert "snp_1" in (again / schema.REPORT).read_text()
    bundle.remove(tmp_path / "name")
    bundle.remove(again)
    bundle.complete(again, "dbx_1", snapshot="snp_2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name"]
    assert (tmp_path / "name" / "theirs").read_text() == "kept"


def test_too_much_is_forgotten_from_the_oldest_on() -> None:
    life = _Life()
    for number in range(30):
        life.add(
            Record("command", number, execution=str(number), command="make", stdout="x" * (BUDGET // 20))
        )
    dropped = [record.dropped for record in life.records]
    assert dropped == sorted(dropped, reverse=True)
    assert 10 <= sum(dropped) < 20
    assert life.records[-1].stdout is not None
    assert not life.whole
    assert not Transcript().whole("dbx_1")


def test_the_tail_of_a_transcript_shows_what_the_failed_command_wrote() -> None:
    records = [Record("write", 1.0, file=f"f{number}", size=1) for number in range(20)]
    records.append(
        Record("command", 2.0, 0.5, "e", "false\nx", exit_status=1, stdout="a\n" * 50, stderr="bad")
    )
    told = text.steps(records, 0.0, last=3)
    assert told[0] == "… 18 steps before these"
    assert "$ false ⏎ x   (exit status 1, 0.50 s)" in told[3]
    assert told[4].strip() == "| … 38 lines before these"
    assert told[-1].strip() == "! bad"
    out = io.StringIO("\n".join(told))
    assert len(out.readlines()) == 4 + 1 + text.LINES + 1


def test_of_an_ended_devbox_whose_secrets_nobody_told_no_output_is_shown() -> None:
    transcript = Transcript()
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        step = request.url.path.rpartition("/")[2]
        asked.append(step)
        ended = {"status": "shutdown", "shutdown_reason": "api_shutdown", "create_time_ms": 1}
        if step == "execute_async":
            return httpx.Response(400, json={"message": "the devbox has ended"})
        if step == "logs":
            return httpx.Response(200, json={"logs": []})
        return httpx.Response(200, json={"id": step, **ended})

    transport = httpx.MockTransport(answer)
    with Runloop("http://127.0.0.1:1", "key", transport=transport, max_retries=0) as client:
        collector = Collector(transcript, lambda: client)
        for devbox, secret in (("dbx_1", "FOREIGN"), ("dbx_2", "OURS")):
            transcript.made(devbox, {"secrets": {"TOKEN": secret}})
        transcript.made("dbx_3", {"gateways": {"TOKEN": {"gateway": "g", "secret": "OURS"}}})
        transcript.secrets.add("OURS")
        collector.learn_secrets(["dbx_1", "dbx_2", "dbx_3"])
        foreign, ours, token = collector.collect(["dbx_1", "dbx_2", "dbx_3"])
    assert asked.count("execute_async") == 3, "asked for the values, and for nothing else: they do not run"
    assert str(foreign.withheld).startswith("the values of its secrets could not be asked for")
    assert ours.withheld is None
    assert token.withheld is not None
    assert (foreign.devbox.status, foreign.devbox.reason) == ("shutdown", "api_shutdown")
    record = Record("command", 1.0, command="echo $TOKEN", execution="e", exit_status=0, stdout="value")
    shown = without_secrets(record, Redactor(), withheld=True)
    assert (shown.command, shown.stdout, shown.exit_status) == ("echo $TOKEN", None, 0)


_OPENS = "a-token-of-32-characters"


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        (gateway_configs.CREATE_TOKEN, GatewayTokenView.model_construct(token=_OPENS)),
        (tunnels.CREATE_PTY, PtyTunnelView.model_construct(auth_token=_OPENS)),
        (
            devboxes.RETRIEVE,
            DevboxView.model_construct(tunnel=TunnelView.model_construct(auth_token=_OPENS)),
        ),
        (devboxes.CREATE_SSH_KEY, DevboxCreateSSHKeyResponse.model_construct(ssh_private_key=_OPENS)),
    ],
)
def test_what_opens_a_devbox_and_came_in_an_answer_is_hidden(endpoint: Any, answer: Any) -> None:
    transcript = Transcript()
    call = Call(endpoint, {"id": "dbx_1"}, {}, 1.0)
    call.answer = answer
    transcript.called(call)
    assert transcript.redactor.shown("it is a-token-of-32-characters.") == "it is ***."
