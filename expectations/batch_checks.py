"""Our own checks of what landed: what Great Expectations has no expectation for, because it needs the stream's history,
its declaration or the clock.

A check is a function (seen, *, its arguments) -> Observation. The names in CHECKS are what suites may say.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import duckdb

from expectations.batch_table import keys_of_different_records


class Declaration(Protocol):
    """What of a stream's declaration (connectors.stream.Stream) the checks need."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def cursor(self) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class PastBatch:
    """An earlier batch of the same stream. hours: how much of the source's time it covered; None when it was a reading of everything."""

    landed_at: datetime
    records: int
    deletes: int = 0
    hours: float | None = None


def past_batches(rows: Iterable[Mapping[str, Any]]) -> list[PastBatch]:
    """From the ledger's rows; batches that were held back or rejected are no measure for others."""
    return [
        PastBatch(landed_at=_instant(row["landed_at"]), records=row["records"], deletes=row["deletes"],
                  hours=(_instant(row["window_end"]) - _instant(row["window_start"])).total_seconds() / 3600 if row["window_start"] else None)
        for row in rows if row.get("verdict") not in ("held", "rejected")
    ]


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a check may look at.

    connection: table `lines` (_key, _deleted and every field of the suite) and its view `records` without deletes (batch_table.lay_out); None when
    nothing landed. files: of the batch.
    """

    connection: duckdb.DuckDBPyConnection | None
    files: Sequence[Path] = ()
    records: int
    deletes: int
    hours: float | None
    history: Sequence[PastBatch]
    declaration: Declaration
    now: datetime
    typed_fields: frozenset[str] = frozenset()

    def number(self, query: str) -> Any:
        assert self.connection is not None
        row = self.connection.execute(query).fetchone()
        return None if row is None else row[0]


@dataclass(frozen=True, kw_only=True)
class Observation:
    passed: bool
    observed: str | float | None = None
    expected: str | float | None = None
    detail: str = ""


def volume_is_like_its_history(seen: Seen, *, tolerance: float = 5.0, at_least_batches: int = 5, lookback_days: int = 60) -> Observation:
    """Records a day within `tolerance` robust deviations of the median, on a logarithmic scale.

    Median and MAD do not follow one bad night as mean and deviation would. A deviation counts as at least 25 %, so that a stream
    that is always the same may still grow; small numbers get what chance alone does to them (3 √n). Weekends: the wider of the
    bounds of all days and of the same weekday. The first batch, a reading of everything, is no measure.
    """
    earlier = [batch for batch in seen.history if batch.landed_at >= seen.now - timedelta(days=lookback_days)]
    measured = [batch for batch in earlier if batch is not seen.history[0]]
    observed = _rate(seen.records, seen.hours)
    if len(measured) < at_least_batches:
        return Observation(passed=True, observed=round(observed), detail=f"only {len(measured)} earlier batches to compare with, {at_least_batches} are needed")
    if seen.hours is None and any(batch.hours is not None for batch in measured):
        return Observation(passed=True, observed=round(observed), detail="a reading of everything is not compared with nightly ones")
    groups = [measured, [batch for batch in measured if batch.landed_at.weekday() == seen.now.weekday()]]
    bounds = [_bounds([_rate(batch.records, batch.hours) for batch in group], tolerance) for group in groups if len(group) >= 3]
    lowest, highest = min(low for low, _ in bounds), max(high for _, high in bounds)
    if seen.connection is None and not _lands_every_night(earlier, seen.now):
        return Observation(passed=True, observed=0, detail="nothing landed, as on other nights")
    return Observation(
        passed=lowest <= observed <= highest, observed=round(observed), expected=f"{max(lowest, 0):,.0f} to {highest:,.0f} records a day",
        detail=f"median of {len(measured)} earlier batches: {statistics.median(_rate(batch.records, batch.hours) for batch in measured):,.0f}")


def _rate(records: int, hours: float | None) -> float:
    """Records a day; a window shorter than a day is not blown up (the overlap alone may fill it)."""
    return records if hours is None else records / max(hours / 24, 1)


def _bounds(rates: Sequence[float], tolerance: float) -> tuple[float, float]:
    logs = [math.log1p(rate) for rate in rates]
    middle = statistics.median(logs)
    spread = max(1.4826 * statistics.median(abs(value - middle) for value in logs), math.log(1.25))
    chance = 3 * math.sqrt(max(math.expm1(middle), 1))
    return math.expm1(middle - tolerance * spread) - chance, math.expm1(middle + tolerance * spread) + chance


def _lands_every_night(history: Sequence[PastBatch], now: datetime, nights: int = 14) -> bool:
    days = {(now - batch.landed_at).days for batch in history}
    return sum(day in days for day in range(nights)) >= nights - 2


def keys_are_present(seen: Seen) -> Observation:
    """Every line has a key. Of a key of several fields some may be empty (a day without a campaign), but not all."""
    missing = seen.number("select count(*) from lines where _key is null or trim(_key, '| ') = ''")
    return Observation(passed=missing == 0, observed=f"{missing:,} of {seen.records + seen.deletes:,} without a key", expected="none")


def keys_name_one_record(seen: Seen, *, max_share: float = 0.0) -> Observation:
    """A key that stands for two different records of one reading swallows one of them in staging.

    Repeating a record is fine (reading is at least once), and so is another record in a later file: what changed, day by day. With a
    cursor a record may also change while it is being read, so there up to 2 % are let pass whatever max_share says.
    """
    assert seen.connection is not None
    keys, doubled, example = keys_of_different_records(seen.connection, seen.files)
    allowed = max_share if seen.declaration.cursor is None else max(max_share, 0.02)
    return Observation(passed=doubled <= allowed * keys, observed=f"{doubled:,} of {keys:,} keys with different records", expected=f"at most {allowed:.0%}",
                       detail=f"e.g. {example}; is {', '.join(seen.declaration.key)} really the key?" if doubled else "")


def deletes_are_few(seen: Seen, *, max_share: float = 0.2, at_least: int = 50) -> Observation:
    """Deletes against everything ever landed: a source that forgets a fifth of its records has lost them, or our right to see them."""
    ever = sum(batch.records for batch in seen.history) + seen.records
    return Observation(passed=seen.deletes < at_least or seen.deletes <= max_share * ever, observed=f"{seen.deletes:,} deletes",
                       expected=f"at most {max_share:.0%} of {ever:,} records ever landed")


def newest_is_recent(seen: Seen, *, column: str, hours: float) -> Observation:
    """The newest record is younger than `hours`: a source that answers politely with old data is caught here."""
    newest = seen.number(f'select max("{column}") from records')
    if newest is None:
        return Observation(passed=seen.records == 0, observed="no instant at all", expected=f"within {hours:g} hours")
    age = (seen.now.replace(tzinfo=None) - (seen.now.utcoffset() or timedelta(0)) - newest).total_seconds() / 3600
    return Observation(passed=age <= hours, observed=f"newest is {age:,.1f} hours old", expected=f"within {hours:g} hours")


def nothing_is_from_the_future(seen: Seen, *, column: str, hours: float = 1.0) -> Observation:
    """An instant after now (with `hours` of slack for clocks) is a wrong time zone or a wrong year."""
    limit = seen.now.replace(tzinfo=None) - (seen.now.utcoffset() or timedelta(0)) + timedelta(hours=hours)
    late = seen.number(f"select count(*) from records where \"{column}\" > timestamp '{limit.isoformat()}'")
    latest = seen.number(f'select max("{column}") from records') if late else None
    return Observation(passed=late == 0, observed=f"{late:,} after now" + (f", the latest {latest}" if late else ""), expected="none")


def values_read_as_declared(seen: Seen, *, mostly: float = 1.0) -> Observation:
    """Values of fields that the suite gives a type can be read as that type: a changed date format or a text in a number is caught here."""
    bad: dict[str, tuple[int, int, str]] = {}
    for field in sorted(seen.typed_fields):
        row = seen.connection.execute(  # type: ignore[union-attr]
            f'select count("{field}__unread"), count("{field}__unread") + count("{field}"), min("{field}__unread") from records').fetchone()
        assert row is not None
        if row[0] > (1 - mostly) * row[1]:
            bad[field] = row
    return Observation(passed=not bad, observed=", ".join(f"{field}: {row[0]:,} of {row[1]:,} unreadable" for field, row in bad.items()) or "all readable",
                       expected=f"{mostly:.0%} readable" if mostly < 1 else "all readable",
                       detail="; ".join(f"{field} e.g. {str(row[2])[:40]!r}" for field, row in bad.items()))


CHECKS: Mapping[str, Callable[..., Observation]] = {
    check.__name__: check
    for check in (volume_is_like_its_history, keys_are_present, keys_name_one_record, deletes_are_few, newest_is_recent, nothing_is_from_the_future,
                  values_read_as_declared)
}

WITHOUT_A_BATCH = frozenset({"volume_is_like_its_history"})
"""Checks that also say something when nothing landed."""
