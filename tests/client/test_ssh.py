"""What the client makes of an SSH key."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .fake_api import SSH_KEY, FakeApi, answer


def test_the_key_is_given_as_the_service_gives_it_and_shown_by_nothing(runloop: Any) -> None:
    key = runloop.devbox.from_id("dbx_1").net.create_ssh_key()
    assert (key.id, key.ssh_private_key, key.ssh_user, key.url) == tuple(SSH_KEY.values())
    assert (key.port, key.host_key) == (None, None)
    assert "PRIVATE" not in f"{key!r} {key}"


def test_a_configuration_knows_host_port_user_and_key(runloop: Any, api: FakeApi, tmp_path: Path) -> None:
    local = {**SSH_KEY, "url": "127.0.0.1", "port": 4022, "host_key": "ecdsa-sha2-nistp256 AAAA"}
    api.on("POST .*/create_ssh_key", answer(local))
    place = tmp_path / 'a b%h"'
    config = runloop.devbox.from_id("dbx_1").net.ssh_config(place)
    assert config == place / "dbx_1.config"
    assert (place / "dbx_1.key").read_text() == "PRIVATE\n"
    assert (place / "dbx_1.known_hosts").read_text() == "dbx_1 ecdsa-sha2-nistp256 AAAA\n"
    assert place.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}


def test_a_configuration_for_the_cloud_goes_through_its_door(runloop: Any, tmp_path: Path) -> None:
    config = runloop.devbox.from_id("dbx_1").net.ssh_config(str(tmp_path))
    text = config.read_text()
    assert "HostName dbx-1.ssh.test\n" in text
    assert "-servername %h -connect ssh.test:443\n" in text
    assert "Port" not in text


@pytest.mark.parametrize("name", ["plain", "a b%h", "é", 'a"b'])
def test_openssh_takes_the_configuration(runloop: Any, api: FakeApi, tmp_path: Path, name: str) -> None:
    api.on(
        "POST .*/create_ssh_key", answer({**SSH_KEY, "port": 4022, "host_key": "ecdsa-sha2-nistp256 AAAA"})
    )
    config = runloop.devbox.from_id("dbx_1").net.ssh_config(tmp_path / name)
    try:
        shown = subprocess.run(["ssh", "-G", "-F", config, "devbox"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("this machine has no ssh")
    assert shown.returncode == 0, shown.stderr
    for line in ("user user", "port 4022", "hostname dbx-1.ssh.test", "stricthostkeychecking true"):
        assert f"{line}\n" in shown.stdout
    identity = str(tmp_path / name / "dbx_1.key").replace("%", "%%")
    assert f"identityfile {identity}\n" in shown.stdout
