"""The short form of a plan, for a command line or an ini file.

Items are separated by commas or new lines. An item is a setting, `NAME=VALUE`, or a rule:

    KIND[=PROBABILITY][@ENDPOINT][:before|:after][:OPTION=VALUE]...

The kinds `http` and `die` carry their main option in the name: `http_503`, `die_out_of_memory`. A value that
holds a separator is quoted: `command="make a, b"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...contract.nearest import nearest
from ...contract.validation import Problem
from .rules import KINDS

_CARRIED = {"http": "status", "die": "reason"}
_WHEN = ("before", "after")
_PLAIN = re.compile(r"[^,\n:=@\"']+")


@dataclass(slots=True)
class Items:
    """A text taken apart: settings, rules, what each rule was read from, and what was not understood."""

    settings: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(text: str, settings: Sequence[str]) -> Items:
    """Take a text apart. Values are not looked at.

    :param text: the short form.
    :param settings: the names that are settings, not rules.
    """
    items = Items()
    for item in _split(text, ",\n"):
        name = (re.match(r"[^=@:]*", item) or [""])[0].strip()
        if name in settings and name != "rules":
            _add_setting(items, name, item)
        elif (kind := name.partition("_")[0]) in KINDS and ("_" not in name or kind in _CARRIED):
            _add_rule(items, name, item)
        elif name:
            known = [*settings, *KINDS, "http_500", "http_503", "http_429"]
            known.remove("rules")
            items.problems.append(Problem(name, "is neither a setting nor a fault" + nearest(name, known)))
        elif item.strip():
            items.problems.append(Problem(item.strip(), "begins with no name"))
    return items


def _add_setting(items: Items, name: str, item: str) -> None:
    _, equals, value = item.partition("=")
    if not equals or not value.strip():
        items.problems.append(Problem(name, f"has no value; write `{name}=VALUE`"))
    elif name in items.settings:
        items.problems.append(Problem(name, "is set twice"))
    else:
        items.settings[name] = _unquoted(value)


def _add_rule(items: Items, name: str, item: str) -> None:
    kind, _, carried = name.partition("_")
    head, *options = _split(item, ":")
    head, at, endpoint = head.partition("@")
    rule: dict[str, Any] = {"fault": kind}
    if carried:
        rule[_CARRIED[kind]] = carried
    if at:
        rule["endpoint"] = _unquoted(endpoint)
    if "=" in head:
        rule["probability"] = head.partition("=")[2].strip()
    for option in options:
        if problem := _add_option(rule, option.strip()):
            items.problems.append(Problem("", f"in `{item.strip()}`: `{option.strip()}` {problem}"))
    items.rules.append(rule)
    items.sources.append(item.strip())


def _add_option(rule: dict[str, Any], option: str) -> str:
    """Add an option to a rule, and return what is wrong with it."""
    if option in _WHEN:
        option = f"when={option}"
    key, equals, value = (part.strip() for part in option.partition("="))
    if not equals:
        return "is no option; write `:NAME=VALUE`, `:before` or `:after`"
    if key in rule:
        return "is said twice"
    if "@" in value and value == _unquoted(value):
        return "holds a `@`; write the endpoint before the options, or put the value in quotes"
    rule[key] = _unquoted(value)
    return ""


def _split(text: str, separators: str) -> list[str]:
    """Split at any of these characters where they are not quoted."""
    pattern = rf"""(?:"[^"]*"|'[^']*'|[^{re.escape(separators)}])+"""
    return re.findall(pattern, text)


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def cannot_say(form: Mapping[str, Any]) -> bool:
    """Tell whether a value has both kinds of quotes, for which the short form has no way."""
    texts = (str(value) for rule in form.get("rules", ()) for value in rule.values())
    return any("'" in text and '"' in text for text in texts)


def write(form: Mapping[str, Any]) -> str:
    """Return the short form of a plan's JSON form."""
    settings = [f"{name}={value}" for name, value in form.items() if name != "rules"]
    return ", ".join(settings + [_rule(rule) for rule in form.get("rules", ())])


def _rule(rule: Mapping[str, Any]) -> str:
    rest = dict(rule)
    kind = rest.pop("fault")
    carried = rest.pop(_CARRIED[kind], None) if kind in _CARRIED else None
    head = kind if carried is None else f"{kind}_{carried}"
    if "probability" in rest:
        head += f"={rest.pop('probability')}"
    if "endpoint" in rest:
        head += f"@{_quoted(rest.pop('endpoint'))}"
    when = [rest.pop("when")] if "when" in rest else []
    return ":".join([head, *when, *(f"{name}={_quoted(value)}" for name, value in rest.items())])


def _quoted(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _PLAIN.fullmatch(text) and text == text.strip():
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'
