"""One published version in a PostgreSQL schema of its own: the same tables, with comments, keys and statistics.

A schema is there whole or not at all: it is made in one transaction. What readers find in it: dates as dates, instants as timestamptz, no nested
types (lists and JSON are text), columns in the order of the file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sql

from flows.store.candidate import Step
from flows.store.checksums import columns_of, literal, quoted
from flows.store.pg import TOO_LONG, refusal, run
from flows.store.versions import Version

TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean", "TINYINT": "smallint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "UTINYINT": "smallint",
    "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "numeric(20,0)", "HUGEINT": "numeric(39,0)", "FLOAT": "real", "DOUBLE": "double precision",
    "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamptz", "TIMESTAMP_S": "timestamptz", "TIMESTAMP_MS": "timestamptz", "TIMESTAMP_NS": "timestamptz",
    "TIMESTAMP WITH TIME ZONE": "timestamptz", "UUID": "uuid",
}
ADDRESS = r"[^\s@<>/,;:]+@[^\s@<>/,;:]+\.[A-Za-z]{2,}"


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Addresses of people become tokens, the same for the same person, made with `key`; values of columns that the marts declare personal do, too."""

    key: str


def comment_of(version: Version, mask: Mask | None) -> str:
    """What the comment of a schema says that holds this version."""
    return f"Marts, version {version.name}, as of {version.as_of}, people {'shown' if mask is None else 'masked'}"


def type_in_postgres(kind: str) -> str:
    """Of a DuckDB column. What has no counterpart, nested types above all, is text."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    return f"numeric({decimal[1]},{decimal[2]})" if decimal else TYPES.get(kind, "text")


def load(connection: sql.Connection, version: Version, schema: str, *, mask: Mask | None, step: Step) -> None:
    """Make `schema` and fill it with `version`, in the transaction that the caller has begun."""
    marts = duckdb.connect(str(version.marts), read_only=True)
    try:
        run(connection, f"create schema {quoted(schema)}")
        run(connection, f"comment on schema {quoted(schema)} is {literal(comment_of(version, mask))}")
        comments = {row[0]: row[1] for row in marts.execute("select table_name, comment from duckdb_tables() where not internal").fetchall()}
        described = marts.execute("select table_name, column_name, comment from duckdb_columns() where not internal and comment is not null").fetchall()
        for table in sorted(comments):
            name = f"{quoted(schema)}.{quoted(table)}"
            about: Mapping[str, Any] = version.tables.get(table, {})
            columns, key = columns_of(marts, quoted(table)), list(about.get("primary_key") or ())
            run(connection, f"create table {name} ({', '.join(f'{quoted(column)} {type_in_postgres(kind)}' for column, kind in columns)})")
            _copy(connection, marts, table, name, [_value(column, kind, mask, column in about.get("personal", ()), column in key) for column, kind in columns])
            _key(connection, name, key)
            if comments[table]:
                run(connection, f"comment on table {name} is {literal(comments[table])}")
            for of, column, comment in described:
                if of == table:
                    run(connection, f"comment on column {name}.{quoted(column)} is {literal(comment)}")
            run(connection, f"analyze {name}")
            step(f"loaded {table}")
    finally:
        marts.close()


def _copy(connection: sql.Connection, marts: duckdb.DuckDBPyConnection, table: str, name: str, values: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="meridian-copy-") as folder:
        file = Path(folder) / "rows.csv"
        marts.execute(f"copy (select {', '.join(values)} from {quoted(table)}) to {literal(file)} (format csv, header false)")
        session: Any = connection.connection.dbapi_connection
        with file.open("rb") as stream:
            # An empty value without quotes is null, one with quotes the empty text: so writes DuckDB, so reads PostgreSQL ("COPY", CSV Format).
            session.cursor().execute(f"copy {name} from stdin (format csv)", stream=stream)


def _value(column: str, kind: str, mask: Mask | None, is_personal: bool, is_key: bool) -> str:
    """SQL of DuckDB for a value as PostgreSQL reads it."""
    name = quoted(column)
    if kind in TYPES or type_in_postgres(kind) != "text":
        return f"{name} at time zone 'UTC'" if kind == "TIMESTAMP WITH TIME ZONE" else name
    text = f"cast({name} as varchar)" if kind in ("VARCHAR", "JSON") else f"cast(to_json({name}) as varchar)"
    text = f"replace({text}, chr(0), '')"           # PostgreSQL's text cannot hold it
    if mask is None:
        return text
    token = f"'person-' || left(sha256({literal(mask.key)} || lower({text})), 12)"
    if is_personal:
        return f"case when {name} is not null then {token} end"
    within = f"regexp_replace({text}, {literal(ADDRESS)}, 'person', 'g')" + (f" || '-' || left(sha256({literal(mask.key)} || {text}), 12)" if is_key else "")
    return f"case when {name} is null or not contains({text}, '@') then {text} when regexp_full_match({text}, {literal(ADDRESS)}) then {token} " \
           f"when regexp_matches({text}, {literal(ADDRESS)}) then {within} else {text} end"


def _key(connection: sql.Connection, name: str, key: Sequence[str]) -> None:
    if not key:
        return
    columns = ", ".join(map(quoted, key))
    try:
        with connection.begin_nested():
            run(connection, f"alter table {name} add primary key ({columns})")
    except sql.exc.DBAPIError as error:
        if refusal(error)[0] != TOO_LONG:           # an index entry holds 2,704 bytes: a long text is no key there
            raise
