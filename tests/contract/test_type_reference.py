"""Every name of the service's type reference is there, with its keys: `type_reference.txt` has the facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from typing_extensions import is_typeddict

from pytest_runloop import PollingConfig, types
from pytest_runloop.types import shared_params

PLACES = {"types": types, "types.shared_params": shared_params}
CARRIED = {
    "SDKBlueprintCreateParams": ("BlueprintCreateParams", "LongPollingRequestOptions"),
    "SDKDevboxCreateFromImageParams": ("DevboxCreateParams", "LongPollingRequestOptions"),
    "SDKDevboxCreateParams": ("DevboxCreateParams", "LongPollingRequestOptions"),
    "SDKDevboxExecuteAsyncParams": ("DevboxExecuteAsyncParams", "LongRequestOptions"),
    "SDKDevboxExecuteParams": ("DevboxExecuteAsyncParams", "LongPollingRequestOptions"),
    "SDKDevboxSnapshotDiskAsyncParams": ("DevboxSnapshotDiskAsyncParams", "LongRequestOptions"),
    "SDKDevboxSnapshotDiskParams": ("DevboxSnapshotDiskParams", "LongPollingRequestOptions"),
    "SDKDevboxUploadFileParams": ("DevboxUploadFileParams", "LongRequestOptions"),
    "SDKDiskSnapshotUpdateParams": ("DiskSnapshotUpdateParams", "LongRequestOptions"),
}
"""What the reference prints empty, with what it inherits."""
CARRIED_REQUIRED = {
    "DevboxUploadFileParams": ("path",),
    "SDKBlueprintCreateParams": ("name",),
    "SDKDevboxUploadFileParams": ("path",),
}
"""Keys that must be there though it does not print them: the service asks for them."""
GIVEN_OTHERWISE = {"blueprint_id", "blueprint_name", "snapshot_id", "command"}
"""Keys that the method of such parameters takes as an argument of its own."""
OPTIONAL_SINCE = {
    ("BenchmarkUpdateParams", "name"): "An update changes what it is given, since January 2026.",
    ("DevboxRemoveTunnelParams", "port"): "There is one tunnel for all ports, since January 2026.",
    ("SDKDevboxRemoveTunnelParams", "port"): "As above.",
    ("CodeMountParameters", "type"): "It is one of two things: a mount, which needs it, and a `code_mounts`.",
}


class Entry(NamedTuple):
    """A type of the reference."""

    kind: str
    place: str
    name: str
    keys: dict[str, tuple[str, frozenset[str]]]
    """To the mark, and the literals."""

    @property
    def type(self) -> Any:
        """Ours."""
        return getattr(PLACES[self.place], self.name)

    @property
    def hints(self) -> dict[str, Any]:
        """The types of our keys."""
        return get_type_hints(self.type, include_extras=True)

    def __str__(self) -> str:
        return f"{self.place}.{self.name}"


def entry(line: str) -> Entry:
    """Read a line of the file."""
    kind, place, name, *keys = line.split()
    found = {}
    for key in keys:
        marked, _, literals = key.partition("=")
        found[marked.rstrip("!?")] = (marked[-1], frozenset(literals.split("|")) if literals else frozenset())
    return Entry(kind, place, name, found)


FILE = Path(__file__).with_name("type_reference.txt")
ENTRIES = [entry(line) for line in FILE.read_text().splitlines() if not line.startswith("#")]
PARAMS = [one for one in ENTRIES if one.kind == "params"]
VIEWS = [one for one in ENTRIES if one.kind == "view"]


def literals_of(hint: Any) -> frozenset[str]:
    """Return the literals at any depth of a type."""
    inner = get_args(hint)
    return frozenset(inner) if get_origin(hint) is Literal else frozenset().union(*map(literals_of, inner))


def test_there_are_the_125_names() -> None:
    others = {"DevboxReadFileContentsResponse", "PollingConfig"}
    assert len({one.name for one in ENTRIES} | others) == 125
    assert types.DevboxReadFileContentsResponse is str
    assert types.PollingConfig is PollingConfig
    assert PollingConfig() == PollingConfig(interval_seconds=1.0, max_attempts=120, timeout_seconds=None)


def test_params_have_its_keys_and_those_that_must_be_there() -> None:
    for one in PARAMS:
        assert is_typeddict(one.type), one
        assert set(one.keys) <= set(one.hints), one
        required = {key for key, (mark, _) in one.keys.items() if mark == "!"}
        relaxed = {key for name, key in OPTIONAL_SINCE if name == one.name}
        assert {*required, *CARRIED_REQUIRED.get(one.name, ())} - relaxed == one.type.__required_keys__, one


def test_what_it_prints_empty_carries_the_keys_of_the_call_and_of_the_request() -> None:
    assert {one.name for one in PARAMS if not one.keys} == {*CARRIED, "DevboxUploadFileParams"}
    for name, carried in CARRIED.items():
        keys = set().union(*(get_type_hints(getattr(types, other)) for other in carried))
        assert keys - GIVEN_OTHERWISE <= set(get_type_hints(getattr(types, name))), name


def test_views_have_its_fields_and_those_that_may_be_missing_may() -> None:
    for one in VIEWS:
        assert issubclass(one.type, BaseModel), one
        assert set(one.keys) <= set(one.type.model_fields), one
        optional = [key for key, (mark, _) in one.keys.items() if mark == "?"]
        assert not [key for key in optional if one.type.model_fields[key].is_required()], one
        assert wrong(one.type, dict.fromkeys(optional)) <= {"missing"}, one


def wrong(view: type[BaseModel], values: dict[str, Any]) -> set[str]:
    """Return what is wrong with these values of a view."""
    try:
        view.model_validate(values)
    except ValidationError as error:
        return {found["type"] for found in error.errors()}
    return set()


def test_literals_are_its_literals() -> None:
    for one in ENTRIES:
        for key, (_, literals) in one.keys.items():
            assert literals <= (literals_of(one.hints[key]) if literals else literals), (one, key)
