"""What DuckDB answers to a statement, a real PostgreSQL answers to the same statement said in its dialect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sql

from flows.dialects import moving
from flows.dialects.postgres_functions import FUNCTIONS
from flows.dialects.postgres_rewrites import ENGINE
from flows.dialects.saying import Untold
from flows.store.pg import connected, rows, run
from sandbox.databases import Database
from tests.flows.dialects.statements import STATEMENTS, TABLES, opened, told


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with opened() as connection:
        yield connection


@pytest.fixture(scope="module")
def postgres(postgres_server: Database, duck: duckdb.DuckDBPyConnection) -> Iterator[sql.Connection]:
    with connected(postgres_server.another("dialects").url) as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute_simple(FUNCTIONS)
        for name in TABLES:
            moving.load(connection, duck, f"select * from {name}", name, moving.columns_in(duck, f"select * from {name}"))
        connection.commit()
        yield connection


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_both_answer_the_same(statement: str, duck: duckdb.DuckDBPyConnection, postgres: sql.Connection) -> None:
    columns = moving.columns_in(duck, statement)
    with postgres.begin() as transaction:
        moving.create(postgres, "answer", columns)
        run(postgres, f"insert into answer {told(duck, statement, ENGINE).sql}")
        moving.fetch(postgres, duck, "select * from answer", "answer", columns)
        transaction.rollback()
    try:
        ours, theirs = duck.execute(f"select * from ({statement}) order by all").fetchall(), duck.execute("select * from answer order by all").fetchall()
    finally:
        duck.execute("drop table answer")
    assert len(ours) > 0
    for mine, its in zip(ours, theirs, strict=True):
        assert its == tuple(pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for value in mine)


def test_a_join_to_the_nearest_says_which_index_it_wants(duck: duckdb.DuckDBPyConnection) -> None:
    said = told(duck, "with r as (select * from rates) select orders.id from orders asof left join r on orders.city = r.currency and orders.moment >= r.since", ENGINE)
    assert said.lookups == (("rates", ("currency", "since")),)
    assert said.parents == ("orders", "rates")


@pytest.mark.parametrize(("statement", "why"), [
    ("select control_limits([1.0], [1.0], [1.0], [1.0]) as limits from orders", "control_limits"),
    ("select {'a': id} as one from orders", "a struct"),
    ("select regexp_extract(city, '^(?i:b)(.*)', 1) as rest from orders", "flags inside"),
    ("select strftime(moment, '%j') as nth from orders", "%j"),
])
def test_what_has_no_counterpart_is_said_and_not_guessed(statement: str, why: str, duck: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(Untold, match=why):
        told(duck, statement, ENGINE)


def test_values_go_over_and_come_back(duck: duckdb.DuckDBPyConnection, postgres: sql.Connection, tmp_path: Path) -> None:
    moving.fetch(postgres, duck, "select * from orders", "back", moving.columns_in(duck, "select * from orders"))
    assert duck.execute("select * from back order by id").fetchall() == duck.execute("select * from orders order by id").fetchall()
    assert rows(postgres, "select count(*) from orders where city = ''")[0][0] == 1
