"""Whatever has landed, every staging model makes the same of it, whether DuckDB or a real Spark takes the records apart."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.dialects import moving
from flows.dialects.models import WAREHOUSE
from flows.dialects.saying import say
from flows.dialects.spark import Refused, Spark
from flows.dialects.spark_build import _as_duckdb_has_it
from flows.dialects.spark_landed import LINES, NOTHING, TYPES, unfolded
from flows.dialects.spark_rewrites import ENGINE, spark_type
from flows.store import warehouse
from flows.store.packing import packed
from tests.dbt_project.conftest import dbt_manifest, dbt_target  # noqa: F401
from tests.dbt_project.warehouse_builder import WarehouseBuilder, run_dbt, run_settings
from tests.flows.dialects import landed
from tests.flows.dialects.test_spark import duck, engine  # noqa: F401

pytestmark = pytest.mark.timeout(1500)      # the first time, pyspark is fetched: 460 MB

RECORDS = 80


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> dict[str, tuple[str, str, str]]:  # noqa: F811
    """Of every model that reads what landed: kind, table, and its SQL as dbt compiles it."""
    company = WarehouseBuilder(folder=tmp_path_factory.mktemp("compiled"), target=dbt_target, manifest=dbt_manifest)
    company.build("path:models/staging", data_tests=False)
    compiled = run_dbt(["compile", "--full-refresh", "--select", "path:models/staging"], run_settings(company.path, as_of="2026-10-31"), target=dbt_target,
                       manifest=dbt_manifest)
    nodes = [one.node for one in compiled.results if one.node.resource_type == "model"]
    return {node.name: (kind, table, node.compiled_code.replace(f'"{WAREHOUSE}"."raw"."{kind}__{table}"', f'"{kind}__{table}"'))
            for node in nodes for kind, table in node.sources if kind != "meridian"}


@pytest.fixture
def apart() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def test_every_model_of_staging_can_be_said_in_sparks_sql(staging: dict[str, tuple[str, str, str]], apart: duckdb.DuckDBPyConnection) -> None:
    for kind, table, sql in staging.values():
        apart.execute(f'create or replace view "{kind}__{table}" as {warehouse.landed_lines(())}')
        assert moving.columns_in(apart, unfolded(sql)) == moving.columns_in(apart, sql)
        assert "from_json" in _said(apart, f"{kind}__{table}", sql).lower()
    assert len(staging) > 150


@pytest.mark.drill
def test_spark_takes_every_record_apart_as_duckdb_does(
    staging: dict[str, tuple[str, str, str]], apart: duckdb.DuckDBPyConnection, engine: Spark, tmp_path: Path,  # noqa: F811
) -> None:
    differences = [words for name, (kind, table, sql) in staging.items() if (words := _difference(name, kind, table, sql, apart, engine, tmp_path))]
    assert differences == []


@pytest.mark.drill
def test_a_damaged_line_stops_the_build_and_a_stream_that_was_never_read_is_empty(engine: Spark, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "erp" / "orders" / "2026-11-01" / "20261101T013000Z-000.jsonl.zst"
    file.parent.mkdir(parents=True)
    file.write_bytes(packed(b'{"key": "1", "ordinal": 0, "deleted": false, "record": {"id": 1}}\n{"key": "2", "ordi\n', "zst"))
    engine.land("some__orders", [file], LINES)
    with pytest.raises(Refused, match="MALFORMED_RECORD"):
        engine.make("orders", "select * from some__orders", tmp_path / "orders")
    engine.land("some__orders", [], NOTHING)
    engine.make("orders", "select * from some__orders", tmp_path / "orders")
    with duckdb.connect() as reader:
        assert reader.execute(f"select count(*) from read_parquet('{tmp_path}/orders/*.parquet')").fetchall() == [(0,)]


def _said(apart: duckdb.DuckDBPyConnection, raw: str, sql: str) -> str:
    return say(unfolded(sql), engine=ENGINE, tables={raw: TYPES}, describe=lambda query: moving.columns_in(apart, query)).sql


def _difference(name: str, kind: str, table: str, sql: str, apart: duckdb.DuckDBPyConnection, engine: Spark, folder: Path) -> str:  # noqa: F811
    """What the two make differently of records made up for this model; '' for nothing."""
    files = landed.land(folder / "landing", kind, table, list(landed.records(sql, RECORDS, random.Random(name))))
    apart.execute(f'create or replace view "{kind}__{table}" as {warehouse.landed_lines(list(map(str, files)))}')
    engine.land(f"{kind}__{table}", files, LINES)
    columns = moving.columns_in(apart, sql)
    cast = ", ".join(f"cast(`{column}` as {spark_type(of)}) as `{column}`" for column, of in columns.items())
    try:
        engine.make("answer", f"select {cast} from ({_said(apart, f'{kind}__{table}', sql)}) as said", folder / name)
    except Refused as reason:
        return f"{name}: {reason}"
    ours, theirs = (apart.execute(f"select * from ({query}) order by all").fetchall() for query in (sql, _as_duckdb_has_it(folder / name, columns)))
    assert ours, name
    return "" if ours == theirs else f"{name}: {[pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]][:2]}"
