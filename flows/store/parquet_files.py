"""The Parquet files of a version: a file a table, and of a table of a million rows or more a file a month, in a folder of the file's name.

    parquet/dim_customers.parquet
    parquet/fct_order_lines.parquet/2026-09.parquet, 2026-10.parquet, ... none.parquet (rows without a day)

A night changes the last months of a large table, and to write all of it again takes as long as all else that publishing does. What is the same as in the
version before is linked: a version's files are never written again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from flows.store.checksums import NO_MONTH, literal, quoted

FROM_ROWS = 1_000_000

Parts = Mapping[str, tuple[int, str]]
"""month -> (rows, checksum), see checksums.checksums_by_month."""

# A dictionary of every order number helps nobody: without it and without bloom filters this costs 30 % less, and the file is as small. So it is at
# zstd's first level, for a fifth less than at its third.
_OPTIONS = "format parquet, compression zstd, compression_level 1, dictionary_size_limit 1000, write_bloom_filter false"


def write(connection: duckdb.DuckDBPyConnection, name: str, folder: Path, *, same: Path | None) -> None:
    """One file. same: the file of the same rows in the version before, if there is one."""
    file = folder / f"{name}.parquet"
    if not (same and _linked(same / file.name, file)):
        _copy(connection, quoted(name), file)


def write_months(connection: duckdb.DuckDBPyConnection, name: str, folder: Path, *, day: str, parts: Parts, before: Path | None, parts_before: Parts) -> None:
    """A file a month. before: the folder of the version before, whose table has the same columns; parts_before: what its months are."""
    home = folder / f"{name}.parquet"
    home.mkdir()
    for month, part in sorted(parts.items()):
        file = home / f"{month}.parquet"
        if not (before and parts_before.get(month) == part and _linked(before / home.name / file.name, file)):
            _copy(connection, f"(select * from {quoted(name)} where {of_month(day, month)})", file)


def of_month(day: str, month: str) -> str:
    """Condition of SQL, in a form by which DuckDB passes over the blocks of other months."""
    column = quoted(day)
    if month == NO_MONTH:
        return f"{column} is null"
    return f"{column} >= date '{month}-01' and {column} < date '{month}-01' + interval 1 month"


def parts_told(described: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """The months of a table, of what the manifest says of it; none where it is one file."""
    return {month: (rows, checksum) for month, (rows, checksum) in described.get("months", {}).items()}


def _copy(connection: duckdb.DuckDBPyConnection, relation: str, file: Path) -> None:
    connection.execute(f"copy {relation} to {literal(file)} ({_OPTIONS})")


def _linked(same: Path, file: Path) -> bool:
    try:
        os.link(same, file)
    except OSError:             # gone, or a filesystem without links
        return False
    return True
