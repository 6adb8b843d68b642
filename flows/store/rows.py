"""Rows of the ledger, put by their keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sql


def put(connection: sql.Connection, table: sql.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Update the row with this key, or insert it."""
    update, select, insert = _statements(table, tuple(key), tuple(values))
    of_key = {f"key_{name}": value for name, value in key.items()}
    if values and connection.execute(update, of_key | {f"new_{name}": value for name, value in values.items()}).rowcount:
        return
    if not values and connection.execute(select, of_key).first():
        return
    connection.execute(insert, {**key, **values})


@cache
def _statements(table: sql.Table, key: tuple[str, ...], values: tuple[str, ...]) -> tuple[sql.Update, sql.Select[Any], sql.Insert]:
    """A statement that is written out anew for every row costs more than its execution."""
    where = sql.and_(*(table.c[name] == sql.bindparam(f"key_{name}") for name in key))
    return sql.update(table).where(where).values({name: sql.bindparam(f"new_{name}") for name in values}), sql.select(table).where(where), sql.insert(table)
