"""Whether the tests that take a second route to a number would notice a wrong one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from flows import build
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import warehouse

TABLE = re.compile(r'"marts"\."(kpi_\w+|kpis)"')
ALL = "kpis"
FIGURES = ("value", "numerator", "denominator")


def compiled(settings: Settings, select: str) -> dict[str, str]:
    """The SQL of a company's second routes by name, as of the version that it has built."""
    ledger = ledgers.open_ledger(settings.ledger)
    as_of = settings.as_of(settings.clock())
    build.run_dbt(settings, ["compile", "--select", *select.split()],
                  told=build.run_environment(settings, ledger, as_of=as_of, version="none", now=settings.clock(), built_as_of=as_of))
    return {file.stem: file.read_text(encoding="utf-8") for file in (build.target_folder(settings) / "compiled").rglob("tests/two_routes/**/*.sql")}


def unnoticed(path: Path, queries: Mapping[str, str]) -> list[str]:
    """KPIs of which no second route notices that all their figures are one more than they were. queries: routes by name, each of which holds; of all KPIs, or
    where the table of all is not among those that they read, of those in the tables that are. path: the warehouse, which stays as it is."""
    noticed, there = set[str](), dict[str, set[str]]()
    with warehouse.connect(path) as connection:
        for name, query in queries.items():
            assert connection.execute(query).fetchall() == [], name
            for table in sorted(set(TABLE.findall(query))):
                there[table] = there.get(table) or _kpis(connection, table)
                noticed |= {
                    kpi for kpi in sorted(there[table] - noticed) if (table != ALL or f"'{kpi}'" in query) and _notices(connection, query, table, kpi)}
    return sorted((there[ALL] if ALL in there else set().union(*there.values())) - noticed)


def _kpis(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Those of the table that have a number."""
    return {kpi for (kpi,) in connection.execute(f"select distinct kpi from marts.{table} where value is not null").fetchall()}


def _notices(connection: duckdb.DuckDBPyConnection, query: str, table: str, kpi: str) -> bool:
    """Whether the query returns something when all figures of the KPI are off."""
    connection.execute("begin")
    try:
        connection.execute(f"update marts.{table} set {', '.join(f'{one} = {one} + 1' for one in FIGURES)} where kpi = ?", [kpi])
        return bool(connection.execute(query).fetchall())
    finally:
        connection.execute("rollback")
