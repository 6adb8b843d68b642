"""What people and procedures did, in a chain: each row holds the hash of the one before, so that none can be changed, left out or put in between unseen.

What is cut off at the end shows only to who kept a later hash: `meridian audit verify` prints the newest one to keep elsewhere. Whoever can write the
ledger can write a whole new chain; against that, too, only a hash that was kept helps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from flows.store.ledger import metadata, text

BEGINNING = "0" * 64

audit = sql.Table(
    "audit", metadata,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("who", sql.Text, nullable=False),
    sql.Column("what", sql.Text, nullable=False),
    sql.Column("subject", sql.Text, nullable=False),
    sql.Column("detail", sql.Text, nullable=False),         # JSON; no secrets
    sql.Column("before", sql.Text, nullable=False, unique=True),
    sql.Column("hash", sql.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """rows: how many there are. newest: the last one's hash. broken_at: the number of the first row that is not as it was written; None: all are."""

    rows: int
    newest: str
    broken_at: int | None


def append(connection: sql.Connection, *, at: datetime, who: str, what: str, subject: str, detail: Mapping[str, Any] | None = None) -> str:
    """Write down what was done, in the transaction that does it. Returns the row's hash."""
    if connection.dialect.name == "postgresql":             # SQLite's transactions begin one after another; here two could see the same last row
        connection.exec_driver_sql("lock table audit in exclusive mode")
    last = connection.execute(sql.select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).first()
    row = {"number": last.number + 1 if last else 1, "at": text(at), "who": who, "what": what, "subject": subject,
           "detail": json.dumps(detail or {}, ensure_ascii=False, sort_keys=True), "before": last.hash if last else BEGINNING}
    connection.execute(sql.insert(audit).values(**row, hash=_hash(row)))
    return _hash(row)


def verify(connection: sql.Connection) -> Verdict:
    """Read the whole chain again."""
    before, newest, count = BEGINNING, BEGINNING, 0
    for row in connection.execute(sql.select(audit).order_by(audit.c.number)).mappings():
        count += 1
        if row["number"] != count or row["before"] != before or _hash(row) != row["hash"]:
            return Verdict(rows=count, newest=newest, broken_at=row["number"])
        before = newest = row["hash"]
    return Verdict(rows=count, newest=newest, broken_at=None)


def holds(connection: sql.Connection, kept: str) -> bool:
    """Whether a hash that was kept elsewhere is of this chain."""
    return connection.execute(sql.select(audit.c.number).where(audit.c.hash == kept)).first() is not None


def _hash(row: Mapping[Any, Any]) -> str:
    told = json.dumps([row[name] for name in ("before", "number", "at", "who", "what", "subject", "detail")], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()
