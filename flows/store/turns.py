"""Which version is current, where hosts share a ledger: the turns of `current` as rows, each written with the lease of the night in hand.

A host's own `current` (versions.py) follows these. A version is in the store whole before its row is written, so a row is all that publishes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sql

from flows.store.disk import PublishError
from flows.store.ledger import Ledger, instant, metadata, text
from flows.store.versions import Flip, lineage

turns = sql.Table(
    "turns", metadata,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("action", sql.Text, nullable=False),         # publish, rollback
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("left_version", sql.Text),                   # what was current
    sql.Column("to_version", sql.Text, nullable=False),
    sql.Column("who", sql.Text, nullable=False),
    sql.Column("why", sql.Text, nullable=False),
)

places = sql.Table(                                         # the versions that are in the store
    "places", metadata,
    sql.Column("version", sql.Text, primary_key=True),
    sql.Column("place", sql.Text, nullable=False),          # its folder there
    sql.Column("files", sql.Text, nullable=False),          # JSON: path below it -> SHA-256
)


@dataclass(frozen=True, kw_only=True)
class Placed:
    version: str
    place: str
    files: Mapping[str, str]


def turn(ledger: Ledger, flip: Flip, placed: Placed | None = None) -> None:
    """Make a version current for all hosts. Raises PublishError where another one has become current meanwhile, LeaseLost."""
    with ledger.begin() as connection:
        last = connection.execute(sql.select(turns).order_by(turns.c.number.desc()).limit(1)).mappings().first()
        now = last["to_version"] if last else None
        if now != flip.left:
            raise PublishError(f"{now or 'nothing'} is current by the ledger, not {flip.left or 'nothing'}: `meridian publish fetch`, then again")
        if placed is not None:
            _put_place(connection, placed)
        _write(connection, last["number"] + 1 if last else 1, flip)


def adopt(ledger: Ledger, flips: Sequence[Flip], placed: Placed) -> None:
    """The turns of a deployment that was one machine's until now, whose current version has come to the store; nothing where there are turns already."""
    with ledger.begin() as connection:
        if connection.execute(sql.select(turns).limit(1)).first():
            return
        _put_place(connection, placed)
        for number, flip in enumerate(flips, start=1):
            _write(connection, number, flip)


def _put_place(connection: sql.Connection, placed: Placed) -> None:
    connection.execute(sql.insert(places).values(version=placed.version, place=placed.place, files=json.dumps(dict(placed.files))))


def _write(connection: sql.Connection, number: int, flip: Flip) -> None:
    connection.execute(sql.insert(turns).values(
        number=number, action=flip.action, at=text(flip.at), left_version=flip.left, to_version=flip.to, who=flip.who, why=flip.why))


def turned(ledger: Ledger) -> list[Flip]:
    """Oldest first."""
    with ledger.begin() as connection:
        found = []
        for row in connection.execute(sql.select(turns).order_by(turns.c.number)).mappings():
            at = instant(row["at"])
            assert at is not None
            found.append(Flip(action=row["action"], at=at, left=row["left_version"], to=row["to_version"], who=row["who"], why=row["why"]))
        return found


def placed(ledger: Ledger) -> dict[str, Placed]:
    with ledger.begin() as connection:
        return {row["version"]: Placed(version=row["version"], place=row["place"], files=json.loads(row["files"]))
                for row in connection.execute(sql.select(places)).mappings()}


def forget_old(ledger: Ledger, *, keep_days: int, now: datetime) -> list[str]:
    """Versions that are too old are in no place any more, but for the current one and the one that a rollback would take; returns their names."""
    line = turned(ledger)
    known = placed(ledger)
    kept = {*[name for name in lineage(line)[0] if name in known][-2:], *(flip.to for flip in line[-1:])}
    since = {flip.to: flip.at for flip in line if flip.action == "publish"}
    old = [name for name in known if name not in kept and since.get(name, now) < now - timedelta(days=keep_days)]
    with ledger.begin() as connection:
        connection.execute(sql.delete(places).where(places.c.version.in_(old)))
    return old
