"""One effect per intent: killed at every point, answered by every fault, for every class of action."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flows.store import intents
from sandbox.databases import Database
from tests.flows.automation.faults import KILLS, at_the_target, counted, lived
from tests.flows.automation.target import FAULTS, Target
from tests.flows.automation.world import SET, row, world


@pytest.mark.parametrize("repeat", ["A", "B", "C"])
def test_at_every_kill_and_every_fault_it_is_done_once_or_somebody_is_told(tmp_path: Path, shop: Target, repeat: str) -> None:
    wrong, outcomes = [], []
    for kill in KILLS:
        for fault in FAULTS:
            folder = tmp_path / f"{kill}-{fault}".replace(" ", "-")
            folder.mkdir()
            outcomes.append(lived(folder, at_the_target(shop, repeat, folder.name), kill, [fault]))
            if outcomes[-1].is_twice or outcomes[-1].is_lost:
                wrong.append((kill, fault, outcomes[-1]))
    assert wrong == []
    found = counted(outcomes)
    assert found["intents"] == len(KILLS) * len(FAULTS) == 48
    # what can be looked for is not handed to a person
    assert found.get("handed_over", 0) == 0 if repeat != "C" else found["handed_over"] > 0
    print(repeat, found)


def test_without_the_time_to_settle_a_late_effect_would_come_twice(tmp_path: Path, shop: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix can fail: it does for B as soon as nobody waits."""
    monkeypatch.setattr(intents, "recover", lambda *_: [])
    here = world(tmp_path, shop.url, mode="auto", steps=[{"do": "http.note", "target": "shop", "with": {"subject": "{order_id}", "text": "x"}}])
    here.rows = [row("late")]
    here.propose()
    shop.faults = ["times out, and does it later"]
    here.execute()
    with here.ledger.begin() as connection:
        connection.execute(intents.intents.update().values(due_at=intents.text(here.now)))         # looked at at once
    here.execute()
    shop.settle()
    assert len(shop.effects["late"]) == 2


def test_two_executors_and_three_triggers_do_it_once(tmp_path: Path, shop: Target) -> None:
    _once(tmp_path, shop, None)


def test_two_executors_and_three_triggers_do_it_once_on_postgresql(tmp_path: Path, shop: Target, postgres_server: Database) -> None:
    _once(tmp_path, shop, postgres_server.another("automations").url.replace("postgresql:", "postgresql+pg8000:"))


def _once(tmp_path: Path, shop: Target, ledger: str | None) -> None:
    here = world(tmp_path, shop.url, mode="auto", caps={"per_run": 50}, canary=1)
    here.path = ledger or here.path
    assert here.ledger
    here.rows = [row(f"o{number}") for number in range(12)]
    threads = [threading.Thread(target=here.run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    here.run()
    assert {subject: len(effects) for subject, effects in shop.effects.items()} == {f"o{number}": 1 for number in range(12)}
    assert set(here.states().values()) == {"done"}
    assert len(here.proposals()) == 12


def test_who_was_taken_for_dead_and_was_not_changes_nothing(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="auto", steps=[SET])
    here.rows = [row("o1")]
    here.propose()

    def another_meanwhile(step: str) -> None:
        if step == "answered":
            here.step = lambda name: None
            with here.ledger.begin() as connection:
                connection.execute(intents.intents.update().values(owner="elsewhere:1:1"))
            here.now += intents.LEASE * 2
            assert here.execute() == {"recovered": 1, "verified": 1}

    here.step = another_meanwhile
    here.execute()
    (one,) = here.intents()
    assert (one.state, one.attempts, shop.effects["o1"]) == ("verified", 1, ["DPD"])
    assert here.audited().count("intent verified by move") == 1
