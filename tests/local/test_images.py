"""Blueprints from the images of a container engine: a real one, and one that does what a test needs."""

from __future__ import annotations

import io
import json
import os
import shutil
import socketserver
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.dockerfile.config import Healthcheck
from pytest_runloop.local.images import config_of
from pytest_runloop.local.machine import STARTER, build_platform
from tests.support import container_engine, small_system
from tests.support.container_engine import ContainerEngine

from .box import Box, ok
from .builds import cached, failed, good, log, text
from .running import Server, server, start

_LABEL = "pytest-runloop.export"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of a small system with `sh` and no bash."""
    return small_system.archive(small_system.make(tmp_path_factory.mktemp("small") / "root"))


@pytest.fixture
def needs_own_root(backend: Server) -> None:
    """Skip where no image can be used."""
    if "own-root" not in backend.ready["capabilities"]:
        pytest.skip(f"the {backend.ready['isolation']} tier lacks `own-root`")


# With a real engine


@pytest.fixture(scope="session")
def docker() -> Iterator[ContainerEngine]:
    """A container engine that answers."""
    engine = container_engine.answering()
    if engine is None:
        pytest.skip("neither docker nor podman answers")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def image(docker: ContainerEngine, small: bytes) -> str:
    """An image with a configuration."""
    changes = [
        "ENV COLOR=blue",
        "ENV PATH=/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "WORKDIR /srv",
        "USER app",
        "LABEL a=b",
        'ENTRYPOINT ["cat"]',
    ]
    return docker.make(small, changes)


@pytest.fixture(scope="session")
def with_docker(docker: ContainerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that uses it."""
    variables = {"RUNLOOP_CONTAINER_ENGINE": docker.program}
    with server(tmp_path_factory.mktemp("state"), variables=variables) as running:
        yield running


@pytest.fixture
def images_api(with_docker: Server, needs_own_root: None) -> Iterator[httpx.Client]:
    """A client of that server."""
    with with_docker.client() as client:
        yield client


def test_from_an_image_is_that_image(images_api: httpx.Client, docker: ContainerEngine, image: str) -> None:
    blueprint = good(
        images_api,
        f"FROM {image}\nRUN id -u >/tmp/who; pwd >>/tmp/who; echo $COLOR >>/tmp/who\n",
        system_setup_commands=["sudo cat /marker >~/seen"],
        file_mounts={"~/mounted": "text"},
    )
    said = text(
        images_api,
        blueprint,
        "cat /tmp/who ~/seen /marker ~/mounted; echo; pwd; echo $COLOR $SHELL $PATH; ls -d /srv",
    )
    assert said == (
        "1234\n/srv\nblue\nof the image\nof the image\ntext\n/home/user\nblue /bin/sh /tools:"
        "/home/user/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/srv\n"
    )
    assert any(docker.program in line for _, line in log(images_api, blueprint))
    assert docker.containers(_LABEL) == []


def test_an_image_is_imported_once_whatever_stands_on_it(
    images_api: httpx.Client, docker: ContainerEngine, small: bytes
) -> None:
    image = docker.make(small)
    with ThreadPoolExecutor(4) as pool:
        views = list(
            pool.map(lambda number: good(images_api, f"FROM {image}\nRUN echo {number} >/n"), range(4))
        )
    imports = [line for view in views for _, line in log(images_api, view) if line.startswith("import ")]
    assert len(imports) == 1
    assert [text(images_api, view, "cat /n /marker") for view in views] == [
        f"{number}\nof the image\n" for number in range(4)
    ]


def test_stages_copy_from_an_image(images_api: httpx.Client, image: str) -> None:
    dockerfile = f"""\
FROM {image} AS build
USER root
RUN mkdir -p /out/deep && echo built >/out/deep/file && chown 7:8 /out/deep/file
FROM {image}
USER root
COPY --from=build /out/ /got/
COPY --from={image} /marker /renamed
RUN --mount=from=build,source=/out/deep,target=/bound cat /bound/file >/read
"""
    blueprint = good(images_api, dockerfile)
    command = "cat /got/deep/file /renamed /read; ls /bound 2>/dev/null || echo no"
    assert text(images_api, blueprint, command) == ("built\nof the image\nbuilt\nno\n")


def test_named_shells_and_snapshots_work_on_an_image(images_api: httpx.Client, image: str) -> None:
    blueprint = good(images_api, f"FROM {image}")
    box = Box.create(images_api, blueprint_id=blueprint["id"])
    assert box.text("cd /etc; A=x", shell_name="s") == ""
    assert box.text("pwd; echo $A-$COLOR", shell_name="s") == "/etc\nx-blue\n"
    assert box.text("-no 2>/dev/null || echo a command", shell_name="s") == "a command\n"
    box.text("echo kept >/kept")
    snapshot = ok(box.post("snapshot_disk", {}))["id"]
    ok(box.post("suspend"))
    box.wait("suspended")
    ok(box.post("resume"))
    box.wait("running")
    assert box.text("cat /kept /marker") == "kept\nof the image\n"
    box.end()
    copy = Box.create(images_api, snapshot_id=snapshot)
    assert copy.text("cat /kept /marker; echo $COLOR") == "kept\nof the image\nblue\n"
    copy.end()


def test_a_blueprint_stands_on_one_of_an_image(images_api: httpx.Client, image: str) -> None:
    name = f"bp-{uuid.uuid4().hex}"
    good(images_api, f"FROM {image}\nUSER root\nRUN echo low >/low", name=name)
    top = good(images_api, f"FROM {name}\nRUN cat /low /marker >/top")
    assert text(images_api, top, "cat /top") == "low\nof the image\n"


def test_an_unchanged_image_is_not_built_on_again(
    images_api: httpx.Client, docker: ContainerEngine, small: bytes
) -> None:
    image = docker.make(small)
    dockerfile = f"FROM {image}\nRUN echo x >/x\n"
    good(images_api, dockerfile)
    assert len(cached(images_api, good(images_api, dockerfile))) == 1
    docker.make(small, ["LABEL other=1"], name=image)
    assert cached(images_api, good(images_api, dockerfile)) == []


def test_an_image_without_tools_says_which_are_needed(
    images_api: httpx.Client, docker: ContainerEngine
) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("one"))
    image = docker.make(stream.getvalue())
    assert good(images_api, f"FROM {image}")
    failed(images_api, f"FROM {image}\nRUN true", "line 2", "/bin/sh")
    failed(images_api, f"FROM {image}\nCOPY <<E /a\nx\nE", "line 2", "`sh`", "`tar`")


def _member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, io.BytesIO]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, io.BytesIO(content)


def test_an_image_without_tools_can_be_copied_from(fake: Fake, fake_api: httpx.Client) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, content in (
            _member("tool", b"the tool", mode=0o4751, uid=7, gid=8),
            _member("link", type=tarfile.SYMTYPE, linkname="/tool"),
            _member("dir", type=tarfile.DIRTYPE, mode=0o711),
            _member("dir/a b", b"1", mode=0o600),
            _member("dir/hard", type=tarfile.LNKTYPE, linkname="tool", mode=0o4751, uid=7, gid=8),
            _member("dir/out", type=tarfile.SYMTYPE, linkname="../../../../../etc/hostname"),
        ):
            archive.addfile(member, content)
    bare = stream.getvalue()
    fake.describe("images/bare:1")
    fake.describe("images/small:1", Id="sha256:fedcba9876543210")
    (fake.directory / "root-sha256:0123456789abcdef.tar").write_bytes(bare)
    dockerfile = """\
FROM bare:1 AS stage
FROM small:1
COPY --from=bare:1 /tool /bin/
COPY --from=bare:1 /link /followed
COPY --from=stage /dir/ /got/
COPY --from=bare:1 --chmod=640 /di[r-z]/a* /to*l /many/
RUN --mount=from=bare:1,source=/dir,target=/bound cat "/bound/a b" >/read
RUN stat -c '%n %a' /bin/tool /followed /got "/got/a b" /got/hard /many/* >>/read; readlink /got/out >>/read
"""
    blueprint = good(fake_api, dockerfile)
    command = "cat /read /bin/tool /got/hard '/many/a b'"
    mode = "4751" if os.geteuid() == 0 else "751"
    assert text(fake_api, blueprint, command) == (
        f"1/bin/tool {mode}\n/followed {mode}\n/got 711\n/got/a b 600\n/got/hard {mode}\n"
        "/many/a b 640\n/many/tool 640\n../../../../../etc/hostname\nthe toolthe tool1"
    )
    lacking = "FROM small:1\nCOPY --from=bare:1 /tol /b"
    failed(fake_api, lacking, "line 2", "there is no `tol` to copy, did you mean `tool`?")
    # A link leads through the image's own root and nowhere else.
    failed(fake_api, "FROM small:1\nCOPY --from=bare:1 /dir/out /b", "line 2", "no `dir/out`")


def test_the_tools_of_busybox_are_enough(
    images_api: httpx.Client, docker: ContainerEngine, tmp_path: Path
) -> None:
    busybox = next(filter(_is_static, ("/bin/busybox", "/usr/bin/busybox")), None)
    if busybox is None:
        pytest.skip("no static busybox here")
    (tmp_path / "bin").mkdir()
    shutil.copy(busybox, tmp_path / "bin" / "busybox")
    for name in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if name != "busybox":
            (tmp_path / "bin" / name).symlink_to("busybox")
    image = docker.make(small_system.archive(tmp_path))
    dockerfile = f"""\
FROM {image} AS build
RUN mkdir -p /out/deep "/out/a b"; echo 1 >/out/deep/file; echo 2 >"/out/a b/g"; ln -s deep/file /out/link
FROM {image}
RUN mkdir -p /there/deep; chmod 711 /there/deep
COPY --from=build /out /there/
COPY --from=build --chown=7:8 --chmod=750 /out/deep/file /there/one
WORKDIR /made/deep/down
RUN --mount=from=build,source=/out/deep/file,target=/etc/one --mount=type=cache,target=/c \\
    cat /etc/one /there/link "/there/a b/g" >/read && stat -c '%n %a %u:%g' /there/deep /there/one >>/read
USER 5:6
RUN id -u >/tmp/who; id -g >>/tmp/who; pwd >>/tmp/who
"""
    blueprint = good(images_api, dockerfile)
    assert text(
        images_api, blueprint, "cat /read /tmp/who; sudo -u root id -u; ls /c 2>/dev/null || echo no"
    ) == ("1\n1\n2\n/there/deep 711 0:0\n/there/one 750 7:8\n5\n6\n/made/deep/down\n0\nno\n")


def _is_static(program: str) -> bool:
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return Path(program).exists() and "not a dynamic executable" in found.stderr


def test_a_reference_that_no_registry_has_is_an_error_with_its_line(images_api: httpx.Client) -> None:
    reference = f"localhost:1/{uuid.uuid4().hex}:9"
    message = failed(images_api, f"ARG A\nFROM {reference}\nRUN true", "line 2", reference, "cannot pull")
    assert "RUNLOOP_CONTAINER_ENGINE=none" in message
    failed(images_api, f"FROM {STARTER}\nCOPY --from={reference} /a /b", reference)


# With an engine of the tests' own


_FAKE = """\
#!/bin/sh
# What docker does, with files: `images/NAME` for inspect, `root.tar` for export.
cd "${0%/*}"
echo "$*" >>calls
[ ! -e down ] || { echo "Cannot connect to the daemon" >&2; exit 1; }
case $1 in
version) ;;
context) cat endpoint ;;
inspect)
    if [ "$2" = --type=image ]; then
        [ ! -e "images/$3" ] || { cat "images/$3"; exit; }
        echo "Error: No such image: $3" >&2
        exit 1
    fi
    cat leftovers ;;
pull)
    echo "fetching $2"
    [ -e can-pull ] || { echo "no route to registry" >&2; exit 1; }
    mv can-pull "images/$2" ;;
create)
    for image; do [ "$image" = /never-run ] || last=$image; done
    echo "$last" >container-$$; echo container-$$ ;;
export)
    root="root-$(cat "$2").tar"
    [ -e "$root" ] || root=root.tar
    cat "$root"; [ ! -e broken ] || { echo "export broke" >&2; exit 1; } ;;
ps) [ ! -e leftovers ] || echo old young ;;
rm) for name; do rm -f "$name"; done ;;
esac
"""


class Fake:
    """An engine that is a script."""

    def __init__(self, directory: Path, small: bytes) -> None:
        self.directory = directory
        (directory / "images").mkdir(parents=True)
        (directory / "docker").write_text(_FAKE)
        (directory / "docker").chmod(0o755)
        (directory / "root.tar").write_bytes(small)

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which it is found."""
        return {"PATH": f"{self.directory}:{os.environ['PATH']}", "RUNLOOP_CONTAINER_ENGINE": "docker"}

    def describe(self, where: str, **fields: Any) -> None:
        """Write what is shown of an image."""
        system, _, architecture = build_platform().partition("/")
        view = {"Id": "sha256:0123456789abcdef", "Os": system, "Architecture": architecture, **fields}
        (self.directory / where).write_text(json.dumps([view]))

    def calls(self, command: str) -> list[str]:
        """Return the calls of a command so far."""
        lines = (self.directory / "calls").read_text().splitlines()
        return [line for line in lines if line.split()[0] == command]

    def containers(self) -> list[str]:
        """Return the containers that there are."""
        return [path.name for path in self.directory.glob("container-*")]


@pytest.fixture
def fake(tmp_path: Path, small: bytes, needs_own_root: None) -> Fake:
    return Fake(tmp_path / "engine", small)


@pytest.fixture
def fake_api(fake: Fake, tmp_path: Path) -> Iterator[httpx.Client]:
    with server(tmp_path / "state", variables=fake.variables) as running, running.client() as client:
        yield client


def test_an_image_that_is_not_here_is_pulled(fake: Fake, fake_api: httpx.Client) -> None:
    failed(fake_api, "FROM tool:1", "line 1", "`tool:1`", "docker cannot pull it", "no route to registry")
    fake.describe("can-pull")
    blueprint = good(fake_api, "FROM tool:1\nRUN cat /marker")
    assert ("info", "of the image") in log(fake_api, blueprint)
    assert len(fake.calls("pull")) == 2
    good(fake_api, "FROM tool:1\nRUN cat /marker")
    assert len(fake.calls("pull")) == 2
    assert len(fake.calls("export")) == 1


def test_an_export_that_breaks_leaves_no_layer_and_no_container(fake: Fake, fake_api: httpx.Client) -> None:
    fake.describe("images/tool:1")
    (fake.directory / "broken").touch()
    failed(fake_api, "FROM tool:1", "line 1", "cannot write out", "export broke")
    assert fake.containers() == []
    (fake.directory / "broken").unlink()
    good(fake_api, "FROM tool:1")
    assert fake.containers() == []
    (create, _) = fake.calls("create")
    assert "--network=none" in create
    assert f"--label={_LABEL}=" in create


def test_containers_of_dead_servers_are_removed_and_those_of_living_ones_stay(
    fake: Fake, fake_api: httpx.Client, tmp_path: Path
) -> None:
    fake.describe("images/tool:1")
    (living,) = [path.name for path in (tmp_path / "state" / "servers").iterdir() if path.is_dir()]
    views = [
        {"Id": "container-old", "Config": {"Labels": {"pytest-runloop.server": "dead"}}},
        {"Id": "container-young", "Config": {"Labels": {"pytest-runloop.server": living}}},
    ]
    (fake.directory / "leftovers").write_text(json.dumps(views))
    for view in views:
        (fake.directory / str(view["Id"])).touch()
    good(fake_api, "FROM tool:1")
    assert fake.containers() == ["container-young"]


class _Daemon(BaseHTTPRequestHandler):
    """Answers for images as docker's daemon does, from the files of `Fake`."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Socket)
        server.asked.append(self.path)
        image = server.directory / "images" / self.path.removeprefix("/images/").removesuffix("/json")
        self.send_response(200 if image.exists() else 404)
        self.end_headers()
        self.wfile.write(json.dumps(json.loads(image.read_text())[0]).encode() if image.exists() else b"{}")

    def address_string(self) -> str:
        return "somebody"

    def log_message(self, *_: object) -> None:
        """Nothing: standard error belongs to the tests."""


class _Socket(socketserver.ThreadingUnixStreamServer):
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[str] = []
        super().__init__(str(directory / "socket"), _Daemon)


def test_a_known_daemon_is_asked_itself_each_time(fake: Fake, fake_api: httpx.Client) -> None:
    fake.describe("images/tool:1")
    place = os.path.relpath(fake.directory / "socket")
    with _Socket(fake.directory) as daemon, ThreadPoolExecutor(1) as pool:
        pool.submit(daemon.serve_forever)
        (fake.directory / "endpoint").write_text(f"unix://{place}\n")
        dockerfile = "FROM tool:1\nRUN true"
        good(fake_api, dockerfile)
        assert (len(fake.calls("inspect")), daemon.asked) == (1, [])
        assert cached(fake_api, good(fake_api, dockerfile)) != []
        assert (len(fake.calls("inspect")), daemon.asked) == (1, ["/images/tool:1/json"])
        fake.describe("images/tool:1", Id="sha256:fedcba9876543210")
        assert cached(fake_api, good(fake_api, dockerfile)) == []
        failed(fake_api, "FROM none:1", "no route to registry")
        assert len(fake.calls("inspect")) == 1
        daemon.shutdown()
    (fake.directory / "socket").unlink()
    assert cached(fake_api, good(fake_api, dockerfile)) != []
    assert len(fake.calls("inspect")) == 2


def test_an_image_for_another_machine_is_an_error(fake: Fake, fake_api: httpx.Client) -> None:
    fake.describe("images/tool:1", Architecture="s390x")
    failed(fake_api, "FROM tool:1", "line 1", "linux/s390x", build_platform())


def test_an_archive_that_leads_out_fails_the_build(fake: Fake, fake_api: httpx.Client) -> None:
    fake.describe("images/tool:1")
    (fake.directory / "root.tar").write_bytes(b"no archive" * 1000)
    failed(fake_api, "FROM tool:1", "refused")
    assert fake.containers() == []


def test_without_an_engine_that_answers_the_machines_system_stands_for_images(
    fake: Fake, fake_api: httpx.Client
) -> None:
    (fake.directory / "down").touch()
    blueprint = good(fake_api, "FROM tool:1\nRUN true")
    (warning,) = [line for level, line in log(fake_api, blueprint) if level == "warn"]
    for words in ("no container engine answers", "Cannot connect to the daemon", "stands for `tool:1`"):
        assert words in warning


def test_the_tier_without_a_root_says_that_the_machines_system_stands_for_images(
    fake: Fake, tmp_path: Path
) -> None:
    fake.describe("images/tool:1")
    variables = fake.variables
    process = server(tmp_path / "process", isolation="process", variables=variables)
    with process as running, running.client() as api:
        blueprint = good(api, "FROM tool:1\nRUN true")
        (warning,) = [line for level, line in log(api, blueprint) if level == "warn"]
    assert "the isolation tier `process` cannot use the images" in warning
    assert "stands for `tool:1`" in warning
    assert not (fake.directory / "calls").exists()


def test_an_engine_of_an_unknown_name_is_an_error(fake: Fake, tmp_path: Path) -> None:
    variables = {**fake.variables, "RUNLOOP_CONTAINER_ENGINE": "dokcer"}
    with server(tmp_path / "state", variables=variables) as running, running.client() as api:
        failed(api, "FROM tool:1", "RUNLOOP_CONTAINER_ENGINE", "`dokcer`", "docker, podman or none")


def test_a_container_goes_when_the_server_is_asked_to_end_during_an_export(
    fake: Fake, tmp_path: Path
) -> None:
    fake.describe("images/tool:1")
    (fake.directory / "root.tar").unlink()
    os.mkfifo(fake.directory / "root.tar")
    running = start(tmp_path / "state", variables=fake.variables)
    with running.client() as api:
        ok(api.post("/v1/blueprints", json={"name": "x", "dockerfile": "FROM tool:1"}))
    while not fake.containers():
        time.sleep(0.01)
    assert running.end() == 0
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert fake.containers() == []


# The configuration


def test_the_configuration_of_an_image_is_read() -> None:
    view = {
        "Author": "somebody",
        "Config": {
            "Env": ["A=1", "B=x=y", "PATH=/p"],
            "WorkingDir": "/w",
            "User": "u:g",
            "Shell": ["/bin/bash", "-c"],
            "Entrypoint": ["e"],
            "Cmd": ["c", "d"],
            "Labels": {"l": "m"},
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/v": {}},
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000, "Retries": 3},
            "StopSignal": "SIGINT",
            "OnBuild": ["RUN true"],
        },
    }
    config = config_of(view)
    assert config.environment == {"A": "1", "B": "x=y", "PATH": "/p"}
    assert (config.working_dir, config.user, config.shell) == ("/w", "u:g", ("/bin/bash", "-c"))
    assert (config.entrypoint, config.command) == (("e",), ("c", "d"))
    assert (config.labels, config.exposed_ports, config.volumes) == ({"l": "m"}, ("80/tcp",), ("/v",))
    assert config.healthcheck == Healthcheck(("CMD", "true"), interval=5.0, retries=3)
    assert (config.stop_signal, config.author, config.onbuild) == ("SIGINT", "somebody", ("RUN true",))


@pytest.mark.parametrize("config", [None, {}, {"Env": None, "Cmd": None, "WorkingDir": "", "Labels": None}])
def test_an_image_without_a_configuration_has_dockers_defaults(config: Any) -> None:
    read = config_of({"Config": config})
    assert (read.environment, read.working_dir, read.user) == ({}, "/", "")
    assert (read.shell, read.entrypoint, read.command) == (("/bin/sh", "-c"), None, None)
