"""The stand-in follows the vendor's documented rules."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.company.plan import Calendar
from sandbox.stand_in.limits import Failure, RateLimit
from sandbox.stand_in.state import State
from sandbox.zendesk import life
from sandbox.zendesk import load as loading
from sandbox.zendesk.load import ADMIN_EMAIL, WORKER_EMAIL
from sandbox.zendesk.rules import too_many
from tests.sandbox.zendesk.desk import AGENT, NOW, TOKEN, WORKER_TOKEN, Running, event, helpdesk, many, plan, solved_life, ticket

MONDAY = datetime(2026, 10, 5, 7, tzinfo=UTC)     # 09:00 in Berlin: the office opens


class Client:
    def __init__(self, desk: Running, email: str = ADMIN_EMAIL, token: str = TOKEN) -> None:
        self.desk, self.auth = desk, (f"{email}/token", token)

    def __call__(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any) -> requests.Response:
        return requests.request(method, f"{self.desk.url}/api/v2/{path}", params=query, json=body, auth=self.auth, headers=headers, timeout=5)

    def get(self, path: str, **query: Any) -> Any:
        answer = self("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with helpdesk(tmp_path, many(12, same_second=3)) as running:
        yield running


@pytest.fixture
def admin(desk: Running) -> Client:
    return Client(desk)


@pytest.fixture
def worker(desk: Running) -> Client:
    return Client(desk, WORKER_EMAIL, WORKER_TOKEN)


# ---- who may call, and how often

@pytest.mark.parametrize("auth", [("nobody@example.com/token", TOKEN), (f"{ADMIN_EMAIL}/token", "wrong"), (ADMIN_EMAIL, TOKEN), None])
def test_only_email_slash_token_with_the_right_token_gets_in(desk: Running, auth: tuple[str, str] | None) -> None:
    answer = requests.get(f"{desk.url}/api/v2/users/me.json", auth=auth, timeout=5)
    assert answer.status_code == 401 and answer.json() == {"error": "Couldn't authenticate you"}


def test_exports_are_for_administrators(worker: Client) -> None:
    answer = worker("GET", "incremental/tickets/cursor.json", start_time=0)
    assert answer.status_code == 403 and answer.json()["error"]["title"] == "Forbidden"
    assert worker.get("tickets/1.json")["ticket"]["id"] == 1


def test_the_eleventh_export_in_a_minute_is_a_429_that_says_how_long_to_wait(tmp_path: Path) -> None:
    with helpdesk(tmp_path, many(1), exports_per_minute=10) as desk:
        client = Client(desk)
        for path in ["tickets/cursor.json", "ticket_events.json", "users/cursor.json", "organizations.json", "ticket_metric_events.json"] * 2:
            client.get(f"incremental/{path}", start_time=0)
        answer = client("GET", "incremental/tickets/cursor.json", start_time=0)
        assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 60
        assert client("GET", "groups.json").status_code == 200, "other endpoints have the account's own limit"


def test_the_limit_counts_any_sixty_seconds() -> None:
    now = [0.0]
    limit = RateLimit(2, refusal=too_many, real=lambda: now[0])
    limit.take()
    now[0] = 30
    limit.take()
    now[0] = 59.5
    with pytest.raises(Failure) as refused:
        limit.take()
    assert refused.value.headers == {"Retry-After": "1"}
    now[0] = 60
    assert limit.take() == 0


# ---- incremental exports

def export(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a cursor export."""
    items: list[dict[str, Any]] = []
    body = client.get(path, **query)
    while True:
        items += body[path.split("/")[1]]
        if body["end_of_stream"]:
            return items
        body = client.get(path, cursor=body["after_cursor"], per_page=query.get("per_page", 1000))


@pytest.mark.parametrize("page", [1, 2, 5, 1000])
def test_the_cursor_export_gives_each_ticket_once_in_order_of_its_generated_timestamp(admin: Client, page: int) -> None:
    tickets = export(admin, "incremental/tickets/cursor.json", start_time=0, per_page=page)
    assert sorted(one["id"] for one in tickets) == list(range(1, 13))
    assert [one["generated_timestamp"] for one in tickets] == sorted(one["generated_timestamp"] for one in tickets)


def test_start_time_is_on_or_after(admin: Client) -> None:
    stamp = admin.get("tickets/4.json")["ticket"]["generated_timestamp"]
    assert 4 in {one["id"] for one in export(admin, "incremental/tickets/cursor.json", start_time=stamp)}
    assert 4 not in {one["id"] for one in export(admin, "incremental/tickets/cursor.json", start_time=stamp + 1)}


@pytest.mark.parametrize(("query", "status", "error"), [
    ({}, 400, "InvalidValue"), ({"start_time": "yesterday"}, 400, "InvalidValue"), ({"start_time": int(NOW.timestamp()) - 30}, 422, "StartTimeTooRecent"),
    ({"cursor": "!!!"}, 400, "InvalidCursor"),
])
def test_a_start_that_cannot_be_is_an_error_with_a_name(admin: Client, query: dict[str, Any], status: int, error: str) -> None:
    answer = admin("GET", "incremental/tickets/cursor.json", **query)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_last_minute_is_left_out_and_comes_later_behind_the_same_cursor(desk: Running, admin: Client, worker: Client) -> None:
    before = admin.get("incremental/tickets/cursor.json", start_time=0)
    desk.state.set_clock(NOW + timedelta(minutes=5))
    worker("PUT", "tickets/2.json", {"ticket": {"priority": "urgent"}})
    assert admin.get("incremental/tickets/cursor.json", cursor=before["after_cursor"])["tickets"] == []
    assert admin.get("incremental/ticket_events.json", start_time=int(NOW.timestamp()))["count"] == 0
    desk.state.set_clock(NOW + timedelta(minutes=6))
    assert [one["id"] for one in admin.get("incremental/tickets/cursor.json", cursor=before["after_cursor"])["tickets"]] == [2]


def test_a_system_update_moves_generated_timestamp_and_leaves_updated_at(desk: Running, admin: Client) -> None:
    before = admin.get("tickets/6.json")["ticket"]
    last = admin.get("incremental/tickets/cursor.json", start_time=0)["after_cursor"]
    life.touch(desk.api.desk, dict(before), at=int(NOW.timestamp()) - 100)
    again = admin.get("incremental/tickets/cursor.json", cursor=last)["tickets"]
    assert [one["id"] for one in again] == [6]
    assert again[0]["updated_at"] == before["updated_at"] and again[0]["generated_timestamp"] > before["generated_timestamp"]
    events = admin.get("incremental/ticket_events.json", start_time=int(NOW.timestamp()) - 100)
    assert events["count"] == 0, "it makes no ticket event"


def test_a_time_based_page_begins_with_the_last_second_of_the_one_before(admin: Client) -> None:
    first = admin.get("incremental/ticket_events.json", start_time=0, per_page=7)
    assert first["count"] == 7 and not first["end_of_stream"]
    assert first["end_time"] == first["ticket_events"][-1]["timestamp"]
    second = requests.get(first["next_page"], auth=admin.auth, timeout=5).json()
    assert second["ticket_events"][0]["timestamp"] == first["end_time"]
    assert {one["id"] for one in first["ticket_events"]} & {one["id"] for one in second["ticket_events"]}


def test_comments_are_in_the_event_stream_only_when_asked_for(admin: Client) -> None:
    plain = admin.get("incremental/ticket_events.json", start_time=0)["ticket_events"][0]["child_events"][-1]
    assert plain["comment_present"] is True and plain["comment_public"] is True and "body" not in plain
    whole = admin.get("incremental/ticket_events.json", start_time=0, include="comment_events")["ticket_events"][0]["child_events"][-1]
    assert whole["body"] == "Where is it?" and whole["public"] is True


def test_a_deleted_ticket_stays_in_the_export_as_deleted_and_nowhere_else(admin: Client, worker: Client, desk: Running) -> None:
    assert worker("DELETE", "tickets/3.json").status_code == 204
    desk.state.set_clock(NOW + timedelta(minutes=2))
    assert {one["id"]: one["status"] for one in export(admin, "incremental/tickets/cursor.json", start_time=0)}[3] == "deleted"
    assert 3 not in {one["id"] for one in export(admin, "incremental/tickets/cursor.json", start_time=0, exclude_deleted="true")}
    answer = admin("GET", "tickets/3.json")
    assert (answer.status_code, answer.json()["error"]) == (404, "RecordNotFound")
    assert 3 not in {one["id"] for one in admin.get("tickets.json")["tickets"]}


def test_deletions_are_listed_for_thirty_days_with_who_did_it_and_a_restored_ticket_is_not_among_them(admin: Client, worker: Client, desk: Running) -> None:
    for number in (3, 5):
        assert worker("DELETE", f"tickets/{number}.json").status_code == 204
    told = admin.get("deleted_tickets.json", **{"page[size]": 1})["deleted_tickets"]
    assert told == [{"id": 3, "subject": "Subject 3", "actor": {"id": loading.WORKER, "name": "Automations"}, "deleted_at": "2026-11-01T02:30:00Z",
                     "previous_state": "solved"}]
    assert admin("PUT", "deleted_tickets/3/restore.json").status_code == 200
    assert admin.get("tickets/3.json")["ticket"]["status"] == "solved"
    assert [one["id"] for one in admin.get("deleted_tickets.json")["deleted_tickets"]] == [5]
    assert admin("PUT", "deleted_tickets/3/restore.json").status_code == 404
    desk.state.set_clock(NOW + timedelta(days=30, seconds=1))
    assert admin.get("deleted_tickets.json")["deleted_tickets"] == []


def test_the_eleventh_list_of_deletions_in_a_minute_is_a_429(tmp_path: Path) -> None:
    with helpdesk(tmp_path, plan(), exports_per_minute=10) as desk:
        assert [Client(desk)("GET", "deleted_tickets.json").status_code for _ in range(11)] == [200] * 10 + [429]


# ---- lists

def test_a_schedule_is_told_in_minutes_since_sunday_and_its_holidays_apart(tmp_path: Path) -> None:
    office = Calendar(name="office", time_zone="Europe/Berlin", hours={"sun": (("10:00", "24:00"),), "mon": (("09:00", "12:30"),)}, holidays=(date(2026, 12, 25),))
    with helpdesk(tmp_path, replace(plan(), calendars=(office,))) as desk:
        (schedule,) = Client(desk).get("business_hours/schedules.json")["schedules"]
        assert (schedule["name"], schedule["time_zone"]) == ("office", "Berlin")
        assert schedule["intervals"] == [{"start_time": 600, "end_time": 1440}, {"start_time": 1440 + 540, "end_time": 1440 + 750}]
        holidays = Client(desk).get(f"business_hours/schedules/{schedule['id']}/holidays.json")["holidays"]
        assert holidays == [{"id": holidays[0]["id"], "name": "Closed on 2026-12-25", "start_date": "2026-12-25", "end_date": "2026-12-25"}]
        assert Client(desk)("GET", "business_hours/schedules/1/holidays.json").status_code == 404


def test_cursor_pagination_goes_through_a_list_once(admin: Client) -> None:
    ids, query = [], {"page[size]": 5}
    while True:
        body = admin.get("satisfaction_ratings.json", **query)
        ids += [one["id"] for one in body["satisfaction_ratings"]]
        if not body["meta"]["has_more"]:
            break
        query["page[after]"] = body["meta"]["after_cursor"]
    assert ids == sorted(set(ids)) and len(ids) == 12
    assert body["links"]["next"] is None


def test_offset_pagination_ends_at_ten_thousand_records(admin: Client) -> None:
    assert admin.get("tickets.json")["count"] == 12
    assert admin("GET", "tickets.json", page=101).status_code == 400


def test_ratings_are_filtered_by_their_beginning(admin: Client) -> None:
    ratings = admin.get("satisfaction_ratings.json")["satisfaction_ratings"]
    since = int(datetime.fromisoformat(ratings[6]["created_at"]).timestamp())
    assert {one["id"] for one in admin.get("satisfaction_ratings.json", start_time=since)["satisfaction_ratings"]} == {
        one["id"] for one in ratings if one["created_at"] >= ratings[6]["created_at"]}


# ---- writing

def test_an_update_has_real_effects_and_one_audit(desk: Running, admin: Client, worker: Client) -> None:
    desk.state.set_clock(NOW + timedelta(hours=1))
    body = {"ticket": {"status": "open", "priority": "high", "comment": {"body": "We look into it.", "public": False}, "additional_tags": ["vip"]}}
    answer = worker("PUT", "tickets/5.json", body)
    assert answer.status_code == 200
    after = admin.get("tickets/5.json")["ticket"]
    assert (after["status"], after["priority"]) == ("open", "high") and "vip" in after["tags"]
    assert after["updated_at"] == "2026-11-01T03:30:00Z"
    audit = admin.get("tickets/5/audits.json")["audits"][-1]
    assert audit == {key: value for key, value in audit.items()} and audit["id"] == answer.json()["audit"]["id"]
    assert [(one["event_type"], one.get("previous_value")) for one in audit["events"]] == [
        ("Comment", None), ("Change", "normal"), ("Change", "solved"), ("Change", ["topic_question", "sla_standard"])]
    assert admin.get("tickets/5/comments.json")["comments"][-1]["public"] is False


def test_an_update_that_changes_nothing_leaves_no_trace(desk: Running, admin: Client, worker: Client) -> None:
    before = admin.get("tickets/5.json")["ticket"]
    audits = admin.get("tickets/5/audits.json")["count"]
    worker("PUT", "tickets/5.json", {"ticket": {"status": before["status"]}})
    assert admin.get("tickets/5.json")["ticket"] == before and admin.get("tickets/5/audits.json")["count"] == audits


def test_tags_are_added_set_and_removed(worker: Client) -> None:
    assert worker("PUT", "tickets/1/tags.json", {"tags": ["b"]}).json()["tags"] == ["b", "sla_standard", "topic_question"]
    assert worker("DELETE", "tickets/1/tags.json", {"tags": ["sla_standard"]}).json()["tags"] == ["b", "topic_question"]
    assert worker("POST", "tickets/1/tags.json", {"tags": ["z"]}).json()["tags"] == ["z"]


@pytest.mark.parametrize(("body", "status", "error"), [
    ({"status": "lost"}, 422, "RecordInvalid"), ({"priority": "immense"}, 422, "RecordInvalid"), ({"status": "new"}, 422, "RecordInvalid"),
    ({"priority": "high", "safe_update": True, "updated_stamp": "2020-01-01T00:00:00Z"}, 409, "UpdateConflict"),
])
def test_an_update_against_the_rules_is_refused_and_changes_nothing(admin: Client, worker: Client, body: dict[str, Any], status: int, error: str) -> None:
    before = admin.get("tickets/5.json")
    answer = worker("PUT", "tickets/5.json", {"ticket": body})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert admin.get("tickets/5.json") == before


def test_a_safe_update_with_the_right_stamp_goes_through(admin: Client, worker: Client) -> None:
    stamp = admin.get("tickets/5.json")["ticket"]["updated_at"]
    assert worker("PUT", "tickets/5.json", {"ticket": {"priority": "high", "safe_update": True, "updated_stamp": stamp}}).status_code == 200


def test_a_closed_ticket_cannot_be_changed(worker: Client) -> None:
    worker("PUT", "tickets/5.json", {"ticket": {"status": "closed"}})
    answer = worker("PUT", "tickets/5.json", {"ticket": {"priority": "high"}})
    assert answer.status_code == 422 and answer.json()["details"]["status"][0]["description"] == "Status: closed prevents ticket update"


def test_the_same_idempotency_key_creates_one_ticket(admin: Client, worker: Client) -> None:
    body = {"ticket": {"subject": "Recall", "comment": {"body": "Please check."}}}
    answers = [worker("POST", "tickets.json", body, headers={"Idempotency-Key": "intent-1"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201] and len({answer.json()["ticket"]["id"] for answer in answers}) == 1
    assert [answer.headers["x-idempotency-lookup"] for answer in answers] == ["miss", "hit", "hit"]
    assert worker("POST", "tickets.json", {"ticket": {"comment": {"body": "Other"}}}, headers={"Idempotency-Key": "intent-1"}).status_code == 400
    assert admin.get("tickets.json")["count"] == 13


def test_a_ticket_needs_words(worker: Client) -> None:
    assert worker("POST", "tickets.json", {"ticket": {"subject": "Silent"}}).status_code == 422
    assert requests.post(f"{worker.desk.url}/api/v2/tickets.json", data=b"{", auth=worker.auth, timeout=5).json()["error"] == "InvalidJSON"


def test_an_unknown_endpoint_is_404(admin: Client) -> None:
    assert admin("GET", "unheard_of.json").json()["error"] == "InvalidEndpoint"


# ---- metric events

def metrics(tmp_path: Path, *events: Any, **more: Any) -> list[tuple[Any, ...]]:
    with helpdesk(tmp_path, plan(ticket(1, MONDAY, *events, **more))) as desk:
        found = desk.state.matching("ticket_metric_events", "ticket_id", 1)
    return [(one["metric"], one["instance_id"], one["type"], one["time"][8:16], *([one["sla"]["target"]] if "sla" in one else []),
             *([one["status"]["business"]] if "status" in one else [])) for one in found]


def test_a_reply_fulfils_the_first_reply_and_a_question_starts_the_next(tmp_path: Path) -> None:
    found = metrics(
        tmp_path, event(MONDAY + timedelta(minutes=1), "public_reply", "bot", "We have it."), event(MONDAY + timedelta(minutes=30), "private_note", value="hm"),
        event(MONDAY + timedelta(minutes=60), "public_reply", value="Yes."), event(MONDAY + timedelta(minutes=90), "public_reply", "requester", "And now?"))
    assert [one for one in found if one[0] == "reply_time"] == [
        ("reply_time", 1, "activate", "05T07:00"), ("reply_time", 1, "apply_sla", "05T07:00", 120), ("reply_time", 1, "fulfill", "05T08:00"),
        ("reply_time", 1, "update_status", "05T08:00", 60), ("reply_time", 2, "activate", "05T08:30")]


def test_a_missed_target_is_a_breach_at_its_own_instant_in_business_time(tmp_path: Path) -> None:
    friday = MONDAY + timedelta(days=4, hours=7)     # 16:00 in Berlin, one hour before the office closes; 120 minutes end on Monday at 10:00
    with helpdesk(tmp_path, plan(ticket(1, friday, event(friday + timedelta(days=3), "public_reply", value="Sorry.")))) as desk:
        found = desk.state.matching("ticket_metric_events", "ticket_id", 1)
    assert [one["time"] for one in found if one["type"] == "breach" and one["metric"] == "reply_time"] == ["2026-10-12T08:00:00Z"]


def test_nobody_answering_breaches_too(tmp_path: Path) -> None:
    assert [one[3] for one in metrics(tmp_path) if one[2] == "breach"] == ["05T09:00", "05T15:00"]


def test_a_breach_is_written_when_its_time_passes_and_not_when_its_ticket_is_next_touched(tmp_path: Path) -> None:
    at = NOW + timedelta(days=1)                     # Monday 03:30 in Berlin; the office opens at 09:00, 120 minutes end at 11:00
    with helpdesk(tmp_path, plan()) as desk:
        admin = Client(desk)
        desk.state.set_clock(at)
        new = {"id": 1, "subject": "Where is it?", "requester_id": loading.CUSTOMERS + 1, "tags": ["sla_standard"]}
        asked = life.create(desk.api.desk, new, at=desk.state.stamp(), body="Where is it?", author=loading.CUSTOMERS + 1, via="email")
        seen = []
        for hours in (8, 9):                         # 11:30 and, with the answer in between, 12:30
            desk.state.set_clock(at + timedelta(hours=hours))
            seen.append([one["time"] for one in admin.get("incremental/ticket_metric_events.json", start_time=0)["ticket_metric_events"]
                         if one["type"] == "breach" and one["metric"] == "reply_time"])
            life.update(desk.api.desk, asked, {"comment": {"body": "Sorry."}}, at=desk.state.stamp(), updater=loading.AGENTS + 1)
    assert seen == [["2026-11-02T10:00:00Z"], ["2026-11-02T10:00:00Z"]]


def test_pending_pauses_the_wait_and_solving_fulfils_it(tmp_path: Path) -> None:
    found = metrics(
        tmp_path, event(MONDAY + timedelta(minutes=60), "status", value="pending"), event(MONDAY + timedelta(minutes=300), "status", value="open"),
        event(MONDAY + timedelta(minutes=330), "status", value="solved"))
    assert [one[2:] for one in found if one[0] == "requester_wait_time"] == [
        ("activate", "05T07:00"), ("apply_sla", "05T07:00", 480), ("pause", "05T08:00"), ("activate", "05T12:00"), ("fulfill", "05T12:30"),
        ("update_status", "05T12:30", 90)]


def test_a_reopened_ticket_runs_again_and_a_higher_priority_gets_a_shorter_target(tmp_path: Path) -> None:
    found = metrics(
        tmp_path, event(MONDAY + timedelta(minutes=10), "status", value="solved"), event(MONDAY + timedelta(minutes=70), "status", "system", "open"),
        event(MONDAY + timedelta(minutes=80), "priority", value="urgent"))
    assert [one[2:] for one in found if one[0] == "requester_wait_time"][-3:] == [
        ("activate", "05T08:10"), ("apply_sla", "05T08:20", 240), ("breach", "05T12:00")], "ten minutes were used before"


# ---- loading and living

def test_loading_the_same_plan_twice_gives_the_same_helpdesk(tmp_path: Path) -> None:
    kinds = ("tickets", "ticket_events", "users", "organizations", "groups", "satisfaction_ratings", "ticket_metric_events", "sla_policies", "schedules", "schedule_holidays")
    held = []
    for name in ("one", "two"):
        with helpdesk(tmp_path / name, many(6)) as desk:
            held.append(json.dumps([desk.state.items(kind) for kind in kinds]).replace(desk.url, ""))
    assert held[0] == held[1]


def test_a_lived_day_adds_only_what_is_new(desk: Running) -> None:
    at = NOW + timedelta(hours=7)
    before = desk.state.count("ticket_events")
    done = desk.next_day(ticket(50, at, *solved_life(at)[:4]))
    assert done["created"] == 1 and done["updated"] == 0
    assert desk.state.count("ticket_events") == before + 3, "created, acknowledged, taken and answered"
    longer = ticket(50, at, *solved_life(at)[:4], event(at + timedelta(hours=3), "public_reply", value="It arrives today."))
    assert desk.next_day(longer)["updated"] == 1 and desk.state.count("ticket_events") == before + 4, "the one new event and not the old ones again"
    before += 1
    again = desk.next_day()
    assert again["created"] == again["updated"] == 0 and desk.state.count("ticket_events") == before + 3


def test_an_agent_who_leaves_is_suspended_and_shows_in_the_export(desk: Running, admin: Client) -> None:
    from dataclasses import replace

    leaver = replace(desk.plan.agents[0], left_on=desk.plan.ends_on + timedelta(days=1))
    before = admin.get("incremental/users/cursor.json", start_time=0)["after_cursor"]
    desk.live(replace(desk.plan, agents=(leaver, *desk.plan.agents[1:]), ends_on=leaver.left_on))
    assert [(one["email"], one["suspended"]) for one in admin.get("incremental/users/cursor.json", cursor=before)["users"]] == [(AGENT, True)]


def test_the_clock_never_goes_back_behind_what_it_has_stamped(tmp_path: Path) -> None:
    real = [0.0]
    state = State(tmp_path / "s.sqlite", real=lambda: real[0])
    state.set_clock(NOW)
    real[0] = 90.0
    assert state.now() == NOW + timedelta(seconds=90)
    state.stamp()
    state.set_clock(NOW)
    assert state.now() == NOW + timedelta(seconds=90)
    state.close()


def test_a_failed_change_leaves_nothing_behind(tmp_path: Path) -> None:
    state = State(tmp_path / "s.sqlite", ticking=False)
    with pytest.raises(ZeroDivisionError), state.transaction():
        (first,) = state.next_ids("thing")
        state.put("things", {"id": first}, 0)
        _ = 1 / 0
    assert state.count("things") == 0 and list(state.next_ids("thing")) == [first]
    state.close()


# ---- the command line

def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sandbox.zendesk", *arguments, "--home", str(home)], capture_output=True, text=True, timeout=120, check=False)


def test_from_an_empty_folder_to_a_lived_day_by_the_command_line(tmp_path: Path) -> None:
    refused = run("start", home=tmp_path)
    assert refused.returncode == 1 and "load it first" in refused.stderr
    (tmp_path / "secrets.env").write_text("TRYTON_KEY=other\n")
    assert run("load", "--size", "small", home=tmp_path).returncode == 0
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    secrets = dict(line.split("=", 1) for line in (tmp_path / "secrets.env").read_text().splitlines())
    assert set(secrets) == {"TRYTON_KEY", "ZENDESK_TOKEN", "ZENDESK_WRITE_TOKEN"}
    try:
        started = run("start", "--clock", NOW.isoformat(), home=tmp_path)
        assert started.returncode == 0, started.stderr
        facts = json.loads((tmp_path / "zendesk.json").read_text())
        assert facts["email"] == ADMIN_EMAIL and facts["token_env"] == "ZENDESK_TOKEN"
        auth = (f"{facts['email']}/token", secrets["ZENDESK_TOKEN"])
        tickets = requests.get(f"{facts['url']}/api/v2/tickets.json", auth=auth, timeout=5).json()["count"]
        assert tickets > 1000
        assert requests.get(f"{facts['url']}/api/v2/sandbox/clock", auth=auth, timeout=5).json()["now"] >= NOW.isoformat()
        lived = run("day", "--day", "2026-11-01", home=tmp_path)
        done = json.loads(lived.stdout)
        assert done["day"] == "2026-11-01" and done["created"] > 0, lived.stderr
        after = requests.get(f"{facts['url']}/api/v2/tickets.json", auth=auth, timeout=5).json()["count"]
        assert after == tickets + done["created"] - done["deleted"]
        assert run("day", "--day", "2026-11-01", home=tmp_path).returncode == 1, "a day is lived once"
    finally:
        stopped = run("stop", home=tmp_path)
    assert stopped.stdout.strip() == "stopped"
    with pytest.raises(requests.ConnectionError):
        requests.get(facts["url"], timeout=1)
    assert not [secret for secret in secrets.values() if len(secret) > 10 and secret in (tmp_path / "zendesk" / "server.log").read_text()]
