"""What devboxes may be given: the services and MCP servers that are known by an id or a name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from ...contract.nearest import nearest
from ...contract.views.credentials import AuthMechanismView
from ...contract.views.gateway_configs import GatewayConfigView
from ...contract.views.mcp_configs import McpConfigView
from ..clock import Clock
from ..errors import ApiError, invalid, not_found
from ..ids import new_id
from ..launch import given
from ..records import GatewayConfigRecord, McpConfigRecord
from ..secrets import Secrets
from ..store import Collection, Store
from .credentials import check_header, check_mechanism
from .endpoints import check_endpoint

V = TypeVar("V", GatewayConfigView, McpConfigView)

_LONGEST = 256


class Configs(ABC, Generic[V]):
    """All configs of a kind.

    :param store: what the collection is kept in.
    :param secrets: whose values further headers may have.
    """

    what: ClassVar[str]
    prefix: ClassVar[str]
    provided: tuple[V, ...] = ()
    """What is there without anybody having made it."""

    def __init__(self, store: Store, collection: Any, clock: Clock, secrets: Secrets) -> None:
        self._store = store
        self._records: Collection[Any] = collection
        self._clock = clock
        self._secrets = secrets

    @abstractmethod
    def _view(self, fields: Mapping[str, Any]) -> V: ...

    @abstractmethod
    def _record(self, view: V) -> Any: ...

    @abstractmethod
    def _fits(self, name: str, wanted: str) -> bool: ...

    def _check(self, params: Mapping[str, Any]) -> None:
        """Refuse parameters of this kind alone."""

    def create(self, params: Mapping[str, Any]) -> V:
        """Keep a new one.

        :raises ApiError: 400 if its name is taken, or something of it cannot be.
        """
        fields = self._fields(params)
        view = self._view({**fields, "id": new_id(self.prefix), "create_time_ms": self._clock.now_ms()})
        with self._store.transaction():
            self._refuse_taken(view.name)
            self._records.put(self._record(view))
        return view

    def update(self, identifier: str, params: Mapping[str, Any]) -> V:
        """Change one, for the devboxes that use it too.

        :raises ApiError: 404 if there is none with this id, 400 as `create`.
        """
        self._refuse_provided(identifier)
        fields = self._fields(params)
        with self._store.transaction():
            old = self.get(identifier)
            if fields.get("name", old.name) != old.name:
                self._refuse_taken(fields["name"])
            view = self._view({**old.model_dump(), **fields})
            self._records.put(self._record(view))
        return view

    def delete(self, identifier: str) -> V:
        """Forget one, and return what it was.

        :raises ApiError: 404 if there is none with this id.
        """
        self._refuse_provided(identifier)
        with self._store.transaction():
            view = self.get(identifier)
            self._records.delete(identifier)
        return view

    # Finding

    def all(self) -> list[V]:
        """Return all, newest first."""
        return [*(record.view for record in self._records.all()), *self.provided]

    def matching(self, params: Mapping[str, Any]) -> list[V]:
        """Return those that a list asks for, newest first."""
        name, identifier = params.get("name"), params.get("id")
        return [
            view
            for view in self.all()
            if (name is None or self._fits(view.name, name)) and identifier in (None, view.id)
        ]

    def get(self, identifier: str) -> V:
        """Return the one with this id.

        :raises ApiError: 404 if there is none.
        """
        view = self.known(identifier)
        if view is None:
            raise not_found(self.what, identifier)
        return view

    def known(self, identifier: str) -> V | None:
        """Return the one with this id, if there is one."""
        record = self._records.get(identifier)
        provided = (view for view in self.provided if view.id == identifier)
        return next(provided, None) if record is None else record.view

    def usable(self, wanted: str, field: str) -> V:
        """Return the one that a parameter means, by its id or its name.

        :param field: the parameter.
        :raises ApiError: 400 if there is none.
        """
        views = self.all()
        found = self.known(wanted) or next((view for view in views if view.name == wanted), None)
        if found is not None:
            return found
        hint = nearest(wanted, (view.name for view in views))
        raise invalid(f"`{field}`: there is no {self.what} `{wanted}` on this server{hint}")

    # Checks

    def _fields(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is given of a config, checked."""
        fields = given(params)
        if (name := fields.get("name")) is not None:
            _check_name(name)
        if (endpoint := fields.get("endpoint")) is not None:
            check_endpoint(endpoint)
        if (mechanism := fields.get("auth_mechanism")) is not None:
            check_mechanism(mechanism, "auth_mechanism")
        if (headers := fields.get("custom_headers")) is not None:
            fields["custom_headers"] = [
                self._header(header, f"custom_headers[{number}]") for number, header in enumerate(headers)
            ]
        self._check(fields)
        return fields

    def _header(self, header: Mapping[str, Any], field: str) -> dict[str, Any]:
        check_header(header, field)
        found = given(header)
        if "secret" in found:
            found["secret"] = self._secrets.usable(found["secret"], f"{field}.secret").id
        return found

    def _refuse_taken(self, name: str) -> None:
        if any(view.name == name for view in self.all()):
            message = (
                f"`name`: there is a {self.what} `{name}` already: take another name, or update that one"
            )
            raise ApiError(400, "already_exists", message)

    def _refuse_provided(self, identifier: str) -> None:
        if any(view.id == identifier for view in self.provided):
            message = f"the {self.what} `{identifier}` is everybody's: create one of your own and change that"
            raise ApiError(400, "invalid_request", message)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise invalid(f"`name` must have 1 to {_LONGEST} characters that can be printed")


class GatewayConfigs(Configs[GatewayConfigView]):
    """The services that devboxes may call."""

    what = "gateway config"
    prefix = "gwc"
    # Their public addresses, as their own documentation has them.
    provided = (
        GatewayConfigView(
            id="gwc_anthropic",
            name="anthropic",
            endpoint="https://api.anthropic.com",
            auth_mechanism=AuthMechanismView(type="header", key="x-api-key"),
            create_time_ms=0,
            description="Anthropic's API",
        ),
        GatewayConfigView(
            id="gwc_openai",
            name="openai",
            endpoint="https://api.openai.com",
            auth_mechanism=AuthMechanismView(type="bearer"),
            create_time_ms=0,
            description="OpenAI's API",
        ),
    )

    def _view(self, fields: Mapping[str, Any]) -> GatewayConfigView:
        return GatewayConfigView.model_validate(dict(fields))

    def _record(self, view: GatewayConfigView) -> GatewayConfigRecord:
        return GatewayConfigRecord(view=view)

    def _fits(self, name: str, wanted: str) -> bool:
        return wanted in name


class McpConfigs(Configs[McpConfigView]):
    """The MCP servers whose tools devboxes may call."""

    what = "MCP config"
    prefix = "mcp"

    def _view(self, fields: Mapping[str, Any]) -> McpConfigView:
        return McpConfigView.model_validate({"auth_mechanism": {"type": "bearer"}, **fields})

    def _record(self, view: McpConfigView) -> McpConfigRecord:
        return McpConfigRecord(view=view)

    def _fits(self, name: str, wanted: str) -> bool:
        return name.startswith(wanted)

    def _check(self, params: Mapping[str, Any]) -> None:
        patterns = params.get("allowed_tools")
        if patterns is not None and not all(pattern.strip() for pattern in patterns):
            raise invalid("`allowed_tools` has an empty pattern: name a tool, or `*` for all")
