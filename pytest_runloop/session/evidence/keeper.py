"""Looks at each report of a test, and keeps the evidence when it has failed for good."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .. import choice, options, server
from ..devboxes import Devboxes
from ..run import Run
from ..verdict.verdict import VERDICT
from . import attempt as attempts
from . import bundle, settle, surroundings
from .attempt import Attempt
from .collecting import Collector, Found
from .hiding import hide
from .record import Record
from .redaction import Redactor
from .schema import Backend, Evidence, Verdict
from .sections import sections

if TYPE_CHECKING:
    from ..lending import Held

ARTIFACTS = "runloop_artifacts"
"""Name of the property that holds the folder."""


class Keeper:
    """Keeps the evidence of failed tests in one process of a run.

    :param config: pytest's.
    :param run: the run.
    :param devboxes: what makes its devboxes, and knows what was done to them.
    """

    def __init__(self, config: pytest.Config, run: Run, devboxes: Devboxes) -> None:
        self._config = config
        self._run = run
        self._devboxes = devboxes
        self._redactor = devboxes.transcript.redactor
        self._collector = Collector(devboxes.transcript, lambda: devboxes.quick_client)
        self._written: dict[str, Path] = {}

    def report(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
        """Look at a report, before the test's devboxes are taken back. Nothing secret is in it afterwards."""
        try:
            self._report(item, report, call)
        except Exception as error:  # the test's own failure must be told, whatever goes wrong here
            told = self._redactor.text(f"{type(error).__name__}: {error}")
            report.sections.append(("devbox at teardown", f"No evidence could be collected: {told}"))

    def _report(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
        attempt = attempts.note(item, report, call)
        if report.failed or str(report.outcome) == "rerun":
            self._learn(item, attempt)
        hide(report, self._redactor)
        if report.when != "teardown":
            return
        if bundle.FOLDER in item.stash:  # of an attempt before this one
            del item.stash[bundle.FOLDER]
        if attempt.failed:
            self._keep(item, report, attempt)
        else:
            self._passed(item)

    def _learn(self, item: pytest.Item, attempt: Attempt) -> None:
        """Learn the secrets that this failure may show."""
        self._redactor.learn_environment(os.environ)
        self._redactor.learn(os.environ.get(choice.KEY, ""))
        running = server.load(self._run.path / "backend.json")
        if running is not None:
            self._redactor.learn(running.api_key)
        self._collector.learn_secrets(self._devboxes_of(item, attempt))

    def _devboxes_of(self, item: pytest.Item, attempt: Attempt) -> list[str]:
        held = [held.devbox.id for held in settle.held_by(item)]
        return list(dict.fromkeys([*held, *self._devboxes.transcript.touched(attempt.started)]))

    def _passed(self, item: pytest.Item) -> None:
        earlier = self._written.pop(item.nodeid, None)
        if earlier is not None:
            bundle.remove(earlier)

    def _keep(self, item: pytest.Item, report: pytest.TestReport, attempt: Attempt) -> None:
        devboxes = self._devboxes_of(item, attempt)
        if not devboxes:
            return
        found = self._collector.collect(devboxes)
        records = {one.devbox.id: self._cleaned(one) for one in found}
        evidence = self._evidence(item, attempt, found, settle.held_by(item))
        folder, trouble = self._written_to(item, evidence, records)
        if folder is not None:
            report.user_properties.append((ARTIFACTS, str(folder)))
        report.sections += sections(evidence, records, folder, trouble)

    def _written_to(
        self, item: pytest.Item, evidence: Evidence, records: dict[str, list[Record]]
    ) -> tuple[Path | None, str | None]:
        """Write the bundle, if one is wanted; else say why it could not be written."""
        wanted = self._run.settings[options.ARTIFACTS]
        if wanted is None:
            return None, None
        directory = self._config.invocation_params.dir / wanted
        name = bundle.folder_name(evidence.test, item.nodeid)
        try:
            folder = bundle.write(directory, name, evidence, records)
        except OSError as error:
            return None, f"no bundle could be written to {directory}: {error.strerror or error}"
        self._written[item.nodeid] = item.stash[bundle.FOLDER] = folder
        return folder, None

    def _evidence(
        self, item: pytest.Item, attempt: Attempt, found: Sequence[Found], held: Sequence[Held]
    ) -> Evidence:
        seconds = {one.devbox.id: one.seconds for one in held}
        for one in found:
            about = one.devbox
            about.held, about.boot_seconds = about.id in seconds, seconds.get(about.id)
            about.parameters, about.hidden = self._redactor.parameters(about.parameters)
        made = dataclasses.replace(
            self._frame,
            test=item.nodeid,
            outcome=attempt.outcome,
            started=attempt.started,
            phases=attempt.phases,
            verdict=_verdict(item),
            devboxes=[one.devbox for one in found],
        )
        cleaned: Evidence = self._redactor.everything(made)
        return cleaned

    @cached_property
    def _frame(self) -> Evidence:
        """What is the same for all tests of this process."""
        root = self._config.rootpath
        return Evidence(
            test="",
            run=self._run.id,
            outcome="",
            started=0.0,
            rootdir=str(root),
            backend=self._backend(),
            git=surroundings.git(root),
            ci=surroundings.ci(),
            versions=surroundings.versions(),
            seed=surroundings.seed(self._config),
            worker=None if self._run.owner else os.environ.get("PYTEST_XDIST_WORKER"),
        )

    def _backend(self) -> Backend:
        if choice.choose(self._run.settings).kind == "cloud":
            return Backend("cloud", self._devboxes.quick_client.base_url)
        running = server.load(self._run.path / "backend.json")
        return Backend("local", isolation=running.isolation if running else None)

    def _cleaned(self, found: Found) -> list[Record]:
        """Return what was done to a devbox without secrets."""
        if found.withheld is not None:
            found.devbox.trouble.append(found.withheld)
            found.devbox.logs = []
        return [
            without_secrets(record, self._redactor, withheld=bool(found.withheld)) for record in found.records
        ]


def _verdict(item: pytest.Item) -> Verdict | None:
    judged = item.stash.get(VERDICT, None)
    return None if judged is None else Verdict(str(judged), " ".join(judged.evidence))


def without_secrets(record: Record, redactor: Redactor, *, withheld: bool) -> Record:
    """Return a step of a transcript without secrets.

    :param withheld: leave out all that commands and files told: there are secrets that nobody here knows.
    """
    made: Record = redactor.everything(record)
    made.stdout = redactor.optional(record.stdout, cut=record.truncated)
    made.stderr = redactor.optional(record.stderr, cut=record.truncated)
    made.data = None if record.data is None else redactor.content(record.data)
    if withheld:
        made.stdout = made.stderr = None
        made.content = made.content if made.what == "write" else None
    done = ("command", "params", "content", "data", "file")
    made.redacted = made.what != "read" and any(getattr(made, part) != getattr(record, part) for part in done)
    return made
