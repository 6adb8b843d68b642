"""The drop folder, read as its declaration says."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import pytest

from connectors.files import declare
from connectors.formats import Row
from connectors.formats import rows as read_rows
from sandbox.company.plan import Plan
from sandbox.company.story import next_day, write_plan
from sandbox.drop import COLUMNS, calendars, contents, declaration, write_drop


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drop")
    write_drop(plan, folder)
    return folder


def read(folder: Path, stream: str) -> list[Row]:
    """As the connector reads it."""
    declared = declare("drop", stream, declaration()[stream])
    return [row for path in sorted(folder.glob(declared.pattern)) for row in read_rows(path, declared.shape, is_packed=False)]


@pytest.mark.parametrize("stream", sorted(COLUMNS))
def test_every_stream_can_be_read_and_its_keys_are_unique(folder: Path, stream: str) -> None:
    found = read(folder, stream)
    keys = [tuple(row[column] for column in declaration()[stream]["key"]) for row in found]
    assert found and len(keys) == len(set(keys))
    assert set(COLUMNS[stream]) <= set(found[0])


def test_every_file_belongs_to_exactly_one_stream(folder: Path) -> None:
    claimed = [path.name for options in declaration().values() for path in folder.glob(options["pattern"])]
    assert sorted(claimed) == sorted(path.name for path in folder.iterdir())


def test_the_german_costs_meet_the_budgets_by_name_and_month(folder: Path) -> None:
    costs, budgets = ({(row["month"], row["unit"], row["category"]): row["amount"] for row in read(folder, stream)} for stream in ("costs", "budgets"))
    assert costs.keys() <= budgets.keys()
    assert any(category == "rent Großbeeren" for _, _, category in costs)
    assert all(abs(float(str(costs[key])) / float(str(budgets[key])) - 1) < 0.35 for key in costs)
    assert "Großbeeren" in (folder / "costs.csv").read_bytes().decode("cp1252") and b";" in (folder / "costs.csv").read_bytes()


def test_costs_are_filed_when_their_month_is_over(plan: Plan) -> None:
    assert max(str(row["month"]) for row in plan.tables["costs.csv"]) == "2026-10-01"
    assert max(str(row["month"]) for row in next_day(plan, date(2026, 11, 1)).after.tables["costs.csv"]) == "2026-10-01"


def test_a_target_changes_on_a_day_and_differs_by_segment(folder: Path) -> None:
    targets = [row for row in read(folder, "targets") if row["kpi"] == "first_response_minutes"]
    assert [(row["effective_from"], row["target"]) for row in targets if row["segment_type"] == "all"] == [("2025-05-01", "300"), ("2026-01-01", "240")]
    assert any(row["segment_type"] == "team" and row["segment"] == "Support Pacific" for row in targets)


def test_rosters_carry_the_local_offset_of_the_day(folder: Path) -> None:
    offsets = {str(row["starts_at"])[-6:] for row in read(folder, "rosters") if row["time_zone"] == "Pacific/Auckland"}
    assert offsets == {"+12:00", "+13:00"}
    assert all(datetime.fromisoformat(str(row["starts_at"])) < datetime.fromisoformat(str(row["ends_at"])) for row in read(folder, "rosters"))


def test_the_losing_channel_is_billed_in_dollars(folder: Path) -> None:
    assert {(row["channel"], row["currency"]) for row in read(folder, "channel_days") if float(str(row["spend"])) > 0} == {
        ("social", "USD"),
        ("paid search", "EUR"),
        ("marketplace", "EUR"),
        ("email", "EUR"),
    }


def test_the_same_plan_gives_the_same_bytes(plan: Plan) -> None:
    assert contents(plan) == contents(plan)


def test_the_workbook_does_not_know_what_day_it_really_is(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "risks.xlsx") as book:
        assert {entry.date_time[0] for entry in book.infolist()} == {2025}
        assert b"2025-01-01T00:00:00Z" in book.read("docProps/core.xml")


def test_files_that_did_not_change_are_left_alone(plan: Plan, tmp_path: Path) -> None:
    write_drop(plan, tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    written = write_drop(next_day(plan, date(2026, 11, 1)).after, tmp_path)
    assert sorted(path.name for path in written) == ["channel_days-2026-11.csv", "rosters-2026-11.csv"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.stat().st_mtime > 1) == ["channel_days-2026-11.csv", "rosters-2026-11.csv"]


def test_a_project_that_somebody_registered_stays_through_the_companys_days(plan: Plan, tmp_path: Path) -> None:
    write_drop(plan, tmp_path)
    before = (tmp_path / "projects.csv").read_bytes()
    registered = '"Late suppliers, back",,supplier_late_rate,lower,2026-11-01,2026-11-09,,,,\n'
    (tmp_path / "projects.csv").write_bytes(before + registered.encode())
    for day in (1, 2):
        plan = next_day(plan, date(2026, 11, day)).after
        assert "projects.csv" not in {path.name for path in write_drop(plan, tmp_path)}
        assert (tmp_path / "projects.csv").read_bytes() == before + registered.encode()


def test_calendars_fit_the_configuration_file(plan: Plan) -> None:
    from flows.sections import Calendar

    for name, table in calendars(plan).items():
        calendar = Calendar.model_validate(table)
        assert calendar.time_zone and (calendar.mon or name == "none")
