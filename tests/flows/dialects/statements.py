"""Statements of DuckDB's, and what they read: another engine, told them in its dialect, has to answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from flows.analysis import dbt_functions
from flows.dialects import moving
from flows.dialects.rewrites import Engine
from flows.dialects.saying import Said, say

TABLES = {
    "orders": """select * from (values
        (1, 'Zürich', 10.25::decimal(18, 6), 3.0::double, date '2026-03-28', timestamp '2026-03-28 23:30:00', ['b', 'sla_gold', 'a'], true),
        (2, 'aachen', 2.5::decimal(18, 6), 2.675::double, date '2026-03-29', timestamp '2026-03-29 01:15:30.25', []::varchar[], false),
        (3, null, null, null, null, null, null, null),
        (4, 'Bern', -2.5::decimal(18, 6), -2.5::double, date '2026-11-01', timestamp '2026-10-31 23:59:59.999999', ['x"y', 'c,d', '{}'], true),
        (5, '', 0::decimal(18, 6), 1e17::double, date '2025-12-31', timestamp '2025-12-29 00:00:00', [null, ''], null)
    ) as given (id, city, amount, size, day, moment, tags, is_ours)""",
    "rates": """select * from (values ('EUR', timestamp '2026-01-01', 1.0::double), ('EUR', timestamp '2026-03-29', 1.1), ('USD', timestamp '2025-01-01', 0.9))
        as given (currency, since, rate)""",
}

STATEMENTS = {
    "division is never whole": "select id, id / 2 as half, amount / 4 as quarter, id // 2 as whole, id % 3 as rest from orders",
    "halves round away from zero": "select id, round(size) as whole, round(size, 2) as cents, round(amount) as decimal, round(amount, 1) as tenth from orders",
    "doubles as text": "select id, cast(size as varchar) as said, size || ' m' as joined, format('{:.4g} of {:g}', size / 7, amount) as printed from orders",
    "doubles as decimals keep their digits": "select cast(1234567890.123456 :: double as decimal(18, 6)) as long",
    "texts in the order of their bytes": "select id, row_number() over (order by city) as nth, max(city) over () as last from orders",
    "nulls last, whichever way": "select id, row_number() over (order by day desc) as down, row_number() over (order by day) as up from orders",
    "instants": """select id, date_trunc('week', day) as week, date_trunc('month', moment) as month, last_day(day) as last, isodow(day) as weekday, epoch_us(moment) as us,
        epoch_ms(moment) as ms, epoch(moment) as seconds, strftime(moment, '%a %Y-%m-%dT%H:%MZ') as printed, moment + to_seconds(id * 1.5) as later, day + interval 1 month as next,
        (moment at time zone 'UTC') at time zone 'Europe/Berlin' as berlin from orders""",
    "borders between instants": """select a.id, b.id as other, date_diff('day', a.moment, b.moment) as days, date_diff('hour', a.moment, b.moment) as hours,
        date_diff('second', a.moment, b.moment) as seconds, date_diff('month', a.day, b.day) as months, date_diff('week', a.day, b.day) as weeks
        from orders as a cross join orders as b""",
    "a unit that is a column": "select id, grain, date_trunc(grain, day) as start from orders cross join (values ('week'), ('month')) as grains (grain)",
    "regular expressions": """select id, regexp_extract(city, '(.)(.)', 2) as second, regexp_extract(city, 'q') as none, regexp_matches(city, '^[A-Z]') as is_capital,
        regexp_full_match(city, '[a-z]+') as is_small, regexp_replace(city, '[a-e]', '_', 'g') as cut from orders""",
    "what cannot be read is null": """select said, try_cast(said as bigint) as whole, try_cast(said as double) as double, try_cast(said as date) as day,
        try_cast(said as timestamp) as moment from (values ('12'), ('1e3'), ('2026-02-30'), ('2026-02-03'), ('2026-02-03 04:05:06'), (''), ('x'), (null)) as given (said)""",
    "lists": """select id, list_contains(tags, 'a') as has_a, tags[1] as first, list_sort(list_filter(tags, lambda tag: starts_with(tag, 'sla_'))) as slas,
        list_transform(tags, lambda tag: upper(tag)) as big, list_extract(list_filter(tags, lambda tag: starts_with(tag, 'sla_')), 1)[5:] as policy,
        contains(city, 'er') as has_er, string_split(city, 'r') as parts, coalesce(tags, []) as all_tags from orders""",
    "lists taken apart": "select id, unnest(tags) as tag from orders",
    "days in a row": "select id, cast(unnest(generate_series(day, day + interval 2 day, interval 1 day)) as date) as each_day from orders where id < 3",
    "aggregates": """select is_ours, arg_min(city, day) as first, arg_max(city, (day, id)) as last, arg_min(id, amount) filter (where size < 10) as least,
        arg_max_null(city, id) as newest, median(size) as median, quantile_cont(size, 0.9) as p90, any_value(case when city <> '' then 'there' end) as one, last(id order by id) as last_id,
        list(id order by id desc) as ids, string_agg(distinct city, '; ' order by city) as cities, count(*) filter (where amount > 0) as positive,
        bool_or(size > 2) as has_big, sum(amount) as total, avg(id) as mean from orders group by is_ours""",
    "grouped by all": "select extract(year from day) as year, is_ours, 'x' as word, count(*) as orders, sum(size) as size from orders group by all",
    "columns by name": """with few as (select 'few' as which, id, city from orders where id < 3 union all by name select city, 'many' as which from orders
        union all by name select amount, id from orders) select * from few""",
    "stars that leave out and replace": "with a as (select * exclude (tags, moment) replace (coalesce(city, '?') as city) from orders) select a.*, 1 as one from a",
    "qualify": """with newest as (select * from orders qualify row_number() over (partition by is_ours order by id desc) = 1)
        select id, city from newest qualify id > 1 or count(*) over () > 100""",
    "distinct after qualify": "select distinct is_ours from orders qualify count(*) over (partition by is_ours) = 2",
    "texts joined up to each row": """select id, string_agg(city, ' > ') over (partition by is_ours order by id rows between unbounded preceding and current row) as path,
        string_agg(case when id > 2 then city end, ', ') over (order by id) as some from orders""",
    "the last that is known": "select id, last_value(city ignore nulls) over (order by id) as known from orders",
    "the nearest before": "select orders.id, rates.rate from orders asof left join rates on rates.currency = 'EUR' and orders.moment >= rates.since",
    "the nearest after": "select orders.id, rates.rate from orders asof join rates on rates.currency = 'EUR' and orders.moment < rates.since",
    "names in any case": 'with a as (select id as "Id", city as City from orders) select ID, a.city from a',
    "a step called as its table": "with orders as (select * from orders where id < 4) select id, city from orders",
    "names of steps of steps": "with recursive chain as (select 1 as n, 'a' as word union all select n + 1, word || 'b' from chain where n < 4) select * from chain",
    "people of Erlang's": "select * from (select id, agents_needed(id * 4.0, 12.0, 0.8, 1.0) as needed, agents_needed(900.0, 30.0, 0.99, 0.0) as many from orders)",
}


@contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        dbt_functions.add_to(connection)
        for name, rows_given in TABLES.items():
            connection.execute(f"create table {name} as {rows_given}")
        yield connection


def told(duck: duckdb.DuckDBPyConnection, statement: str, engine: Engine) -> Said:
    tables = {name: moving.columns_in(duck, f"select * from {name}") for name in TABLES}
    return say(statement, engine=engine, tables=tables, describe=lambda query: moving.columns_in(duck, query))
