"""Disk: how many bytes each room of a deployment holds, how much a night adds, and after how many nights the disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from flows.retention import folder_size, readable
from flows.settings import Settings
from flows.store import ledger as ledgers

LOOKS_BACK = 15                     # nights: a fortnight of differences
WARN_NIGHTS = 30                    # fewer than so many until the disk is full are worth a warning


@dataclass(frozen=True, kw_only=True)
class Use:
    """What was there at the end of a night. rooms: bytes by folder of home; free: what the disk had left."""

    at: datetime
    rooms: Mapping[str, int]
    free: int

    @property
    def used(self) -> int:
        return sum(self.rooms.values())

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """growth: bytes that a night adds, by room and in all (the median of the last nights); None while there is one night alone.

    nights_left: until nothing is free; None: it does not grow, or nobody can tell yet.
    """

    use: Use
    growth: Mapping[str, int] | None
    total_growth: int | None
    nights_left: int | None

    @property
    def is_near(self) -> bool:
        return self.nights_left is not None and self.nights_left < WARN_NIGHTS

    @property
    def sentence(self) -> str:
        held = f"{readable(self.use.used)} held, {readable(self.use.free)} free"
        if self.total_growth is None:
            return f"{held}; how much a night adds shows after the second"
        if self.nights_left is None:
            return f"{held}; does not grow"
        return f"{held}; a night adds {readable(self.total_growth)}: full in {self.nights_left:,} nights"


def measure(settings: Settings, now: datetime) -> Use:
    """Rooms are the folders of home; the ledger's files and what lies there loose are one each."""
    rooms: dict[str, int] = {}
    for entry in sorted(settings.home.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            rooms[entry.name] = folder_size(entry)
        elif entry.name.startswith("ledger."):
            rooms["ledger"] = rooms.get("ledger", 0) + entry.lstat().st_size
        else:
            rooms["other"] = rooms.get("other", 0) + entry.lstat().st_size
    return Use(at=now, rooms=rooms, free=shutil.disk_usage(settings.home).free)


def earlier(ledger: ledgers.Ledger) -> list[Use]:
    """What the last nights measured, the oldest first."""
    told = [night["report"]["disk"] for night in ledgers.list_nights(ledger, limit=LOOKS_BACK) if (night["report"] or {}).get("disk")]
    return [Use(at=datetime.fromisoformat(one["at"]), rooms=one["rooms"], free=one["free"]) for one in reversed(told)]


def forecast(uses: Sequence[Use]) -> Forecast:
    """From what nights measured, the oldest first, at least one. The median bears a first load, a rebuild and a pruning; a night of the same day adds to it."""
    last = uses[-1]
    if len(uses) < 2:
        return Forecast(use=last, growth=None, total_growth=None, nights_left=None)
    names = sorted(set().union(*(use.rooms for use in uses)))
    growth = {name: round(median(after.rooms.get(name, 0) - before.rooms.get(name, 0) for before, after in pairwise(uses))) for name in names}
    total = round(median(after.used - before.used for before, after in pairwise(uses)))
    return Forecast(use=last, growth=growth, total_growth=total, nights_left=last.free // total if total > 0 else None)


def table(found: Forecast) -> list[str]:
    """Lines of Markdown: a row for each room."""
    rows = [f"| {name} | {readable(size)} | {readable(found.growth.get(name, 0)) if found.growth is not None else '–'} |"
            for name, size in sorted(found.use.rooms.items(), key=lambda item: -item[1]) if size]
    return ["| disk | holds | a night adds |", "|---|---:|---:|", *rows, "", found.sentence]
