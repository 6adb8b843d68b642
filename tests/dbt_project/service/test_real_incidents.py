"""A real company's incident log through the files connector and the same models, against answers that were worked out elsewhere."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from connectors.stream import Window, landed_key
from tests.dbt_project.warehouse_builder import WarehouseBuilder

REAL = os.environ.get("MERIDIAN_REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL, reason="MERIDIAN_REAL_DATA does not name the folder of the real exports")

SERVICE = "+marts.kpis.service +int_process_cases +process_map"
DECLARED = {"incidents": {"pattern": "servicenow_incident_log.csv.gz", "key": ["number", "sys_mod_count"], "feeds": "servicenow.incidents"}}


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    folder = tmp_path_factory.mktemp("incidents")
    connector = files.connect("desk", {"folder": REAL, "streams": DECLARED}, home=folder)
    [stream] = connector.streams()
    pages = connector.read(stream, Window(start=None, end=datetime(2026, 11, 1, tzinfo=UTC)))
    records = [(landed_key(stream, record), record) for page in pages for record in page.records]
    builder = WarehouseBuilder(folder=folder, target=dbt_target, manifest=dbt_manifest)
    builder.land({("servicenow", "incidents"): records}, source="desk")
    builder.build(SERVICE, as_of="2017-03-31")
    return builder


def test_every_change_of_every_incident_arrives(incidents: WarehouseBuilder) -> None:
    # 141,712 rows, of which five repeat the modification count of another row of their incident
    assert incidents.value("select count(*) from stg_servicenow__incident_changes") == 141_707
    assert incidents.value("select count(*) from fct_tickets") == 24_918


def test_the_known_answers_come_out(incidents: WarehouseBuilder) -> None:
    [row] = incidents.rows("""
        select
            round(100.0 * count(*) filter (where sla_met) / count(sla_met), 2) as sla_percent,
            count(sla_met) as judged,
            round(median(resolution_elapsed_hours), 4) as median_elapsed_hours,
            round(median(resolution_business_hours), 4) as median_business_hours,
            count(*) filter (where resolved_at is null) as without_resolution,
            count(*) filter (where reopen_count > 0) as reopened,
            count(*) filter (where status <> 'closed') as not_closed
        from fct_tickets
    """)
    assert row == {
        "sla_percent": 63.42, "judged": 24_918, "median_elapsed_hours": 22.1, "median_business_hours": 22.1, "without_resolution": 1_556,
        "reopened": 275, "not_closed": 0,
    }


def test_the_kpis_add_up_to_the_known_answers(incidents: WarehouseBuilder) -> None:
    def total(kpi: str, grain: str, segment_type: str) -> tuple[float, float, int]:
        [row] = incidents.rows(f"""
            select sum(numerator) as numerator, sum(denominator) as denominator, sum(sample_size) as sample_size
            from kpi_{kpi} where kpi = '{kpi}' and period_grain = '{grain}' and segment_type = '{segment_type}'
        """)
        return row["numerator"], row["denominator"], int(row["sample_size"])

    for grain in ("day", "week", "month"):
        for segment_type in ("all", "team", "priority", "policy"):
            met, judged, sample = total("sla_attainment", grain, segment_type)
            assert (round(met / judged, 4), judged, sample) == (0.6342, 24_918, 24_918)
    measured = "select sum(sample_size) from kpi_resolution_hours where period_grain = 'month' and segment_type = 'all' and kpi = 'resolution_hours'"
    assert incidents.value(measured) == 23_362
    # nobody's replies are recorded, so nothing may be said about them
    assert incidents.value("select count(*) from kpi_first_response_minutes") + incidents.value("select count(*) from kpi_first_contact_resolution") == 0


def test_the_backlog_of_an_evening_is_what_the_log_shows_of_that_evening(incidents: WarehouseBuilder) -> None:
    # By hand from the log: the last change before midnight in Berlin (summer time: 22:00 UTC) decides, and the time of resolution it states.
    expected = incidents.value("""
        select count(*) from (
            select incident_state, resolved_at
            from stg_servicenow__incident_changes
            where changed_at < timestamp '2016-05-18 22:00:00'
            qualify max(modification_count) over (partition by incident_number) = modification_count
        )
        where incident_state not in ('Resolved', 'Closed') or (incident_state = 'Resolved' and resolved_at >= timestamp '2016-05-18 22:00:00')
    """)
    answered = incidents.value(
        "select value from kpi_ticket_backlog where period_grain = 'day' and period_start = date '2016-05-18' and segment_type = 'all'")
    # a few incidents are first logged after the evening on which they were opened, or go back from resolved to resolved
    assert expected > 1_000
    assert abs(answered - expected) <= 5


def test_an_old_day_shows_no_hindsight(incidents: WarehouseBuilder, tmp_path: Path) -> None:
    then = WarehouseBuilder(folder=incidents.folder, target=incidents.target, manifest=incidents.manifest, batches=incidents.batches)
    before = incidents.path.rename(tmp_path / "aside.duckdb")
    try:
        then.build(SERVICE, as_of="2016-05-18")
        [row] = then.rows("""
            select
                max(greatest(created_at, resolved_at, reopened_at, sla_decided_at)) as latest,
                count(*) filter (where status not in ('solved', 'closed')) as open_tickets
            from fct_tickets
        """)
        backlog = then.value("select value from kpi_ticket_backlog where period_grain = 'day' and period_start = date '2016-05-18' and segment_type = 'all'")
    finally:
        then.path.unlink(missing_ok=True)
        before.rename(incidents.path)
    assert str(row["latest"]) < "2016-05-18 22:00:00"
    assert row["open_tickets"] == backlog


def test_the_event_log_has_every_incident_and_every_reopening_of_the_raw_log(incidents: WarehouseBuilder) -> None:
    """Counted from the rows as they landed, by what one change says against the one before it."""
    reopened = incidents.value("""
        with states as (
            select incident_number, incident_state in ('Resolved', 'Closed') as is_done,
                lag(incident_state in ('Resolved', 'Closed')) over (partition by incident_number order by changed_at, modification_count) as was_done
            from stg_servicenow__incident_changes
        )
        select count(*) from states where was_done and not is_done
    """)
    assert incidents.value("select count(*) from int_process_cases where process = 'ticket'") == 24_918
    assert incidents.value("select count(*) from int_process_events where activity = 'created'") == 24_918
    assert incidents.value("select count(*) from int_process_events where activity = 'reopened'") == reopened > 0
    assert incidents.value("select sum(event_count) from int_process_cases") == incidents.value("select count(*) from int_process_events")
