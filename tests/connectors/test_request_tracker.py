"""The connector against a real Request Tracker 5."""

from __future__ import annotations

import json
import sqlite3
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.personal import Policy, guard
from connectors.request_tracker import STREAMS, RequestTracker, connect
from connectors.stream import Connector, Misconfigured, Page, Refused, Stream, UnexpectedShape, Unreachable, Window, landed_key
from sandbox.company.plan import Plan
from sandbox.request_tracker import operations, server
from sandbox.request_tracker.home import TOKEN_VARIABLE, Home, read_facts, read_secrets
from sandbox.request_tracker.load import run_operations
from tests.connectors.conformance.standing import Standing, proved
from tests.connectors.conformance.suite import judged
from tests.sandbox.request_tracker.real import NOW, creation, helpdesk, new_tickets, plan, request_tracker_installed
from tests.sandbox.request_tracker.small_company import AGENTS

__all__ = ["helpdesk", "plan", "request_tracker_installed"]

STREAM = {stream.name: stream for stream in STREAMS}
ALL = Window(start=None, end=datetime(2026, 10, 31, 23, tzinfo=UTC))     # before anything that tests do
AGENT = AGENTS[0].email


@pytest.fixture
def connector(helpdesk: Home) -> Iterator[RequestTracker]:
    one = open_connector(helpdesk)
    yield one
    one.close()


def open_connector(home: Home, *, token: str | None = None, **options: Any) -> RequestTracker:
    secrets = {"token": token or read_secrets(home)[TOKEN_VARIABLE]}
    return connect("helpdesk", {"url": read_facts(home)["url"], **options}, secrets=secrets, sleep=lambda seconds: None)


def pages(connector: Connector, stream: str, window: Window = ALL, resume: Any = None) -> list[Page]:
    return list(connector.read(STREAM[stream], window, resume))


def records(connector: Connector, stream: str, window: Window = ALL) -> list[dict[str, Any]]:
    return [dict(record) for page in pages(connector, stream, window) for record in page.records]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [str(record["id"]) for record in found]


def token_of(home: Home, name: str) -> str:
    answer = run_operations(home, [{"at": int(NOW.timestamp()), "do": "token", "name": name}])
    return str(answer["tokens"][0]["token"])


# ---- the whole of it

TABLES = {        # what RT's database holds of each stream, past its API
    "tickets": "select id from Tickets where Status != 'deleted' and id = EffectiveId and Type = 'ticket'",
    "transactions": "select id from Transactions where ObjectType = 'RT::Ticket'",
    "users": "select id from Users", "queues": "select id from Queues", "custom_fields": "select id from CustomFields",     # those switched off, too
}


def test_killed_at_every_page_and_over_a_bad_line_everything_lands_once(helpdesk: Home, tmp_path: Path) -> None:
    def keys(stream: str) -> list[str]:
        with closing(sqlite3.connect(helpdesk.database)) as database:
            return [str(key) for (key,) in database.execute(TABLES[stream])]

    def open_at(url: str) -> RequestTracker:
        return open_connector(helpdesk, url=url, page_size=7)

    subject = Standing(kind="request_tracker", url=read_facts(helpdesk)["url"], open=open_at, keys=keys, clock=NOW)
    verdicts = proved(subject, tmp_path, mortal=("tickets", "transactions", "queues"))
    print(*verdicts, sep="\n")
    judged(verdicts)
    assert sum(verdict.landed for verdict in verdicts) > 100


def test_every_ticket_and_event_of_the_plan_arrives_at_its_instant(connector: RequestTracker, plan: Plan) -> None:
    users = {str(user["id"]): user["Name"] for user in records(connector, "users")}
    queues = {str(queue["id"]): queue["Name"] for queue in records(connector, "queues")}
    fields = {str(field["id"]): field["Name"] for field in records(connector, "custom_fields")}
    got: Counter[tuple[Any, ...]] = Counter()
    for one in records(connector, "transactions"):
        value: Any
        match one["Type"], one["Field"]:
            case "Create", _:
                kind, value = "create", None
            case "Correspond", _:
                kind, value = "public_reply", None
            case "Comment", _:
                kind, value = "private_note", None
            case "Status", _:
                kind, value = "status", one["NewValue"]
            case "Set", "Queue":
                kind, value = "team", queues[one["NewValue"]]
            case "Set", "Owner":
                kind, value = "assignee", users[one["NewValue"]]
            case "Set", "Priority":
                kind, value = "priority", int(one["NewValue"])
            case "CustomField", field:
                kind, value = fields[field], one["NewValue"]
            case _:
                continue
        got[int(one["ObjectId"]), kind, datetime.fromisoformat(one["Created"]), one["Creator"]["id"], value] += 1
    expected: Counter[tuple[Any, ...]] = Counter()
    for operation in operations.history(plan):
        if operation["do"] in ("user", "level"):
            continue
        kind = operations.RATING if operation["do"] == "field" else operation["do"]
        at = datetime.fromtimestamp(operation["at"], UTC)
        expected[operation["ticket"], kind, at, operation["by"] or "RT_System", operation.get("value")] += 1
    assert {key: count for key, count in got.items() if key[2] < ALL.end} == {key: count for key, count in expected.items() if key[2] < ALL.end}
    tickets = {int(ticket["id"]): ticket for ticket in records(connector, "tickets")}
    assert {number: datetime.fromisoformat(ticket["Created"]) for number, ticket in tickets.items()} == {
        operations.ticket_id(ticket.number): ticket.created_at for ticket in plan.tickets
    }
    values = {field["name"]: field["values"] for field in tickets[1]["CustomFields"]}
    assert values == {"Channel": ["email"], "Topic": ["delivery"], "Order number": ["SO000001"], "SLA policy": ["standard"], "Customer rating": ["good"]}


def test_nobody_who_asked_for_help_is_left_in_what_would_land(connector: RequestTracker, plan: Plan) -> None:
    policy = Policy(key="of these tests, and of nobody else", own_domains=frozenset({"meridian.example"}))
    told, raw = "", ""
    for stream in STREAMS:
        guarded = guard("helpdesk", stream, policy)
        for record in records(connector, stream.name):
            raw += json.dumps(record, ensure_ascii=False)
            told += json.dumps(guarded.record(record), ensure_ascii=False)
    asked = {ticket.requester for ticket in plan.tickets}
    personal = {text for customer in plan.customers if customer.number in asked for text in (customer.email, customer.name)}
    personal |= {text for ticket in plan.tickets for text in (ticket.subject, ticket.body)}
    assert {text for text in personal if text in raw} >= {customer.email for customer in plan.customers if customer.number in asked}
    assert not {text for text in personal if text in told}
    assert AGENT in told and "Support EMEA" in told


def test_check_names_the_version_and_the_account(connector: RequestTracker) -> None:
    assert connector.check().startswith("Request Tracker 5.")
    assert connector.check().endswith("as meridian-reader")


@pytest.mark.parametrize("stream", [stream.name for stream in STREAMS])
def test_the_size_of_pages_changes_nothing(helpdesk: Home, stream: str) -> None:
    small, large = open_connector(helpdesk, page_size=7 if stream == "transactions" else 3), open_connector(helpdesk)
    in_small = records(small, stream)
    assert in_small == records(large, stream)
    assert small.requests_made(stream) > large.requests_made(stream) > 0
    assert len(set(ids(in_small))) == len(in_small) > 1


@pytest.mark.parametrize("stream", [stream.name for stream in STREAMS])
def test_a_read_goes_on_behind_any_page(helpdesk: Home, stream: str) -> None:
    connector = open_connector(helpdesk, page_size=5 if stream != "transactions" else 40)
    whole = pages(connector, stream)
    for number in sorted({0, 1, len(whole) // 2, len(whole) - 1} & set(range(len(whole)))):
        position = json.loads(json.dumps(whole[number].position))
        before = [landed_key(STREAM[stream], record) for earlier in whole[: number + 1] for record in earlier.records]
        rest = [landed_key(STREAM[stream], record) for later in pages(connector, stream, resume=position) for record in later.records]
        assert before + rest == [landed_key(STREAM[stream], record) for each in whole for record in each.records]


def test_all_streams_can_be_read_at_once_from_fewer_workers(connector: RequestTracker) -> None:
    with ThreadPoolExecutor(max_workers=len(STREAMS)) as threads:
        at_once = list(threads.map(lambda stream: ids(records(connector, stream.name)), STREAMS))
    assert at_once == [ids(records(connector, stream.name)) for stream in STREAMS]


# ---- windows

def test_records_that_share_a_second_are_all_read_and_the_window_is_half_open(helpdesk: Home) -> None:
    connector = open_connector(helpdesk, page_size=1)
    everything = records(connector, "tickets")
    together = [instant for instant, count in Counter(record["LastUpdated"] for record in everything).items() if count > 1]
    border = datetime.fromisoformat(together[0])
    tied = sorted(record["id"] for record in everything if record["LastUpdated"] == together[0])
    before = records(connector, "tickets", Window(start=None, end=border))
    at = records(connector, "tickets", Window(start=border, end=border + timedelta(seconds=1)))
    after = records(connector, "tickets", Window(start=border + timedelta(seconds=1), end=ALL.end))
    assert sorted(ids(at)) == tied
    assert sorted(ids(before) + ids(at) + ids(after)) == sorted(ids(everything))


def test_an_account_in_another_time_zone_reads_the_same_window(helpdesk: Home, connector: RequestTracker) -> None:
    elsewhere = open_connector(helpdesk, token=token_of(helpdesk, AGENTS[1].email))
    assert elsewhere.check().endswith(AGENTS[1].email)
    edge = datetime.fromisoformat(records(connector, "tickets")[3]["LastUpdated"])
    for window in (Window(start=edge, end=ALL.end), Window(start=None, end=edge), Window(start=edge, end=edge + timedelta(seconds=1))):
        for stream in ("tickets", "transactions"):
            assert ids(records(elsewhere, stream, window)) == ids(records(connector, stream, window))


def test_an_account_whose_zone_is_unknown_reads_the_same_window(helpdesk: Home, connector: RequestTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = open_connector(helpdesk, token=token_of(helpdesk, AGENTS[4].email))
    monkeypatch.setattr(nameless, "_me", lambda: {})
    edge = datetime.fromisoformat(records(connector, "tickets")[3]["LastUpdated"])
    window = Window(start=edge, end=edge + timedelta(hours=30))
    assert ids(records(nameless, "tickets", window)) == ids(records(connector, "tickets", window)) != []


# ---- what the account may not see

def test_pages_that_come_short_or_empty_are_not_the_end(helpdesk: Home) -> None:
    at = datetime(2026, 11, 1, 3, tzinfo=UTC)
    notes = [{"do": "private_note", "by": AGENT, "text": f"note {number}"} for number in range(9)]
    seconds = int(at.timestamp())
    run_operations(helpdesk, [
        *creation(101, at, *notes, {"do": "public_reply", "by": AGENT, "text": "Seen."}),
        {"at": seconds, "do": "user", "name": "half-blind", "privileged": True, "timezone": "UTC"},
        {"at": seconds, "do": "group", "name": "Half blind", "members": ["half-blind"], "rights": ["SeeQueue", "ShowTicket"]},
    ])
    token = token_of(helpdesk, "half-blind")
    window = Window(start=at, end=at + timedelta(minutes=1))
    connector = open_connector(helpdesk, token=token, page_size=2)
    seen = [record["Type"] for record in records(connector, "transactions", window) if record["ObjectId"] == "101"]
    assert seen == ["Create", "Correspond"]
    # The trap itself: RT says neither how many there are nor that there is more.
    first = records(connector, "transactions", window)[0]["id"]
    query = urllib.parse.urlencode({"query": f"ObjectType = 'RT::Ticket' AND id > {first}", "per_page": 2, "orderby": "id"})
    request = urllib.request.Request(f"{read_facts(helpdesk)['url']}/REST/2.0/transactions?{query}", headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request) as answer:
        naive = json.load(answer)
    assert (naive["items"], naive["total"], naive.get("next_page")) == ([], None, None)


# ---- change while reading, deletes

def test_tickets_changed_while_they_are_read_are_in_this_window_or_the_next(helpdesk: Home) -> None:
    at = datetime(2026, 11, 1, 4, tzinfo=UTC)
    new_tickets(helpdesk, at, {number: () for number in range(111, 117)})
    now = at + timedelta(minutes=10)
    connector = open_connector(helpdesk, page_size=2)
    seen: dict[str, str] = {}
    for count, page in enumerate(connector.read(STREAM["tickets"], Window(start=at, end=now))):
        seen.update({record["id"]: record["Status"] for record in page.records})
        if count == 1:     # one already read, one not yet, and one that comes into being
            late = int(now.timestamp())
            run_operations(helpdesk, [
                *creation(117, now), {"at": late, "do": "status", "ticket": 111, "by": AGENT, "value": "open"},
                {"at": late, "do": "status", "ticket": 116, "by": AGENT, "value": "open"},
            ])
    assert "116" not in seen
    assert {"112", "113", "114", "115"} <= seen.keys()
    seen.update({record["id"]: record["Status"] for record in records(connector, "tickets", Window(start=now, end=now + timedelta(minutes=1)))})
    assert {number: seen[number] for number in ("111", "116", "117")} == {"111": "open", "116": "open", "117": "new"}
    assert {"111", "112", "113", "114", "115", "116", "117"} <= seen.keys()


def test_deleted_and_merged_tickets_are_told_and_a_restored_one_stands(helpdesk: Home, connector: RequestTracker) -> None:
    at = datetime(2026, 11, 1, 5, tzinfo=UTC)
    deleted = {"do": "status", "by": AGENT, "value": "deleted"}
    new_tickets(helpdesk, at, {
        121: (), 122: (deleted,), 123: ({"do": "merge", "by": AGENT, "into": 121},), 124: (deleted, {"do": "status", "by": AGENT, "value": "open"}),
    })
    window = Window(start=at, end=at + timedelta(minutes=1))
    standing: dict[str, bool] = {}
    for page in pages(connector, "tickets", window):
        standing.update({record["id"]: True for record in page.records})
        standing.update(dict.fromkeys(page.deleted, False))
    assert standing == {"121": True, "122": False, "123": False, "124": True}
    exist = set(connector.keys(STREAM["tickets"]))
    assert {"121", "124", "1"} <= exist
    assert not {"122", "123"} & exist


# ---- failures, by name

def test_a_revoked_token_is_refused_and_never_shown(helpdesk: Home) -> None:
    token = token_of(helpdesk, AGENTS[5].email)
    connector = open_connector(helpdesk, token=token)
    assert connector.check()
    run_operations(helpdesk, [{"at": int(NOW.timestamp()), "do": "revoke", "name": AGENTS[5].email}])
    with pytest.raises(Refused) as refused:
        pages(connector, "tickets")
    assert token not in str(refused.value)
    assert not refused.value.retryable


def test_a_killed_server_is_unreachable_and_the_read_goes_on_when_it_is_back(helpdesk: Home) -> None:
    connector = open_connector(helpdesk, page_size=4)
    whole = ids(records(connector, "transactions"))
    reading = connector.read(STREAM["transactions"], ALL)
    first = next(reading)
    server.stop(helpdesk)
    try:
        with pytest.raises(Unreachable) as failure:
            list(reading)
        assert failure.value.retryable
    finally:
        server.start(helpdesk)
    rest = [record["id"] for page in pages(open_connector(helpdesk), "transactions", resume=first.position) for record in page.records]
    assert [record["id"] for record in first.records] + rest == whole


def test_a_position_of_another_connector_is_not_understood(connector: RequestTracker) -> None:
    with pytest.raises(UnexpectedShape, match="cannot go on from"):
        pages(connector, "tickets", resume="page 3")


@pytest.mark.parametrize(("options", "message"), [
    ({}, "option 'url' is missing"),
    ({"url": "rt.example.org"}, "is no web address"),
    ({"url": "https://rt.example.org", "page_size": 500}, "page_size is 500"),
    ({"url": "https://rt.example.org", "page_size": True}, "page_size is True"),
    ({"url": "https://rt.example.org", "hidden_pages": -1}, "hidden_pages is -1"),
    ({"url": "https://rt.example.org", "pagesize": 10}, "has no option 'pagesize'"),
    ({"url": "http://rt.example.org"}, "plain http"),
])
def test_options_that_cannot_work_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        connect("helpdesk", options, secrets={"token": "1-2-abcdef"})


def test_a_missing_token_says_where_to_make_one() -> None:
    with pytest.raises(Misconfigured, match="Auth Tokens"):
        connect("helpdesk", {"url": "https://rt.example.org"}, secrets={})


def test_the_streams_have_one_key_and_known_names() -> None:
    assert [stream.name for stream in STREAMS] == ["tickets", "transactions", "users", "queues", "custom_fields"]
    with pytest.raises(Misconfigured, match="no such stream"):
        list(connect("helpdesk", {"url": "https://rt.example.org"}, secrets={"token": "1-2-ab"}).read(Stream(name="articles", key=("id",)), ALL))
