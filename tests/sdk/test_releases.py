"""Three releases of the official SDK call every endpoint that they have, with both of their clients."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.local.handlers import HANDLERS
from pytest_runloop.local.routing import Routes
from tests.local.gits import bare, commit
from tests.local.hasty import hasty_server
from tests.local.running import Server

from . import known
from .releases import RELEASES, NotInstallableError, python_of

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that holds no request for long, with faults."""
    with hasty_server(tmp_path / "state", "seed=1") as running:
        yield running


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """Each release."""
    return str(request.param)


@pytest.fixture
def python(release: str) -> Path:
    """The Python of the release's environment."""
    try:
        return python_of(release)
    except NotInstallableError as error:
        pytest.skip(f"runloop_api_client {release} cannot be installed: {error}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository."""
    commit(tmp_path / "work", {"package.json": '{"name": "app"}'})
    return bare(tmp_path / "work", tmp_path / "team" / "app.git")


def test_a_release_calls_every_endpoint_that_it_has(
    release: str, python: Path, server: Server, repository: Path
) -> None:
    declared = {known.key(endpoint) for endpoint in ALL}
    told = {
        "base_url": server.base_url,
        "api_key": server.api_key,
        "endpoints": sorted(declared),
        "repository": str(repository),
    }
    done = subprocess.run(
        # The SDK's own warnings are not the question.
        [python, "-W", "ignore", "-m", "tests.sdk.steps"],
        cwd=ROOT,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    routes = Routes(HANDLERS)
    for requests in json.loads(done.stdout):
        for sent in (requests["steps"], requests["all"]):
            called = {known.key(routes.match(verb, path).endpoint) for verb, path in sent}
            assert called == declared & known.endpoints(release)
