"""Files that are written beside what they replace, in every tier."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxSpec, CapabilityError
from tests.support.boxes import say
from tests.support.tiers import opened

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["namespace", "landlock", "process"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    engine = await opened(request.param, tmp_path)
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: SandboxEngine) -> Box:
    return await engine.boot(BoxSpec("box"))


async def _write(box: Box, path: str, text: str, *, mode: int = 0o644) -> None:
    draft = await box.draft(path, mode)
    os.write(draft.descriptor, text.encode())
    await draft.keep()


async def test_a_file_appears_whole_once_it_is_kept(box: Box) -> None:
    await say(box, "echo old >file")
    draft = await box.draft("file")
    os.write(draft.descriptor, b"ne")
    assert await say(box, "cat file") == "old"
    os.write(draft.descriptor, b"w\n")
    await draft.keep()
    assert await say(box, "cat file; ls -A | grep -c part || true") == "new\n0"
    draft.drop()
    assert await say(box, "cat file") == "new"


async def test_a_dropped_draft_leaves_everything_as_it_was(box: Box) -> None:
    await say(box, "echo old >file")
    for path in ("file", "fresh"):
        draft = await box.draft(path)
        os.write(draft.descriptor, b"half")
        draft.drop()
    assert await say(box, "cat file; ls -A | grep -e part -e fresh || echo clean") == "old\nclean"


async def test_a_new_file_has_the_mode_that_is_asked_for_and_an_old_one_keeps_its_own(box: Box) -> None:
    await _write(box, "deep/er/fresh", "x", mode=0o600)
    await say(box, "echo old >script && chmod 751 script")
    await _write(box, "~/script", "new")
    assert await say(box, "stat -c %a deep/er/fresh script") == "600\n751"


async def test_a_link_goes_on_leading_to_the_file(box: Box) -> None:
    await say(box, "mkdir d; echo old >d/real; ln -s d/real link; ln -s d/none dangling")
    await _write(box, "link", "new")
    await _write(box, "dangling", "made")
    assert await say(box, "readlink link dangling; cat d/real; echo; cat d/none") == (
        "d/real\nd/none\nnew\nmade"
    )


async def test_a_file_with_two_names_stays_one_file(box: Box) -> None:
    await say(box, "echo longer >one; ln one two")
    await _write(box, "one", "new")
    assert await say(box, "cat two") == "new"


async def test_a_pipe_is_written_to(box: Box) -> None:
    await say(box, "mkfifo pipe")
    reading = asyncio.create_task(say(box, "cat pipe"))
    draft = None
    while draft is None:
        try:
            draft = await box.draft("pipe")
        except OSError:  # Nobody reads yet.
            await asyncio.sleep(0.01)
    os.write(draft.descriptor, b"through")
    await draft.keep()
    assert await reading == "through"
    assert await say(box, "test -p pipe && echo pipe") == "pipe"


async def test_a_file_of_the_system_can_be_replaced_where_there_is_a_root_of_ones_own(box: Box) -> None:
    try:
        await _write(box, "/usr/bin/env", "#!/bin/sh\necho mine\n")
    except (CapabilityError, PermissionError):
        assert "own-root" not in box.environment
        return
    assert await say(box, "/usr/bin/env; stat -c %a /usr/bin/env") == "mine\n755"


@pytest.mark.parametrize(
    ("path", "error"), [("d", IsADirectoryError), ("d/", IsADirectoryError), ("file/x", OSError)]
)
async def test_what_can_be_no_file_is_refused(box: Box, path: str, error: type[OSError]) -> None:
    await say(box, "mkdir d; touch file")
    with pytest.raises(error):
        await box.draft(path)
    assert await say(box, "ls -A . d | grep part || echo clean") == "clean"


async def test_a_draft_of_a_box_that_is_gone_is_no_error_to_drop(box: Box) -> None:
    draft = await box.draft("file")
    await box.suspend()
    draft.drop()
    await box.resume()
    late = await box.draft("late")
    await box.suspend()
    await box.resume()
    with pytest.raises(OSError, match="tale"):
        await late.keep()


async def test_a_cancelled_draft_leaves_nothing(box: Box) -> None:
    for turns in range(4):
        task = asyncio.create_task(box.draft("fresh"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():  # It was quicker.
            task.result().drop()
    # The box is told to drop one when its answer comes, which nobody waits for.
    while await say(box, "ls -A | grep -e part -e fresh || true"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
