"""The marts in a real PostgreSQL: what readers find there, who sees which rows, and what becomes of it when columns, roles or versions change."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from flows.store import postgres, published
from flows.store.pg import PostgresError, connected, rows, run
from flows.store.pg_load import Mask
from flows.store.postgres_options import Postgres
from sandbox.databases import Database
from tests.flows.store.marts_in_postgres import KPIS, LINES, ORDERS, SHIFTS, database, follow, options, put_out, user

__all__ = ["database"]

UNIT_A = {"unit_a": {"business_unit": ["A"], "all": True}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def asked(database: Database, statement: str) -> list[list[str]]:
    return [line.split("\t") for line in database.run(statement).splitlines()]


def refused(database: Database, statement: str) -> str:
    with pytest.raises(RuntimeError) as error:
        database.run(statement)
    return str(error.value)


def test_readers_find_typed_columns_in_order_with_comments_keys_and_the_version(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    assert follow(database, folder).before is None
    assert asked(database, "select version, as_of, published_at at time zone 'UTC' from marts.meridian_version") == [["2026-10-31.001", "2026-10-31", "2026-11-01 02:31:00"]]
    assert asked(database, "select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) from information_schema.columns "
                           "where table_schema = 'marts' and table_name = 'fct_orders'") == [[
        "order_id bigint, business_unit text, stamp integer, placed_on date, placed_at timestamp with time zone, net_amount numeric, note text, is_late boolean, "
        "remark text, odd double precision, nested text"]]
    assert asked(database, "select obj_description('marts.kpis'::regclass), col_description('marts.kpis'::regclass, 4)") == [["KPI values.", "In the KPI's unit; 5 % is 0.05."]]
    assert asked(database, "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'marts.kpis'::regclass and contype = 'p'") == [
        ["PRIMARY KEY (kpi, segment_type, segment)"]]
    assert asked(database, "select reltuples from pg_class where oid = 'marts.fct_orders'::regclass") == [["20"]], "statistics are there at once"


def test_values_arrive_as_they_are_instants_in_utc_and_nested_ones_as_json_text(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    with connected(database.url) as connection:
        by_id = {row[0]: row[1:] for row in rows(connection, "select order_id, note, remark, odd, nested, net_amount::text, placed_at::text from marts.fct_orders")}
    assert (by_id[1][0], by_id[2][0]) == (None, ""), "nothing and the empty text are two things"
    assert by_id[3][1] == 'a "quoted", 中文\nsecond\\line \\N =1+1'
    assert (str(by_id[1][2]), str(by_id[2][2]), by_id[3][2]) == ("nan", "inf", None)
    assert by_id[3][3:] == ('{"a":[3]}', "12.3400", "2026-03-29 01:30:00.25+00")


def test_addresses_and_declared_columns_of_people_are_masked_alike_everywhere_unless_they_are_to_be_shown(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    dump = database.run("select kpis::text from marts.kpis union all select fct_shifts::text from marts.fct_shifts")
    assert "@" not in dump
    assert "Anna" not in dump
    assert "(\"call person, not <person>\"" not in dump
    assert "call person, not <person>" in dump
    [[token]] = asked(database, "select segment from marts.kpis where segment_type = 'owner'")
    assert re.fullmatch(r"person-[0-9a-f]{12}", token)
    version = published.current(folder)
    assert version is not None
    for mask, shown in ((None, "anna.koch@example.com"), (Mask(key="k"), token)):
        postgres.follow(database.url, options(), version, mask=mask)
        for schema in ("marts", "marts_2026_10_31_001"):
            assert asked(database, f"select segment from {schema}.kpis where segment_type = 'owner'") == [[shown]], "another setting counts at once, in kept versions too"


def test_the_reader_reads_everything_and_changes_nothing(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    mira = user(database, "mira", "meridian_reader")
    assert asked(mira, "select count(*) from marts.fct_orders") == [["20"]]
    assert asked(mira, "select count(*) from marts_2026_10_31_001.kpis") == [["5"]]
    for statement in ("insert into marts.fct_lines values (99, 1)", "update marts.kpis set value = 0", "delete from marts.kpis", "truncate marts.kpis",
                      "drop table marts.kpis", "alter table marts.kpis add x int", "create table marts.mine (x int)", "drop schema marts cascade",
                      "create index on marts.kpis (kpi)", "select * from marts.kpis for update", "grant select on marts.kpis to public; set role meridian"):
        assert re.search("permission denied|must be owner", refused(mira, statement)), statement


def test_a_member_of_a_unit_sees_its_rows_and_those_of_the_whole_only_where_the_setting_says_so(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder, rows={**UNIT_A, "unit_b": {"business_unit": ["B"], "tables": ["fct_lines"]}})
    ann, ben, mira = user(database, "ann", "unit_a"), user(database, "ben", "unit_b"), user(database, "mira", "meridian_reader")
    segments = "select string_agg(segment, ' ' order by segment) from marts.kpis"
    assert asked(ann, segments) == [["A all"]]
    assert asked(ben, segments) == [["B"]]
    assert asked(mira, "select count(*) from marts.kpis") == [["5"]], "readers of everything still see everything"
    for schema in ("marts", "marts_2026_10_31_001"):
        assert asked(ann, f"select distinct business_unit from {schema}.fct_orders") == [["A"]]
        assert asked(ben, f"select distinct business_unit from {schema}.fct_orders") == [["B"]]
    assert "permission denied" in refused(ann, "select * from marts.fct_lines"), "a table that does not say whose its rows are is not shown"
    assert asked(ben, "select count(*) from marts.fct_lines") == [["20"]], "but where the setting names it"
    assert asked(ann, "select count(*) from marts.meridian_version") == [["1"]]
    database.run("grant meridian_reader to ann")
    assert asked(ann, segments) == [["A all"]], "whoever is in both groups sees no more"
    database.run("grant unit_b to ann")
    assert asked(ann, segments) == [["A B all"]], "and members of two units what either sees"


def test_a_filter_that_is_taken_back_or_widened_counts_at_the_next_publication_in_kept_versions_too(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder, rows=UNIT_A)
    ann = user(database, "ann", "unit_a")
    follow(database, folder, rows={"unit_a": {"business_unit": ["B"]}})
    for schema in ("marts", "marts_2026_10_31_001"):
        assert asked(ann, f"select string_agg(segment, ' ') from {schema}.kpis") == [["B"]]
    follow(database, folder)
    for schema in ("marts", "marts_2026_10_31_001"):
        assert "permission denied" in refused(ann, f"select * from {schema}.kpis"), "a role without its filter sees nothing, not everything"
    assert asked(database, "select count(*) from pg_policy") == [["0"]]


def test_grants_views_and_comments_of_other_peoples_making_outlive_publications(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    database.run("create role analyst; grant usage on schema marts to analyst; grant select on marts.fct_lines to analyst; "
                 "create view public.lines as select stamp from marts.fct_lines")
    put_out(folder, 2)
    follow(database, folder)
    assert asked(database, "select has_table_privilege('analyst', 'marts.fct_lines', 'select'), (select min(stamp) from public.lines)") == [["t", "2"]]
    put_out(folder, 3, more="alter table marts.fct_lines add column colour varchar default 'red'; drop table marts.fct_shifts; "
                            "create table marts.fct_new as select 1 as x", tables=(KPIS, ORDERS, LINES, published.Table(name="fct_new", relation="marts.fct_new")))
    follow(database, folder)
    assert asked(database, "select has_table_privilege('analyst', 'marts.fct_lines', 'select'), (select min(stamp) from public.lines)") == [["t", "3"]]
    assert asked(database, "select distinct colour from marts.fct_lines") == [["red"]]
    assert asked(database, "select to_regclass('marts.fct_shifts') is null, (select x from marts.fct_new)") == [["t", "1"]]
    mira = user(database, "mira", "meridian_reader")
    assert asked(mira, "select x from marts.fct_new") == [["1"]]


def test_a_column_of_another_type_makes_a_new_table_with_the_old_grants_or_names_what_is_built_on_the_old_one(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder, rows=UNIT_A)
    database.run("create role analyst; grant select on marts.fct_orders to analyst")
    put_out(folder, 2, more="alter table marts.fct_orders alter stamp type varchar")
    follow(database, folder, rows=UNIT_A)
    assert asked(database, "select distinct stamp, pg_typeof(stamp), has_table_privilege('analyst', 'marts.fct_orders', 'select') from marts.fct_orders") == [["2", "text", "t"]]
    assert asked(user(database, "ann", "unit_a"), "select distinct business_unit from marts.fct_orders") == [["A"]], "the new table has the filter of the old"
    database.run("create view public.mine as select stamp from marts.fct_orders")
    put_out(folder, 3)
    with pytest.raises(PostgresError, match="fct_orders has other columns or another key now.*view mine depends on table marts.fct_orders"):
        follow(database, folder, rows=UNIT_A)
    assert asked(database, "select distinct stamp from marts.fct_orders union select distinct stamp::text from marts.kpis") == [["2"]], "all of it stays as it was"
    database.run("drop view public.mine")
    assert follow(database, folder, rows=UNIT_A).before == "2026-10-31.002"


def test_another_primary_key_makes_a_new_table(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    other = replace(LINES, primary_key=("line_id", "part"))
    put_out(folder, 2, more="alter table marts.fct_lines add column part integer default 1; insert into marts.fct_lines select line_id, stamp, 2 from marts.fct_lines",
            tables=(KPIS, ORDERS, other, SHIFTS))
    follow(database, folder)
    assert asked(database, "select count(*) from marts.fct_lines") == [["40"]], "the old key would have refused them"


def test_a_reader_in_a_transaction_does_not_delay_a_night_and_delays_a_change_of_columns_by_name(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder)
    mira = user(database, "mira", "meridian_reader")
    with connected(mira.url) as reader:
        run(reader, "set transaction isolation level repeatable read")
        assert rows(reader, "select min(stamp) from marts.fct_orders")[0][0] == 1
        put_out(folder, 2)
        follow(database, folder)
        assert rows(reader, "select min(l.stamp), max(l.stamp), count(*) from marts.fct_lines l join marts.fct_orders o on o.order_id = l.line_id")[0] == (1, 1, 20)
        put_out(folder, 3, more="alter table marts.fct_orders drop column nested")
        with pytest.raises(PostgresError, match="a table is being read and cannot be changed: mira with meridian"):
            follow(database, folder)
        reader.rollback()
        assert rows(reader, "select min(o.stamp), max(l.stamp) from marts.fct_lines l join marts.fct_orders o on o.order_id = l.line_id")[0] == (2, 2)
        reader.rollback()
        follow(database, folder)
        assert rows(reader, "select min(stamp) from marts.fct_orders")[0][0] == 3


def test_the_last_versions_can_be_read_by_name_and_going_back_takes_the_rows_from_there(database: Database, folder: Path) -> None:
    for stamp in (1, 2, 3, 4):
        put_out(folder, stamp)
        done = follow(database, folder, keep_versions=3)
    assert done.kept == ("2026-10-31.002", "2026-10-31.003", "2026-10-31.004")
    assert asked(database, "select stamp from marts_2026_10_31_002.fct_lines limit 1") == [["2"]]
    published.rollback(folder, who="mira", why="", at=published.current(folder).published_at)  # type: ignore[union-attr]
    steps: list[str] = []
    follow(database, folder, keep_versions=3, step=steps.append)
    assert asked(database, "select version, (select max(stamp) from marts.kpis) from marts.meridian_version") == [["2026-10-31.003", "3"]]
    assert "loaded" not in steps, "nothing was loaded again"


def test_an_old_version_that_something_is_built_on_stays_and_is_told(database: Database, folder: Path) -> None:
    put_out(folder, 1)
    follow(database, folder, keep_versions=1)
    database.run("create view public.pinned as select * from marts_2026_10_31_001.kpis")
    put_out(folder, 2)
    done = follow(database, folder, keep_versions=1)
    assert done.kept == ("2026-10-31.001", "2026-10-31.002")
    assert "marts_2026_10_31_001 stays for now" in done.remarks[0]
    database.run("drop view public.pinned")
    assert follow(database, folder, keep_versions=1).kept == ("2026-10-31.002",)


def test_only_rows_that_differ_are_written(database: Database, folder: Path) -> None:
    put_out(folder, 1, rows=200)
    follow(database, folder)
    put_out(folder, 1, rows=201)
    before = asked(database, "select order_id, xmin from marts.fct_orders order by 1")
    follow(database, folder)
    after = asked(database, "select order_id, xmin from marts.fct_orders order by 1")
    assert after[:200] == before
    assert len(after) == 201


def test_a_text_too_long_for_an_index_costs_the_key_not_the_table(database: Database, folder: Path) -> None:
    put_out(folder, 1, more="alter table marts.fct_lines add column variant varchar; "
                            "update marts.fct_lines set variant = (select string_agg(md5(i::varchar || line_id::varchar), '') from range(400) t(i))",
            tables=(KPIS, ORDERS, SHIFTS, published.Table(name="fct_lines", relation="marts.fct_lines", primary_key=("variant",))))
    follow(database, folder)
    assert asked(database, "select count(*) from marts.fct_lines") == [["20"]]


@pytest.mark.parametrize(("url", "said"), [
    ("postgresql://nobody:hush-hush@127.0.0.1:{port}/{name}", "password authentication failed"),
    ("postgresql://meridian:hush-hush@127.0.0.1:1/marts", "Connection refused"),
    ("mysql://meridian:hush-hush@127.0.0.1/marts", "is to be postgresql://"),
    ("hush-hush", "cannot be read"),
])
def test_what_postgresql_refuses_is_said_in_its_words_and_never_with_the_password(database: Database, folder: Path, url: str, said: str) -> None:
    version = put_out(folder, 1)
    with pytest.raises(PostgresError, match=said) as error:
        postgres.follow(url.format(port=database.port, name=database.name), options(), version, mask=None)
    assert "hush-hush" not in str(error.value)


def test_without_the_right_to_make_roles_the_statement_to_run_is_told(database: Database, folder: Path) -> None:
    version = put_out(folder, 1)
    database.run(f"create role modest login password 'secret'; grant create on database {database.name} to modest")
    named = options(reader="readers_of_all")  # roles belong to the server: meridian_reader may be there for another database
    modest = database.url_for("modest", "secret")
    with pytest.raises(PostgresError, match="let somebody who may run `create role readers_of_all`"):
        postgres.follow(modest, named, version, mask=None)
    database.run("create role readers_of_all")
    assert postgres.follow(modest, named, version, mask=None).version == version.name
    assert postgres.standing(modest, named) == version.name
    database.run("drop owned by modest cascade")


@pytest.mark.parametrize(("given", "said"), [
    ({"rows": {"unit_a": {"business_unit": "A"}}}, "a list of values"),
    ({"rows": {"unit_a": {"all": True}}}, "names no column"),
    ({"rows": {"meridian_reader": {"business_unit": ["A"]}}}, "sees everything"),
    ({"schema": "Marts; drop"}, "pattern"),
])
def test_settings_that_would_protect_nothing_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Postgres.model_validate({"url_env": "X", **given})


