"""Whether the marts that another engine worked out are those of the files: every row and every column of every table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import duckdb

from flows.dialects.current import CannotBuild
from flows.settings import Settings
from flows.store import published
from flows.store.checksums import NAMES_OF_THE_BUILD, OWN_TABLES, columns_of, literal, quoted

SAME = 1e-9     # of a double: sums of doubles depend on the order of the rows
NOTHING = 1e-12     # of the largest in its column: what is left where two numbers should have cancelled
EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Compared:
    """differences: a sentence for each table that is not the same; empty: all are."""

    version: str
    tables: int
    rows: int
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class There:
    """An engine's marts. engine: its name in sentences. fetch: makes the table `there` in a DuckDB, of a mart with these columns."""

    engine: str
    version: str
    fetch: Callable[[duckdb.DuckDBPyConnection, str, Mapping[str, str]], None]


def compare(settings: Settings, opened: Callable[[Settings], AbstractContextManager[There | None]]) -> Compared:
    """Raises CannotBuild where there is nothing to compare, and what `opened` raises."""
    with opened(settings) as there:
        if there is None:
            raise CannotBuild("nothing is built there yet: run `meridian warehouse build`")
        version = published.version(settings.published, there.version)
        duck = duckdb.connect()
        try:
            duck.execute("set TimeZone = 'UTC'")
            duck.execute(f"attach {literal(version.marts)} as files (read_only)")
            found = {table: _compared(there, duck, table) for table in sorted(set(version.tables) - OWN_TABLES)}
        finally:
            duck.close()
    return Compared(version=there.version, tables=len(found), rows=sum(count for count, _ in found.values()),
                    differences=tuple(f"{table}: {words}" for table, (_, words) in found.items() if words))


def _compared(there: There, duck: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    """(rows of the file, what differs; '' for nothing). Rows are paired by their place in the order of what is exact in them."""
    columns = {column: kind for column, kind in columns_of(duck, f"files.{quoted(table)}") if column not in NAMES_OF_THE_BUILD}
    there.fetch(duck, table, columns)
    try:
        counts = [duck.execute(f"select count(*) from {one}").fetchall()[0][0] for one in (f"files.{quoted(table)}", "there")]
        if counts[0] != counts[1]:
            return counts[0], f"{counts[0]} rows in the file, {counts[1]} in {there.engine}"
        order = ", ".join(sorted(map(quoted, columns), key=lambda name: "DOUBLE" in columns[name[1:-1]]))
        pairs = f"(select *, row_number() over (order by {order}) as meridian_nth from files.{quoted(table)}) as ours join " \
                f"(select *, row_number() over (order by {order}) as meridian_nth from there) as theirs using (meridian_nth)"
        largest = _largest(duck, table, columns)
        same = {column: _same(quoted(column), kind, largest.get(column, 0)) for column, kind in columns.items()}
        wrong = duck.execute(f"select {', '.join(f'count(*) filter (where not {one})' for one in same.values())} from {pairs}").fetchall()[0]
        return counts[0], "; ".join(f"{column} differs in {count} of {counts[0]} rows, such as {_examples(duck, pairs, column, same[column])}"
                                    for column, count in zip(columns, wrong, strict=True) if count)
    finally:
        duck.execute("drop table there")


def _largest(duck: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> dict[str, float]:
    doubles = [column for column, kind in columns.items() if kind == "DOUBLE"]
    if not doubles:
        return {}
    asked = ", ".join(f"coalesce(max(abs({quoted(column)})) filter (where isfinite({quoted(column)})), 0)" for column in doubles)
    return dict(zip(doubles, duck.execute(f"select {asked} from files.{quoted(table)}").fetchall()[0], strict=True))


def _same(name: str, kind: str, largest: float) -> str:
    ours, theirs = f"ours.{name}", f"theirs.{name}"
    if kind == "DOUBLE":
        near = f"abs({ours} - {theirs}) <= greatest({SAME} * greatest(abs({ours}), abs({theirs})), {NOTHING * largest!r})"
        return f"({ours} is not distinct from {theirs} or coalesce({near}, false))"
    if kind == "DOUBLE[]":
        pair = f"list_transform(range(1, len({ours}) + 1), lambda nth: [{ours}[nth], {theirs}[nth]])"
        near = f"coalesce(abs(pair[1] - pair[2]) <= {SAME} * greatest(abs(pair[1]), abs(pair[2])), pair[1] is null and pair[2] is null)"
        all_near = f"len({ours}) = len({theirs}) and len(list_filter({pair}, lambda pair: not {near})) = 0"
        return f"({ours} is not distinct from {theirs} or coalesce({all_near}, false))"
    return f"({ours} is not distinct from {theirs})"


def _examples(duck: duckdb.DuckDBPyConnection, pairs: str, column: str, same: str) -> str:
    name = quoted(column)
    found: list[Any] = duck.execute(f"select ours.{name}, theirs.{name} from {pairs} where not {same} limit {EXAMPLES}").fetchall()
    return ", ".join(f"{ours!r} in the file and {theirs!r} there" for ours, theirs in found)
