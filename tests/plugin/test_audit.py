"""The end of a run: what it wrote down, compared with what the account has."""

from __future__ import annotations

from pytest_runloop.session.ledger import RUN_KEY

from .service import KEY
from .stub_api import Asked, Said, stub
from .suite import Suite

BOX = {"id": "dbx_1", "status": "running", "create_time_ms": 2 * 10**12}
USES_ONE = "def test_it(devbox): pass\n"
STRICT = ("-p", "no:xdist", "--runloop-strict-cleanup")


def test_the_summary_counts_what_was_created_ended_and_kept_on_purpose(suite: Suite) -> None:
    suite.write("def test_it(devbox, devbox_factory): devbox_factory()\n")
    result = suite.run(*STRICT, "--runloop-snapshot=always")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["devboxes: 2 created, all end with the run's own backend, 1 snapshot kept on purpose"]
    )


def test_a_devbox_that_the_account_lists_as_ended_is_confirmed_whatever_was_answered_before(
    suite: Suite,
) -> None:
    def answer(asked: Asked) -> Said:
        if asked.line == "POST /v1/devboxes":
            return Said(BOX)
        if "dbx_1" in asked.line:
            return Said({"message": "broken"}, 500)
        ended = [{**BOX, "status": "shutdown", "metadata": metadata} for metadata in _created(api.asked)]
        return Said({"devboxes": ended, "has_more": False})

    with stub(answer) as api:
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=api.base_url)
        suite.write(USES_ONE)
        result = suite.run(*STRICT)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["devboxes: 1 created, 1 ended, nothing kept on purpose"])


def test_a_devbox_of_the_run_that_nobody_wrote_down_is_ended_too(suite: Suite) -> None:
    ended = set[str]()

    def answer(asked: Asked) -> Said:
        if "shutdown" in asked.line:
            ended.add(asked.line.split("/")[3])
            return Said({**BOX, "status": "shutdown"})
        if asked.line == "POST /v1/devboxes":
            return Said(BOX)
        views = [
            {**BOX, "id": box, "status": "shutdown" if box in ended else "running", "metadata": metadata}
            for metadata in _created(api.asked)
            for box, metadata in [("dbx_1", metadata), ("dbx_2", metadata), ("dbx_3", {RUN_KEY: "another"})]
        ]
        return Said({"devboxes": views, "has_more": False})

    with stub(answer) as api:
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=api.base_url)
        suite.write(USES_ONE)
        result = suite.run(*STRICT)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["devboxes: 2 created, 2 ended, nothing kept on purpose"])
    assert ended == {"dbx_1", "dbx_2"}


def test_on_a_full_disk_and_without_its_directory_a_run_makes_no_devbox_and_ends_what_it_has(
    suite: Suite,
) -> None:
    asked_to_end = list[str]()

    def answer(asked: Asked) -> Said:
        if "shutdown" in asked.line:
            asked_to_end.append(asked.line)
            refused = Said({"message": "not now"}, 400)
            return refused if len(asked_to_end) == 1 else Said({**BOX, "status": "shutdown"})
        if asked.line == "POST /v1/devboxes" or "dbx_1" in asked.line:
            return Said(BOX)
        views = [{**BOX, "metadata": metadata} for metadata in _created(api.asked)]
        return Said({"devboxes": views, "has_more": False})

    with stub(answer) as api:
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=api.base_url)
        suite.write(
            "import pathlib, resource, shutil\n"
            "def test_full(runloop, request):\n"
            "    before = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))\n"
            "    try:\n"
            "        with pytest.raises(pytest.fail.Exception, match='cannot be used: File too large'):\n"
            "            request.getfixturevalue('devbox')\n"
            "    finally:\n"
            "        resource.setrlimit(resource.RLIMIT_FSIZE, before)\n"
            "def test_first(devbox):\n"
            "    [run] = pathlib.Path(os.environ['RUNLOOP_STATE_DIR'], 'runs').iterdir()\n"
            "    shutil.rmtree(run)\n"
            "def test_next(devbox): pass\n"
        )
        result = suite.run(*STRICT)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*The run's directory *deleted while the run goes on*",
            "devboxes: 1 created, 1 ended, nothing kept on purpose",
            "The run's directory was deleted*What the account lists of it was ended.",
        ]
    )
    assert len(_created(api.asked)) == 1
    assert len(asked_to_end) == 2
    assert not list((suite.state / "runs").iterdir())


def test_an_account_that_cannot_be_asked_is_said_and_does_not_undo_what_was_confirmed(suite: Suite) -> None:
    def answer(asked: Asked) -> Said:
        if "shutdown" in asked.line:
            return Said({**BOX, "status": "shutdown"})
        if asked.line == "POST /v1/devboxes":
            return Said(BOX)
        return (
            Said({"devboxes": [], "has_more": False})
            if not _created(api.asked)
            else Said({"message": "tired"}, 400)
        )

    with stub(answer) as api:
        suite.environment.update(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=api.base_url)
        suite.write(USES_ONE)
        result = suite.run(*STRICT)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["devboxes: 1 created, 1 ended, *not compared with the account (*tired*"])


def _created(asked: list[Asked]) -> list[dict[str, str]]:
    """Return the metadata of the devboxes that were asked for so far."""
    return [one.body["metadata"] for one in asked if one.line == "POST /v1/devboxes"]
