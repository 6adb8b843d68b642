"""Days of the past, read run by run: what has not landed yet lands, what the nights have read up to stays as it is, and every day ends by name.

A run of neighbouring days is one window. Killed within it, it is begun anew: what a night may have landed in between is newer than what was half read.
The nights go first. A backfill reads under the lease `READING`; it lets go of that within a page when a night has begun, and a night waits for that long.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.stream import Connector, Page, QuotaExhausted, Record, SourceError, Stream, Window, stamp_of
from flows.reading import Store, forget, is_of_the_past, read_window, reading_of
from flows.store import grid, leases
from flows.store import ledger as ledgers
from flows.store.grid import Key
from flows.store.refused import StoreError

READING, PUBLISHING = "reading the past", "publishing the past"
PATIENCE = {READING: 600.0, PUBLISHING: 7200.0}      # seconds that a night has: for a page, for a build from the whole landing
IN_A_ROW = 3                          # a stream that fails so often one after another is not asked for every further day


class Stopped(Exception):
    """The backfill has to let go: a night has begun, or it was told to end."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whose backfill this is: its name, the process, the person, the zone that days are of; stop: why it must let go, asked before every page."""

    job: str
    owner: str
    who: str
    zone: ZoneInfo
    stop: Callable[[], str | None] = lambda: None
    say: Callable[[str], None] = lambda line: None


@dataclass
class Outcome:
    """What became of the days of one stream. ended: done, empty or failed; left: why the rest waits."""

    source: str
    stream: str
    ended: dict[Key, str] = field(default_factory=dict)
    records: int = 0
    requests: int = 0
    left: str | None = None


@dataclass
class Watched:
    """A connector whose pages are counted by the day of their records, and who lets go between two of them."""

    connector: Connector
    turn: Turn
    window: Window
    met: Counter[date] = field(default_factory=Counter)
    undated: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connector, name)

    def read(self, stream: Stream, window: Window, resume: Any = None) -> Iterator[Page]:
        for page in self.connector.read(stream, window, resume=resume):
            for record in page.records:
                self._count(stream, record)
            self.undated += len(page.deleted)
            yield page
            let_go_if_told(self.turn)

    def _count(self, stream: Stream, record: Record) -> None:
        stamps = stream.stamps or ((stream.cursor.field,) if stream.cursor else ())
        at = stamp_of(replace(stream, stamps=stamps), record)
        if at is None:
            self.undated += 1
        elif self.window.start is not None and self.window.start <= at < self.window.end:      # a page may reach beyond what was asked for
            self.met[at.astimezone(self.turn.zone).date()] += 1


def let_go_if_told(turn: Turn) -> None:
    if reason := turn.stop():
        raise Stopped(reason)


def read_days(connector: Connector, stream: Stream, store: Store, runs: Sequence[Sequence[date]], turn: Turn) -> Outcome:
    """Read these days of one stream. Never raises a SourceError: a day that fails says why and the next one is read. Stopped: some are left."""
    outcome = Outcome(source=connector.name, stream=stream.name)
    before, in_a_row = connector.requests_made(stream.name), 0
    try:
        for days in runs:
            let_go_if_told(turn)
            if why := _must_wait(connector, stream, store, grid.day_window(min(days), max(days), turn.zone)[1]):
                outcome.left = why
                break
            try:
                outcome.records += _read_run(connector, stream, store, days, turn, outcome)
                in_a_row = 0
            except QuotaExhausted as error:
                outcome.left = str(error)
                break
            except (SourceError, StoreError, OSError) as error:
                in_a_row += 1
                _fail(store, connector, stream, days, turn, outcome, str(error))
                if in_a_row == IN_A_ROW:
                    outcome.left = f"failed {IN_A_ROW} times in a row: {error}"
                    break
    except Stopped as reason:
        outcome.left = str(reason)
    outcome.requests = connector.requests_made(stream.name) - before
    return outcome


def _must_wait(connector: Connector, stream: Stream, store: Store, end: datetime) -> str | None:
    """A night's reading that was interrupted goes on first; another backfill's is begun anew. What the nights have not read yet is theirs."""
    state = ledgers.stream_state(store.ledger, connector.name, stream.name, connector.kind)
    if state.cursor is None or end > state.cursor:
        return f"the nights have read it up to {state.cursor:%Y-%m-%d %H:%M} UTC only; what is newer is theirs" if state.cursor else grid.READ_BY_THE_NIGHT
    left_behind = ledgers.current_reading(store.ledger, connector.name, stream.name)
    if left_behind is None:
        return None
    if not is_of_the_past(left_behind, state):
        return "a night was interrupted in reading it; the next night goes on there, and a backfill behind it"
    forget(store, left_behind)
    return None


def _read_run(connector: Connector, stream: Stream, store: Store, days: Sequence[date], turn: Turn, outcome: Outcome) -> int:
    keys: list[Key] = [(connector.name, stream.name, day) for day in days]
    start, end = grid.day_window(min(days), max(days), turn.zone)
    grid.set_running(store.ledger, keys, turn.owner, is_running=True)
    for held in (grid.LEASE, READING):
        leases.extend(store.ledger, held, turn.owner, now=store.clock())
    watched = Watched(connector, turn, Window(start=start, end=end))
    requests, began = connector.requests_made(stream.name), time.monotonic()
    reading = reading_of(connector, stream, store, start, end)
    try:
        reading, _, _ = read_window(watched, stream, store, reading, [])
    except BaseException as error:
        with suppress(OSError):      # a disk that is full; whoever comes next forgets it
            forget(store, reading)
        if not isinstance(error, SourceError | OSError) or isinstance(error, QuotaExhausted):
            grid.set_running(store.ledger, keys, turn.owner, is_running=False)
        raise
    batch = grid.batch_of_window(store.ledger, connector.name, stream.name, start, end)
    each = {"requests": (connector.requests_made(stream.name) - requests) / len(days), "seconds": (time.monotonic() - began) / len(days), "batch": batch}
    ended = {key: "done" if watched.met[key[2]] or watched.undated else "empty" for key in keys}
    grid.finish(store.ledger, {key: {"state": state, "met": watched.met[key[2]], **each} for key, state in ended.items()},
                job=turn.job, who=turn.who, at=store.clock())
    outcome.ended |= ended
    met = sum(watched.met.values()) + watched.undated
    turn.say(f"{connector.name}/{stream.name} {min(days)} to {max(days)}: {met:,} records at the source, {reading.records + reading.deletes:,} landed")
    return reading.records + reading.deletes


def _fail(store: Store, connector: Connector, stream: Stream, days: Sequence[date], turn: Turn, outcome: Outcome, why: str) -> None:
    keys = [(connector.name, stream.name, day) for day in days]
    grid.finish(store.ledger, {key: {"state": "failed", "why": why} for key in keys}, job=turn.job, who=turn.who, at=store.clock())
    outcome.ended |= dict.fromkeys(keys, "failed")
    turn.say(f"{connector.name}/{stream.name} {min(days)} to {max(days)}: failed: {why}")


def wait_for_a_backfill(
    ledger: ledgers.Ledger, lease: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Called by a night: a backfill that holds `lease` is waited for as long as PATIENCE says. Raises LeaseTaken when it does not let go."""
    waited, step = 0.0, 1.0
    while holder := leases.holder(ledger, lease, now=clock()):
        if waited == 0:
            say(f"waits for a backfill: {lease}")
        if waited >= PATIENCE[lease]:
            raise leases.LeaseTaken(f"{lease!r} was not let go for {waited / 60:.0f} minutes by {leases.process_of(holder)}; stop it, then run again")
        sleep(step)
        waited += step
        step = min(step * 1.5, 15.0)
