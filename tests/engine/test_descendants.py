"""Ending descendants that do what they can to get away."""

from __future__ import annotations

import pytest

from tests.support.children import run_child

_START = """
import json, os, signal, subprocess, sys, time
from pytest_runloop.local.engine import descendants as family
family.become_subreaper()
def start(source, count):
    read, write = os.pipe()
    command = [sys.executable, "-S", "-c", "import os, time\\n" + source]
    subprocess.Popen(command, stdout=write, start_new_session=True)
    os.close(write)
    for _ in range(count):  # one byte from each process that is where it should be
        assert os.read(read, 1)
    return read
def gone(read):
    # Every descendant holds the pipe: its end is the proof that none is left, whatever /proc says.
    os.set_blocking(read, True)
    while os.read(read, 65536):
        pass
    return True
def report(read, left):
    print(json.dumps([left, gone(read), family.descendants()]))
"""

_ENDED = [[], True, []]

_RUNAWAYS = {
    "ignores signals": """
import signal
for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)
os.write(1, b'x'); time.sleep(600)""",
    "stopped": """
os.write(1, b'x'); os.kill(os.getpid(), 19)""",
    "own session": """
if os.fork() == 0: os.setsid(); os.write(1, b'x'); time.sleep(600)""",
    "double fork": """
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.write(1, b'x'); time.sleep(600)""",
    "unreaped zombies": """
for _ in range(9):
    if os.fork() == 0: os._exit(0)
os.write(1, b'x'); time.sleep(600)""",
    "threads that fork": """
import subprocess, threading
threading.Thread(target=lambda: subprocess.run(["sleep", "600"])).start()
os.write(1, b'x')""",
    "own subreaper": """
from pytest_runloop.local.engine.descendants import become_subreaper
become_subreaper()
if os.fork() == 0: os.setsid(); os.fork(); os.write(1, b'x')
time.sleep(600)""",
}


@pytest.mark.parametrize("source", _RUNAWAYS.values(), ids=_RUNAWAYS)
def test_a_runaway_is_ended(source: str) -> None:
    assert run_child(_START + "report(start(sys.argv[1], 1), family.end_descendants())", source) == _ENDED


_TREE_BOMB = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies, which would fill the machine's table
for _ in range(5): os.fork()  # 32 processes at once, each of which goes on forking
os.write(1, b'x')
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    if os.fork() == 0: time.sleep(0.01); os._exit(0)
"""

# Each generation lives only until it has borne the next: its process id is stale when the signal comes.
_RABBIT = """
os.write(1, b'x')
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    if os.fork(): os._exit(0)
"""
_RABBIT_SESSIONS = _RABBIT.replace("os._exit(0)", "os._exit(0)\n    os.setsid()")


_BOMBS = {"tree": (_TREE_BOMB, 20), "rabbit": (_RABBIT, 1), "rabbit in sessions": (_RABBIT_SESSIONS, 1)}


@pytest.mark.parametrize(("source", "count"), _BOMBS.values(), ids=_BOMBS)
def test_a_fork_bomb_does_not_outrun_its_end(source: str, count: int) -> None:
    code = _START + "report(start(sys.argv[1], int(sys.argv[2])), family.end_descendants(timeout=60))"
    assert run_child(code, source, str(count)) == _ENDED


def test_children_to_keep_are_kept_with_all_beneath_them() -> None:
    code = (
        _START
        + """
kept = subprocess.Popen(["sh", "-c", "sleep 600 & wait"])
other = subprocess.Popen(["sleep", "600"])
while len(family.descendants()) < 3: time.sleep(0.01)
left = family.end_descendants({kept.pid})
spared = len(family.descendants())
family.end_descendants()
print(json.dumps([left, spared, family.descendants()]))
"""
    )
    assert run_child(code) == [[], 2, []]


def test_stopped_descendants_stand_still_until_continued() -> None:
    code = (
        _START
        + """
source = "os.fork()\\nwhile True: os.write(1, b'x'); time.sleep(0.001)"
read = start(source, 10)
stopped = family.stop_descendants()
os.set_blocking(read, False)
def drained():
    try:
        while os.read(read, 65536): pass
    except BlockingIOError: return True
drained(); time.sleep(0.1)
try: moved = os.read(read, 1) != b""
except BlockingIOError: moved = False
family.continue_descendants(stopped)
os.set_blocking(read, True)
goes_on = os.read(read, 1) == b"x"
left = family.end_descendants()
print(json.dumps([len(stopped), moved, goes_on, left]))
"""
    )
    assert run_child(code) == [2, False, True, []]


def test_what_was_stopped_before_is_not_continued() -> None:
    code = (
        _START
        + """
read = start("os.write(1, b'x'); os.kill(os.getpid(), 19); os.write(1, b'y')", 1)
[pid] = family.descendants()
while "stopped" not in open(f"/proc/{pid}/status").read(): time.sleep(0.01)
stopped = family.stop_descendants()
family.continue_descendants(stopped)
state = open(f"/proc/{pid}/status").read()
family.end_descendants()
print(json.dumps([stopped, "stopped" in state]))
"""
    )
    assert run_child(code) == [[], True]


def test_with_no_descendants_there_is_nothing_to_do() -> None:
    code = _START + "print(json.dumps([family.end_descendants(), family.stop_descendants()]))"
    assert run_child(code) == [[], []]
