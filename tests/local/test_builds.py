"""Blueprints built from Dockerfiles."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from pytest_runloop import BlueprintFailedError, Runloop
from tests.support.tiers import need

from .box import Box, ok, refused
from .builds import built as _built
from .builds import cached as _cached
from .builds import ended as _ended
from .builds import failed as _failed
from .builds import good as _good
from .builds import log as _log
from .builds import text as _text
from .running import Server, server


@pytest.fixture
def name() -> str:
    """Return a name that no other test uses."""
    return f"bp-{uuid.uuid4().hex}"


@pytest.fixture(scope="session", params=["namespace", "landlock"])
def tier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of each tier that gives devboxes homes of their own and can be had here."""
    need(request.param, tmp_path_factory.mktemp("trial"))
    with server(tmp_path_factory.mktemp("state"), isolation=request.param) as running:
        yield running


@pytest.fixture
def any_api(tier: Server) -> Iterator[httpx.Client]:
    """A client of a server of each tier."""
    with tier.client() as client:
        yield client


def test_a_dockerfile_is_built_in_each_tier(any_api: httpx.Client) -> None:
    text = """\
FROM debian:12
USER user
ARG VERSION=1
ENV GREETING="hi there" LEVEL=$VERSION
WORKDIR /home/user/app
RUN echo "$GREETING $LEVEL" > ~/greeting; pwd; echo warned >&2
RUN ["sh", "-c", "echo exec form >> $HOME/greeting"]
RUN <<EOF
echo one >> ~/greeting
echo two >> ~/greeting
EOF
COPY <<EOF /home/user/app/conf
level=$LEVEL
EOF
"""
    blueprint = _good(
        any_api,
        text,
        build_args={"VERSION": "7", "OTHER": "x"},
        file_mounts={"~/mounted": "text"},
        system_setup_commands=["sudo cat ~/mounted > ~/set-up; echo $GREETING >> ~/set-up"],
    )
    log = _log(any_api, blueprint)
    (note,) = [line for line in log if "container engine" in line[1]]
    assert note[0] == "warn"
    assert "`debian:12`" in note[1]
    assert any("`OTHER`" in message for level, message in log if level == "warn")
    assert ("warn", "warned") in log
    said = _text(any_api, blueprint, "cat ~/greeting ~/app/conf ~/set-up; echo; echo $LEVEL-$GREETING")
    assert said == "hi there 7\nexec form\none\ntwo\nlevel=7\ntexthi there\n\n7-hi there\n"


def test_the_lines_of_a_log_have_times_and_come_while_it_builds(api: httpx.Client, name: str) -> None:
    gate = f"sleep {random.randrange(10**6, 10**9)}"
    text = f"FROM debian\nRUN echo begun {name}; {gate}; echo gone on\n"
    view = ok(api.post("/v1/blueprints", json={"name": name, "dockerfile": text}))
    while ("info", f"begun {name}") not in (lines := _log(api, view)):
        time.sleep(0.01)
    assert ("info", "gone on") not in lines
    assert ok(api.get(f"/v1/blueprints/{view['id']}"))["status"] == "building"
    os.kill(_process(gate), signal.SIGTERM)
    view = _ended(api, view)
    assert ("info", "gone on") in _log(api, view)
    times = [line["timestamp_ms"] for line in ok(api.get(f"/v1/blueprints/{view['id']}/logs"))["logs"]]
    assert times == sorted(times)
    assert view["create_time_ms"] <= times[0] <= times[-1] <= view["build_finish_time_ms"]


def _process(command: str) -> int:
    """Wait for a command to run, wherever on this machine, and return its process id."""
    wanted = [*command.encode().split(), b""]
    while True:
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if place.read_bytes().split(b"\0") == wanted:
                    return int(place.parent.name)
        time.sleep(0.01)


def test_an_unchanged_prefix_is_not_built_again(any_api: httpx.Client, name: str) -> None:
    text = f"FROM debian\nUSER user\nRUN date +%s%N > ~/{name}\nRUN echo a > ~/second\n"
    first = _good(any_api, text)
    assert _cached(any_api, first) == []
    again = _good(any_api, text)
    assert [line.split(": ")[1] for line in _cached(any_api, again)] == ["line 3", "line 4"]
    changed = _good(any_api, text.replace("echo a", "echo b"), system_setup_commands=["echo c > third"])
    assert [line.split(": ")[1] for line in _cached(any_api, changed)] == ["line 3"]
    read = f"cat ~/{name}"
    assert _text(any_api, first, read) == _text(any_api, again, read) == _text(any_api, changed, read)
    assert _text(any_api, changed, "cat ~/second ~/third") == "b\nc\n"


def test_layers_stay_as_long_as_a_blueprint_needs_them(any_api: httpx.Client, name: str) -> None:
    text = f"FROM debian\nUSER user\nRUN date +%s%N > ~/{name}\n"
    first, second = _good(any_api, text), _good(any_api, text)
    stamp = _text(any_api, first, f"cat ~/{name}")
    ok(any_api.post(f"/v1/blueprints/{first['id']}/delete"))
    assert _text(any_api, second, f"cat ~/{name}") == stamp
    ok(any_api.post(f"/v1/blueprints/{second['id']}/delete"))
    third = _good(any_api, text)
    assert _cached(any_api, third) == []
    assert _text(any_api, third, f"cat ~/{name}") != stamp


def test_equal_builds_at_the_same_moment_run_once(any_api: httpx.Client, name: str) -> None:
    text = f"FROM debian\nUSER user\nRUN sleep 0.3; date +%s%N > ~/{name}\nRUN cat ~/{name} > ~/second"
    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(lambda _: _good(any_api, text), range(4)))
    stamps = {_text(any_api, view, f"cat ~/{name}") for view in views}
    assert len(stamps) == 1
    assert sorted(len(_cached(any_api, view)) for view in views) == [0, 2, 2, 2]


def test_a_failing_command_is_shown_with_its_line_and_output(any_api: httpx.Client, name: str) -> None:
    text = "FROM debian\n\nRUN true\nRUN echo about to break; \\\n    no-such-tool\nRUN touch /never\n"
    words = ("line 4", "RUN echo about to break", "status 127", "about to break", "no-such-tool")
    _failed(any_api, text, *words)
    view = _built(any_api, text, name=name)
    assert [line.split(": ")[1] for line in _cached(any_api, view)] == ["line 3"]
    refused(any_api.post("/v1/devboxes", json={"blueprint_name": name}), 400, "invalid_request", name)


def test_a_write_outside_the_home_is_refused_by_the_kernel_where_there_is_no_root(
    tier: Server, any_api: httpx.Client, name: str
) -> None:
    text = f"FROM debian\nRUN echo x > /opt/{name}\n"
    if "own-root" in tier.ready["capabilities"]:
        assert _text(any_api, _good(any_api, text), f"cat /opt/{name}") == "x\n"
    else:
        _failed(any_api, text, "line 2", "Permission denied")
        _failed(any_api, f"FROM debian\nWORKDIR /opt/{name}\n", "line 2", "Permission denied")
    assert not Path(f"/opt/{name}").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM scratch\nRUN true", ["scratch", "an image"]),
        ("FROM debian\nRUNN true", ["line 2", "RUNN", "did you mean `RUN`"]),
        ("FROM debian\nCOPY a /b", ["line 2", "COPY a /b", "no build context", "`build_context`"]),
        ("FROM debian\nCOPY https://example.com/x /b", ["line 2", "expected: ADD"]),
        ("FROM debian\nRUN --mount=type=bind,target=/x true", ["line 2", "build context"]),
        ("FROM debian\nRUN --network=none true", ["line 2", "--network=none"]),
        ("FROM debian\nCOPY --from=debian /no/such /b", ["line 2", "/no/such"]),
        ("FROM debian\nUSER nobody-of-that-name\nRUN true", ["line 3", "nobody-of-that-name", "useradd"]),
        ('FROM debian\nRUN ["/no/such"]', ["line 2", "/no/such"]),
    ],
)
@pytest.mark.usefixtures("own_root")
def test_what_cannot_be_built_says_why_and_where(api: httpx.Client, text: str, words: list[str]) -> None:
    _failed(api, text, *words)


@pytest.mark.usefixtures("own_root")
def test_stages_stand_on_each_other_and_copy_from_each_other(api: httpx.Client, name: str) -> None:
    text = f"""\
FROM debian AS tools
RUN mkdir -p /out/bin/deep /out/'a b' && echo {name} > /out/bin/tool && chmod 750 /out/bin/tool \\
    && ln -s tool /out/bin/link && echo deep > /out/bin/deep/file && echo s > "/out/a b/spaced" \\
    && chown 7:8 /out/bin/deep/file
FROM debian AS unused
RUN exit 1
FROM tools AS more
RUN echo more >> /out/bin/tool
FROM debian
WORKDIR /app
COPY --from=more /out/bin/ bin
COPY --from=tools /out/bin/tool tool
COPY --from=0 --chown=1:2 --chmod=u=rwX,go= /out/bin/*l /out/bin/deep ./owned/
COPY --from=tools ["/out/a b/spaced", "/app/"]
COPY --from=debian /etc/hostname /app/
RUN --mount=from=tools,source=/out/bin,target=/bound --mount=from=more,source=/out/bin/tool,target=/one \\
    cat /bound/deep/file /one > seen
"""
    blueprint = _good(api, text)
    command = """cd /app
cat tool bin/tool bin/link bin/deep/file spaced seen
stat -c '%n %a %u:%g' bin/tool bin/deep/file owned/tool owned/file
readlink bin/link; ls hostname; test ! -e /bound"""
    assert _text(api, blueprint, command).split("\n") == [
        name, name, "more", name, "more", "deep", "s", "deep", name, "more",
        "bin/tool 750 0:0", "bin/deep/file 644 7:8", "owned/tool 700 1:2", "owned/file 600 1:2",
        "tool", "hostname", "",
    ]  # fmt: skip


@pytest.mark.usefixtures("own_root")
def test_commands_run_as_the_user_and_where_the_dockerfile_says(api: httpx.Client, name: str) -> None:
    text = f"""\
FROM debian
RUN useradd -m -u 4321 app && id -u > /who && echo $HOME >> /who
USER app
WORKDIR /srv/{name}
RUN id -un; echo $HOME $USER; pwd; touch mine
RUN <<EOF
#!/bin/bash
echo ${{BASH_VERSION:+bash}} $(id -u)
EOF
USER root
RUN --mount=type=cache,target=/root/.cache --mount=type=tmpfs,target=/usr/share/doc \\
    ls -A /usr/share/doc /root/.cache | wc -l; touch /root/.cache/x
ENV PATH=/opt/{name}:$PATH
COPY --chmod=755 <<EOF /opt/{name}/hello
#!/bin/sh
echo hello
EOF
"""
    blueprint = _good(api, text)
    said = [message for level, message in _log(api, blueprint) if level == "info"]
    for line in ("app", "/home/app app", f"/srv/{name}", "bash 4321"):
        assert line in said
    shown = _text(
        api, blueprint, f"cat /who; stat -c %U /srv/{name} /srv/{name}/mine; hello; test ! -e /root/.cache/x"
    )
    assert shown == "0\n/root\napp\napp\nhello\n"
    assert _text(api, blueprint, "ls /usr/share/doc | head -1") != ""


def test_a_blueprint_stands_on_an_earlier_one_by_name(any_api: httpx.Client, name: str) -> None:
    _good(any_api, "FROM debian\nENV LEVEL=1\nUSER user\nRUN echo base > ~/base", name=name)
    top = _good(any_api, f"FROM {name}\nENV LEVEL=$LEVEL-2\nRUN cat ~/base > ~/top; echo $LEVEL >> ~/top")
    assert not [line for line in _log(any_api, top) if "container engine" in line[1]]
    assert _text(any_api, top, "cat ~/top; echo $LEVEL") == "base\n1-2\n1-2\n"
    plain = _good(any_api, "RUN cat ~/base; pwd; echo $LEVEL", base_blueprint_name=name)
    assert ("info", "1") in _log(any_api, plain)
    failed = _built(any_api, "FROM debian", base_blueprint_name=name)
    assert "one of the two" in _log(any_api, failed)[-1][1]


def test_the_environment_holds_in_shells_in_entrypoints_and_after_a_snapshot(
    any_api: httpx.Client, name: str
) -> None:
    blueprint = _good(any_api, f"FROM debian\nENV NAME={name} OTHER=image")
    box = Box.create(any_api, blueprint_id=blueprint["id"], environment_variables={"OTHER": "own"})
    assert box.text("echo $NAME $OTHER") == f"{name} own\n"
    assert box.text("echo $NAME $OTHER", shell_name="one") == f"{name} own\n"
    snapshot = ok(box.post("snapshot_disk", {}))["id"]
    box.end()
    copy = Box.create(any_api, snapshot_id=snapshot)
    assert copy.text("echo $NAME $OTHER") == f"{name} image\n"
    copy.end()


def test_a_preview_shows_the_whole_dockerfile_and_builds_nothing(api: httpx.Client, name: str) -> None:
    request = {
        "name": name,
        "dockerfile": "FROM debian\nRUN true\n",
        "file_mounts": {"~/conf": "secret text"},
        "system_setup_commands": ["make it"],
    }
    answer = ok(api.post("/v1/blueprints/preview", json=request))
    lines = answer["dockerfile"].splitlines()
    assert lines[:2] == ["FROM debian", "RUN true"]
    assert lines[-1] == "RUN make it"
    assert "/home/user/conf" in answer["dockerfile"]
    assert ok(api.get(f"/v1/blueprints?name={name}"))["blueprints"] == []
    wrong = {"name": name, "dockerfile": "FROM debian\nRUNN true"}
    refused(api.post("/v1/blueprints/preview", json=wrong), 400, "invalid_request", "line 2", "RUNN")
    assert ok(api.post("/v1/blueprints/preview", json={"name": name}))["dockerfile"].startswith(
        "FROM runloop"
    )


def test_the_client_builds_and_previews(backend: Server, name: str) -> None:
    with Runloop(base_url=backend.base_url, api_key=backend.api_key) as runloop:
        shown = runloop.blueprint.preview(name=name, system_setup_commands=["true"])
        assert shown.dockerfile.endswith("RUN true\n")
        blueprint = runloop.blueprint.create(
            name=name, dockerfile="FROM debian\nARG A\nENV B=$A", build_args={"A": "x"}
        )
        with blueprint.create_devbox() as devbox:
            assert devbox.cmd.exec("echo $B").stdout() == "x\n"
        with pytest.raises(BlueprintFailedError, match="exit status 3"):
            runloop.blueprint.create(name=name, dockerfile="FROM debian\nRUN exit 3")
