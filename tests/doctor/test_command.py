"""What the doctor says, and with what status it ends."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.doctor.report import Report
from pytest_runloop.local.engine.protocol import Capability
from pytest_runloop.local.engine.select import tiers

from .conftest import Doctor

_NO_NAMESPACES = (sys.executable, "-m", "tests.support.no_namespaces")
_NO_LANDLOCK_EITHER = """
import errno, os, sys
from pytest_runloop.local.engine import seccomp
from tests.support.no_namespaces import refuse_namespaces
refuse_namespaces()
seccomp.architecture().calls["landlock_create_ruleset"] = 444
refuse = seccomp.on_calls(["landlock_create_ruleset"], [seccomp.fail_with(errno.EOPNOTSUPP)])
seccomp.install([*refuse, seccomp.give(seccomp.ALLOW)])
os.execv(sys.argv[1], sys.argv[1:])
"""
_NOTHING = (sys.executable, "-c", _NO_LANDLOCK_EITHER)
_KEY = "a-key-that-nobody-may-see"


def test_the_json_has_the_documented_shape_and_no_more(doctor: Doctor) -> None:
    _fits(doctor.report("--isolation", "process"), Report, "report")


def _fits(value: Any, wanted: Any, where: str) -> None:
    """Check a value of JSON against a type of the report."""
    origin = typing.get_origin(wanted)
    if dataclasses.is_dataclass(wanted):
        assert isinstance(wanted, type)
        assert value.keys() == {each.name for each in dataclasses.fields(wanted)}, where
        for name, kind in typing.get_type_hints(wanted).items():
            _fits(value[name], kind, f"{where}.{name}")
    elif origin is list:
        for each in value:
            _fits(each, typing.get_args(wanted)[0], where)
    elif origin is typing.Literal:
        assert value in typing.get_args(wanted), where
    elif origin is types.UnionType:
        assert value is None or isinstance(value, typing.get_args(wanted)), where
    else:
        assert type(value) is wanted, where


def test_every_tier_is_tried_and_every_capability_told_with_its_meaning(doctor: Doctor) -> None:
    isolation = doctor.report("--isolation", "process")["isolation"]
    assert [tier["tier"] for tier in isolation["tiers"]] == list(tiers())
    for tier in isolation["tiers"]:
        assert tier["works"] or tier["reason"]
    told = [*isolation["given"], *isolation["missing"]]
    assert {each["capability"] for each in told} == set(Capability)
    assert all(len(each["meaning"]) > 20 for each in told)
    assert all(each["remedy"] and "\n" not in each["remedy"] for each in isolation["missing"])


def test_a_tier_that_has_what_is_missing_is_named(doctor: Doctor) -> None:
    isolation = doctor.report("--isolation", "process")["isolation"]
    if not next(tier for tier in isolation["tiers"] if tier["tier"] == "namespace")["works"]:
        pytest.skip("no namespaces here")
    missing = {each["capability"]: each["remedy"] for each in isolation["missing"]}
    assert missing["own-root"] == "use `--runloop-isolation=namespace`"


def test_the_text_fits_eighty_columns_and_is_ascii(doctor: Doctor) -> None:
    said = doctor.run("--isolation", "process").stdout
    assert said.isascii()
    # What cannot be broken, such as a path, may stand out.
    lines = [line for line in said.splitlines() if max(map(len, line.split()), default=0) < 50]
    assert [line for line in lines if len(line) > 80] == []
    assert said.endswith("Ready: devboxes run on this machine, isolated by `process`.\n")


def test_a_named_tier_that_cannot_be_had_is_status_one_with_the_remedy(tmp_path: Path) -> None:
    doctor = Doctor(tmp_path, _NO_NAMESPACES)
    said = doctor.run("--isolation", "namespace")
    assert said.returncode == 1
    assert "isolation `namespace` cannot be had here" in said.stdout
    assert "seccomp=unconfined" in said.stdout
    assert said.stdout.endswith("Not ready: what was asked for cannot be had here.\n")


def test_what_was_passed_over_is_told_with_reason_and_remedy(tmp_path: Path) -> None:
    report = Doctor(tmp_path, _NO_NAMESPACES).report("--isolation", "process")
    namespace = report["isolation"]["tiers"][0]
    assert namespace["tier"] == "namespace"
    assert "EPERM" in namespace["reason"]
    missing = {each["capability"]: each["remedy"] for each in report["isolation"]["missing"]}
    assert missing["own-processes"] == namespace["remedy"]


def test_where_nothing_works_it_still_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the place of a directory")
    # No container engine either.
    report = Doctor(tmp_path, _NOTHING, {"PATH": str(tmp_path)}).report(status=1)
    assert report["isolation"]["tier"] is None
    works = {tier["tier"]: tier["works"] for tier in report["isolation"]["tiers"]}
    assert (works["namespace"], works["landlock"], works["process"]) == (False, False, True)
    assert [problem["fatal"] for problem in report["problems"]] == [True, True]
    assert "state cannot be used" in report["problems"][0]["what"]
    assert "RUNLOOP_STATE_DIR" in report["problems"][0]["remedy"]


def test_a_plain_process_is_used_only_when_asked_for(tmp_path: Path) -> None:
    report = Doctor(tmp_path, _NOTHING).report("--isolation", "process")
    assert report["isolation"]["tier"] == "process"


@pytest.mark.parametrize("arguments", [["--isolation", "vm"], ["--nonsense"], ["--js"], ["extra"]])
def test_wrong_usage_is_status_two(doctor: Doctor, arguments: list[str]) -> None:
    done = doctor.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_key_is_in_no_report(doctor: Doctor) -> None:
    doctor.environment["RUNLOOP_API_KEY"] = _KEY
    assert _KEY not in doctor.run().stdout
    assert _KEY not in doctor.run("--json").stdout


def test_a_reader_who_leaves_early_gets_no_complaint(doctor: Doctor) -> None:
    script = f"{sys.executable} -m pytest_runloop.cli doctor --isolation process --state-dir state | true"
    done = subprocess.run(
        ["sh", "-c", script], cwd=doctor.directory, capture_output=True, text=True, timeout=110
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_help_loads_nothing_of_the_server_and_of_pytest() -> None:
    script = """
import sys
from pytest_runloop.cli import main
try:
    main(["doctor", "--help"])
except SystemExit:
    pass
heavy = {"pytest", "asyncio", "pydantic", "httpx", "uvicorn", "subprocess"} & set(sys.modules)
assert not heavy, heavy
rooms = ("pytest_runloop.local", "pytest_runloop.session", "pytest_runloop.doctor")
loaded = [name for name in sys.modules if name.startswith(rooms) and name not in rooms]
assert set(loaded) == {"pytest_runloop.local.arguments", "pytest_runloop.doctor.arguments"}, loaded
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "exit status is 0" in " ".join(done.stdout.split())
