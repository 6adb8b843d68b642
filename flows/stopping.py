"""Stopping: who tells a night or a backfill to end (a shutdown, a cancellation in Prefect, Ctrl-C) is answered between pages and steps, not within them.

Prefect's own answer to SIGTERM is an exception wherever the main thread happens to be: within a transaction it kept the ledger locked for all others.
Here the signal is only remembered; whoever reads finishes the page it is on, dbt (whose work is a cache) is killed, and the run ends by name. A second
Ctrl-C is answered as ever; a second SIGTERM is not: a shutdown sends one to us and one to the worker, who hands it on. Prefect kills 30 s after it has
asked: that loses nothing either, but leaves its state to the reconciler.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """We were told to end, and have come to where that is clean."""


@dataclass(kw_only=True)
class Stop:
    """Whether somebody told us to end, and what is to be done at once when they do."""

    told: threading.Event = field(default_factory=threading.Event)
    by: str = ""
    _at_once: list[Callable[[], object]] = field(default_factory=list)

    def __call__(self) -> bool:
        return self.told.is_set()

    def tell(self, by: str) -> None:
        self.by = self.by or by
        self.told.set()
        for act in list(self._at_once):
            act()

    def check(self) -> None:
        """Raises Stopped when we were told to end."""
        if self():
            raise Stopped(f"told to end by {self.by}")

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise Stopped as soon as we are told to end."""
        self.told.wait(seconds)
        self.check()

    @contextmanager
    def at_once(self, act: Callable[[], object]) -> Iterator[None]:
        """Within: `act` is called in the moment that somebody tells us, and now when they have already."""
        self._at_once.append(act)
        try:
            if self():
                act()
            yield
        finally:
            self._at_once.remove(act)


@contextmanager
def answering(stop: Stop) -> Iterator[None]:
    """Within: SIGTERM and SIGINT tell `stop`; a second SIGINT is answered as it would have been without us. In a thread that is not the main one: nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}

    def heard(number: int, _frame: object) -> None:
        if stop() and number == signal.SIGINT:
            signal.signal(number, before[number])
            os.kill(os.getpid(), number)
        else:
            stop.tell(signal.Signals(number).name)

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
