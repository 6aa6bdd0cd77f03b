"""What becomes of a devbox whose holder died, when somebody else gets its slot."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop.session import settings
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.kept import Keep
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.run import Run
from tests.plugin.stub_api import Asked, Said, stub
from tests.support.config import Config


@pytest.mark.parametrize("kept", [True, False])
def test_it_is_ended_unless_it_was_to_outlive_the_run(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(asked: Asked) -> Said:
        return Said({"id": "dbx_1", "status": "shutdown", "create_time_ms": 1})

    with stub(answer) as service:
        monkeypatch.setenv("RUNLOOP_BASE_URL", service.base_url)
        monkeypatch.setenv("RUNLOOP_API_KEY", "ak_of_this_test")
        run = Run(settings.without_config())
        config: Any = Config()
        devboxes = Devboxes(run, Patience(config, run))
        entry = run.ledger.intend("test_it")
        run.ledger.complete(entry, "dbx_1")
        if kept:
            run.kept.add(Keep("dbx_1", entry.key, "test_it", "it failed", 0, None))
        devboxes.end_stale(entry)
        assert list(run.ledger) == []
        devboxes.close()
        run.close(keep=False)
    shutdowns = [line for line in service.lines() if "/shutdown" in line]
    assert len(shutdowns) == (not kept), service.lines()
