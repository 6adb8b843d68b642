"""What of the ledger may go after a time: texts and reports that nobody reads any more. Rows that tell that something happened stay.

Each is one transaction, and asked again it finds nothing: a process killed between two of them has only done less.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from flows.store.completeness import comparisons
from flows.store.ledger import Ledger, batches, instant, nights, streams, text
from flows.store.outbox import UNFINISHED, attempts, outbox, threads


@dataclass(frozen=True, kw_only=True)
class Expired:
    """rows: how many there are. size: bytes of text in them."""

    rows: int
    size: int


def messages(ledger: Ledger, before: datetime, *, remove: bool) -> Expired:
    """Texts of messages that came to their end before then. That they were promised and what became of them stays: it keeps them from being sent again."""
    old = sql.and_(outbox.c.state.not_in(UNFINISHED), outbox.c.put_at < text(before), outbox.c.notice != "")
    with ledger.begin() as connection:
        found = _count(connection, outbox, old, outbox.c.notice)
        if remove and found.rows:
            connection.execute(sql.update(outbox).where(old).values(notice=""))
    return found


def delivery_attempts(ledger: Ledger, before: datetime, *, remove: bool) -> Expired:
    """Attempts at messages that came to their end before then: limits are counted from those of the last minutes."""
    mine = sql.exists().where(outbox.c.key == attempts.c.key, outbox.c.channel == attempts.c.channel, outbox.c.state.in_(UNFINISHED))
    return _deleted(ledger, attempts, sql.and_(attempts.c.started_at < text(before), attempts.c.ended_at.is_not(None), ~mine), attempts.c.answer, remove)


def message_threads(ledger: Ledger, before: datetime, *, remove: bool) -> Expired:
    """Names of first messages that were sent before then: what still comes of their alerts is a message of its own."""
    return _deleted(ledger, threads, threads.c.at < text(before), threads.c.posted, remove)


def night_reports(ledger: Ledger, before: datetime, *, remove: bool) -> Expired:
    """Reports of nights that began before then. That they ran, when, and what they published stays."""
    old = sql.and_(nights.c.started_at < text(before), nights.c.report.is_not(None), nights.c.state != "running")
    with ledger.begin() as connection:
        found = _count(connection, nights, old, nights.c.report)
        if remove and found.rows:
            connection.execute(sql.update(nights).where(old).values(report=None))
    return found


def old_comparisons(ledger: Ledger, before: datetime, *, remove: bool) -> Expired:
    """Comparisons of days before then, but for those whose gap is still to be read."""
    old = sql.and_(comparisons.c.day < before.date().isoformat(), comparisons.c.gap_start.is_(None))
    return _deleted(ledger, comparisons, old, comparisons.c.examples, remove)


def rejected_batches(ledger: Ledger, before: datetime) -> list[dict[str, Any]]:
    """Batches left out that landed before then, and whose stream was read since up to behind their window: no build takes them in."""
    query = sql.select(batches, streams.c.cursor, streams.c.last_success_at).join(
        streams, sql.and_(streams.c.source == batches.c.source, streams.c.stream == batches.c.stream)).where(
        batches.c.verdict == "rejected", batches.c.landed_at < text(before))
    with ledger.begin() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [row for row in rows if _was_read_again(row)]


def _was_read_again(row: dict[str, Any]) -> bool:
    success, landed, end = instant(row["last_success_at"]), instant(row["landed_at"]), instant(row["window_end"])
    assert landed is not None and end is not None
    if success is None or success <= landed:
        return False
    cursor = instant(row["cursor"])
    return cursor is None or cursor >= end          # without a cursor it is read whole each time


def _deleted(ledger: Ledger, table: sql.Table, old: Any, column: Any, remove: bool) -> Expired:
    with ledger.begin() as connection:
        found = _count(connection, table, old, column)
        if remove and found.rows:
            connection.execute(sql.delete(table).where(old))
    return found


def _count(connection: sql.Connection, table: sql.Table, old: Any, column: Any) -> Expired:
    size_of = sql.func.coalesce(sql.func.sum(sql.func.length(column)), 0)
    rows, size = connection.execute(sql.select(sql.func.count(), size_of).select_from(table).where(old)).one()
    return Expired(rows=int(rows), size=int(size))
