"""What the keys of a TypedDict take."""

from __future__ import annotations

import importlib
import sys
from typing import Any, ForwardRef, get_type_hints


def hints_of(params: type) -> dict[str, Any]:
    """Return the keys of a TypedDict with what each takes, `Required` and `Annotated` included.

    Python looks names up in the modules that declare the keys. A run of pytest within a process of another
    takes those along at its end that it loaded, while others go on with what these declared.
    """
    for hint in params.__annotations__.values():
        module = getattr(hint, "__forward_module__", None) if isinstance(hint, ForwardRef) else None
        if module is not None and module not in sys.modules:
            importlib.import_module(module)
    return get_type_hints(params, include_extras=True)
