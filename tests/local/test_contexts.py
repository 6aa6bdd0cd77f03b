"""Build contexts: what COPY and ADD take from storage objects."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop import Runloop

from .box import ok, refused
from .builds import cached, failed, good, log, text
from .running import Server
from .storing import archive, member, stored
from .test_builds import any_api, tier

__all__ = ["any_api", "tier"]

LINK = tarfile.SYMTYPE


def context(api: httpx.Client, *members: Any) -> dict[str, str]:
    """Store a build context."""
    return {"object_id": stored(api, archive(*members), "tgz"), "type": "object"}


def test_files_are_copied_in_each_tier(any_api: httpx.Client) -> None:
    app = context(
        any_api,
        member("app/run.sh", b"#!/bin/sh\necho ran\n", mode=0o755),
        member("app/data/one.txt", b"1\n"),
        member("app/data/two.txt", b"2\n"),
        member("app/data/three.log", b"3\n"),
        member("app/current", type=LINK, linkname="data/one.txt"),
        member("notes.md", b"notes\n"),
        member("a b", b"spaced\n"),
    )
    dockerfile = """\
FROM debian
WORKDIR /home/user
COPY app ./app
COPY app/data/*.txt ./texts/
COPY notes.md renamed.md
COPY ["a b", "spaced"]
COPY --link --chmod=700 notes.md made/for/it/
COPY --exclude=*.log app/data ./excluded
COPY --parents app/./data/one.txt ./parents/
RUN --mount=type=bind,source=app,target=/home/user/bound cat bound/data/two.txt > from-mount
RUN ./app/run.sh > ran
"""
    blueprint = good(any_api, dockerfile, build_context=app)
    command = (
        "cat ran from-mount renamed.md spaced made/for/it/notes.md app/current;"
        " ls texts excluded parents/data; readlink app/current; stat -c %a made/for/it/notes.md; ls"
    )
    assert text(any_api, blueprint, command).split() == [
        *["ran", "2", "notes", "spaced", "notes", "1"],
        *["excluded:", "one.txt", "two.txt", "parents/data:", "one.txt", "texts:", "one.txt", "two.txt"],
        *["data/one.txt", "700"],
        *["app", "excluded", "from-mount", "made", "parents", "ran", "renamed.md", "spaced", "texts"],
    ]


@pytest.mark.usefixtures("own_root")
def test_owners_and_modes_are_those_that_were_asked_for(api: httpx.Client) -> None:
    files = context(
        api,
        member("d", type=tarfile.DIRTYPE, mode=0o750),
        member("d/file", b"x", mode=0o640, uid=1234, gid=1234),
        member("d/script", b"x", mode=0o755),
    )
    dockerfile = """\
FROM debian
RUN mkdir -m 701 /there
COPY d /new
COPY d /there
COPY --chown=7:8 d /owned
COPY --chmod=u=rwX,go= d /moded
"""
    blueprint = good(api, dockerfile, build_context=files)
    shown = text(api, blueprint, "stat -c '%n %a %u:%g' /new /new/* /there /owned /owned/file /moded/*")
    assert shown.splitlines() == [
        "/new 750 0:0",
        "/new/file 640 0:0",
        "/new/script 755 0:0",
        "/there 701 0:0",
        "/owned 750 7:8",
        "/owned/file 640 7:8",
        "/moded/file 600 0:0",
        "/moded/script 700 0:0",
    ]


def test_add_unpacks_an_archive_that_it_names_and_no_other(any_api: httpx.Client) -> None:
    inner = archive(member("deep/unpacked", b"yes\n"), mode="w:xz")
    files = context(any_api, member("a.bin", inner), member("d/inner.tar.xz", inner), member("plain", b"p\n"))
    dockerfile = """\
FROM debian
WORKDIR /home/user
ADD a.bin unpacked
ADD --unpack=false a.bin kept
COPY a.bin copied
ADD d directory
ADD a.bin plain both/
"""
    blueprint = good(any_api, dockerfile, build_context=files)
    command = "cat unpacked/deep/unpacked both/deep/unpacked both/plain; cmp kept copied && ls directory both"
    assert text(any_api, blueprint, command).split() == [
        *["yes", "yes", "p", "both:", "deep", "plain", "directory:", "inner.tar.xz"],
    ]


def test_what_is_ignored_does_not_exist(any_api: httpx.Client) -> None:
    files = context(
        any_api,
        member(".dockerignore", b"# comment\n*.log\n!kept.log\nsecret\n"),
        member("a.log"),
        member("kept.log"),
        member("secret/key", b"k"),
        member("file"),
    )
    blueprint = good(any_api, "FROM debian\nCOPY . /home/user/all\n", build_context=files)
    assert text(any_api, blueprint, "ls -A all").split() == [".dockerignore", "file", "kept.log"]
    dockerfile = "FROM debian\nRUN true\nCOPY secret/key /home/user/x\n"
    failed(any_api, dockerfile, "line 3", "secret", "line 4 of .dockerignore", build_context=files)


def test_named_contexts_are_copied_from_and_go_before_stages(any_api: httpx.Client) -> None:
    one, two = (context(any_api, member("file", content)) for content in (b"1\n", b"2\n"))
    dockerfile = """\
FROM debian AS two
FROM debian
USER user
COPY --from=one file /home/user/one
COPY --from=two file /home/user/two
RUN --mount=type=bind,from=one,target=/home/user/bound cat ~/bound/file ~/one ~/two > ~/all
"""
    blueprint = good(any_api, dockerfile, named_build_contexts={"one": one, "two": two})
    assert text(any_api, blueprint, "cat all") == "1\n1\n2\n"
    dockerfile = "FROM one\nRUN true\n"
    failed(any_api, dockerfile, "line 1", "build context", named_build_contexts={"one": one})


def test_what_is_unchanged_is_not_built_again(any_api: httpx.Client) -> None:
    dockerfile = "FROM debian\nCOPY kept /home/user/kept\nCOPY changing /home/user/changing\nRUN true\n"

    def lines(**fields: Any) -> int:
        files = context(any_api, member("kept", b"1"), member("unused", b"1"), member("changing", b"1"))
        first = good(any_api, dockerfile, build_context=files)
        again = [member("kept", b"1", mtime=5, uid=9), member("unused", b"2")]
        files = context(any_api, *again, member("changing", **fields))
        second = good(any_api, dockerfile, build_context=files)
        assert text(any_api, second, "cat kept changing") == f"1{fields['content'].decode()}"
        assert len(cached(any_api, first)) in (0, 3)
        return len(cached(any_api, second))

    assert lines(content=b"1") == 3
    assert lines(content=b"2") == 1
    assert lines(content=b"1", mode=0o600) == 1


def test_links_of_a_context_do_not_lead_out_of_it(any_api: httpx.Client, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the machine")
    files = context(
        any_api,
        member("absolute", type=LINK, linkname=str(secret)),
        member("climbing", type=LINK, linkname="../" * 30 + str(secret).lstrip("/")),
        member("root", type=LINK, linkname="/"),
        member("d/inside", type=LINK, linkname="/file"),
        member("file", b"of the context"),
    )
    for source in ("absolute", "climbing", f"root{secret}"):
        dockerfile = f"FROM debian\nCOPY {source} /home/user/x\n"
        failed(any_api, dockerfile, "line 2", f"no `{source}` to copy", build_context=files)
    blueprint = good(any_api, "FROM debian\nCOPY d/inside /home/user/x\n", build_context=files)
    assert text(any_api, blueprint, "cat x") == "of the context"


def test_a_missing_file_fails_the_build_with_the_line_and_the_nearest_name(any_api: httpx.Client) -> None:
    files = context(any_api, member("requirements.txt", b""))
    dockerfile = "FROM debian\n\nRUN echo never\nCOPY requirement.txt /home/user/\n"
    message = failed(any_api, dockerfile, "line 4", "did you mean `requirements.txt`", build_context=files)
    assert "COPY requirement.txt" in message


def test_what_is_no_archive_is_no_context(any_api: httpx.Client) -> None:
    for content in (b"text", archive(member("../out", b"x"))):
        files = {"object_id": stored(any_api, content, "tgz"), "type": "object"}
        dockerfile = "FROM debian\nCOPY . /home/user/x\n"
        failed(any_api, dockerfile, files["object_id"], "upload_from_dir", build_context=files)


def test_a_deleted_context_is_refused(any_api: httpx.Client) -> None:
    files = context(any_api, member("file", b"x"))
    ok(any_api.post(f"/v1/objects/{files['object_id']}/delete"))
    body = {"name": "x", "dockerfile": "FROM debian", "build_context": files}
    refused(any_api.post("/v1/blueprints", json=body), 400, "invalid_request", "deleted")


def test_a_few_contexts_stay_unpacked_for_further_builds_and_nothing_else(
    tier: Server, any_api: httpx.Client
) -> None:
    line = Path(f"/proc/{tier.process.pid}/cmdline").read_text().split("\0")
    servers = Path(line[line.index("--state-dir") + 1]) / "servers"
    for number in range(6):
        files = context(
            any_api,
            member("d", type=tarfile.DIRTYPE, mode=0o000),
            member("d/file", f"{number}".encode(), mode=0),
        )
        for name in ("a", "b"):
            dockerfile = f"FROM debian\nCOPY --chmod=644 d/file /home/user/{name}\n"
            good(any_api, dockerfile, build_context=files)
    broken = {"object_id": stored(any_api, b"no archive", "tgz"), "type": "object"}
    failed(any_api, "FROM debian", "upload_from_dir", build_context=broken)
    left = {path.name.split("-")[0] for path in servers.glob("*/*-*")}
    assert (left, len(list(servers.glob("*/context-*")))) == ({"context"}, 4)


def test_our_client_builds_from_a_directory(tier: Server, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('built from a directory')\n")
    with Runloop(tier.base_url, tier.api_key) as runloop:
        files = runloop.storage_object.upload_from_dir(tmp_path)
        blueprint = runloop.blueprint.create(
            name="from-directory",
            dockerfile="FROM debian\nCOPY app /home/user/app\n",
            build_context=files.as_build_context(),
        )
        devbox = blueprint.create_devbox()
        try:
            assert devbox.cmd.exec("python3 app/main.py").stdout() == "built from a directory\n"
        finally:
            devbox.shutdown()
        with tier.client() as api:
            assert ("info", "the build is complete") in log(api, {"id": blueprint.id})


def test_setup_and_files_come_after_the_dockerfile_as_the_user(any_api: httpx.Client) -> None:
    files = context(any_api, member("file", b"from the context\n"))
    blueprint = good(
        any_api,
        "FROM debian\nCOPY file /home/user/file\nUSER root\nWORKDIR /tmp\n",
        build_context=files,
        file_mounts={"~/mounted": "mounted\n"},
        system_setup_commands=[
            "cat file mounted > both; basename $PWD > where",
            "sudo sh -c 'echo as $(id -u) >> both'; echo set up",
        ],
    )
    assert ("info", "set up") in log(any_api, blueprint)
    shown = text(any_api, blueprint, "cat both; [ $(cat where) = $(basename ~) ] && echo home")
    assert shown.splitlines()[:2] == ["from the context", "mounted"]
    assert shown.splitlines()[2].startswith("as ")
    assert shown.splitlines()[3] == "home"
    above = good(any_api, None, base_blueprint_id=blueprint["id"], system_setup_commands=["cat both >> more"])
    assert text(any_api, above, "head -n1 more") == "from the context\n"
    name = above["name"]
    newer = good(
        any_api, "RUN true\nCOPY file /home/user/again\n", base_blueprint_name=name, build_context=files
    )
    assert text(any_api, newer, "cat again; head -n1 more") == "from the context\n" * 2
