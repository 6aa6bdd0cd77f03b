"""What becomes of a test's devboxes when the test is over: snapshots if it failed, then their end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from .. import leftovers, options
from ..ledger import ENTRY_KEY, RUN_KEY, TEST_KEY
from ..requests import ENDED
from ..settings import Settings
from ..way_in import way_in, way_out
from . import bundle, snapshots
from .partings import Parting
from .provenance import EXCEPTION_KEY, LONGEST, provenance

if TYPE_CHECKING:
    from ..lending import Held
    from ..member import Member
    from .snapshots import Taken

DEVBOX, SECONDS, SNAPSHOT = "runloop_devbox", "runloop_boot_seconds", "runloop_snapshot"
"""Names of the properties in reports, as junit and others show them."""

_HELD = pytest.StashKey[list["Held"]]()
_SINCE = pytest.StashKey[float]()
_FAILED = pytest.StashKey[bool]()
_EXCEPTION = pytest.StashKey[str]()
_BEFORE = pytest.StashKey[Parting]()
"""What is left of the test's attempt before, should it be repeated."""
_CODE = pytest.StashKey[Mapping[str, str]]()


def hold(item: pytest.Item, held: Held) -> None:
    """Give a devbox to a test, until its teardown is reported."""
    item.stash.setdefault(_HELD, []).append(held)
    properties = item.user_properties
    properties[:] = [known for known in properties if known[0] not in (DEVBOX, SECONDS)]
    properties += [(DEVBOX, held.devbox.id), (SECONDS, f"{held.seconds:.3f}")]


def held_by(item: pytest.Item) -> list[Held]:
    """Return the devboxes of a test, until they are taken back."""
    return item.stash.get(_HELD, [])


def watch(item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
    """Keep in mind whether anything of a test failed: a phase, or a subtest.

    A subtest's report says "call" as well, and the call itself says "passed" after it.
    """
    leftovers.watch(item, report, call)
    if report.when == "setup":
        item.stash[_SINCE] = report.start
    if report.failed:
        item.stash[_FAILED] = True
        if call.excinfo is not None:
            item.stash.setdefault(_EXCEPTION, call.excinfo.typename)


def settle(item: pytest.Item, report: pytest.TestReport, member: Member) -> None:
    """Put the test's devboxes away, after a snapshot where one is wanted.

    Here and not in the fixture's teardown, for only now the whole verdict is known. Nothing that goes
    wrong here may hide the test's own result: it is told in the report, and the sweep ends what is left.
    """
    failed = item.stash.get(_FAILED, False)
    own = item.stash.get(_HELD, [])
    for held in own:
        _tell_fate(report, member, held, failed=failed)
    parting = Parting(item.stash.get(bundle.FOLDER, None))
    if _wanted(member.run.settings[options.SNAPSHOT], failed=failed):
        parting.taken = _snapshots(item, report, member, own)
    _drop_the_attempt_before(item, member)
    if leftovers.is_late(item):
        _tell_leftovers(item, report, member, own)
    for held in own:
        _put_away(report, member, held, parting, failed=failed)
    for taken in parting.taken:
        if all(taken.devbox != held.devbox.id for held in own):
            member.partings.follow(parting, taken)
    item.stash[_BEFORE] = parting
    forget(item)


def forget(item: pytest.Item) -> None:
    """Begin anew: a rerun of the test uses the same item."""
    keys: tuple[pytest.StashKey[Any], ...] = (_HELD, _SINCE, _FAILED, _EXCEPTION)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


def _tell_fate(report: pytest.TestReport, member: Member, held: Held, *, failed: bool) -> None:
    if held.instead_of is not None:
        _tell(report, f"Devbox {held.devbox.id} was made in place of {held.instead_of}")
    fate = member.lending.fate(held) if failed else None
    if fate is not None:  # the test's own errors may only say that nobody answered
        _tell(report, f"Devbox {held.devbox.id} ended under the test: {fate}")


def _tell_leftovers(item: pytest.Item, report: pytest.TestReport, member: Member, own: list[Held]) -> None:
    """Let no other test meet what one that ran out of its time has left running."""
    transcript = member.devboxes.transcript
    for held in own:
        if held.spec is not None:
            transcript.unfit(held.devbox.id, leftovers.WHY)
    ids = [held.devbox.id for held in own]
    for devbox in [devbox for devbox, _ in _others(item, member) if devbox not in ids]:
        for told in leftovers.ended(item, member.partings.client, transcript, devbox):
            _tell(report, f"In devbox {devbox}, which goes on being used, {told}")


def _wanted(mode: str, *, failed: bool) -> bool:
    return mode == "always" or (mode == "on-failure" and failed)


def _snapshots(item: pytest.Item, report: pytest.TestReport, member: Member, own: list[Held]) -> list[Taken]:
    """Begin the snapshots of a test's own devboxes, and of the others that it used."""
    ids = {held.devbox.id: held.entry.key for held in own}
    others = {box: key for box, key in _others(item, member) if box not in ids}
    begun = []
    for devbox, key in {**ids, **others}.items():
        about = _about(item, member, key)
        try:
            taken = snapshots.begin(
                member.partings.client, member.run, devbox, member.named(item), about, member.partings.limit
            )
        except Exception as error:
            if devbox in ids or not _ended(member, devbox):
                _tell(report, f"No snapshot of devbox {devbox} could be taken: {error}")
            continue
        begun.append(taken)
        report.user_properties.append((SNAPSHOT, taken.id))
        bundle.complete_for(item, devbox, snapshot=taken.id)
        _tell(report, _way_back(taken))
    return begun


def _others(item: pytest.Item, member: Member) -> Iterator[tuple[str, str]]:
    """Yield the run's devboxes that a test used without being theirs: the session's, or made in its body."""
    touched = set(member.devboxes.transcript.touched(item.stash.get(_SINCE, time.time())))
    if touched:
        yield from ((str(entry.devbox), entry.key) for entry in member.run.ledger if entry.devbox in touched)


def _ended(member: Member, devbox: str) -> bool:
    try:
        return member.partings.client.devbox.from_id(devbox).get_info().status in ENDED
    except Exception:
        return False


def _about(item: pytest.Item, member: Member, entry: str) -> Mapping[str, str]:
    """Return the metadata of a snapshot. They hold no value of the test's: its name, and where it ran."""
    exception = item.stash.get(_EXCEPTION, "")
    return {
        RUN_KEY: member.run.id,
        TEST_KEY: member.named(item)[:LONGEST],
        ENTRY_KEY: entry,
        **_code(item.config),
        **({EXCEPTION_KEY: exception[:LONGEST]} if exception else {}),
    }


def _code(config: pytest.Config) -> Mapping[str, str]:
    """Return what is known of the code, which is asked for once."""
    if _CODE not in config.stash:
        config.stash[_CODE] = provenance(config.rootpath)
    return config.stash[_CODE]


def _way_back(taken: Taken) -> str:
    return (
        f"{taken.id} is to hold the disk of devbox {taken.devbox} as the test left it.\n"
        f"To start from it: pytest {options.FROM_SNAPSHOT.flag}={taken.id} '{taken.test}'"
    )


def _ways(settings: Settings, devbox: str) -> str:
    return (
        f"Devbox {devbox} is kept, if it lives.\n"
        f"To enter it: {way_in(settings, devbox)}\n"
        f"To end it: {way_out(settings, devbox)}"
    )


def _drop_the_attempt_before(item: pytest.Item, member: Member) -> None:
    before = item.stash.get(_BEFORE, None)
    if before is not None:
        member.partings.drop(before)


def _put_away(
    report: pytest.TestReport, member: Member, held: Held, parting: Parting, *, failed: bool
) -> None:
    taken = next((one for one in parting.taken if one.devbox == held.devbox.id), None)
    keep = _wanted(member.run.settings[options.KEEP], failed=failed)
    if taken is not None or keep:
        why = f"{options.KEEP.flag}={member.run.settings[options.KEEP]}" if keep else None
        member.partings.part(held, parting, taken, why)
        if keep:
            _tell(report, _ways(member.run.settings, held.devbox.id))
        return
    try:
        ailment = member.lending.take_back(held)
        if ailment is not None:
            _tell(report, f"Devbox {held.devbox.id} is not handed on to other tests: {ailment}")
    except Exception as error:
        _tell(report, f"Devbox {held.devbox.id} was not confirmed to have ended: {error}")


def _tell(report: pytest.TestReport, text: str) -> None:
    # pytest shows sections of a teardown that passed only if their title says "teardown".
    report.sections.append(("devbox at teardown", text))
