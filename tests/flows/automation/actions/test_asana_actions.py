"""The actions in the Asana stand-in, which follows the vendor's documented rules; what it holds afterwards is read from its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.automation.actions import http
from flows.automation.contract import Refused, Unavailable
from sandbox.asana.server import Api, App
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State
from tests.connectors.faults import LOGIN_PAGE, Fault, FaultServer, faults
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject

__all__ = ["faults"]

BO, PROJECT = "bo@company.example", "4711"
APP = App(client_id="app-1", client_secret="app-secret", refresh_token="refresh-me", personal_token="personal")
NAMES = ("set_status", "note", "open_task", "close_task")


@dataclass(frozen=True, kw_only=True)
class Workspace:
    url: str
    state: State
    task: str


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    state = State(tmp_path / "state.sqlite", ticking=False)
    api = Api(state, APP, (PROJECT,), {BO: "2"})
    _, made = api.create(True, {"name": "A task of ours", "projects": [PROJECT]})
    with served(api.answer) as url:
        yield Workspace(url=url, state=state, task=made["data"]["gid"])
    state.close()


@pytest.fixture
def subject(workspace: Workspace) -> Subject:
    return Subject(kind="asana", options={"url": workspace.url, "client_id": APP.client_id, "tasks": PROJECT},
                   secrets={"CLIENT_SECRET": APP.client_secret, "REFRESH_TOKEN": APP.refresh_token})


@pytest.fixture
def cases(workspace: Workspace) -> dict[str, Case]:
    def completed(marker: str) -> bool:
        return bool(workspace.state.items("tasks")[0]["completed"])

    return {case.action.removeprefix("asana."): case for case in (
        Case(action="asana.set_status", given={"ticket": workspace.task, "status": "completed"}, wrong={"status": "sleeping"}, truth=completed, at_first=False,
             done=True, undone=False),
        Case(action="asana.note", given={"ticket": workspace.task, "text": "Three hours over.\n已超时"}, wrong={"ticket": "99"},
             truth=lambda marker: sum(marker in story["text"] for story in workspace.state.items("stories")), at_first=0, done=1),
        Case(action="asana.open_task", given={"subject": "Call the customer 客户", "text": "Please.", "owner": BO, "due": "2026-11-05 08:00:00"}, wrong={"queue": "99"},
             truth=lambda marker: [(item["completed"], item["assignee"], item["due_at"]) for item in workspace.state.items("tasks") if item["external"] == marker],
             at_first=[], done=[(False, "2", "2026-11-05T08:00:00.000Z")], undone=[(True, "2", "2026-11-05T08:00:00.000Z")]),
        Case(action="asana.close_task", given={"ticket": workspace.task, "was": "open"}, wrong={"ticket": "99"}, truth=completed, at_first=False, done=True, undone=False),
    )}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_done_is_there_once_is_seen_and_taken_back(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.it_is_done_seen_and_undone(subject, cases[name], "m-done")


@pytest.mark.parametrize("fault", proxies.FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_says_what_is_known_of_the_effect(
    workspace: Workspace, subject: Subject, cases: dict[str, Case], name: str, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 5.0) if fault != "silence after" else (5.0, 0.7))
    with proxies.before(workspace.url) as proxy:
        promises.a_fault_says_what_is_known(subject, cases[name], f"m-{fault.replace(' ', '-')}", proxy, fault)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_refused_and_changes_nothing(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.what_is_wrong_is_refused(subject, cases[name], "m-wrong")


@pytest.mark.parametrize("name", ["CLIENT_SECRET", "REFRESH_TOKEN"])
def test_an_app_that_is_not_authorized_is_told_so_without_its_secrets(subject: Subject, name: str) -> None:
    wrong = replace(subject, secrets={**subject.secrets, name: "wrong-secret"})
    with pytest.raises(Refused, match="authorize the app anew") as caught, wrong.session():
        pass
    assert "wrong-secret" not in str(caught.value)


def test_a_token_lasts_an_hour_and_the_next_session_has_a_new_one(workspace: Workspace, subject: Subject, cases: dict[str, Case]) -> None:
    case = cases["set_status"]
    with subject.session() as session:
        workspace.state.set_clock(workspace.state.now() + timedelta(minutes=61))
        with pytest.raises(Unavailable, match="credential is refused"):
            case.means.look(session, case.given, "")
    with subject.session() as session:
        assert case.means.look(session, case.given, "") == {"status": "open"}


def test_a_login_page_is_unrecognized_and_nobody_there_unavailable(workspace: Workspace, subject: Subject, cases: dict[str, Case], faults: FaultServer) -> None:
    promises.nobody_there_is_unavailable(subject, cases["set_status"])
    with subject.session() as session:
        session.base = faults.url                       # past the token, where a page for people stands
        faults.otherwise = lambda asked: Fault(body=LOGIN_PAGE, content_type="text/html")
        with pytest.raises(Exception, match="no JSON"):
            cases["set_status"].means.look(session, cases["set_status"].given, "m-1")
