"""Reconcile: ask every source what it holds of a window, and compare that with what was landed.

A stream that names its stamps is asked for the keys of the last days up to what it was read to, and of one older slice, which is chosen by the date
so that over time the whole history is looked at. What is missing or stale becomes a gap, which the next night's ingest reads again. A stream that is
read whole every night is compared by what that reading met. All others cost nothing and say why they were not compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from connectors.personal import Guard
from connectors.stream import Connector, Listed, Lists, SourceError, Stream, Window, landed_key, stamp_of
from flows import privacy
from flows.ingest import StreamResult
from flows.reading import Store, index_of, read_pages, unreadable
from flows.store import completeness, landing
from flows.store import ledger as ledgers
from flows.store.completeness import Comparison, Part

# The source's clock may be ahead of ours, and what was changed a moment ago must be seen to have moved out of the window.
AHEAD = timedelta(hours=1)
GOLDEN = (math.sqrt(5) - 1) / 2
REMEMBERED = timedelta(days=90)
SHOWN = 20


class TooMuch(Exception):
    """A window takes more requests than one comparison may cost."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """recent: how far back from what was read is compared every night, and how long an older slice is. requests: that one window may cost."""

    recent: timedelta = timedelta(days=7)
    requests: int = 60


def reconcile_stream(connector: Connector, stream: Stream, store: Store, *, day: date, read: StreamResult, bounds: Bounds) -> list[Comparison]:
    """Compare a stream that was read tonight and remember what was found. Never raises a SourceError: what could not be compared says why."""
    base = Comparison(source=connector.name, stream=stream.name, day=day, part="recent", kind=connector.kind, compared_at=store.clock())
    if read.state == "failed":
        found = [replace(base, reason=f"not read tonight: {read.failure}")]
    elif stream.stamps and not bounds.requests:
        found = [replace(base, reason="switched off (compare_requests = 0 in meridian.toml)")]
    elif stream.stamps:
        found = list(_by_keys(connector, stream, store, base, bounds))
    elif stream.deletes == "full" and read.met is not None:
        found = [_whole(connector, stream, store, replace(base, part="whole"), read.met)]
    else:
        found = [replace(base, reason=stream.incomparable or "its source has no cheap way to tell what it holds")]
    completeness.remember(store.ledger, found)
    return found


def older_slice(earliest: datetime | None, recent: datetime, length: timedelta, day: date) -> tuple[datetime, datetime] | None:
    """The slice of [earliest, recent) that this day looks at; None when there is nothing older.

    Multiples of the golden ratio never fall close together: of n slices each is met within some 2n days, and no two days in a row look at the same part.
    """
    if earliest is None or earliest >= recent:
        return None
    number = int(day.toordinal() * GOLDEN % 1 * math.ceil((recent - earliest) / length))
    start = earliest + number * length
    return start, min(start + length, recent)


def _by_keys(connector: Connector, stream: Stream, store: Store, base: Comparison, bounds: Bounds) -> Iterator[Comparison]:
    cursor = ledgers.stream_state(store.ledger, connector.name, stream.name, connector.kind).cursor
    if cursor is None:
        yield replace(base, reason="it was never read to its end")
        return
    end = min(cursor, store.clock())
    start, ahead = end - bounds.recent, store.clock() + AHEAD
    guard = privacy.guard(connector.name, stream, store.policy(connector.name), store.ledger)
    index = index_of(store, connector, stream)
    try:
        recent: Mapping[str, datetime | None] = {}
        parts: list[tuple[Part, datetime, datetime, datetime]] = [("recent", start, end, ahead)]
        if older := _slice(store, base, index, start, bounds):
            parts.append(("older", *older, older[1]))
        for part, first, last, listed_to in parts:
            one = replace(base, part=part, window_start=first, window_end=last)
            before = connector.requests_made(stream.name)
            try:
                listed = _listed(connector, stream, Window(start=first, end=listed_to), guard, bounds.requests)
                found = _compare(replace(one, method="keys"), listed, recent, index)
            except TooMuch:
                found = replace(one, reason=f"the window takes more than {bounds.requests} requests (compare_requests in meridian.toml)")
            except SourceError as error:
                found = replace(one, reason=str(error))
            yield replace(found, requests=connector.requests_made(stream.name) - before)
            if found.method is None:
                return
            recent = listed
    finally:
        index.close()


def _slice(store: Store, base: Comparison, index: landing.Index, recent: datetime, bounds: Bounds) -> tuple[datetime, datetime] | None:
    """Today's older slice; or once more the last one, when something was missing there, to see that reading it again has mended it."""
    before = [one for one in completeness.compared(store.ledger, since=base.day - REMEMBERED, source=base.source, stream=base.stream)
              if one.part == "older" and one.day < base.day]
    windows = [(one.window_start, one.window_end) for one in before if one.window_start and one.window_end]
    if before and before[-1].missing and windows[-1] not in windows[-2:-1]:
        return windows[-1]
    # What was landed of the first days may be lost as a whole: it is remembered that there once was something.
    earliest = min(filter(None, [index.earliest(), *(start for start, _ in windows)]), default=None)
    return older_slice(earliest, recent, bounds.recent, base.day)


def _listed(connector: Connector, stream: Stream, window: Window, guard: Guard, most: int) -> dict[str, datetime | None]:
    """What the source has in the window: keys as they land, with their stamps. Raises TooMuch."""
    before = connector.requests_made(stream.name)
    listed: dict[str, datetime | None] = {}
    for page in _pages(connector, stream, window):
        listed.update((guard.key(key), stamp) for key, stamp in page)
        if connector.requests_made(stream.name) - before > most:
            raise TooMuch
    return listed


def _pages(connector: Connector, stream: Stream, window: Window) -> Iterator[Listed]:
    """What the connector lists; of one that cannot, the window is read and the records are let go."""
    if not isinstance(connector, Lists):
        for page in read_pages(connector, stream, window):
            yield [(landed_key(stream, record), stamp_of(stream, record)) for record in page.records]
        return
    try:
        yield from connector.listed(stream, window)
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(connector, stream, error) from None


def _compare(one: Comparison, listed: Mapping[str, datetime | None], later: Mapping[str, datetime | None], index: landing.Index) -> Comparison:
    """later: what was seen behind the window; a record that was changed since is there and not here."""
    assert one.window_start is not None and one.window_end is not None
    inside = {key: stamp for key, stamp in listed.items() if stamp is None or one.window_start <= stamp < one.window_end}
    missing = [key for key in inside if key not in index]
    stale = [key for key, stamp in inside.items() if stamp and (landed := index.stamp_of(key)) and landed < stamp]
    superfluous = [key for key in index.stamped_between(one.window_start, one.window_end) if key not in listed and key not in later]
    gap = _gap([inside[key] for key in (*missing, *stale)], one)
    return replace(
        one, rows_in_source=len(inside), rows_landed=len(inside) - len(missing), missing=len(missing), stale=len(stale), superfluous=len(superfluous),
        examples=tuple(sorted(missing)[:SHOWN]), gap_start=gap[0] if gap else None, gap_end=gap[1] if gap else None)


def _gap(stamps: Sequence[datetime | None], one: Comparison) -> tuple[datetime | None, datetime | None] | None:
    """The smallest window that holds all these stamps, in whole seconds: it starts one before the first, because a connector asked from exactly where it
    stopped last goes on behind what it has read, and that is what is missing."""
    if not stamps:
        return None
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        return one.window_start, one.window_end
    return min(known).replace(microsecond=0) - timedelta(seconds=1), max(known).replace(microsecond=0) + timedelta(seconds=1)


def _whole(connector: Connector, stream: Stream, store: Store, one: Comparison, met: int) -> Comparison:
    index = index_of(store, connector, stream)
    try:
        alive = index.size()
    finally:
        index.close()
    return replace(one, method="whole", rows_in_source=met, rows_landed=min(met, alive), missing=max(0, met - alive), superfluous=max(0, alive - met), stale=0)
