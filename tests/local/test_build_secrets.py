"""Secrets of builds: there for the commands, and nowhere afterwards."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.logbook import LineSink
from pytest_runloop.local.masking import Mask

from .box import Box, ok, refused
from .builds import cached, ended, failed, good, log, text
from .running import server


@pytest.fixture
def secret(api: httpx.Client) -> Iterator[tuple[str, str]]:
    """The name of a secret, and its value."""
    name, value = f"BUILD_{uuid.uuid4().hex}", f"planted-{uuid.uuid4().hex}"
    ok(api.post("/v1/secrets", json={"name": name, "value": value}))
    yield name, value
    api.post(f"/v1/secrets/{name}/delete")


def _holders(root: Path, value: str) -> list[str]:
    """Return the files and links below a directory that hold a value, in their contents or names."""
    found = []
    for path in root.rglob("*"):
        if path.is_symlink():
            content = str(path.readlink()).encode()
        else:
            content = path.read_bytes() if path.is_file() else b""
        if value.encode() in content or value in path.name:
            found.append(str(path))
    return found


def _command_lines() -> bytes:
    """Return the command lines of all processes of this machine."""
    seen = b""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen += process.read_bytes()
        except OSError:
            continue  # It has just ended.
    return seen


# Each place where a value could stay shows its length, which says that the value was there.
_DOCKERFILE = """\
FROM debian
WORKDIR /home/user
RUN echo ${#TOKEN} >lengths; echo "out $TOKEN"; echo "err $TOKEN" >&2
RUN --mount=type=secret,id=TOKEN,target=/home/user/file,mode=0440 \\
    wc -c <file >>lengths; stat -c %a file >>lengths
RUN --mount=type=secret,id=key-file,env=KEY --mount=type=secret,id=other echo ${#KEY} >>lengths
RUN <<END
    echo "${OPEN:-none} waiting"; tr '\\0' ' ' </proc/$$/cmdline; sleep 1
END
"""


def test_commands_see_a_secret_and_nothing_that_is_kept_holds_it(tmp_path: Path) -> None:
    value = f"planted-{uuid.uuid4().hex}"
    with server(tmp_path / "state") as running, running.client() as api:
        ok(api.post("/v1/secrets", json={"name": "REAL", "value": value}))
        params: dict[str, Any] = {
            "secrets": {"TOKEN": "REAL", "key-file": "REAL"},
            "system_setup_commands": ["echo ${#TOKEN} >>~/lengths; echo set up with $TOKEN"],
        }
        ok(api.post("/v1/blueprints/preview", json={"name": "x", "dockerfile": _DOCKERFILE, **params}))
        view = ok(api.post("/v1/blueprints", json={"name": "x", "dockerfile": _DOCKERFILE, **params}))
        while not any(line.endswith(" waiting") for _, line in log(api, view)) and "fail" not in str(view):
            time.sleep(0.01)
            view = ok(api.get(f"/v1/blueprints/{view['id']}"))
        assert value.encode() not in _command_lines()
        view = ended(api, view)
        lines = log(api, view)
        assert view["status"] == "build_complete", lines
        assert value not in str(lines) + str(view)
        for line in (("info", "out ***"), ("warn", "err ***"), ("info", "set up with ***")):
            assert line in lines
        box = Box.create(api, blueprint_id=view["id"])
        size = str(len(value))
        assert box.text("cat ~/lengths").split() == [size, size, "440", size, size]
        assert box.text("env; ls -a ~").count(value) == 0
        box.end()
        # It is kept under its own name alone, and gone from there when it is deleted.
        ok(api.post("/v1/secrets/REAL/delete"))
    assert _holders(tmp_path, value) == []


def test_a_failure_shows_no_part_of_a_secret(api: httpx.Client, secret: tuple[str, str]) -> None:
    name, value = secret
    command = f'printf "%0{1000 - len(value) // 2}d$TOKEN\\n" 0; exit 3'
    message = failed(api, f"FROM debian\nRUN {command}", "exit status 3", secrets={"TOKEN": name})
    assert value[:9] not in message


def test_the_names_of_secrets_count_for_the_cache_and_their_values_do_not(
    api: httpx.Client, secret: tuple[str, str]
) -> None:
    name, _ = secret
    dockerfile = f"FROM debian\nRUN echo {uuid.uuid4()} >~/x\n"
    params: dict[str, Any] = {"system_setup_commands": ["true"]}
    good(api, dockerfile, **params)
    with_it = {**params, "secrets": {"TOKEN": name}}
    assert cached(api, good(api, dockerfile, **with_it)) == []
    # The setup command; what it stands on is not even looked for.
    ok(api.post(f"/v1/secrets/{name}", json={"value": "quite another"}))
    assert len(cached(api, good(api, dockerfile, **with_it))) == 1


@pytest.mark.usefixtures("own_root")
def test_a_secret_is_a_file_below_run_and_hides_what_is_in_its_place(
    api: httpx.Client, secret: tuple[str, str]
) -> None:
    name, value = secret
    dockerfile = """\
FROM debian
RUN echo mine >/etc/token
RUN --mount=type=secret,id=TOKEN wc -c </run/secrets/TOKEN >/seen; \\
    stat -c '%a %u:%g' /run/secrets/TOKEN >>/seen
RUN --mount=type=secret,id=TOKEN,target=/etc/token,mode=0444,uid=7 wc -c </etc/token >>/seen; \\
    stat -c '%a' /etc/token >>/seen
"""
    blueprint = good(api, dockerfile, secrets={"TOKEN": name})
    said = text(api, blueprint, "cat /seen /etc/token; ls /run/secrets 2>/dev/null || echo none")
    assert said.split() == [str(len(value)), "400", "0:0", str(len(value)), "444", "mine", "none"]


def test_a_secret_that_a_step_requires_and_the_build_lacks_is_an_error_with_its_line(
    api: httpx.Client, secret: tuple[str, str]
) -> None:
    mount = "--mount=type=secret,id=TOKN,env=TOKN"
    lacking = ("line 2", "no secret `TOKN`, did you mean `TOKEN`?", "`secrets`")
    failed(api, f"FROM debian\nRUN {mount},required true", *lacking, secrets={"TOKEN": secret[0]})
    assert good(api, f"FROM debian\nRUN {mount} test -z $TOKN", secrets={"TOKEN": secret[0]})


def test_without_a_root_of_its_own_a_build_writes_no_secret_into_this_machine(
    tmp_path: Path,
) -> None:
    with server(tmp_path / "state", isolation="process") as running, running.client() as api:
        ok(api.post("/v1/secrets", json={"name": "A", "value": "some value"}))
        dockerfile = "FROM debian\nRUN --mount=type=secret,id=A true"
        failed(api, dockerfile, "line 2", "/run/secrets/A", "`env=NAME`", secrets={"A": "A"})
        good(
            api,
            "FROM debian\nRUN --mount=type=secret,id=A,target=/home/user/a test -s ~/a",
            secrets={"A": "A"},
        )
    assert not Path("/run/secrets/A").exists()


def test_a_blueprint_cannot_ask_for_a_secret_that_is_not_there(
    api: httpx.Client, secret: tuple[str, str]
) -> None:
    for path in ("/v1/blueprints", "/v1/blueprints/preview"):
        for wanted, words in (
            ({"TOKEN": f"{secret[0]}X"}, ("`secrets.TOKEN`", f"did you mean `{secret[0]}`?")),
            ({"PATH": secret[0]}, ("PATH",)),
        ):
            answer = api.post(path, json={"name": "x", "dockerfile": "FROM debian", "secrets": wanted})
            refused(answer, 400, "invalid_request", *words)


@pytest.mark.parametrize("shift", range(0, 30, 3))
def test_a_line_that_is_too_long_is_not_cut_within_a_secret(shift: int) -> None:
    value = "välue-that-is-secret"
    lines: list[str] = []
    sink = LineSink(lines.append, Mask([value]))
    for part in ("x" * (16 * 1024 - 20 + shift), value[:10], value[10:], "y" * 20_000):
        sink.feed(part.encode())
    sink.close()
    assert len(lines) > 1
    assert "".join(lines) == "x" * (16 * 1024 - 20 + shift) + "***" + "y" * 20_000
