"""What the bundle has to know of the published version: the columns that each dataset's SQL gives, and the KPIs' titles and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bi.specs import Dataset, SpecError
from bi.sql import written


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: str
    description: str | None

    @property
    def is_time(self) -> bool:
        return self.type.startswith(("DATE", "TIMESTAMP"))


@dataclass(frozen=True, kw_only=True)
class Kpi:
    title: Mapping[str, str]
    unit: str


def look(marts: Path, datasets: Mapping[str, Dataset], words: Mapping[str, Any], zone: str) -> tuple[dict[str, list[Column] | None], dict[str, Kpi]]:
    """Columns of each dataset (None: the version has no such table), and the KPI catalogue. Raises SpecError for SQL that is wrong."""
    with duckdb.connect(str(marts), read_only=True) as connection:
        comments = dict(connection.execute("select column_name, any_value(comment) from duckdb_columns() where comment is not null group by all").fetchall())
        columns = {name: _columns(connection, dataset, words, zone, comments) for name, dataset in datasets.items()}
        kpis = {
            kpi: Kpi(title={"en": english, "zh": chinese}, unit=unit)
            for kpi, english, chinese, unit in connection.execute("select kpi, title_en, title_zh, unit from kpi_catalogue").fetchall()
        }
    return columns, kpis


def _columns(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, words: Mapping[str, Any], zone: str, comments: Mapping[str, str]
) -> list[Column] | None:
    try:
        described = connection.execute(f"describe {written(dataset.sql, words['values'], 'en', zone)}").fetchall()
    except duckdb.CatalogException as lacking:
        if "Table with name" in str(lacking):
            return None
        raise SpecError(f"datasets.yml: {dataset.name}: {lacking}") from None
    except duckdb.Error as wrong:
        raise SpecError(f"datasets.yml: {dataset.name}: {wrong}") from None
    return [Column(name=name, type=type_, description=comments.get(name)) for name, type_, *_ in described]
