"""Whole nights through Prefect, dbt and the checks, as `meridian nightly` runs them."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date

import pytest

from flows.nightly import Night
from flows.store import ledger as ledgers
from flows.store import published
from flows.store.landing import read_lines
from tests.benchmarks import counts
from tests.flows.conftest import Company, ticket
from tests.flows.nights import marts
from tests.prefect_api import PREFECT


def test_the_steps_of_a_night_add_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 3.0, 5.0, 6.0])
    monkeypatch.setattr("flows.nightly.time.monotonic", lambda: next(now))
    night = Night(run="", as_of=date(2026, 3, 1))
    with night.timed("ingest"), night.timed("compare with sources"):
        pass
    assert night.seconds == {"compare with sources": 2.0, "ingest": 4.0}


def test_a_night_publishes_and_says_so_everywhere(company: Company) -> None:
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    counts.hold("first night", counts.of_the_last_night(company, night))
    for said in ("Revenue", "2026-03-01.001", "build ", "marts.duckdb", company.api.removesuffix("/api")):
        assert said in night.stdout
    assert marts(company, "select value from kpis where kpi = 'revenue' and period_grain = 'month' and period_start = '2026-02-01' and segment_type = 'all'") == [(420.0,)]
    assert marts(company, "select version, as_of::varchar from meridian_version") == [("2026-03-01.001", "2026-03-01")]

    assert marts(company, "select distinct method, not_compared_because like 'files are read by their content%' from stream_completeness") == [(None, True)]
    assert "Completeness of what was read: nothing was compared yet; 5 streams not compared" in night.stdout

    artifacts = PREFECT.post(f"{company.api}/artifacts/filter", json={"sort": "CREATED_DESC", "limit": 10}, timeout=10).json()
    assert {"streams", "completeness", "checks", "scorecard"} <= {artifact["key"] for artifact in artifacts}
    streams = next(artifact for artifact in artifacts if artifact["key"] == "streams")
    assert '"stream": "tickets"' in streams["data"] and '"records": 59' in streams["data"]
    assert "客户满意度" in next(artifact for artifact in artifacts if artifact["key"] == "scorecard")["data"]

    again = company.run("nightly")
    assert "Unchanged" in again.stdout and [row["state"] for row in company.nights()] == ["unchanged", "published"]

    assert "2026-03-01.001" in company.run("status").stdout
    assert "达标" in company.run("kpis", "--lang", "zh-CN").stdout
    assert "did you mean 'revenue'" in company.run("kpis", "revenu").stderr
    assert company.run("docs").returncode == 0
    assert (company.settings().home / "docs" / "models.html").stat().st_size > 100_000


def test_logs_are_one_json_object_a_line_when_asked(company: Company) -> None:
    company.config.write_text(company.config.read_text(encoding="utf-8").replace("[night]", '[night]\nlog_format = "json"'), encoding="utf-8")
    shutil.rmtree(company.folder / "drop")                 # no source at all: nothing is built that this test does not need
    shutil.rmtree(company.folder / "costs")
    stop = "import flows.build as b\ndef build(*_, **__): raise b.BuildFailed('stop here')\nb.build = build"
    said = company.run("nightly", prelude=stop, begins_cold=True).stderr            # Prefect is told of the format before it is imported
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert any("drop" in line["msg"] and line["levelname"] == "ERROR" for line in lines)


def test_a_changed_column_is_reported_and_nothing_of_it_is_lost(lived_company: Company) -> None:
    company = lived_company
    company.write("drop/tickets-2.jsonl", [{**ticket(700, "2026-03-02"), "mood": "cross", "priority": 3, "via": "mail"}])
    company.clock("2026-03-03T02:30:00+00:00")
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    counts.hold("second night", counts.of_the_last_night(company, night))
    said = company.run("checks").stdout
    for field in ("mood", "priority", "via"):
        assert re.search(rf"drop/tickets: schema_stays_the_same\({field}", said), said
    landed = [line["record"] for path in (company.settings().landing / "drop/tickets").rglob("*.jsonl.zst") for line in read_lines(path)]
    assert [record["mood"] for record in landed if "mood" in record] == ["cross"]


def test_a_dead_source_leaves_the_others_fresh_and_the_night_says_so(lived_company: Company) -> None:
    company = lived_company
    shutil.move(company.folder / "costs", company.folder / "gone")
    company.write("drop/tickets-2.jsonl", [ticket(100, "2026-03-02")])
    company.clock("2026-03-03T02:30:00+00:00")
    night = company.run("nightly")
    assert night.returncode == 0 and "Published with stale sources" in night.stdout, night.stdout + night.stderr
    assert company.nights()[0]["state"] == "published with stale sources"
    assert marts(company, "select count(*) from fct_tickets") == [(60,)]
    assert marts(company, "select kpi from scorecard where is_stale and kpi in ('budget_variance', 'ticket_backlog') group by all") == [("budget_variance",)]
    assert marts(company, "select count(*) > 0 from kpis where kpi = 'budget_variance' and value is not null") == [(True,)]

    shutil.move(company.folder / "gone", company.folder / "costs")
    assert company.run("nightly").returncode == 0
    assert company.nights()[0]["state"] == "published"
    assert marts(company, "select count(*) from scorecard where is_stale") == [(0,)]


def test_a_second_night_at_the_same_time_is_refused_with_the_reason(company: Company) -> None:
    settings = company.settings()
    from flows.store import leases

    with leases.lease(ledgers.open_ledger(settings.ledger), "night", purpose="a nightly run as of 2026-03-01", now=settings.clock()):
        second = company.run("nightly")
    assert second.returncode == 1
    assert "Refused: a nightly run as of 2026-03-01 has held 'night'" in second.stderr
    assert company.nights() == []


def test_a_critical_batch_stops_publication_until_somebody_decides(lived_company: Company) -> None:
    company = lived_company
    company.write("drop/tickets-2.jsonl", [ticket(200, "2026-03-02"), ticket(200, "2026-03-01", status="open")])      # one key, two records
    company.clock("2026-03-03T02:30:00+00:00")
    night = company.run("nightly")
    assert night.returncode == 1 and "Stopped by checks" in night.stderr, night.stdout + night.stderr
    assert published.current(company.settings().published).name == "2026-03-01.001"  # type: ignore[union-attr]
    held = [row for row in ledgers.list_batches(ledgers.open_ledger(company.settings().ledger)) if row["verdict"] == "held"]
    assert len(held) == 1 and held[0]["batch"] in company.run("checks").stdout
    assert company.run("nightly").returncode == 1                       # it does not slip through the next time

    decided = company.run("batch", "accept", "drop", "tickets", held[0]["batch"], "--reason", "the second is the right one")
    assert decided.returncode == 0, decided.stderr
    assert company.run("nightly").returncode == 0
    assert marts(company, "select count(*) from fct_tickets where source_ticket_id = '200' and status = 'open'") == [(1,)]


def test_a_dead_dbt_does_not_hold_the_warehouse_and_a_failing_model_is_named(company: Company) -> None:
    broken = company.run("nightly", prelude="import flows.settings as s, pathlib, shutil\n"
                         f"shutil.copytree(s.PROJECT / 'dbt_project', {str(company.folder / 'models')!r})\n"
                         f"p = pathlib.Path({str(company.folder / 'models')!r}) / 'models/marts/kpis/scorecard.sql'\n"
                         "p.write_text(p.read_text() + ' where no_such_column')\n"
                         "s.Settings.dbt_project = property(lambda self: p.parents[3])")
    assert broken.returncode == 1 and "scorecard" in broken.stderr and "no_such_column" in broken.stderr
    assert "Traceback" not in broken.stdout + broken.stderr
    assert company.nights()[0]["state"] == "failed"
    assert company.run("nightly").returncode == 0
