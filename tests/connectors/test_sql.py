"""Tables of a real PostgreSQL and a real MariaDB, read whole, in order, and without a trace in the database."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import registry
from connectors import sql as sqls
from connectors.stream import Misconfigured, Page, Refused, SourceError, UnexpectedShape, Unreachable, Window, landed_key
from sandbox import databases
from sandbox.databases import Database

NOW = datetime(2026, 6, 1, 2, 30, tzinfo=UTC)
PASSWORD = "r3ader's-pass"


@dataclass
class Shop:
    """A database with a user who may only read, and a connector to it."""

    database: Database
    opened: list[sqls.Sql] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    @property
    def is_postgres(self) -> bool:
        return self.database.kind == "postgresql"

    def run(self, statements: str, *, mariadb: str = "") -> str:
        return self.database.run(mariadb if mariadb and not self.is_postgres else statements)

    def allow(self) -> None:
        self.run("grant select on all tables in schema public to reader", mariadb=f"grant select on {self.database.name}.* to reader@'127.0.0.1'")

    def source(self, *, password: str = PASSWORD, memory: Callable[[str], Any] | None = None, clock: Callable[[], datetime] = lambda: NOW, name: str = "",
               port: int = 0, seal: Callable[[Any, str], str] = lambda stream, key: key, **options: Any) -> sqls.Sql:
        self.allow()
        where = f"127.0.0.1:{port or self.database.port}/{name or self.database.name}"
        source = sqls.connect("erp", {"time_zone": "Europe/Berlin", "page_size": 3, **options}, secrets={"url": f"{self.database.kind}://reader:{password}@{where}"},
                              memory=memory, clock=clock, sleep=self.slept.append, seal=seal)
        self.opened.append(source)
        return source


def create_reader(server: Database) -> None:
    quoted = PASSWORD.replace("'", "''")
    if server.kind == "postgresql":
        server.run(f"do $$ begin create role reader login password '{quoted}'; exception when duplicate_object then null; end $$")
    else:
        server.run(f"create user if not exists reader@'127.0.0.1' identified by '{quoted}'")


@contextmanager
def shop_on(server: Database) -> Iterator[Shop]:
    create_reader(server)
    shop = Shop(server.another("shop"))
    try:
        yield shop
    finally:
        for source in shop.opened:
            source.close()
        server.run("drop database shop with (force)" if shop.is_postgres else "drop database shop")


@pytest.fixture(params=["postgres_server", "mariadb_server"], ids=["postgresql", "mariadb"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with shop_on(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
def postgres_shop(postgres_server: Database) -> Iterator[Shop]:
    with shop_on(postgres_server) as made:
        yield made


@pytest.fixture
def mariadb_shop(mariadb_server: Database) -> Iterator[Shop]:
    with shop_on(mariadb_server) as made:
        yield made


def pages(source: sqls.Sql, start: datetime | None = None, end: datetime = NOW, *, stream: str = "orders", resume: Any = None) -> list[Page]:
    declared = next(one for one in source.streams() if one.name == stream)
    return list(source.read(declared, Window(start=start, end=end), resume=resume))


def ids(read: list[Page]) -> list[Any]:
    return [record["id"] for page in read for record in page.records]


ORDERS = {"orders": {"table": "orders", "key": ["id"], "cursor": "changed"}}


def create_orders(shop: Shop, stamps: dict[int, str]) -> None:
    shop.run("create table orders (id int primary key, changed timestamptz not null, what text)",
             mariadb="create table orders (id int primary key, changed timestamp(6) not null, what longtext)")
    put(shop, stamps)


def put(shop: Shop, stamps: dict[int, str], what: str = "new") -> None:
    rows = ", ".join(f"({number}, '{stamp}', '{what}')" for number, stamp in stamps.items())
    shop.run(f"set timezone = 'UTC'; insert into orders values {rows} on conflict (id) do update set changed = excluded.changed, what = excluded.what",
             mariadb=f"set time_zone = '+00:00'; replace into orders values {rows}")


def test_ties_over_every_page_border_are_read_once(shop: Shop) -> None:
    create_orders(shop, {number: "2026-05-01 10:00:00" for number in range(1, 11)} | {11: "2026-05-01 09:00:00", 12: "2026-05-01 11:00:00"})
    for size in (1, 2, 3, 4, 11, 12, 13):
        assert ids(pages(shop.source(streams=ORDERS, page_size=size))) == [11, *range(1, 11), 12]


def test_a_window_holds_its_start_and_not_its_end(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01 10:00:00", 2: "2026-05-01 10:00:00.000001", 3: "2026-05-02 10:00:00", 4: "2026-05-01 09:59:59.999999"})
    start = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert ids(pages(shop.source(streams=ORDERS), start, start + timedelta(days=1))) == [1, 2]


def test_a_stamp_cut_to_the_second_is_not_missed_by_a_start_within_it(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01 10:00:00"})
    assert ids(pages(shop.source(streams=ORDERS), datetime(2026, 5, 1, 10, 0, 0, 700_000, tzinfo=UTC))) == [1]


def test_killed_at_every_page_it_goes_on_behind_it(shop: Shop) -> None:
    create_orders(shop, {number: f"2026-05-01 10:00:0{number // 4}" for number in range(1, 11)})
    whole = pages(shop.source(streams=ORDERS))
    assert len(whole) > 4
    for killed_after in range(1, len(whole) + 1):
        position = json.loads(json.dumps(whole[killed_after - 1].position))
        assert ids(whole[:killed_after]) + ids(pages(shop.source(streams=ORDERS), resume=position)) == list(range(1, 11))


def test_a_row_that_changes_while_we_read_is_met_behind_us_and_none_is_lost(shop: Shop) -> None:
    create_orders(shop, {number: f"2026-05-01 10:00:{number:02d}" for number in range(1, 10)})
    source = shop.source(streams=ORDERS)
    seen: list[Any] = []
    for number, page in enumerate(source.read(source.streams()[0], Window(start=None, end=NOW))):
        seen += [(record["id"], record["what"]) for record in page.records]
        if number == 1:
            put(shop, {2: "2026-05-02 10:00:00", 8: "2026-05-02 10:00:00"}, "changed")
            shop.run("delete from orders where id = 3")
    assert {number for number, _ in seen} == set(range(1, 10))
    assert (2, "changed") in seen and (8, "changed") in seen


def test_rows_without_a_stamp_or_with_one_far_ahead_are_read_every_night(shop: Shop) -> None:
    shop.run("create table orders (id int primary key, changed timestamptz)", mariadb="create table orders (id int primary key, changed timestamp null)")
    shop.run("insert into orders values (1, null), (2, '2037-01-01'), (3, '2026-05-01'), (4, null), (5, null), (6, null)")
    assert sorted(ids(pages(shop.source(streams=ORDERS)))) == [1, 2, 3, 4, 5, 6]
    assert sorted(ids(pages(shop.source(streams=ORDERS), NOW - timedelta(days=1)))) == [1, 2, 4, 5, 6]


def test_infinity_is_a_stamp_far_ahead(postgres_shop: Shop) -> None:
    create_orders(postgres_shop, {1: "infinity", 2: "-infinity", 3: "0044-03-15 10:00:00 BC", 4: "2026-05-01"})
    read = pages(postgres_shop.source(streams=ORDERS, page_size=1))
    assert {record["id"]: record["changed"] for page in read for record in page.records} == {
        1: "infinity", 2: "-infinity", 3: "0044-03-15 10:00:00+00 BC", 4: "2026-05-01T00:00:00+00:00"}


def test_the_first_column_that_is_not_null_is_the_stamp(shop: Shop) -> None:
    """As in an ERP that stamps a change only from the second version on."""
    shop.run("create table orders (id int primary key, written timestamptz, created timestamptz not null)",
             mariadb="create table orders (id int primary key, written timestamp null, created timestamp not null default '2026-05-01')")
    shop.run("insert into orders values (1, null, '2026-05-01 10:00'), (2, '2026-05-20 10:00', '2026-01-01 10:00'), (3, null, '2026-01-01 10:00')")
    streams = {"orders": {"key": "id", "cursor": ["written", "created"]}}
    assert ids(pages(shop.source(streams=streams))) == [3, 1, 2]
    assert ids(pages(shop.source(streams=streams), datetime(2026, 4, 30, tzinfo=UTC))) == [1, 2]


def test_a_stamp_without_a_zone_gets_the_offset_its_zone_had(shop: Shop) -> None:
    shop.run("create table orders (id int primary key, changed timestamp not null)", mariadb="create table orders (id int primary key, changed datetime not null)")
    shop.run("insert into orders values (1, '2026-01-15 12:00:00'), (2, '2026-07-15 12:00:00'), (3, '2025-10-26 02:30:00'), (4, '1931-03-01 00:00:01')")
    source = shop.source(streams=ORDERS)
    read = pages(source, end=datetime(2026, 8, 1, tzinfo=UTC))
    assert {record["id"]: record["changed"] for page in read for record in page.records} == {
        1: "2026-01-15T12:00:00+01:00", 2: "2026-07-15T12:00:00+02:00", 3: "2025-10-26T02:30:00+02:00", 4: "1931-03-01T00:00:01+01:00"}


@pytest.mark.parametrize("minutes", range(-90, 91, 30))
def test_the_hour_that_comes_twice_is_lost_by_no_window(shop: Shop, minutes: int) -> None:
    """Berlin's clock went back from 3:00 to 2:00 at 1:00 UTC on 25 October 2026: what is written then has older digits than what was written before."""
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    shop.run("create table orders (id int primary key, changed timestamp not null)", mariadb="create table orders (id int primary key, changed datetime not null)")
    written = {number: change + timedelta(minutes=10 * (number - 12)) for number in range(24)}
    offset = {number: timedelta(hours=2 if at < change else 1) for number, at in written.items()}
    shop.run("insert into orders values " + ", ".join(f"({number}, '{(at + offset[number]):%Y-%m-%d %H:%M:%S}')" for number, at in written.items()))
    split = change + timedelta(minutes=minutes)
    source = shop.source(streams=ORDERS)
    before, after = set(ids(pages(source, None, split))), set(ids(pages(source, split, change + timedelta(days=1))))
    assert before >= {number for number, at in written.items() if at < split}
    assert after >= {number for number, at in written.items() if at >= split}


def test_a_day_as_the_stamp_is_read_whole_until_it_is_over(shop: Shop) -> None:
    shop.run("create table orders (id int primary key, changed date not null)")
    shop.run("insert into orders values (1, '2026-05-30'), (2, '2026-05-31'), (3, '2026-06-01')")
    assert ids(pages(shop.source(streams=ORDERS), NOW - timedelta(hours=6))) == [2, 3]


def test_without_a_cursor_all_of_it_is_read(shop: Shop) -> None:
    shop.run("create table parts (code varchar(10), place int, qty int, primary key (code, place))")
    shop.run("insert into parts values " + ", ".join(f"('{code}', {place}, 1)" for code in "bcaé" for place in (2, 1, 3)))
    source = shop.source(streams={"parts": {"key": ["code", "place"]}}, page_size=2)
    stream = source.streams()[0]
    assert (stream.deletes, stream.cursor) == ("full", None)
    read = [landed_key(stream, record) for page in pages(source, stream="parts") for record in page.records]
    assert sorted(read) == sorted(f"{code}|{place}" for code in "abcé" for place in (1, 2, 3))
    assert list(source.keys(stream)) == read


KEYS = {
    "bigint": ["-9223372036854775808", "9007199254740993", "9223372036854775807", "9"],
    "numeric(38,10)": ["-0.0000000001", "12345678901234567890.0123456789", "12345678901234567890.0123456790", "9"],
    "varchar(40)": ["'1'", "'O''Brien; drop table orders; -- %s :x'", "'übergrößenträger 🚚'"],
    "date": ["'1899-12-31'", "'2026-05-01'", "'2026-05-02'"],
    "double precision": ["-1.7976931348623157e308", "0.1", "0.30000000000000004"],
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_any_type_pages_and_sweeps(shop: Shop, kind: str) -> None:
    shop.run(f"create table orders (id {kind} primary key, changed timestamp not null)", mariadb=f"create table orders (id {kind} primary key, changed datetime not null)")
    shop.run("insert into orders values " + ", ".join(f"({value}, '2026-05-01')" for value in KEYS[kind]))
    source = shop.source(streams=ORDERS, page_size=1)
    stream = source.streams()[0]
    read = [landed_key(stream, record) for page in pages(source) for record in page.records]
    assert len(read) == len(set(read)) == len(KEYS[kind])
    assert list(source.keys(stream)) == read


@pytest.mark.parametrize(("kind", "rows"), [
    ("uuid", ["'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    ("bytea", ["'\\x00ff'", "'\\xff00'"]),
    ("timestamptz", ["'1883-01-01 00:00:00+00'", "'2026-05-01 10:00:00.000001+02'"]),
    ("boolean", ["false", "true"]),
    ("inet", ["'10.0.0.1'", "'2001:db8::1'"]),
    ("colour", ["'red'", "'blue'"]),
    ("positive", ["1", "2"]),
])
def test_postgresqls_own_types_are_keys_too(postgres_shop: Shop, kind: str, rows: list[str]) -> None:
    postgres_shop.run("create type colour as enum ('red', 'blue'); create domain positive as int check (value > 0)")
    postgres_shop.run(f"create table orders (id {kind} primary key, changed timestamptz not null default '2026-05-01')")
    postgres_shop.run("insert into orders values " + ", ".join(f"({value})" for value in rows))
    source = postgres_shop.source(streams=ORDERS, page_size=1)
    stream = source.streams()[0]
    read = [landed_key(stream, record) for page in pages(source) for record in page.records]
    assert len(read) == len(set(read)) == 2
    assert list(source.keys(stream)) == read


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_every_value_of_postgresql_is_json_without_loss(postgres_shop: Shop) -> None:
    postgres_shop.run("""
        create table orders (id int primary key, changed timestamptz not null, big bigint, dec numeric, huge numeric(60, 20), nan numeric, f real, d double precision,
            pinf double precision, ninf double precision, dnan double precision, yes boolean, txt text, pad char(5), bin bytea, day date, early date, forever date, clock time,
            span interval, js json, jsb jsonb, arr text[], ints int[][], nums numeric[], net inet, id2 uuid, cash money, rng int4range, x xml, bits bit(3), pt point, nul text);
        insert into orders values (1, '1969-07-20 20:17:40.123456+00', 9223372036854775807, 1.10, 1234567890123456789012345678901234567890.00000000000000000001, 'NaN',
            0.1, 0.30000000000000004, 'infinity', '-infinity', 'nan', true, E'emoji 🚚 "quotes" \\\\ \\n\\t', 'ab', '\\x00ff10', '1899-12-31', '0044-03-15 BC', 'infinity', '23:59:59.999999',
            '1 year 2 days 03:04:05.6', '{"a": {"b": [1, 12345678901234567890, 0.12345678901234567890, 1.50, null, "\\u00e9"]}}', '{"k": 1e400}', '{a,NULL,"b,c"}', '{{1,2},{3,4}}',
            '{1.10,NaN}', '10.0.0.1', '00000000-0000-0000-0000-00000000000a', 1234.56, '[1,5)', '<a>1</a>', B'101', '(1,2)', null)""")
    record = dict(pages(postgres_shop.source(streams=ORDERS))[-1].records[0])
    expected = {
        "id": 1, "changed": "1969-07-20T20:17:40.123456+00:00", "big": 9223372036854775807, "dec": "1.10", "huge": "1234567890123456789012345678901234567890.00000000000000000001",
        "nan": "NaN", "f": 0.1, "d": 0.30000000000000004, "pinf": "Infinity", "ninf": "-Infinity", "dnan": "NaN", "yes": True, "txt": 'emoji 🚚 "quotes" \\ \n\t', "pad": "ab   ",
        "bin": "AP8Q", "day": "1899-12-31", "early": "0044-03-15 BC", "forever": "infinity", "clock": "23:59:59.999999", "span": "P1Y2DT3H4M5.6S",
        "js": {"a": {"b": [1, 12345678901234567890, "0.12345678901234567890", 1.5, None, "é"]}}, "jsb": {"k": 10**400}, "arr": ["a", None, "b,c"], "ints": [[1, 2], [3, 4]],
        "nums": [1.1, "NaN"], "net": "10.0.0.1/32", "id2": "00000000-0000-0000-0000-00000000000a", "cash": "1234.56", "rng": "[1,5)", "x": "<a>1</a>", "bits": "101", "pt": "(1,2)",
        "nul": None,
    }
    assert record == expected
    assert json.loads(json.dumps(record, allow_nan=False)) == expected


def test_every_value_of_mariadb_is_json_without_loss(mariadb_shop: Shop) -> None:
    mariadb_shop.run(r"""
        set time_zone = '+00:00'; set sql_mode = '';
        create table orders (id int primary key, changed timestamp(6) not null, big bigint unsigned, dc decimal(65, 30), f float, d double, yes tinyint(1), txt longtext, bin varbinary(9),
            blb blob, day date, never date, nevertime datetime, at datetime(6), clock time(6), y year, js json, bits bit(9), colour enum('red', 'blue'), tags set('a', 'b'), lat varchar(9) character set latin1, nul text);
        insert into orders values (1, '2026-05-01 10:00:00.123456', 18446744073709551615, 12345678901234567890123456789012345.000000000000000000000000000001, 0.1, 0.30000000000000004, 1,
            'emoji 🚚 \\ \n', x'00ff10', x'ff', '1001-01-01', '0000-00-00', '0000-00-00 00:00:00', '1969-07-20 20:17:40.123456', '-838:59:59', 1999, '{"a": [12345678901234567890, 1.50]}', b'100000001',
            'blue', 'a,b', 'é', null)""")
    record = dict(pages(mariadb_shop.source(streams=ORDERS))[-1].records[0])
    assert record == {
        "id": 1, "changed": "2026-05-01T10:00:00.123456+00:00", "big": 18446744073709551615, "dc": "12345678901234567890123456789012345.000000000000000000000000000001",
        "f": 0.10000000149011612, "d": 0.30000000000000004, "yes": 1, "txt": "emoji 🚚 \\ \n", "bin": "AP8Q", "blb": "/w==", "day": "1001-01-01", "never": "0000-00-00",
        "nevertime": "0000-00-00 00:00:00", "at": "1969-07-20T20:17:40.123456+01:00", "clock": "-838:59:59.000000", "y": "1999", "js": {"a": [12345678901234567890, 1.5]}, "bits": 257,
        "colour": "blue", "tags": "a,b", "lat": "é", "nul": None,
    }
    json.dumps(record, allow_nan=False)


def test_names_are_quoted_whatever_they_hold(shop: Shop) -> None:
    table, column = 'Order %s; "x"', "select"
    if not shop.is_postgres:
        table = "Order %s; x"
    quote = '"' if shop.is_postgres else "`"
    quoted = quote + table.replace(quote, quote * 2) + quote
    shop.run(f"create table {quoted} (id int primary key, {quote}{column}{quote} timestamp not null, {quote}50% :off{quote} int)")
    shop.run(f"insert into {quoted} values (1, '2026-05-01 00:00:00', 5), (2, '2026-05-01 00:00:00', 6)")
    source = shop.source(streams={"orders": {"table": table, "key": "id", "cursor": column}}, page_size=1)
    assert [record["50% :off"] for page in pages(source) for record in page.records] == [5, 6]


def test_views_and_materialised_views_are_tables(postgres_shop: Shop) -> None:
    create_orders(postgres_shop, {1: "2026-05-01", 2: "2026-05-02"})
    postgres_shop.run("create schema bi; create view bi.seen as select * from orders; create materialized view bi.kept as select * from orders; "
                      "grant usage on schema bi to reader; grant select on all tables in schema bi to reader")
    source = postgres_shop.source(streams={"seen": {"table": "bi.seen", "key": "id", "cursor": "changed"}, "kept": {"key": "id"}}, schema="bi")
    assert ids(pages(source, stream="seen")) == ids(pages(source, stream="kept")) == [1, 2]


def test_only_the_declared_columns_leave_the_database(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01"})
    source = shop.source(streams={"orders": {**ORDERS["orders"], "columns": ["id", "changed"]}})
    assert [set(record) for page in pages(source) for record in page.records] == [{"id", "changed"}]


def test_changes_that_leave_the_stamp_alone_arrive_with_the_declared_refresh(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01", 2: "2026-05-31 12:00:00"})
    streams = {"orders": {**ORDERS["orders"], "refresh_days": 7}}
    first = pages(shop.source(streams=streams))[-1].position["memory"]
    assert first == {"whole_at": NOW.isoformat()}
    for days, expected in ((1, [2]), (6, [2]), (7, [1, 2]), (8, [1, 2])):
        at = NOW + timedelta(days=days)
        read = pages(shop.source(streams=streams, memory=lambda stream: first, clock=lambda at=at: at), datetime(2026, 5, 31, tzinfo=UTC), at)
        assert ids(read) == expected
        assert ("memory" in read[-1].position) == (days >= 7)


def test_the_cursor_moves_to_the_end_of_the_window_only_with_the_last_page(shop: Shop) -> None:
    create_orders(shop, {number: "2026-05-01" for number in range(7)})
    assert [page.high_water for page in pages(shop.source(streams=ORDERS))] == [None, None, None, NOW]


def test_a_standby_counts_only_as_far_as_it_has_replayed(postgres_server: Database) -> None:
    create_reader(postgres_server)
    with databases.postgres() as primary:
        create_reader(primary)
        first = Shop(primary)
        create_orders(first, {1: "2026-05-01"})
        first.allow()
        with databases.postgres(replica_of=primary) as standby:
            first.run("insert into orders values (2, '2026-05-02')")
            committed = datetime.fromisoformat(primary.run("select clock_timestamp()"))
            while standby.run("select count(*) from orders") != "2":
                time.sleep(0.2)
            shop = Shop(standby)
            shop.allow = lambda: None  # type: ignore[method-assign]
            source = shop.source(streams=ORDERS, clock=lambda: committed + timedelta(days=1))
            read = pages(source, end=committed + timedelta(days=1))
            assert ids(read) == [1, 2]
            assert read[-1].high_water is not None and abs(read[-1].high_water - committed) < timedelta(seconds=30)
            assert "a standby at" in source.check()
            source.close()


@pytest.mark.parametrize(("broken", "error", "message", "mend"), [
    ({"table": "order"}, Misconfigured, "there is no table 'order'", "did you mean 'orders'?"),
    ({"key": "ids"}, Misconfigured, "has no column 'ids'", "did you mean 'id'?"),
    ({"cursor": "change"}, Misconfigured, "has no column 'change'", "did you mean 'changed'?"),
    ({"cursor": "what"}, Misconfigured, "not of one type of date or time", "leave cursor out"),
    ({"key": "what"}, Misconfigured, "does not name one row", "unique by id"),
    ({"columns": ["id", "changed", "wat"]}, Misconfigured, "has no column 'wat'", "did you mean 'what'?"),
])
def test_what_the_catalogue_does_not_know_is_named_with_the_nearest(shop: Shop, broken: dict[str, Any], error: type[SourceError], message: str, mend: str) -> None:
    create_orders(shop, {1: "2026-05-01"})
    with pytest.raises(error, match=message) as caught:
        pages(shop.source(streams={"orders": {**ORDERS["orders"], **broken}}))
    assert mend in str(caught.value)


@pytest.mark.parametrize(("settings", "message"), [
    ({"key": "id", "kursor": "x"}, "did you mean 'cursor'"),
    ({"cursor": "changed"}, "no key"),
    ({"key": "id", "deletes": "full", "cursor": "changed"}, "deletes is 'full' with a cursor"),
    ({"key": "id", "deletes": "sweep"}, "deletes is 'sweep' without a cursor"),
    ({"key": "id", "lag_minutes": 5}, "lag_minutes without a cursor"),
    ({"key": "id", "cursor": "changed", "lag_minutes": "5 min"}, "lag_minutes is '5 min'"),
    ({"key": "id", "cursor": "changed", "columns": ["id"]}, "columns leaves out changed"),
])
def test_a_declaration_that_cannot_work_is_refused_before_anything_is_asked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        sqls.connect("erp", {"streams": {"orders": settings}}, secrets={"url": "postgresql://a:b@127.0.0.1/c"})


@pytest.mark.parametrize(("url", "message"), [
    ("", "no address is set"),
    ("nonsense-s3cret", "cannot be read"),
    ("oracle://a:s3cret@host/db", "names no PostgreSQL"),
    ("postgresql://a:s3cret@host", "names no PostgreSQL"),
    ("postgresql://a:s3cret@host/db?sslmode=disable", "TLS is on and verified"),
])
def test_an_address_that_cannot_work_is_refused_and_not_shown(url: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        sqls.connect("erp", {"streams": ORDERS}, secrets={"url": url})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_without_a_declared_time_zone_naive_columns_are_refused(shop: Shop) -> None:
    shop.run("create table orders (id int primary key, changed timestamp not null)", mariadb="create table orders (id int primary key, changed datetime not null)")
    with pytest.raises(Misconfigured, match="without a time zone"):
        pages(shop.source(streams=ORDERS, time_zone=""))


def test_two_rows_of_one_key_are_an_error_and_not_a_loss(shop: Shop) -> None:
    shop.run("create table items (id int not null, changed timestamp not null)", mariadb="create table items (id int not null, changed datetime not null)")
    shop.run("insert into items values " + ", ".join(f"({number}, '2026-05-01')" for number in (1, 2, 3, 3, 4)))
    for size in (1, 2, 3, 4, 100):
        with pytest.raises(UnexpectedShape, match=r"same key \(id = \[3\]\)"):
            pages(shop.source(streams={"orders": {"table": "items", "key": "id", "cursor": "changed"}}, page_size=size))


def test_a_personal_key_is_kept_in_no_position_and_quoted_in_no_error(shop: Shop) -> None:
    shop.run("create table people (email varchar(80) not null, changed timestamp not null)", mariadb="create table people (email varchar(80) not null, changed datetime not null)")
    shop.run("insert into people values " + ", ".join(f"('mia{number}@mail.example', '2026-05-01')" for number in (1, 2, 3, 4, 5)))
    streams = {"people": {"table": "people", "key": "email", "cursor": "changed", "personal": {"email": "email"}}}
    read = pages(shop.source(streams=streams, page_size=2, seal=lambda stream, key: "sealed"), stream="people")
    assert [record["email"][:4] for page in read for record in page.records] == ["mia1", "mia2", "mia3", "mia4", "mia5"]
    assert "mail.example" not in str([page.position for page in read]) and read[-1].position["done"]
    shop.run("insert into people values ('mia5@mail.example', '2026-05-01')")
    with pytest.raises(UnexpectedShape, match=r"two rows have the same key \(email\)"):
        pages(shop.source(streams=streams, seal=lambda stream, key: "sealed"), stream="people")
    with pytest.raises(Misconfigured, match="people has no column 'emial', which is said to be personal — did you mean 'email'"):
        pages(shop.source(streams={"people": {**streams["people"], "personal": {"emial": "email"}}}), stream="people")


def test_a_row_without_a_key_is_an_error_and_not_a_loss(shop: Shop) -> None:
    shop.run("create table items (id int, changed timestamp not null)", mariadb="create table items (id int, changed datetime not null)")
    shop.run("insert into items values (1, '2026-05-01'), (null, '2026-05-01')")
    with pytest.raises(UnexpectedShape, match="a row has no id"):
        pages(shop.source(streams={"orders": {"table": "items", "key": "id", "cursor": "changed"}}, page_size=1))


def test_we_write_nothing_even_where_we_could(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01"})
    source = shop.source(streams=ORDERS)
    shop.run("grant all on orders to reader", mariadb=f"grant all on {shop.database.name}.* to reader@'127.0.0.1'")
    with pytest.raises(SourceError, match=r"(?i)read.only"):
        source._ask("orders", lambda connection: connection.exec_driver_sql("delete from orders"))
    assert shop.run("select count(*) from orders") == "1"


def test_a_statement_that_takes_too_long_is_ended_and_not_repeated(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01"})
    source = shop.source(streams=ORDERS, statement_timeout=1)
    with pytest.raises(Unreachable, match="add an index"):
        source._ask("orders", lambda connection: connection.exec_driver_sql("select pg_sleep(20)" if shop.is_postgres else "select count(*) from seq_1_to_1000000 a join seq_1_to_1000000 b on a.seq < b.seq"))
    assert shop.slept == []


def test_a_wrong_password_is_a_refusal_in_the_databases_own_words(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = shop.source(streams=ORDERS, password="wr0ng-pass")
    with pytest.raises(Refused, match=r"(?i)password|access denied") as caught:
        source.check()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(source)
    assert "wr0ng-pass" not in told and "renew the password" in told


def test_a_table_we_may_not_read_is_refused_alone(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01"})
    source = shop.source(streams={**ORDERS, "wages": {"key": "id"}})
    shop.run("create table wages (id int primary key); revoke all on wages from reader" if shop.is_postgres else f"""
        create table wages (id int primary key); revoke select on {shop.database.name}.* from reader@'127.0.0.1'; grant select on {shop.database.name}.orders to reader@'127.0.0.1'""")
    assert ids(pages(source)) == [1]
    with pytest.raises((Refused, Misconfigured), match="wages"):
        pages(source, stream="wages")


def test_a_database_that_is_not_there_is_unreachable_and_one_unknown_misconfigured(shop: Shop) -> None:
    with pytest.raises(Unreachable):
        shop.source(streams=ORDERS, port=1).check()
    assert shop.slept == [2.0, 4.0]
    with pytest.raises((Misconfigured, Refused), match="nowhere"):
        shop.source(streams=ORDERS, name="nowhere").check()


def test_a_connection_that_was_cut_between_two_pages_is_made_again(shop: Shop) -> None:
    create_orders(shop, {number: "2026-05-01" for number in range(1, 10)})
    source = shop.source(streams=ORDERS)
    seen = []
    for page in source.read(source.streams()[0], Window(start=None, end=NOW)):
        seen += [record["id"] for record in page.records]
        if shop.is_postgres:
            shop.run("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'")
        else:
            for number in shop.run("select id from information_schema.processlist where user = 'reader'").split():
                shop.run(f"kill {number}")
    assert seen == list(range(1, 10))


def test_check_says_who_we_are_and_which_table_cannot_be_read(shop: Shop) -> None:
    create_orders(shop, {1: "2026-05-01"})
    said = shop.source(streams={**ORDERS, "others": {"table": "odrers", "key": "id"}}).check()
    assert {"postgresql": "PostgreSQL 15", "mariadb": "MariaDB"}[shop.database.kind] in said
    assert "as reader" in said and "1 of 2 tables" in said and "did you mean 'orders'?" in said
    with pytest.raises(Misconfigured, match="odrers"):
        shop.source(streams={"others": {"table": "odrers", "key": "id"}}).check()


def test_statements_are_counted_per_stream(shop: Shop) -> None:
    create_orders(shop, {number: "2026-05-01" for number in range(1, 10)})
    source = shop.source(streams=ORDERS)
    read = pages(source)
    assert len(read) <= source.requests_made("orders") <= len(read) + 3
    assert source.requests_made("others") == 0


def test_a_page_ends_early_when_its_rows_are_large(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqls, "PAGE_BYTES", 1_000_000)
    create_orders(shop, {number: "2026-05-01" for number in range(1, 11)})
    shop.run("update orders set what = repeat('x', 400000)")
    shop.run("set timezone = 'UTC'; update orders set changed = '2026-05-01'", mariadb="set time_zone = '+00:00'; update orders set changed = '2026-05-01'")
    read = pages(shop.source(streams=ORDERS, page_size=1000))
    assert ids(read) == list(range(1, 11))
    assert max(len(page.records) for page in read) <= 3


def test_it_is_connected_by_the_registry(postgres_shop: Shop, tmp_path: Any) -> None:
    create_orders(postgres_shop, {1: "2026-05-01"})
    postgres_shop.allow()
    url = f"postgresql://reader:{PASSWORD}@127.0.0.1:{postgres_shop.database.port}/shop"
    source = registry.connect("erp", "sql", {"url_env": "X", "streams": ORDERS, "requests_per_minute": 600}, secrets={"url": url}, home=tmp_path, base=tmp_path, clock=lambda: NOW)
    assert "1 of 1 tables" in source.check()
    source.close()
