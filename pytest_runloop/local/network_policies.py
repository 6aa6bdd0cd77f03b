"""Network policies: keeping them, and giving devboxes what keeps them to theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ..contract.nearest import nearest
from ..contract.views.network_policies import EgressRulesView, NetworkPolicyView
from .clock import Clock
from .engine import remedies
from .engine.protocol import Capability, Engine
from .errors import ApiError, invalid, not_found
from .hostnames import check_hostname
from .ids import new_id
from .launch import given
from .policy_guard import PolicyGuard
from .records import NetworkPolicyRecord, Records
from .store import Store

GatewayRule = Literal["allow_agent_gateway", "allow_mcp_gateway"]
_DESCRIBES = ("name", "description")
_MOST_NAMED = 5


class NetworkPolicies:
    """All network policies of the state directory.

    :param store: what `records` are kept in.
    :param engine: boots the devboxes that they hold.
    """

    def __init__(self, store: Store, records: Records, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._records = records.network_policies
        self._engine = engine
        self._clock = clock

    def create(self, params: Mapping[str, Any]) -> NetworkPolicyView:
        """Keep a new policy.

        :raises ApiError: 400 if its name is taken or empty, or it allows what can be no host.
        """
        values, now = given(params), self._clock.now_ms()
        view = NetworkPolicyView(
            id=new_id("npl"),
            name=values["name"],
            description=values.get("description"),
            egress=_egress(_NOTHING, values),
            create_time_ms=now,
            update_time_ms=now,
        )
        with self._store.transaction():
            self._refuse_name(view)
            self._records.put(NetworkPolicyRecord(view=view))
        return view

    def get(self, identifier: str) -> NetworkPolicyView:
        """Return a policy.

        :raises ApiError: 404 if there is none with this id.
        """
        return self._records.found(identifier, "network policy").view

    def matching(self, params: Mapping[str, Any]) -> list[NetworkPolicyView]:
        """Return the policies that fit, newest first."""
        return [record.view for record in self._records.all() if _fits(record.view, params)]

    def update(self, identifier: str, params: Mapping[str, Any]) -> NetworkPolicyView:
        """Change what is given, and keep the rest. It holds at once for what devboxes connect to from now on.

        :raises ApiError: 404 if there is none with this id; 400 as `create`.
        """
        values = given(params)
        try:
            with self._records.changing(identifier) as record:
                view = record.view
                view.egress = _egress(view.egress, values)
                for name in _DESCRIBES:
                    setattr(view, name, values.get(name, getattr(view, name)))
                self._refuse_name(view)
                view.update_time_ms = self._clock.now_ms()
        except KeyError:
            raise not_found("network policy", identifier) from None
        return view

    def delete(self, identifier: str, users: Sequence[str]) -> NetworkPolicyView:
        """Delete a policy, and return what it was.

        :param users: the ids of the living devboxes that it holds.
        :raises ApiError: 404 if there is none with this id, 400 if there are such devboxes.
        """
        with self._store.transaction():
            view = self.get(identifier)
            if users:
                raise ApiError(400, "in_use", _in_use(view, users))
            self._records.delete(identifier)
        return view

    def check(self, identifier: str | None, field: str) -> None:
        """Refuse a policy that cannot hold anything here.

        :param identifier: its id; `None` is fine.
        :param field: the parameter that names it.
        :raises ApiError: 400 if there is none, or devboxes have no network of their own.
        """
        if identifier is None:
            return
        if Capability.PRIVATE_PORTS not in self._engine.capabilities:
            raise ApiError(400, "not_supported_locally", _unenforceable(field, self._engine.tier))
        if self._records.get(identifier) is None:
            known = [record.id for record in self._records.all()]
            hint = nearest(identifier, known) or "; create it with `POST /v1/network-policies` first"
            raise invalid(f"`{field}`: there is no network policy `{identifier}` on this server{hint}")

    def guard(self, identifier: str | None, note: Callable[[str], object]) -> PolicyGuard | None:
        """Return what keeps a devbox to a policy, as it is at any time.

        :param identifier: that of a policy which was checked; `None` for a devbox that nothing holds.
        :param note: takes a line for each thing that is refused.
        """
        if identifier is None:
            return None
        found = self._records.get(identifier)
        last = found.view if found is not None else _gone(identifier)

        def policy() -> NetworkPolicyView:
            # Another server may have deleted it, which knows nothing of our devboxes.
            nonlocal last
            record = self._records.get(identifier)
            last = last if record is None else record.view
            return last

        return PolicyGuard(policy, note)

    def refuse_gateway(self, identifier: str | None, rule: GatewayRule) -> None:
        """Refuse what a devbox calls through the server, which no connection of its own leads to.

        :param identifier: of the policy that holds it, if one does.
        :param rule: which of the policy's rules is about it.
        :raises ApiError: 403 naming policy and rule.
        """
        record = None if identifier is None else self._records.get(identifier)
        if record is not None and not (record.view.egress.allow_all or getattr(record.view.egress, rule)):
            message = f"the network policy `{record.view.name}` ({record.id}) does not permit this: `{rule}`"
            raise ApiError(403, "refused_by_policy", message)

    def _refuse_name(self, view: NetworkPolicyView) -> None:
        if not view.name.strip():
            raise invalid("`name` is empty: a network policy is found by its name")
        for other in self._records.all():
            if other.view.name == view.name and other.id != view.id:
                hint = f"change it with `POST /v1/network-policies/{other.id}`, or take another name"
                message = f"there is a network policy `{view.name}` already ({other.id}): {hint}"
                raise ApiError(400, "already_exists", message)


_NOTHING = EgressRulesView(
    allow_all=False,
    allow_devbox_to_devbox=False,
    allowed_hostnames=[],
    allow_agent_gateway=False,
    allow_mcp_gateway=False,
)


def _egress(before: EgressRulesView, values: Mapping[str, Any]) -> EgressRulesView:
    """Return rules with those values that are given in place of the earlier ones."""
    for number, name in enumerate(values.get("allowed_hostnames") or ()):
        check_hostname(name, f"allowed_hostnames[{number}]")
    rules = {name: values[name] for name in EgressRulesView.model_fields if name in values}
    after = before.model_copy(update=rules)
    return after.model_copy(
        update={"allow_devbox_to_devbox": after.allow_devbox_to_devbox or after.allow_all}
    )


def _fits(view: NetworkPolicyView, params: Mapping[str, Any]) -> bool:
    search = params.get("search")
    return (
        params.get("id") in (None, view.id)
        and params.get("name", "") in view.name
        and (search is None or search == view.id or search in view.name)
    )


def _in_use(view: NetworkPolicyView, users: Sequence[str]) -> str:
    more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
    return (
        f"the network policy `{view.name}` ({view.id}) holds living devboxes:"
        f" {', '.join(users[:_MOST_NAMED])}{more}; shut them down first"
    )


def _unenforceable(field: str, tier: str) -> str:
    return (
        f"`{field}`: the local backend keeps devboxes to a network policy only where they have a network of"
        f" their own, and in the isolation tier `{tier}` here they have that of this machine:"
        f" {remedies.for_capability(Capability.PRIVATE_PORTS)} (`pytest-runloop doctor` says how)"
    )


def _gone(identifier: str) -> NetworkPolicyView:
    return NetworkPolicyView(
        id=identifier, name="a deleted one", egress=_NOTHING, create_time_ms=0, update_time_ms=0
    )
