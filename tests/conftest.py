"""What holds for all tests: state of their own, and an environment without the developer's settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpcore  # noqa: F401 (httpx loads it late and keeps its classes; an inner run must not be the first to)
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

INNER_OPTIONS = "-p no:schemathesis -p no:hypothesispytest -p no:randomly -p no:anyio"
"""Inner runs have settings of their own; these plugins cost each of them time, or shuffle its tests.

That of anyio imports every event loop that is installed; `-p anyio` brings it back where it is the question.
"""

# A busy machine is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell makes what it starts in the background deaf to interrupts, which the inner runs would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's state directory, keys and addresses out of the tests, and xdist out of inner runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            # Where CI says so, pytest prints its summary in full length.
            if name in ("CI", "BUILD_NUMBER", "GITHUB_STEP_SUMMARY") or name.startswith(
                ("RUNLOOP_", "PYTEST_XDIST_")
            ):
                patch.delenv(name)
        # What FROM stands for must not depend on what else this machine has; tests of images ask for them.
        patch.setenv("RUNLOOP_CONTAINER_ENGINE", "none")
        patch.setenv("PYTEST_ADDOPTS", INNER_OPTIONS)
        patch.setenv("RUNLOOP_STATE_DIR", str(tmp_path_factory.mktemp("runloop-state")))
        yield


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The pytester of pytest, which would take the options away."""
    monkeypatch.setenv("PYTEST_ADDOPTS", INNER_OPTIONS)
    return pytester
