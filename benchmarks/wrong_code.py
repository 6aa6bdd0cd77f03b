"""Tests that fail by their own code, many of them so that it looks like something else."""

from __future__ import annotations

import random
from collections.abc import Callable

_ERRORS = [
    "ConnectionError",
    "ConnectionResetError",
    "ConnectionRefusedError",
    "TimeoutError",
    "OSError",
    "BrokenPipeError",
    "FileNotFoundError",
    "PermissionError",
    "MemoryError",
    "RuntimeError",
    "ValueError",
    "KeyError",
    "ZeroDivisionError",
    "AssertionError",
    "NotImplementedError",
    "UnicodeError",
    "EOFError",
]
_HTTPX = ["ConnectError", "ReadTimeout", "RemoteProtocolError", "ReadError", "PoolTimeout"]
_HEAD = """
import socket, time
from concurrent.futures import ThreadPoolExecutor
import httpx, pytest
from pytest_runloop import PollingConfig, Runloop
from pytest_runloop.client import errors

SHARED = pytest.mark.devbox(reuse="shared")
INFO = errors.RequestInfo("POST", "http://127.0.0.1/v1/devboxes")

@pytest.fixture(scope="session", autouse=True)
def few_retries(runloop):
    # What is wrong here is as wrong after thirty seconds.
    runloop._transport.retries = type(runloop._transport.retries)(max_retries=0)

def soon(seconds):
    return PollingConfig(timeout_seconds=seconds, interval_seconds=0.1, max_attempts=1)

def answer(status):
    return errors.Answer(status, {}, {"code": "made_up", "message": "quota limit exceeded"})
"""


def _assertion(chance: random.Random) -> str:
    a, b = chance.randrange(100), chance.randrange(100, 200)
    wrong = [f"{a} == {b}", f"{a} > {b}", f"{b} in range({a})", f"not {b}", f"str({a}) == {a}"]
    return f"assert {chance.choice(wrong)}"


def _exit_status(chance: random.Random) -> str:
    status = chance.choice([1, 2, 126, 127, 137, 139, 143, 255])
    check = chance.choice([".check()", ".exit_code == 0", ".success"])
    call = f'devbox.cmd.exec("exit {status}"){check}'
    return call if check == ".check()" else f"assert {call}"


def _command(chance: random.Random) -> str:
    bad = [
        "kill -9 $$",
        "kill -SEGV $$",
        "no-such-program",
        "cat /no/such/file",
        "cd /nowhere",
        "echo full > /dev/full",
        "echo 'Out of memory' >&2; exit 137",
        "echo 'connection reset by peer' >&2; false",
        "ulimit -v 1000; python3 -c 0",
        "syntax (",
    ]
    return f"devbox.cmd.exec({chance.choice(bad)!r}).check()"


def _own_error(chance: random.Random) -> str:
    return f'raise {chance.choice(_ERRORS)}("devbox {chance.randrange(99)} could not be reached: 503")'


def _own_httpx(chance: random.Random) -> str:
    return f'raise httpx.{chance.choice(_HTTPX)}("peer closed connection")'


def _own_client_error(chance: random.Random) -> str:
    status = chance.choice([402, 403, 429, 500, 502, 503])
    made = [
        'errors.APIConnectionError("made up", request=INFO)',
        'errors.APITimeoutError("made up", request=INFO)',
        f'errors.InternalServerError("made up", request=INFO, answer=answer({status}))',
        f'errors.RateLimitError("made up", request=INFO, answer=answer({status}))',
        'errors.PollingTimeout("made up", devbox.id)',
        'errors.RunloopError("the devbox died")',
    ]
    return f"raise {chance.choice(made)}"


def _wrong_path(chance: random.Random) -> str:
    path = chance.choice(["nope", "/no/such/file", "/etc", "../../../x/y", "/proc/self/mem", "x\\0y"])
    return f"devbox.file.{chance.choice(['read(file_path=', 'download(path='])}{path!r})"


def _wrong_argument(chance: random.Random) -> str:
    wrong = [
        'devbox.cmd.exec("echo a\\0b")',
        "devbox.cmd.exec(7)",
        "devbox.cmd.exec()",
        'devbox.cmd.exec("true", shell_name=3)',
        'devbox.cmd.exec("true", no_such=1)',
        'devbox.cmd.exec("true", extra_headers={"a": "b\\nc"})',
        'devbox.file.write(file_path="", contents="x")',
        'devbox.snapshot_disk(commit_message="x" * 2000)',
    ]
    return chance.choice(wrong)


def _made_up_id(chance: random.Random) -> str:
    number = chance.randrange(10**6)
    return chance.choice(
        [
            f'runloop.devbox.from_id("dbx_{number}").cmd.exec("true")',
            f'runloop.devbox.from_id("dbx_{number}").get_info()',
            f'devbox.cmd.execution("exc_{number}").result()',
            f'runloop.snapshot.from_id("snp_{number}").get_info()',
        ]
    )


def _own_time(chance: random.Random) -> str:
    seconds = chance.choice(["0.001", "0.01"])
    return chance.choice(
        [
            'devbox.cmd.exec("sleep 3", polling_config=soon(0.2))',
            f'devbox.cmd.exec("sleep 3", timeout={seconds} / 1000)',
            "ThreadPoolExecutor().submit(lambda: time.sleep(0.2)).result(0.01)",
        ]
    )


def _own_network(chance: random.Random) -> str:
    return chance.choice(
        [
            'httpx.get("http://127.0.0.1:1/")',
            'socket.create_connection(("127.0.0.1", 1), timeout=1)',
            'Runloop("http://127.0.0.1:1", "key", max_retries=0).devbox.from_id(devbox.id).get_info()',
            'Runloop(runloop.base_url, "wrong", max_retries=0).devbox.from_id(devbox.id).get_info()',
            'Runloop(runloop.base_url, "k", timeout=1e-6, max_retries=0).devbox.from_id("x").get_info()',
        ]
    )


def _own_end(chance: random.Random) -> str:
    after = chance.choice(['devbox.cmd.exec("true")', 'devbox.file.read(file_path="x")', "assert 0"])
    end = chance.choice(
        ["devbox.shutdown()", "devbox.close()", "runloop.devbox.from_id(devbox.id).shutdown()"]
    )
    return f"{end}; {after}"


def _suspended(chance: random.Random) -> str:
    return f"devbox.suspend(); {chance.choice(['devbox.cmd.exec(chr(65))', 'assert 0'])}"


def _expectation(chance: random.Random) -> str:
    error = chance.choice(["ConnectionError", "errors.InternalServerError", "TimeoutError"])
    return f'with pytest.raises({error}): devbox.cmd.exec("true")'


def _cause(chance: random.Random) -> str:
    wanted = chance.choice(["ConnectionError", "TimeoutError"])
    return f'raise RuntimeError("the service failed") from {wanted}("made up")'


def _group(chance: random.Random) -> str:
    return f'raise ExceptionGroup("all", [{chance.choice(_ERRORS)}("x"), ConnectionError("503")])'


def _timeout(_: random.Random) -> str:
    return 'pytest.fail("Timeout >10.0s: the devbox did not answer")'


MUTATIONS: tuple[tuple[Callable[[random.Random], str], bool], ...] = (
    (_assertion, True),
    (_exit_status, True),
    (_command, True),
    (_own_error, True),
    (_own_httpx, True),
    (_own_client_error, True),
    (_wrong_path, True),
    (_wrong_argument, True),
    (_made_up_id, True),
    (_own_time, True),
    (_own_network, True),
    (_own_end, False),
    (_suspended, False),
    (_expectation, True),
    (_cause, True),
    (_group, True),
    (_timeout, True),
)
"""What makes a line that fails, and whether the devbox is as good as before after it."""


def mutated(chance: random.Random, count: int) -> str:
    """Return a test module with so many tests that fail.

    :param chance: decides what fails, and how.
    """
    return _HEAD + "\n".join(_test(number, chance) for number in range(count))


def _test(number: int, chance: random.Random) -> str:
    make, harmless = chance.choice(MUTATIONS)
    line, before = (
        make(chance),
        chance.choice(['devbox.cmd.exec("true")', "pass", 'devbox.cmd.exec("false")']),
    )
    mark = "@SHARED\n" if harmless else ""
    strict = "@pytest.mark.xfail(strict=True)\n" if harmless and chance.random() < 0.03 else ""
    body = f"    {before}\n    {line if not strict else 'pass'}\n"
    return f"{mark}{strict}def test_{make.__name__.strip('_')}_{number}(devbox, runloop):\n{body}"
