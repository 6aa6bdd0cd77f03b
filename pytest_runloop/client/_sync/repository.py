# Generated from ../_async/repository.py by scripts/unasync.py: change that file, and run the script.
"""One repository, and its inspections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import repositories
from ..concurrency import sleep
from ..errors import PollingTimeout, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from ..secret import hidden_tokens
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKRepositoryInspectParams, SDKRepositoryRefreshParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.repositories import RepositoryConnectionView, RepositoryInspectionDetails

__tracebackhide__ = hide_from_traceback

_PENDING = ("inspection_pending", "repo_auth_pending")


class Repository:
    """A repository that the service knows by an id.

    :param transport: the client's.
    :param repository_id: its id.
    """

    def __init__(self, transport: Transport, repository_id: str) -> None:
        self._transport = transport
        self._id = repository_id
        self._path = {"id": repository_id}

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> RepositoryConnectionView:
        """Return what the service says about it."""
        return self._transport.call(repositories.RETRIEVE, self._path, options)

    def inspect(self, **params: Unpack[SDKRepositoryInspectParams]) -> RepositoryInspectionDetails:
        """Have the repository inspected, and wait for the outcome, which may be a failure: see its `status`.

        :param params: `github_auth_token` for what opens it; `polling_config` says how long to wait.
        :raises PollingTimeout: if it takes longer.
        """
        values = {name: value for name, value in params.items() if name != "polling_config"}
        view = self._transport.call(repositories.INSPECT, self._path, hidden_tokens(values))
        budget = Budget(params.get("polling_config"))
        looking: Any = options_of(params, "extra_headers", "extra_query", "timeout")
        while view.status in _PENDING:
            pause = budget.pause_between_looks()
            if pause is None:
                raise PollingTimeout(
                    f"Repository {self._id} is not inspected after {budget.spent:.0f} s.", view
                )
            sleep(pause)
            view = self.inspection(view.id, **looking)
        return view

    def refresh(self, **params: Unpack[SDKRepositoryRefreshParams]) -> None:
        """Give it another token or base blueprint, and have it inspected. Nothing is waited for."""
        self._transport.call(repositories.REFRESH, self._path, hidden_tokens(params))

    def inspections(self, **options: Unpack[BaseRequestOptions]) -> list[RepositoryInspectionDetails]:
        """Return its inspections, newest first."""
        view = self._transport.call(repositories.LIST_INSPECTIONS, self._path, options)
        return view.inspections or []

    def inspection(
        self, inspection_id: str, **options: Unpack[BaseRequestOptions]
    ) -> RepositoryInspectionDetails:
        """Return one of its inspections."""
        return self._transport.call(repositories.RETRIEVE_INSPECTION, {"id": inspection_id}, options)

    def delete(self, **options: Unpack[LongRequestOptions]) -> None:
        """Forget it and its inspections. Blueprints that were made from them stay."""
        self._transport.call(repositories.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
