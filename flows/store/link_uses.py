"""Which one-time links were used."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sql

from flows.store.ledger import instant, metadata, text

link_uses = sql.Table(
    "link_uses", metadata,
    sql.Column("nonce", sql.Text, primary_key=True),
    sql.Column("used_at", sql.Text, nullable=False),
    sql.Column("by", sql.Text, nullable=False),
    sql.Column("expires_at", sql.Text, nullable=False),
)


def used(connection: sql.Connection, nonce: str) -> tuple[datetime, str] | None:
    """(when, by whom); None while it was not."""
    row = connection.execute(sql.select(link_uses).where(link_uses.c.nonce == nonce)).mappings().first()
    at = instant(row["used_at"]) if row else None
    return (at, row["by"]) if row and at else None


def use(connection: sql.Connection, nonce: str, *, by: str, at: datetime, expires: datetime) -> None:
    """Use a link up, in the transaction of what it does. Raises IntegrityError where that was done already. Forgets those that expired long ago."""
    connection.execute(sql.delete(link_uses).where(link_uses.c.expires_at < text(at - timedelta(days=30))))
    connection.execute(sql.insert(link_uses).values(nonce=nonce, used_at=text(at), by=by, expires_at=text(expires)))
