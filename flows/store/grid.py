"""The grid: what became of every day of every stream. Most of it follows from how far the nights have read; what a backfill did, and what somebody
decided to leave out, is kept in a cell of its own.

A day of a stream is what was last changed on it, in the reporting time zone. A cell that is queued or running belongs to the process that holds the
lease of backfills: when that process is dead or has let go, the cell is what it was before, so that no death leaves one running for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sql

from flows.store import completeness, leases
from flows.store.ledger import Ledger, StreamState, batches, instant, list_batches, marks, metadata, nights, stream_states, text
from flows.store.rows import put

State = Literal["missing", "queued", "running", "failed", "done", "empty", "skipped", "restated", "out of reach"]
LEASE = "backfill"
NIGHTS_BACK = 1000
READ_BY_THE_NIGHT = "the next night reads it by itself"
READ_WHOLE = "is read whole every night: what it held on an earlier day is not told any more"

cells = sql.Table(
    "cells", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("day", sql.Text, primary_key=True),
    sql.Column("activity", sql.Text),                       # queued, running: of the backfill of `owner`, while that lives
    sql.Column("owner", sql.Text),
    sql.Column("state", sql.Text),                          # how it ended last: done, empty, failed; or skipped
    sql.Column("why", sql.Text),
    sql.Column("who", sql.Text),
    sql.Column("job", sql.Text),                            # the backfill that brought it there
    sql.Column("at", sql.Text),
    sql.Column("met", sql.BigInteger),                      # records that the source gave for the day
    sql.Column("requests", sql.Float),                      # of several days read in one go, this one's part
    sql.Column("seconds", sql.Float),
    sql.Column("batch", sql.Text),                          # what was new landed as
    sql.Column("restated_in", sql.Text),                    # the version in which numbers of this day changed by it
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A stream as the grid needs it. earliest: before it the source tells nothing. is_by_time: None where only having been read will tell."""

    source: str
    stream: str
    kind: str
    earliest: datetime | None = None
    is_by_time: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One day of one stream. can_be_read: whether a backfill may read it (what the nights have not come to is theirs)."""

    source: str
    stream: str
    kind: str
    day: date
    state: State
    why: str | None = None
    who: str | None = None
    at: datetime | None = None
    met: int | None = None
    job: str | None = None
    restated_in: str | None = None
    can_be_read: bool = True


Key = tuple[str, str, date]


def day_window(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of whole days: [start of first, end of last)."""
    return datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(days=1), time.min, zone)


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def read(ledger: Ledger, known: Sequence[Known], first: date, last: date, *, zone: ZoneInfo, now: datetime, at_rest: bool = False) -> list[Cell]:
    """The cells of these streams from `first` to `last`, both included: stream by stream, in the order of days.

    at_rest: without what waits or runs just now.
    """
    states = {(state.source, state.stream): state for state in stream_states(ledger)}
    gaps = [one for one in completeness.compared(ledger) if one.gap_start is not None]
    landed = list_batches(ledger)
    alive = None if at_rest else leases.holder(ledger, LEASE, now=now)
    with ledger.begin() as connection:
        kept: dict[Key, Mapping[str, Any]] = {
            (row["source"], row["stream"], date.fromisoformat(row["day"])): dict(row) for row in connection.execute(
                sql.select(cells).where(cells.c.day >= first.isoformat(), cells.c.day <= last.isoformat())).mappings()}
        nights_began = list(connection.execute(sql.select(nights.c.started_at).order_by(nights.c.started_at.desc()).limit(NIGHTS_BACK)).scalars())
        began = {row["subject"]: row["mark"] for row in connection.execute(sql.select(marks)).mappings()}
    found = []
    for one in known:
        state = states.get((one.source, one.stream)) or StreamState(source=one.source, stream=one.stream, kind=one.kind)
        mine = [row for row in landed if (row["source"], row["stream"]) == (one.source, one.stream)]
        holes = [gap for gap in gaps if (gap.source, gap.stream) == (one.source, one.stream)]
        # A cursor stays at the last record; what a night that was right found nothing behind, it has read.
        success = text(state.last_success_at) or ""
        read_until = max(filter(None, (state.cursor, instant(next((at for at in nights_began if at <= success), None)))), default=None)
        held = [row for row in mine if row["verdict"] == "held"]
        first_landed = min((row["landed_at"] for row in mine), default=text(state.last_success_at))
        beginning = _beginning(began.get(f"{one.source}/{one.stream} is read from"), mine)
        for day in days_between(first, last):
            derived = _derived(one, day, day_window(day, day, zone), state, (beginning, first_landed, read_until), holes, held)
            row = kept.get((one.source, one.stream, day))
            found.append(derived if row is None else _as_kept(derived, row, alive, holes, day_window(day, day, zone)))
    return found


def _beginning(mark: str | None, landed: Sequence[Mapping[str, Any]]) -> datetime | None:
    """From when on the nights have read; None: from the beginning. An earlier version left no mark: the first batch says it."""
    if mark is None:
        mark = landed[0]["window_start"] if landed else None
    return instant(mark or None)


def _derived(
    one: Known, day: date, window: tuple[datetime, datetime], state: StreamState, began: tuple[datetime | None, str | None, datetime | None],
    holes: Sequence[completeness.Comparison], all_held: Sequence[Mapping[str, Any]],
) -> Cell:
    """What the nights have made of a day. began: from when on they have read, when something landed first, up to when they have read."""
    (start, end), (beginning, first_landed, read_until) = window, began
    cell = Cell(source=one.source, stream=one.stream, kind=one.kind, day=day, state="done")
    if state.cursor is None and (state.last_success_at is not None or one.is_by_time is False):
        if first_landed is not None and (text(end) or "") <= first_landed:
            return replace(cell, state="out of reach", why=READ_WHOLE, can_be_read=False)
        if state.last_success_at is not None and end <= state.last_success_at:
            return replace(cell, can_be_read=False, why=READ_WHOLE)
    elif one.earliest is not None and end <= one.earliest:
        return replace(cell, state="out of reach", why=f"the source tells nothing before {one.earliest:%Y-%m-%d}", can_be_read=False)
    elif state.cursor is not None and read_until is not None and end <= read_until:
        if beginning is not None and start < beginning:
            return replace(cell, state="missing", why=f"the nights read from {beginning.astimezone(start.tzinfo):%Y-%m-%d} on")
        if held := next((row for row in all_held if _meets(row["window_start"], row["window_end"], start, end)), None):
            return replace(cell, state="failed", why=f"held by the checks: {held['reason']}", can_be_read=False)
        if gap := next((gap for gap in holes if _meets(text(gap.gap_start), text(gap.gap_end), start, end)), None):
            return replace(cell, state="missing", why=completeness.sentence(gap))
        return cell if end <= state.cursor else replace(cell, can_be_read=False, why=READ_BY_THE_NIGHT)
    if state.failure is not None:
        return replace(cell, state="failed", why=state.failure, can_be_read=False)
    return replace(cell, state="missing", why=READ_BY_THE_NIGHT, can_be_read=False)


def _meets(first: str | None, last: str | None, start: datetime, end: datetime) -> bool:
    return (first is None or first < (text(end) or "")) and (last is None or last > (text(start) or ""))


def _as_kept(derived: Cell, row: Mapping[str, Any], alive: str | None, holes: Sequence[completeness.Comparison], window: tuple[datetime, datetime]) -> Cell:
    """What is kept of a cell goes before what follows from the nights – but a gap that was found later goes before what a backfill believed."""
    told = replace(derived, who=row["who"], at=instant(row["at"]), met=row["met"], job=row["job"], restated_in=row["restated_in"])
    if row["activity"] is not None and alive is not None and row["owner"] == alive:
        return replace(told, state=row["activity"], why=None)
    if row["state"] in (None, "skipped"):
        return replace(told, state="skipped", why=row["why"]) if row["state"] else derived
    is_found_later = any(_meets(text(gap.gap_start), text(gap.gap_end), *window) and (text(gap.compared_at) or "") > row["at"] for gap in holes)
    if is_found_later or derived.state == "out of reach":
        return derived
    state: State = "restated" if row["restated_in"] and row["state"] != "failed" else row["state"]
    return replace(told, state=state, why=row["why"])


# ---- what a backfill writes down


def queue(ledger: Ledger, keys: Iterable[Key], owner: str) -> None:
    with ledger.begin() as connection:
        for key in keys:
            put(connection, cells, _where(key), {"activity": "queued", "owner": owner})


def set_running(ledger: Ledger, keys: Collection[Key], owner: str, *, is_running: bool) -> None:
    """Running, or back among those that wait – unless this process has let go of them."""
    with ledger.begin() as connection:
        for key in keys:
            here = (cells.c[name] == value for name, value in _where(key).items())
            connection.execute(sql.update(cells).where(*here, cells.c.owner == owner).values(activity="running" if is_running else "queued"))


def finish(ledger: Ledger, ended: Mapping[Key, Mapping[str, Any]], *, job: str, who: str, at: datetime) -> None:
    """How days that were read together ended: by key state, why, met, requests, seconds, batch."""
    with ledger.begin() as connection:
        for key, outcome in ended.items():
            put(connection, cells, _where(key), {
                "why": None, "batch": None, "restated_in": None, **outcome, "activity": None, "owner": None, "job": job, "who": who, "at": text(at)})


def let_go(ledger: Ledger, owner: str) -> None:
    """Nothing of this process waits or runs any more."""
    with ledger.begin() as connection:
        connection.execute(sql.delete(cells).where(cells.c.owner == owner, cells.c.state.is_(None)))
        connection.execute(sql.update(cells).where(cells.c.owner == owner).values(activity=None, owner=None))


def mark_restated(ledger: Ledger, job: str, days: Collection[Key], version: str) -> int:
    """days: whose numbers the version changed. Of these, what this backfill has read is marked. Returns how many."""
    marked = 0
    with ledger.begin() as connection:
        for key in days:
            query = sql.update(cells).where(*(cells.c[name] == value for name, value in _where(key).items()), cells.c.job == job,
                                            cells.c.state.in_(["done", "empty"]))
            marked += connection.execute(query.values(restated_in=version)).rowcount
    return marked


def done_by(ledger: Ledger, job: str) -> set[Key]:
    """What this backfill has finished: it is not done twice when it goes on."""
    with ledger.begin() as connection:
        rows = connection.execute(sql.select(cells).where(cells.c.job == job, cells.c.state.in_(["done", "empty"]))).mappings()
        return {(row["source"], row["stream"], date.fromisoformat(row["day"])) for row in rows}


def skip(ledger: Ledger, keys: Iterable[Key], *, who: str, why: str, at: datetime) -> None:
    """Leave days out on purpose: no backfill reads them until they are taken back. The nights read as ever."""
    with ledger.begin() as connection:
        for key in keys:
            put(connection, cells, _where(key), {"state": "skipped", "why": why, "who": who, "at": text(at), "job": None, "restated_in": None})


def unskip(ledger: Ledger, keys: Iterable[Key]) -> int:
    """Take back what was left out; returns how many days that were."""
    with ledger.begin() as connection:
        return sum(connection.execute(sql.delete(cells).where(*(cells.c[name] == value for name, value in _where(key).items()),
                                                              cells.c.state == "skipped")).rowcount for key in keys)


def first_kept(ledger: Ledger) -> date | None:
    """The oldest day that something is kept of."""
    with ledger.begin() as connection:
        oldest = connection.execute(sql.select(sql.func.min(cells.c.day))).scalar()
    return date.fromisoformat(oldest) if oldest else None


def cost_of_a_day(ledger: Ledger, source: str, stream: str) -> tuple[float, float] | None:
    """(requests, seconds) that a day of this stream has cost backfills on average; None: none was read yet."""
    with ledger.begin() as connection:
        row = connection.execute(sql.select(sql.func.avg(cells.c.requests), sql.func.avg(cells.c.seconds)).where(
            cells.c.source == source, cells.c.stream == stream, cells.c.requests.is_not(None))).one()
    return (float(row[0]), float(row[1])) if row[0] is not None else None


def batch_of_window(ledger: Ledger, source: str, stream: str, start: datetime, end: datetime) -> str | None:
    """The last batch that landed of exactly this window: what a backfill that died behind it has brought."""
    with ledger.begin() as connection:
        return connection.execute(sql.select(sql.func.max(batches.c.batch)).where(
            batches.c.source == source, batches.c.stream == stream, batches.c.window_start == text(start), batches.c.window_end == text(end))).scalar()


def runs_of(days: Sequence[date], most: int) -> Iterator[list[date]]:
    """Neighbours together, at most `most` at once, in the order in which the days come (oldest or newest first)."""
    together: list[date] = []
    for day in days:
        if together and (abs((day - together[-1]).days) != 1 or len(together) == most):
            yield together
            together = []
        together.append(day)
    if together:
        yield together


def _where(key: Key) -> dict[str, str]:
    return {"source": key[0], "stream": key[1], "day": key[2].isoformat()}
