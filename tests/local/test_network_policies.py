"""Network policies: kept, and kept to by devboxes with a network of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.contract.views.network_policies import EgressRulesView, NetworkPolicyView
from pytest_runloop.local import dns, hostnames
from pytest_runloop.local.policy_guard import PolicyGuard
from pytest_runloop.local.resolvers import Resolver
from tests.support.outside import address_outside, serving

from .asking import asked, message, prepared, said
from .box import Box, ok, refused
from .builds import good
from .builds import log as build_log
from .running import Inside, Server
from .upstream import upstream

_NUMBERS = count()
_PATH = "/v1/network-policies"
_REFUSED, _OPEN = "13 ", "0 "
_CONNECT = """python3 -c '
import socket, sys
for port in sys.argv[2:]:
    print(socket.socket().connect_ex((sys.argv[1], int(port))), end=" ")' """


def _policy(api: httpx.Client, **rules: Any) -> Any:
    return ok(api.post(_PATH, json={"name": f"policy {next(_NUMBERS)}", **rules}))


# Keeping them


def test_a_policy_allows_what_is_asked_for_and_nothing_else(api: httpx.Client) -> None:
    nothing = _policy(api)
    assert nothing.pop("id")
    assert nothing.pop("create_time_ms") == nothing.pop("update_time_ms")
    assert nothing.pop("name")
    assert nothing == {
        "description": None,
        "egress": {
            "allow_all": False,
            "allow_devbox_to_devbox": False,
            "allowed_hostnames": [],
            "allow_agent_gateway": False,
            "allow_mcp_gateway": False,
        },
    }
    names = [
        "GitHub.com",
        "*.npmjs.org",
        "api-*.example.",
        "10.1.2.3",
        "2001:db8::1",
        "xn--bcher-kva.example",
    ]
    some = _policy(api, allowed_hostnames=names, allow_mcp_gateway=True, description="d", allow_all=None)
    assert some["egress"]["allowed_hostnames"] == names
    assert some["egress"]["allow_mcp_gateway"] is True
    assert _policy(api, allow_all=True)["egress"]["allow_devbox_to_devbox"] is True


def test_an_update_changes_what_is_given_and_keeps_the_rest(api: httpx.Client) -> None:
    made = _policy(api, allowed_hostnames=["a.example"], description="d", allow_agent_gateway=True)
    path = f"{_PATH}/{made['id']}"
    changed = ok(api.post(path, json={"allowed_hostnames": ["b.example"], "description": None}))
    assert changed["egress"] == {**made["egress"], "allowed_hostnames": ["b.example"]}
    assert (changed["name"], changed["description"]) == (made["name"], "d")
    renamed = ok(api.post(path, json={"name": f"{made['name']}, renamed"}))
    assert renamed["egress"] == changed["egress"]
    assert ok(api.post(path, json={})) == {**renamed, "update_time_ms": ok(api.get(path))["update_time_ms"]}
    assert ok(api.post(f"{path}/delete"))["name"] == renamed["name"]
    for gone in (api.get(path), api.post(path, json={}), api.post(f"{path}/delete")):
        refused(gone, 404, "not_found", "network policy", made["id"])


def test_policies_are_found_by_a_part_of_their_name_and_by_id(api: httpx.Client) -> None:
    names = [f"found {next(_NUMBERS)} {word}" for word in ("one", "two")]
    one, two = (_policy(api, name=name) for name in names)

    def found(**query: Any) -> list[str]:
        return [view["id"] for view in ok(api.get(_PATH, params=query))["network_policies"]]

    assert found(name="found ") == [two["id"], one["id"]]
    assert found(name="found ", limit=1, starting_after=two["id"]) == [one["id"]]
    assert found(id=one["id"]) == found(search=one["id"]) == found(search=names[0]) == [one["id"]]
    assert found(id=one["id"], name="two") == []
    page = ok(api.get(_PATH, params={"name": "found ", "limit": 1, "include_total_count": False}))
    assert (page["has_more"], page["total_count"]) == (True, None)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("*", "allow_all"), ("https://github.com", "everything but the host"), ("github.com:443", "ports"),
        ("10.0.0.0/8", "ranges"), ("github.com/x", "ranges"), ("a.*.example", "first part"),
        ("bücher.example", "xn--"), ("", "letters"), ("a b", "letters"), ("-a.example", "letters"),
        ("a..example", "letters"), ("a*", "first part"), ("a." * 126 + "ab", "letters"),
    ],
)  # fmt: skip
def test_what_is_no_name_of_a_host_is_refused_with_what_belongs_there(
    api: httpx.Client, name: str, hint: str
) -> None:
    body = {"name": "bad", "allowed_hostnames": ["github.com", name]}
    refused(api.post(_PATH, json=body), 400, "invalid_request", "`allowed_hostnames[1]`", hint)


def test_a_wrong_request_is_refused_in_words(api: httpx.Client) -> None:
    made, other = _policy(api), _policy(api)
    path = f"{_PATH}/{made['id']}"
    taken = {"name": other["name"]}
    refused(api.post(_PATH, json=taken), 400, "already_exists", other["name"], other["id"])
    refused(api.post(path, json=taken), 400, "already_exists", other["id"])
    refused(api.post(path, json={"name": " "}), 400, "invalid_request", "`name`")
    refused(api.post(path, json={"allowed_hostnames": ["*"]}), 400, "invalid_request", "allowed_hostnames[0]")
    assert ok(api.get(path)) == made
    refused(api.post(_PATH, json={"allow_all": True}), 400, "invalid_request", "`name`")
    refused(api.post(_PATH, json={"name": "n", "allow_all": "x"}), 400, "invalid_request", "`allow_all`")
    body = {"name": "n", "allowed_hosts": ["a.example"]}
    refused(api.post(_PATH, json=body), 400, "invalid_request", "`allowed_hosts`", "`allowed_hostnames`")


# Holding devboxes to them


@pytest.fixture
def held(backend: Server, api: httpx.Client) -> None:
    """Skip where devboxes have no network of their own."""
    if "private-ports" not in backend.ready["capabilities"]:
        pytest.skip(f"the {backend.ready['isolation']} tier lacks `private-ports`")


@pytest.fixture
def outside() -> str:
    """An address of this machine that is not of its loopback."""
    return address_outside()


@pytest.fixture
def ports(outside: str) -> Iterator[str]:
    """The arguments of `_CONNECT` for two services there."""
    with serving(outside, b"one") as one, serving(outside, b"two") as two:
        yield f"{outside} {one} {two}"


def _held_to(policy: Any, **params: Any) -> dict[str, Any]:
    return {"launch_parameters": {"network_policy_id": policy["id"], **params}}


@pytest.mark.usefixtures("held")
def test_a_refused_connection_fails_at_once_and_the_log_says_who_refused_what(
    api: httpx.Client, outside: str, ports: str
) -> None:
    policy = _policy(api, allowed_hostnames=["*.example"])
    box = Box.create(api, **_held_to(policy, launch_commands=[f"{_CONNECT}{ports} >launched"]))
    assert box.view()["launch_parameters"]["network_policy_id"] == policy["id"]
    for _ in range(2):
        assert box.text(f"{_CONNECT}{ports}; cat launched") == _REFUSED * 4
    assert box.run("getent hosts some.test")["exit_status"] == 2
    lines = [line for line in box.logs() if line["source"] == "kmsg"]
    assert [line["level"] for line in lines] == ["warn"] * 3
    for line, port in zip(lines, ports.split()[1:], strict=False):
        who = f"the network policy `{policy['name']}` ({policy['id']})"
        assert line["message"] == f"{who} refused a connection to {outside}, port {port}"
    assert "refused to look up `some.test`" in lines[2]["message"]
    box.end()


@pytest.mark.usefixtures("held")
def test_a_change_holds_at_once_for_new_connections_of_running_devboxes(
    api: httpx.Client, outside: str, ports: str
) -> None:
    policy = _policy(api, allow_all=True)
    box = Box.create(api, **_held_to(policy))
    for rules, expected in (
        ({}, _OPEN),
        ({"allow_all": False}, _REFUSED),
        ({"allowed_hostnames": [outside]}, _OPEN),
        ({"allowed_hostnames": ["192.0.2.77"]}, _REFUSED),
    ):
        ok(api.post(f"{_PATH}/{policy['id']}", json=rules))
        assert box.text(f"{_CONNECT}{ports}") == expected * 2
    ok(box.post("suspend"))
    box.wait("suspended")
    refused(api.post(f"{_PATH}/{policy['id']}/delete"), 400, "in_use", policy["name"], box.id)
    ok(box.post("resume"))
    assert box.text(f"{_CONNECT}{ports}") == _REFUSED * 2
    box.end()
    ok(api.post(f"{_PATH}/{policy['id']}/delete"))


@pytest.mark.usefixtures("held")
def test_a_blueprint_has_one_for_its_build_and_one_for_its_devboxes(api: httpx.Client, ports: str) -> None:
    for_build, for_boxes, free = _policy(api), _policy(api, allow_all=True), _policy(api, allow_all=True)
    command = f"{_CONNECT}{ports} >built"
    params = {"network_policy_id": for_build["id"], **_held_to(for_boxes)}
    blueprint = good(api, None, system_setup_commands=[command], **params)
    assert blueprint["parameters"]["network_policy_id"] == for_build["id"]
    refusal = f"({for_build['id']}) refused a connection"
    assert sum(refusal in message for _, message in build_log(api, blueprint)) == 2
    for more, wanted in (({}, for_boxes), (_held_to(free), free)):
        box = Box.create(api, blueprint_id=blueprint["id"], **more)
        assert box.view()["launch_parameters"]["network_policy_id"] == wanted["id"]
        assert box.text(f"cat built; {_CONNECT}{ports}") == _REFUSED * 2 + _OPEN * 2
        box.end()
    ok(api.post(f"{_PATH}/{for_boxes['id']}/delete"))
    gone = api.post("/v1/devboxes", json={"blueprint_id": blueprint["id"]})
    refused(gone, 400, "invalid_request", "`launch_parameters.network_policy_id`", for_boxes["id"])
    ok(api.post(f"/v1/blueprints/{blueprint['id']}/delete"))


@pytest.mark.usefixtures("held")
def test_what_starts_from_a_snapshot_is_held_to_what_it_asks_for(api: httpx.Client, ports: str) -> None:
    policy = _policy(api)
    box = Box.create(api)
    snapshot = ok(box.post("snapshot_disk"))["id"]
    assert box.text(f"{_CONNECT}{ports}") == _OPEN * 2
    box.end()
    box = Box.create(api, snapshot_id=snapshot, **_held_to(policy))
    assert box.text(f"{_CONNECT}{ports}") == _REFUSED * 2
    ok(box.post("snapshot_disk"))
    assert box.text(f"{_CONNECT}{ports}") == _REFUSED * 2
    box.end()


@pytest.mark.usefixtures("held")
def test_gateways_and_mcp_servers_are_allowed_on_their_own(api: httpx.Client) -> None:
    ok(api.post("/v1/secrets", json={"name": "POLICY_KEY", "value": "v"}))
    mcp = {"mcp_config": "held", "secret": "POLICY_KEY"}
    policy = _policy(api, allow_agent_gateway=True)
    with upstream() as service:
        config = {"name": "held", "endpoint": service.url, "auth_mechanism": {"type": "bearer"}}
        ok(api.post("/v1/gateway-configs", json=config))
        server = {"name": "held", "endpoint": f"{service.url}/mcp", "allowed_tools": ["*"]}
        ok(api.post("/v1/mcp-configs", json=server))
        gateway = {"gateway": "held", "secret": "POLICY_KEY"}
        box = prepared(Box.create(api, gateways={"GW": gateway}, mcp={"M": mcp}, **_held_to(policy)))
        question = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert said(asked(box, "/x"))[0] == 200
        refusal = message(box, question)
        assert refusal["error"] == "refused_by_policy"
        assert all(word in refusal["message"] for word in (policy["name"], "allow_mcp_gateway"))
        rules = {"allow_agent_gateway": False, "allow_mcp_gateway": True}
        ok(api.post(f"{_PATH}/{policy['id']}", json=rules))
        assert said(asked(box, "/x"))[0] == 403
        assert message(box, question)["result"]
        token = ok(box.post("create_gateway_token", gateway))["token"]
        assert said(asked(box, "/x", f"Authorization: Bearer {token}"))[0] == 403
        box.end()


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("field", ["launch_parameters.network_policy_id", "network_policy_id"])
def test_a_policy_that_is_not_there_is_named_with_the_nearest(api: httpx.Client, field: str) -> None:
    policy = _policy(api)
    wrong = f"{policy['id'][:-1]}-"
    launch = field.startswith("launch")
    body = {"launch_parameters": {"network_policy_id": wrong}} if launch else {"network_policy_id": wrong}
    answer = api.post("/v1/blueprints", json={"name": "x", **body})
    refused(answer, 400, "invalid_request", f"`{field}`", wrong, f"did you mean `{policy['id']}`?")
    if launch:
        refused(api.post("/v1/devboxes", json=body), 400, "invalid_request", f"`{field}`", wrong)


@pytest.mark.asyncio
async def test_without_a_network_of_its_own_no_devbox_is_made_that_would_not_be_held(within: Inside) -> None:
    policy = ok(await within.api.post(_PATH, json={"name": "p"}))
    launch = {"launch_parameters": {"network_policy_id": policy["id"]}}
    words = ("a network of their own", "`process`", "network_policy_id")
    refused(await within.api.post("/v1/devboxes", json=launch), 400, "not_supported_locally", *words)
    for body in ({"name": "b", **launch}, {"name": "b", "network_policy_id": policy["id"]}):
        refused(await within.api.post("/v1/blueprints", json=body), 400, "not_supported_locally", *words)


# Names


@pytest.mark.parametrize(
    ("name", "pattern", "does"),
    [
        ("github.com", "github.com", True), ("GitHub.com.", "github.COM", True),
        ("api.github.com", "github.com", False), ("api.github.com", "*.github.com", True),
        ("a.b.github.com", "*.github.com", True), ("github.com", "*.github.com", False),
        ("evilgithub.com", "*.github.com", False), ("api-1.example", "api-*.example", True),
        ("web-1.example", "api-*.example", False), ("githubxcom", "github.com", False),
        ("x-a-b-c.example", "x*a*.example", True), ("aa.example", "**a.example", False),
        ("aaa.example", "**a.example", True), ("xaxa.example", "*a*a.example", True),
        ("a" * 200 + ".example", "*a" * 20 + "*b.example", False),
    ],
)  # fmt: skip
def test_a_wildcard_fits_all_below_a_name_and_not_the_name(name: str, pattern: str, does: bool) -> None:
    assert hostnames.fits(name, ["other.example", pattern]) is does


def test_names_of_this_machines_table_of_hosts_are_known(tmp_path: Path) -> None:
    table = tmp_path / "hosts"
    table.write_text("192.0.2.1 a.example # b.example\n2001:DB8:0::1\tx c.example\nnonsense a.example\n\n")
    assert hostnames.known_here(["*.example"], table) == {"192.0.2.1", "2001:db8::1"}
    assert hostnames.known_here(["b.example"], table) == set()
    assert hostnames.known_here(["*.example"], tmp_path / "none") == set()


class _Names(Resolver):
    """Has an address for each of these names, of A alone, and says what was asked."""

    def __init__(self, **names: str) -> None:
        super().__init__()
        self.names = {name.replace("_", "."): address for name, address in names.items()}
        self.asked: list[str] = []

    async def ask(self, query: bytes, *, stream: bool = False) -> bytes | None:
        name = dns.question_of(query).lower()
        self.asked.append(name)
        if name not in self.names:
            return None
        answered = bytearray(query)
        answered[2] |= 0x80
        answered[7] = int(query[-3] == dns.A)
        octets = bytes(map(int, self.names[name].split(".")))
        return bytes(answered) + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + octets


class _SlowNames(_Names):
    """Answers none before all may go."""

    def __init__(self, **names: str) -> None:
        super().__init__(**names)
        self.go = asyncio.Event()

    async def ask(self, query: bytes, *, stream: bool = False) -> bytes | None:
        answer = await super().ask(query)
        await self.go.wait()
        return answer


def _guard(resolver: Resolver, *allowed: str) -> tuple[PolicyGuard, EgressRulesView, list[str]]:
    egress = EgressRulesView(
        allow_all=False,
        allow_devbox_to_devbox=False,
        allowed_hostnames=list(allowed),
        allow_agent_gateway=False,
        allow_mcp_gateway=False,
    )
    policy = NetworkPolicyView(id="npl_1", name="p", egress=egress, create_time_ms=0, update_time_ms=0)
    lines: list[str] = []
    return PolicyGuard(lambda: policy, lines.append, resolver), egress, lines


@pytest.mark.asyncio
async def test_an_address_is_permitted_while_a_name_is_allowed_that_it_was_answered_for() -> None:
    names = _Names(a_example="192.0.2.1", b_other="192.0.2.2")
    guard, egress, lines = _guard(names, "*.example")
    assert not await guard.permits("192.0.2.1", 80)
    answer = await guard.answer(dns.query_for("A.Example", dns.A, 7), stream=True)
    assert answer is not None
    assert dns.addresses_in(answer) == ["192.0.2.1"]
    assert await guard.permits("192.0.2.1", 80)
    names.asked.clear()
    answer = await guard.answer(dns.query_for("b.other", dns.A, 7), stream=False)
    assert answer is not None
    assert answer[3] & 0xF == dns.NO_SUCH_NAME
    assert names.asked == []  # Nothing of it leaves the machine.
    egress.allowed_hostnames = ["c.example"]
    assert not await guard.permits("192.0.2.1", 81)
    assert [line.partition(" refused ")[2] for line in lines] == [
        "a connection to 192.0.2.1, port 80",
        "to look up `b.other`",
        "a connection to 192.0.2.1, port 81 (a.example)",
    ]


@pytest.mark.asyncio
async def test_a_plain_name_is_looked_up_when_an_address_is_asked_for_and_not_each_time() -> None:
    names = _Names(a_example="192.0.2.1")
    guard, _, lines = _guard(names, "a.example", "b.example", "*.example", "192.0.2.9")
    assert await guard.permits("192.0.2.1", 80)
    assert await guard.permits("192.0.2.9", 80)
    assert not await guard.permits("192.0.2.2", 80)
    assert not await guard.permits("192.0.2.2", 80)
    assert sorted(names.asked) == ["a.example"] * 2 + ["b.example"] * 2
    assert len(lines) == 1


@pytest.mark.asyncio
async def test_many_connections_at_once_share_the_answers_and_outlive_one_that_is_given_up() -> None:
    names = _SlowNames(a_example="192.0.2.1")
    guard, _, _ = _guard(names, "a.example", "b.example")
    asking = [asyncio.ensure_future(guard.permits(f"192.0.2.{n}", 80)) for n in range(200)]
    await asyncio.sleep(0.01)
    asking.pop(0).cancel()
    names.go.set()
    assert [n for n, permitted in enumerate(await asyncio.gather(*asking), 1) if permitted] == [1]
    assert sorted(names.asked) == ["a.example"] * 2 + ["b.example"] * 2


@pytest.mark.asyncio
async def test_all_names_may_be_asked_for_where_all_is_allowed() -> None:
    guard, egress, lines = _guard(_Names(a_example="192.0.2.1"))
    egress.allow_all = True
    assert await guard.permits("203.0.113.1", 80)
    failed = await guard.answer(dns.query_for("none.example", dns.A, 7), stream=False)
    assert failed is not None
    assert failed[3] & 0xF == dns.SERVER_FAILED
    assert lines == []


@pytest.mark.parametrize(
    "query",
    [
        b"", b"\0" * 11, b"\0" * 12, dns.query_for("a.example", dns.A, 1)[:20],
        b"\0\1\x81\0\0\1" + bytes(6) + b"\1a\0\0\1\0\1", b"\0\1\1\0\0\1" + bytes(6) + b"\xc0\x0c\0\1\0\1",
        b"\0\1\x28\0\0\1" + bytes(6) + b"\1a\0\0\1\0\1", b"\0\1\1\0\0\2" + bytes(6) + b"\1a\0\0\1\0\1",
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_what_is_no_query_is_not_answered(query: bytes) -> None:
    guard, _, lines = _guard(_Names(), "*.example")
    assert await guard.answer(query, stream=False) is None
    assert dns.addresses_in(query) == []
    assert lines == []


class _DnsServer(asyncio.DatagramProtocol):
    """Answers each query with itself, after an answer to another; through streams, with the answer alone."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(b"\xff\xff not this", addr)
        self._transport.sendto(data, addr)

    @staticmethod
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(2 + 12))
        writer.close()


@pytest.mark.asyncio
async def test_the_dns_servers_of_this_machine_are_asked_one_after_another_in_both_ways() -> None:
    streams = await asyncio.start_server(_DnsServer.converse, "127.0.0.1", 0)
    port = streams.sockets[0].getsockname()[1]
    loop, address = asyncio.get_running_loop(), ("127.0.0.1", port)
    datagrams, _ = await loop.create_datagram_endpoint(_DnsServer, local_addr=address)
    # The first is no address, and nothing listens at the second.
    resolver = Resolver(lambda: ["server.example", "127.0.0.2", "127.0.0.1"], port)
    for stream in (False, True):
        assert await resolver.ask(b"\1\2 any query", stream=stream) == b"\1\2 any query"
    assert await resolver.addresses("a.example") == set()
    datagrams.close()
    streams.close()
    assert await Resolver(lambda: ["127.0.0.2"], port).ask(b"\1\2 any query") is None
    assert await Resolver(list).addresses("a.example") == set()
