"""The files of a candidate: the published tables in one DuckDB file, and each as Parquet.

A night changes few rows, and writing all of them again would cost more than working them out (3 of 4 CPU seconds for 700,000 rows). So the
file of the version before is copied, and of a table that is built by changed keys only those rows are put anew. Then the table is compared with
the warehouse's by checksum: when they differ, for whatever reason, it is written whole. Of a large table those months are compared of which the
warehouse has other rows than the version before. In any other month the named rows went out and came in the same, and nothing else was touched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.store import parquet_files
from flows.store.checksums import NAMES_OF_THE_BUILD, checksums_by_month, columns_of, literal, quoted, together
from flows.store.disk import PublishError
from flows.store.parquet_files import Parts
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

    personal: columns that name one of the company's own people; readers elsewhere get them masked. day: the date or timestamp by whose month the
    Parquet of a large table is divided.
    """

    name: str
    relation: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    changed: Changed | None = None
    day: str | None = None


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
        connection.execute("set checkpoint_threshold = '1TB'")      # once, at the end: nobody else opens this file, and one that was cut off is thrown away
        for name in _tables(connection) - {table.name for table in tables}:
            connection.execute(f"drop table {quoted(name)}")
        for table in tables:
            try:
                parts = _put(connection, table, parquet_files.parts_told(before.tables.get(table.name, {})) if before and taken_over else {})
            except duckdb.CatalogException as error:
                reason = str(error).splitlines()[0]
                raise PublishError(f"cannot publish {table.name}: the warehouse has no {table.relation}; was it built? ({reason})") from error
            rows, checksum = together(parts)
            months = {} if "" in parts else {"months": {month: list(part) for month, part in sorted(parts.items())}}
            described[table.name] = {"rows": rows, "checksum": checksum, "columns": _comment(connection, table), "primary_key": list(table.primary_key),
                                     "personal": list(table.personal), **months}
            _write_parquet(connection, table, path / PARQUET, parts, described[table.name], before)
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


def _put(connection: duckdb.DuckDBPyConnection, table: Table, before: Parts) -> Parts:
    """The table as the warehouse has it: by its changed rows where that gives the same, else whole. Returns what it now is, by month where it is large.

    before: what its months were in the version that was taken over, if it was large.
    """
    name, relation = quoted(table.name), f"warehouse.{table.relation}"
    [count] = connection.execute(f"select count(*) from {relation}").fetchall()[0]
    day = table.day if count >= parquet_files.FROM_ROWS else None
    if table.changed is not None and table.name in _tables(connection):
        columns = columns_of(connection, relation)
        if columns_of(connection, name) == columns and not NAMES_OF_THE_BUILD & {column for column, _ in columns}:
            changed = f"{table.changed.key} in (select {table.changed.key} from warehouse.{table.changed.of}) or {table.changed.also}"
            connection.execute("begin")
            connection.execute(f"delete from {name} where {changed}")
            first = _first(connection, name, relation, count, changed)
            connection.execute(f"insert into {name} select * from {relation} where rowid >= {first} and ({changed})")
            wanted = checksums_by_month(connection, relation, day)
            if _found(connection, name, day, wanted, before) == wanted:
                connection.execute("commit")
                return wanted
            connection.execute("rollback")
    connection.execute(f"create or replace table {name} as select * from {relation}")
    return checksums_by_month(connection, name, day)


def _first(connection: duckdb.DuckDBPyConnection, name: str, relation: str, count: int, changed: str) -> int:
    """From which row on the changed ones lie in `relation`, which has `count` rows: what lies before is not read. They have been taken out of table `name`.

    The night has put them behind all others, so they are the last, as many as `name` now lacks. Where they are not, they are looked for.
    """
    [here] = connection.execute(f"select count(*) from {name}").fetchall()[0]
    [last] = connection.execute(f"select coalesce(max(rowid), -1) from {relation}").fetchall()[0]
    first = last + 1 - (count - here)
    [there] = connection.execute(f"select count(*) from {relation} where rowid >= {first} and ({changed})").fetchall()[0]
    if there == count - here:
        return int(first)
    return int(connection.execute(f"select coalesce(min(rowid), 0) from {relation} where {changed}").fetchall()[0][0])


def _found(connection: duckdb.DuckDBPyConnection, name: str, day: str | None, wanted: Parts, before: Parts) -> Parts:
    """What the table is now; months that need not be looked at (see above) are told as they were."""
    if not (day and before):
        return checksums_by_month(connection, name, day)
    other = sorted(month for month in wanted.keys() | before.keys() if wanted.get(month) != before.get(month))
    looked_at = checksums_by_month(connection, name, day, where=" or ".join(f"({parquet_files.of_month(day, month)})" for month in other) or "false")
    return {**{month: part for month, part in before.items() if month not in other}, **looked_at}


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


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, table: Table, folder: Path, parts: Parts, described: Mapping[str, Any], before: Version | None,
) -> None:
    told = before.tables.get(table.name, {}) if before else {}
    home = before.path / PARQUET if before else None
    names_the_build = bool(NAMES_OF_THE_BUILD & {column for column, _ in columns_of(connection, quoted(table.name))})
    if table.day is not None and "" not in parts:
        is_alike = not names_the_build and all(told.get(one) == described[one] for one in ("columns", "primary_key", "personal"))
        parquet_files.write_months(connection, table.name, folder, day=table.day, parts=parts, before=home if is_alike else None,
                                   parts_before=parquet_files.parts_told(told))
    else:
        parquet_files.write(connection, table.name, folder, same=home if told == described and not names_the_build else None)


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
