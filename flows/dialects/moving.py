"""Rows between a DuckDB file and PostgreSQL, by COPY, as values of the same meaning: an instant is a `timestamp` in UTC, a list an array, what is
nested deeper JSON as text. Texts are compared by their bytes, as DuckDB does, whatever the database's own order is.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sql

from flows.store.checksums import literal, quoted
from flows.store.pg import run
from flows.store.pg_load import type_in_postgres

Columns = Mapping[str, str]         # name -> DuckDB's type


def type_while_building(kind: str) -> str:
    """PostgreSQL's type for a column of DuckDB's type `kind`."""
    if kind.endswith("[]") and "(" not in kind and kind.count("[]") == 1:
        return f"{type_while_building(kind[:-2])}[]" if kind != "VARCHAR[]" else 'text[] collate "C"'
    if kind.startswith("TIMESTAMP") and kind != "TIMESTAMP WITH TIME ZONE":
        return "timestamp"
    said = type_in_postgres(kind)
    return 'text collate "C"' if said == "text" else said


def columns_in(warehouse: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """What a query answers, its columns in order."""
    return {row[0].lower(): row[1] for row in warehouse.execute(f"describe {query}").fetchall()}


def create(connection: sql.Connection, name: str, columns: Columns) -> None:
    run(connection, f"create table {quoted(name)} ({', '.join(f'{quoted(column)} {type_while_building(kind)}' for column, kind in columns.items())})")


def load(connection: sql.Connection, warehouse: duckdb.DuckDBPyConnection, query: str, name: str, columns: Columns) -> int:
    """What `query` answers in DuckDB into the table `name`, which is made. Returns how many rows."""
    create(connection, name, columns)
    values = ", ".join(f"{_out(quoted(column), kind)} as {quoted(column)}" for column, kind in columns.items())
    with tempfile.TemporaryDirectory(prefix="meridian-copy-") as folder:
        file = Path(folder) / "rows.csv"
        [(count,)] = warehouse.execute(f"copy (select {values} from ({query}) as rows_to_go) to {literal(file)} (format csv, header false)").fetchall()
        session: Any = connection.connection.dbapi_connection
        with file.open("rb") as stream:
            session.cursor().execute(f"copy {quoted(name)} from stdin (format csv)", stream=stream)
    return int(count)


def fetch(connection: sql.Connection, duck: duckdb.DuckDBPyConnection, query: str, name: str, columns: Columns, *,
          lists_are_json: bool = False) -> None:
    """What `query` answers in PostgreSQL into a new table `name` of `duck`, with these types. lists_are_json: readers' tables have them so already."""
    values = ", ".join(f"to_json({quoted(column)})" if kind.endswith("[]") and not lists_are_json else quoted(column) for column, kind in columns.items())
    with tempfile.TemporaryDirectory(prefix="meridian-copy-") as folder:
        file = Path(folder) / "rows.csv"
        session: Any = connection.connection.dbapi_connection
        with file.open("wb") as stream:
            session.cursor().execute(f"copy (select {values} from ({query}) as rows_to_come) to stdout (format csv)", stream=stream)
        read = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
        typed = ", ".join(f"{_back(quoted(column), kind)} as {quoted(column)}" for column, kind in columns.items())
        source = f"read_csv({literal(file)}, header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', " \
                 f"allow_quoted_nulls = false, new_line = '\\n', max_line_size = 33554432, columns = {{{read}}})"
        duck.execute(f"create table {quoted(name)} as select {typed} from {source}")


def _out(name: str, kind: str) -> str:
    if kind.endswith("[]") and "(" not in kind and kind.count("[]") == 1:
        element = "case when e is null then 'NULL' else '\"' || replace(replace(replace(e::varchar, chr(0), ''), '\\', '\\\\'), '\"', '\\\"') || '\"' end"
        elements = f"list_aggregate(list_transform({name}, lambda e: {element}), 'string_agg', ',')"
        return f"case when {name} is not null then '{{' || coalesce({elements}, '') || '}}' end"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"cast({name} at time zone 'UTC' as varchar) || '+00'"
    if type_in_postgres(kind) != "text":
        return name
    text = f"cast({name} as varchar)" if re.fullmatch(r"VARCHAR|JSON", kind) else f"cast(to_json({name}) as varchar)"
    return f"replace({text}, chr(0), '')"           # PostgreSQL's text cannot hold it


def _back(name: str, kind: str) -> str:
    is_nested = "[]" in kind or ("(" in kind and not kind.startswith("DECIMAL"))
    return f"cast(cast({name} as json) as {kind})" if is_nested else f"cast({name} as {kind})"
