"""Sources of a night that other hosts read: which were asked for, who is at it, and what came of each.

    asked → reading → done          another host read it
          → here                    nobody began, or who began is gone: the night's own host reads it

The night's host waits for these rows, not for what Prefect believes. Who reads holds a lease of the source's own and writes only while the night that
asked holds its lease: a night that is over, or was replaced, is not written for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from flows.store import leases
from flows.store.ledger import Ledger, metadata
from flows.store.rows import put

shares = sql.Table(
    "shares", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("night", sql.Text, nullable=False),          # the run that asks, the last one
    sql.Column("owner", sql.Text, nullable=False),          # of its lease
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("host", sql.Text),
    sql.Column("results", sql.Text),                        # JSON: one for each stream
)


def lease_of(source: str) -> str:
    return f"read {source}"


def ask(ledger: Ledger, night: str, sources: Sequence[str], *, now: datetime) -> None:
    """Of the night that holds the lease."""
    owner = leases.holder(ledger, "night", now=now)
    with ledger.begin() as connection:
        for source in sources:
            put(connection, shares, {"source": source}, {"night": night, "owner": owner or "", "state": "asked", "host": None, "results": None})


def begin(ledger: Ledger, night: str, source: str, *, host: str) -> str | None:
    """From now on it is read by us, who hold its lease; the owner of the night's. None: no such night waits for it."""
    with ledger.begin() as connection:
        mine = (shares.c.source == source, shares.c.night == night, shares.c.state.in_(("asked", "reading")))
        if not connection.execute(sql.update(shares).where(*mine).values(state="reading", host=host)).rowcount:
            return None
        return connection.execute(sql.select(shares.c.owner).where(shares.c.source == source)).scalar()


def done(ledger: Ledger, night: str, source: str, results: Sequence[Mapping[str, Any]]) -> None:
    with ledger.begin() as connection:
        connection.execute(sql.update(shares).where(shares.c.source == source, shares.c.night == night, shares.c.state == "reading").values(
            state="done", results=json.dumps(list(results))))


def take(ledger: Ledger, night: str, source: str, state: str) -> bool:
    """The night's own host reads it, unless it has moved on from `state`."""
    with ledger.begin() as connection:
        return bool(connection.execute(sql.update(shares).where(
            shares.c.source == source, shares.c.night == night, shares.c.state == state).values(state="here")).rowcount)


def standing(ledger: Ledger, night: str) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """source -> (state, results)."""
    with ledger.begin() as connection:
        rows = connection.execute(sql.select(shares).where(shares.c.night == night)).mappings()
        return {row["source"]: (row["state"], json.loads(row["results"] or "[]")) for row in rows}
