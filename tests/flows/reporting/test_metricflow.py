"""The KPIs as metrics of MetricFlow: dbt takes the project, and what is added up there is what was published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flows.reporting import catalogue, metricflow
from flows.settings import PROJECT
from tests import first_version
from tests.flows.reporting.small_marts import small_marts

__all__ = ["small_marts"]

pytestmark = pytest.mark.timeout(1500)      # the first test may wait for the company's first night, or live it

FORMULAS = {path.stem: path.read_text(encoding="utf-8") for path in (PROJECT / "dbt_project" / "models" / "marts").rglob("kpi_*.sql")}


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """What the sandbox company's first night published."""
    file = first_version.copy(tmp_path_factory.mktemp("metrics"), tmp_path_factory, request) / "marts.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        yield file, connection


@pytest.fixture(scope="module")
def project(marts: tuple[Path, duckdb.DuckDBPyConnection]) -> dict[str, str]:
    file, connection = marts
    return metricflow.files(connection, catalogue.read(connection, parents={}, formulas=FORMULAS, exposures=[]), database=file)


def metrics(project: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in yaml.safe_load(project["models/meridian.yml"])["metrics"]}


def test_dbt_takes_it_and_reads_the_published_marts(project: dict[str, str], tmp_path: Path) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    for name, text in {**project, "profiles.yml": project["profiles.yml"].replace("metrics.duckdb", str(tmp_path / "metrics.duckdb"))}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    folders = ["--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path), "--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    try:
        outcome: Any = dbtRunner().invoke(["run", *folders, "--log-level", "none"])      # it validates the semantic manifest as it parses
    finally:
        DuckDBConnectionManager.close_all_connections()
    assert outcome.success, outcome.exception or [result.message for result in outcome.result]
    assert (tmp_path / "target" / "semantic_manifest.json").exists() and len(outcome.result.results) == 2


def test_every_metric_added_up_from_days_is_the_month_that_was_published(marts: tuple[Path, duckdb.DuckDBPyConnection], project: dict[str, str]) -> None:
    parts = re.sub(r"\{\{ source\('meridian', 'kpis'\) \}\}", "kpis", project[f"models/{metricflow.TABLE}.sql"])
    compared = 0
    for name, metric in metrics(project).items():
        if name.startswith("meridian_"):
            continue
        ratio = metric["type_params"].get("numerator")
        kpi, segment_type = re.findall(r"= '(\w+)'", (ratio or metric["type_params"]["measure"])["filter"])
        value = "sum(numerator) / nullif(sum(denominator), 0)" if ratio else "sum(numerator)"
        rows = marts[1].execute(f"""
            with parts as ({parts}),
            added as (select date_trunc('month', happened_on)::date as month, segment, {value} as value from parts where kpi = $1 and segment_type = $2 group by all)
            select segment, month, added.value, kpis.value from added full join (
                select period_start as month, segment, value from kpis where kpi = $1 and segment_type = $2 and period_grain = 'month') kpis using (month, segment)
        """, [kpi, segment_type]).fetchall()
        assert rows, name
        for segment, month, found, published in rows:
            assert (found is None) == (published is None), (name, segment, month, found, published)
            assert found is None or found == pytest.approx(published, rel=1e-9), (name, segment, month)
            compared += 1
    assert compared > 1_000


def test_what_does_not_add_up_is_no_metric_and_is_named(project: dict[str, str], marts: tuple[Path, duckdb.DuckDBPyConnection]) -> None:
    found, left_out = metrics(project), set(json.loads(project["LEFT_OUT.json"]))
    every = {kpi for kpi, in marts[1].execute("select kpi from kpi_catalogue").fetchall()}
    assert {"resolution_hours", "ticket_backlog", "repurchase_rate", "customer_growth", "supplier_late_rate", "efficiency_gain"} <= left_out
    assert {"csat", "revenue", "sla_attainment", "on_time_delivery_rate", "csat_by_team"} <= set(found)
    assert every - left_out == {name for name in found if name in every}


def test_a_company_without_figures_gets_a_project_without_metrics(small_marts: duckdb.DuckDBPyConnection) -> None:
    """And a formula that is not one of ours is not taken for a sum."""
    made = metricflow.files(small_marts, catalogue.read(small_marts, parents={}, formulas={"kpi_csat": "select 1"}, exposures=[]), database=Path("marts.duckdb"))
    assert set(metrics(made)) == {"meridian_numerator", "meridian_denominator"} and made[f"models/{metricflow.TABLE}.sql"].endswith("where false\n")
