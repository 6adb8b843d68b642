"""A table is put in place in one transaction: what a build cannot finish leaves the one before."""

from __future__ import annotations

import duckdb
import pytest

from tests.dbt_project.warehouse_builder import WarehouseBuilder


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
