"""The actions in a real Request Tracker; what it holds afterwards is read from its own database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flows.automation.actions import http
from sandbox.request_tracker.home import TOKEN_VARIABLE, WRITE_TOKEN_VARIABLE, Home, read_facts, read_secrets
from sandbox.request_tracker.operations import NOTICE
from tests.connectors.faults import LOGIN_PAGE, Fault, FaultServer, faults
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject
from tests.sandbox.request_tracker.real import NOW, helpdesk, new_tickets, request_tracker_installed

__all__ = ["faults", "helpdesk", "request_tracker_installed"]

TICKET = 8_100
AGENT = "agent1@example.com"


def rows(home: Home, query: str, *values: Any) -> list[Any]:
    with sqlite3.connect(home.database, timeout=30) as connection:
        return [row[0] for row in connection.execute(query, values)]


def comments(home: Home, marker: str) -> int:
    found = "select count(*) from Transactions where ObjectType = 'RT::Ticket' and ObjectId = ? and Type = 'Comment' and Data like ?"
    return int(rows(home, found, TICKET, f"%{marker}%")[0])


def notices(home: Home) -> list[Any]:
    return rows(home, "select coalesce(LargeContent, Content) from ObjectCustomFieldValues join Queues on Queues.id = ObjectId "
                "where ObjectType = 'RT::Queue' and Queues.Name = 'Support EMEA' and ObjectCustomFieldValues.Disabled = 0")


@pytest.fixture(scope="module")
def subject(helpdesk: Home) -> Subject:
    new_tickets(helpdesk, NOW, {TICKET: ()})
    return Subject(kind="request_tracker", options={"url": read_facts(helpdesk)["url"], "autoreply": f"Support EMEA/{NOTICE}"}, secrets={"WRITE_TOKEN": read_secrets(helpdesk)[WRITE_TOKEN_VARIABLE]})


@pytest.fixture(scope="module")
def cases(helpdesk: Home, subject: Subject) -> dict[str, Case]:
    owner = "select Users.Name from Tickets join Users on Users.id = Tickets.Owner where Tickets.id = ?"
    return {case.action: case for case in (
        Case(action="request_tracker.set_priority", given={"ticket": f"helpdesk:{TICKET}", "priority": "95"}, wrong={"priority": "asap"},
             truth=lambda marker: rows(helpdesk, "select Priority from Tickets where id = ?", TICKET), at_first=[50], done=[95], undone=[50]),
        Case(action="request_tracker.assign", given={"ticket": str(TICKET), "owner": "meridian-writer"}, wrong={"owner": "who@example.com"},
             truth=lambda marker: rows(helpdesk, owner, TICKET), at_first=["Nobody"], done=["meridian-writer"], undone=["Nobody"]),
        Case(action="request_tracker.set_status", given={"ticket": str(TICKET), "status": "stalled"}, wrong={"status": "sleeping"},
             truth=lambda marker: rows(helpdesk, "select Status from Tickets where id = ?", TICKET), at_first=["new"], done=["stalled"], undone=["new"]),
        Case(action="request_tracker.note", given={"ticket": str(TICKET), "text": "Three hours over.\n已超时"}, wrong={"ticket": "999999"},
             truth=lambda marker: comments(helpdesk, marker), at_first=0, done=1),
        Case(action="request_tracker.open_task", given={"queue": "Billing", "subject": "Call the customer 客户", "text": "Please.", "due": "2026-11-05"},
             wrong={"queue": "Nowhere"}, truth=lambda marker: rows(helpdesk, "select Status from Tickets where Subject like ?", f"%{marker}%"),
             at_first=[], done=["new"], undone=["rejected"]),
        Case(action="request_tracker.set_autoreply", given={"text": "Answers take longer these days. 近期回复较慢。"}, truth=lambda marker: notices(helpdesk), at_first=[],
             done=["Answers take longer these days. 近期回复较慢。"], undone=[]),
        Case(action="request_tracker.close_task", given={"ticket": str(TICKET), "was": "new"}, wrong={"was": "open"},
             truth=lambda marker: rows(helpdesk, "select Status from Tickets where id = ?", TICKET), at_first=["new"], done=["resolved"], undone=["new"]),
    )}


@pytest.fixture(scope="module")
def proxy(subject: Subject) -> Iterator[proxies.Proxy]:
    with proxies.before(str(subject.options["url"])) as one:
        yield one


NAMES = ("set_priority", "assign", "set_status", "note", "open_task", "close_task", "set_autoreply")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_done_is_there_once_is_seen_and_taken_back(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.it_is_done_seen_and_undone(subject, cases[f"request_tracker.{name}"], f"m-done-{name.replace('_', '-')}")


@pytest.mark.parametrize("fault", proxies.FAULTS)
@pytest.mark.parametrize("name", ["set_priority", "open_task", "close_task", "set_autoreply"])
def test_a_fault_says_what_is_known_of_the_effect(
    subject: Subject, cases: dict[str, Case], proxy: proxies.Proxy, name: str, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 5.0) if fault != "silence after" else (5.0, 1.0))
    proxy.silence = 3.0
    promises.a_fault_says_what_is_known(subject, cases[f"request_tracker.{name}"], f"m-{name[:3]}-{fault.replace(' ', '-')}", proxy, fault)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "set_autoreply"])
def test_what_is_wrong_is_refused_and_changes_nothing(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.what_is_wrong_is_refused(subject, cases[f"request_tracker.{name}"], f"m-wrong-{name.replace('_', '-')}")


@pytest.mark.parametrize(("autoreply", "said"), [
    ("Support EMEA", "write '<queue>/<custom field"), ("Nowhere/Notice", "no queue 'Nowhere'"), ("Support EMEA/Notices", "no custom field 'Notices'")])
def test_a_notice_that_is_not_there_is_said(subject: Subject, cases: dict[str, Case], autoreply: str, said: str) -> None:
    wrong = replace(subject, options={**subject.options, "autoreply": autoreply})
    with wrong.session() as session, pytest.raises(promises.Refused, match=said):
        cases["request_tracker.set_autoreply"].means.look(session, {"text": "x"}, "m-1")


def test_two_tasks_with_one_marker_are_never_as_wanted(subject: Subject, cases: dict[str, Case]) -> None:
    case = cases["request_tracker.open_task"]
    with subject.session() as session:
        for _ in range(2):
            case.means.act(session, case.given, {}, "m-twice")
        assert not promises.holds(case.means.look(session, case.given, "m-twice"), case.means.wanted(case.given, {}))


def test_a_login_page_is_unrecognized_and_nobody_there_unavailable(subject: Subject, cases: dict[str, Case], faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=LOGIN_PAGE, content_type="text/html")
    promises.a_login_page_is_not_an_answer(subject, cases["request_tracker.set_priority"], faults.url)
    promises.nobody_there_is_unavailable(subject, cases["request_tracker.set_priority"])


def test_the_reading_account_cannot_write(helpdesk: Home, subject: Subject, cases: dict[str, Case]) -> None:
    reading = Subject(kind=subject.kind, options=subject.options, secrets={"WRITE_TOKEN": read_secrets(helpdesk)[TOKEN_VARIABLE]})
    promises.what_is_wrong_is_refused(reading, replace(cases["request_tracker.set_priority"], wrong={}), "m-reader")
