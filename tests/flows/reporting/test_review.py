"""What a report says is what the published tables say, in both languages, on one page that fetches nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.reporting import page, periods, quarantine, review
from flows.reporting.periods import Period
from flows.reporting.words import WORDS

WEEK = Period(grain="week", start=date(2026, 10, 19))
TABLES = """
create table scorecard as select 'revenue' as kpi, date '2026-10-31' as as_of, '2026-10-31.001' as data_version;
create table kpi_catalogue as select * from (values
    ('revenue', 'Revenue', '营收', 'currency', 'operations_lead', 'financial'), ('csat', 'Customer <satisfaction>', '客户满意度', 'ratio', 'service_lead', 'customer'),
    ('training', 'Training', '培训', 'ratio', 'people_lead', 'learning')) as t (kpi, title_en, title_zh, unit, owner, perspective);
create table kpis as
    select 'revenue' as kpi, 'week' as period_grain, period_start, 'all' as segment_type, 'all' as segment, value, 1000.0e0 as target,
        case when value >= 1000 then 'on_target' else 'off_target' end as status, value >= 1000 as is_met, false as is_provisional
    from (values (date '2025-10-20', 700.0e0), (date '2026-10-05', 900.0e0), (date '2026-10-12', 1000.0e0), (date '2026-10-19', 1500.0e0)) as t (period_start, value)
    union all select 'csat', 'week', date '2026-10-19', 'all', 'all', 0.85e0, 0.9e0, 'off_target', false, true
    union all select 'csat', 'week', date '2026-10-12', 'all', 'all', 0.90e0, 0.9e0, 'on_target', true, false;
create table kpi_signals as
    select 'revenue' as kpi, 'week' as period_grain, period_start, period_start + 6 as period_end, 'all' as segment_type, 'all' as segment, value,
        950.0e0 as expected, 700.0e0 as lower_limit, 1200.0e0 as upper_limit, value > 1200 as is_signal, false as is_worse
    from kpis where kpi = 'revenue' and period_start > date '2026-01-01'
    union all select 'csat', 'week', date '2026-10-19', date '2026-10-25', 'team', 'Support APAC', 0.4e0, 0.9e0, 0.7e0, 1, true, true
    union all select 'csat', 'week', date '2026-10-12', date '2026-10-18', 'team', 'Support EMEA', 0.4e0, 0.9e0, 0.7e0, 1, true, true;
create table kpi_drivers as select * from (values
    ('revenue', 500.0e0, 'Visits', '访问量', 700.0e0, 1), ('revenue', 500.0e0, 'Orders per visit', '访问转化率', -195.0e0, 2), ('revenue', 500.0e0, 'Per order', '客单价', -5.0e0, 3),
    ('csat', -0.05e0, 'Kept of team APAC', '团队', -0.05e0, 1)
    ) as t (kpi, change, title_en, title_zh, contribution, rank), (values ('week', date '2026-10-19', 'previous')) as p (period_grain, period_start, compared_with);
create table worklists as select 'late_suppliers' as worklist, 'late_suppliers/' || n as work_key, 'PO' || n as subject, 'late ' || n as evidence_en,
    '延迟 ' || n as evidence_zh, 'supply_lead' as owner, timestamp '2026-11-02' as due_at, 'act' as severity from range(8) as t (n);
create table fct_projects as select * from (values
    ('Waves', 'revenue', 'region', 'EMEA', date '2026-03-02', 'verified', 120e0, 80e0, 160e0), ('Photos', 'csat', 'all', 'all', date '2026-10-05', 'too early', null, null, null),
    ('Next', 'csat', 'all', 'all', date '2026-10-26', 'too early', null, null, null)
    ) as t (project, kpi, segment_type, segment, starts_on, verdict, effect, effect_low, effect_high);
create table fct_project_guard_rails as select * from (values ('Waves', 'csat', 'held', -0.031e0), ('Waves', 'revenue', 'held', -1e0)) as t (project, kpi, verdict, effect);
create table source_freshness as select 'erp' as source_name, 'sales' as stream, true as is_stale;
create table stream_completeness as select 'erp' as source_name, 'sales' as stream, 200 as rows_in_source, 3 as missing, true as is_latest;
create table restatements as select 'revenue' as kpi, 'month' as period_grain, date '2026-09-01' as period_start, 'all' as segment_type, 900.0e0 as old_value,
    950.0e0 as new_value, 'late_data' as reason, timestamp '2026-10-20 02:31:00' as restated_at;
"""


@pytest.fixture
def marts() -> Any:
    connection = duckdb.connect()
    connection.execute(TABLES)
    yield connection
    connection.close()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<(style|svg).*?</\1>", "", html, flags=re.DOTALL)))


def test_a_review_holds_the_period_with_what_was_before(marts: Any) -> None:
    found = review.read(marts, WEEK, "en")
    revenue = next(line for line in found.lines if line.kpi == "revenue")
    assert (revenue.value, revenue.before, revenue.year_before, revenue.target, revenue.signal) == (1500, 1000, 700, 1000, 1)
    assert revenue.trend == (900, 1000, 1500)
    assert next(line for line in found.lines if line.kpi == "training").status == "no_data"
    assert (found.met, found.judged, found.worse) == (1, 2, 1)
    assert [(part.segment, part.is_worse) for part in found.parts] == [("Support APAC", True)]
    assert (found.compared, found.landed, found.missing, found.stale) == (200, 197, (("erp/sales", 3),), ("erp/sales",))
    assert [(one.old, one.new) for one in found.restated] == [(900, 950)]


def test_what_moved_is_explained_by_its_largest_drivers_and_the_rest(marts: Any) -> None:
    first, second = review.read(marts, WEEK, "en").changes
    assert (first.line.kpi, first.drivers, first.rest) == ("revenue", (("Visits", 700), ("Orders per visit", -195)), -5)
    assert sum(part for _, part in first.drivers) + first.rest == first.change == 500
    assert second.line.kpi == "csat" and second.rest == 0


def test_a_list_of_work_shows_its_most_urgent_and_counts_the_others(marts: Any) -> None:
    (work,) = review.read(marts, WEEK, "zh-CN").worklists
    assert (work.count, len(work.items), work.items[0]) == (8, 6, ("PO0", "延迟 0", "supply_lead", datetime.fromisoformat("2026-11-02")))


@pytest.mark.parametrize(("language", "said"), [
    ("en", ("Weekly operations report 2026-W43", "Revenue ◆ 1,500 GBP 1,000 GBP 700 GBP 1,000 GBP ● on target", "1,000 GBP → 1,500 GBP (+500 GBP)", "+700 GBP",
            "−5.0 points", "and 2 more", "Customer &lt;satisfaction&gt;", "98.50 % of 200 records", "Revenue, month 2026-09-01: 900 GBP → 950 GBP (late data)",
            "first_late", "answered in 12 minutes", "Waves Revenue, EMEA · since 2026-03-02 verified +120 GBP (+80 GBP to +160 GBP)")),
    ("zh-CN", ("运营数据周报 2026-W43", "营收 ◆ 1,500 GBP", "−5.0 个百分点", "另有 2 件", "延迟供应商的未到货行", "数据迟到")),
])
def test_the_page_says_it_in_both_languages(marts: Any, language: Any, said: tuple[str, ...]) -> None:
    html = page.html(review.read(marts, WEEK, language), language, company="Small & Co", currency="GBP", alerts=[("first_late", "answered in 12 minutes")])
    for phrase in said:
        assert phrase in text_of(html), phrase
    assert "Small &amp; Co" in html
    assert not re.search(r"<script|(src|href)\s*=\s*\"(?!#)", html), "a page that fetches nothing and runs nothing"
    assert html.count('class="card"') == 3 and html.count("<figure>") == 1


def test_what_playbooks_did_stands_beside_the_kpi_that_it_is_measured_on(marts: Any) -> None:
    assert "Nothing was done by itself or agreed to." in text_of(page.html(review.read(marts, WEEK, "en"), "en", company="S", currency="GBP"))
    marts.execute("""create table fct_automations as select * from (values
        ('move', 'do', 'verified', true, true, 'revenue', date '2026-10-20'), ('move', 'do', 'handed_over', true, false, 'revenue', date '2026-10-21'),
        ('move', 'undo', 'verified', true, true, 'revenue', date '2026-10-21'), ('move', 'do', 'verified', false, false, 'revenue', date '2026-10-21'),
        ('move', 'do', 'verified', true, true, 'revenue', date '2026-10-26'), ('tell', 'do', 'verified', true, true, 'gone', date '2026-10-19'))
        as t (playbook, purpose, state, is_attempted, is_verified, kpi, ended_on)""")
    english, chinese = (text_of(page.html(review.read(marts, WEEK, language), language, company="S", currency="GBP")) for language in ("en", "zh-CN"))
    assert "move 1 of 2 done · 1 handed to a person · 1 taken back Revenue 1,000 GBP → 1,500 GBP (+500 GBP) tell 1 of 1 done" in english
    assert "自动化及其效果 move 完成 1/2 · 1 项转人工 · 1 项已撤销 营收" in chinese


def test_a_project_is_shown_once_it_has_begun(marts: Any) -> None:
    assert [(one.name, one.verdict) for one in review.read(marts, WEEK, "en").projects] == [("Photos", "too early"), ("Waves", "verified")]


def test_of_what_has_no_exact_split_it_is_said_beside_what_has(marts: Any) -> None:
    """What moved by less than a hundredth is not worth a line; medians are among those that moved most."""
    assert review.read(marts, WEEK, "en").unsplit == ()
    marts.execute("delete from kpi_drivers where kpi = 'csat'")
    read = review.read(marts, WEEK, "en")
    assert [line.kpi for line in read.unsplit] == ["csat"] and [change.line.kpi for change in read.changes] == ["revenue"]
    said = text_of(page.html(read, "en", company="S", currency="GBP"))
    assert "No exact split exists" in said and "Customer &lt;satisfaction&gt; 90.0 % → 85.0 % (−5.0 points)" in said
    assert "没有精确的分解" in page.html(review.read(marts, WEEK, "zh-CN"), "zh-CN", company="S", currency="GBP")
    marts.execute("update kpis set value = 0.899 where kpi = 'csat' and period_start = date '2026-10-19'")
    assert review.read(marts, WEEK, "en").unsplit == ()


def test_a_guard_rail_that_a_project_spoiled_is_said_beside_its_verdict(marts: Any) -> None:
    marts.execute("update fct_projects set verdict = 'verified at a cost' where project = 'Waves'")
    marts.execute("update fct_project_guard_rails set verdict = 'worse' where kpi = 'csat'")
    waves = review.read(marts, WEEK, "zh-CN").projects[1]
    assert waves.spoiled == (("客户满意度", "ratio", -0.031),)
    said = text_of(page.html(review.read(marts, WEEK, "en"), "en", company="S", currency="GBP"))
    assert "verified, at a cost" in said and "guard rail worse: Customer &lt;satisfaction&gt; −3.1 points" in said
    marts.execute("drop table fct_project_guard_rails")
    assert [one.spoiled for one in review.read(marts, WEEK, "en").projects] == [(), ()], "a version from before guard rails has none"


def test_a_review_of_a_period_without_numbers_says_which_there_are(marts: Any) -> None:
    with pytest.raises(review.NothingToReport, match="no numbers for 2024-W01; this version has weeks that begin from 2025-10-20 to 2026-10-19"):
        review.read(marts, Period(grain="week", start=date(2024, 1, 1)), "en")


@pytest.mark.parametrize(("text", "start", "end", "label"), [
    ("2026-W01", "2025-12-29", "2026-01-04", "2026-W01"), ("2026w43", "2026-10-19", "2026-10-25", "2026-W43"), ("2026-02", "2026-02-01", "2026-02-28", "2026-02"),
    ("2026-12", "2026-12-01", "2026-12-31", "2026-12")])
def test_a_period_is_written_as_people_write_it(text: str, start: str, end: str, label: str) -> None:
    period = periods.parse(text)
    assert (period.start.isoformat(), period.end.isoformat(), period.label) == (start, end, label)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-W54", "W43", "2026-1-2"])
def test_what_is_no_period_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write a week as 2026-W43"):
        periods.parse(text)


@pytest.mark.parametrize(("as_of", "week", "month"), [("2026-10-25", "2026-W43", "2026-09"), ("2026-10-24", "2026-W42", "2026-09"), ("2026-10-31", "2026-W43", "2026-10")])
def test_the_latest_period_is_one_that_is_over(as_of: str, week: str, month: str) -> None:
    day = date.fromisoformat(as_of)
    assert (periods.latest("week", day).label, periods.latest("month", day).label) == (week, month)


def test_every_phrase_has_both_languages_with_the_same_blanks() -> None:
    for key, (english, chinese) in WORDS.items():
        assert sorted(re.findall(r"{(\w+)}", english)) == sorted(re.findall(r"{(\w+)}", chinese)), key


@pytest.mark.skipif(not any(map(shutil.which, page.BROWSERS)), reason="needs Chromium")
def test_the_page_is_printed_with_chinese_letters(marts: Any, tmp_path: Path) -> None:
    source = tmp_path / "report.html"
    source.write_text(page.html(review.read(marts, WEEK, "zh-CN"), "zh-CN", company="公司", currency="EUR"), encoding="utf-8")
    printed = page.pdf(source, tmp_path / "report.pdf")
    assert printed.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        assert "营收" in subprocess.run(["pdftotext", str(printed), "-"], capture_output=True, text=True, check=True).stdout


def test_without_a_browser_the_error_names_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(page.NoPdf, match="apt-get install chromium"):
        page.pdf(tmp_path / "report.html", tmp_path / "report.pdf")


def test_rows_in_quarantine_stand_under_data_quality(marts: Any) -> None:
    assert review.read(marts, WEEK, "en").quarantined == (), "a version from before says nothing"
    marts.execute("""create table quarantine_counts as select * from (values
        ('drop', 'staff', 'ended_before_begun', 'Ends before it begins', '结束早于开始', true, 1200, 2, 0, false),
        ('erp', 'order', 'delivered_before_ordered', 'Delivered before it was ordered', '送达早于下单', false, 9000, 30, 12, true)
        ) as t (source_name, entity, reason, reason_en, reason_zh, is_left_out, rows_in, rows_quarantined, rows_new, is_growing)""")
    english, chinese = (page.html(review.read(marts, WEEK, language), language, company="S", currency="GBP") for language in ("en", "zh-CN"))
    assert "In quarantine, erp: 30 of 9,000 rows of order count without the value – Delivered before it was ordered (12 new this week)" in text_of(english)
    assert "In quarantine, drop: 2 of 1,200 rows of staff left out – Ends before it begins (0 new this week)" in text_of(english)
    assert "erp:order 共 9,000 行中 30 行剔除异常值后计入——送达早于下单(本周新增 12 行)" in text_of(chinese)
    assert quarantine.line(marts) == "Quarantine: erp/order: Delivered before it was ordered 30 (+12); drop/staff: Ends before it begins 2"
    assert quarantine.line(marts, "zh-CN") == "隔离数据：erp/order: 送达早于下单 30 (+12)；drop/staff: 结束早于开始 2"
    marts.execute("delete from quarantine_counts")
    assert quarantine.line(marts) == "Quarantine: no bad rows"


def test_suggestions_stand_in_the_report_with_what_came_of_them(marts: Any) -> None:
    assert "Nobody has suggested anything." in text_of(page.html(review.read(marts, WEEK, "en"), "en", company="S", currency="GBP"))
    marts.execute("""create table fct_suggestions as select * from (values
        ('a', '1', 'Waves', 'Warehouse', 'judged', date '2026-03-01', date '2026-03-05', date '2026-03-10', date '2026-10-21', 'verified', 240),
        ('b', '2', null, 'Billing', 'submitted', date '2026-10-20', null, null, null, null, 11), ('c', '3', 'Old', 'Billing', 'declined', date '2026-01-20', date '2026-01-21', null, null, null, 280)
        ) as t (suggestion_id, number, subject, unit, state, submitted_on, assessed_on, registered_on, judged_on, verdict, age_days)""")
    said = text_of(page.html(review.read(marts, WEEK, "en"), "en", company="S", currency="GBP"))
    assert "1 came in. Of all there are: submitted 1 · judged 1 · declined 1" in said
    assert "Waves Warehouse judged · verified since 2026-10-21 · 240 days old" in said and "2 Billing submitted since 2026-10-20 · 11 days old" in said
    assert "Old" not in said
    assert "本期新增 1 条。全部建议目前: 已提交 1 · 已有结论 1 · 未采纳 1" in text_of(page.html(review.read(marts, WEEK, "zh-CN"), "zh-CN", company="S", currency="GBP"))
