"""What is to be told to whom: written in the transaction that decides it, sent later, and kept until somebody certainly has it.

`put` belongs into the same transaction as the change it tells of: a process that dies behind it has promised the message, one that dies before has
changed nothing. A message that stands under its key for a channel is not put there again.

Each attempt to send is a row of its own, written before the request leaves and ended when it is known what came of it. One that nobody ended, because
its process died, may have arrived: it ends as unknown. A channel's limits are counted from these rows, so that they hold over processes and deaths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from flows.store.leases import myself, owner_is_dead
from flows.store.ledger import Ledger, instant, metadata, text
from flows.store.ledger import put as put_row

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

attempts = sql.Table(
    "delivery_attempts", metadata,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("channel", sql.Text, primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("owner", sql.Text, nullable=False),          # as of a lease, so that a dead sender is recognised
    sql.Column("started_at", sql.Text, nullable=False),
    sql.Column("lease_until", sql.Text, nullable=False),    # a sender elsewhere that has not said anything by then is taken for dead
    sql.Column("ended_at", sql.Text),
    sql.Column("outcome", sql.Text),                        # delivered, unknown, retry, refused; null while it is under way
    sql.Column("answer", sql.Text),
    sql.Index("delivery_attempts_by_time", "channel", "started_at"),
)

pauses = sql.Table(                                         # channels whose system asked us to wait, or does not answer
    "channel_pauses", metadata,
    sql.Column("channel", sql.Text, primary_key=True),
    sql.Column("until", sql.Text, nullable=False),
)

threads = sql.Table(                                        # the first message of a matter, where its channel has threads
    "message_threads", metadata,
    sql.Column("channel", sql.Text, primary_key=True),
    sql.Column("thread", sql.Text, primary_key=True),       # the notice's
    sql.Column("posted", sql.Text, nullable=False),         # what the channel's system calls it
    sql.Column("at", sql.Text, nullable=False),
)

LEASE = timedelta(minutes=15)                               # longer than the slowest system's slowest answer
UNFINISHED = ("waiting", "sending", "unknown")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A message that is not finished. unknowns: how many attempts ended without an answer. first_attempt: when it was first tried."""

    key: str
    channel: str
    notice: str
    state: str
    put_at: datetime
    due_at: datetime
    attempts: int
    unknowns: int = 0
    first_attempt: datetime | None = None
    answer: str | None = None


def put(connection: sql.Connection, *, key: str, channel: str, notice: str, at: datetime, due: datetime | None = None) -> bool:
    """Promise a message to a channel, in the caller's transaction; False when it has been promised before."""
    return _insert_where_new(connection, outbox, key=key, channel=channel, notice=notice, put_at=text(at), due_at=text(due or at), state="waiting", attempts=0)


def _insert_where_new(connection: sql.Connection, table: sql.Table, **values: Any) -> bool:
    """In one statement: a look before it would let two transactions of PostgreSQL both find nothing, and the second would fail as a whole."""
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    return bool(connection.execute(insert.values(**values).on_conflict_do_nothing()).rowcount)


def unfinished(connection: sql.Connection, channel: str | None = None) -> list[Promise]:
    """Everything that has not come to an end, oldest first; of one channel, or of all."""
    waits = sql.and_(outbox.c.state.in_(UNFINISHED), *([] if channel is None else [outbox.c.channel == channel]))
    tried = sql.select(
        attempts.c.key, attempts.c.channel, sql.func.count().filter(attempts.c.outcome == "unknown").label("unknowns"),
        sql.func.min(attempts.c.started_at).label("first_attempt"),
    ).where(attempts.c.key.in_(sql.select(outbox.c.key).where(waits))).group_by(attempts.c.key, attempts.c.channel).subquery()
    query = sql.select(outbox, tried.c.unknowns, tried.c.first_attempt).outerjoin(
        tried, sql.and_(tried.c.key == outbox.c.key, tried.c.channel == outbox.c.channel),
    ).where(waits).order_by(outbox.c.put_at, outbox.c.key)
    return [_promise(row) for row in connection.execute(query).mappings()]


def _promise(row: sql.RowMapping) -> Promise:
    put_at, due_at = instant(row["put_at"]), instant(row["due_at"])
    assert put_at is not None and due_at is not None
    return Promise(
        key=row["key"], channel=row["channel"], notice=row["notice"], state=row["state"], put_at=put_at, due_at=due_at, attempts=row["attempts"],
        unknowns=row["unknowns"] or 0, first_attempt=instant(row["first_attempt"]), answer=row["answer"])


def channels_waiting(ledger: Ledger) -> list[str]:
    with ledger.begin() as connection:
        return list(connection.execute(sql.select(outbox.c.channel).where(outbox.c.state.in_(UNFINISHED)).distinct().order_by(outbox.c.channel)).scalars())


def claim(ledger: Ledger, promise: Promise, *, now: datetime, rates: Sequence[tuple[int, float]]) -> int | datetime | None:
    """Take a message to send it, before anything leaves. The attempt's number; or the instant from which the channel's rates (messages, seconds)
    allow one more; or None where somebody else has taken it."""
    mine = sql.and_(outbox.c.key == promise.key, outbox.c.channel == promise.channel)
    with ledger.begin() as connection:
        # Held to the end of the transaction: two senders of one channel must not count the same free place.
        _insert_where_new(connection, pauses, channel=promise.channel, until=text(promise.put_at))
        connection.execute(sql.select(pauses.c.until).where(pauses.c.channel == promise.channel).with_for_update()).one()
        for messages, seconds in rates:
            start = text(now - timedelta(seconds=seconds))
            recent = list(connection.execute(sql.select(attempts.c.started_at).where(
                attempts.c.channel == promise.channel, attempts.c.started_at > start, attempts.c.started_at <= text(now),
            ).order_by(attempts.c.started_at.desc()).limit(messages)).scalars())
            if len(recent) >= messages:
                oldest = instant(recent[-1])
                assert oldest is not None
                return oldest + timedelta(seconds=seconds)
        number = promise.attempts + 1
        taken = connection.execute(sql.update(outbox).where(mine, outbox.c.state.in_(("waiting", "unknown")), outbox.c.attempts == promise.attempts).values(
            state="sending", attempts=number, attempted_at=text(now)))
        if not taken.rowcount:
            return None
        connection.execute(sql.insert(attempts).values(
            key=promise.key, channel=promise.channel, number=number, owner=myself(), started_at=text(now), lease_until=text(now + LEASE)))
        return number


def end_attempt(
    connection: sql.Connection, promise: Promise, number: int, *, at: datetime, outcome: str, answer: str, state: str, due: datetime | None = None,
) -> None:
    """What came of an attempt, and the message's state with it. A sender that was taken for dead and was not may say so late: that it was delivered
    counts then, too, unless another attempt is under way."""
    connection.execute(sql.update(attempts).where(
        attempts.c.key == promise.key, attempts.c.channel == promise.channel, attempts.c.number == number,
    ).values(ended_at=text(at), outcome=outcome, answer=answer))
    is_last = sql.and_(outbox.c.attempts == number, outbox.c.state.in_(("sending", "unknown")))
    if outcome == "delivered":
        is_last = sql.or_(is_last, outbox.c.state.in_(("waiting", "unknown")))
    values = {"state": state, "answer": answer, **({"due_at": text(due)} if due else {})}
    connection.execute(sql.update(outbox).where(outbox.c.key == promise.key, outbox.c.channel == promise.channel, is_last).values(**values))


def begin_thread(connection: sql.Connection, *, channel: str, thread: str, posted: str, at: datetime) -> None:
    """Remember the first message of a matter; later ones change nothing."""
    _insert_where_new(connection, threads, channel=channel, thread=thread, posted=posted, at=text(at))


def thread_begun(ledger: Ledger, *, channel: str, thread: str) -> str:
    """What the channel's system calls the first message of a matter; '' without one."""
    with ledger.begin() as connection:
        return connection.execute(sql.select(threads.c.posted).where(threads.c.channel == channel, threads.c.thread == thread)).scalar() or ""


def end(connection: sql.Connection, promise: Promise, *, state: str, answer: str) -> bool:
    """Finish a message without an attempt; False when somebody took it in the meantime."""
    return bool(connection.execute(sql.update(outbox).where(
        outbox.c.key == promise.key, outbox.c.channel == promise.channel, outbox.c.state == promise.state, outbox.c.attempts == promise.attempts,
    ).values(state=state, answer=answer)).rowcount)


def move(connection: sql.Connection, *, key: str, notice: str, targets: Sequence[str], at: datetime, again_at: datetime) -> str | None:
    """Promise a message to the first of the targets that was not promised it before; else to one that was given up there for want of an answer, to be
    tried again at `again_at`. The channel, or None where all have it, or refuse it for good."""
    for target in targets:
        if put(connection, key=key, channel=target, notice=notice, at=at):
            return target
    for target in targets:
        last = sql.select(attempts.c.outcome).where(attempts.c.key == key, attempts.c.channel == target).order_by(attempts.c.number.desc()).limit(1)
        if connection.execute(last).scalar() in ("retry", "unknown"):
            state = connection.execute(sql.select(outbox.c.state).where(outbox.c.key == key, outbox.c.channel == target)).scalar()
            if state == "refused":
                connection.execute(sql.update(outbox).where(outbox.c.key == key, outbox.c.channel == target).values(state="waiting", due_at=text(again_at)))
            return target
    return None


def recover(ledger: Ledger, *, now: datetime, due: datetime) -> int:
    """Attempts whose sender is gone end as unknown, to be tried again at `due`; how many there were."""
    with ledger.begin() as connection:
        query = sql.select(attempts).join(outbox, sql.and_(
            outbox.c.key == attempts.c.key, outbox.c.channel == attempts.c.channel, outbox.c.attempts == attempts.c.number,
        )).where(outbox.c.state == "sending", attempts.c.ended_at.is_(None))
        gone = [row for row in connection.execute(query).mappings() if owner_is_dead(row["owner"]) or row["lease_until"] < (text(now) or "")]
        for row in gone:
            where = [attempts.c[name] == row[name] for name in ("key", "channel", "number")]
            connection.execute(sql.update(attempts).where(*where).values(ended_at=text(now), outcome="unknown", answer="its sender is gone"))
            connection.execute(sql.update(outbox).where(
                outbox.c.key == row["key"], outbox.c.channel == row["channel"], outbox.c.state == "sending", outbox.c.attempts == row["number"],
            ).values(state="unknown", answer="its sender is gone", due_at=text(due)))
        return len(gone)


def pause(connection: sql.Connection, channel: str, until: datetime) -> None:
    put_row(connection, pauses, {"channel": channel}, {"until": text(until)})


def paused_until(connection: sql.Connection, channel: str) -> datetime | None:
    return instant(connection.execute(sql.select(pauses.c.until).where(pauses.c.channel == channel)).scalar())


def counts(connection: sql.Connection) -> dict[str, dict[str, int]]:
    """channel -> state -> messages; and under 'perhaps twice' how many deliveries followed an attempt that was never answered."""
    found: dict[str, dict[str, int]] = {}
    for channel, state, number in connection.execute(sql.select(outbox.c.channel, outbox.c.state, sql.func.count()).group_by(outbox.c.channel, outbox.c.state)):
        found.setdefault(channel, {})[state] = number
    later = attempts.alias()
    twice = sql.select(attempts.c.channel, sql.func.count()).where(attempts.c.outcome == "unknown", sql.exists().where(
        later.c.key == attempts.c.key, later.c.channel == attempts.c.channel, later.c.number > attempts.c.number)).group_by(attempts.c.channel)
    for channel, number in connection.execute(twice):
        found.setdefault(channel, {})["perhaps twice"] = number
    return found
