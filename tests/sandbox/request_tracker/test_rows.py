"""The fast way must leave the same rows as Request Tracker itself."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.request_tracker import operations, rows
from sandbox.request_tracker.home import Home, configure, prepare, write_agreements
from sandbox.request_tracker.load import initialise, run_operations
from tests.sandbox.request_tracker.small_company import AGENTS, busy, company, event, full_life
from tests.sandbox.request_tracker.tables import comparable


def test_rows_written_directly_equal_those_of_request_trackers_own_api(request_tracker_installed: None, tmp_path: Path) -> None:
    start = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
    strange = full_life(3, start + timedelta(hours=1), customer=3)
    later, agent = start + timedelta(hours=2), AGENTS[1].email
    strange = dataclasses.replace(strange, order=None, sla_policy=None, body="購入前に教えてください。" * 20, events=(
        event(later, "assignee", "system", None, agent), event(later, "status", "agent", agent, "solved"), event(later, "status", "agent", agent, "solved"),
        event(later + timedelta(hours=1), "public_reply", "requester", None, "Thanks — 谢谢\n\nZoë  "),
    ))
    plan = company((full_life(1, start), full_life(2, start, customer=2), strange, *(ticket for ticket in busy(12) if ticket.number > "T00003")))
    home = Home(root=tmp_path / "rt")
    prepare(home)
    write_agreements(home, plan)
    configure(home, port=1)
    initialise(home, datetime(2025, 4, 28, tzinfo=UTC))
    run_operations(home, operations.setup(plan), together=0)
    directly = tmp_path / "directly.sqlite"
    shutil.copy(home.database, directly)
    history = list(operations.without_levels(operations.history(plan)))

    through_api = run_operations(home, history, together=0)
    answer = rows.perform(directly, history)

    assert answer["done"] == through_api["done"]
    assert answer["already"] == through_api["already"] != {}
    expected, got = comparable(home.database), comparable(directly)
    for name, found in got.items():
        assert sorted(set(found) - set(expected[name])) == [], f"{name}: expected {sorted(set(expected[name]) - set(found))}"
    assert got == expected


def test_rows_refuse_what_only_the_api_can_do(tmp_path: Path, request_tracker_installed: None) -> None:
    writer = rows.Writer.__new__(rows.Writer)
    with pytest.raises(ValueError, match="send it through the API"):
        writer.perform({"do": "merge", "ticket": 1, "into": 2, "at": 0})
    with pytest.raises(ValueError, match="send it through the API"):
        writer.perform({"do": "create", "ticket": 1, "level": "standard-high", "at": 0})


def test_secrets_of_other_systems_in_the_same_box_stay(tmp_path: Path) -> None:
    from sandbox.request_tracker.home import Home, read_secrets, write_secrets

    (tmp_path / "secrets.env").write_text("OTHER_KEY=kept\n")
    write_secrets(Home(root=tmp_path), {"REQUEST_TRACKER_TOKEN": "new"})
    assert read_secrets(Home(root=tmp_path)) == {"OTHER_KEY": "kept", "REQUEST_TRACKER_TOKEN": "new"}
    assert (tmp_path / "secrets.env").stat().st_mode & 0o077 == 0
