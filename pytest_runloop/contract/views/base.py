"""What all views share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """An answer of the API. Unknown fields are kept as attributes; unknown literals are kept as they are."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class ListView(View):
    """One page of a list."""

    has_more: bool = False
    remaining_count: int | None = None
    total_count: int | None = None
