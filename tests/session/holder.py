"""A process that takes slots of a pool and gives them back, as it is told."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from pytest_runloop.session.pool.pool import Pool


def hold(folder: Path, limit: int, pipe: Connection) -> None:
    """Take one slot, say what is in it, and give it back with what one is told.

    :param pipe: gets `(slot, fits, stale)`; takes the specification that was asked for first, then the entry
        that is in the slot, then the entry and the specification to give it back with.
    """
    pool = Pool(folder, limit, "gw")
    [lease] = pool.take("test", pipe.recv())
    pipe.send((lease.slot.number, lease.fits, lease.stale))
    lease.slot.write(entry=pipe.recv())
    pipe.send("written")
    pool.give_back(lease, *pipe.recv())
    pipe.send("given back")
