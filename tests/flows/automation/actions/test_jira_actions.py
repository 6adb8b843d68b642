"""The actions in the Jira stand-in, which follows the vendor's documented rules; what it holds afterwards is read from its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.automation import actions
from flows.automation.actions import http, jira
from flows.automation.contract import Refused
from sandbox.jira.server import Account, Api
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State
from tests.connectors.faults import LOGIN_PAGE, Fault, FaultServer, faults
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject

__all__ = ["faults"]

EMAIL, TOKEN, BO = "meridian@company.example", "jira-token", "bo@company.example"
ACCOUNTS = [Account(email=EMAIL, token=TOKEN, account_id="acc-1", name="Meridian"), Account(email=BO, token="bo-token", account_id="acc-2", name="Bo"),
            Account(email="eve@company.example", token="eve-token", account_id="acc-3", name="Eve", shows_address=False)]
NAMES = ("set_status", "note", "open_task", "close_task")


@dataclass(frozen=True, kw_only=True)
class Site:
    url: str
    state: State


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """With one issue, OPS-1. What is written is not found by a search for two minutes."""
    state = State(tmp_path / "state.sqlite", ticking=False)
    api = Api(state, ACCOUNTS, ("OPS",), index_delay=timedelta(minutes=2))
    api.create(ACCOUNTS[1], {"fields": {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "A task of ours"}})
    with served(api.answer) as url:
        yield Site(url=url, state=state)
    state.close()


@pytest.fixture
def subject(site: Site) -> Subject:
    return Subject(kind="jira", options={"url": site.url, "email": EMAIL, "tasks": "OPS"}, secrets={"WRITE_TOKEN": TOKEN})


@pytest.fixture
def cases(site: Site) -> dict[str, Case]:
    def status(marker: str) -> str:
        return str(site.state.items("issues")[0]["status"])

    return {case.action.removeprefix("jira."): case for case in (
        Case(action="jira.set_status", given={"ticket": "OPS-1", "status": "In Progress"}, wrong={"status": "Sleeping"}, truth=status, at_first="To Do",
             done="In Progress", undone="To Do"),
        Case(action="jira.note", given={"ticket": "OPS-1", "text": "Three hours over.\n\n已超时"}, wrong={"ticket": "OPS-99"},
             truth=lambda marker: sum(marker in str(comment["body"]) for comment in site.state.items("comments")), at_first=0, done=1),
        Case(action="jira.open_task", given={"subject": "Call the\ncustomer 客户", "text": "Please.\n[ ] call", "owner": BO, "due": "2026-11-05"}, wrong={"queue": "NOPE"},
             truth=lambda marker: [(item["status"], item["assignee"], item["duedate"]) for item in site.state.items("issues") if marker in item["labels"]],
             at_first=[], done=[("To Do", "acc-2", "2026-11-05")], undone=[("Done", "acc-2", "2026-11-05")]),
        Case(action="jira.close_task", given={"ticket": "OPS-1", "was": "To Do"}, wrong={"was": "In Progress"}, truth=status, at_first="To Do", done="Done", undone="To Do"),
    )}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_done_is_there_once_is_seen_and_taken_back(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.it_is_done_seen_and_undone(subject, cases[name], "m-done")


@pytest.mark.parametrize("fault", proxies.FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_says_what_is_known_of_the_effect(
    site: Site, subject: Subject, cases: dict[str, Case], name: str, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 5.0) if fault != "silence after" else (5.0, 0.7))
    action = cases[name].means

    def once_it_has_settled(session: Any, given: Any, marker: str) -> Any:
        site.state.set_clock(site.state.now() + jira.SETTLES)       # as the executor waits before it looks for what was never answered
        return action.look(session, given, marker)

    monkeypatch.setitem(actions.ACTIONS, action.name, replace(action, look=once_it_has_settled))        # type: ignore[arg-type]
    with proxies.before(site.url) as proxy:
        promises.a_fault_says_what_is_known(subject, cases[name], f"m-{fault.replace(' ', '-')}", proxy, fault)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_refused_and_changes_nothing(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.what_is_wrong_is_refused(subject, cases[name], "m-wrong")


def test_an_index_that_is_behind_hides_what_another_session_opened_until_the_time_to_settle_is_over(site: Site, subject: Subject, cases: dict[str, Case]) -> None:
    """Why an unknown answer waits: whoever looked at once would open it again."""
    case = cases["open_task"]
    with subject.session() as session:
        case.means.act(session, case.given, {}, "m-lag")
        assert case.means.look(session, case.given, "m-lag")["ticket"] == "OPS-2"       # its own it names to the index
    with subject.session() as session:
        assert case.means.look(session, case.given, "m-lag") == {}
        site.state.set_clock(site.state.now() + case.means.settles)
        assert case.means.look(session, case.given, "m-lag")["ticket"] == "OPS-2"


def test_two_tasks_with_one_marker_are_never_as_wanted(site: Site, subject: Subject, cases: dict[str, Case]) -> None:
    case = cases["open_task"]
    with subject.session() as session:
        for _ in range(2):
            case.means.act(session, case.given, {}, "m-twice")
        site.state.set_clock(site.state.now() + case.means.settles)
        assert not promises.holds(case.means.look(session, case.given, "m-twice"), case.means.wanted(case.given, {}))


def test_who_hides_the_address_is_not_guessed(subject: Subject, cases: dict[str, Case]) -> None:
    with subject.session() as session, pytest.raises(Refused, match="0 accounts are found"):
        cases["open_task"].means.act(session, {**cases["open_task"].given, "owner": "eve@company.example"}, {}, "m-eve")


def test_a_note_is_found_behind_many_others(subject: Subject, cases: dict[str, Case]) -> None:
    case = cases["note"]
    with subject.session() as session:
        case.means.act(session, case.given, {}, "m-first")
        for number in range(jira.PAGE + 1):
            case.means.act(session, case.given, {}, f"m-{number}")
        assert case.means.look(session, case.given, "m-first") == {"note": "there"}
        assert case.means.look(session, case.given, "m-none") == {}


def test_a_login_page_is_unrecognized_and_nobody_there_unavailable(subject: Subject, cases: dict[str, Case], faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=LOGIN_PAGE, content_type="text/html")
    promises.a_login_page_is_not_an_answer(subject, cases["set_status"], faults.url)
    promises.nobody_there_is_unavailable(subject, cases["set_status"])
