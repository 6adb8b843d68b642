# SPDX-License-Identifier: GPL-3.0-or-later
# Written against Tryton's table layout and used only together with it; runs only in the Tryton environment.
"""Rows made like rows that Tryton made: the columns of a prototype, some of them replaced, inserted in bulk.

A prototype is a row that a real workflow wrote. Whatever a plan does not decide (company, user, methods, flags) is so as Tryton
itself would have it, and a new column of a later Tryton comes along without being named here.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


def stored(value: Any) -> Any:
    """A value as Tryton's SQLite backend writes it: decimals as bytes, instants as UTC text without an offset."""
    if isinstance(value, Decimal):
        return str(value).encode("ascii")
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return value


class Rows:
    """What is to be inserted, table by table, with ids given out beforehand so that rows can name each other."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.row_factory = sqlite3.Row
        self._next: dict[str, int] = {}
        self._prototypes: dict[tuple[str, str], dict[str, Any]] = {}
        self._waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def prototype(self, table: str, where: str) -> dict[str, Any]:
        """The first row for which `where` holds."""
        if (table, where) not in self._prototypes:
            row = self._connection.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY id LIMIT 1").fetchone()
            if row is None:
                raise LookupError(f"no workflow has made a row of {table} where {where}: nothing to make others like")
            self._prototypes[table, where] = dict(row)
        return self._prototypes[table, where]

    def add(self, table: str, where: str, values: dict[str, Any]) -> int:
        """One more row like the prototype, but for `values`. Returns its id."""
        prototype = self.prototype(table, where)
        if unknown := values.keys() - prototype.keys():
            raise LookupError(f"{table} has no column {', '.join(sorted(unknown))}")
        if table not in self._next:
            self._next[table] = 1 + self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        number = self._next[table]
        self._next[table] += 1
        self._waiting[table].append({**prototype, **{name: stored(value) for name, value in values.items()}, "id": number})
        return number

    def query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: Any) -> None:
        self._connection.execute(sql, values)

    def flush(self) -> dict[str, int]:
        """Insert all in one transaction. Rows a table."""
        counts = {}
        for table, rows in self._waiting.items():
            names = list(rows[0])
            places = ", ".join("?" * len(names))
            self._connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", ([row[name] for name in names] for row in rows))
            counts[table] = len(rows)
        self._waiting.clear()
        self._next.clear()  # Tryton may write before the next round
        self._connection.commit()
        return counts

    def close(self) -> None:
        self._connection.commit()
        self._connection.close()
