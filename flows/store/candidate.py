"""The files of a candidate: the published tables in one DuckDB file, and each as Parquet.

A night changes few rows, and writing all of them again would cost more than working them out (3 of 4 CPU seconds for 700,000 rows). So the
file of the version before is copied, and of a table that is built by changed keys only those rows are put anew. Then the table is compared with
the warehouse's by checksum: when they differ, for whatever reason, it is written whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.store.checksums import NAMES_OF_THE_BUILD, columns_of, literal, quoted, table_checksum
from flows.store.disk import PublishError
from flows.store.versions import MARTS, PARQUET, Version

Step = Callable[[str], None]
"""Called with the name of each step that is behind us; a test kills the process in it."""

MOST_GROWTH = 1.5       # DuckDB uses freed blocks again, but not all of them: beyond this, compared with a file written whole, the file is written whole


def no_step(name: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Changed:
    """How a table is kept up: rows whose `key` stands in the warehouse's relation `of`, and those for which `also` (SQL) is true, are put anew."""

    key: str
    of: str
    also: str = "false"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table to publish. relation: its name in the warehouse ('marts.kpis'); descriptions become comments in the marts file.

    personal: columns that name one of the company's own people; readers elsewhere get them masked.
    """

    name: str
    relation: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    changed: Changed | None = None


def write_tables(
    path: Path, warehouse: Path, *, before: Version | None, version: str, as_of: date, built_at: datetime, tables: Sequence[Table], code_revision: str,
    sources: Sequence[Mapping[str, Any]], step: Step,
) -> tuple[dict[str, dict[str, Any]], int]:
    """Fill `path` with the marts file and the Parquet files.

    before: the current version, whose unchanged rows are taken over. Returns what the manifest says of each table, and the size that the marts
    file had when it was last written whole. Raises PublishError when the warehouse lacks a table.
    """
    taken_over = _take_over(before, path / MARTS)
    connection = duckdb.connect(str(path / MARTS))
    described: dict[str, dict[str, Any]] = {}
    try:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
        for name in _tables(connection) - {table.name for table in tables}:
            connection.execute(f"drop table {quoted(name)}")
        for table in tables:
            try:
                rows, checksum = _put(connection, table)
            except duckdb.CatalogException as error:
                reason = str(error).splitlines()[0]
                raise PublishError(f"cannot publish {table.name}: the warehouse has no {table.relation}; was it built? ({reason})") from error
            described[table.name] = {"rows": rows, "checksum": checksum, "columns": _comment(connection, table), "primary_key": list(table.primary_key),
                                     "personal": list(table.personal)}
            _write_parquet(connection, table.name, path / PARQUET, before if before and before.tables.get(table.name) == described[table.name] else None)
            step(f"copied {table.name}")
        connection.execute("detach warehouse")
        _write_version(connection, path / PARQUET, version=version, as_of=as_of, built_at=built_at, code_revision=code_revision, sources=sources)
        connection.execute("checkpoint")
    finally:
        connection.close()
    (path / f"{MARTS}.wal").unlink(missing_ok=True)     # empty after the checkpoint; a log beside a read-only file makes it unopenable
    step("marts written")
    whole = before.manifest["bytes_when_written_whole"] if taken_over and before else (path / MARTS).stat().st_size
    return described, whole


def _take_over(before: Version | None, marts: Path) -> bool:
    """Copy the file of the version before, if that saves anything and it can be read."""
    if before is None or not before.marts.exists():
        return False
    whole = before.manifest.get("bytes_when_written_whole")
    if whole is None or before.marts.stat().st_size > MOST_GROWTH * whole:
        return False
    shutil.copyfile(before.marts, marts)
    try:
        duckdb.connect(str(marts)).close()
    except duckdb.Error:
        marts.unlink()
        return False
    return True


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """What a file that was taken over holds already."""
    return {row[0] for row in connection.execute("select table_name from duckdb_tables() where database_name = current_database()").fetchall()}


def _put(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, str]:
    """The table as the warehouse has it: by its changed rows where that gives the same, else whole. Returns (rows, checksum)."""
    name, relation = quoted(table.name), f"warehouse.{table.relation}"
    if table.changed is not None and table.name in _tables(connection):
        columns = columns_of(connection, relation)
        if columns_of(connection, name) == columns and not NAMES_OF_THE_BUILD & {column for column, _ in columns}:
            changed = f"{table.changed.key} in (select {table.changed.key} from warehouse.{table.changed.of}) or {table.changed.also}"
            connection.execute("begin")
            connection.execute(f"delete from {name} where {changed}")
            connection.execute(f"insert into {name} select * from {relation} where {changed}")
            found = table_checksum(connection, name)
            if found == table_checksum(connection, relation):
                connection.execute("commit")
                return found
            connection.execute("rollback")
    connection.execute(f"create or replace table {name} as select * from {relation}")
    return table_checksum(connection, name)


def _comment(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Descriptions as comments; returns the number of columns."""
    name = quoted(table.name)
    columns = [column for column, _ in columns_of(connection, name)]
    if table.description:
        connection.execute(f"comment on table {name} is {literal(table.description)}")
    for column in columns:
        if table.columns.get(column):
            connection.execute(f"comment on column {name}.{quoted(column)} is {literal(table.columns[column])}")
    return len(columns)


def _write_parquet(connection: duckdb.DuckDBPyConnection, name: str, folder: Path, same: Version | None) -> None:
    """same: a version in which this table holds the same rows; its file, which is never written again, is linked."""
    file = folder / f"{name}.parquet"
    if same is not None and not NAMES_OF_THE_BUILD & {column for column, _ in columns_of(connection, quoted(name))}:
        try:
            os.link(same.path / PARQUET / file.name, file)
            return
        except OSError:
            pass                    # gone, or a filesystem without links
    # A dictionary of every order number helps nobody: without it and without bloom filters this costs 30 % less, and the file is as small. So it is at
    # zstd's first level, for a fifth less than at its third.
    connection.execute(f"copy {quoted(name)} to {literal(file)} "
                       "(format parquet, compression zstd, compression_level 1, dictionary_size_limit 1000, write_bloom_filter false)")


def _write_version(
    connection: duckdb.DuckDBPyConnection, parquet: Path, *, version: str, as_of: date, built_at: datetime, code_revision: str,
    sources: Sequence[Mapping[str, Any]],
) -> None:
    instant = built_at.timestamp()
    connection.execute(
        "create or replace table meridian_version as select ?::varchar as version, ?::date as as_of, "
        "make_timestamp((?::double * 1000000)::bigint) as built_at, make_timestamp((?::double * 1000000)::bigint) as published_at, "
        "?::varchar as code_revision, ?::json as sources",
        [version, as_of, instant, instant, code_revision, json.dumps([dict(source) for source in sources], default=str)])
    connection.execute(
        "comment on table meridian_version is "
        "'Which version of the marts this file is. Instants are UTC; published_at is the instant of the run that published it. One row in all.'")
    connection.execute(f"copy meridian_version to {literal(parquet / 'meridian_version.parquet')} (format parquet)")
