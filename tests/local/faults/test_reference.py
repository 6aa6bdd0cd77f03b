"""The documentation tells all that a plan can say."""

from __future__ import annotations

from pytest_runloop.local.faults.plan import PRESETS, FaultPlan
from pytest_runloop.local.faults.reference import faults_table, markdown, settings_table
from pytest_runloop.local.faults.rules import KINDS, REASONS


def test_every_setting_and_preset_is_in_the_table() -> None:
    table = settings_table()
    for name in FaultPlan.model_fields.keys() - {"rules"}:
        assert f"| `{name}` |" in table
    for preset in PRESETS:
        assert f"`{preset}` is rtt" in table


def test_every_fault_option_and_reason_is_in_the_table() -> None:
    table = faults_table()
    for name, kind in KINDS.items():
        assert f"| **{name}** |" in table
        for option in kind.model_fields.keys() - {"fault"}:
            assert f"| `{option}` |" in table
    for reason in REASONS:
        assert f"`{reason}`" in table


def test_every_line_says_what_it_means() -> None:
    lines = markdown().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith(("| `", "| **"))]
    assert rows
    assert all(row[-1] not in ("", "-") and len(row) >= 2 for row in rows)
