"""What a bundle says can be read back, also by a program that knows less or more of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_runloop.session.evidence import schema
from pytest_runloop.session.evidence.record import Record

FULL = schema.Evidence(
    "test_it.py::test_a[é]",
    "run",
    "failed",
    1.5,
    phases=[schema.Phase("call", "failed", 0.5, "builtins.AssertionError", "assert 0")],
    verdict=schema.Verdict("code"),
    devboxes=[
        schema.Devbox(
            "dbx_1",
            held=True,
            parameters={"environment_variables": {"A": "1"}},
            transitions=[schema.Transition("running", 2.0)],
            facts=schema.Facts(ports=[schema.Port("tcp", "0.0.0.0", 80, 3)], memory={"MemTotal": 5}),
            transcript="devbox-dbx_1.jsonl",
        )
    ],
    git=schema.Git("abc", changed=["x"]),
    seed=0,
)


def test_evidence_and_transcripts_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / schema.EVIDENCE).write_text(schema.dump(FULL))
    assert schema.load(tmp_path) == FULL
    records = [
        Record("command", 1.0, command="a\u2028b", params={"shell_name": "s"}, exit_status=0, stdout="x\ny"),
        Record("upload", 2.0, file="f", stored="f.bin", size=3),
    ]
    text = schema.dump_transcript([*records, Record("upload", 3.0, data=b"only in memory")])
    assert "only in memory" not in text
    (tmp_path / "devbox-dbx_1.jsonl").write_text(text)
    assert schema.load_transcript(tmp_path, FULL.devboxes[0])[:2] == records


def test_fields_that_are_new_or_missing_do_no_harm(tmp_path: Path) -> None:
    least = {"version": 1, "test": "t", "run": "r", "outcome": "failed", "started": 1, "of later": {}}
    (tmp_path / schema.EVIDENCE).write_text(json.dumps(least))
    assert schema.load(tmp_path) == schema.Evidence("t", "r", "failed", 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no object, but \\[\\]"),
        ('{"version": "1"}', "of version '1'; this program reads 1$"),
        ('{"version": 2}', "of version 2; this program reads 1. Use the newer"),
        ('{"version": 1}', "test"),
        (schema.dump(FULL).replace('"held": true', '"held": "yes"'), "held must be bool, not 'yes'"),
        (schema.dump(FULL).replace('"devboxes": [', '"devboxes": [7,'), "Devbox is not an object"),
    ],
)
def test_what_is_no_evidence_is_refused_with_the_reason(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / schema.EVIDENCE).write_text(text)
    with pytest.raises(schema.NotABundleError, match=told):
        schema.load(tmp_path)
    with pytest.raises(schema.NotABundleError, match="there is no"):
        schema.load(tmp_path / "none")
