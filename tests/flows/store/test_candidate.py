"""A candidate takes over what has not changed, and is the warehouse's tables all the same."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.store import candidate, parquet_files, published
from flows.store.checksums import differences, table_checksum

NOW = dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC)
AS_OF = dt.date(2026, 10, 31)
ORDERS = published.Table(
    name="orders", relation="core.orders", description="Orders.", columns={"amount": "Money."}, changed=published.Changed(key="id", of="core.changed", also="id is null"))
TABLES = [ORDERS, published.Table(name="kpis", relation="core.kpis"), published.Table(name="teams", relation="core.teams")]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    ask(path, """
        create schema core;
        create table core.orders as select i as id, i * 0.1 as amount, 'open' as status from range(50000) r(i);
        insert into core.orders values (null, 5.0, 'no number');
        create table core.changed (id bigint);
        create table core.kpis as select 1.5 as value, 'v1' as data_version;
        create table core.teams as select 'Support' as team
    """)
    return path


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(sql).fetchall()


def put_out(tmp_path: Path, warehouse: Path, tables: list[published.Table] = TABLES) -> published.Version:
    folder = tmp_path / "published"
    made = published.prepare(folder, warehouse, version=published.next_version(folder, AS_OF), as_of=AS_OF, built_at=NOW, tables=tables)
    return published.publish(made, checks=[], published_at=NOW)


def as_the_warehouse(version: published.Version, warehouse: Path) -> bool:
    with duckdb.connect(str(version.marts), read_only=True) as connection:
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        return all(table_checksum(connection, name) == table_checksum(connection, f"warehouse.core.{name}") == (told["rows"], told["checksum"])
                   for name, told in version.tables.items())


def test_changed_new_and_deleted_rows_are_put_anew_and_the_rest_is_taken_over(tmp_path: Path, warehouse: Path) -> None:
    first = put_out(tmp_path, warehouse)
    ask(warehouse, """
        update core.orders set status = 'done' where id in (7, 8);
        update core.orders set amount = 6 where id is null;
        delete from core.orders where id = 9;
        insert into core.orders values (50001, 1.0, 'new');
        insert into core.changed values (7), (8), (9), (50001), (12345);
        update core.kpis set value = 2, data_version = 'v2'
    """)
    second = put_out(tmp_path, warehouse)
    assert as_the_warehouse(second, warehouse) and as_the_warehouse(first, warehouse) is False
    [difference] = [one for one in differences(first.marts, second.marts) if one.table == "orders"]
    assert (difference.only_left, difference.only_right) == (4, 4)
    with duckdb.connect(str(second.marts), read_only=True) as connection:
        assert connection.execute("select comment from duckdb_tables() where table_name = 'orders'").fetchone() == ("Orders.",)
        assert connection.execute("select version from meridian_version").fetchall() == [(second.name,)]
        # rows that were not named were not written again: they still stand where they stood
        assert connection.execute("select rowid from orders where id = 12").fetchone() == (12,)


@pytest.mark.parametrize("change", ["update core.orders set amount = 9 where id = 3", "delete from core.orders where id = 3", "insert into core.orders values (3, 1, 'twice')"])
def test_a_change_that_nobody_named_makes_the_table_be_written_whole(tmp_path: Path, warehouse: Path, change: str) -> None:
    put_out(tmp_path, warehouse)
    ask(warehouse, f"{change}; insert into core.changed values (7)")
    assert as_the_warehouse(put_out(tmp_path, warehouse), warehouse)


@pytest.mark.parametrize(("night", "first"), [
    ("delete from core.orders where id = 7; insert into core.orders values (7, 1, 'done'), (50001, 1, 'new')", "the last two"),
    ("update core.orders set status = 'done' where id = 7", "row of 7"), ("delete from core.orders where id = 7", "none"), ("select 1", "row of 7"),
    ("delete from core.orders where id in (7, 9); insert into core.orders values (7, 1, 'done'), (9, 1, 'nobody named it')", "the last but one"),
])
def test_what_a_night_put_last_is_found_without_a_look_at_what_lies_before(tmp_path: Path, warehouse: Path, night: str, first: str) -> None:
    """Whether or not it lies there: where nothing is behind the row that is told, all that was named is."""
    before = put_out(tmp_path, warehouse)
    ask(warehouse, f"insert into core.changed values (7), (50001); {night}")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{before.marts}' as marts (read_only); attach '{warehouse}' as warehouse (read_only)")
        connection.execute("create table orders as from marts.orders where (id in (select id from warehouse.core.changed)) is not true")
        [count, last, seventh] = connection.execute(
            "select count(*), max(rowid), coalesce(min(rowid) filter (where id = 7), 0) from warehouse.core.orders").fetchall()[0]
        told = candidate._first(connection, "orders", "warehouse.core.orders", count, "id in (select id from warehouse.core.changed)")
    assert told == {"the last two": last - 1, "row of 7": seventh, "none": last + 1, "the last but one": last - 1}[first]


def test_a_new_column_a_new_table_and_one_that_is_gone(tmp_path: Path, warehouse: Path) -> None:
    put_out(tmp_path, warehouse)
    ask(warehouse, "alter table core.orders add column note varchar; create table core.products as select 1 as id")
    second = put_out(tmp_path, warehouse, [ORDERS, published.Table(name="products", relation="core.products")])
    assert as_the_warehouse(second, warehouse)
    with duckdb.connect(str(second.marts), read_only=True) as connection:
        assert {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()} == {"orders", "products", "meridian_version"}


def test_the_parquet_file_of_a_table_that_is_the_same_is_not_written_again(tmp_path: Path, warehouse: Path) -> None:
    first = put_out(tmp_path, warehouse)
    ask(warehouse, "update core.orders set status = 'done' where id = 7; insert into core.changed values (7)")
    second = put_out(tmp_path, warehouse)
    same = {name: (first.path / f"parquet/{name}.parquet").samefile(second.path / f"parquet/{name}.parquet") for name in ("orders", "teams", "kpis")}
    assert same == {"orders": False, "teams": True, "kpis": False}, "kpis says which version it is of"
    published.prune(tmp_path / "published", keep_days=0, now=NOW + dt.timedelta(days=9))
    assert duckdb.sql(f"select count(*) from '{second.path}/parquet/teams.parquet'").fetchone() == (1,)


@pytest.mark.parametrize("damage", [b"", b"not a database " * 1000])
def test_a_version_before_that_cannot_be_read_is_not_taken_over(tmp_path: Path, warehouse: Path, damage: bytes) -> None:
    first = put_out(tmp_path, warehouse)
    first.marts.chmod(0o644)
    first.marts.write_bytes(damage)
    assert as_the_warehouse(put_out(tmp_path, warehouse), warehouse)


def test_a_file_that_has_grown_is_written_whole(tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put_out(tmp_path, warehouse)
    ask(warehouse, "update core.orders set amount = amount + 1; insert into core.changed select id from core.orders")
    second = put_out(tmp_path, warehouse)
    assert second.manifest["bytes_when_written_whole"] == first.manifest["bytes_when_written_whole"]
    monkeypatch.setattr(candidate, "MOST_GROWTH", 0.5)
    third = put_out(tmp_path, warehouse)
    assert as_the_warehouse(third, warehouse)
    assert third.manifest["bytes_when_written_whole"] == third.marts.stat().st_size


MONTHS = ["2026-08", "2026-09", "2026-10", "none"]


@pytest.fixture
def large(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> list[published.Table]:
    """Orders with a day, of three months and of none, and so many of them that they are large."""
    monkeypatch.setattr(parquet_files, "FROM_ROWS", 1000)
    ask(warehouse, "alter table core.orders add column placed_on date; update core.orders set placed_on = date '2026-08-01' + cast(id % 92 as integer)")
    return [dataclasses.replace(ORDERS, day="placed_on"), *TABLES[1:]]


def months_of(version: published.Version) -> dict[str, Path]:
    return {file.stem: file for file in sorted((version.path / "parquet/orders.parquet").iterdir())}


def written_anew(first: published.Version, second: published.Version) -> list[str]:
    before = months_of(first)
    return [month for month, file in months_of(second).items() if month not in before or not file.samefile(before[month])]


def is_the_table(version: published.Version) -> bool:
    """Whether the Parquet files, read as one table, are the table of the marts file."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{version.marts}' as marts (read_only)")
        connection.execute(f"create view orders as from read_parquet('{version.path}/parquet/orders.parquet/*.parquet')")
        return table_checksum(connection, "orders") == table_checksum(connection, "marts.orders")


def test_a_large_table_is_a_file_a_month_and_only_months_that_changed_are_written(tmp_path: Path, warehouse: Path, large: list[published.Table]) -> None:
    first = put_out(tmp_path, warehouse, large)
    assert list(months_of(first)) == MONTHS and is_the_table(first)
    assert {one.name for one in (first.path / "parquet").iterdir() if one.is_file()} == {"kpis.parquet", "teams.parquet", "meridian_version.parquet"}
    ask(warehouse, "update core.orders set status = 'done' where id = 70; delete from core.orders where id = 91; insert into core.changed values (70), (91), (92)")
    second = put_out(tmp_path, warehouse, large)
    assert as_the_warehouse(second, warehouse) and is_the_table(second)
    assert written_anew(first, second) == ["2026-10"], "92 is of August and was named, but is the same"
    # from one month to another, which was not there; and a month that is gone
    ask(warehouse, "update core.orders set placed_on = '2026-11-02' where id = 0; delete from core.orders where id is null; insert into core.changed values (0)")
    third = put_out(tmp_path, warehouse, large)
    assert as_the_warehouse(third, warehouse) and is_the_table(third)
    assert written_anew(second, third) == ["2026-08", "2026-11"] and "none" not in months_of(third)
    with duckdb.connect(str(third.marts), read_only=True) as connection:
        assert connection.execute("select rowid from orders where id = 12").fetchone() == (12,), "taken over"


@pytest.mark.parametrize("change", [
    "update core.orders set amount = 9 where id = 3", "delete from core.orders where id = 3", "insert into core.orders values (3, 1, 'twice', '2026-08-04')",
    "update core.orders set placed_on = '2026-09-04' where id = 3"])
def test_a_change_in_a_large_table_that_nobody_named_makes_it_be_written_whole(tmp_path: Path, warehouse: Path, large: list[published.Table], change: str) -> None:
    put_out(tmp_path, warehouse, large)
    ask(warehouse, f"{change}; insert into core.changed values (70)")
    second = put_out(tmp_path, warehouse, large)
    assert as_the_warehouse(second, warehouse) and is_the_table(second)


def test_a_table_that_becomes_large_or_gets_a_column_is_written_whole(
        tmp_path: Path, warehouse: Path, large: list[published.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "FROM_ROWS", 1_000_000)
    first = put_out(tmp_path, warehouse, large)
    assert (first.path / "parquet/orders.parquet").is_file()
    monkeypatch.setattr(parquet_files, "FROM_ROWS", 1000)
    second = put_out(tmp_path, warehouse, large)
    assert list(months_of(second)) == MONTHS and is_the_table(second)
    ask(warehouse, "alter table core.orders add column note varchar")
    third = put_out(tmp_path, warehouse, large)
    assert written_anew(second, third) == MONTHS and is_the_table(third)
    monkeypatch.setattr(parquet_files, "FROM_ROWS", 1_000_000)
    assert (put_out(tmp_path, warehouse, large).path / "parquet/orders.parquet").is_file()


def test_a_large_table_is_told_in_the_manifest_by_month(tmp_path: Path, warehouse: Path, large: list[published.Table]) -> None:
    told = put_out(tmp_path, warehouse, large).tables["orders"]
    rows = dict(ask(warehouse, "select coalesce(strftime(placed_on, '%Y-%m'), 'none'), count(*) from core.orders group by all"))
    assert {month: part[0] for month, part in told["months"].items()} == rows
    assert told["rows"] == sum(rows.values()) == 50_001
