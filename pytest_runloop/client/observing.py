"""Tells whoever wants to know what a client does, call by call."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..contract.endpoint import Endpoint


@dataclass(slots=True)
class Call:
    """A call of the API, repetitions included.

    :param endpoint: the call.
    :param path: the path parameters.
    :param values: the other parameters and the options of a request, as the caller gave them.
    :param at: when it began, in seconds since the epoch.
    :param seconds: how long it took; of a stream, how long it was open.
    :param answer: what the caller got; `None` of a stream.
    :param error: what was raised to the caller.
    """

    endpoint: Endpoint[Any]
    path: Mapping[str, str]
    values: Mapping[str, Any] = field(repr=False)
    at: float
    seconds: float = 0.0
    answer: Any = field(default=None, repr=False)
    error: BaseException | None = None


class Observer(Protocol):
    """Is told what a client does, in the thread of the caller; it must neither raise nor wait."""

    def called(self, call: Call) -> None:
        """A call is over. Its error must not be kept: it holds the frames that it went through."""

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """Somebody asked how a command ended."""

    def unfit(self, devbox_id: str, why: str) -> None:
        """Processes of a command that was ended may live on in a devbox."""


@contextmanager
def observed(
    observer: Observer | None, endpoint: Endpoint[Any], path: Mapping[str, str], values: Mapping[str, Any]
) -> Iterator[Call]:
    """Tell an observer of a call when it is over.

    :return: the call, which is to be given its answer.
    """
    call = Call(endpoint, path, values, time.time())
    start = time.monotonic()
    try:
        yield call
    except BaseException as error:
        call.error = error
        raise
    finally:
        call.seconds = time.monotonic() - start
        if observer is not None:
            observer.called(call)
