"""DuckDB as Great Expectations can use it.

Great Expectations knows no DuckDB: with duckdb-engine alone every SQL expectation dies with "list index out of range". What
follows is what it needs and no more:

- it hands its connection back before it has fetched, so nothing may begin, commit or roll back in between, and one connection
  is kept until the engine is disposed of;
- it writes regular expressions for the dialects it knows, so this one calls itself postgresql (DuckDB's `~` matches the
  whole text or a part like PostgreSQL's; suites anchor both ends all the same);
- DuckDB has keywords that PostgreSQL has not (`at`), so every keyword is quoted;
- columns are read from duckdb_columns(): 80 ms a table faster than duckdb-engine's way through pg_catalog, and it does not
  depend on SQLAlchemy's private queries (their change in 2.1 made type checks fail silently).

Importing this module imports sqlalchemy and duckdb-engine, not Great Expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from duckdb_engine import ConnectionWrapper, Dialect, DuckDBIdentifierPreparer
from sqlalchemy import pool

SCHEME = "meridian_duckdb"


_lent: dict[str, duckdb.DuckDBPyConnection] = {}


class QuotingPreparer(DuckDBIdentifierPreparer):
    def __init__(self, dialect: Dialect, **options: Any) -> None:
        super().__init__(dialect, **options)
        self.reserved_words = self.reserved_words | {row[0] for row in duckdb.execute("select keyword_name from duckdb_keywords()").fetchall()}


class MeridianDuckDB(Dialect):
    name = "postgresql"
    driver = SCHEME
    supports_statement_cache = False
    preparer = QuotingPreparer

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[pool.Pool]:
        return pool.StaticPool

    def connect(self, *arguments: Any, **options: Any) -> Any:
        if (lender := _lent.get(options.get("database", ""))) is not None:
            return ConnectionWrapper(lender.cursor())
        return super().connect(*arguments, **options)

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **options: Any) -> Any:
        rows = connection.execute(
            sa.text("select column_name, data_type, is_nullable from duckdb_columns() where table_name = :t and schema_name = :s order by column_index"),
            {"t": table_name, "s": schema or "main"},
        ).fetchall()
        return [{"name": name, "type": _type(data_type), "nullable": bool(nullable), "default": None, "comment": None} for name, data_type, nullable in rows]

    def do_begin(self, connection: Any) -> None:
        pass

    def do_commit(self, connection: Any) -> None:
        pass

    def do_rollback(self, connection: Any) -> None:
        pass


_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BOOLEAN": sa.BOOLEAN, "TINYINT": sa.SMALLINT, "SMALLINT": sa.SMALLINT, "INTEGER": sa.INTEGER, "BIGINT": sa.BIGINT, "HUGEINT": sa.BIGINT,
    "UTINYINT": sa.SMALLINT, "USMALLINT": sa.INTEGER, "UINTEGER": sa.BIGINT, "UBIGINT": sa.BIGINT,
    "FLOAT": sa.FLOAT, "DOUBLE": sa.DOUBLE, "VARCHAR": sa.VARCHAR, "JSON": sa.VARCHAR, "DATE": sa.DATE, "TIMESTAMP": sa.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP, "BLOB": sa.BLOB, "UUID": sa.VARCHAR,
}


def _type(name: str) -> sa.types.TypeEngine[Any]:
    if name.startswith("DECIMAL"):
        precision, scale = (int(number) for number in name[8:-1].split(","))
        return sa.DECIMAL(precision, scale)
    return _TYPES.get(name, sa.VARCHAR)()     # a type without a name (NullType) would make every statement on its table fail


sa.dialects.registry.register(SCHEME, __name__, "MeridianDuckDB")


@contextmanager
def lent(database: Path | duckdb.DuckDBPyConnection) -> Iterator[str]:
    """A connection string that holds inside: of a file for reading it (it never writes, and never asks for the lock of a writer), of a connection
    for other cursors on its database."""
    if isinstance(database, Path):
        yield sa.URL.create(SCHEME, database=str(database), query={"access_mode": "READ_ONLY"}).render_as_string()
        return
    name = f"lent-{id(database)}"
    _lent[name] = database
    try:
        yield sa.URL.create(SCHEME, database=name).render_as_string()
    finally:
        del _lent[name]
