"""What must not be done by itself just now: everything, one playbook, or anything in one target. Off until somebody lifts it, over restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sql

from flows.store import audit
from flows.store.ledger import instant, metadata, text
from flows.store.rows import put

EVERYTHING = "*"

switches = sql.Table(
    "automation_switches", metadata,
    sql.Column("name", sql.Text, primary_key=True),         # '*', a playbook, 'target:<name>'
    sql.Column("state", sql.Text, nullable=False),          # off, shadow, on
    sql.Column("by", sql.Text, nullable=False),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("reason", sql.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Switch:
    state: str
    by: str
    at: datetime
    reason: str


def of_target(target: str) -> str:
    return f"target:{target}"


def lock(connection: sql.Connection) -> None:
    """From here to the end of the transaction nobody else takes an intent or turns a switch: what was read stays true until it is acted on."""
    if connection.dialect.name == "postgresql":             # SQLite's transactions begin one after another
        connection.exec_driver_sql("lock table automation_switches in exclusive mode")


def turn(connection: sql.Connection, name: str, state: str, *, by: str, at: datetime, reason: str = "") -> None:
    lock(connection)
    put(connection, switches, {"name": name}, {"state": state, "by": by, "at": text(at), "reason": reason})
    audit.append(connection, at=at, who=by, what=f"turned automations {state}", subject=name, detail={"reason": reason})


def read(connection: sql.Connection) -> Mapping[str, Switch]:
    """Also of what was turned on again: who last changed it is asked, too."""
    found = {}
    for row in connection.execute(sql.select(switches)).mappings():
        at = instant(row["at"])
        assert at is not None
        found[row["name"]] = Switch(state=row["state"], by=row["by"], at=at, reason=row["reason"])
    return found
