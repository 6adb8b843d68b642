"""What the source held and what had landed of it, night by night: how the comparisons of flows/reconcile.py are remembered in the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sql

from flows.store.ledger import Ledger, instant, metadata, text
from flows.store.rows import put

Part = Literal["recent", "older", "whole"]

comparisons = sql.Table(
    "comparisons", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("day", sql.Text, primary_key=True),          # the night's last day that counts
    sql.Column("part", sql.Text, primary_key=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("compared_at", sql.Text, nullable=False),
    sql.Column("window_start", sql.Text),
    sql.Column("window_end", sql.Text),
    sql.Column("method", sql.Text),
    sql.Column("rows_in_source", sql.BigInteger),
    sql.Column("rows_landed", sql.BigInteger),
    sql.Column("missing", sql.BigInteger),
    sql.Column("superfluous", sql.BigInteger),
    sql.Column("stale", sql.BigInteger),
    sql.Column("requests", sql.BigInteger, nullable=False),
    sql.Column("reason", sql.Text),
    sql.Column("examples", sql.Text, nullable=False),       # JSON: some keys of what is missing
    sql.Column("gap_start", sql.Text),                      # to be read again; null when there is nothing to, or when it was
    sql.Column("gap_end", sql.Text),
)
INSTANTS = ("compared_at", "window_start", "window_end", "gap_start", "gap_end")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What one night found of one stream. part: the recent window, an older slice, or the whole stream.

    method: how the source was asked (keys, whole); None: it was not, and `reason` says why. Windows and gaps are [start, end).
    missing: in the source, not in the landing. superfluous: landed, and no longer in the source. stale: landed with an older stamp.
    """

    source: str
    stream: str
    day: date
    part: Part
    kind: str
    compared_at: datetime
    window_start: datetime | None = None
    window_end: datetime | None = None
    method: str | None = None
    rows_in_source: int | None = None
    rows_landed: int | None = None
    missing: int | None = None
    superfluous: int | None = None
    stale: int | None = None
    requests: int = 0
    reason: str | None = None
    examples: tuple[str, ...] = ()
    gap_start: datetime | None = None
    gap_end: datetime | None = None

    @property
    def figure(self) -> float | None:
        """Landed of what is in the source, from 0 to 1; None when it was not compared."""
        if self.rows_in_source is None or self.rows_landed is None:
            return None
        return self.rows_landed / self.rows_in_source if self.rows_in_source else 1.0


def sentence(one: Comparison) -> str:
    """What was found of one stream, for people."""
    if one.method is None:
        return f"{one.source}/{one.stream}: not compared: {one.reason}"
    window = f" of {one.window_start:%Y-%m-%d} to {one.window_end:%Y-%m-%d}" if one.window_start and one.window_end else ""
    wrong = ", ".join(f"{count:,} {what}" for what, count in (("missing", one.missing), ("stale", one.stale)) if count)
    examples = f" (e.g. {', '.join(one.examples[:3])})" if one.examples else ""
    return f"{one.source}/{one.stream}{window}: {one.rows_landed:,} of {one.rows_in_source:,} records landed" + (
        f", {wrong}{examples}: read again the next night" if wrong else "")


def remember(ledger: Ledger, found: Sequence[Comparison]) -> None:
    """One row a stream, night and part; a second night of the same day replaces the first's."""
    with ledger.begin() as connection:
        for source, stream, day in {(one.source, one.stream, one.day.isoformat()) for one in found}:
            connection.execute(sql.delete(comparisons).where(
                comparisons.c.source == source, comparisons.c.stream == stream, comparisons.c.day == day, comparisons.c.gap_start.is_(None)))
        for one in found:
            row = {**asdict(one), "day": one.day.isoformat(), "examples": json.dumps(one.examples), **{name: text(getattr(one, name)) for name in INSTANTS}}
            key = {name: row.pop(name) for name in ("source", "stream", "day", "part")}
            put(connection, comparisons, key, row)


def compared(ledger: Ledger, *, since: date | None = None, source: str | None = None, stream: str | None = None) -> list[Comparison]:
    """The comparisons of the days from `since` on, in the order of days."""
    days = [comparisons.c.day >= since.isoformat()] if since is not None else []
    return _found(ledger, *days, *(_of(source, stream) if source is not None else ()))


def gaps(ledger: Ledger, source: str, stream: str) -> list[Comparison]:
    """Comparisons that found something missing or stale which was not read again since."""
    return _found(ledger, *_of(source, stream), comparisons.c.gap_start.is_not(None))


def read_again(ledger: Ledger, one: Comparison) -> None:
    """The gap of this comparison was read again."""
    key = {"source": one.source, "stream": one.stream, "day": one.day.isoformat(), "part": one.part}
    with ledger.begin() as connection:
        put(connection, comparisons, key, {"gap_start": None, "gap_end": None})


def _of(source: str, stream: str | None) -> tuple[sql.ColumnElement[bool], ...]:
    return comparisons.c.source == source, comparisons.c.stream == stream


def _found(ledger: Ledger, *where: sql.ColumnElement[bool]) -> list[Comparison]:
    query = sql.select(comparisons).where(*where).order_by(comparisons.c.day, comparisons.c.source, comparisons.c.stream, comparisons.c.part)
    with ledger.begin() as connection:
        return [_comparison(row) for row in connection.execute(query).mappings()]


def _comparison(row: sql.RowMapping) -> Comparison:
    values: dict[str, Any] = {field.name: row[field.name] for field in fields(Comparison)}
    return Comparison(**{
        **values, "day": date.fromisoformat(row["day"]), "examples": tuple(json.loads(row["examples"])), **{name: instant(row[name]) for name in INSTANTS}})
