"""A table is put in place in one transaction: what a build cannot finish, or what breaks the table's own rules, leaves the one before."""

from __future__ import annotations

from typing import Any, cast

import duckdb
import pytest

from tests.dbt_project.warehouse_builder import Landed, WarehouseBuilder


def test_a_table_stands_where_a_view_of_its_name_stood(running_company: WarehouseBuilder) -> None:
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute("drop table intermediate.int_calendar_spans")
        connection.execute("create view intermediate.int_calendar_spans as select 1 as something_else")
    running_company.build("int_calendar_spans", data_tests=False)
    assert running_company.value("select table_type from information_schema.tables where table_name = 'int_calendar_spans'") == "BASE TABLE"


def test_a_view_stands_where_a_table_of_its_name_stood(running_company: WarehouseBuilder) -> None:
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute("drop view staging.stg_meridian__holidays")
        connection.execute("create table staging.stg_meridian__holidays as select 1 as something_else")
    running_company.build("stg_meridian__holidays", data_tests=False)
    assert running_company.value("select table_type from information_schema.tables where table_name = 'stg_meridian__holidays'") == "VIEW"


def test_a_table_that_cannot_be_built_stays_as_it_was(running_company: WarehouseBuilder) -> None:
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute("insert into intermediate.int_calendar_spans by name select 'mark' as calendar")
        connection.execute("drop table intermediate.int_calendars")
        connection.execute("create view intermediate.int_calendars as select error('no calendars tonight') as calendar")
    with pytest.raises(AssertionError, match="int_calendar_spans"):
        running_company.build("int_calendar_spans", data_tests=False)
    assert running_company.value("select count(*) from intermediate.int_calendar_spans where calendar = 'mark'") == 1


def test_no_build_leaves_a_table_of_another_name_behind(running_company: WarehouseBuilder) -> None:
    running_company.build("int_calendar_spans stg_meridian__holidays", data_tests=False)
    assert running_company.rows("select table_name from information_schema.tables where table_name like '%dbt_tmp%' or table_name like '%dbt_backup%'") == []


def test_a_table_whose_new_rows_break_its_key_is_not_put_in_place(running_company: WarehouseBuilder) -> None:
    """The node tests are left out, as on every night but one a week: the rows are asked as they are written."""
    running_company.tables = {"calendars": [("desk", "Europe/Berlin", "mon", "09:00", "17:00")]}
    running_company.build("stg_meridian__calendars int_calendars", data_tests=False)
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute("create table staging.twice as from staging.stg_meridian__calendars, range(2)")
        connection.execute("create or replace view staging.stg_meridian__calendars as from staging.twice")
    with pytest.raises(AssertionError, match=r"int_calendars(?s:.)*primary key \(calendar, weekday_number, opens_minute\) is null or of several rows 1 times, such as \(desk, 1, 540\)"):
        running_company.build("int_calendars", data_tests=False)
    assert running_company.rows("select calendar, closes_minute from int_calendars") == [{"calendar": "desk", "closes_minute": 1020}]


def test_a_view_whose_rows_break_its_key_is_not_put_in_place(running_company: WarehouseBuilder) -> None:
    running_company.tables = {"calendars": [("desk", "Europe/Berlin", "mon", "09:00", closes) for closes in ("17:00", "18:00")]}
    with pytest.raises(AssertionError, match=r"stg_meridian__calendars(?s:.)*is null or of several rows 1 times, such as \(desk, mon, '09:00'\)"):
        running_company.build("stg_meridian__calendars", data_tests=False)


def test_rows_that_break_a_rule_are_not_added_to_those_before(running_company: WarehouseBuilder) -> None:
    running_company.land({("files", "costs"): [cost("a")]})
    running_company.build("stg_files__costs", data_tests=False)
    without_key = cast(Landed, (None, cost("b")))
    running_company.land({("files", "costs"): [cost("c"), without_key]})
    with pytest.raises(AssertionError, match=r"stg_files__costs(?s:.)*primary key \(source_name, record_key\) is null or of several rows 1 times, such as \(files, NULL\)"):
        running_company.build("stg_files__costs", data_tests=False)
    assert running_company.rows("select record_key from stg_files__costs") == [{"record_key": "a"}]


def test_every_broken_condition_is_named(running_company: WarehouseBuilder) -> None:
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute("insert into intermediate.int_ticket_events__servicenow by name "
                           "select 'one' as event_id, 'servicenow:1' as ticket_id, 'whispered' as event_kind, 'ghost' as actor_kind")
    with pytest.raises(AssertionError, match=r"int_ticket_history(?s:.)*event_kind in .* is not true of 1 rows; actor_kind in .* is not true of 1 rows"):
        running_company.build("int_ticket_history", data_tests=False)


@pytest.mark.parametrize("change", ["add column surplus integer", "drop column unit", "alter column amount type integer"])
def test_rows_of_other_columns_are_not_added(running_company: WarehouseBuilder, change: str) -> None:
    running_company.land({("files", "costs"): [cost("a")]})
    running_company.build("stg_files__costs", data_tests=False)
    with duckdb.connect(str(running_company.path)) as connection:
        connection.execute(f"alter table staging.stg_files__costs {change}")
    running_company.land({("files", "costs"): [cost("b")]})
    with pytest.raises(AssertionError, match=r"stg_files__costs(?s:.)*columns are not those of the table"):
        running_company.build("stg_files__costs", data_tests=False)
    assert running_company.value("select count(*) from stg_files__costs") == 1


def cost(key: str) -> dict[str, Any]:
    return {"id": key, "month": "2026-10-01", "unit": "shop", "category": "rent", "amount": "10", "currency": "EUR"}
