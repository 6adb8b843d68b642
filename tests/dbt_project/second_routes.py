"""Whether the tests that take a second route to a number would notice a wrong one."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from flows.store import warehouse
from tests.dbt_project.warehouse_builder import WarehouseBuilder

TABLE = re.compile(r'"marts"\."(kpi_\w+|kpis)"')
FIGURES = ("value", "numerator", "denominator")


def overlooked(builder: WarehouseBuilder, queries: Mapping[str, str]) -> dict[str, list[str]]:
    """Of second routes by name (as `data_test` returns them), which KPIs' figures they do not miss when one of them is one more than it was: KPI by KPI of the
    tables that a route reads, in all its rows. A figure that a route does not compare is compared by nobody, but where it is told why in the route."""
    found: dict[str, list[str]] = {}
    with warehouse.connect(builder.path) as connection:
        for name, query in queries.items():
            assert connection.execute(query).fetchall() == [], name
            for table in sorted(set(TABLE.findall(query))):
                for kpi in _kpis(connection, table, query):
                    if not _notices(connection, query, table, kpi):
                        found.setdefault(name, []).append(kpi)
    return found


def _kpis(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> list[str]:
    """Those of the table that have a number; of the table of all KPIs, those that the query names."""
    kpis = [kpi for (kpi,) in connection.execute(f"select distinct kpi from marts.{table} where value is not null order by kpi").fetchall()]
    return [kpi for kpi in kpis if table != "kpis" or f"'{kpi}'" in query]


def _notices(connection: duckdb.DuckDBPyConnection, query: str, table: str, kpi: str) -> bool:
    """Whether the query returns something when all figures of the KPI are off."""
    connection.execute("begin")
    try:
        connection.execute(f"update marts.{table} set {', '.join(f'{one} = {one} + 1' for one in FIGURES)} where kpi = ?", [kpi])
        return bool(connection.execute(query).fetchall())
    finally:
        connection.execute("rollback")
