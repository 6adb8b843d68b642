"""The sandbox's Request Tracker: what it holds, under which clock, and who may do what."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import stat
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.company.plan import Plan, Ticket
from sandbox.request_tracker import install, operations, server
from sandbox.request_tracker.__main__ import main
from sandbox.request_tracker.day import live
from sandbox.request_tracker.home import TOKEN_VARIABLE, WRITE_TOKEN_VARIABLE, Home, read_facts, read_secrets
from sandbox.request_tracker.load import SandboxError, digest, load
from tests.sandbox.request_tracker.small_company import company, full_life
from tests.sandbox.request_tracker.tables import comparable


def ask(home: Home, path: str, *, body: dict[str, Any] | None = None, variable: str = TOKEN_VARIABLE) -> Any:
    request = urllib.request.Request(
        f"{read_facts(home)['url']}/REST/2.0/{path}", data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {read_secrets(home)[variable]}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def rows(home: Home, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home.database)) as database:
        return database.execute(query, values).fetchall()


def test_the_facts_say_how_to_reach_it_and_secrets_are_the_owners_alone(helpdesk: Home) -> None:
    facts = read_facts(helpdesk)
    assert facts["url"] == f"http://127.0.0.1:{facts['port']}"
    assert facts["token_env"] == TOKEN_VARIABLE
    assert stat.S_IMODE(helpdesk.secrets.stat().st_mode) == 0o600
    secrets = read_secrets(helpdesk)
    assert set(secrets) == {TOKEN_VARIABLE, WRITE_TOKEN_VARIABLE, "REQUEST_TRACKER_ROOT_PASSWORD"}
    for value in secrets.values():
        assert value not in helpdesk.facts.read_text() + helpdesk.log.read_text()


def test_history_carries_no_date_of_the_real_today(helpdesk: Home) -> None:
    real = f"{datetime.now(UTC):%Y-%m-%d}"
    for table in ("Tickets", "Transactions", "Users", "Queues", "CustomFields", "Groups", "Scrips"):
        stamps = {row[0][:10] for row in rows(helpdesk, f"select distinct Created from {table}") if row[0]}
        assert real not in stamps, table
        assert max(stamps) <= "2026-11-01"


def test_young_tickets_have_the_due_date_that_request_tracker_reckons(helpdesk: Home) -> None:
    # Created on a Saturday; high priority has 960 business minutes, Monday and Tuesday from 9 to 17 in Berlin (winter time since Sunday).
    # They end as the desk closes, and RT names the next second of business: Wednesday 9:00.
    (due,), = rows(helpdesk, "select Due from Tickets where id = 9")
    assert due == "2026-10-28 08:00:00"
    assert rows(helpdesk, "select distinct SLA, Due from Tickets where id < 9") == [(None, "1970-01-01 00:00:00")]


def test_what_the_working_account_writes_stands_at_the_companys_clock(helpdesk: Home) -> None:
    answer = ask(helpdesk, "ticket", variable=WRITE_TOKEN_VARIABLE, body={
        "Queue": "Billing", "Subject": "A robot asks", "Requestor": "customer2@example.com", "Content": "Please.", "CustomFields": {"Channel": "web"},
    })
    ticket = ask(helpdesk, f"ticket/{answer['id']}")
    created = datetime.fromisoformat(ticket["Created"])
    assert datetime(2026, 11, 1, 2, 30, tzinfo=UTC) <= created < datetime(2026, 11, 1, 12, tzinfo=UTC)
    ask(helpdesk, f"ticket/{answer['id']}/comment", variable=WRITE_TOKEN_VARIABLE, body={"Content": "Noted.", "ContentType": "text/plain"})
    written = rows(helpdesk, "select Type from Transactions where ObjectType = 'RT::Ticket' and ObjectId = ? order by id", answer["id"])
    assert written == [("Create",), ("Comment",)]


def test_the_reading_account_cannot_write(helpdesk: Home) -> None:
    everything = "select (select count(*) from Transactions), (select count(*) from Tickets), (select Status from Tickets where id = 1)"
    before = rows(helpdesk, everything)
    text = {"Content": "I was here.", "ContentType": "text/plain"}
    for path, body in (
        ("ticket/1/comment", text), ("ticket/1/correspond", text), ("ticket", {**text, "Queue": "Billing", "Subject": "Mine"}), ("queue", {"Name": "Mine"}),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(helpdesk, path, body=body)
        assert 400 <= refused.value.code < 500
    assert rows(helpdesk, everything) == before


def test_a_plan_loaded_before_comes_from_the_cache_with_new_tokens(request_tracker_installed: None, tmp_path: Path) -> None:
    tiny = company((full_life(1, datetime(2026, 3, 2, 9, tzinfo=UTC)),))
    first, second = Home(root=tmp_path / "first"), Home(root=tmp_path / "second")
    assert load(tiny, first, cache=tmp_path / "cache")["from_cache"] is False
    assert load(tiny, second, cache=tmp_path / "cache")["from_cache"] is True
    one, other = comparable(first.database), comparable(second.database)
    for changes_with_every_home in ("AuthTokens", "Users"):      # tokens and root's password
        one.pop(changes_with_every_home), other.pop(changes_with_every_home)
    assert one == other
    assert not set(read_secrets(first).values()) & set(read_secrets(second).values())


def test_another_plan_has_another_place_in_the_cache(tmp_path: Path) -> None:
    home, one, other = Home(root=tmp_path), tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    home.agreements.write_text("")
    ticket = full_life(1, datetime(2026, 3, 2, 9, tzinfo=UTC))
    operations.write(one, operations.history(company((ticket,))))
    operations.write(other, operations.history(company((dataclasses.replace(ticket, subject="Another"),))))
    assert digest(home, one) == digest(home, one) != digest(home, other)


def test_a_second_one_runs_beside_the_first_and_lives_a_day(helpdesk: Home, tmp_path: Path) -> None:
    def unfinished(number: int, created_at: datetime, events: int) -> Ticket:
        ticket = full_life(number, created_at)
        return dataclasses.replace(ticket, events=ticket.events[:events])

    yesterday = datetime(2026, 10, 31, 9, tzinfo=UTC)
    long_ago = full_life(1, datetime(2026, 3, 2, 9, tzinfo=UTC))
    before = company((long_ago, unfinished(7, yesterday, 9), unfinished(10, yesterday, 3), unfinished(11, yesterday, 3)))
    grown, new = unfinished(7, yesterday, 13), unfinished(12, datetime(2026, 11, 1, 8, tzinfo=UTC), 3)
    after = dataclasses.replace(before, ends_on=date(2026, 11, 1), tickets=(long_ago, grown, new))
    home = Home(root=tmp_path / "second")
    load(before, home)
    server.start(home)
    try:
        assert read_facts(home)["port"] != read_facts(helpdesk)["port"]
        report = live(home, before=before, after=after, deleted=("T00010", "T00011"))
        assert report["done"]["create"] == report["done"]["merge"] == 1
        assert read_facts(home)["now"] == "2026-11-02T02:30:00+00:00"
        found = {ticket["id"]: ticket["Status"] for ticket in ask(home, "tickets?query=id%3E0&fields=Status")["items"]}
        assert found == {"1": "closed", "7": "resolved", "12": "open"}
        assert rows(home, "select id, EffectiveId, Status from Tickets where id in (10, 11)") == [(10, 10, "deleted"), (11, 7, "open")]
        (count,), = rows(home, "select count(*) from Transactions where ObjectType = 'RT::Ticket' and ObjectId = 7 and Type = 'Correspond'")
        assert count == sum(event.kind == "public_reply" for event in grown.events)
        with pytest.raises(SandboxError, match="stands at the end of 2026-11-01"):
            live(home, before=before, after=after)
    finally:
        assert server.stop(home) is True
    assert server.running(home) is None
    assert server.stop(home) is False
    assert server.running(helpdesk) is not None


def test_starting_an_empty_home_says_what_to_do_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--home", str(tmp_path)]) == 1
    assert "load" in capsys.readouterr().err


def test_a_pid_that_belongs_to_somebody_else_is_not_ended(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    home.pid.write_text("1\n")
    assert server.running(home) is None
    assert server.stop(home) is False


@pytest.mark.parametrize(("has_apt", "user", "reason"), [(False, 0, "does not have"), (True, 1000, "needs root")])
def test_a_machine_that_cannot_install_says_so_in_one_line(
    has_apt: bool, user: int, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(install, "is_installed", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if has_apt else None)
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert main(["install"]) == install.CANNOT_INSTALL == 3
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1


def test_it_is_found_by_people_whose_path_leaves_out_the_administrators_programs(helpdesk: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    assert shutil.which("rt-setup-database-5") is None
    assert install.is_installed()
    assert shutil.which("rt-setup-database-5", path=helpdesk.environment()["PATH"])


def test_the_plan_of_the_session_fits_both_ways_of_loading(plan: Plan) -> None:
    old, young = operations.split(plan)
    assert (old.tickets[-1].number, young.tickets[0].number) == ("T00008", "T00009")
