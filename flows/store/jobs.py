"""Backfills that were asked for: by whom, why, with what form, how far they came. The same one asked again goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from flows.store.ledger import Ledger, dumps, instant, metadata, text
from flows.store.rows import put

FINISHED = ("finished", "finished with failed days")

jobs = sql.Table(
    "jobs", metadata,
    sql.Column("job", sql.Text, primary_key=True),
    sql.Column("run", sql.Text, nullable=False),            # Prefect's flow run that is at it, or was last
    sql.Column("selection", sql.Text, nullable=False),      # JSON: the days, streams and mode that it is about
    sql.Column("form", sql.Text, nullable=False),           # JSON: all that was asked for
    sql.Column("who", sql.Text, nullable=False),
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("started_at", sql.Text, nullable=False),
    sql.Column("ended_at", sql.Text),
    sql.Column("state", sql.Text, nullable=False),          # running, interrupted, finished, finished with failed days
    sql.Column("message", sql.Text),
    sql.Column("version", sql.Text),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    job: str
    run: str
    who: str
    reason: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None = None
    message: str | None = None
    version: str | None = None


def begin(ledger: Ledger, *, run: str, selection: Mapping[str, Any], form: Mapping[str, Any], who: str, reason: str, at: datetime) -> tuple[str, bool]:
    """The job's name, and whether it goes on: the last one of the same selection that did not come to its end, or a new one named `run`.

    Whoever begins holds the lease, so any other that still says "running" was killed.
    """
    with ledger.begin() as connection:
        connection.execute(sql.update(jobs).where(jobs.c.state == "running").values(state="interrupted", ended_at=text(at)))
        last = connection.execute(sql.select(jobs).where(jobs.c.selection == dumps(selection)).order_by(jobs.c.started_at.desc()).limit(1)).mappings().first()
        goes_on = last is not None and last["state"] not in FINISHED
        job = str(last["job"]) if last is not None and goes_on else run
        put(connection, jobs, {"job": job}, {
            "run": run, "selection": dumps(selection), "form": dumps(form), "who": who, "reason": reason, "state": "running", "ended_at": None,
            **({} if goes_on else {"started_at": text(at)})})
    return job, goes_on


def end(ledger: Ledger, *, job: str, state: str, message: str, version: str | None, at: datetime) -> None:
    with ledger.begin() as connection:
        put(connection, jobs, {"job": job}, {"state": state, "message": message, "version": version, "ended_at": text(at)})


def last(ledger: Ledger, limit: int = 5) -> list[Job]:
    with ledger.begin() as connection:
        rows = connection.execute(sql.select(jobs).order_by(jobs.c.started_at.desc()).limit(limit)).mappings()
        return [Job(job=row["job"], run=row["run"], who=row["who"], reason=row["reason"], state=row["state"], started_at=instant(row["started_at"]),
                    ended_at=instant(row["ended_at"]), message=row["message"], version=row["version"]) for row in rows]
