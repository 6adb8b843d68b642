"""Small versions made by hand, for what is published to a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.store import postgres, published
from flows.store.candidate import Step, no_step
from flows.store.pg_load import Mask
from flows.store.postgres_options import Postgres
from sandbox.databases import Database

AS_OF = dt.date(2026, 10, 31)
NOW = dt.datetime(2026, 11, 1, 2, 30, tzinfo=dt.UTC)
KPIS = published.Table(name="kpis", relation="marts.kpis", description="KPI values.", columns={"value": "In the KPI's unit; 5 % is 0.05."},
                       primary_key=("kpi", "segment_type", "segment"))
ORDERS = published.Table(name="fct_orders", relation="marts.fct_orders", description="Orders.", primary_key=("order_id",))
LINES = published.Table(name="fct_lines", relation="marts.fct_lines", primary_key=("line_id",))
SHIFTS = published.Table(name="fct_shifts", relation="marts.fct_shifts", personal=("agent",))
TABLES = (KPIS, ORDERS, LINES, SHIFTS)
SQL = """
    create schema marts;
    create table marts.kpis as
        select 'revenue' as kpi, segment_type, segment, {stamp}::double as value, [1.5, null]::double[] as sparkline, {stamp} as stamp
        from (values ('all', 'all'), ('business_unit', 'A'), ('business_unit', 'B'), ('region', 'EMEA'), ('owner', 'anna.koch@example.com')) t(segment_type, segment);
    create table marts.fct_orders as
        select i as order_id, if(i % 2 = 0, 'A', 'B') as business_unit, {stamp} as stamp, date '2026-03-29' as placed_on,
            timestamp '2026-03-29 01:30:00.25' as placed_at, 12.3400::decimal(18, 4) as net_amount, if(i = 1, null, '') as note, i = 2 as is_late,
            if(i = 3, 'a "quoted", 中文' || chr(10) || 'second\\line \\N ' || chr(0) || '=1+1', 'plain') as remark,
            case i when 1 then 'nan'::double when 2 then 'inf'::double end as odd, {{'a': [i]}} as nested
        from range({rows}) t(i);
    create table marts.fct_lines as select i as line_id, {stamp} as stamp from range({rows}) t(i);
    create table marts.fct_shifts as select 'Anna Koch' as agent, 'call anna.koch@example.com, not <ben@example.com>' as note, {stamp} as stamp from range(2);
"""


def put_out(folder: Path, stamp: int, *, rows: int = 20, more: str = "", tables: tuple[published.Table, ...] = TABLES) -> published.Version:
    """Publish a version as files in which every row of every table says `stamp`. more: SQL run on the warehouse before."""
    warehouse = folder.parent / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(SQL.format(stamp=stamp, rows=rows) + more)
    at = NOW + dt.timedelta(minutes=stamp)
    candidate = published.prepare(folder, warehouse, version=published.next_version(folder, AS_OF), as_of=AS_OF, built_at=at, tables=tables)
    return published.publish(candidate, checks=[], published_at=at)


def options(**more: Any) -> Postgres:
    return Postgres.model_validate({"url_env": "MARTS_URL", "patience_seconds": 0, **more})


def follow(database: Database, folder: Path, step: Step = no_step, **more: Any) -> postgres.Followed:
    version = published.current(folder)
    assert version is not None
    return postgres.follow(database.url, options(**more), version, mask=Mask(key="k"), step=step)


_numbers = iter(range(1, 1000))


@pytest.fixture
def database(postgres_server: Database) -> Iterator[Database]:
    """An empty database of its own. Roles belong to the whole server, so those of a test go with it."""
    before = set(postgres_server.run("select rolname from pg_roles").split())
    made = postgres_server.another(f"marts_{next(_numbers)}")
    yield made
    postgres_server.run(f"drop database {made.name} with (force)")
    for role in set(postgres_server.run("select rolname from pg_roles").split()) - before:
        postgres_server.run(f"drop role {role}")


def user(database: Database, name: str, role: str) -> Database:
    """Somebody who may log in and is a member of `role`."""
    database.run(f"create role {name} login password 'secret' in role {role}")
    return replace(database, user=name, password="secret")
