"""Says so when a devbox takes long, where somebody can see it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from .run import Run, notices_in

SECONDS = 5.0


class Patience:
    """Speaks up during long boots.

    :param config: of the process that boots.
    :param run: where an xdist worker, which has no terminal, leaves a line for the controller.
    """

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run

    @contextlib.contextmanager
    def announced(self, test: str) -> Iterator[None]:
        """Write a line if the body takes longer than a few seconds."""
        timer = threading.Timer(SECONDS, self.speak, [f"runloop: still booting a devbox for {test} ..."])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def speak(self, line: str) -> None:
        """Write a line where somebody can see it."""
        plugins = self._config.pluginmanager
        if hasattr(self._config, "workerinput"):
            notices_in(self._run.path).note("line", line=line)
            return
        reporter: Any = plugins.get_plugin("terminalreporter")
        capture: Any = plugins.get_plugin("capturemanager")
        if reporter is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.write_line(line)
            reporter.flush()
