"""What is about to be published: every planted fault is found, alone and against the version before."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from expectations.report import CheckReport, CheckResult
from expectations.run import check_marts
from expectations.suites import FOLDER

AS_OF = dt.date(2026, 10, 31)

MARTS = """
create table kpis as
with days as (select 'day' as period_grain, unnest(generate_series(date '2026-08-01', date '{as_of}', interval 1 day))::date as period_start),
periods as (
    select * from days
    union all select 'week', p::date from unnest(generate_series(date '2026-07-27', date '{as_of}', interval 7 day)) t(p)
    union all select 'month', p::date from unnest(generate_series(date '2026-08-01', date '{as_of}', interval 1 month)) t(p)
),
kinds as (select unnest(['csat', 'reopen_rate', 'first_response_minutes', 'ticket_backlog']) as kpi),
segments as (select * from (values ('all', 'all'), ('team', 'EMEA'), ('team', 'APAC')) t(segment_type, segment))
select kpi, period_grain, period_start, segment_type, segment,
       case kpi when 'first_response_minutes' then 180.0 when 'ticket_backlog' then 31.0 else 0.9 end::double as value,
       case when kpi in ('csat', 'reopen_rate') then 9.0 end::double as numerator,
       case when kpi in ('csat', 'reopen_rate') then 10.0 end::double as denominator,
       10::bigint as sample_size, 0.8 as target, 'on_target' as status, '{version}' as data_version
from periods, kinds, segments;
create table kpi_catalogue as
select kpi, kpi as title_en, '指标' as title_zh, 'lead' as owner, 'higher' as direction from (select distinct kpi from kpis);
create table scorecard as select kpi, value from kpis where segment_type = 'all' and period_grain = 'month';
create table restatements as
select 'csat' as kpi, 'day' as period_grain, date '2026-09-01' as period_start, 'all' as segment_type, 'all' as segment,
       0.8 as old_value, 0.9 as new_value, 8.0 as old_numerator,
       9.0 as new_numerator, 10.0 as old_denominator, 10.0 as new_denominator, 'a' as old_version, 'b' as new_version,
       'late data' as reason, timestamp '2026-10-01' as restated_at;
create table fct_tickets as
select 'helpdesk:' || i as ticket_id, start as created_at, start::date as created_on,
       start + interval 2 hour as first_human_reply_at, start + interval 26 hour as first_resolved_at, start + interval 26 hour as resolved_at,
       'solved' as status, 'normal' as priority, 'EMEA' as team, 'good' as rating
from (select i, timestamp '2026-08-01 08:00:00' + to_hours(i::integer * 4) as start from range(500) t(i));
create table fct_orders as
select 'erp:' || i as order_id, start as placed_at, start::date as placed_on,
       null::timestamp as confirmed_at, null::timestamp as shipped_at, null::timestamp as delivered_at, 'done' as status, 'EUR' as currency, 'email' as channel,
       (100 + i % 7)::decimal(18, 4) as net_amount
from (select i, timestamp '2026-08-01 08:00:00' + to_hours(i::integer * 2) as start from range(1000) t(i));
create table fct_order_lines as select order_id || '-1' as order_line_id, order_id, net_amount from fct_orders;
create table fct_leads as
select 'erp:' || i as lead_id, timestamp '2026-08-01' as created_at, null::timestamp as won_at, null::timestamp as lost_at from range(300) t(i);
create table fct_complaints as
select 'erp:' || i as complaint_id, timestamp '2026-08-01' as opened_at, date '2026-08-01' as opened_on, timestamp '2026-08-04' as due_at from range(300) t(i);
create table fct_receipts as
select 'erp:' || i as receipt_id, 'erp:1' as supplier_id, date '2026-08-01' as ordered_on, date '2026-08-09' as received_on from range(300) t(i);
create table stream_completeness as
select 'desk' as source_name, stream, 'recent' as part, 'keys' as method, 1000::bigint as rows_in_source, 1000::bigint as rows_landed, 0::bigint as missing,
       1.0::double as figure, date '{as_of}' as day
from (values ('tickets'), ('users')) as streams (stream);
create table meridian_version as select '{version}' as version, date '{as_of}' as as_of;
"""


def marts(folder: Path, name: str = "new", *, as_of: dt.date = AS_OF, change: str = "") -> Path:
    path = folder / f"{name}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MARTS.format(as_of=as_of, version=name))
        if change:
            connection.execute(change)
    return path


def only(folder: Path, table: str) -> Path:
    """The suite of one table alone: asking all of them takes a second and a half."""
    (folder / "suites" / "marts").mkdir(parents=True)
    (folder / "suites" / "marts" / f"{table}.yml").write_text((FOLDER / "marts" / f"{table}.yml").read_text())
    return folder / "suites"


def failed(report: CheckReport) -> dict[str, CheckResult]:
    return {f"{result.subject}: {result.check}": result for result in report.results if not result.passed}


def test_good_marts_pass_every_check_alone_and_against_the_version_before(tmp_path: Path) -> None:
    before = marts(tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1))
    now = marts(tmp_path, "new")
    assert failed(check_marts(now, as_of=AS_OF)) == {}
    report = check_marts(now, previous=before, as_of=AS_OF)
    assert failed(report) == {}
    assert not any(result.detail == "no version before to compare with" for result in report.results)
    assert len({result.subject for result in report.results}) == 11


ALONE = [
    ("update stream_completeness set missing = 1, rows_landed = 999, figure = 0.999 where stream = 'users'", "stream_completeness: nothing_is_missing", "warning"),
    (
        "update stream_completeness set missing = 60, rows_landed = 940, figure = 0.94 where stream = 'users'",
        "stream_completeness: no stream lacks much of what its source holds",
        "critical",
    ),
    (
        "insert into kpis select * from kpis limit 1",
        "kpis: keys_are_unique(kpi, period_grain, period_start, segment_type, segment)",
        "critical",
    ),
    ("update kpis set status = 'green' where kpi = 'csat'", "kpis: expect_column_values_to_be_in_set(status)", "critical"),
    ("update kpis set segment = null where segment = 'APAC'", "kpis: expect_column_values_to_not_be_null(segment)", "critical"),
    ("update fct_tickets set ticket_id = null where ticket_id = 'helpdesk:3'", "fct_tickets: keys_are_unique(ticket_id)", "critical"),
    ("delete from kpis where kpi = 'csat' and period_grain = 'day' and period_start = '2026-09-13'", "kpis: periods_are_complete", "critical"),
    ("delete from kpis where segment = 'EMEA' and period_start = '2026-10-31'", "kpis: periods_are_complete", "critical"),
    (
        "delete from kpis where segment_type = 'all' and kpi = 'csat' and period_grain = 'month'",
        "kpis: segment 'all' stands for every KPI and period",
        "critical",
    ),
    (
        "update kpis set period_start = period_start + 400 where kpi = 'csat' and period_grain = 'day' and period_start = '2026-10-31'",
        "kpis: nothing_after_as_of(period_start)",
        "critical",
    ),
    ("update kpis set value = 1.7, numerator = 17 where kpi = 'csat'", "kpis: rates and shares lie between 0 and 1", "critical"),
    ("update kpis set value = -5 where kpi = 'first_response_minutes'", "kpis: durations, counts and backlogs are not negative", "critical"),
    ("update kpis set numerator = 5 where kpi = 'reopen_rate'", "kpis: a ratio is its numerator over its denominator", "critical"),
    (
        "update kpis set value = null where kpi = 'ticket_backlog' and period_start = '2026-10-01'",
        "kpis: a period without a value is judged by nobody",
        "critical",
    ),
    ("drop table kpis", "kpis: table_is_published", "critical"),
    ("drop table fct_leads", "fct_leads: table_is_published", "warning"),
    ("alter table fct_tickets drop rating", "fct_tickets: expect_column_values_to_be_in_set(rating)", "warning"),
    ("alter table fct_orders drop placed_on", "fct_orders: nothing_after_as_of(placed_on)", "critical"),
    ("insert into kpi_catalogue select * from kpi_catalogue limit 1", "kpi_catalogue: keys_are_unique(kpi)", "critical"),
    ("delete from scorecard", "scorecard: expect_table_row_count_to_be_between", "critical"),
    ("update restatements set new_value = 0.8, new_numerator = 8", "restatements: a restatement changes something", "warning"),
    ("insert into fct_tickets select * from fct_tickets limit 3", "fct_tickets: keys_are_unique(ticket_id)", "critical"),
    (
        "update fct_tickets set resolved_at = created_at - interval 2 hour where ticket_id = 'helpdesk:3'",
        "fct_tickets: nothing is resolved or answered before it was created",
        "warning",
    ),
    ("update fct_orders set currency = 'Euro'", "fct_orders: expect_column_values_to_match_regex(currency)", "critical"),
    ("update fct_orders set placed_on = '2026-11-01' where order_id = 'erp:5'", "fct_orders: nothing_after_as_of(placed_on)", "critical"),
    ("update fct_leads set won_at = created_at, lost_at = created_at where lead_id = 'erp:1'", "fct_leads: no lead is both won and lost", "warning"),
    ("update fct_complaints set due_at = '2026-07-01' where complaint_id = 'erp:1'", "fct_complaints: a complaint is due after it was opened", "warning"),
    ("update fct_receipts set received_on = '2020-01-01' where receipt_id = 'erp:1'", "fct_receipts: nothing is received before it was ordered", "warning"),
]


@pytest.mark.parametrize(("change", "check", "severity"), ALONE, ids=[f"{check} <- {change[:40]}" for change, check, _ in ALONE])
def test_a_fault_in_the_marts_fails_its_check(tmp_path: Path, change: str, check: str, severity: str) -> None:
    found = failed(check_marts(marts(tmp_path, change=change), as_of=AS_OF, folder=only(tmp_path, check.split(":")[0])))
    assert check in found
    assert found[check].severity == severity


COMPARED = [
    ("delete from kpis where kpi = 'csat'", "kpis: nothing_disappears(kpi)", "critical"),
    ("delete from kpis where segment_type = 'team'", "kpis: rows_do_not_jump", "warning"),
    ("update kpis set value = null, status = 'no_data' where kpi = 'csat' and period_grain = 'day'", "kpis: nulls_do_not_jump(value)", "warning"),
    (
        "update kpis set value = null, status = 'no_data' where kpi = 'csat' and period_grain = 'month' and period_start >= '2026-09-01'",
        "kpis: values_do_not_go_silent",
        "warning",
    ),
    ("update kpis set value = value * 1.5 where kpi in ('ticket_backlog')", "kpis: restated_share_is_small", "warning"),
    ("delete from fct_tickets where ticket_id like '%7'", "fct_tickets: rows_do_not_jump", "critical"),
    ("update fct_tickets set team = null where ticket_id like '%7'", "fct_tickets: nulls_do_not_jump(team)", "warning"),
    ("update fct_orders set net_amount = net_amount * 1.19", "fct_orders: total_does_not_jump(net_amount)", "critical"),
    ("update fct_orders set net_amount = null where order_id like '%7'", "fct_orders: nulls_do_not_jump(net_amount)", "critical"),
    ("delete from restatements", "restatements: no restatement is forgotten", "critical"),
    ("delete from kpi_catalogue where kpi = 'csat'", "kpi_catalogue: nothing_disappears(kpi)", "warning"),
]


@pytest.mark.parametrize(("change", "check", "severity"), COMPARED, ids=[check for _, check, _ in COMPARED])
def test_a_jump_against_the_version_before_fails_its_check(tmp_path: Path, change: str, check: str, severity: str) -> None:
    before = marts(tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1))
    after = marts(tmp_path, "new", change=change)
    suites = only(tmp_path, check.split(":")[0])
    found = failed(check_marts(after, previous=before, as_of=AS_OF, folder=suites))
    assert check in found
    assert found[check].severity == severity
    assert check not in failed(check_marts(after, as_of=AS_OF, folder=suites)), "without a version before there is nothing to compare with"


MORE = ("insert into fct_orders select * exclude (nth) replace (order_id || nth as order_id) from fct_orders, (select unnest(range(9)) as nth)", "fct_orders")
LESS = ("delete from fct_orders where order_id like '%7'", "fct_orders")


@pytest.mark.parametrize(("change", "table", "is_meant"), [(*MORE, True), (*LESS, False)], ids=["more", "less"])
def test_where_the_past_was_read_more_is_meant_and_less_is_not(tmp_path: Path, change: str, table: str, is_meant: bool) -> None:
    before = marts(tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1))
    after, suites = marts(tmp_path, "new", change=change), only(tmp_path, table)
    jumps = {"fct_orders: rows_do_not_jump", "fct_orders: total_does_not_jump(net_amount)"}
    assert jumps <= set(failed(check_marts(after, previous=before, as_of=AS_OF, folder=suites)))
    found = check_marts(after, previous=before, as_of=AS_OF, folder=suites, read_back_to=dt.date(2025, 5, 1))
    assert jumps & set(failed(found)) == (set() if is_meant else jumps)
    assert [result for result in found.results if "the past was read back to 2025-05-01" in result.detail and "rows" in result.check]


def test_what_an_earlier_night_found_missing_stops_no_later_one(tmp_path: Path) -> None:
    change = "update stream_completeness set missing = 900, rows_landed = 100, figure = 0.1, day = day - 1 where stream = 'users'"
    report = check_marts(marts(tmp_path, change=change), as_of=AS_OF, folder=only(tmp_path, "stream_completeness"))
    assert failed(report) == {} and {result.observed for result in report.results} == {"1 of 1 streams compared"}


def test_a_kpi_that_was_taken_out_on_purpose_does_not_stop_publication(tmp_path: Path) -> None:
    before = marts(tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1))
    after = marts(tmp_path, "new", change="delete from kpis where kpi = 'csat'; delete from kpi_catalogue where kpi = 'csat'")
    report = check_marts(after, previous=before, as_of=AS_OF)
    assert "kpis: nothing_disappears(kpi)" not in {f"{result.subject}: {result.check}" for result in report.critical_failures}


def test_what_a_person_accepted_fails_as_a_warning_and_says_so(tmp_path: Path) -> None:
    before = marts(tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1))
    after = marts(tmp_path, "new", change="delete from fct_tickets where ticket_id like '%7'")
    report = check_marts(after, previous=before, as_of=AS_OF, accepted={"fct_tickets/rows_do_not_jump"})
    assert report.passed
    assert failed(report)["fct_tickets: rows_do_not_jump"].detail.startswith("accepted by hand")


def test_a_version_before_without_the_newer_tables_or_columns_is_no_obstacle(tmp_path: Path) -> None:
    before = marts(
        tmp_path, "old", as_of=AS_OF - dt.timedelta(days=1), change="drop table fct_orders; alter table fct_tickets drop team; drop table meridian_version"
    )
    assert failed(check_marts(marts(tmp_path, "new"), previous=before, as_of=AS_OF)) == {}


def test_after_the_checks_both_files_are_free_for_a_writer(tmp_path: Path) -> None:
    before, now = marts(tmp_path, "old"), marts(tmp_path, "new")
    check_marts(now, previous=before, as_of=AS_OF)
    for path in (before, now):
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table written as select 1")
        assert not path.with_suffix(".duckdb.wal").exists()
