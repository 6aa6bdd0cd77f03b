"""The documentation of fault plans, written from the declarations."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic.fields import FieldInfo

from .plan import PRESETS, FaultPlan
from .rules import KINDS, Rule

_HEAD = "| {} | default | meaning |\n|---|---|---|\n"


def markdown() -> str:
    """Return two tables in Markdown: every setting, and every fault with its options."""
    return f"{settings_table()}\n{faults_table()}"


def settings_table() -> str:
    """Return the table of settings."""
    rows = [("preset", "", "settings to begin with: " + "; ".join(_preset(name) for name in PRESETS))]
    rows += [_row(name, field) for name, field in FaultPlan.model_fields.items() if name != "rules"]
    return _table("setting", rows)


def faults_table() -> str:
    """Return the table of faults: what all have in common first, then each kind with its own options."""
    rows = [_row(name, field) for name, field in Rule.model_fields.items()]
    for name, kind in KINDS.items():
        rows.append((f"**{name}**", "", kind.summary))
        own = kind.model_fields.keys() - Rule.model_fields.keys() - {"fault"}
        rows += [_row(key, field) for key, field in kind.model_fields.items() if key in own]
    return _table("option", rows)


def _preset(name: str) -> str:
    return f"`{name}` is " + ", ".join(f"{key} {value:g}" for key, value in PRESETS[name].items())


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = "needed" if field.is_required() else "" if field.default in (None, "") else f"{field.default}"
    return f"`{name}`", default, field.description or ""


def _table(head: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return _HEAD.format(head) + "\n".join(lines) + "\n"
