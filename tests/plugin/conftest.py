"""Suites, and a service for those that do not need a local backend of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .service import Remote, Service, service
from .suite import Suite


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory of one's own. Its path is short: sockets lie below it."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        yield Path(folder)


@pytest.fixture
def suite(pytester: pytest.Pytester, state: Path) -> Iterator[Suite]:
    """A suite that runs on a local backend; nothing may be left of it."""
    made = Suite(pytester, state)
    yield made
    made.nothing_is_left()


@pytest.fixture(scope="session")
def running_service() -> Iterator[Service]:
    """A service for all tests of this process."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, service(Path(folder)) as running:
        yield running


@pytest.fixture
def remote(suite: Suite, running_service: Service) -> Iterator[Remote]:
    """A suite that runs on a service which outlives it; no devbox may be left there."""
    made = Remote(suite, running_service)
    yield made
    assert running_service.living(made.name) == []
