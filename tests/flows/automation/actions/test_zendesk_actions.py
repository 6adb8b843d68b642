"""The actions in the Zendesk stand-in, which follows the vendor's documented rules; what it holds afterwards is read from its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.automation.actions import http
from flows.automation.contract import Refused, Unavailable
from sandbox.zendesk import life, triggers
from sandbox.zendesk import load as loading
from tests.connectors.faults import LOGIN_PAGE, Fault, FaultServer, faults
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject
from tests.sandbox.zendesk.desk import AGENT, NOW, OTHER, WORKER_TOKEN, Running, event, helpdesk, plan, ticket

__all__ = ["faults"]

NAMES = ("set_priority", "assign", "set_status", "note", "open_task", "close_task", "set_autoreply")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    open_one = ticket(1, NOW.replace(day=1, hour=1), event(NOW.replace(hour=1, minute=5), "assignee", value=AGENT),
                      event(NOW.replace(hour=1, minute=5), "status", value="open"))
    with helpdesk(tmp_path, plan(open_one)) as running:
        yield running


@pytest.fixture
def subject(desk: Running) -> Subject:
    return Subject(kind="zendesk", options={"url": desk.url, "email": loading.WORKER_EMAIL, "autoreply": triggers.AUTOREPLY}, secrets={"WRITE_TOKEN": WORKER_TOKEN})


@pytest.fixture
def cases(desk: Running) -> dict[str, Case]:
    number, = (item["id"] for item in desk.state.items("tickets"))
    emails = {user["id"]: user["email"] for user in desk.state.items("users")}

    def of(name: str) -> object:
        return (desk.state.get("tickets", number) or {})[name]

    def notes(marker: str) -> int:
        audits = desk.state.matching("ticket_events", "ticket_id", number)
        return sum(child["event_type"] == "Comment" and not child["public"] and marker in child["body"] for audit in audits for child in audit["child_events"])

    return {case.action.removeprefix("zendesk."): case for case in (
        Case(action="zendesk.set_priority", given={"ticket": f"helpdesk:{number}", "priority": "urgent"}, wrong={"priority": "asap"},
             truth=lambda marker: of("priority"), at_first="normal", done="urgent", undone="normal"),
        Case(action="zendesk.assign", given={"ticket": str(number), "owner": OTHER}, wrong={"owner": "who@company.example"},
             truth=lambda marker: emails[of("assignee_id")], at_first=AGENT, done=OTHER, undone=AGENT),
        Case(action="zendesk.set_status", given={"ticket": str(number), "status": "pending"}, wrong={"status": "sleeping"},
             truth=lambda marker: of("status"), at_first="open", done="pending", undone="open"),
        Case(action="zendesk.note", given={"ticket": str(number), "text": "Three hours over.\n已超时"}, wrong={"ticket": "4711"},
             truth=notes, at_first=0, done=1),
        Case(action="zendesk.open_task", given={"queue": "Billing", "owner": OTHER, "due": "2026-11-05", "subject": "Call the customer 客户", "text": "Please."}, wrong={"queue": "Nowhere"},
             truth=lambda marker: [item["status"] for item in desk.state.items("tickets", where=lambda item: item["external_id"] == marker)],
             at_first=[], done=["new"], undone=["solved"]),
        Case(action="zendesk.set_autoreply", given={"text": "Answers take longer these days. 近期回复较慢。"}, truth=lambda marker: trigger(desk)["actions"][0]["value"][2],
             at_first=triggers.TEXT, done="Answers take longer these days. 近期回复较慢。", undone=triggers.TEXT),
        Case(action="zendesk.close_task", given={"ticket": str(number), "was": "open"}, wrong={"was": "new"},
             truth=lambda marker: of("status"), at_first="open", done="solved", undone="open"),
    )}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_done_is_there_once_is_seen_and_taken_back(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.it_is_done_seen_and_undone(subject, cases[name], "m-done")


@pytest.mark.parametrize("fault", proxies.FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_says_what_is_known_of_the_effect(
    desk: Running, subject: Subject, cases: dict[str, Case], name: str, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 5.0) if fault != "silence after" else (5.0, 0.7))
    with proxies.before(desk.url) as proxy:
        promises.a_fault_says_what_is_known(subject, cases[name], f"m-{fault.replace(' ', '-')}", proxy, fault)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "set_autoreply"])
def test_what_is_wrong_is_refused_and_changes_nothing(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.what_is_wrong_is_refused(subject, cases[name], "m-wrong")


def test_the_rest_of_the_trigger_stays_and_another_one_is_not_guessed(desk: Running, subject: Subject, cases: dict[str, Case]) -> None:
    case, before = cases["set_autoreply"], trigger(desk)
    with subject.session() as session:
        case.means.act(session, case.given, {}, "")
    assert trigger(desk) == {**before, "actions": [{"field": "notification_user", "value": ["requester_id", "[Request received]", case.given["text"]]}]}
    for wrong in ("361", "the autoreply"):
        other = replace(subject, options={**subject.options, "autoreply": wrong})
        with other.session() as session, pytest.raises(Refused, match=f"no trigger '{wrong}'"):
            case.means.look(session, case.given, "")


def trigger(desk: Running) -> dict[str, Any]:
    return desk.state.get("triggers", triggers.AUTOREPLY) or {}


def test_the_vendor_makes_one_ticket_of_two_requests_with_one_key(subject: Subject, cases: dict[str, Case]) -> None:
    case = cases["open_task"]
    with subject.session() as session:
        for _ in range(2):
            case.means.act(session, case.given, {}, "m-twice")
    assert case.truth("m-twice") == ["new"]


def test_who_is_slower_than_a_person_does_nothing_and_may_try_again(
    desk: Running, subject: Subject, cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = cases["set_priority"]
    with subject.session() as session:
        read = session.get

        def and_a_person_is_quicker(path: str, *arguments: object, **more: object) -> object:
            found = read(path, *arguments, **more)
            desk.state.set_clock(NOW.replace(hour=4))
            life.update(desk.api.desk, desk.state.items("tickets")[0], {"priority": "low"}, at=desk.state.stamp(), updater=loading.ADMIN, via="web")
            return found

        monkeypatch.setattr(session, "get", and_a_person_is_quicker)
        with pytest.raises(Unavailable, match="same moment"):
            case.means.act(session, case.given, {"priority": "normal"}, "m-slow")
    assert case.truth("") == "low"


def test_a_login_page_is_unrecognized_and_nobody_there_unavailable(subject: Subject, cases: dict[str, Case], faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=LOGIN_PAGE, content_type="text/html")
    promises.a_login_page_is_not_an_answer(subject, cases["set_priority"], faults.url)
    promises.nobody_there_is_unavailable(subject, cases["set_priority"])
