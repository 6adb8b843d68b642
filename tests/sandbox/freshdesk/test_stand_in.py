"""The stand-in follows the vendor's documented rules, and holds the sandbox company's tickets."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.company.hours import merged
from sandbox.company.plan import Plan
from sandbox.company.story import next_day, write_plan
from sandbox.freshdesk import desk as desks
from sandbox.freshdesk import load as loading
from sandbox.freshdesk.desk import Policy
from tests.sandbox.freshdesk.helpdesk import AGENT, CUSTOMER, KEY, NOW, Running, helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with helpdesk(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


def ask(desk: Running, path: str, *, key: str = KEY, **query: Any) -> requests.Response:
    return requests.get(f"{desk.url}/api/v2/{path}", params=query, auth=(key, "X"), timeout=10)


def ids(answer: requests.Response) -> list[int]:
    return [item["id"] for item in answer.json()]


# ---- who may call, and how often

def test_only_the_api_key_gets_in_and_the_password_means_nothing(desk: Running) -> None:
    refused = ask(desk, "groups", key="another")
    assert refused.status_code == 401 and refused.json()["code"] == "invalid_credentials"
    assert requests.get(f"{desk.url}/api/v2/groups", auth=(KEY, "whatever"), timeout=10).status_code == 200


def test_credits_of_a_minute_are_counted_and_includes_cost_two_more(tmp_path: Path) -> None:
    with helpdesk(tmp_path, credits_per_minute=6) as desk:
        told = ask(desk, "tickets", include="stats").headers
        assert (told["X-RateLimit-Total"], told["X-RateLimit-Remaining"], told["X-RateLimit-Used-CurrentRequest"]) == ("6", "3", "3")
        assert ask(desk, "tickets", include="stats,requester").status_code == 429
        refused = ask(desk, "groups")
        assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 60


def test_lists_of_tickets_and_contacts_have_limits_of_their_own(tmp_path: Path) -> None:
    with helpdesk(tmp_path, lists_per_minute=1) as desk:
        assert [ask(desk, path).status_code for path in ("tickets", "tickets", "contacts", "contacts", "agents")] == [200, 429, 200, 429, 200]


# ---- lists

def test_pages_are_said_by_a_link_header_and_nothing_else(desk: Running) -> None:
    desk.tickets(5)
    first = ask(desk, "tickets", per_page=2)
    assert 'rel="next"' in first.headers["link"] and "page=2" in first.headers["link"]
    assert len(ask(desk, "tickets", per_page=2, page=3).json()) == 1 and "link" not in ask(desk, "tickets", per_page=2, page=3).headers
    assert ask(desk, "tickets", per_page=2, page=4).json() == []
    assert ask(desk, "tickets", per_page=101).json()["errors"][0]["field"] == "per_page"


def test_the_three_hundredth_page_of_tickets_is_the_last(desk: Running) -> None:
    assert ask(desk, "tickets", page=300).status_code == 200
    refused = ask(desk, "tickets", page=301)
    assert refused.status_code == 400 and "beyond the 300th page" in refused.json()["errors"][0]["message"]
    assert ask(desk, "contacts", page=301).status_code == 200


def test_without_updated_since_only_thirty_days_are_shown_newest_first(desk: Running) -> None:
    (old,) = desk.tickets()
    desk.pass_time(days=31)
    first, second = desk.tickets()[0], (desk.pass_time(hours=1), desk.tickets()[0])[1]
    assert ids(ask(desk, "tickets")) == [second, first]
    assert ids(ask(desk, "tickets", updated_since="2020-01-01T00:00:00Z", order_by="updated_at", order_type="asc")) == [old, first, second]
    assert ids(ask(desk, "tickets", updated_since=desks.iso(desk.desk.state.stamp()))) == [second]     # its own second is in
    assert ask(desk, "tickets", updated_since="yesterday").status_code == 400
    assert ask(desk, "tickets", updated_before="2020-01-01T00:00:00Z").status_code == 400


def test_deleted_tickets_and_spam_have_lists_of_their_own_and_the_bin_is_emptied(desk: Running) -> None:
    kept, binned, spam = desk.tickets(3)
    desks.trash(desk.desk, desk.ticket(binned), at=desk.desk.state.stamp())
    desks.mark_spam(desk.desk, desk.ticket(spam), at=desk.desk.state.stamp())
    assert [ids(ask(desk, "tickets", **query)) for query in ({}, {"filter": "deleted"}, {"filter": "spam"})] == [[kept], [binned], [spam]]
    assert ask(desk, "tickets", filter="deleted").json()[0]["deleted"] is True and "deleted" not in ask(desk, "tickets").json()[0]
    desk.pass_time(days=31)
    assert ids(ask(desk, "tickets", filter="deleted")) == []


def test_archived_tickets_are_in_no_list_but_have_a_page_of_their_own(desk: Running) -> None:
    (one,) = desk.tickets()
    desk.update(one, status=desks.CLOSED)
    desk.pass_time(days=121)
    desks.archive(desk.desk, now=desk.desk.state.stamp())
    assert ids(ask(desk, "tickets", updated_since="2020-01-01T00:00:00Z")) == []
    assert ask(desk, f"tickets/{one}/conversations").status_code == 404
    assert ask(desk, f"tickets/archived/{one}").json()["id"] == one


def test_contacts_are_listed_by_state(desk: Running) -> None:
    by_state = {state: desk.contacts(state=state)[0] for state in desks.CONTACT_STATES}
    assert set(ids(ask(desk, "contacts"))) == {CUSTOMER, by_state["verified"], by_state["unverified"]}
    for state in desks.CONTACT_STATES[1:]:
        assert ids(ask(desk, "contacts", state=state)) == [by_state[state]]
    assert ids(ask(desk, "contacts", _updated_since="2026-06-01T00:00:00Z")) == [by_state["verified"], by_state["unverified"]]
    assert ask(desk, "contacts", state="gone").status_code == 400


def test_what_the_plan_has_not_is_refused_by_name(tmp_path: Path) -> None:
    with helpdesk(tmp_path, lacking=("surveys/satisfaction_ratings", "companies")) as desk:
        refused = ask(desk, "surveys/satisfaction_ratings")
        assert refused.status_code == 403 and refused.json()["code"] == "require_feature"
        assert ask(desk, "companies").status_code == 404


# ---- what happens to a ticket

def test_stats_say_when_a_ticket_was_answered_resolved_and_closed_and_forget_it_when_it_is_reopened(desk: Running) -> None:
    (one,) = desk.tickets()
    desk.pass_time(hours=1)
    desk.answer(one)
    desk.update(one, status=desks.PENDING)
    desk.pass_time(hours=1)
    desk.answer(one, "Thank you", incoming=True)
    desk.update(one, status=desks.CLOSED)
    stats = desk.ticket(one)["stats"]
    assert stats == {"agent_responded_at": "2026-11-01T03:30:00Z", "requester_responded_at": "2026-11-01T04:30:00Z",
                     "first_responded_at": "2026-11-01T03:30:00Z", "status_updated_at": "2026-11-01T04:30:00Z", "reopened_at": None,
                     "resolved_at": "2026-11-01T04:30:00Z", "closed_at": "2026-11-01T04:30:00Z", "pending_since": None}
    desk.pass_time(hours=1)
    desk.update(one, status=desks.OPEN)
    assert desk.ticket(one)["stats"] | {"reopened_at": "2026-11-01T05:30:00Z", "resolved_at": None, "closed_at": None} == desk.ticket(one)["stats"]


def test_due_dates_stand_still_while_the_timer_is_off_and_follow_the_priority(desk: Running) -> None:
    always = merged([(desks.instant("2026-01-01T00:00:00Z"), desks.instant("2027-01-01T00:00:00Z"))])
    desk.desk.policies["standard"] = Policy(respond={1: 60, 2: 30}, resolve={1: 600, 2: 300}, open_time=always)
    ticket = desks.create(desk.desk, {"id": 1, "requester_id": CUSTOMER}, at=desk.desk.state.stamp(), policy="standard")
    assert (ticket["fr_due_by"], ticket["due_by"]) == ("2026-11-01T03:30:00Z", "2026-11-01T12:30:00Z")
    desk.update(1, status=desks.PENDING)
    desk.pass_time(hours=2)
    desk.update(1, status=desks.OPEN)
    assert desk.ticket(1)["due_by"] == "2026-11-01T14:30:00Z"
    desk.update(1, priority=2)
    assert (desk.ticket(1)["fr_due_by"], desk.ticket(1)["due_by"]) == ("2026-11-01T03:00:00Z", "2026-11-01T09:30:00Z")
    desk.answer(1)
    assert desk.ticket(1)["fr_escalated"] and not desk.ticket(1)["is_escalated"]


def test_a_merge_closes_the_second_ticket_and_both_say_so(desk: Running) -> None:
    first, second = desk.tickets(2)
    desks.merge(desk.desk, desk.ticket(first), desk.ticket(second), user=AGENT, at=desk.desk.state.stamp())
    assert desk.ticket(second)["status"] == desks.CLOSED and desk.ticket(first)["status"] == desks.OPEN
    said = {number: ask(desk, f"tickets/{number}/conversations").json()[0]["body_text"] for number in (first, second)}
    assert said == {first: f"Merged from ticket {second}", second: f"This ticket is closed and merged into ticket {first}"}


# ---- the company

def test_the_stand_in_holds_the_plans_tickets_and_lives_a_day(plan: Plan, desk: Running) -> None:
    counts = loading.load(plan, desk.desk.state)
    assert counts["tickets"] == len(plan.tickets) and counts["companies"] == sum(customer.is_company for customer in plan.customers)
    assert counts["satisfaction_ratings"] == sum(event.kind == "rating" for ticket in plan.tickets for event in ticket.events)
    lived = next_day(plan, NOW.date())
    done = loading.live_day(plan, lived.after, lived.deleted.get("tickets", ()), desk.desk.state)
    assert done == {"created": len(lived.added.tickets), "updated": len(lived.changed.tickets), "deleted": len(lived.deleted.get("tickets", ()))}
    assert desk.desk.state.count("tickets") == len(plan.tickets) + done["created"]


def test_it_runs_by_itself_with_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    def run(verb: str, *more: str) -> str:
        done = subprocess.run([sys.executable, "-m", "sandbox.freshdesk", verb, "--home", str(tmp_path), *more], check=True, capture_output=True, text=True)
        return done.stdout

    run("load")
    try:
        run("start", "--clock", NOW.isoformat())
        facts = json.loads((tmp_path / "freshdesk.json").read_text())
        key = (tmp_path / "secrets.env").read_text().strip().removeprefix("FRESHDESK_API_KEY=")
        assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
        assert requests.get(f"{facts['url']}/api/v2/agents/me", auth=(key, "X"), timeout=10).status_code == 200
    finally:
        run("stop")
