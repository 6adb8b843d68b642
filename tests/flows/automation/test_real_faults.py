"""One effect per intent in a real Tryton and a real Request Tracker, through the whole executor: killed at every point, every fault between us and them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from flows.automation.actions import http
from flows.store import intents
from sandbox.request_tracker.home import WRITE_TOKEN_VARIABLE, Home, read_facts, read_secrets
from sandbox.tryton.home import WRITE_KEY_NAME, key_of
from tests.flows.automation import real
from tests.flows.automation.actions.promises import Subject
from tests.flows.automation.faults import KILLS, counted, lived
from tests.flows.automation.proxy import FAULTS, LATE
from tests.flows.automation.real import Real
from tests.flows.automation.world import world
from tests.sandbox.request_tracker.real import NOW, helpdesk, new_tickets, request_tracker_installed
from tests.sandbox.tryton.box import writable_company

__all__ = ["helpdesk", "request_tracker_installed"]

IN_TRYTON = ("tryton.move_purchase_line", "tryton.set_campaign_active")
IN_REQUEST_TRACKER = ("request_tracker.set_priority", "request_tracker.note", "request_tracker.open_task", "request_tracker.say")
ACTIONS = (*IN_TRYTON, *IN_REQUEST_TRACKER)
TICKETS = {"set_priority": 8_201, "note": 8_202, "say": 8_203}
CELLS = ("", *FAULTS, LATE)
MATRIX = tuple(product(KILLS, CELLS))


def part(action: str) -> list[tuple[str, str]]:
    """A sixth of the matrix, another one for each action: together all of it, and each action meets each fault and each kill."""
    return [(kill, fault) for kill, fault in MATRIX if (KILLS.index(kill) + CELLS.index(fault) + ACTIONS.index(action)) % len(ACTIONS) == 0]


@pytest.fixture(scope="module")
def erp() -> Iterator[Real]:
    box = writable_company()
    with pytest.MonkeyPatch.context() as patch, real.erp(Subject(
            kind="tryton", options={"url": box.facts["url"], "database": box.facts["database"]}, secrets={"WRITE_KEY": key_of(box.home, WRITE_KEY_NAME)}),
            "black week") as one:
        patch.setattr(http, "TIMEOUT", real.PATIENCE)
        yield one


@pytest.fixture(scope="module")
def desk(helpdesk: Home) -> Iterator[Real]:
    new_tickets(helpdesk, NOW, {number: () for number in TICKETS.values()})
    with pytest.MonkeyPatch.context() as patch, real.helpdesk(Subject(
            kind="request_tracker", options={"url": read_facts(helpdesk)["url"]}, secrets={"WRITE_TOKEN": read_secrets(helpdesk)[WRITE_TOKEN_VARIABLE]}),
            TICKETS) as one:
        patch.setattr(http, "TIMEOUT", real.PATIENCE)
        yield one


@pytest.fixture
def system(request: pytest.FixtureRequest, action: str) -> Real:
    """Where the action acts; the other one need not run for it."""
    found = request.getfixturevalue("erp" if action in IN_TRYTON else "desk")
    assert isinstance(found, Real)
    return found


@pytest.mark.parametrize("action", ACTIONS)
def test_killed_and_cut_off_it_is_done_once_or_somebody_is_told(tmp_path: Path, system: Real, action: str) -> None:
    live_through(tmp_path, system, action, part(action))


@pytest.mark.drill
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("action", ACTIONS)
def test_at_every_kill_and_every_fault_it_is_done_once_or_somebody_is_told(tmp_path: Path, system: Real, action: str) -> None:
    live_through(tmp_path, system, action, MATRIX)


@pytest.mark.drill
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("action", IN_TRYTON[:1])
def test_a_move_is_cut_off_between_the_draft_that_it_opens_and_the_line_that_it_moves(tmp_path: Path, system: Real, action: str) -> None:
    live_through(tmp_path, system, action, MATRIX, spared=1)


def live_through(folder: Path, system: Real, action: str, cells: Sequence[tuple[str, str]], spared: int = 0) -> None:
    """spared: how many requests go well before the fault."""
    wrong, outcomes = [], []
    for number, (kill, fault) in enumerate(cells):
        here = folder / str(number)
        here.mkdir()
        one = lived(here, system.work(action), kill, [*[""] * spared, fault] if fault else [])
        outcomes.append(one)
        if one.is_twice or one.is_lost:
            wrong.append((kill, fault, one))
    found = counted(outcomes)
    print(action, found)
    assert wrong == []
    assert len(outcomes) == len(cells) and found["verified"] > 0
    # what can be looked for is not handed to a person, and what cannot is as soon as no answer came
    assert (found.get("handed_over", 0) > 0) == (action == real.SAY.name)


@pytest.mark.parametrize("action", ["tryton.move_purchase_line", "request_tracker.note"])
def test_three_triggers_and_as_many_executors_at_once_do_it_once(tmp_path: Path, system: Real, action: str) -> None:
    works = [system.work(action) for _ in range(6)]
    here = world(tmp_path, "", mode="auto", caps={"per_run": 50}, canary=1, steps=[dict(works[0].step)])
    here.actions, here.session, here.rows = works[0].actions, works[0].session, [dict(work.row) for work in works]
    assert here.ledger
    system.proxy.faults = ["500 after", "", "reset after"]
    threads = [threading.Thread(target=here.run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    here.until_done(system.proxy)
    done = {intent.work_key: intent for intent in here.intents()}
    assert len(here.proposals()) == len(done) == 6
    assert {(intent.state, work.effects(intent)) for work in works for intent in [done[str(work.row["work_key"])]]} == {("verified", 1)}
    here.audited()


def test_without_the_time_to_settle_a_late_note_would_be_there_twice(tmp_path: Path, desk: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix can fail: it does as soon as nobody waits for what Request Tracker may still be doing."""
    monkeypatch.setattr(intents, "recover", lambda *_: [])
    work = desk.work("request_tracker.note")
    here = world(tmp_path, "", mode="auto", steps=[dict(work.step)])
    here.actions, here.session, here.rows = work.actions, work.session, [dict(work.row)]
    here.propose()
    desk.proxy.faults = [LATE]
    here.execute()
    with here.ledger.begin() as connection:
        connection.execute(intents.intents.update().values(due_at=intents.text(here.now)))         # looked at at once
    here.execute()
    desk.proxy.settle()
    (one,) = here.intents()
    assert work.effects(one) == 2
