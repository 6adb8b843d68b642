"""What one release published, the next still publishes; and its names and types are such that every BI tool takes them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import duckdb
import pytest
import yaml

from tests.dbt_project.published_schema import FILE, broken, schema_of

# Published before there was this rule; the scorecard draws its trend from it. PostgreSQL gets it as text.
NESTED = {"scorecard.sparkline"}
FLAT = re.compile(r"varchar|date|timestamp|time|boolean|tinyint|smallint|integer|bigint|double|decimal\(\d+,\s?\d+\)")
ORDERS = {"fct_orders": {"order_id": "varchar", "placed_on": "date", "net_amount": "double"}}


def test_nothing_that_the_last_release_published_has_gone_or_changed_without_notice(dbt_manifest: Any) -> None:
    released = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert broken(released["tables"], schema_of(dbt_manifest), released["deprecations"]) == []


@pytest.mark.parametrize(("now", "said"), [
    ({}, ["fct_orders is not published any more: announce it under deprecations"]),
    ({"order_id": "varchar", "net_amount": "double"}, ["fct_orders.placed_on is gone: announce it under deprecations"]),
    ({"order_id": "varchar", "placed_on": "timestamp", "net_amount": "double"},
     ["fct_orders.placed_on was date and is timestamp: give it another name, or announce it under deprecations"]),
    ({"placed_on": "date", "order_id": "varchar", "net_amount": "double"}, ["fct_orders: its columns are in another order; what is new stands at the end"]),
    ({"order_id": "varchar", "x": "date", "placed_on": "date", "net_amount": "double"}, ["fct_orders: its columns are in another order; what is new stands at the end"]),
    ({"order_id": "varchar", "placed_on": "date", "net_amount": "double", "x": "date"}, []),
])
def test_what_breaks_readers_is_named_and_a_column_at_the_end_breaks_nobody(now: dict[str, str], said: list[str]) -> None:
    assert broken(ORDERS, {"fct_orders": now, "fct_new": {"x": "date"}} if now else {}, {}) == said


def test_what_was_announced_in_time_may_go_and_what_was_not_is_told() -> None:
    entry = {"announced": date(2026, 1, 1), "goes": date(2026, 3, 1), "instead": "placed_at"}
    now = {"fct_orders": {"order_id": "varchar", "net_amount": "double"}}
    assert broken(ORDERS, now, {"fct_orders.placed_on": entry}) == []
    assert broken(ORDERS, now, {"fct_orders.placed_on": {**entry, "goes": date(2026, 1, 9)}}) == [
        "deprecations.fct_orders.placed_on: goes 2026-01-09, less than 30 days after it was announced"]
    assert broken(ORDERS, now, {"fct_orders.placed_on": {**entry, "instead": ""}}) == ["deprecations.fct_orders.placed_on: no instead"]


def test_published_names_and_types_suit_every_bi_tool(dbt_manifest: Any) -> None:
    reserved = {row[0] for row in duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'").fetchall()}
    assert {"order", "select", "user"} & reserved
    wrong = []
    for table, columns in schema_of(dbt_manifest).items():
        for name in (table, *columns):
            wrong += [f"{table}: {name} is a reserved word"] if name in reserved else []
            wrong += [f"{table}: {name} is no plain name"] if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) else []
        wrong += [f"{table}.{column} is {kind}" for column, kind in columns.items() if not FLAT.fullmatch(kind) and f"{table}.{column}" not in NESTED]
    assert wrong == []
