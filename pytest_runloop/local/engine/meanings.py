"""What each capability means, in the sentence that stands below it in `Capability`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from pytest_runloop.local.engine.protocol import Capability


def meaning(capability: Capability) -> str:
    """Return what a capability means, in one sentence; its bare name where the source is not at hand."""
    return _meanings().get(capability.name, f"{capability}.")


@cache
def _meanings() -> dict[str, str]:
    # An enum's members have no docstrings of their own at run time.
    try:
        source = inspect.getsource(Capability)
    except (OSError, TypeError):
        return {}
    return dict(_documented(ast.parse(textwrap.dedent(source))))


def _documented(module: ast.Module) -> Iterator[tuple[str, str]]:
    [definition] = module.body
    assert isinstance(definition, ast.ClassDef)
    for member, text in pairwise(definition.body):
        if not isinstance(member, ast.Assign) or not isinstance(text, ast.Expr):
            continue
        [name] = member.targets
        if isinstance(name, ast.Name) and isinstance(text.value, ast.Constant):
            yield name.id, " ".join(str(text.value.value).split())
