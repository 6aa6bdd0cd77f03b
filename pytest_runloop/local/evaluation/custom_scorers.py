"""Custom scorers: bash scripts under a name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ...contract.views.scorers import ScorerView
from ..errors import ApiError, invalid
from ..ids import new_id
from ..launch import check_command
from ..records import Records, ScorerRecord
from ..store import Store


class CustomScorers:
    """All custom scorers of the state directory.

    :param store: what `records` are kept in.
    """

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records.scorers

    def create(self, params: Mapping[str, Any]) -> ScorerView:
        """Keep a new scorer.

        :raises ApiError: 400 if its type is taken or empty, or its script cannot be one.
        """
        _check(params)
        view = ScorerView(id=new_id("sco"), type=params["type"], bash_script=params["bash_script"])
        with self._store.transaction():
            self._refuse_taken(view)
            self._records.put(ScorerRecord(view=view))
        return view

    def update(self, identifier: str, params: Mapping[str, Any]) -> ScorerView:
        """Give a scorer another type and script.

        :raises ApiError: 404 if there is none; as `create`.
        """
        _check(params)
        with self._store.transaction():
            record = self._record(identifier)
            record.view.type, record.view.bash_script = params["type"], params["bash_script"]
            self._refuse_taken(record.view)
            self._records.put(record)
        return record.view

    def get(self, identifier: str) -> ScorerView:
        """Return the scorer with this id.

        :raises ApiError: 404 if there is none.
        """
        return self._record(identifier).view

    def matching(self, params: Mapping[str, Any]) -> list[ScorerView]:
        """Return the scorers that fit, newest first."""
        search = params.get("search")
        views = [record.view for record in self._records.all()]
        return [view for view in views if search is None or search == view.id or search in view.type]

    def of_type(self, kind: str) -> ScorerView:
        """Return the scorer of a type.

        :raises ApiError: 400 if there is none.
        """
        views = self.matching({})
        found = next((view for view in views if view.type == kind), None)
        if found is None:
            near = difflib.get_close_matches(kind, [view.type for view in views], n=1)
            hint = (
                f"did you mean `{near[0]}`?" if near else "create it with `POST /v1/scenarios/scorers` first"
            )
            raise invalid(f"`custom_scorer_type`: there is no custom scorer `{kind}`; {hint}")
        return found

    def _record(self, identifier: str) -> ScorerRecord:
        return self._records.found(identifier, "scorer")

    def _refuse_taken(self, view: ScorerView) -> None:
        if any(other.type == view.type and other.id != view.id for other in self.matching({})):
            message = (
                f"`type`: there is a custom scorer `{view.type}` already: update it, or take another name"
            )
            raise ApiError(400, "already_exists", message)


def _check(params: Mapping[str, Any]) -> None:
    if not params["type"].strip():
        raise invalid("`type` is empty: scenarios use the scorer by it")
    if not params["bash_script"].strip():
        raise invalid("`bash_script` is empty: nothing would be scored")
    check_command(params["bash_script"], "bash_script")
