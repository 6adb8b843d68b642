"""What a backfill is going to do: which days of which streams, what it leaves out and why, and what that will cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from flows.backfill_form import Form, chosen
from flows.settings import Settings
from flows.store import grid
from flows.store import ledger as ledgers
from flows.store.grid import Cell, Key, Known

WANTED: Mapping[str, tuple[str, ...]] = {
    "missing": ("missing",),
    "missing and failed": ("missing", "failed"),
    "everything": ("missing", "failed", "done", "empty", "restated", "out of reach", "skipped"),
    "rebuild marts only": (),
}
SECONDS_A_REQUEST = 1.0       # where nothing is known of a source yet


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of one stream. requests and seconds: what its days have cost before, or what its nights do."""

    source: str
    stream: str
    days: int
    requests: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Neighbouring days of a stream that the mode asked for and that are not read, and why."""

    source: str
    stream: str
    first: date
    last: date
    days: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """runs: by (source, stream) the days that are read in one go, in their order."""

    runs: Mapping[tuple[str, str], Sequence[Sequence[date]]]
    left_out: Sequence[LeftOut]
    estimates: Sequence[Estimate]
    seconds: float

    @property
    def keys(self) -> list[Key]:
        return [(*stream, day) for stream, runs in self.runs.items() for run in runs for day in run]

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.estimates)


def make(settings: Settings, ledger: ledgers.Ledger, form: Form, known: Sequence[Known], *, without: Collection[Key] = ()) -> Plan:
    """without: days that this backfill has done already."""
    cells = grid.read(ledger, chosen(form, known), form.start_day, form.end_day, zone=settings.zone, now=settings.clock())
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    refused: list[Cell] = []
    for cell in cells:
        if cell.state not in WANTED[form.mode] or (cell.source, cell.stream, cell.day) in without:
            continue
        if cell.can_be_read and cell.state != "skipped":
            days[cell.source, cell.stream].append(cell.day)
        else:
            refused.append(cell)
    newest_first = form.order == "newest first"
    runs = {stream: list(grid.runs_of(sorted(found, reverse=newest_first), form.days_at_once)) for stream, found in days.items()}
    estimates = _estimates(ledger, runs)
    return Plan(runs=runs, left_out=_left_out(refused), estimates=estimates, seconds=_seconds(settings, estimates))


def _left_out(refused: Sequence[Cell]) -> list[LeftOut]:
    found = []
    for (source, stream, why), same in groupby(refused, key=lambda cell: (cell.source, cell.stream, _why_not(cell))):
        days = [cell.day for cell in same]
        found.append(LeftOut(source=source, stream=stream, first=days[0], last=days[-1], days=len(days), why=why))
    return found


def _why_not(cell: Cell) -> str:
    return f"skipped by {cell.who}: {cell.why}" if cell.state == "skipped" else cell.why or cell.state


def _estimates(ledger: ledgers.Ledger, runs: Mapping[tuple[str, str], Sequence[Sequence[date]]]) -> list[Estimate]:
    nights = [result for night in ledgers.list_nights(ledger, limit=7) for result in (night["report"] or {}).get("streams", [])]
    found = []
    for (source, stream), parts in runs.items():
        count = sum(map(len, parts))
        known = grid.cost_of_a_day(ledger, source, stream)
        told = [result for result in nights if (result["source"], result["stream"]) == (source, stream) and result["state"] == "read"]
        if known is not None:
            requests, seconds = known[0] * count, known[1] * count
        elif told:      # the newest of them read a day, as a run of neighbours does; the first of all nights read the whole history
            requests, seconds = told[0]["requests"] * len(parts), told[0]["seconds"] * len(parts)
        else:
            requests, seconds = len(parts), len(parts) * SECONDS_A_REQUEST
        found.append(Estimate(source=source, stream=stream, days=count, requests=max(len(parts), round(requests)), seconds=round(seconds, 1)))
    return found


def _seconds(settings: Settings, estimates: Sequence[Estimate]) -> float:
    """Streams are read side by side; those of one source share what it allows a minute."""
    longest = 0.0
    for source in {one.source for one in estimates}:
        mine = [one for one in estimates if one.source == source]
        allowed = settings.configuration.sources[source].options.get("requests_per_minute")
        paced = 60 * sum(one.requests for one in mine) / allowed if allowed else 0.0
        longest = max(longest, paced, *(one.seconds for one in mine))
    return longest


def text(plan: Plan, form: Form) -> str:
    """The plan for people: what a dry run prints."""
    if form.mode == "rebuild marts only":
        return "would build the marts anew from the whole landing and publish them; no source is asked"
    lines = [f"would read {len(plan.keys):,} days of {len(plan.runs)} streams, {form.start_day} to {form.end_day}: "
             f"about {plan.requests:,} requests, {_duration(plan.seconds)}" if plan.runs else f"nothing to read from {form.start_day} to {form.end_day}"]
    lines += [f"  {one.source + '/' + one.stream:<36} {one.days:>5,} days  {len(plan.runs[one.source, one.stream]):>5,} readings  "
              f"~{one.requests:>6,} requests  ~{_duration(one.seconds)}" for one in plan.estimates]
    if form.budget:
        over = {one.source for one in plan.estimates if sum(other.requests for other in plan.estimates if other.source == one.source) > form.budget}
        lines += [f"  {source}: the budget of {form.budget:,} requests will not do for all of it; ask the same again to go on" for source in sorted(over)]
    lines += ["left out:"] if plan.left_out else []
    lines += [f"  {one.source + '/' + one.stream:<36} {one.first} to {one.last}: {one.why}" for one in plan.left_out]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
