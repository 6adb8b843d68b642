"""The same dashboards over marts in PostgreSQL, read by somebody who may read and nothing else: what they show is what the file's show."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.store import postgres, published
from sandbox.databases import Database
from tests import first_version
from tests.bi.later import publish_later_night
from tests.bi.shown import drawn_of, look, signed_in, superset, titles_of
from tests.flows.store.marts_in_postgres import database, options

__all__ = ["database"]

pytestmark = [pytest.mark.drill, pytest.mark.timeout(3600)]      # one more Superset, and every dashboard drawn: 6 minutes beside other workers


def test_every_dashboard_is_drawn_from_postgresql_with_the_numbers_of_the_marts(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, database: Database,
) -> None:
    (tmp_path / "state").mkdir()
    publish_later_night(first_version.copy(tmp_path / "state", tmp_path_factory, request), tmp_path / "later.duckdb")
    version = published.current(tmp_path / "state" / "published")
    assert version is not None
    postgres.follow(database.url, options(), version, mask=None)
    database.run("create role mira login password 'hush-7f3a' in role meridian_reader")
    address = database.url_for("mira", "hush-7f3a").replace("postgresql://", "postgresql+psycopg2://")
    with superset(tmp_path, secrets=f"MERIDIAN_BI_DATABASE={address}\n") as shown, signed_in(shown) as page:
        assert "hush-7f3a" not in shown.said
        for dashboard in shown.specs.dashboards:
            seen = look(shown, page, dashboard.name)
            for chart in drawn_of(shown, dashboard.name):
                there = seen[chart.title["en"] if chart.title else titles_of(shown)[chart.options["kpi"], "en"]]
                assert not there.failed, (dashboard.name, chart.name, there.text)
                assert there.empty == (not shown.has_rows(chart, "en")) or there.figure == "0", (dashboard.name, chart.name, there.text)
        titles, on_screen = titles_of(shown), look(shown, page, "scorecard")
        for kpi, value in shown.ask("select kpi, value from scorecard where period_grain = 'month' and kpi in ('on_time_delivery_rate', 'sla_attainment', 'csat')"):
            assert on_screen[titles[kpi, "en"]].figure == f"{100 * value:.1f}%", kpi
        count, = shown.ask("select count(*) from scorecard where period_grain = 'month' and status = 'on_target'")[0]
        assert on_screen["KPIs on target"].figure == f"{count}"
        # and it is PostgreSQL that answers: nobody reads there any more, and no chart is drawn
        database.run("revoke usage on schema marts from meridian_reader")
        page.seen.clear()
        with pytest.raises((AssertionError, KeyError)):
            assert not look(shown, page, "scorecard")["KPIs on target"].failed
        assert not page.answered - {f"127.0.0.1:{shown.url.rsplit(':', 1)[1]}"}
