"""The values of `RUN --mount`."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable, Mapping

from ...contract.nearest import nearest
from .errors import DockerfileError
from .plan import Mount, Origin

Fields = Mapping[str, str]
_ALIASES = {"dst": "target", "destination": "target", "src": "source", "ro": "readonly", "rw": "readwrite"}
_FIELDS = {
    "bind": {"target", "source", "from", "readonly", "readwrite"},
    "cache": {"target", "id", "sharing", "mode", "uid", "gid", "readonly", "readwrite"},
    "tmpfs": {"target", "size"},
    "secret": {"target", "id", "source", "env", "required", "mode", "uid", "gid"},
}
_FLAGS = frozenset({"readonly", "readwrite", "required"})
_SIZE = re.compile(r"(\d+)([kmgt]?)(i?b?)", re.I)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def mount_fields(text: str, expand: Callable[[str], str] = str) -> dict[str, str]:
    """Split `type=cache,target=/x,…` into its fields, by their full names.

    :param expand: replaces variables in the values, except in `from`, as in Docker.
    :raises DockerfileError: if a field is unknown, doubled or has no value.
    """
    fields: dict[str, str] = {}
    for item in _items(text):
        name, equals, value = item.partition("=")
        name = _ALIASES.get(name.strip().lower(), name.strip().lower())
        if not equals and name not in _FLAGS:
            raise DockerfileError(f"`{item}` in `--mount={text}` has no value", expected="NAME=VALUE")
        if name in fields:
            raise DockerfileError(f"`{name}` is given twice in `--mount={text}`")
        fields[name] = _value(name, value if equals else "true", expand)
    return fields


def _items(text: str) -> list[str]:
    try:
        return next(csv.reader([text]), [])
    except csv.Error as error:
        raise DockerfileError(f"`--mount={text}` is no list of NAME=VALUE: {error}") from None


def _value(name: str, value: str, expand: Callable[[str], str]) -> str:
    if name != "from":
        return expand(value)
    if "$" in value:
        what = "`from` of a mount takes no variables"
        raise DockerfileError(what, expected="a stage of its own: FROM $IMAGE AS name, and from=name")
    return value


def parse_mount(
    text: str, *, working_dir: str, expand: Callable[[str], str], find: Callable[[str], Origin]
) -> Mount:
    """Return the mount that a flag describes, without the files of a `bind`.

    :param working_dir: what relative targets are relative to.
    :param expand: replaces variables.
    :param find: finds the stage, image or context that `from` names.
    :raises DockerfileError: if the kind or a field is unknown or unsupported, or a value is wrong.
    """
    fields = mount_fields(text, expand)
    kind = fields.pop("type", "bind")
    if kind == "ssh":
        what = "mounts of type `ssh` need an agent, which a blueprint's build does not have"
        raise DockerfileError(what, expected="a key as a secret: --mount=type=secret,id=…")
    if kind not in _FIELDS:
        raise DockerfileError(
            f"there is no mount of type `{kind}`{nearest(kind, _FIELDS)}", expected=", ".join(_FIELDS)
        )
    for name in fields:
        if name not in _FIELDS[kind]:
            hint = nearest(name, _FIELDS[kind])
            raise DockerfileError(
                f"a mount of type `{kind}` has no `{name}`{hint}", expected=", ".join(_FIELDS[kind])
            )
    build = {"bind": _bind, "cache": _cache, "tmpfs": _tmpfs, "secret": _secret}[kind]
    return build(fields, working_dir, find)


def _bind(fields: Fields, working_dir: str, find: Callable[[str], Origin]) -> Mount:
    return Mount(
        "bind",
        _target(fields, working_dir),
        origin=find(fields["from"]) if "from" in fields else Origin("context"),
        source=posixpath.normpath("/" + fields.get("source", "")).replace("//", "/"),
        read_only=_read_only(fields, default=True),
    )


def _cache(fields: Fields, working_dir: str, _find: Callable[[str], Origin]) -> Mount:
    sharing = fields.get("sharing", "shared")
    if sharing not in ("shared", "private", "locked"):
        raise DockerfileError(f"`sharing={sharing}` is unknown", expected="shared, private or locked")
    target = _target(fields, working_dir)
    return Mount(
        "cache",
        target,
        identifier=fields.get("id") or target,
        read_only=_read_only(fields, default=False),
        sharing=sharing,
        mode=_octal(fields, 0o755),
        uid=_number(fields, "uid"),
        gid=_number(fields, "gid"),
    )


def _tmpfs(fields: Fields, working_dir: str, _find: Callable[[str], Origin]) -> Mount:
    return Mount(
        "tmpfs", _target(fields, working_dir), size=_size(fields["size"]) if "size" in fields else None
    )


def _secret(fields: Fields, working_dir: str, _find: Callable[[str], Origin]) -> Mount:
    identifier = fields.get("id") or fields.get("source") or posixpath.basename(fields.get("target", ""))
    if not identifier:
        raise DockerfileError(
            "the secret has neither `id` nor `target`", expected="--mount=type=secret,id=NAME"
        )
    # Only a variable: no file, unless one is asked for.
    default = "" if "env" in fields else f"/run/secrets/{identifier}"
    return Mount(
        "secret",
        _target(fields, working_dir) if "target" in fields else default,
        identifier=identifier,
        variable=fields.get("env", ""),
        read_only=True,
        required=_flag(fields, "required"),
        mode=_octal(fields, 0o400),
        uid=_number(fields, "uid"),
        gid=_number(fields, "gid"),
    )


def _target(fields: Fields, working_dir: str) -> str:
    target = fields.get("target", "")
    absolute = posixpath.normpath(posixpath.join(working_dir, target))
    if not target or absolute in ("/", "//"):
        raise DockerfileError("the mount has no `target` below `/`", expected="target=/some/path")
    return absolute


def _flag(fields: Fields, name: str) -> bool:
    value = fields.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise DockerfileError(f"`{name}={value}` is neither true nor false")
    return value in ("true", "1")


def _read_only(fields: Fields, *, default: bool) -> bool:
    if "readwrite" in fields:
        return not _flag(fields, "readwrite")
    return _flag(fields, "readonly") if "readonly" in fields else default


def _number(fields: Fields, name: str) -> int:
    value = fields.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,10}", value):
        raise DockerfileError(f"`{name}={value}` is no number")
    return int(value)


def _octal(fields: Fields, default: int) -> int:
    value = fields.get("mode", f"{default:o}")
    if not re.fullmatch(r"0*[0-7]{1,4}", value):
        raise DockerfileError(f"`mode={value}` is no file mode", expected="an octal number as 0400")
    return int(value, 8)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if not match or len(match[1]) > 15:
        raise DockerfileError(f"`size={text}` is no size", expected="as 64m or 1g")
    return int(match[1]) << 10 * _POWERS[match[2].lower()]
