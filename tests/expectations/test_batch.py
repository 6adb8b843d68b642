"""What landed: every check can fail, on the batch that deserves it, with the severity of its suite."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from connectors.stream import Stream
from expectations.batch_checks import PastBatch, past_batches
from expectations.report import from_rows
from expectations.run import check_batch
from expectations.suites import batch_suite, streams_with_suites
from flows import ingest
from flows.store import ledger as ledgers
from tests.expectations.landed import NOW, TICKETS, batch, check, failed, history, ticket
from tests.flows.test_ingest import store_at


def test_a_good_batch_passes_every_check_and_every_check_was_asked(tmp_path: Path) -> None:
    report = check([batch(tmp_path, [ticket(number) for number in range(30)])], past=history([28, 31, 30, 29, 33, 30, 30]))
    assert failed(report) == {}
    assert report.passed
    assert len(report.results) == len(batch_suite("zendesk", "tickets").expectations)
    assert {result.subject for result in report.results} == {"helpdesk/tickets"}


def spoilt(change: Callable[[dict[str, Any]], Any], count: int = 1) -> list[dict[str, Any]]:
    records = [ticket(number) for number in range(30)]
    for record in records[:count]:
        change(record)
    return records


@pytest.mark.parametrize(
    ("records", "name", "severity", "observed"),
    [
        (spoilt(lambda r: r.update(status=None)), "expect_column_values_to_not_be_null(status)", "critical", "1 of 30 not so"),
        (spoilt(lambda r: r.pop("created_at"), 30), "expect_column_values_to_not_be_null(created_at)", "critical", "30 of 30 not so"),
        (spoilt(lambda r: r.update(status="verloren")), "expect_column_values_to_be_in_set(status)", "warning", "1 of 30 not so"),
        (spoilt(lambda r: r["via"].update(channel="fax")), "expect_column_values_to_be_in_set(channel)", "warning", "1 of 30 not so"),
        (
            spoilt(lambda r: r.update(created_at="2026-11-01T04:00:00Z")),
            "nothing_is_from_the_future(created_at)",
            "warning",
            "1 after now, the latest 2026-11-01 04:00:00",
        ),
        (spoilt(lambda r: r.update(created_at="2026-11-01T12:00:00+09:00")), None, "", ""),
        (spoilt(lambda r: r.update(updated_at="2026-08-01T10:00:00Z"), 30), "newest_is_recent(updated_at)", "warning", "newest is 2,200.5 hours old"),
        (spoilt(lambda r: r.update(updated_at="31/10/2026 10:00")), "values_read_as_declared", "warning", "updated_at: 1 of 30 unreadable"),
        (spoilt(lambda r: r.update(id=7), 3), "keys_name_one_record", "critical", "1 of 27 keys with different records"),
    ],
)
def test_a_planted_fault_fails_its_check(tmp_path: Path, records: list[dict[str, Any]], name: str | None, severity: str, observed: str) -> None:
    found = failed(check([batch(tmp_path, records)]))
    if name is None:
        assert found == {}, "another offset is not another instant"
        return
    assert found[name].severity == severity
    assert found[name].observed == observed
    assert found[name].why


def test_records_without_a_key_are_critical_but_a_key_with_an_empty_part_is_not(tmp_path: Path) -> None:
    records = [ticket(1), ticket(2), ticket(3)]
    found = failed(check([batch(tmp_path, records, keys=["1", None, "2026-10-01|organic search|"])]))
    assert found["keys_are_present"].observed == "1 of 3 without a key"
    assert found["keys_are_present"].severity == "critical"


def test_the_same_record_twice_is_no_fault(tmp_path: Path) -> None:
    assert failed(check([batch(tmp_path, [ticket(1), ticket(1), ticket(2)])])) == {}


def test_a_stream_with_a_cursor_may_change_a_little_while_it_is_read_but_a_whole_listing_may_not(tmp_path: Path) -> None:
    file = batch(tmp_path, [*(ticket(number) for number in range(200)), ticket(7, status="solved")])
    assert "keys_name_one_record" not in failed(check([file]))
    listing = Stream(name="tickets", key=("id",), deletes="full")
    assert failed(check([file], stream=listing))["keys_name_one_record"].detail == "e.g. 7; is id really the key?"


def test_in_a_later_file_a_record_may_say_something_else_but_not_in_the_same(tmp_path: Path) -> None:
    """Days of changes, a file each, read in one night: the first night, or one after a night that was missed."""
    (tmp_path / "drop").mkdir()
    drop = files.connect("drop", {"folder": str(tmp_path / "drop"), "streams": {"tickets": {"pattern": "*.jsonl", "key": ["id"]}}}, home=tmp_path, page_size=2)
    store, (stream,) = store_at(tmp_path), drop.streams()

    def failed_with(name: str, *records: dict[str, Any]) -> dict[str, Any]:
        (tmp_path / "drop" / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        assert ingest.ingest_stream(drop, stream, store).failure is None
        return failed(check([store.landing / row["path"] for row in ledgers.list_batches(store.ledger)][-1:], stream=stream))

    (tmp_path / "drop" / "01.jsonl").write_text("".join(json.dumps(ticket(number, status="open")) + "\n" for number in range(5)), encoding="utf-8")
    assert "keys_name_one_record" not in failed_with("02.jsonl", ticket(1, status="solved"), ticket(4, status="pending"), ticket(9))
    found = failed_with("03.jsonl", ticket(1, status="open"), ticket(2), ticket(3), ticket(2), ticket(1, status="solved"))
    assert found["keys_name_one_record"].observed == "1 of 6 keys with different records"


def test_losing_a_fifth_of_all_records_to_deletes_is_critical(tmp_path: Path) -> None:
    past = [PastBatch(landed_at=NOW - dt.timedelta(days=3), records=400)]
    few = batch(tmp_path, [ticket(1)], deleted=[str(number) for number in range(60)], name="few")
    many = batch(tmp_path, [ticket(1)], deleted=[str(number) for number in range(120)], name="many")
    assert "deletes_are_few" not in failed(check([few], past=past))
    assert failed(check([many], past=past))["deletes_are_few"].severity == "critical"


def test_a_batch_of_deletes_alone_can_be_checked(tmp_path: Path) -> None:
    assert failed(check([batch(tmp_path, [], deleted=["1", "2"])], past=history([3, 2, 2, 3, 2, 2]))) == {}


@pytest.mark.parametrize(
    ("earlier", "tonight", "passes"),
    [
        ([500] * 10, 500, True),
        ([500] * 10, 1_000, True),  # a deviation counts as at least 25 %
        ([500] * 10, 5_000, False),
        ([500] * 10, 60, False),
        ([480, 510, 50_000, 495, 505, 490, 520], 500, True),  # one mad night moves the mean, not the median
        ([480, 510, 50_000, 495, 505, 490, 520], 20_000, False),
        ([3, 0, 5, 2, 1, 4], 9, True),  # small numbers do what they like
        ([500] * 3, 5_000, True),  # too little history to judge
    ],
)
def test_volume_is_held_against_the_streams_own_history(tmp_path: Path, earlier: list[int], tonight: int, passes: bool) -> None:
    file = batch(tmp_path, (ticket(number) for number in range(tonight)))
    assert ("volume_is_like_its_history" not in failed(check([file], past=history(earlier)))) is passes


def test_the_first_reading_of_everything_is_no_measure_for_a_night(tmp_path: Path) -> None:
    file = batch(tmp_path, [ticket(number) for number in range(100)])
    result = next(result for result in check([file], past=history([])).results if result.check == "volume_is_like_its_history")
    assert result.passed
    assert result.detail == "only 0 earlier batches to compare with, 5 are needed"


def test_catching_up_after_a_pause_is_measured_by_the_day(tmp_path: Path) -> None:
    file = batch(tmp_path, (ticket(number) for number in range(5_000)))
    assert "volume_is_like_its_history" not in failed(check([file], past=history([500] * 20), hours=10 * 24))


def test_quiet_weekends_are_compared_with_weekends(tmp_path: Path) -> None:
    sunday = NOW
    assert sunday.weekday() == 6
    counts = [20 if (sunday - dt.timedelta(days=ago)).weekday() == 6 else 900 for ago in range(35, 0, -1)]
    file = batch(tmp_path, [ticket(number) for number in range(22)])
    assert failed(check([file], past=history(counts))) == {}
    monday = check([file], past=[*history(counts), PastBatch(landed_at=NOW, records=20, hours=24.0)], now=NOW + dt.timedelta(days=1))
    assert failed(monday)["volume_is_like_its_history"].observed == 22


def test_a_stream_that_lands_every_night_and_tonight_nothing_is_said_without_great_expectations() -> None:
    quiet = check([], past=history([500] * 20))
    assert [result.check for result in quiet.results] == ["volume_is_like_its_history"]
    assert quiet.warnings[0].observed == 0
    assert check([], past=history([500] * 3)).warnings == ()
    rare = [past for past in history([5] * 60) if past.landed_at.weekday() == 0]
    assert check([], past=rare).warnings == (), "a file that comes every Monday is not missed on a Sunday"


def test_nothing_landed_costs_no_import_of_great_expectations() -> None:
    code = (
        "import sys, datetime as dt\nfrom connectors.stream import Stream\nfrom expectations.run import check_batch, check_marts\n"
        "import expectations.drift, expectations.docs\n"
        "check_batch([], kind='zendesk', stream='tickets', stream_declaration=Stream(name='tickets', key=('id',)), history=[], now=dt.datetime.now(dt.UTC))\n"
        "sys.exit('great_expectations' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_telemetry_is_off_before_great_expectations_is_imported() -> None:
    code = (
        "import sys, os\nos.environ.pop('GX_ANALYTICS_ENABLED', None)\nfrom expectations import engine\ncontext = engine._context()\n"
        "from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext\n"
        "assert os.environ['GX_ANALYTICS_ENABLED'] == 'false'\nassert context.variables.analytics_enabled is False\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]


def test_batches_that_were_held_are_no_measure_for_others() -> None:
    row = {
        "landed_at": "2026-10-30T02:30:00+00:00",
        "records": 5,
        "deletes": 0,
        "window_start": "2026-10-29T02:30:00+00:00",
        "window_end": "2026-10-30T02:30:00+00:00",
    }
    past = past_batches(
        [{**row, "verdict": "passed"}, {**row, "verdict": "held"}, {**row, "verdict": "rejected"}, {**row, "verdict": "warned", "window_start": None}]
    )
    assert [batch.hours for batch in past] == [24.0, None]


def test_a_report_survives_json(tmp_path: Path) -> None:
    report = check([batch(tmp_path, spoilt(lambda record: record.update(status=None)))])
    assert from_rows(json.loads(json.dumps(report.as_rows()))) == report
    assert report.critical_failures[0].check == "expect_column_values_to_not_be_null(status)"
    assert any(line.startswith("critical: helpdesk/tickets: ") for line in report.sentences())


@pytest.mark.parametrize(("kind", "stream"), streams_with_suites())
def test_every_check_of_every_suite_can_be_asked(tmp_path: Path, kind: str, stream: str) -> None:
    """A made-up record; some checks fail on it, but none may be unanswerable."""
    suite = batch_suite(kind, stream)
    record: dict[str, Any] = {"id": 1}
    for name, field in suite.fields.items():
        value = {"timestamp": "2026-10-30T10:00:00Z", "date": "2026-10-30", "epoch": 1761818400, "number": "12.50", "integer": 3, "boolean": True}.get(
            field.type, f"some {name}"
        )
        inner = record
        *parents, last = field.path.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    report = check_batch([batch(tmp_path, [record])], kind=kind, stream=stream, stream_declaration=TICKETS, history=[], now=NOW)
    assert [result for result in report.results if result.observed == "could not be checked"] == []
    assert "values_read_as_declared" not in failed(report)


def _check_within(file: str, said: str) -> None:
    report = check([Path(file)], past=history([100_000] * 7))
    # Not ru_maxrss: a process begins with its parent's, which here has run tests for half an hour.
    peak = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    Path(said).write_text(json.dumps({"megabytes": peak / 1024, "failed": list(failed(report))}))


def test_a_hundred_thousand_records_are_checked_in_bounded_memory(tmp_path: Path) -> None:
    """120 MB of records in 700 MB of process, of which Great Expectations alone is 290."""
    file = batch(tmp_path, (ticket(number, description="x" * 1_000) for number in range(100_000)))
    said = tmp_path / "said.json"
    child = get_context("spawn").Process(target=_check_within, args=(str(file), str(said)))
    child.start()
    child.join(300)
    result = json.loads(said.read_text())
    print(f"\npeak {result['megabytes']:.0f} MB")
    assert result["failed"] == []
    assert result["megabytes"] < 900


def test_an_empty_text_is_a_missing_value_and_not_an_unreadable_one(tmp_path: Path) -> None:
    rows = [
        {"kpi": "csat", "effective_from": "2026-01-01", "target": "0.9", "warn_at": ""},
        {"kpi": "", "effective_from": "2026-01-01", "target": "0.9", "warn_at": " "},
    ]
    targets = Stream(name="targets", key=("kpi", "effective_from"), deletes="full")
    file = batch(tmp_path, rows, keys=["csat|2026-01-01", "|2026-01-01"])
    found = failed(check_batch([file], kind="files", stream="targets", stream_declaration=targets, history=[], now=NOW))
    assert set(found) == {"expect_column_values_to_not_be_null(kpi)"}
