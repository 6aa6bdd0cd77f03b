"""SSH into devboxes with OpenSSH's own programs."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .box import Box, ok, refused
from .openssh import Access, need
from .running import PATIENCE, Inside, Server, server

VALUE = "line one\n'two' \"$HOME\" \\"
REFUSED = 255
"""The exit status of ssh when there is no session."""


@pytest.fixture(scope="module")
def box(api: httpx.Client) -> Iterator[Box]:
    """A devbox with variables, a secret among them."""
    ok(api.post("/v1/secrets", json={"name": "SSH_TEST", "value": VALUE}))
    made = Box.create(api, environment_variables={"PLAIN": "a b"}, secrets={"TOKEN": "SSH_TEST"})
    yield made
    made.end()
    ok(api.post("/v1/secrets/SSH_TEST/delete"))


@pytest.fixture(scope="module")
def access(box: Box, backend: Server, tmp_path_factory: pytest.TempPathFactory) -> Access:
    """A key to it."""
    return Access.to(box.id, backend, tmp_path_factory.mktemp("ssh"))


def test_a_command_has_its_exit_status_its_outputs_and_its_input(access: Access) -> None:
    done = access.ssh("cat; echo 'é' >&2; exit 7", data="in\nput")
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\nput", "é\n")


def test_a_session_is_as_any_command_of_the_devbox(access: Access, box: Box) -> None:
    show = 'pwd; whoami; printf \'%s|%s\\n\' "$PLAIN" "$TOKEN"; echo $HOME $PATH; echo ${0##*/}'
    done = access.ssh(show)
    assert (done.returncode, done.stdout, done.stderr) == (0, box.text(show), "")
    assert f"a b|{VALUE}\n" in done.stdout


def test_a_path_that_the_devbox_was_given_holds_in_sessions(
    api: httpx.Client, backend: Server, tmp_path: Path
) -> None:
    box = Box.create(api, environment_variables={"PATH": "/own/bin:/usr/bin:/bin"})
    access = Access.to(box.id, backend, tmp_path)
    assert access.ssh("echo $PATH").stdout == box.text("echo $PATH") == "/own/bin:/usr/bin:/bin\n"
    assert access.ssh("env").stdout.count("/own/bin") == 1
    box.end()


def test_a_terminal_has_a_login_shell(access: Access, own_root: None) -> None:
    done = access.run("ssh", "-tt", "devbox", data="echo $((6*7)) $PLAIN; tty; shopt login_shell; exit 3\n")
    assert done.returncode == 3
    for text in ("42 a b", "/dev/pts/", "login_shell    \ton"):
        assert text in done.stdout


def test_files_go_both_ways_by_scp_and_sftp(access: Access, box: Box, tmp_path: Path) -> None:
    need("scp", "sftp")
    (tmp_path / "up").write_bytes(data := os.urandom(300_000))
    assert access.run("scp", "-p", f"{tmp_path}/up", "devbox:by-scp").returncode == 0
    assert access.run("scp", "-O", "devbox:by-scp", f"{tmp_path}/down").returncode == 0
    assert (tmp_path / "down").read_bytes() == data
    batch = f"rename by-scp renamed\nget renamed {tmp_path}/again\n"
    done = access.run("sftp", "-b", "-", "devbox", data=batch)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again").read_bytes() == data
    assert box.text("ls").split().count("renamed") == 1


def test_rsync_keeps_a_directory_the_same(access: Access, box: Box, tmp_path: Path) -> None:
    need("rsync")
    (tmp_path / "tree" / "in").mkdir(parents=True)
    (tmp_path / "tree" / "in" / "file").write_text("content")
    command = ["rsync", "-a", "-e", f"ssh -F {access.config}", f"{tmp_path}/tree", "devbox:"]
    subprocess.run(command, check=True, timeout=PATIENCE)
    assert box.text("cat tree/in/file") == "content"


SERVICE = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
with open("service-port", "w") as file:
    file.write(f"{listener.getsockname()[1]}\\n")
client, _ = listener.accept()
client.sendall(b"served " + client.recv(100))
client.close()
"""


def test_a_port_of_the_devbox_is_forwarded(access: Access, box: Box) -> None:
    ok(box.write("service.py", SERVICE))
    box.begin("python3 service.py")
    while not (port := box.run("cat service-port")["stdout"].strip()):
        time.sleep(0.01)
    done = access.run("ssh", "-W", f"127.0.0.1:{port}", "devbox", data="you")
    assert (done.returncode, done.stdout) == (0, "served you")


def test_every_key_opens_and_a_strange_one_does_not(
    access: Access, box: Box, backend: Server, tmp_path: Path
) -> None:
    second = Access.to(box.id, backend, tmp_path)
    assert (access.ssh("echo 1").stdout, second.ssh("echo 2").stdout) == ("1\n", "2\n")
    stranger = tmp_path / f"{box.id}.key"
    stranger.unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    done = second.ssh("true")
    assert done.returncode == REFUSED
    assert "Permission denied (publickey)" in done.stderr


def test_another_devbox_is_told_by_its_host_key(
    api: httpx.Client, access: Access, backend: Server, tmp_path: Path
) -> None:
    other = Box.create(api)
    wrong = Access.to(other.id, backend, tmp_path)
    known = wrong.config.with_name(f"{other.id}.known_hosts")
    (theirs,) = access.config.parent.glob("*.known_hosts")
    known.write_text(theirs.read_text().replace(theirs.name.partition(".")[0], other.id))
    done = wrong.ssh("true")
    assert done.returncode == REFUSED
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    other.end()


def test_keys_hold_over_a_suspension(api: httpx.Client, backend: Server, tmp_path: Path) -> None:
    box = Box.create(api)
    access = Access.to(box.id, backend, tmp_path)
    ok(box.post("suspend"))
    box.wait("suspended")
    assert access.ssh("true").returncode == REFUSED
    assert any("cannot open an SSH session" in line["message"] for line in box.logs())
    refused(box.post("create_ssh_key"), 400, "devbox_not_running", "suspended", "resume")
    ok(box.post("resume"))
    assert access.ssh("echo back").stdout == "back\n"
    box.end()
    refused(box.post("create_ssh_key"), 400, "devbox_not_running", "create another")
    assert access.ssh("true").returncode == REFUSED


def test_a_session_ends_with_its_devbox(api: httpx.Client, backend: Server, tmp_path: Path) -> None:
    box = Box.create(api)
    access = Access.to(box.id, backend, tmp_path)
    with subprocess.Popen(["ssh", "-F", access.config, "devbox", "touch here; sleep 600"]) as session:
        while box.read("here").status_code != 200:
            time.sleep(0.01)
        box.end()
        assert session.wait(PATIENCE) == REFUSED


def test_neither_disk_nor_snapshot_holds_a_key_and_no_log_does(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with server(state) as backend, backend.client() as api:
        box = Box.create(api)
        access = Access.to(box.id, backend, tmp_path / "ssh")
        assert access.ssh("echo from a session > file").returncode == 0
        snapshot = ok(box.post("snapshot_disk"))["id"]
        (key,) = (tmp_path / "ssh").glob("*.key")
        shown = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True)
        public = shown.stdout.split()[1].encode()
        private = key.read_bytes().splitlines()[1]
        for path in (path for path in state.rglob("*") if path.is_file()):
            content = path.read_bytes()
            assert public not in content, path
            assert private not in content, path
        assert private.decode() not in str(box.logs())
        box.end()
        copy = Box.create(api, snapshot_id=snapshot)
        assert copy.text("cat file") == "from a session\n"
        again = Access.to(copy.id, backend, tmp_path / "again")
        assert again.ssh("cat file").stdout == "from a session\n"
        copy.end()


def test_without_an_openssh_server_the_error_names_the_package(
    api: httpx.Client, backend: Server, own_root: None, tmp_path: Path
) -> None:
    need("ssh-keygen")
    box = Box.create(api)
    box.run("rm -f $(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd)")
    refused(box.post("create_ssh_key"), 400, "program_missing", "`openssh-server`", "in the devbox")
    box.end()


def test_a_server_that_does_not_work_says_why(api: httpx.Client, own_root: None) -> None:
    need("ssh-keygen")
    box = Box.create(api)
    box.text("mkdir -p /usr/local/sbin; cp /bin/false /usr/local/sbin/sshd")
    box.text("printf '#!/bin/sh\\necho no such luck >&2; exit 255\\n' >/usr/local/sbin/sshd")
    refused(box.post("create_ssh_key"), 400, "ssh_unavailable", "no such luck")
    box.end()


def test_who_only_knocks_harms_nobody(access: Access) -> None:
    (config,) = (line.split()[1] for line in access.config.read_text().splitlines() if " Port " in line)
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", int(config)), PATIENCE) as knocking:
            knocking.sendall(said)
    assert access.ssh("echo fine").stdout == "fine\n"


@pytest.mark.asyncio
async def test_a_connection_keeps_a_devbox_from_being_idle(within: Inside) -> None:
    need("sshd", "ssh-keygen")
    idle = {"after_idle": {"idle_time_seconds": 30, "on_idle": "shutdown"}}
    identifier = await within.create(launch_parameters=idle)
    await within.reach(identifier, "running")
    answer = await within.api.post(f"/v1/devboxes/{identifier}/create_ssh_key")
    if answer.status_code != 200:
        pytest.skip(answer.text)
    log = within.backend.devbox(identifier).log

    async def logged(message: str) -> None:
        while message not in [line.message for line in log.lines()]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    with socket.create_connection(("127.0.0.1", answer.json()["port"]), PATIENCE):
        await logged("an SSH connection began")
        await within.clock.advance(3000)
        assert (await within.view(identifier))["status"] == "running"
    await logged("an SSH connection ended")
    await within.clock.advance(30)
    assert (await within.view(identifier))["shutdown_reason"] == "idle"
