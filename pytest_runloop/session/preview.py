"""What a run of pytest here would use, without running it.

Only pytest itself knows which ini file holds and what it says, so a pytest is started that ends as soon as it
has read its options: after the conftest files, and before the first test is looked for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Literal

import pytest

from . import options
from .choice import KEY, choose, refuse_what_the_cloud_lacks
from .settings import Settings, resolve, without_config

_SECONDS = 30.0
_LONGEST = 300  # characters of what pytest says
_PROGRAM = "import sys; from pytest_runloop.session.preview import answer; answer(int(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would use.

    :param backend: `cloud` or `local`.
    :param why: the reason, as a clause.
    :param api_key_set: whether the environment holds a key of Runloop's cloud.
    :param base_url: the server that is named in place of Runloop's own.
    :param isolation: what is asked of the local backend: `auto` or a tier.
    :param isolation_from: who asks for it.
    :param problem: why there would be no run, or why pytest could not be asked; else empty.
    """

    backend: Literal["cloud", "local"]
    why: str
    api_key_set: bool
    base_url: str | None
    isolation: str
    isolation_from: str
    problem: str = ""


def preview() -> Preview:
    """Return what a run in the working directory would use.

    Where pytest cannot say, `problem` tells why, and the rest is what the environment says.
    """
    reading, writing = os.pipe()
    try:
        said = _ask(writing)
    finally:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            given = pipe.read()
    try:
        return Preview(**json.loads(given))
    except (ValueError, TypeError):
        return _of_environment(said)


def _ask(writing: int) -> str:
    """Start such a pytest, and return the last of what it said."""
    command = [sys.executable, "-P", "-B", "-c", _PROGRAM, str(writing)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=_SECONDS)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"pytest did not read its options within {_SECONDS:.0f} s"
    return _point(said) or f"pytest ended with status {process.returncode}"


def _point(said: str) -> str:
    """Return the line that matters of what pytest says when it cannot start."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    point = (errors or lines or [""])[-1]
    for mark in ("ERROR: ", "E  ", "pytest.main(): error: "):
        point = point.removeprefix(mark)
    return point.strip()[:_LONGEST]


def _of_environment(problem: str) -> Preview:
    try:
        return _preview(without_config(), problem)
    except pytest.UsageError as error:
        key = bool(os.environ.get(KEY))
        return Preview("local", "nothing else can be read", key, None, "auto", "the default", str(error))


def _preview(settings: Settings, problem: str = "") -> Preview:
    choice = choose(settings)
    return Preview(
        choice.kind,
        choice.why,
        bool(os.environ.get(KEY)),
        settings[options.BASE_URL],
        settings[options.ISOLATION],
        settings.origin(options.ISOLATION),
        problem,
    )


class _Asker:
    """A plugin that has pytest end once it has read its options."""

    found: Preview | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        settings = resolve(config)
        refuse_what_the_cloud_lacks(settings)
        self.found = _preview(settings)
        return 0


def answer(descriptor: int) -> None:
    """Be the pytest that is asked, in a process of its own.

    :param descriptor: takes the answer as JSON.
    """
    asker = _Asker()
    # We were imported before the plugin was, so that pytest cannot rewrite it. It need not.
    status = pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning"], plugins=[asker])
    if asker.found is None:
        sys.exit(int(status) or 1)
    os.write(descriptor, json.dumps(asdict(asker.found)).encode())
