"""One window of one stream, read to its end and landed: page by page, resumable after any, deletes behind them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import personal
from connectors.stream import Connector, Cursor, Page, Record, Stream, UnexpectedShape, Window, landed_key, stamp_of
from flows import privacy
from flows.stopping import Stopped
from flows.store import landing as landings
from flows.store import ledger as ledgers

# A sweep that finds more than this share of a stream gone is not believed: a listing cut short looks just like that.
LARGEST_SWEEP = 0.5
FEWEST_TO_DOUBT = 20


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where ingest writes: the landing folder, the ledger, and whose clock counts.

    believe: '<source>/<stream>' whose sweep may take away more than half of the records this once.
    policy: by the source's name, what becomes of personal data; without one it is hashed, and there is no key to do it with.
    stop: whether we were told to end, asked between pages.
    keep: called with a sealed batch and its checksum, before the ledger knows of it. disk: tells this landing from those of other hosts.
    read_from: by the source's name, from when on a stream that is asked by time is read at first; None: as far back as the source tells.
    """

    landing: Path
    ledger: ledgers.Ledger
    clock: Callable[[], datetime]
    believe: frozenset[str] = frozenset()
    policy: Callable[[str], personal.Policy] = lambda source: personal.Policy()
    read_from: Callable[[str], datetime | None] = lambda source: None
    stop: Callable[[], bool] = lambda: False
    keep: Callable[[landings.Place, str], None] = lambda where, sha256: None
    disk: str | None = None


def index_of(store: Store, connector: Connector, stream: Stream) -> landings.Index:
    """What is alive of a stream by all that has landed, brought up to date. The caller closes it."""
    known = [row["path"] for row in ledgers.list_batches(store.ledger, connector.name, stream.name) if row["verdict"] != "rejected"]
    stamp = (lambda record: stamp_of(stream, record)) if stream.stamps else None
    return landings.Index(store.landing, connector.name, stream.name, known, stamps=" ".join(stream.stamps), stamp=stamp)


def read_window(
    connector: Connector, stream: Stream, store: Store, left_behind: ledgers.Reading | None, notes: list[str],
) -> tuple[ledgers.Reading, bool, int | None]:
    """Read one window to its end and seal it. Returns the finished reading, whether there was anything to land, and how many records a whole read met.

    A window that ends before the cursor is of the past: it lands only what is not there yet, and what the stream was read up to stays as it is.
    """
    guard = privacy.guard(connector.name, stream, store.policy(connector.name), store.ledger)
    state = ledgers.stream_state(store.ledger, connector.name, stream.name, connector.kind)
    of_the_past = left_behind is not None and is_of_the_past(left_behind, state)
    index = index_of(store, connector, stream) if of_the_past or stream.deletes in ("full", "sweep") else None
    try:
        reading = left_behind or _new_reading(connector, stream, store, state)
        where = landings.place(store.landing, connector.name, stream.name, reading.batch)
        swept = False            # of a reading that was killed when complete it is not known: the next night sweeps again
        if not reading.is_complete:
            reading, said = _resume(stream, where, reading, index)
            reading = _read_pages(connector, stream, store, guard, where, reading, index, said, notes)
            if index is not None and not of_the_past and _sweep_is_due(stream, state, store.clock()):
                reading = _land_deletes(connector, stream, store, guard, where, reading, index, said)
                swept = True
            reading = replace(reading, is_complete=True)
            ledgers.save_reading(store.ledger, reading)
        landed = reading.size > 0
        sha256 = landings.seal(where) if landed else None
        if sha256 is not None:
            store.keep(where, sha256)
        ledgers.finish_reading(
            store.ledger, reading, kind=connector.kind, feeds=stream.feeds or f"{connector.kind}.{stream.name}",
            path=where.relative if landed else None, sha256=sha256, at=store.clock(),
            cursor=_next_cursor(stream.cursor, reading, state.cursor), memory=_memory(reading), swept=swept, of_the_past=of_the_past,
        )
        met = index.met(reading.batch) if index is not None and stream.deletes == "full" else None
        if index is not None:
            index.forget_alive()
        return reading, landed, met
    finally:
        if index is not None:
            index.close()


def _new_reading(connector: Connector, stream: Stream, store: Store, state: ledgers.StreamState) -> ledgers.Reading:
    start = stream.earliest
    if stream.cursor is not None and state.cursor is not None:
        start = state.cursor - stream.cursor.overlap
    elif stream.cursor is not None:
        since = None if stream.is_master else store.read_from(connector.name)
        start = max(filter(None, (start, since)), default=None)
        ledgers.first_mark(store.ledger, beginning_of(connector.name, stream.name), ledgers.text(start) or "")
    return reading_of(connector, stream, store, start, store.clock())


def beginning_of(source: str, stream: str) -> str:
    """The ledger's mark of the instant from which on the nights have read a stream; empty: from the beginning."""
    return f"{source}/{stream} is read from"


def is_of_the_past(reading: ledgers.Reading, state: ledgers.StreamState) -> bool:
    """Whether this window lies before what was read already: of a gap, or of a backfill."""
    return state.cursor is not None and reading.window_end <= state.cursor


def forget(store: Store, reading: ledgers.Reading) -> None:
    """Drop a reading of the past that was left behind: it is begun anew by whoever wants it, because what the nights have landed since is newer,
    and because a window that cannot be read must not keep a stream from being read on."""
    landings.discard(landings.place(store.landing, reading.source, reading.stream, reading.batch))
    ledgers.drop_reading(store.ledger, reading)


def reading_of(
    connector: Connector, stream: Stream, store: Store, start: datetime | None, end: datetime, *, behind: str | None = None,
) -> ledgers.Reading:
    """behind: a batch that was begun and whose name is not to be used again."""
    last = max(filter(None, (ledgers.last_batch(store.ledger, connector.name, stream.name), behind)), default=None)
    reading = ledgers.Reading(source=connector.name, stream=stream.name, batch=landings.next_batch(last, store.clock()), window_start=start, window_end=end)
    ledgers.save_reading(store.ledger, reading, disk=store.disk)
    return reading


def taken_over(connector: Connector, stream: Stream, store: Store, left_behind: ledgers.Reading) -> ledgers.Reading:
    """The reading as it goes on here. The part file of one that another host began is on that host's disk, as is what it had met: its window is read
    anew, under a name of its own, because that host may come back with its file."""
    disk = ledgers.disk_of_reading(store.ledger, left_behind)
    if store.disk is None or disk in (None, store.disk):
        return left_behind
    return reading_of(connector, stream, store, left_behind.window_start, left_behind.window_end, behind=left_behind.batch)


def _resume(
    stream: Stream, where: landings.Place, reading: ledgers.Reading, index: landings.Index | None,
) -> tuple[ledgers.Reading, dict[str, bytes]]:
    """Cut off a torn page; returns the reading to go on from and what this batch already says of each key (for comparing)."""
    if reading.pages and reading.position is None:
        # The connector cannot go on from there: the window starts again, the batch keeps its name.
        reading = replace(reading, size=0, records=0, deletes=0, pages=0, high_water=None)
    try:
        landings.reopen(where, reading.size)
    except FileNotFoundError:
        reading = replace(reading, size=0, records=0, deletes=0, pages=0, position=None, high_water=None)
        landings.reopen(where, 0)
    if reading.pages == 0 and index is not None:
        index.forget_alive()
    said: dict[str, bytes] = {}
    if index is not None and reading.size:
        for landed in landings.read_lines(where.part):
            said[landed["key"]] = landings.digest(landed["record"])
    return reading, said


def _read_pages(
    connector: Connector, stream: Stream, store: Store, guard: personal.Guard, where: landings.Place, reading: ledgers.Reading,
    index: landings.Index | None, said: dict[str, bytes], notes: list[str],
) -> ledgers.Reading:
    window = Window(start=reading.window_start, end=reading.window_end)
    for page in read_pages(connector, stream, window, reading.position if reading.pages else None):
        notes += [f"{subject}: {reason}" for subject, reason in page.notes.items()]
        news: Iterable[tuple[str, Record]] = ((guard.key(landed_key(stream, record)), guard.record(record)) for record in page.records)
        if index is not None:
            keyed = list(news)
            if stream.deletes == "full":
                index.note_alive(reading.batch, (key for key, _ in keyed))
            news = _news(keyed, index, said)
        deletes = [key for key in map(guard.key, page.deleted) if index is None or key in said or key in index]
        for key in deletes:
            said[key] = landings.digest(None)
        reading = _land(store, where, reading, news, deletes, position=page.position, high_water=page.high_water, part=page.part)
        del page, news         # before the next one is parsed
        if store.stop():
            raise Stopped("told to end between two pages")
    return reading


def read_pages(connector: Connector, stream: Stream, window: Window, resume: Any = None) -> Iterator[Page]:
    """The connector's pages; what it stumbles over is an UnexpectedShape that quotes nothing."""
    try:
        yield from connector.read(stream, window, resume=resume)
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(connector, stream, error) from None


def unreadable(connector: Connector, stream: Stream, error: Exception) -> UnexpectedShape:
    """Where it failed tells enough; what it failed on may be somebody's name or address."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}{f' {error}' if isinstance(error, KeyError) else ''} in {Path(at.filename).name}, line {at.lineno}"
    return UnexpectedShape(
        f"the answer could not be read: {what}", source=connector.name, stream=stream.name, mend="see what changed at the source; nothing was lost")


def _news(keyed: list[tuple[str, Record]], index: landings.Index, said: dict[str, bytes]) -> list[tuple[str, Record]]:
    """Records that say something else than what was last landed of their key."""
    news = []
    for key, record in keyed:
        digest = landings.digest(record)
        if (said[key] if key in said else index.last_said(key)) != digest:
            said[key] = digest
            news.append((key, record))
    return news


def _land(
    store: Store, where: landings.Place, reading: ledgers.Reading, news: Iterable[tuple[str, Record]], deletes: list[str], *,
    position: Any, high_water: datetime | None, part: str = "",
) -> ledgers.Reading:
    """One page, on disk and then in the ledger."""
    ordinal = reading.records + reading.deletes
    lines = [landings.line(key, ordinal + number, record, part) for number, (key, record) in enumerate(news)]
    records = len(lines)
    lines += [landings.line(key, ordinal + records + number, None) for number, key in enumerate(deletes)]
    size = landings.append(where, lines, reading.size) if lines else reading.size
    reading = replace(
        reading, size=size, records=reading.records + records, deletes=reading.deletes + len(deletes), pages=reading.pages + 1,
        position=position, high_water=max(filter(None, (reading.high_water, high_water)), default=None),
    )
    ledgers.save_reading(store.ledger, reading)
    return reading


def _sweep_is_due(stream: Stream, state: ledgers.StreamState, now: datetime) -> bool:
    if stream.deletes == "full" or state.last_swept_at is None:
        return True
    # Half a day early is on time: nightly runs do not start to the second.
    return now - state.last_swept_at >= timedelta(days=stream.sweep_every) - timedelta(hours=12)


def _land_deletes(
    connector: Connector, stream: Stream, store: Store, guard: personal.Guard, where: landings.Place, reading: ledgers.Reading,
    index: landings.Index, said: dict[str, bytes],
) -> ledgers.Reading:
    """What was alive and is not there any more, landed as deletes."""
    if stream.deletes == "sweep":
        if not index.size():
            return reading
        index.forget_alive()
        index.note_alive(reading.batch, map(guard.key, connector.keys(stream)))
    deleted = landings.digest(None)
    gone = [key for key in index.gone(reading.batch) if said.get(key) != deleted]
    name = f"{connector.name}/{stream.name}"
    if len(gone) >= FEWEST_TO_DOUBT and len(gone) > LARGEST_SWEEP * index.size() and name not in store.believe:
        raise UnexpectedShape(
            f"{len(gone)} of {index.size()} records seem to be gone", source=connector.name, stream=stream.name,
            mend=f"look at what our account may see there; if they really were deleted: meridian nightly --believe {name}",
        )
    return _land(store, where, reading, [], gone, position=reading.position, high_water=None) if gone else reading


def _next_cursor(cursor: Cursor | None, reading: ledgers.Reading, before: datetime | None) -> datetime | None:
    """Never past what is final at the source, never backwards."""
    if cursor is None:
        return None
    reached = reading.window_end - cursor.lag
    if reading.high_water is not None:
        reached = min(reached, reading.high_water)
    return max(filter(None, (before, reached)))


def _memory(reading: ledgers.Reading) -> Any:
    """What the connector wants handed back at the next start; None: nothing new to remember."""
    return reading.position.get("memory") if isinstance(reading.position, dict) else None
