"""What all views share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """An answer of the API. Unknown fields are kept as attributes; unknown literals are kept as they are."""

    # Built on first use: most programs meet few of the views, and import time counts in a plugin.
    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)


class ListView(View):
    """One page of a list."""

    has_more: bool = False
    remaining_count: int | None = None
    total_count: int | None = None
