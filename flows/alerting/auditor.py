"""The auditor: is everything that was promised delivered, or on its way? It trusts no counter, only what the ledger's rows say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sql

from flows.store.ledger import text
from flows.store.outbox import UNFINISHED, outbox

LOST_IS_SAID = timedelta(days=1)

# What else must hold, such as that every firing alert has a delivered notice or a due time: one sentence for each thing that does not.
Check = Callable[[sql.Connection, datetime], Iterable[str]]


def examine(connection: sql.Connection, *, now: datetime, overdue: timedelta, channels: Collection[str], more: Sequence[Check] = ()) -> list[str]:
    """What is not as it must be, a sentence each; [] when all is well."""
    found = [*_overdue(connection, now, overdue), *_lost(connection, now), *_homeless(connection, channels)]
    for check in more:
        found += check(connection, now)
    return found


def _overdue(connection: sql.Connection, now: datetime, overdue: timedelta) -> Iterable[str]:
    late = sql.and_(outbox.c.state.in_(UNFINISHED), outbox.c.put_at < text(now - overdue), outbox.c.due_at < text(now + overdue))
    query = sql.select(outbox.c.channel, sql.func.count(), sql.func.min(outbox.c.put_at), sql.func.max(outbox.c.answer)).where(late)
    for channel, count, since, answer in connection.execute(query.group_by(outbox.c.channel).order_by(outbox.c.channel)):
        yield f"{count} messages for {channel} are not delivered, the oldest of {since[:16]} UTC; its system said: {answer or 'nothing yet'}"


def _lost(connection: sql.Connection, now: datetime) -> Iterable[str]:
    """Refused everywhere: nobody has it, and nobody will. Said for a day."""
    other = outbox.alias()
    has_another = sql.exists().where(other.c.key == outbox.c.key, other.c.channel != outbox.c.channel, other.c.state != "refused")
    query = sql.select(outbox.c.key, outbox.c.channel, outbox.c.answer).where(
        outbox.c.state == "refused", outbox.c.put_at > text(now - LOST_IS_SAID), ~has_another).order_by(outbox.c.put_at)
    for key, channel, answer in connection.execute(query):
        yield f"{key} was refused by {channel} and nobody else has it: {answer}"
    digest = outbox.alias()
    kept = sql.exists().where(digest.c.channel == outbox.c.channel, outbox.c.answer == sql.literal("in ") + digest.c.key)
    for key, channel in connection.execute(sql.select(outbox.c.key, outbox.c.channel).where(outbox.c.state == "digested", ~kept)):
        yield f"{key} for {channel} is said to be in a digest that is not there"


def _homeless(connection: sql.Connection, channels: Collection[str]) -> Iterable[str]:
    query = sql.select(outbox.c.channel).where(outbox.c.state.in_(UNFINISHED)).distinct().order_by(outbox.c.channel)
    for channel in connection.execute(query).scalars():
        if channel not in channels:
            yield f"messages wait for {channel}, and there is no channel of this name"
