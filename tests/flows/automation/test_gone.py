"""What is done once the work has gone: asked or allowed like the rest, once an episode, and never from data that stand still."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.automation import executor, gone, propose, undo
from flows.automation.actions import ACTIONS, KINDS
from flows.automation.approvals import NotTaken
from flows.automation.playbook import Playbook
from flows.store import intents
from sandbox.zendesk import life
from sandbox.zendesk.load import ADMIN, WORKER_EMAIL
from tests.flows.automation.faults import KILLS, killed_in_a_child
from tests.flows.automation.target import FAULTS, Target
from tests.flows.automation.world import NOTE, SET, World, playbook, row, world
from tests.sandbox.zendesk.desk import NOW as DESK_NOW
from tests.sandbox.zendesk.desk import WORKER_TOKEN, helpdesk, plan, ticket

FILED = {"do": "http.set", "target": "shop", "with": {"subject": "{order_id}-file", "value": "over"}}
BACK = {"take_back": ["http.set"]}


def begun(folder: Path, shop: Target, **changes: Any) -> World:
    """An order that was moved to another carrier because it stood on the list."""
    shop.set("o1", "UPS")
    here = world(folder, shop.url, **{"mode": "auto", "when_gone": BACK, **changes})
    here.rows = [row("o1", listed_until="2026-03-20")]
    here.run()
    assert shop.values["o1"] == "DPD"
    return here


def test_what_was_for_the_time_being_is_taken_back_once_the_row_has_gone_and_only_once(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop, when_gone={**BACK, "steps": [FILED]})
    here.night()
    here.run()
    assert shop.values == {"o1": "DPD"}
    here.night([])
    assert here.propose() == {"approved": 1}
    assert here.execute() == {"verified": 2}
    assert shop.values == {"o1": "UPS", "o1-file": "over"}
    for _ in range(2):
        here.night()
        here.run()
    assert shop.effects["o1"] == ["UPS", "DPD", "UPS"]
    assert here.states() == {"o1": "done", "o1 (gone)": "done"}
    here.night([row("o1")])                                     # it comes back: an episode of its own, and an end of its own
    here.run()
    here.night([])
    here.run()
    assert shop.values["o1"] == "UPS"
    assert [(one.work_key, one.episode, one.state) for one in here.proposals()] == [
        ("o1", 1, "done"), ("o1 (gone)", 1, "done"), ("o1", 2, "done"), ("o1 (gone)", 2, "done")]


def test_it_asks_where_the_playbook_asks_and_nothing_is_done_before(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    here.playbooks = {"move": playbook(mode="approve", when_gone=BACK)}
    here.night([])
    assert here.propose() == {"asked": 1}
    here.execute()
    assert shop.values == {"o1": "DPD"}
    with pytest.raises(NotTaken):
        here.decide(who="eve")
    (closing,) = here.decide()
    assert closing.row["evidence_en"] == "Not on the list any more as of 2026-03-02. It said: 3 days late"
    here.execute()
    assert shop.values == {"o1": "UPS"}
    undo.undo(here.engine(), closing.proposal, who="mira", by="mira", why="it was needed after all")
    here.execute()
    assert shop.values == {"o1": "DPD"}


@pytest.mark.parametrize("what", ["a stale source", "a day that was planned before", "its age", "a version of an earlier day"])
def test_a_row_that_is_missing_for_another_reason_has_not_gone(tmp_path: Path, shop: Target, what: str) -> None:
    here = begun(tmp_path, shop, when_gone={**BACK, "listed_until": "listed_until"})
    if what == "a stale source":
        here.stale = "erp/sale is stale"
        here.night([])
    elif what == "a day that was planned before":
        here.version, here.rows = "2026-03-01.002", []
    elif what == "a version of an earlier day":
        here.version, here.as_of, here.rows = "2026-02-28.002", here.as_of - timedelta(days=1), []
    else:
        here.as_of += timedelta(days=18)                        # as of 2026-03-20 it would be off the list anyway
        here.night([])
    here.run()
    here.run()
    assert shop.values == {"o1": "DPD"}
    assert here.states() == {"o1": "done"}
    if what != "its age":                                       # the next night tells the truth: it has gone
        here.stale, here.as_of = "", here.as_of + timedelta(days=1)
        here.night([])
        here.run()
        assert shop.values == {"o1": "UPS"}


def test_what_somebody_changed_since_stays_theirs_and_is_said(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    shop.values["o1"] = "GLS"
    here.night([])
    assert here.propose() == {"handed_over": 1}
    assert "it was left as" in here.proposals()[-1].reason and '"GLS"' in here.proposals()[-1].reason
    here.run()
    assert shop.values == {"o1": "GLS"}


def test_what_somebody_changed_between_the_proposal_and_the_act_stays_theirs_too(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    here.night([])
    here.propose()
    shop.values["o1"] = "GLS"
    here.execute()
    assert shop.values == {"o1": "GLS"}
    assert here.states()["o1 (gone)"] == "handed_over"


def test_a_task_in_the_helpdesk_is_noted_and_closed_and_one_that_somebody_took_up_stays_theirs(tmp_path: Path) -> None:
    steps = [{"do": "zendesk.open_task", "target": "tasks", "with": {"queue": "Billing", "subject": "Order {order_id}", "text": "Look at it."}}]
    closing = [{"do": "zendesk.note", "target": "tasks", "with": {"ticket": "{task}", "text": "It is over."}},
               {"do": "zendesk.close_task", "target": "tasks", "with": {"ticket": "{task}", "was": "{task_status}"}}]
    with helpdesk(tmp_path / "desk", plan(ticket(1, DESK_NOW.replace(day=1, hour=1)))) as desk:
        here = world(tmp_path, "", mode="auto", steps=steps, when_gone={"steps": closing})

        def run() -> None:
            engine = replace(here.engine(), actions=ACTIONS, targets={"tasks"}, open=lambda name: KINDS["zendesk"].open(
                {"url": desk.url, "email": WORKER_EMAIL}, {"WRITE_TOKEN": WORKER_TOKEN}))
            propose.propose(engine)
            while executor.execute(engine).get("verified"):
                pass

        here.rows = [row("o1"), row("o2")]
        run()
        of = {task["subject"]: task["id"] for task in desk.state.items("tickets", where=lambda task: task["subject"].startswith("Order"))}
        life.update(desk.api.desk, desk.state.get("tickets", of["Order o2"]) or {}, {"status": "pending"}, at=desk.state.stamp(), updater=ADMIN, via="web")
        here.night([])
        run()
        assert {subject: (desk.state.get("tickets", number) or {})["status"] for subject, number in of.items()} == {"Order o1": "solved", "Order o2": "pending"}
        said = [child["body"] for audit in desk.state.matching("ticket_events", "ticket_id", of["Order o1"]) for child in audit["child_events"] if child["event_type"] == "Comment"]
        assert [words.split("\n")[0] for words in said] == ["Look at it.", "It is over."]
    assert here.states() == {"o1": "done", "o2": "done", "o1 (gone)": "done", "o2 (gone)": "handed_over"}
    (left,) = [one for one in here.proposals() if one.state == "handed_over"]
    assert left.reason == f"somebody works on task {of['Order o2']}: it was opened as new, it is pending; it stays theirs to close"


def test_nothing_is_closed_of_what_was_never_done_or_was_taken_back(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    undo.undo(here.engine(), here.proposals()[0].proposal, who="mira", by="mira", why="x")
    here.execute()
    here.playbooks = {"move": playbook(mode="approve", when_gone=BACK)}
    here.night([row("o1"), row("o2")])
    here.propose()
    here.night([])
    assert here.propose() == {}
    assert here.states() == {"o1": "undone", "o2": "gone"}


def test_what_other_work_still_needs_as_it_is_is_taken_back_with_the_last_of_it(tmp_path: Path, shop: Target) -> None:
    """One automatic reply is for all surges."""
    reply = {"do": "http.set", "target": "shop", "with": {"subject": "reply", "value": "{carrier}"}}
    shop.set("reply", "thank you")
    here = world(tmp_path, shop.url, mode="auto", steps=[reply], when_gone=BACK)
    here.rows = [row("o1"), row("o2")]
    here.run()
    assert here.states() == {"o1": "done", "o2": "done"} and shop.effects["reply"] == ["thank you", "DPD"]
    here.night([row("o2")])
    here.run()
    assert shop.values["reply"] == "DPD"
    here.night([])
    here.run()
    assert shop.effects["reply"] == ["thank you", "DPD", "thank you"]
    assert {key: state for key, state in here.states().items() if "gone" in key} == {"o1 (gone)": "done"}


def test_a_target_that_is_away_is_waited_for(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    here.night([])
    here.is_down = True
    assert here.propose() == {"waits for its target": 1}
    here.is_down = False
    here.run()
    assert shop.values == {"o1": "UPS"}


def test_over_a_cap_it_asks_and_off_means_off(tmp_path: Path, shop: Target) -> None:
    here = begun(tmp_path, shop)
    shop.set("o2", "UPS")
    here.night([row("o1"), row("o2")])
    here.run()
    here.night([])
    here.playbooks = {"move": playbook(mode="off", when_gone=BACK)}
    here.run()
    here.playbooks = {"move": playbook(mode="shadow", when_gone=BACK)}
    here.run()
    here.playbooks = {"move": playbook(mode="auto", caps={"per_run": 1, "share": 0.5}, when_gone=BACK)}      # of a list that is empty no share is left
    here.night([])
    here.run()
    closings = [one for one in here.proposals() if one.work_key.endswith("(gone)")]
    assert [(one.state, one.reason) for one in closings] == [("asked", "per_run: 2 rows, 1 may run")] * 2
    assert shop.values == {"o1": "DPD", "o2": "DPD"}
    here.decide(closings[0].ask)
    here.execute()
    assert shop.effects["o1"] == ["UPS", "DPD", "UPS"]


def test_killed_at_every_point_and_answered_by_every_fault_it_is_taken_back_once(tmp_path: Path, shop: Target) -> None:
    """Both classes: what is set back, and a note that carries the marker."""
    note = {"do": "http.note", "target": "shop", "with": {"subject": "{order_id}-n", "text": "over"}}
    for kill in KILLS:
        for fault in FAULTS if kill == "in the request" else ("ok", "times out, and does it later", "500 behind it"):
            subject = f"{kill}-{fault}".replace(" ", "-").replace(",", "")
            folder = tmp_path / subject
            folder.mkdir()
            here = world(folder, shop.url, mode="auto", when_gone={**BACK, "steps": [note]})
            shop.set(subject, "UPS")
            here.rows = [row(subject)]
            here.run()
            here.night([])
            here.propose()
            shop.faults = [fault]
            killed_in_a_child(here, shop, kill)
            here.propose()                                      # whoever comes next looks at the list, too
            here.until_done(shop)
            closing = next(one for one in here.proposals() if one.work_key.endswith("(gone)"))
            assert closing.state in ("done", "failed"), (kill, fault, closing.state, closing.reason)
            assert shop.effects[subject] == (["UPS", "DPD", "UPS"] if closing.state == "done" else ["UPS", "DPD"]), (kill, fault)
            assert len(shop.effects.get(f"{subject}-n", ())) == (closing.state == "done")
            assert sum(one.work_key.endswith("(gone)") for one in here.proposals()) == 1
            assert not [intent for intent in here.intents() if intent.state in intents.OPEN]


def test_who_agrees_to_close_what_is_over_has_said_nothing_about_what_is_to_be_done(tmp_path: Path, shop: Target) -> None:
    one = playbook(when_gone=BACK, steps=[SET, NOTE])
    assert gone.closing(one).version != one.version == playbook(steps=[SET, NOTE]).version


@pytest.mark.parametrize("wrong, said", [({}, "when_gone needs steps or take_back"), ({"take_back": ["http.count"]}, "names 'http.count', which is no step")])
def test_a_when_gone_that_does_nothing_or_takes_back_what_is_not_done_is_wrong(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Playbook.model_validate({**playbook().model_dump(by_alias=True), "when_gone": wrong})
