"""A published version in miniature: the tables that rules read, with the columns that the real ones have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

FIRST = date(2026, 3, 2)
TABLES = {
    "kpi_catalogue": "kpi varchar, title_en varchar, title_zh varchar, unit varchar, direction varchar, min_sample bigint, settles_after_days integer, owner varchar, "
                     "reads varchar",
    "kpis": "kpi varchar, period_grain varchar, segment_type varchar, segment varchar, period_start date, period_end date, value double, numerator double, "
            "denominator double, sample_size bigint, target double",
    "source_freshness": "source_name varchar, kind varchar, stream varchar, last_success_at timestamp, is_stale boolean, stale_reason varchar",
    "stream_completeness": "source_name varchar, stream varchar, missing bigint, figure double, is_latest boolean",
    "quarantine_counts": "source_name varchar, entity varchar, reason varchar, reason_en varchar, reason_zh varchar, rows_in bigint, rows_quarantined bigint, "
                         "rows_new bigint, is_growing boolean",
    "kpi_signals": "kpi varchar, period_grain varchar, segment_type varchar, segment varchar, period_start date, period_end date, value double, expected double, "
                   "is_signal boolean, is_worse boolean",
    "kpi_drivers": "kpi varchar, period_grain varchar, segment_type varchar, segment varchar, period_start date, compared_with varchar, split_by varchar, driver varchar, "
                   "driver_segment varchar, title_en varchar, title_zh varchar, contribution double, share double, rank integer",
    "worklists": "worklist varchar, work_key varchar, subject varchar, evidence_en varchar, evidence_zh varchar, owner varchar, due_at timestamp, severity varchar, "
                 "value double, threshold double, as_of date",
    "fct_shifts": "agent varchar, team varchar, time_zone varchar, starts_at timestamp, ends_at timestamp",
}
CATALOGUE = [("late_rate", "Late rate", "延迟率", "ratio", "lower", 5, 0, "supply_lead", "tryton.purchase_line, files.rosters"),
             ("revenue", "Revenue", "营收", "currency", "higher", 1, 0, "operations_lead", "tryton.sale_line")]


def write(path: Path, *, days: int, rates: Mapping[str, Sequence[float | None]], without: Sequence[str] = (), **rows: Sequence[Sequence[Any]]) -> duckdb.DuckDBPyConnection:
    """A version of the first `days` days. rates: supplier -> late rate a day, of 100 lines; rows: of further tables; without: tables not published."""
    path.unlink(missing_ok=True)
    as_of = FIRST + timedelta(days=days - 1)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table meridian_version as select ?::date as as_of, ? as version", [as_of, f"{as_of}.001"])
        for name, columns in TABLES.items():
            if name not in without:
                connection.execute(f"create table {name} ({columns})")
        put(connection, "kpi_catalogue", rows.pop("kpi_catalogue", CATALOGUE))
        put(connection, "kpis", [
            ("late_rate", "day", "supplier", supplier, FIRST + timedelta(days=day), FIRST + timedelta(days=day), rate, None if rate is None else rate * 100, 100.0,
             0 if rate is None else 100, 0.1)
            for supplier, values in rates.items() for day, rate in enumerate(values[:days])])
        for name, given in rows.items():
            put(connection, name, given)
    return duckdb.connect(str(path), read_only=True)


def put(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        connection.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", [list(row) for row in rows])
