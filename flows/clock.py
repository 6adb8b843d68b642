"""Whose time it is: the wall clock's, or that of a sandbox's company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path


def clock_of(folder: Path, clock_file: str | None) -> Callable[[], datetime]:
    """The wall clock, or that of a sandbox: its file, in `folder`, holds the company's instant and the real instant at which it was set."""
    if clock_file is None:
        return lambda: datetime.now(UTC)
    company_text, real_text = (folder / clock_file).read_text(encoding="utf-8").split()
    company, real = datetime.fromisoformat(company_text), datetime.fromisoformat(real_text)
    return lambda: company + (datetime.now(UTC) - real)
