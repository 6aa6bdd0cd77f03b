"""Ends devboxes, and believes it only when the service says so."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from .ledger import Entry, Ledger
from .requests import ENDED, living_of

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.views.devboxes import DevboxView

T = TypeVar("T")

WORKERS = 16
FLIGHT_SECONDS = 3.0
_AGAIN_SECONDS = 0.25


def end(client: Runloop, ledger: Ledger, entry: Entry) -> list[DevboxView]:
    """Shut an entry's devbox down and strike the entry.

    :return: what the service said of it then: of one that had ended before, how.
    :raises RunloopError: if the service did not confirm. The entry stays.
    """
    views = [shut_down(client, devbox) for devbox in devboxes_of(client, entry)]
    ledger.strike(entry)
    return [view for view in views if view is not None]


def devboxes_of(client: Runloop, entry: Entry) -> list[str]:
    """Return the ids of an entry's living devboxes, whether they ever reached us or not.

    A create call whose sender was killed may be on its way still. So that nothing came of a new entry is
    believed only after a while. How old it is, is a matter of the time of day, which may be set back: who
    waited for as long knows it too.
    """
    if entry.devbox:
        return [entry.devbox]
    begun = time.monotonic()
    while True:
        age = max(time.time() - entry.written_ms / 1000, time.monotonic() - begun)
        old = age > FLIGHT_SECONDS  # before the look, not after it
        found = list(living_of(client, entry))
        if found or old:
            return found
        time.sleep(_AGAIN_SECONDS)


def shut_down(client: Runloop, devbox: str) -> DevboxView | None:
    """Shut a devbox down.

    :return: what the service said of it then; `None` if it does not know it.
    :raises RunloopError: if the service did not confirm that it has ended.
    """
    from ..client.errors import APIStatusError, NotFoundError

    try:
        return client.devbox.from_id(devbox).shutdown(force=True)
    except NotFoundError:
        return None
    except APIStatusError:  # a devbox that has ended may refuse to end once more
        view = client.devbox.from_id(devbox).get_info()
        if view.status not in ENDED:
            raise
        return view


def end_all(entries: Iterable[T], end_one: Callable[[T], object], seconds: float) -> None:
    """End many at once, within a budget. Those that stay in the ledger are not confirmed."""
    together(entries, end_one, seconds)


def together(entries: Iterable[T], action: Callable[[T], object], seconds: float) -> None:
    """Do the same with many at once, within a budget. What fails is left.

    The threads are daemons: one that hangs must not keep pytest from ending.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    for entry in entries:
        waiting.put(entry)
    threads = [
        threading.Thread(target=_drain, args=(waiting, action), daemon=True, name="runloop-together")
        for _ in range(min(WORKERS, waiting.qsize()))
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _drain(waiting: queue.SimpleQueue[T], action: Callable[[T], object]) -> None:
    while True:
        try:
            entry = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            action(entry)
        except Exception:  # its entry stays, and is reported by that
            continue
