"""Refuses contracts of scoring that cannot score, when they are made and not when they are needed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ..errors import invalid
from ..launch import check_command, check_environment
from .custom_scorers import CustomScorers

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAME_MAX = 255
"""Bytes of a part of a path, as Linux has it."""
_DEPTH_MAX = 100
_SUM_TOLERANCE = 1e-4
"""The API's weights are numbers of 32 bits."""

CONTEXT = "RL_SCORER_CONTEXT"
OLD_CONTEXT = "RL_TEST_CONTEXT"
"""Its name until December 2025."""


def check_functions(functions: Sequence[Mapping[str, Any]], scorers: CustomScorers) -> None:
    """Refuse scoring functions that cannot score.

    :raises ApiError: 400, naming the field.
    """
    for number, function in enumerate(functions):
        where = f"scoring_contract.scoring_function_parameters.{number}"
        if not _NAME.fullmatch(function["name"]):
            raise invalid(f"`{where}.name` may have letters, digits, `_` and `-` only")
        scorer = function["scorer"]
        _CHECKS[scorer["type"]](scorer, f"{where}.scorer")
        if scorer["type"] == "custom_scorer":
            scorers.of_type(scorer["custom_scorer_type"])
    total = math.fsum(function["weight"] for function in functions)
    if abs(total - 1) > _SUM_TOLERANCE:
        raise invalid(f"`weight`: the weights of all scoring functions must sum to 1, not {total:g}")


def context_of(value: Any) -> dict[str, str]:
    """Return the variables in which a script finds its context."""
    text = json.dumps({} if value is None else value, ensure_ascii=False)
    return {CONTEXT: text, OLD_CONTEXT: text}


def check_json(value: Any, where: str, depth: int = _DEPTH_MAX) -> None:
    """Refuse free JSON that could not be kept: no reader of JSON takes any depth, and none takes infinity.

    :raises ApiError: 400, naming the field.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"`{where}` has a number that is too large")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth == 0:
        raise invalid(f"`{where}` is nested more than {_DEPTH_MAX} levels deep")
    for each in inner:
        check_json(each, where, depth - 1)


def check_context(value: Any, where: str) -> None:
    """Refuse a context that fits into no variable.

    :raises ApiError: 400, naming the field.
    """
    check_json(value, where)
    check_environment(context_of(value), where)


def _script(key: str) -> Callable[[Mapping[str, Any], str], None]:
    def check(scorer: Mapping[str, Any], where: str) -> None:
        if not (scorer.get(key) or "").strip():
            raise invalid(f"`{where}.{key}` is missing: nothing would be scored")
        check_command(scorer[key], f"{where}.{key}")

    return check


def _custom(scorer: Mapping[str, Any], where: str) -> None:
    check_context(scorer.get("scorer_params"), f"{where}.scorer_params")


def _ast_grep(scorer: Mapping[str, Any], where: str) -> None:
    _script("pattern")(scorer, where)
    _script("search_directory")(scorer, where)


def _python(scorer: Mapping[str, Any], where: str) -> None:
    _script("python_script")(scorer, where)
    try:
        SpecifierSet(scorer.get("python_version_constraint") or "")
    except InvalidSpecifier as error:
        raise invalid(f"`{where}.python_version_constraint`: {error}; write `>=3.11`, for one") from None


def _test_based(scorer: Mapping[str, Any], where: str) -> None:
    _script("test_command")(scorer, where)
    for number, file in enumerate(scorer.get("test_files") or ()):
        _check_test_path(file.get("file_path") or "", f"{where}.test_files.{number}.file_path")


def _check_test_path(path: str, where: str) -> None:
    if not path:
        raise invalid(f"`{where}` is missing")
    check_command(path, where)
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts:
        raise invalid(f"`{where}`: `{path}` leads out of the working directory, from which it counts")
    if any(len(part.encode()) > _NAME_MAX for part in parts):
        raise invalid(f"`{where}` has a name of more than {_NAME_MAX} bytes")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], str], None]] = {
    "ast_grep_scorer": _ast_grep,
    "bash_script_scorer": _script("bash_script"),
    "command_scorer": _script("command"),
    "custom_scorer": _custom,
    "python_script_scorer": _python,
    "test_based_scorer": _test_based,
}
