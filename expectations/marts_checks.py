"""Our own checks of marts about to be published: completeness of periods and of what was read, and jumps against the version before.

A check is a function (seen, *, its arguments) -> Observation. The names in CHECKS are what suites may say. Without a version
before, a comparison passes and says that there was nothing to compare with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import inf
from typing import Any

import duckdb

from expectations.batch_checks import Observation

NOTHING_BEFORE = Observation(passed=True, detail="no version before to compare with")


@dataclass(frozen=True, kw_only=True)
class SeenMart:
    """connection: the candidate attached as `new`, the version before (if there is one with this table) as `old`; both read-only.

    read_back_to: the first day of the past that was read since the version before, by a backfill; None: only what was new was read.
    """

    connection: duckdb.DuckDBPyConnection
    table: str
    has_old: bool
    as_of: date
    old_as_of: date | None
    read_back_to: date | None = None

    @property
    def new(self) -> str:
        return f'new.main."{self.table}"'

    @property
    def old(self) -> str:
        return f'old.main."{self.table}"'

    def row(self, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        found = self.connection.execute(query, parameters or []).fetchone()
        assert found is not None
        return found

    def old_has(self, *columns: str) -> bool:
        rows = self.connection.execute("select column_name from duckdb_columns() where database_name = 'old' and table_name = ?", [self.table]).fetchall()
        return self.has_old and set(columns) <= {row[0] for row in rows}


def keys_are_unique(seen: SeenMart, *, columns: list[str]) -> Observation:
    """One row a key, and no row without one.

    Great Expectations asks a window over the whole table for it, twice: of 9 million order lines that took 13 s of CPU, to count them by key 1.4, and to
    count hashes of keys 1.1. Where no two keys have the same hash no two are the same; where some do, they are looked at.
    """
    key = ", ".join(f'"{column}"' for column in columns)
    lacks_one = " or ".join(f'"{column}" is null' for column in columns)
    rows, hashes, missing = seen.row(f"select count(*), count(distinct hash({key})), count(*) filter (where {lacks_one}) from {seen.new}")
    twice, example = 0, None
    if hashes < rows:
        twice, example = seen.row(f"select count(*), min(concat_ws(', ', {key})) from (select {key} from {seen.new} group by all having count(*) > 1)")
    return Observation(passed=not twice and not missing, observed=f"{twice:,} keys twice, {missing:,} rows without, of {rows:,}", expected="one row a key",
                       detail=f"e.g. {example}" if twice else "")


def periods_are_complete(seen: SeenMart) -> Observation:
    """Every KPI, grain and segment has every period from its first one up to the one that holds as_of: a missing row looks like a missing day."""
    missing, series, example = seen.row(f"""
        with series as (
            select kpi, period_grain, segment_type, segment, min(period_start) as first, count(distinct period_start) as periods
            from {seen.new} where period_start <= ?::date group by all
        ),
        judged as (
            select *, date_diff(period_grain, first, date_trunc(period_grain, ?::date)) + 1 - periods as missing from series
        )
        select coalesce(sum(missing) filter (where missing > 0), 0), count(*) filter (where missing > 0),
               min(kpi || ' by ' || period_grain || ', ' || segment_type || ' ' || segment) filter (where missing > 0)
        from judged""", [seen.as_of, seen.as_of])
    return Observation(passed=missing == 0, observed=f"{missing:,} periods missing in {series:,} series", expected="none",
                       detail=f"e.g. {example}" if missing else "")


def nothing_after_as_of(seen: SeenMart, *, column: str) -> Observation:
    """Nothing is dated after the day the version stands for: the future has leaked in, or the wrong as_of was built."""
    late, latest = seen.row(f'select count(*), max("{column}") from {seen.new} where "{column}"::date > ?::date', [seen.as_of])
    return Observation(passed=late == 0, observed=f"{late:,} rows" + (f", the latest {latest}" if late else ""), expected=f"none after {seen.as_of}")


def rows_do_not_jump(seen: SeenMart, *, max_loss: float = 0.02, max_gain: float = 0.5, at_least: int = 200) -> Observation:
    """The row count against the version before. Things that happened stay happened: losing rows is worse than gaining them.

    max_loss: share of rows; max_gain: share of rows a night, or at_least rows in all where that is more. Where the past was read, any gain is meant.
    """
    if not seen.has_old:
        return NOTHING_BEFORE
    (now,), (before,) = seen.row(f"select count(*) from {seen.new}"), seen.row(f"select count(*) from {seen.old}")
    lowest = before * (1 - max_loss) - (5 if max_loss else 0)      # a few are always let go, unless none may be
    highest = max(before * (1 + max_gain * _nights(seen)), before + at_least) if seen.read_back_to is None else inf
    return Observation(passed=lowest <= now <= highest, observed=f"{now:,} rows", detail=f"{before:,} before{_read_back(seen)}",
                       expected=f"{max(lowest, 0):,.0f} to {highest:,.0f}" if highest < inf else f"{max(lowest, 0):,.0f} or more")


def _read_back(seen: SeenMart) -> str:
    return f"; the past was read back to {seen.read_back_to}" if seen.read_back_to else ""


def total_does_not_jump(seen: SeenMart, *, column: str, max_change: float = 0.05, until: str | None = None) -> Observation:
    """The sum of a column over what the version before also covered (rows dated `until` <= its as_of): changes of the past, not growth.

    Where the past was read, only a fall counts.
    """
    if not seen.old_has(column) or (until and not seen.old_has(until)):
        return NOTHING_BEFORE
    where = f'where "{until}"::date <= ?::date' if until else ""
    parameters = [seen.old_as_of] if until else []
    (now,), (before,) = (seen.row(f'select coalesce(sum("{column}"), 0)::double from {relation} {where}', parameters) for relation in (seen.new, seen.old))
    change = abs(now - before) / abs(before) if before else float(now != 0)
    is_meant = seen.read_back_to is not None and now >= before
    return Observation(passed=change <= max_change or is_meant, observed=f"{now:,.2f} ({change:.1%} changed)", expected=f"at most {max_change:.0%} change",
                       detail=f"{before:,.2f} before{_read_back(seen)}")


def nulls_do_not_jump(seen: SeenMart, *, column: str, max_points: float = 5.0) -> Observation:
    """The share of nulls in a column, in percentage points against the version before: a field that a source stopped filling."""
    if not seen.old_has(column):
        return NOTHING_BEFORE
    (now,), (before,) = (seen.row(f'select coalesce(100.0 * count(*) filter (where "{column}" is null) / nullif(count(*), 0), 0) from {relation}')
                         for relation in (seen.new, seen.old))
    return Observation(passed=now - before <= max_points, observed=f"{now:.1f} % null", expected=f"at most {before + max_points:.1f} %",
                       detail=f"{before:.1f} % before")


def nothing_disappears(seen: SeenMart, *, columns: list[str], still_in: str | None = None) -> Observation:
    """Every combination of these columns that was there before is there still: a KPI, a segment type, a playbook that vanished unnoticed.

    still_in: a table of the new version; what is gone from there, too, was taken out on purpose.
    """
    if not seen.old_has(*columns):
        return NOTHING_BEFORE
    names = ", ".join(f'"{column}"' for column in columns)
    meant = f'intersect select {names} from new.main."{still_in}"' if still_in else ""
    gone, example = seen.row(f"select count(*), min(g::varchar) from ((select {names} from {seen.old} except select {names} from {seen.new}) {meant}) g")
    return Observation(passed=gone == 0, observed=f"{gone:,} gone", expected="none", detail=f"e.g. {example}" if gone else "")


def restated_share_is_small(seen: SeenMart, *, max_share: float = 0.05, settled_days: int = 14, tolerance: float = 0.005) -> Observation:
    """How many values of periods that ended more than settled_days before the version before have changed by more than `tolerance` (relative).

    Late data changes some of the past every night and the restatement table says what. When it changes much of it, a definition,
    a time zone or a source has changed.
    """
    if not seen.old_has("kpi", "value") or seen.old_as_of is None:
        return NOTHING_BEFORE
    changed, shared, worst = seen.row(f"""
        with both_versions as (
            select kpi, n.value as new_value, o.value as old_value
            from {seen.new} n join {seen.old} o using (kpi, period_grain, period_start, segment_type, segment)
            where case period_grain when 'day' then period_start when 'week' then period_start + 6 else last_day(period_start) end < ?::date
        ),
        judged as (
            select kpi, (new_value is null) != (old_value is null)
                        or abs(new_value - old_value) > {tolerance} * greatest(abs(new_value), abs(old_value)) + 1e-9 as changed
            from both_versions
        )
        select count(*) filter (where changed), count(*), mode(kpi) filter (where changed) from judged""", [seen.old_as_of - timedelta(days=settled_days)])
    return Observation(passed=changed <= max_share * shared, observed=f"{changed:,} of {shared:,} settled values changed", expected=f"at most {max_share:.0%}",
                       detail=f"most of all {worst}" if changed else "")


def values_do_not_go_silent(seen: SeenMart, *, max_share: float = 0.0) -> Observation:
    """KPIs (all segments together, by month) that had a value for the last complete month before and now have none for theirs."""
    if not seen.old_has("kpi", "value") or seen.old_as_of is None:
        return NOTHING_BEFORE
    query = """select kpi from {relation} where segment_type = 'all' and period_grain = 'month' and value is not null
               and period_start = date_trunc('month', date_trunc('month', ?::date + 1) - interval 1 day)"""
    before = {row[0] for row in seen.connection.execute(query.format(relation=seen.old), [seen.old_as_of]).fetchall()}
    now = {row[0] for row in seen.connection.execute(query.format(relation=seen.new), [seen.as_of]).fetchall()}
    silent = sorted(before - now)
    return Observation(passed=len(silent) <= max_share * len(before), observed=f"{len(silent)} of {len(before)} KPIs went silent",
                       expected="none" if not max_share else f"at most {max_share:.0%}", detail=", ".join(silent[:5]))


def nothing_is_missing(seen: SeenMart, *, least: float = 1.0, at_least: int = 1) -> Observation:
    """Of what the sources hold, everything has landed: tonight no stream was found below `least` (0 to 1) with `at_least` records missing.

    What a source lacked that could not be asked tonight stops nobody else.
    """
    rows = seen.connection.execute(f"""
        select source_name || '/' || stream || ': ' || missing || ' of ' || rows_in_source from {seen.new}
        where day = ?::date and missing >= ? and figure < ? order by missing desc, source_name, stream, part""", [seen.as_of, at_least, least]).fetchall()
    compared, streams = seen.row(f"select count(distinct (source_name, stream)) filter (where method is not null), count(distinct (source_name, stream)) "
                                 f"from {seen.new} where day = ?::date", [seen.as_of])
    return Observation(passed=not rows, observed="; ".join(row[0] for row in rows[:5]) or f"{compared} of {streams} streams compared",
                       expected="none missing" if least == 1 else f"at least {least:.0%}, or fewer than {at_least} missing",
                       detail=f"{len(rows)} streams" if len(rows) > 5 else "")


def _nights(seen: SeenMart) -> int:
    """Nights between the two versions; catching up after a pause may bring as much more."""
    return max((seen.as_of - seen.old_as_of).days, 1) if seen.old_as_of else 1


def guarded(check: Callable[..., Observation], seen: SeenMart, kwargs: Mapping[str, Any]) -> Observation:
    """A check that cannot be asked (a column is missing) has failed, and says why."""
    try:
        return check(seen, **kwargs)
    except duckdb.Error as error:
        return replace(Observation(passed=False), observed="could not be checked", detail=str(error).splitlines()[0])


CHECKS: Mapping[str, Callable[..., Observation]] = {
    check.__name__: check
    for check in (keys_are_unique, periods_are_complete, nothing_after_as_of, rows_do_not_jump, total_does_not_jump, nulls_do_not_jump, nothing_disappears,
                  restated_share_is_small, values_do_not_go_silent, nothing_is_missing)
}
