"""Several sessions of one target on one queue: each piece of work in one of them, all of them stopped by what one of them finds, none of it lost by a kill."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from flows.automation import side_by_side
from flows.automation.contract import Unavailable
from flows.store import intents
from tests.flows.automation.faults import KILLS, killed_in_a_child
from tests.flows.automation.target import Target
from tests.flows.automation.world import NOTE, World, row, world


def queue_of(tmp_path: Path, shop: Target, many: int, *, sessions: int, **changes: Any) -> World:
    here = world(tmp_path, shop.url, mode="auto", caps={"per_run": 50}, **changes)
    here.rows = [row(f"o{number}") for number in range(many)]
    here.beside = lambda session: [nullcontext(session) for _ in range(sessions - 1)]
    return here


def test_each_piece_of_work_is_done_in_one_session_and_all_of_them_have_a_part(tmp_path: Path, shop: Target) -> None:
    here = queue_of(tmp_path, shop, 7, sessions=3)
    together, workers = threading.Barrier(3, timeout=20), Counter[str]()

    def step(name: str) -> None:
        """Behind the first, which goes alone, nobody goes on before all three have a piece in hand."""
        if name == "sending committed":
            workers[threading.current_thread().name] += 1
            if workers.total() > 1:
                together.wait()

    here.step = step
    here.propose()
    assert here.execute() == {"verified": 7}, "those that waited for the first went on in the same run"
    assert {subject: len(effects) for subject, effects in shop.effects.items()} == {f"o{number}": 1 for number in range(7)}
    assert len(workers) == 3
    assert here.audited().count("intent verified by move") == 7


def test_no_more_sessions_are_opened_than_there_is_work(tmp_path: Path, shop: Target) -> None:
    here, opened = queue_of(tmp_path, shop, 2, sessions=1), []

    @contextmanager
    def another(session: Any) -> Any:
        opened.append(session)
        yield session

    here.beside = lambda session: [another(session) for _ in range(7)]
    here.propose()
    here.execute()
    assert len(opened) == 1
    assert set(here.states().values()) == {"done"}


def test_a_page_that_changed_stops_all_sessions_and_nothing_more_is_sent(tmp_path: Path, shop: Target) -> None:
    here = queue_of(tmp_path, shop, 9, sessions=3)
    here.propose()
    sent = []

    def step(name: str) -> None:
        if name == "sending committed":
            sent.append(name)
            if len(sent) == 3:
                shop.gone = "changed"           # from here on nothing is as it is known

    here.step = step
    done = here.execute()
    assert len(sent) <= 3 + 2, "the other two sessions send what they have looked at already"
    assert 1 <= done["stopped"] <= 3, "each session ends with what it sees first"
    assert {intent.state for intent in here.intents()} <= {"verified", "waiting", "unknown", "planned"}
    with here.ledger.begin() as connection:
        assert intents.due(connection, here.now)
    here.step = lambda name: sent.append(name) if name == "sending committed" else None
    before = len(sent)
    assert here.execute() == {}, "the target is switched off until a person has looked"
    assert len(sent) == before


def test_a_session_that_does_not_open_is_left_out(tmp_path: Path, shop: Target, caplog: pytest.LogCaptureFixture) -> None:
    here = queue_of(tmp_path, shop, 4, sessions=1)

    @contextmanager
    def broken() -> Any:
        raise Unavailable("no memory for another Chromium")
        yield

    here.beside = lambda session: [broken()]
    here.propose()
    assert here.execute() == {"verified": 4}
    assert "one session less: no memory for another Chromium" in caplog.text


@pytest.mark.parametrize("kill", KILLS)
def test_killed_with_several_pieces_in_hand_each_is_done_once(tmp_path: Path, shop: Target, kill: str) -> None:
    here = queue_of(tmp_path, shop, 6, sessions=3, steps=[NOTE])
    here.propose()
    assert killed_in_a_child(here, shop, kill)
    here.until_done(shop)
    assert {subject: len(effects) for subject, effects in shop.effects.items()} == {f"o{number}": 1 for number in range(6)}
    assert {intent.state for intent in here.intents()} == {"verified"}


def test_a_defect_in_one_session_ends_the_others_and_is_raised() -> None:
    items = iter(range(100))
    done, lock = Counter[str](), threading.Lock()

    def take() -> int | None:
        with lock:
            return next(items, None)

    def do(session: Any, item: int) -> str:
        if item == 5:
            raise RuntimeError("a defect")
        return "verified"

    sessions: Sequence[AbstractContextManager[None]] = [nullcontext(), nullcontext()]
    with pytest.raises(RuntimeError, match="a defect"):
        side_by_side.work(sessions, take, do, done=done, most=1000)
    assert done["verified"] < 99


def test_no_more_is_done_in_a_run_than_it_may() -> None:
    done = Counter[str]()
    items = iter(range(100))
    side_by_side.work([nullcontext(), nullcontext(), nullcontext()], lambda: next(items), lambda session, item: "verified", done=done, most=10)
    assert done == {"verified": 10}
