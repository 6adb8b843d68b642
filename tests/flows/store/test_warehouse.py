"""The warehouse lays before dbt what has landed and not been absorbed, in order, and heals itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.store import landing as landings
from flows.store import warehouse as warehouses

SOURCES = "sources:\n  - name: shop\n    schema: raw\n    tables: [{name: orders, identifier: shop__orders}, {name: customers, identifier: shop__customers}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project/models/staging/shop").mkdir(parents=True)
    (tmp_path / "project/models/staging/shop/_sources.yml").write_text(SOURCES)
    (tmp_path / "project/models/staging/shop/stg.sql").write_text("select 1")
    return tmp_path / "project"


def batch(root: Path, source: str, name: str, records: dict[str, Any], verdict: str = "passed") -> dict[str, Any]:
    where = landings.place(root, source, "orders", name)
    landings.append(where, [landings.line(key, ordinal, record) for ordinal, (key, record) in enumerate(records.items())], 0)
    landings.seal(where)
    return {"source": source, "stream": "orders", "batch": name, "feeds": "shop.orders", "path": where.relative, "verdict": verdict}


def prepare(tmp_path: Path, project: Path, rows: list[dict[str, Any]], **more: Any) -> warehouses.Prepared:
    return warehouses.prepare(tmp_path / "w.duckdb", landing=tmp_path / "landing", project=project, batches=rows, tables={}, previous=None,
                              **{"as_of": date(2026, 3, 1), **more})


def orders(tmp_path: Path) -> list[tuple[Any, ...]]:
    with warehouses.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        return connection.execute("select _source, _batch, _key, _deleted, record ->> 'n' from raw.shop__orders order by 1, 2, _ordinal").fetchall()


def test_several_sources_of_a_kind_stand_in_one_view_and_an_unlanded_stream_is_an_empty_one(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "landing"
    rows = [batch(root, "eu", "20260301T000000Z-000", {"1": {"n": 1}, "2": None}), batch(root, "us", "20260301T000000Z-000", {"1": {"n": 7}})]
    prepare(tmp_path, project, rows)
    assert orders(tmp_path) == [
        ("eu", "20260301T000000Z-000", "1", False, "1"), ("eu", "20260301T000000Z-000", "2", True, None), ("us", "20260301T000000Z-000", "1", False, "7")]
    with warehouses.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from raw.shop__customers").fetchone() == (0,)


def test_absorbed_batches_are_not_shown_again_until_a_rebuild(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "landing"
    rows = [batch(root, "eu", "20260301T000000Z-000", {"1": {"n": 1}})]
    warehouses.mark_absorbed(tmp_path / "w.duckdb", prepare(tmp_path, project, rows))
    rows.append(batch(root, "eu", "20260302T000000Z-000", {"1": {"n": 2}}))
    prepared = prepare(tmp_path, project, rows)
    assert [row[1] for row in orders(tmp_path)] == ["20260302T000000Z-000"] and not prepared.is_rebuild
    prepare(tmp_path, project, rows)       # killed before mark_absorbed: the same again
    assert [row[1] for row in orders(tmp_path)] == ["20260302T000000Z-000"]
    assert prepare(tmp_path, project, rows, rebuild=True).is_rebuild
    assert len(orders(tmp_path)) == 2


def test_changed_staging_reads_the_whole_landing_again(tmp_path: Path, project: Path) -> None:
    rows = [batch(tmp_path / "landing", "eu", "20260301T000000Z-000", {"1": {"n": 1}})]
    warehouses.mark_absorbed(tmp_path / "w.duckdb", prepare(tmp_path, project, rows))
    (project / "models/staging/shop/stg.sql").write_text("select 2")
    assert prepare(tmp_path, project, rows).is_rebuild
    assert len(orders(tmp_path)) == 1


def test_a_held_batch_keeps_back_those_behind_it_and_a_rejected_one_does_not(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "landing"
    rows = [batch(root, "eu", f"2026030{day}T000000Z-000", {"1": {"n": day}}) for day in (1, 2, 3)]
    rows[1]["verdict"] = "held"
    prepared = prepare(tmp_path, project, rows)
    assert [row[4] for row in orders(tmp_path)] == ["1"] and prepared.held == [("eu", "orders", "20260302T000000Z-000")]
    rows[1]["verdict"] = "rejected"
    prepare(tmp_path, project, rows)
    assert [row[4] for row in orders(tmp_path)] == ["1", "3"]


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 500])
def test_a_corrupt_warehouse_is_rebuilt_from_the_landing(tmp_path: Path, project: Path, damage: bytes) -> None:
    rows = [batch(tmp_path / "landing", "eu", "20260301T000000Z-000", {"1": {"n": 1}})]
    (tmp_path / "w.duckdb").write_bytes(damage)
    assert prepare(tmp_path, project, rows).is_rebuild
    assert len(orders(tmp_path)) == 1


def test_previous_kpis_are_those_of_the_published_parquet_and_empty_without_one(tmp_path: Path, project: Path) -> None:
    prepare(tmp_path, project, [])
    with warehouses.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from raw.meridian__previous_kpis").fetchone() == (0,)
    (tmp_path / "parquet").mkdir()
    duckdb.sql("select 'csat' as kpi, 0.9 as value").write_parquet(str(tmp_path / "parquet/kpis.parquet"))
    warehouses.prepare(tmp_path / "w.duckdb", landing=tmp_path, project=project, batches=[], tables={}, previous=tmp_path / "parquet", as_of=date(2026, 3, 1))
    with warehouses.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        assert connection.execute("select kpi from raw.meridian__previous_kpis").fetchone() == ("csat",)


def built(tmp_path: Path, project: Path, rows: list[dict[str, Any]], **more: Any) -> warehouses.Prepared:
    prepared = prepare(tmp_path, project, rows, **more)
    warehouses.mark_absorbed(tmp_path / "w.duckdb", prepared)
    return prepared


def test_marts_are_kept_only_from_a_finished_build_of_an_earlier_day_by_the_same_rules(tmp_path: Path, project: Path) -> None:
    rows = [batch(tmp_path / "landing", "eu", "20260301T000000Z-000", {"1": {"n": 1}})]
    assert prepare(tmp_path, project, rows).is_whole, "nothing is there yet"
    assert prepare(tmp_path, project, rows).is_whole, "the first build was killed"
    assert built(tmp_path, project, rows).is_whole
    assert not prepare(tmp_path, project, rows).is_whole
    assert not prepare(tmp_path, project, rows, as_of=date(2026, 3, 5)).is_whole
    again = prepare(tmp_path, project, rows, as_of=date(2026, 3, 4))
    assert again.is_whole and again.built_as_of is None, "a killed build of a later day has left its marks"
    assert built(tmp_path, project, rows, as_of=date(2026, 3, 4)).is_whole
    assert prepare(tmp_path, project, rows, as_of=date(2026, 3, 4)).built_as_of == date(2026, 3, 4)
    assert prepare(tmp_path, project, rows, as_of=date(2026, 3, 3)).is_whole
    built(tmp_path, project, rows, as_of=date(2026, 3, 4))
    assert prepare(tmp_path, project, rows, as_of=date(2026, 3, 4), settings="another time zone").is_whole


def test_the_second_routes_are_taken_once_a_week_and_when_all_is_new(tmp_path: Path, project: Path) -> None:
    assert built(tmp_path, project, [], as_of=date(2026, 3, 1)).is_audit
    assert [built(tmp_path, project, [], as_of=date(2026, 3, day)).is_audit for day in (2, 7, 8, 9, 16)] == [False, False, True, False, True]
    assert not prepare(tmp_path, project, [], as_of=date(2026, 3, 16)).is_audit
    assert prepare(tmp_path, project, [], as_of=date(2026, 3, 16), settings="others").is_audit


def test_tables_of_which_nothing_is_new_are_idle(tmp_path: Path, project: Path) -> None:
    rows = [batch(tmp_path / "landing", "eu", "20260301T000000Z-000", {"1": {"n": 1}})]
    assert built(tmp_path, project, rows).idle == [("shop", "customers")]
    assert prepare(tmp_path, project, rows).idle == [("shop", "customers"), ("shop", "orders")]
    (project / "models/staging/shop/stg_shop__orders.sql").write_text("select * from {{ source('shop', 'orders') }}")
    assert warehouses.staging_readers(project) == {("shop", "orders"): "stg_shop__orders"}


def test_batches_of_the_version_that_packed_by_gzip_stand_beside_todays_in_one_view(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "landing"
    earlier = replace(landings.place(root, "eu", "orders", "20260301T000000Z-000"), packing="gz")
    landings.append(earlier, [landings.line("1", 0, {"n": 1})], 0)
    landings.seal(earlier)
    today = batch(root, "eu", "20260302T000000Z-000", {"1": {"n": 2}})
    prepare(tmp_path, project, [{**today, "batch": earlier.batch, "path": earlier.relative}, today])
    assert orders(tmp_path) == [("eu", earlier.batch, "1", False, "1"), ("eu", "20260302T000000Z-000", "1", False, "2")]
