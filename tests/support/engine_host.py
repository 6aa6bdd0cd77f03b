"""A process with an engine to be killed: `python -m tests.support.engine_host TIER STATE_DIR BOXES FD`.

Every box runs what is hard to end. Each of these processes holds the pipe FD open and nobody else does,
so its reader learns from the kernel when the last one is gone. Prints one JSON line when all stand, and
lives on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from pytest_runloop.local.engine.protocol import BoxSpec, Limits
from pytest_runloop.local.engine.select import open_engine
from tests.support.boxes import start

READY = b"x"

_RUNAWAYS = [
    # Ignores all that can be ignored, in a session of its own, without a parent.
    "(trap '' HUP INT TERM QUIT USR1 USR2; echo -n x; while :; do sleep 600; done) & setsid sleep 600 &",
    # Stopped: gets no signal but the last one.
    "echo -n x; kill -STOP $$",
    # Changes its process id all the time.
    "hop() { sleep 0.01; hop & }; echo -n x; hop",
]


async def main(tier: str, state_dir: str, boxes: int, descriptor: int) -> None:
    """Fill the boxes, tell, and wait to be killed."""
    engine = await open_engine(tier, Path(state_dir))
    for number in range(boxes):
        box = await engine.boot(BoxSpec(f"b{number}", limits=Limits(processes=500)))
        for script in _RUNAWAYS:
            await start(box, script, stdout=descriptor)
    os.close(descriptor)
    zygote = engine.zygote().pid
    print(json.dumps({"zygote": zygote, "agents": _agents(zygote)}), flush=True)
    await asyncio.Event().wait()


def _agents(zygote: int) -> list[int]:
    children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
    return [int(pid) for pid in children if "agent" in _name(pid)]


def _name(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:  # A helper that has done its work.
        return ""


RUNAWAYS = len(_RUNAWAYS)

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
