"""Superset over a published version, in a real browser: what stands on the dashboards is what the marts say, while versions come and go."""

from __future__ import annotations

import os
import stat
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bi import __main__ as bi
from bi import bundle, provision
from tests import first_version
from tests.bi import screen
from tests.bi.later import publish_again, publish_later_night
from tests.bi.shown import Shown, drawn_of, look, signed_in, superset, titles_of
from tests.length import IS_DRILL

pytestmark = pytest.mark.timeout(1500)      # the first test may wait for the company's first night and install Superset: a minute of CPU each
VERSIONS = 50 if IS_DRILL else 2


@pytest.fixture(scope="module")
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("bi")
    (folder / "state").mkdir()
    publish_later_night(first_version.copy(folder / "state", tmp_path_factory, request), folder / "later.duckdb")
    with superset(folder) as running:
        yield running


@pytest.fixture(scope="module")
def page(shown: Shown) -> Iterator[Any]:
    with signed_in(shown) as opened:
        yield opened


def test_nobody_but_the_owner_reads_the_password_and_nothing_prints_it(shown: Shown) -> None:
    assert stat.S_IMODE((shown.home / "secrets.json").stat().st_mode) == 0o600
    assert shown.password not in shown.said and str(shown.home / "secrets.json") in shown.said
    assert shown.password not in (shown.home / "superset.log").read_text(encoding="utf-8")
    assert requests.get(f"{shown.url}/api/v1/chart/", timeout=30).status_code == 401


OPENED = [(name, "en") for name in ("scorecard", "service_desk", "orders_suppliers", "sales_channels", "workforce", "process_map", "automation_quality")]


@pytest.mark.parametrize(
    ("dashboard", "language"),
    [*OPENED, ("scorecard", "zh"), *(pytest.param(name, "zh", marks=pytest.mark.drill) for name, _ in OPENED[1:])],
)
def test_every_chart_is_drawn_and_none_is_empty_where_the_marts_have_rows(shown: Shown, page: Any, dashboard: str, language: str) -> None:
    expected = drawn_of(shown, dashboard)
    seen = look(shown, page, dashboard, language)
    titles = titles_of(shown)
    for chart in expected:
        there = seen[chart.title[language] if chart.title else titles[chart.options["kpi"], language]]
        assert not there.failed, (chart.name, there.text)
        # a count of nothing is a number, too
        assert there.empty == (not shown.has_rows(chart, language)) or there.figure == "0", (chart.name, there.text)
    assert not page.refused, page.refused
    assert page.answered == {urllib.parse.urlsplit(shown.url).netloc}          # nothing is fetched from, or told to, anybody else
    if folder := os.environ.get("MERIDIAN_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{bundle.slug(dashboard, language)}.png")


def test_figures_on_the_scorecard_are_those_of_the_marts(shown: Shown, page: Any) -> None:
    seen, titles = look(shown, page, "scorecard"), titles_of(shown)
    for status, title in (("on_target", "KPIs on target"), ("warning", "KPIs at warning"), ("off_target", "KPIs off target")):
        count, = shown.ask(f"select count(*) from scorecard where period_grain = 'month' and status = '{status}'")[0]
        assert seen[title].figure == f"{count}", (title, seen[title].text)
    big = dict(shown.ask("select kpi, value from scorecard where period_grain = 'month' and kpi in ('revenue', 'on_time_delivery_rate', 'sla_attainment', 'csat')"))
    for kpi, value in big.items():
        assert seen[titles[kpi, "en"]].figure == (f"{value:,.0f}" if kpi == "revenue" else f"{100 * value:.1f}%"), kpi
    table = seen["Scorecard of the last settled month"].cells
    wanted = {
        title: (value, unit)
        for title, value, unit in shown.ask("select title_en, value, unit from scorecard where period_grain = 'month'")
    }
    assert len(table) == len(wanted)
    for status, title, value, *_ in table:
        number, unit = wanted[title]
        if number is None:
            assert value in ("", "N/A"), (title, value)
            continue
        told = float(value.removesuffix(" %"))
        assert told == pytest.approx(100 * number if unit == "ratio" else number, abs=0.51 if abs(number) >= 1000 else 0.051), (title, status)


def test_a_second_provision_changes_nothing(shown: Shown) -> None:
    def all_there() -> dict[str, list[tuple[int, str]]]:
        session = provision.sign_in(shown.url, shown.password)
        return {kind: sorted((one["id"], one["uuid"]) for one in provision.listed(shown.url, session, kind)) for kind in ("database", "dataset", "chart", "dashboard")}

    before = all_there()
    assert len(before["database"]) == 1 and len(before["dashboard"]) == 2 * len(OPENED)
    published = bi.look(shown.settings, shown.specs, schema="main")
    counted = bi.bring(shown.url, shown.home, shown.specs, published, shown.settings)
    assert all_there() == before
    assert counted == {kind: len(before[kind]) for kind in ("dashboard", "chart", "dataset")}


def test_nothing_can_be_written_into_what_is_published(shown: Shown) -> None:
    session = provision.sign_in(shown.url, shown.password)
    database, = provision.listed(shown.url, session, "database")
    refused = session.post(f"{shown.url}/api/v1/sqllab/execute/", json={"database_id": database["id"], "sql": "delete from kpis", "schema": "main"}, timeout=60)
    assert refused.status_code >= 400, refused.text
    assert shown.ask("select count(*) > 0 from kpis") == [(True,)]


def test_dashboards_keep_working_while_versions_are_published_and_show_the_new_one(shown: Shown, page: Any) -> None:
    folder = shown.settings.published
    published: list[str] = []
    wrong: list[BaseException] = []

    def publish_on() -> None:
        try:
            for _ in range(VERSIONS):
                published.append(publish_again(folder))
        except BaseException as problem:
            wrong.append(problem)

    publisher = threading.Thread(target=publish_on)
    count = len(drawn_of(shown, "scorecard"))
    publisher.start()
    opened, versions = 0, []
    while publisher.is_alive():
        seen = screen.open_dashboard(page, shown.url, "scorecard", count)
        assert not [each.title for each in seen.values() if each.failed or each.empty] and not page.refused
        versions.append(seen["What is shown"].cells[0][0])
        opened += 1
    publisher.join()
    assert not wrong and len(published) == VERSIONS
    last = screen.open_dashboard(page, shown.url, "scorecard", count)["What is shown"].cells[0][0]
    assert last == published[-1] == shown.ask("select version from meridian_version")[0][0]
    assert versions == sorted(versions) and opened >= 1
    print(f"{opened} times opened while {VERSIONS} versions were published")
