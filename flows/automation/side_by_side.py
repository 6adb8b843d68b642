"""Sessions of one target that work on one queue: whoever is free takes the next piece of work, until there is none, or one of them says that all must stop."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from flows.automation.contract import Unavailable

STOPPED = "stopped"             # what `do` says when nobody may go on


@dataclass(kw_only=True)
class _Queue:
    take: Callable[[], Any]
    do: Callable[[Any, Any], str]
    done: Counter[str]
    most: int
    busy: int = 0
    is_over: bool = False
    free: Condition = field(default_factory=Condition)

    def next(self) -> Any:
        """The next piece of work; None: there is none any more. What nobody may take yet can come free by what others are at: the first of many go alone."""
        with self.free:
            while not self.is_over:
                item = self.take() if self.done.total() + self.busy < self.most else None
                if item is not None:
                    self.busy += 1
                    return item
                if not self.busy:
                    self.stop()
                else:
                    self.free.wait()
            return None

    def ended(self, became: str) -> None:
        with self.free:
            self.busy -= 1
            self.done[became] += 1
            self.is_over |= became == STOPPED
            self.free.notify_all()

    def stop(self) -> None:
        with self.free:
            self.is_over = True
            self.free.notify_all()

    def work(self, session: AbstractContextManager[Any]) -> None:
        try:
            with session as opened:
                while (item := self.next()) is not None:
                    self.ended(self.do(opened, item))
        except Unavailable as error:            # it did not open: nothing was taken for it, the others do its share
            logging.getLogger("meridian.automation").warning("one session less: %s", error)
        except BaseException:
            self.stop()
            raise


def work(
    sessions: Sequence[AbstractContextManager[Any]], take: Callable[[], Any], do: Callable[[Any, Any], str], *, done: Counter[str], most: int,
) -> None:
    """take: the next piece of work, or None; one at a time. do: it, in a session; returns what became of it, which is counted in `done`, up to `most`.
    The first session is open; another one that does not open is left out."""
    queue = _Queue(take=take, do=do, done=done, most=most)
    if len(sessions) == 1:
        queue.work(sessions[0])
        return
    with ThreadPoolExecutor(max_workers=len(sessions), thread_name_prefix="session") as threads:
        try:
            for one in [threads.submit(queue.work, session) for session in sessions]:
                one.result()
        finally:
            queue.stop()                        # whoever is interrupted waits for what is under way, and for no more
