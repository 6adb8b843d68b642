"""Whether two builds hold the same rows, whatever order they were written in.

A checksum is the row count and the sum of one 64-bit hash per row, so it does not depend on row order, column order or
threads, and it is computed where the rows are. Numbers with a fraction are compared in their first 33 bits, which is about 10 significant
digits: a parallel sum of doubles differs in its last bits from run to run, and that is no difference between two nights. The hash is DuckDB's
own (an MD5 of the row's text cost twelve times as much); it may change with a release, so the manifest says whose it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

NAMES_OF_THE_BUILD = frozenset({"data_version", "code_revision", "built_at", "published_at"})
"""Columns that say which build a row belongs to. They differ from version to version by design and are left out."""

NO_MONTH = "none"
"""What the month of a row without a day is called."""

OWN_TABLES = frozenset({"meridian_version"})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How one table differs between two files. Rows are counted with their multiplicity; examples are row texts, a few a side."""

    table: str
    rows_left: int | None                     # None: the table is not there
    rows_right: int | None
    only_left: int = 0
    only_right: int = 0
    columns_only_left: tuple[str, ...] = ()
    columns_only_right: tuple[str, ...] = ()
    examples_left: tuple[str, ...] = ()
    examples_right: tuple[str, ...] = ()


CHECKSUMS_BY = f"DuckDB {duckdb.__version__}"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """(name, type) of every column of `relation`, as it is spelled in SQL."""
    return [(row[0], row[1]) for row in connection.execute(f"describe select * from {relation}").fetchall()]


def _row_text(columns: Sequence[tuple[str, str]]) -> str:
    """SQL for one text per row: columns in the order of their names, null distinct from every value."""
    parts = []
    for name, kind in sorted(columns):
        column = quoted(name)
        # adding 0.0 turns -0.0 into 0.0
        text = f"format('{{:.10g}}', {column} + 0.0)" if kind in ("DOUBLE", "FLOAT") else f"cast({column} as varchar)"
        parts.append(f"coalesce(chr(29) || {text}, chr(30))")
    return "concat(" + ", ".join(parts) + ")" if parts else "''"


def table_checksum(connection: duckdb.DuckDBPyConnection, relation: str, *, leave_out: Collection[str] = NAMES_OF_THE_BUILD) -> tuple[int, str]:
    """(rows, checksum) of `relation`; equal checksums mean the same rows (and the same column names)."""
    return together(checksums_by_month(connection, relation, None, leave_out=leave_out))


def checksums_by_month(
    connection: duckdb.DuckDBPyConnection, relation: str, day: str | None, *, leave_out: Collection[str] = NAMES_OF_THE_BUILD, where: str = "true",
) -> dict[str, tuple[int, str]]:
    """(rows, checksum) of the rows of each month, '2026-10', of the date or timestamp `day`; 'none' where it is null. Without `day`, of all rows as ''."""
    columns = [(name, kind) for name, kind in columns_of(connection, relation) if name not in leave_out]
    values = ", ".join([literal(",".join(sorted(name for name, _ in columns))), *(_leading_bits(quoted(name), kind) for name, kind in sorted(columns))])
    month = f"date_trunc('month', {quoted(day)})" if day else "null"
    rows = connection.execute(f"select {month} as month, count(*), sum(hash({values})::hugeint) from {relation} where {where} group by month").fetchall()
    if not day:
        rows = rows or [(None, 0, 0)]
    return {(NO_MONTH if month is None else f"{month:%Y-%m}") if day else "": (int(count), _in_digits(int(total))) for month, count, total in rows}


def together(parts: Mapping[str, tuple[int, str]]) -> tuple[int, str]:
    """(rows, checksum) of a table, from those of its months."""
    return sum(rows for rows, _ in parts.values()), _in_digits(sum(int(checksum, 16) for _, checksum in parts.values()))


def _in_digits(total: int) -> str:
    return f"{total % 2**96:024x}"


def _leading_bits(column: str, kind: str) -> str:
    """A double cut to its first 33 bits by Veltkamp's splitting (T. J. Dekker, "A floating-point technique for extending the available precision",
    Numerische Mathematik 18, 1971); other types as they are. Adding 0.0 turns -0.0 into 0.0."""
    if kind not in ("DOUBLE", "FLOAT"):
        return column
    scaled = f"({column} * 1048577.0)"
    return f"({scaled} - ({scaled} - {column}) + 0.0)"


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    rows = connection.execute("select table_name from duckdb_tables() where database_name = ? and schema_name = 'main'", [database]).fetchall()
    return {row[0] for row in rows} - OWN_TABLES


def differences(left: Path, right: Path, *, leave_out: Collection[str] = NAMES_OF_THE_BUILD, examples: int = 3) -> list[Difference]:
    """Compare two marts files row for row; empty when they hold the same. Both are opened read-only."""
    found: list[Difference] = []
    connection = duckdb.connect()
    try:
        connection.execute(f"attach {literal(left)} as l (read_only); attach {literal(right)} as r (read_only)")
        in_left, in_right = _tables(connection, "l"), _tables(connection, "r")
        for table in sorted(in_left | in_right):
            rows = {side: None if table not in present else connection.execute(f"select count(*) from {side}.main.{quoted(table)}").fetchall()[0][0]
                    for side, present in (("l", in_left), ("r", in_right))}
            if rows["l"] is None or rows["r"] is None:
                found.append(Difference(table=table, rows_left=rows["l"], rows_right=rows["r"]))
                continue
            difference = _compare(connection, table, rows["l"], rows["r"], frozenset(leave_out), examples)
            if difference is not None:
                found.append(difference)
    finally:
        connection.close()
    return found


def _compare(connection: duckdb.DuckDBPyConnection, table: str, rows_left: int, rows_right: int, leave_out: frozenset[str], examples: int) -> Difference | None:
    relations = {side: f"{side}.main.{quoted(table)}" for side in ("l", "r")}
    columns = {side: [(name, kind) for name, kind in columns_of(connection, relation) if name not in leave_out] for side, relation in relations.items()}
    names = {side: {name for name, _ in present} for side, present in columns.items()}
    shared = names["l"] & names["r"]
    texts = {side: _row_text([column for column in columns[side] if column[0] in shared]) for side in ("l", "r")}
    only: dict[str, tuple[int, tuple[str, ...]]] = {}
    for here, there in (("l", "r"), ("r", "l")):
        query = (f"select replace(replace(row_text, chr(29), ' | '), chr(30), ' | ∅'), n from (select row_text, count(*) over () as n from "
                 f"(select {texts[here]} as row_text from {relations[here]} except all select {texts[there]} from {relations[there]})) "
                 f"limit {max(examples, 1)}")
        rows = connection.execute(query).fetchall()
        only[here] = (rows[0][1] if rows else 0, tuple(row[0] for row in rows[:examples]))
    if not only["l"][0] and not only["r"][0] and names["l"] == names["r"]:
        return None
    return Difference(
        table=table, rows_left=rows_left, rows_right=rows_right, only_left=only["l"][0], only_right=only["r"][0],
        columns_only_left=tuple(sorted(names["l"] - shared)), columns_only_right=tuple(sorted(names["r"] - shared)),
        examples_left=only["l"][1], examples_right=only["r"][1],
    )
