"""A playbook's list, read from an open version of the marts, and what speaks against acting on it unasked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from flows.automation.engine import Found
from flows.automation.plan import Firing, plain
from flows.automation.playbook import Playbook


def read(connection: Any, playbook: Playbook, firing: Collection[Firing], *, expected: date) -> Found:
    """connection: DuckDB, on a version. expected: the day as of which the newest version should be. Raises LookupError where the list is not published."""
    as_of, version = connection.execute("select as_of, version from meridian_version").fetchone()
    name = f"worklist_{playbook.when.worklist}"
    tables = {table for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    if name not in tables:
        raise LookupError(f"no {name} is published")
    answer = connection.execute(f"select * from {name} order by due_at, work_key")
    columns = [column[0] for column in answer.description]
    rows = [dict(zip(columns, map(plain, values), strict=True)) for values in answer.fetchall()]
    return Found(version=version, as_of=as_of, rows=rows, firing=firing, stale=_stale(connection, playbook, tables, as_of, expected))


def _stale(connection: Any, playbook: Playbook, tables: Collection[str], as_of: date, expected: date) -> str:
    if (days := (expected - as_of).days) > 0:
        return f"the newest version is of {as_of}, {days} days behind"
    if "source_freshness" not in tables:
        return ""
    late = connection.execute("select source_name || '/' || stream from source_freshness where is_stale and (? or list_contains(?, kind)) order by 1",
                              [not playbook.reads, list(playbook.reads)]).fetchall()
    return f"{late[0][0]} is stale" if late else ""
