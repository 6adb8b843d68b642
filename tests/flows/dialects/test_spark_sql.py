"""What is said to Spark: the places where its SQL means something else than DuckDB's. No Spark is needed to read it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from flows.dialects.rewrites import NoCounterpart
from flows.dialects.saying import Untold
from flows.dialects.spark_rewrites import ENGINE, spark_type
from tests.flows.dialects.statements import STATEMENTS, opened, told


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with opened() as connection:
        yield connection


SAID = {
    "division is a double's": ("select amount / 4 as a from orders", "CAST(`orders`.`amount` AS DOUBLE) / CAST(4 AS DOUBLE)"),
    "a decimal is rounded before it is whole": ("select amount :: bigint as a from orders", "CAST(round(`orders`.`amount`) AS BIGINT)"),
    "a double is rounded to the even one before it is whole": ("select size :: bigint as a from orders", "CAST(rint(`orders`.`size`) AS BIGINT)"),
    "an instant has no zone of its own": ("select '2026-01-01' :: timestamp as a from orders", "CAST('2026-01-01' AS TIMESTAMP)"),
    "a zone's clock of an instant": ("select (moment at time zone 'UTC') at time zone city as a from orders", "FROM_UTC_TIMESTAMP(((`orders`.`moment`)), `orders`.`city`)"),
    "the instant of a zone's clock": ("select moment at time zone city as a from orders", "TO_UTC_TIMESTAMP(`orders`.`moment`, `orders`.`city`)"),
    "days between dates are a number": ("select day - date '2026-01-01' as a from orders", "datediff(`orders`.`day`, CAST('2026-01-01' AS DATE))"),
    "a truncated date is a date": ("select date_trunc('week', day) as a from orders", "CAST(date_trunc('week', `orders`.`day`) AS DATE)"),
    "an item that is not there is null": ("select tags[1] as a from orders", "get(`orders`.`tags`, 0)"),
    "a row picked by several columns": ("select arg_max(city, (day, id)) as a from orders", "max_by(`orders`.`city`, struct(`orders`.`day` IS NULL, `orders`.`day`"),
    "no filter in a window": ("select count(*) filter (where size > 1) over (partition by city) as a from orders", "COUNT(CASE WHEN `orders`.`size` > 1 THEN 1 END) OVER"),
    "a window by what it is": ("select sum(size) over w as a from orders window w as (partition by city)", "SUM(`orders`.`size`) OVER (PARTITION BY `orders`.`city`)"),
    "a list in its order": ("select list(id order by id desc) as a from orders", "SORT_ARRAY(COLLECT_LIST("),
    "texts joined in an order": ("select string_agg(city, '; ' order by id) as a from orders", "listagg(`orders`.`city`, '; ') WITHIN GROUP (ORDER BY `orders`.`id`"),
    "texts joined in the order of a window": ("select string_agg(city, '; ') over (order by id) as a from orders", "array_join(NULLIF(COLLECT_LIST(`orders`.`city`) OVER ("),
    "a step inside a step keeps to itself": ("with a as (with b as (select 1 as n) select n from b), c as (with b as (select 2 as n) select n from b) select a.n from a join c using (n)", "`b__2` AS"),
    "a series that does not begin is empty": ("select unnest(generate_series(day, day, interval 1 day)) as a from orders", "CASE WHEN `orders`.`day` <= `orders`.`day` THEN SEQUENCE("),
    "the nearest before is a stretch": ("select r.rate from orders asof left join rates as r on r.currency = orders.city and orders.moment >= r.since",
                                        "lead(`since`) OVER (PARTITION BY `currency` ORDER BY `since`"),
}


@pytest.mark.parametrize(("statement", "said"), SAID.values(), ids=SAID.keys())
def test_what_spark_would_take_otherwise_is_said_in_its_words(statement: str, said: str, duck: duckdb.DuckDBPyConnection) -> None:
    assert said.lower() in told(duck, statement, ENGINE).sql.lower()


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_every_statement_has_a_counterpart(statement: str, duck: duckdb.DuckDBPyConnection) -> None:
    assert told(duck, statement, ENGINE).sql


@pytest.mark.parametrize(("statement", "why"), [
    ("select control_limits([1.0], [1.0], [1.0], [1.0]) as limits from orders", "control_limits"),
    ("select strftime(moment, '%j') as nth from orders", "%j"),
    ("select regexp_replace(city, 'a', 'b') as once from orders", "the first match alone"),
    ("select list(id order by id, city desc) as ids from orders", "two ways"),
])
def test_what_has_no_counterpart_is_said_and_not_guessed(statement: str, why: str, duck: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(Untold, match=why):
        told(duck, statement, ENGINE)


def test_a_column_has_the_type_that_duckdb_gave_it() -> None:
    kinds = ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DECIMAL(18,4)", "HUGEINT", "BIGINT[]", "VARCHAR", '"NULL"']
    assert [spark_type(kind) for kind in kinds] == ["timestamp", "timestamp", "decimal(18,4)", "decimal(38, 0)", "array<bigint>", "string", "int"]
    with pytest.raises(NoCounterpart, match="INTERVAL"):
        spark_type("INTERVAL")
