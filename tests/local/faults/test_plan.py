"""How plans are written and read, and what is said about those that are wrong."""

from __future__ import annotations

import pytest

from pytest_runloop.local.faults import FaultPlan, FaultPlanError

GOOD = [
    "",
    "seed=7",
    "preset=cloud",
    "preset=cloud, seed=7, rtt=10ms, boot=1.8s",
    "boot=1s, boot_median=2s, boot_p99=4s, boot_burst=50, boot_jitter=20%",
    "shutdown=0.5s, snapshot=3s, suspend=1m, resume=0.1h",
    "http_500=0.02@create:after, http_429=2%@*:retry_after=1.5s, http_429@*:should_retry=true",
    "lost@devboxes.create:nth=1:per=request, reset=0.5@executions.*:when=after, unread@*:lasting=3s",
    "cut@executions.stream_*:at=0-4096:how=reset, cut@*:at=7:how=stall:lasting=1s, slow@*:rate=10kB/s",
    "delay@POST /v1/devboxes/{id}/execute:by=20ms, gate@GET /v1/objects/*:name=g:times=3",
    "gate@devboxes.shutdown:after:devbox=box-?:nth=2-3/5-, delay:moment=boot:by=1s",
    "die_out_of_memory:command='make \"a, b\" @c:d', die_idle:moment=running:later=10s, die_idle@execute*",
    "gate@create:name=gate2, gate@create:name=x",
    """
    seed=1
    http_503@devboxes.list, lost@snapshots.delete
    """,
]


@pytest.mark.parametrize("text", GOOD)
def test_a_plan_survives_its_text_and_its_json(text: str) -> None:
    plan = FaultPlan.parse(text)
    assert FaultPlan.parse(str(plan)) == plan
    assert FaultPlan.parse(plan.as_json()) == plan
    assert FaultPlan.parse(plan.model_dump_json(exclude_defaults=True)) == plan


def test_what_has_both_kinds_of_quotes_is_written_as_json() -> None:
    plan = FaultPlan.parse({"rules": [{"fault": "gate", "command": """echo 'a' "b" """}]})
    assert str(plan).startswith("{")
    assert FaultPlan.parse(str(plan)) == plan


def test_a_preset_gives_way_to_what_is_said_beside_it() -> None:
    plan = FaultPlan.parse("rtt=1ms, preset=cloud")
    assert (plan.rtt, plan.boot, plan.boot_median, plan.boot_p99) == (0.001, 1.7, 6.7, 12.5)
    assert (plan.shutdown, plan.snapshot) == (0.5, 3.0)
    assert FaultPlan.parse("preset=cloud").rtt == 0.06


@pytest.mark.parametrize(
    ("text", "seconds"), [("60ms", 0.06), ("1.7s", 1.7), ("2m", 120), (".5", 0.5), ("3", 3)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert FaultPlan.parse(f"rtt={text}").rtt == pytest.approx(seconds)


def test_rules_are_named_by_kind_and_number() -> None:
    plan = FaultPlan.parse("gate@create, lost@*, gate@*, gate@*:name=mine, http_500@*")
    assert [rule.name for rule in plan.rules] == ["gate1", "lost1", "gate2", "mine", "http1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preset=clod", "`preset` is not known: 'clod', did you mean `cloud`?"),
        ("preset=x", "there is cloud"),
        ("sed=3", "`sed` is neither a setting nor a fault, did you mean `seed`?"),
        ("rule=3", "`rule` is neither a setting nor a fault"),
        ("rtt", "`rtt` has no value; write `rtt=VALUE`"),
        ("rtt=", "`rtt` has no value"),
        ("rtt=60xs", "`rtt` is not a duration; write it as `60ms`, `1.7s` or `2m`"),
        ("rtt=-1s", "`rtt` is not a duration"),
        ("seed=1, seed=2", "`seed` is set twice"),
        ("=3", "`=3` begins with no name"),
        ("seed=x", "`seed` input should be a valid integer"),
        ("boot=3s, boot_median=2s", "must rise in this order"),
        ("boot_p99=3s", "`boot_p99` needs `boot_median`"),
        ("boot_jitter=1.5", "`boot_jitter` input should be less than or equal to 1"),
        ("htp_500@*", "did you mean `http_500`?"),
        ("http@*", "in `http@*`: `status` is missing"),
        ("http_700@*", "`status` input should be less than or equal to 599"),
        ("http_500=1.5@*", "`probability` input should be less than or equal to 1"),
        ("http_500=x@*", "`probability` is not a probability; write it as `0.02` or `2%`"),
        ("lost@devbox.create", "is no call of the API: 'devbox.create', did you mean `devboxes.create`?"),
        ("lost@zzz", "write `*`, a name as `devboxes.create`"),
        (
            "http_429@*:retry_aftr=1s",
            "in `http_429@*:retry_aftr=1s`: `retry_aftr` is not known, did you mean",
        ),
        ("lost@*:afer", "`afer` is no option; write `:NAME=VALUE`, `:before` or `:after`"),
        ("lost@*:after:before", "`before` is said twice"),
        ("lost:nth=1@create", "write the endpoint before the options"),
        ("lost@*:nth=0", "`nth` must name calls from 1 on"),
        ("lost@*:nth=4-2", "`nth` runs backwards; write it as `2-4`"),
        ("lost@*:nth=a", "`nth` is not a number or a range"),
        ("lost@devboxes.create:devbox=x", "has `devbox`, but `devboxes.create` has no devbox in its path"),
        ("cut@*", "in `cut@*`: `at` is missing"),
        ("cut@*:at=5-", "`at` has no end; write it as `100` or `0-4096`"),
        ("cut@*:at=5:lasting=1s", "has `lasting`, which goes with `how=stall`"),
        ("slow@*:rate=0", "`rate` input should be greater than 0"),
        ("gate", "needs exactly one of `endpoint` (`@NAME` in short form), `moment` and `command`"),
        ("gate@*:moment=boot", "needs exactly one of"),
        ("gate:moment=boot:after", "has `when`, which only calls have, beside `moment`"),
        ("gate@*:name=a, gate@*:name=a", "`rules` has several rules of the name `a`"),
        ("die_out_of_memry@execute*", "'out_of_memry', did you mean `out_of_memory`?"),
        ("die_x@execute*", "there is out_of_memory, out_of_disk"),
        (
            "die_idle@devboxes.create",
            "cannot know who dies of `devboxes.create`: it has no devbox in its path",
        ),
        ("{", "is not JSON"),
        ("{}]", "is not JSON"),
        ("rtt=1e999s", "`rtt` is not a duration that can be reached"),
        ('{"rules": [{"fault": "htp"}]}', "is no kind of fault: 'htp', did you mean `http`?"),
        ('{"rules": [{"nth": 1}]}', "`rules.0` does not say its `fault`"),
        ('{"rules": [{"fault": "lost", "nh": 1}]}', "`rules.0.nh` is not known, did you mean `nth`?"),
        ('{"sed": 1}', "`sed` is not known, did you mean `seed`?"),
        ('{"rules": [{"fault": "lost", "nth": true}]}', "`rules.0.nth` is not a number"),
        ('{"rtt": true}', "`rtt` is not a duration"),
    ],
)
def test_a_wrong_plan_is_one_readable_error(text: str, said: str) -> None:
    with pytest.raises(FaultPlanError) as caught:
        FaultPlan.parse(text)
    assert said in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(FaultPlanError) as caught:
        FaultPlan.parse("cut@*:at=x:how=y, slow@*:rate=z, rtt=w")
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("text", ["seed=1", "lost@*, reset@*", ""])
def test_what_is_not_one_rule_is_no_rule(text: str) -> None:
    with pytest.raises(FaultPlanError, match="one rule"):
        FaultPlan.parse_rule(text)
