"""What is to be told to whom: written in the transaction that decides it, sent later, and kept until somebody certainly has it.

`put` belongs into the same transaction as the change it tells of: a process that dies behind it has promised the message, one that dies before has
changed nothing. A message that stands under its key for a channel is not put there again.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sql

from flows.store.ledger import metadata, text

outbox = sql.Table(
    "outbox", metadata,
    sql.Column("key", sql.Text, primary_key=True),          # the notice's
    sql.Column("channel", sql.Text, primary_key=True),      # as named in meridian.toml
    sql.Column("notice", sql.Text, nullable=False),         # JSON, flows/alerting/notice.py
    sql.Column("put_at", sql.Text, nullable=False),
    sql.Column("due_at", sql.Text, nullable=False),         # not before this instant
    sql.Column("state", sql.Text, nullable=False),          # waiting, sending, delivered, unknown, refused, digested
    sql.Column("attempts", sql.Integer, nullable=False),
    sql.Column("attempted_at", sql.Text),
    sql.Column("answer", sql.Text),                         # what the channel's system said last
)


def put(connection: sql.Connection, *, key: str, channel: str, notice: str, at: datetime, due: datetime | None = None) -> bool:
    """Promise a message to a channel, in the caller's transaction; False when it has been promised before."""
    where = sql.and_(outbox.c.key == key, outbox.c.channel == channel)
    if connection.execute(sql.select(outbox.c.key).where(where)).first():
        return False
    connection.execute(sql.insert(outbox).values(
        key=key, channel=channel, notice=notice, put_at=text(at), due_at=text(due or at), state="waiting", attempts=0))
    return True
