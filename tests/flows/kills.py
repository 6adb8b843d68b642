"""Dying at a chosen step, as a process does that is killed there."""

from __future__ import annotations

import os
import signal
from typing import Any


def die_at(module: Any, name: str, call: int, *, before: bool) -> None:
    """From now on the n-th call of `module.name` kills this process: just before it does its work, or just behind it."""
    step, calls = getattr(module, name), iter(range(1, 10_000))

    def deadly(*arguments: Any, **named: Any) -> Any:
        due = next(calls) == call
        if due and before:
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = step(*arguments, **named)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    setattr(module, name, deadly)


def at_page(number: int, told: signal.Signals) -> str:
    """For a process yet to start: at the page of this number, before it is landed, it gets this signal."""
    return f"""
import os
import flows.store.landing as landings
append, pages = landings.append, []
def due(*given):
    pages.append(1)
    len(pages) < {number} or os.kill(os.getpid(), {int(told)})
    return append(*given)
landings.append = due
"""
