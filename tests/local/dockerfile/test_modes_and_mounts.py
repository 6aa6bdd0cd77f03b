"""`--chmod` and `--mount`."""

from __future__ import annotations

import pytest

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.modes import apply_mode, check_mode
from pytest_runloop.local.dockerfile.mounts import parse_mount
from pytest_runloop.local.dockerfile.plan import Mount, Origin


@pytest.mark.parametrize(
    ("text", "before", "directory", "after"),
    [
        ("755", 0o600, False, 0o755),
        ("04755", 0o600, False, 0o4755),
        ("u+x", 0o644, False, 0o744),
        ("+x", 0o644, False, 0o755),
        ("go=", 0o777, False, 0o700),
        ("a-w,u+w", 0o666, False, 0o644),
        ("u=rwX,go=rX", 0o600, False, 0o644),
        ("u=rwX,go=rX", 0o600, True, 0o755),
        ("u=rwX,go=rX", 0o700, False, 0o755),
        ("g=u", 0o640, False, 0o660),
        ("u+s,g+s,+t", 0o755, True, 0o7755),
        ("u-r+x", 0o600, False, 0o300),
    ],
)
def test_a_mode_does_what_chmod_does(text: str, before: int, directory: bool, after: int) -> None:
    assert apply_mode(check_mode(text), before, directory=directory) == after


@pytest.mark.parametrize("text", ["", "999", "17777", "u", "u+y", "x+r", "u+r,", "rwx"])
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError, match="no file mode"):
        check_mode(text)


def mount(text: str) -> Mount:
    values = {"$T": "/t"}
    return parse_mount(
        text,
        working_dir="/w",
        expand=lambda word: values.get(word, word),
        find=lambda name: Origin("stage", name, 0),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=cache,target=/c", Mount("cache", "/c", identifier="/c", mode=0o755)),
        (
            "type=cache,dst=c,id=x,sharing=locked,mode=0700,uid=1,gid=2,ro",
            Mount(
                "cache", "/w/c", identifier="x", sharing="locked", mode=0o700, uid=1, gid=2, read_only=True
            ),
        ),
        ("target=/b", Mount("bind", "/b", origin=Origin("context"), source="/", read_only=True)),
        (
            'type=bind,from=s,"source=a,b",target=$T,rw',
            Mount("bind", "/t", origin=Origin("stage", "s", 0), source="/a,b"),
        ),
        (
            "type=bind,source=../../a,target=/b",
            Mount("bind", "/b", origin=Origin("context"), source="/a", read_only=True),
        ),
        ("type=tmpfs,target=/t,size=2m", Mount("tmpfs", "/t", size=2 << 20)),
        ("type=tmpfs,target=/t", Mount("tmpfs", "/t")),
        ("type=secret,id=k", Mount("secret", "/run/secrets/k", identifier="k", read_only=True, mode=0o400)),
        (
            "type=secret,target=/s/k,required",
            Mount("secret", "/s/k", identifier="k", read_only=True, required=True, mode=0o400),
        ),
        (
            "type=secret,id=k,env=KEY",
            Mount("secret", "", identifier="k", variable="KEY", read_only=True, mode=0o400),
        ),
    ],
)
def test_a_mount_is_read(text: str, expected: Mount) -> None:
    assert mount(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type=ssh", "need an agent"),
        ("type=cahe,target=/x", "did you mean `cache`?"),
        ("type=cache", "no `target`"),
        ("type=tmpfs,target=/", "no `target` below"),
        ("type=cache,target=/x,sise=1", "has no `sise`"),
        ("type=cache,target=/x,sharing=maybe", "shared, private or locked"),
        ("type=cache,target=/x,mode=abc", "no file mode"),
        ("type=cache,target=/x,uid=me", "no number"),
        ("type=tmpfs,target=/x,size=big", "no size"),
        ("type=secret", "neither `id` nor `target`"),
        ("type=secret,id=a,required=x", "neither true nor false"),
        ("type=bind,target=/x,from=$IMAGE", "takes no variables"),
        ("type=bind,target", "has no value"),
        ("type=bind,target=/a,dst=/b", "given twice"),
        ("type=bind,target=/a\rb", "no list"),
    ],
)
def test_a_mount_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        mount(text)
    assert said in str(caught.value)
