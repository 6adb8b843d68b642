"""Rows that we add to a register which people keep: once, whole, and nothing of theirs is touched."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from flows.automation.actions import ACTIONS, KINDS, register
from flows.automation.contract import Refused, Unrecognized
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject

THEIRS = "project,unit,kpi,direction,registered_on,starts_on,expected_effect,segment_type,segment,note\n" \
         '"Waves, in Berlin",Fulfilment,order_cycle_hours,lower,2025-12-20,2026-01-19,-0.15,,,"Ask ""Ana"""\n'
GIVEN = {"project": "Supplier late rate, 宁波", "kpi": "supplier_late_rate", "direction": "lower", "registered_on": "2026-07-01", "starts_on": "2026-07-13",
         "segment_type": "supplier", "segment": "宁波", "expected_effect": "-0.1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "projects.csv").write_text(THEIRS, encoding="utf-8")
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "projects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def subject(folder: Path) -> Subject:
    return Subject(kind="register", options={"folder": str(folder)}, secrets={})


def case(folder: Path, **wrong: str) -> Case:
    return Case(action="register.add_project", given=GIVEN, wrong=wrong, at_first=[], done=["2026-07-13"], undone=[],
                truth=lambda marker: [row["starts_on"] for row in rows(folder) if row["project"] == GIVEN["project"]])


def test_a_project_is_registered_once_and_taken_out_and_what_others_wrote_stays(folder: Path) -> None:
    promises.it_is_done_seen_and_undone(subject(folder), case(folder), "m-1")
    assert (folder / "projects.csv").read_text(encoding="utf-8") == THEIRS


@pytest.mark.parametrize("wrong", [
    {"starts_on": "2026-07-01"}, {"starts_on": "soon"}, {"direction": "better"}, {"project": "=cmd()"}, {"segment": "@SUM(A1)"}, {"unit": "+1"},
])
def test_what_is_wrong_is_refused_and_changes_nothing(folder: Path, wrong: dict[str, str]) -> None:
    promises.what_is_wrong_is_refused(subject(folder), case(folder, **wrong), "m-1")
    assert (folder / "projects.csv").read_text(encoding="utf-8") == THEIRS


def test_a_register_with_other_columns_is_not_written_to(folder: Path) -> None:
    (folder / "projects.csv").write_text("name,kpi\n", encoding="utf-8")
    with subject(folder).session() as session, pytest.raises(Unrecognized, match="no column 'project'"):
        ACTIONS["register.add_project"].look(session, GIVEN, "m-1")
    with pytest.raises(Refused, match="no folder"), KINDS["register"].open({"folder": str(folder / "none")}, {}):
        pass


def test_a_register_without_segments_gets_their_columns_when_a_project_needs_them(folder: Path) -> None:
    (folder / "projects.csv").write_text("project,kpi,direction,registered_on,starts_on\nWaves,csat,higher,2025-12-20,2026-01-19\n", encoding="utf-8")
    with subject(folder).session() as session:
        whole = {**GIVEN, "project": "Whole", "segment_type": "all", "segment": "all", "expected_effect": ""}
        ACTIONS["register.add_project"].act(session, whole, {}, "m-1")
        assert promises.holds(ACTIONS["register.add_project"].look(session, whole, "m-1"), ACTIONS["register.add_project"].wanted(whole, {}))
        assert (folder / "projects.csv").read_text(encoding="utf-8").startswith("project,kpi,direction,registered_on,starts_on\n")
        ACTIONS["register.add_project"].act(session, GIVEN, {}, "m-2")
    assert [row["segment"] for row in rows(folder)] == ["", "", "宁波"]


def test_a_first_project_makes_the_register(tmp_path: Path) -> None:
    with subject(tmp_path).session() as session:
        ACTIONS["register.add_project"].act(session, GIVEN, {}, "m-1")
        assert register._check(session).endswith("projects.csv: 1 projects")
    assert rows(tmp_path)[0]["segment"] == "宁波"


def _add(folder: Path, number: int, dies: bool) -> None:
    if dies:
        def die(*arguments: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync = die      # type: ignore[assignment]
    with subject(folder).session() as session:
        ACTIONS["register.add_project"].act(session, {**GIVEN, "project": f"P{number}"}, {}, "m-1")


def test_two_at_once_lose_nothing_and_who_is_killed_leaves_the_old_file_and_no_lock(folder: Path) -> None:
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_add, args=(folder, number, number % 4 == 3)) for number in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert sorted(row["project"] for row in rows(folder)) == sorted(["Waves, in Berlin", *(f"P{number}" for number in range(12) if number % 4 != 3)])
