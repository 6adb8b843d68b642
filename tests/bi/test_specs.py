"""The files of bi/ say what can be: every dataset's SQL runs on DuckDB and PostgreSQL, in both languages; wrong names are refused with the next move."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from sqlalchemy import create_engine, text

from bi import bundle, charts, marts
from bi.specs import HERE, SpecError, Specs, read_specs
from bi.sql import written
from sandbox.databases import Database

MARTS = Path(__file__).resolve().parent.parent.parent / "dbt_project" / "models" / "marts"
VERSION = {"version": "varchar", "as_of": "date", "built_at": "timestamp", "published_at": "timestamp"}     # flows.store writes this one, not dbt


@pytest.fixture(scope="module")
def specs() -> Specs:
    return read_specs(charts.KINDS)


def contracts() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Published tables and their columns' types, as dbt enforces them."""
    for path in sorted(MARTS.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if model.get("config", {}).get("contract", {}).get("enforced"):
                yield model["name"], {column["name"]: column["data_type"] for column in model["columns"]}
    yield "meridian_version", VERSION


def create(table: str, columns: Mapping[str, str], double: str) -> str:
    typed = ", ".join(f'"{name}" {re.sub("double", double, kind)}' for name, kind in columns.items())
    return f'create table "{table}" ({typed})'


def test_every_dataset_is_understood_by_duckdb_from_the_contracts_alone(specs: Specs, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    with duckdb.connect(str(file)) as connection:
        for table, columns in contracts():
            connection.execute(create(table, columns, "double"))
    found, _ = marts.look(file, specs.datasets, specs.words, "Europe/Berlin")
    assert not [name for name, columns in found.items() if columns is None]
    for dashboard in specs.dashboards:
        for chart in dashboard.charts:
            dataset = chart.options.get("dataset", "kpi_history")
            there = {column.name for column in found[dataset] or ()}
            told = {key: chart.options[key] for key in ("x", "y", "source") if key in chart.options and chart.kind != "sankey"}
            named = {*chart.options.get("columns", []), *chart.options.get("by", []), *chart.options.get("where", {}), *told.values(),
                     *(name.removeprefix("-") for name in chart.options.get("order", []))}
            assert named <= there, (dashboard.name, chart.name, named - there)
            assert {*chart.options.get("columns", [])} <= set(specs.words["columns"]), (chart.name, "has a column without a title")


def test_every_dataset_is_understood_by_postgresql(specs: Specs, postgres_server: Database) -> None:
    engine = create_engine(postgres_server.url.replace("postgresql:", "postgresql+pg8000:"))
    with engine.begin() as connection:
        connection.execute(text("create schema bi_marts"))
        connection.execute(text("set local search_path = bi_marts"))
        for table, columns in contracts():
            connection.execute(text(create(table, columns, "double precision")))
        for dataset in specs.datasets.values():
            for language in ("en", "zh"):
                sql = written(dataset.sql, specs.words["values"], language, "Europe/Berlin")
                measured = ", ".join(f"{metric.sql} as {name}" for name, metric in dataset.metrics.items()) or "count(*)"
                connection.execute(text(f"select {measured} from ({sql}) as rows"))
        connection.execute(text("drop schema bi_marts cascade"))
    engine.dispose()


def test_everything_is_said_in_both_languages(specs: Specs) -> None:
    titles: list[tuple[str, Any]] = [(dataset.name, dataset.title) for dataset in specs.datasets.values()]
    titles += [(f"{dataset.name}.{name}", metric.title) for dataset in specs.datasets.values() for name, metric in dataset.metrics.items()]
    titles += [(dashboard.name, dashboard.title) for dashboard in specs.dashboards]
    titles += [(chart.name, chart.title) for dashboard in specs.dashboards for chart in dashboard.charts if chart.title]
    titles += [(name, word) for kind in ("columns", "values") for name, word in specs.words[kind].items()]
    assert not [name for name, title in titles if not (title["en"] and title["zh"])]


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("dataset: worklists, metric: pieces_to_act_on", "dataset: worklist, metric: pieces_to_act_on", "there is no dataset 'worklist'; did you mean 'worklists'?"),
        ("metric: pieces_to_act_on", "metric: pieces_to_act", "there is no metric of worklists 'pieces_to_act'; did you mean 'pieces_to_act_on'?"),
        ("width: 3, kpi: {kpi: csat}", "width: 3, kip: {kpi: csat}", "there is no kind of chart 'kip'; did you mean 'kpi'?"),
        ("width: 3, kpi: {kpi: csat}", "width: 6, kpi: {kpi: csat}", "wider than 12 together"),
        ("charts: [trend, segments_over_time]", "charts: [trends, segments_over_time]", "there is no chart 'trends'; did you mean 'trend'?"),
    ],
)
def test_a_wrong_name_is_refused_with_its_line_and_the_nearest_right_one(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    folder = shutil.copytree(HERE, tmp_path / "bi")
    path = folder / "dashboards" / "scorecard.yml"
    said = path.read_text(encoding="utf-8")
    assert said.count(before) == 1
    path.write_text(said.replace(before, after), encoding="utf-8")
    with pytest.raises(SpecError, match=re.escape(complaint)) as refused:
        read_specs(charts.KINDS, folder)
    assert re.match(r"scorecard\.yml, line \d+: ", str(refused.value))


def test_a_word_that_is_nowhere_is_named(specs: Specs) -> None:
    with pytest.raises(SpecError, match=r"\{on_taget\} is not a word of words.yml; did you mean 'on_target'\?"):
        written("select '{on_taget}'", specs.words["values"], "en", "UTC")


def test_the_same_files_give_the_same_bundle_and_no_two_things_one_id(specs: Specs) -> None:
    columns: dict[str, Any] = {name: [marts.Column(name="kpi", type="VARCHAR", description=None)] for name in specs.datasets}
    named = {chart.options["kpi"] for dashboard in specs.dashboards for chart in dashboard.charts if chart.kind == "kpi"}
    kpis = {kpi: marts.Kpi(title={"en": kpi, "zh": f"{kpi} 指标"}, unit="ratio") for kpi in named}
    published = bundle.Published(uri="duckdb:////marts.duckdb", schema="main", columns=columns, kpis=kpis, zone="UTC")
    once, again = (bundle.bundle(specs, published, ["en", "zh"], at="2026-11-01T00:00:00+00:00") for _ in range(2))
    assert once == again
    ids = [content["uuid"] for content in once.values() if "uuid" in content]
    assert len(ids) == len(set(ids)) == len(once) - 1
    assert "marts.duckdb" not in repr(published), "the address may hold a password"
    without = bundle.Published(uri="", schema="main", columns={**columns, "projects": None}, kpis=kpis, zone="UTC")
    assert bundle.left_out(specs, without) == ["automation_quality.projects"]
    assert not [path for path in bundle.bundle(specs, without, ["en"], at="") if "projects" in path]
