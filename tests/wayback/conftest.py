"""Devboxes to go into, in the best tier that this machine has and in the one that most have."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_runloop import Devbox
from tests.plugin.service import Service, service
from tests.support.tiers import need


@pytest.fixture(scope="session")
def services() -> Iterator[Callable[[str], Service]]:
    """Services by their isolation, each started once."""
    running: dict[str, Service] = {}
    with contextlib.ExitStack() as stack:

        def started(tier: str) -> Service:
            if tier not in running:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rl-")))
                if tier != "auto":
                    need(tier, folder)
                running[tier] = stack.enter_context(service(folder, "--isolation", tier))
            return running[tier]

        yield started


@pytest.fixture
def there(services: Callable[[str], Service], monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that the commands of a test find."""
    running = services("auto")
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def devbox(there: Service) -> Iterator[Devbox]:
    """A devbox in it."""
    made = there.client.devbox.create()
    yield made
    made.shutdown()
