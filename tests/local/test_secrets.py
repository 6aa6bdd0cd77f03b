"""Secrets: kept without being readable, and in the environment of what asks for them."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from pytest_runloop.local.masking import Mask

from ..plugin.waiting import until
from .box import Box, ok, refused
from .running import server

VALUE = "s3cret: \"quoted\" $HOME 'é' \\ end"
_NUMBERS = count()


@pytest.fixture
def secret(api: httpx.Client) -> Iterator[str]:
    """The name of a secret whose value is VALUE."""
    name = f"SECRET_{next(_NUMBERS)}"
    view = ok(api.post("/v1/secrets", json={"name": name, "value": VALUE}))
    assert VALUE not in str(view)
    yield name
    api.post(f"/v1/secrets/{name}/delete")


def test_a_value_never_comes_back(api: httpx.Client, secret: str) -> None:
    view = ok(api.get(f"/v1/secrets/{secret}"))
    assert set(view) == {"id", "name", "create_time_ms", "update_time_ms"}
    updated = ok(api.post(f"/v1/secrets/{secret}", json={"value": "other-value"}))
    assert updated["update_time_ms"] >= view["update_time_ms"]
    assert {**updated, "update_time_ms": 0} == {**view, "update_time_ms": 0}
    listed = ok(api.get("/v1/secrets?limit=5000"))
    assert updated in listed["secrets"]
    assert listed["has_more"] is False
    assert ok(api.get("/v1/secrets?limit=1"))["secrets"] == listed["secrets"][:1]
    assert ok(api.post(f"/v1/secrets/{secret}/delete")) == updated
    refused(api.get(f"/v1/secrets/{secret}"), 404, "not_found", secret)


def test_a_name_is_taken_once_and_free_again_after_its_deletion(api: httpx.Client, secret: str) -> None:
    first = ok(api.get(f"/v1/secrets/{secret}"))["id"]
    again = {"name": secret, "value": "v"}
    refused(api.post("/v1/secrets", json=again), 400, "already_exists", secret, "another value")
    ok(api.post(f"/v1/secrets/id/{first}/delete"))
    second = ok(api.post("/v1/secrets", json=again))["id"]
    assert second != first
    for gone in (
        api.get(f"/v1/secrets/id/{first}"),
        api.post(f"/v1/secrets/id/{first}/update", json={"value": "v"}),
        api.post(f"/v1/secrets/id/{first}/delete"),
    ):
        refused(gone, 404, "not_found", first)
    assert ok(api.get(f"/v1/secrets/{secret}"))["id"] == second


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "É", "A/B", "A\n", "."])
def test_a_name_must_be_possible_for_a_variable(api: httpx.Client, name: str) -> None:
    refused(api.post("/v1/secrets", json={"name": name, "value": "v"}), 400, "invalid_request", "`name`")


@pytest.mark.parametrize("value", ["a\0b", "x" * 200_000])
def test_a_value_must_be_possible_for_a_variable(api: httpx.Client, secret: str, value: str) -> None:
    answer = api.post(f"/v1/secrets/{secret}", json={"value": value})
    assert value not in refused(answer, 400, "invalid_request")


def test_a_wrong_type_is_refused_without_showing_the_value(api: httpx.Client) -> None:
    answer = api.post("/v1/secrets", json={"name": "A", "value": ["quite-secret"]})
    assert "quite-secret" not in refused(answer, 400, "invalid_request", "`value`")


def test_an_escaped_slash_is_part_of_the_name_and_reaches_no_other_call(
    api: httpx.Client, secret: str
) -> None:
    refused(api.post(f"/v1/secrets/{secret}%2Fdelete", json={"value": "v"}), 404, "not_found", "/delete")
    ok(api.get(f"/v1/secrets/{secret}"))
    refused(api.get("/v1/secrets/%2e%2e"), 404, "not_found", "`..`")


def test_secrets_that_are_called_as_parts_of_paths_are_found(api: httpx.Client) -> None:
    for name in ("id", "delete", "update"):
        ok(api.post("/v1/secrets", json={"name": name, "value": "v"}))
    for name in ("id", "delete", "update"):
        assert ok(api.get(f"/v1/secrets/{name}"))["name"] == name
        assert ok(api.post(f"/v1/secrets/{name}", json={"value": "w"}))["name"] == name
        assert ok(api.post(f"/v1/secrets/{name}/delete"))["name"] == name


def test_every_command_has_variables_and_secrets(api: httpx.Client, secret: str) -> None:
    show = 'printf "%s|%s|%s\\n" "$PLAIN" "$BOTH" "$TOKEN"'
    box = Box.create(
        api,
        environment_variables={"PLAIN": "plain", "BOTH": "variable"},
        secrets={"TOKEN": secret, "BOTH": secret},
        launch_parameters={"launch_commands": [f"{show} >> launched"]},
        entrypoint=f"{show} >> entered; sleep 600",
    )
    expected = f"plain|{VALUE}|{VALUE}\n"

    def entered(times: int) -> None:
        while box.run("cat entered")["stdout"] != expected * times:
            time.sleep(0.01)

    for times in (1, 2):
        entered(times)
        assert box.text("cat launched") == expected
        assert box.text(show) == expected
        assert box.text(show, shell_name="named") == expected
        assert ok(box.post("execute_sync", {"command": show}))["stdout"] == expected
        if times == 1:
            ok(box.post("suspend"))
            box.wait("suspended")
            ok(box.post("resume"))
    box.end()


def test_a_devbox_keeps_the_value_that_it_was_made_with(api: httpx.Client, secret: str) -> None:
    box = Box.create(api, secrets={"TOKEN": secret})
    ok(api.post(f"/v1/secrets/{secret}", json={"value": "newer"}))
    assert box.text("printenv TOKEN") == VALUE + "\n"
    box.end()
    box = Box.create(api, secrets={"TOKEN": secret})
    assert box.text("printenv TOKEN") == "newer\n"
    box.end()


def test_an_unknown_secret_is_named_with_the_nearest_one(api: httpx.Client, secret: str) -> None:
    asked = {"secrets": {"TOKEN": secret.lower()[1:].upper() + "X"}}
    refused(api.post("/v1/devboxes", json=asked), 400, "invalid_request", "secrets.TOKEN", f"`{secret}`?")
    asked = {"secrets": {"TOKEN": "quite_another"}}
    refused(api.post("/v1/devboxes", json=asked), 400, "invalid_request", "`quite_another`", "create it")
    for variable in ("", "A=B", "PATH"):
        refused(api.post("/v1/devboxes", json={"secrets": {variable: secret}}), 400, "invalid_request")


def test_logs_have_stars_in_place_of_values(api: httpx.Client, secret: str) -> None:
    box = Box.create(
        api,
        secrets={"TOKEN": secret},
        launch_parameters={"launch_commands": ['echo "launched with $TOKEN"', 'echo "$TOKEN"; exit 3']},
    )
    text = str(box.logs())
    assert VALUE not in text
    assert "s3cret" not in text
    assert "launched with ***" in text
    assert box.view()["status"] == "failure"
    assert VALUE not in str(box.view())


def test_a_mask_hides_each_line_of_a_value_and_the_longest_first() -> None:
    mask = Mask(["line one\nline two", "token", "token-longer", ""])
    assert mask("line two|line one\nline two|token-longer|token|tok") == "***|***|***|***|tok"
    assert Mask()("as it is") == "as it is"


def test_a_mask_hides_what_is_short_where_it_stands_alone() -> None:
    mask = Mask(["abc", "1"])
    assert mask("abc=abc, 1; abcd 12 v1 cabc") == "***=***, ***; abcd 12 v1 cabc"


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(VALUE),
        quote(VALUE, safe=""),
        shlex.quote(VALUE),
        base64.b64encode(VALUE.encode()).decode(),
        base64.b64encode(f"user:{VALUE}".encode()).decode(),
    ],
)
def test_a_mask_hides_what_is_quoted_or_encoded(form: str) -> None:
    shown = Mask([VALUE])(f"before {form} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown
    assert form not in shown


def test_a_snapshot_has_no_value_of_the_devbox_it_was_taken_of(api: httpx.Client, secret: str) -> None:
    box = Box.create(api, secrets={"TOKEN": secret})
    snapshot = ok(box.post("snapshot_disk"))["id"]
    box.end()
    copy = Box.create(api, snapshot_id=snapshot)
    assert copy.text("echo ${TOKEN-none}") == "none\n"
    copy.end()
    ok(api.post(f"/v1/devboxes/disk_snapshots/{snapshot}/delete"))


def test_values_outlive_the_server_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    with server(tmp_path) as first, first.client() as api:
        ok(api.post("/v1/secrets", json={"name": "KEPT", "value": "kept-value"}))
        ok(api.post("/v1/secrets", json={"name": "GONE", "value": "gone-value"}))
        ok(api.post("/v1/secrets", json={"name": "CHANGED", "value": "first-value"}))
        ok(api.post("/v1/secrets/GONE/delete"))
        ok(api.post("/v1/secrets/CHANGED", json={"value": "second-value"}))
        until(lambda: not any((tmp_path / "trash").iterdir()), "what is deleted in the background is gone")
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        held = [path for path in files if b"kept-value" in path.read_bytes()]
        assert held
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in held)
        assert not [path for path in files if b"gone-value" in path.read_bytes()]
        assert not [path for path in files if b"first-value" in path.read_bytes()]
        with server(tmp_path) as second, second.client() as other:
            box = Box.create(other, secrets={"TOKEN": "KEPT"})
            assert box.text("printenv TOKEN") == "kept-value\n"
            box.begin("sleep 600")
            shown = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True)
            assert "kept-value" not in shown.stdout
            box.end()
