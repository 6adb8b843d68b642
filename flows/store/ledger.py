"""What cannot be recomputed: how far each stream was read, which batches landed, which nights ran.

SQLAlchemy Core, on SQLite by default. Every function that changes several rows does it in one transaction,
so a process killed anywhere leaves either all of them or none. Instants are stored as ISO text in UTC, which sorts by time
and reads the same on both databases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

import sqlalchemy as sql

from flows.store.engines import engine_of, told
from flows.store.rows import put

metadata = sql.MetaData()

streams = sql.Table(
    "streams", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("cursor", sql.Text),                # everything before this instant has been read
    sql.Column("last_attempt_at", sql.Text),
    sql.Column("last_success_at", sql.Text),
    sql.Column("last_swept_at", sql.Text),
    sql.Column("failure", sql.Text),               # why the last attempt failed; null after a success
    sql.Column("memory", sql.Text),                # JSON that the connector keeps between runs
    sql.Column("fields", sql.Text),                # JSON: the stream's known schema, for drift
)

disks = sql.Table(                                  # whose part file a reading's is, where several hosts read; disk_of in flows/shared.py
    "disks", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("batch", sql.Text, nullable=False),
    sql.Column("disk", sql.Text, nullable=False),
)

readings = sql.Table(                              # a batch that is being read; at most one a stream
    "readings", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("batch", sql.Text, nullable=False),
    sql.Column("window_start", sql.Text),
    sql.Column("window_end", sql.Text, nullable=False),
    sql.Column("position", sql.Text),              # JSON: resume behind this page
    sql.Column("size", sql.BigInteger, nullable=False),     # bytes of the part file that count
    sql.Column("records", sql.BigInteger, nullable=False),
    sql.Column("deletes", sql.BigInteger, nullable=False),
    sql.Column("pages", sql.BigInteger, nullable=False),
    sql.Column("high_water", sql.Text),
    sql.Column("is_complete", sql.Boolean, nullable=False),
)

batches = sql.Table(
    "batches", metadata,
    sql.Column("source", sql.Text, primary_key=True),
    sql.Column("stream", sql.Text, primary_key=True),
    sql.Column("batch", sql.Text, primary_key=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("feeds", sql.Text, nullable=False),          # '<kind>.<table>' of the dbt source
    sql.Column("path", sql.Text, nullable=False),           # below the landing folder
    sql.Column("records", sql.BigInteger, nullable=False),
    sql.Column("deletes", sql.BigInteger, nullable=False),
    sql.Column("pages", sql.BigInteger, nullable=False),
    sql.Column("size", sql.BigInteger, nullable=False),
    sql.Column("sha256", sql.Text, nullable=False),
    sql.Column("window_start", sql.Text),
    sql.Column("window_end", sql.Text, nullable=False),
    sql.Column("landed_at", sql.Text, nullable=False),
    sql.Column("verdict", sql.Text, nullable=False),        # unchecked, passed, warned, held, accepted, rejected
    sql.Column("decided_by", sql.Text),
    sql.Column("reason", sql.Text),
)

nights = sql.Table(
    "nights", metadata,
    sql.Column("run", sql.Text, primary_key=True),
    sql.Column("as_of", sql.Text, nullable=False),
    sql.Column("started_at", sql.Text, nullable=False),
    sql.Column("ended_at", sql.Text),
    sql.Column("state", sql.Text, nullable=False),          # running, interrupted, or how flows/nightly.py says it ended
    sql.Column("version", sql.Text),
    sql.Column("report", sql.Text),                         # JSON: steps with seconds, streams, checks
)

marks = sql.Table(                                 # what may not change between two readings, because what has landed depends on it
    "marks", metadata,
    sql.Column("subject", sql.Text, primary_key=True),
    sql.Column("mark", sql.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A batch in the making. `size` bytes of its part file count; what stands behind them is a torn page."""

    source: str
    stream: str
    batch: str
    window_start: datetime | None
    window_end: datetime
    position: Any = None
    size: int = 0
    records: int = 0
    deletes: int = 0
    pages: int = 0
    high_water: datetime | None = None
    is_complete: bool = False


@dataclass(frozen=True, kw_only=True)
class StreamState:
    source: str
    stream: str
    kind: str
    cursor: datetime | None = None
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    last_swept_at: datetime | None = None
    failure: str | None = None
    memory: Any = None
    fields: Any = None


Ledger = sql.Engine
_complete: WeakSet[sql.Engine] = WeakSet()          # whose tables are all there


def open_ledger(url: str) -> Ledger:
    """Open (and create where missing) the ledger at an SQLAlchemy URL; a plain path means SQLite. Raises LedgerUnreachable, DiskFull."""
    if "://" not in url:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        if not Path(url).exists():
            Path(url).touch(mode=0o600)     # the links of messages are in it, which act for whoever has them; its log takes this mode over
        url = f"sqlite:///{url}"
    engine = engine_of(url)
    from flows.store import alerts as _alerts  # noqa: F401  their tables belong to this metadata
    from flows.store import audit as _audit  # noqa: F401
    from flows.store import grid as _grid  # noqa: F401
    from flows.store import intents as _intents  # noqa: F401
    from flows.store import jobs as _jobs  # noqa: F401
    from flows.store import leases as _leases  # noqa: F401
    from flows.store import link_uses as _link_uses  # noqa: F401
    from flows.store import outbox as _outbox  # noqa: F401
    from flows.store import proposals as _proposals  # noqa: F401
    from flows.store import shares as _shares  # noqa: F401
    from flows.store import switches as _switches  # noqa: F401
    from flows.store import turns as _turns  # noqa: F401

    if engine not in _complete:
        with told(engine):
            metadata.create_all(engine)
        if engine.dialect.name == "postgresql":         # 25 round trips, and the engine is the same one the next time
            _complete.add(engine)
    return engine


def text(instant: datetime | None) -> str | None:
    """An aware instant as ISO text in UTC."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def dumps(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _loads(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def stream_state(ledger: Ledger, source: str, stream: str, kind: str) -> StreamState:
    with ledger.begin() as connection:
        row = connection.execute(sql.select(streams).where(streams.c.source == source, streams.c.stream == stream)).mappings().first()
    return _state(row) if row else StreamState(source=source, stream=stream, kind=kind)


def stream_states(ledger: Ledger) -> list[StreamState]:
    with ledger.begin() as connection:
        return [_state(row) for row in connection.execute(sql.select(streams).order_by(streams.c.source, streams.c.stream)).mappings()]


def _state(row: sql.RowMapping) -> StreamState:
    return StreamState(
        source=row["source"], stream=row["stream"], kind=row["kind"], cursor=instant(row["cursor"]),
        last_attempt_at=instant(row["last_attempt_at"]), last_success_at=instant(row["last_success_at"]),
        last_swept_at=instant(row["last_swept_at"]), failure=row["failure"], memory=_loads(row["memory"]), fields=_loads(row["fields"]),
    )


def note_failure(ledger: Ledger, *, source: str, stream: str, kind: str, at: datetime, failure: str) -> None:
    with ledger.begin() as connection:
        put(connection, streams, {"source": source, "stream": stream}, {"kind": kind, "last_attempt_at": text(at), "failure": failure})


def remember_fields(ledger: Ledger, *, source: str, stream: str, fields: Any) -> None:
    with ledger.begin() as connection:
        connection.execute(sql.update(streams).where(streams.c.source == source, streams.c.stream == stream).values(fields=dumps(fields)))


def first_mark(ledger: Ledger, subject: str, mark: str) -> str:
    """The mark that this subject was given first; now this one when it has none."""
    query = sql.select(marks.c.mark).where(marks.c.subject == subject)
    with ledger.begin() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        try:
            with ledger.begin() as connection:
                connection.execute(sql.insert(marks).values(subject=subject, mark=mark))
        except sql.exc.IntegrityError:      # another stream was faster
            with ledger.begin() as connection:
                found = connection.execute(query).scalar()
    return mark if found is None else str(found)


def current_reading(ledger: Ledger, source: str, stream: str) -> Reading | None:
    with ledger.begin() as connection:
        row = connection.execute(sql.select(readings).where(readings.c.source == source, readings.c.stream == stream)).mappings().first()
    if row is None:
        return None
    window_end = instant(row["window_end"])
    assert window_end is not None
    return Reading(
        source=source, stream=stream, batch=row["batch"], window_start=instant(row["window_start"]), window_end=window_end,
        position=_loads(row["position"]), size=row["size"], records=row["records"], deletes=row["deletes"], pages=row["pages"],
        high_water=instant(row["high_water"]), is_complete=bool(row["is_complete"]),
    )


def disk_of_reading(ledger: Ledger, reading: Reading) -> str | None:
    """The disk that this reading was begun on; None: it was begun where there is only one."""
    with ledger.begin() as connection:
        return connection.execute(sql.select(disks.c.disk).where(
            disks.c.source == reading.source, disks.c.stream == reading.stream, disks.c.batch == reading.batch)).scalar()


def save_reading(ledger: Ledger, reading: Reading, *, disk: str | None = None) -> None:
    """Record how far a batch has come. Call after the bytes it speaks of are on disk. disk: given where it begins."""
    with ledger.begin() as connection:
        if disk is not None:
            put(connection, disks, {"source": reading.source, "stream": reading.stream}, {"batch": reading.batch, "disk": disk})
        put(connection, readings, {"source": reading.source, "stream": reading.stream}, {
            "batch": reading.batch, "window_start": text(reading.window_start), "window_end": text(reading.window_end),
            "position": dumps(reading.position), "size": reading.size, "records": reading.records, "deletes": reading.deletes,
            "pages": reading.pages, "high_water": text(reading.high_water), "is_complete": reading.is_complete,
        })


def drop_reading(ledger: Ledger, reading: Reading) -> None:
    with ledger.begin() as connection:
        connection.execute(sql.delete(readings).where(readings.c.source == reading.source, readings.c.stream == reading.stream))


def finish_reading(
    ledger: Ledger, reading: Reading, *, kind: str, feeds: str, path: str | None, sha256: str | None, at: datetime,
    cursor: datetime | None, memory: Any, swept: bool, of_the_past: bool = False,
) -> None:
    """In one transaction: the batch is known, the cursor moves, the reading is over. `path` None: nothing new, no batch.

    of_the_past: the window was read before, or is older than what the nights read: how far the stream was read, and when, stays as it is.
    """
    key = {"source": reading.source, "stream": reading.stream}
    with ledger.begin() as connection:
        if path is not None:
            put(connection, batches, {**key, "batch": reading.batch}, {
                "kind": kind, "feeds": feeds, "path": path, "records": reading.records, "deletes": reading.deletes, "pages": reading.pages,
                "size": reading.size, "sha256": sha256, "window_start": text(reading.window_start), "window_end": text(reading.window_end),
                "landed_at": text(at), "verdict": "unchecked",
            })
        state = {"kind": kind, "cursor": text(cursor), "last_attempt_at": text(at), "last_success_at": text(at), "failure": None}
        if memory is not None:
            state["memory"] = dumps(memory)
        if swept:
            state["last_swept_at"] = text(at)
        if not of_the_past:
            put(connection, streams, key, state)
        connection.execute(sql.delete(readings).where(readings.c.source == reading.source, readings.c.stream == reading.stream))


def list_batches(ledger: Ledger, source: str | None = None, stream: str | None = None) -> list[dict[str, Any]]:
    """Batches in the order in which they must be absorbed."""
    query = sql.select(batches).order_by(batches.c.source, batches.c.stream, batches.c.batch)
    if source is not None:
        query = query.where(batches.c.source == source)
    if stream is not None:
        query = query.where(batches.c.stream == stream)
    with ledger.begin() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def unchecked_streams(ledger: Ledger) -> set[tuple[str, str]]:
    """(source, stream) of which something was read that no checks have judged: a version made now shows nothing of it."""
    with ledger.begin() as connection:
        return {(row.source, row.stream) for row in connection.execute(sql.select(batches).where(batches.c.verdict == "unchecked"))}


def feeds_of(ledger: Ledger) -> dict[tuple[str, str], str]:
    """(source, stream) -> '<kind>.<table>' of the dbt source that its newest batch feeds."""
    stream = (batches.c.source, batches.c.stream)
    newest = sql.select(*stream, sql.func.max(batches.c.batch).label("batch")).group_by(*stream).subquery()
    query = sql.select(batches).join(newest, sql.and_(*(batches.c[name] == newest.c[name] for name in ("source", "stream", "batch"))))
    with ledger.begin() as connection:
        return {(row["source"], row["stream"]): row["feeds"] for row in connection.execute(query).mappings()}


def last_batch(ledger: Ledger, source: str, stream: str) -> str | None:
    with ledger.begin() as connection:
        query = sql.select(sql.func.max(batches.c.batch)).where(batches.c.source == source, batches.c.stream == stream)
        return connection.execute(query).scalar()


def judge_batch(ledger: Ledger, *, source: str, stream: str, batch: str, verdict: str, decided_by: str | None = None, reason: str | None = None) -> bool:
    """Set a batch's verdict; a rejected batch gives its window back, so that the next run reads it again. False: no such batch."""
    with ledger.begin() as connection:
        where = sql.and_(batches.c.source == source, batches.c.stream == stream, batches.c.batch == batch)
        row = connection.execute(sql.select(batches).where(where)).mappings().first()
        if row is None:
            return False
        connection.execute(sql.update(batches).where(where).values(verdict=verdict, decided_by=decided_by, reason=reason))
        if verdict == "rejected" and not _is_of_a_backfill(connection, source, stream, batch, reason):
            connection.execute(sql.update(streams).where(streams.c.source == source, streams.c.stream == stream).values(
                cursor=row["window_start"], memory=None))
        return True


def _is_of_a_backfill(connection: sql.Connection, source: str, stream: str, batch: str, reason: str | None) -> bool:
    """Days that a backfill read fail with its batch; how far the nights have read is another matter."""
    from flows.store.grid import cells

    of_it = (cells.c.source == source, cells.c.stream == stream, cells.c.batch == batch)
    return bool(connection.execute(sql.update(cells).where(*of_it).values(state="failed", why=f"rejected: {reason}")).rowcount)


def start_night(ledger: Ledger, *, run: str, as_of: str, at: datetime) -> None:
    with ledger.begin() as connection:
        # Whoever starts a night holds the lease, so any other night that still says "running" was killed.
        connection.execute(sql.update(nights).where(nights.c.state == "running").values(state="interrupted", ended_at=text(at)))
        put(connection, nights, {"run": run}, {"as_of": as_of, "started_at": text(at), "state": "running"})


def end_night(ledger: Ledger, *, run: str, at: datetime, state: str, version: str | None, report: Mapping[str, Any]) -> None:
    with ledger.begin() as connection:
        put(connection, nights, {"run": run}, {"ended_at": text(at), "state": state, "version": version, "report": dumps(report)})


def list_nights(ledger: Ledger, limit: int = 20) -> Sequence[dict[str, Any]]:
    with ledger.begin() as connection:
        rows = connection.execute(sql.select(nights).order_by(nights.c.started_at.desc()).limit(limit)).mappings()
        return [{**row, "report": _loads(row["report"])} for row in rows]
