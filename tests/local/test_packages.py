"""Packages installed in builds, by this machine's package managers, from indexes that the builds make."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import httpx
import pytest

from tests.support.packages import APT
from tests.support.tiers import need

from .builds import good, log, text
from .running import Server, server

_WHEEL = r"""RUN <<EOF
python3 - <<END
import os, zipfile
home = os.path.expanduser("~/index/tinywheel")
os.makedirs(home)
about = "tinywheel-1.0.dist-info/"
files = {
    "tinywheel.py": "SAID = 'from a wheel'\n",
    about + "METADATA": "Metadata-Version: 2.1\nName: tinywheel\nVersion: 1.0\n",
    about + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[about + "RECORD"] = "".join(name + ",,\n" for name in [*files, about + "RECORD"])
with zipfile.ZipFile(home + "/tinywheel-1.0-py3-none-any.whl", "w") as wheel:
    for name, content in files.items():
        wheel.writestr(name, content)
open(home + "/index.html", "w").write("<a href='tinywheel-1.0-py3-none-any.whl'>tinywheel</a>")
END
EOF
"""
_NPM = r"""RUN <<EOF
set -e
mkdir -p ~/package ~/app
cd ~/package
echo '{"name": "tinypack", "version": "1.0.0", "main": "index.js"}' >package.json
echo 'module.exports = "from a tarball"' >index.js
npm pack --silent
EOF
RUN cd ~/app && npm install --offline --no-audit --no-fund --no-update-notifier ~/package/tinypack-1.0.0.tgz
"""


@pytest.fixture(scope="module", params=["namespace", "landlock", "process"])
def tier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of each tier that can be had here."""
    state = tmp_path_factory.mktemp("state")
    need(request.param, state)
    with server(state, isolation=request.param) as running:
        yield running


@pytest.fixture
def any_api(tier: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with tier.client() as client:
        yield client


@pytest.mark.usefixtures("own_root")
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt-get")
def test_a_debian_package_is_installed_in_a_build(api: httpx.Client) -> None:
    blueprint = good(api, f"FROM debian\nRUN <<EOF\n{APT}EOF\n")
    said = text(api, blueprint, "tiny-of-the-test; ls -d /var/lib/tiny; dpkg -s tiny-of-the-test | head -2")
    assert said.splitlines() == [
        "from a package", "/var/lib/tiny", "Package: tiny-of-the-test", "Status: install ok installed"
    ]  # fmt: skip


def test_a_wheel_is_installed_in_a_build(any_api: httpx.Client) -> None:
    # From this index alone, whatever the machine's settings name.
    install = 'PIP_CONFIG_FILE=/dev/null pip install -q --index-url "file://$HOME/index" --no-deps'
    dockerfile = f"FROM debian\nUSER user\n{_WHEEL}RUN {install} --target ~/plain tinywheel\n"
    blueprint = good(any_api, dockerfile)
    command = "PYTHONPATH=~/plain python3 -c 'import tinywheel; print(tinywheel.SAID)'"
    assert text(any_api, blueprint, command) == "from a wheel\n"


@pytest.mark.skipif(shutil.which("npm") is None, reason="this machine has no npm")
def test_an_npm_package_is_installed_in_a_build(any_api: httpx.Client) -> None:
    blueprint = good(any_api, f"FROM debian\nUSER user\n{_NPM}")
    assert any("added 1 package" in line for _, line in log(any_api, blueprint))
    assert text(any_api, blueprint, "cd ~/app && node -p 'require(\"tinypack\")'") == "from a tarball\n"
