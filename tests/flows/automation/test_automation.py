"""From a row of a list to a verified effect in another system: once, if anybody agrees, and back again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flows import freshness
from flows.automation import propose, undo
from flows.automation.approvals import NotTaken
from flows.store import switches
from tests.flows.automation.target import Target
from tests.flows.automation.world import COUNT, NOTE, SET, World, playbook, row, world


def test_a_row_is_proposed_once_however_many_nights_it_stands_there_and_anew_when_it_comes_back(tmp_path: Path, shop: Target) -> None:
    shop.set("o1", "UPS")
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    assert here.propose() == {"asked": 1}
    (asked,) = here.proposals()
    assert [(write["before"], write["wanted"]) for write in asked.writes] == [({"value": "UPS"}, {"value": "DPD"})]
    for _ in range(3):
        here.night()
        assert here.propose() == {}
    here.night([])
    assert here.propose() == {}
    assert here.states() == {"o1": "gone"}
    here.night([row("o1")])
    assert here.propose() == {"asked": 1}
    assert [one.episode for one in here.proposals()] == [1, 2]


def test_nothing_is_done_before_somebody_agrees_and_then_it_is_verified(tmp_path: Path, shop: Target) -> None:
    shop.set("o1", "UPS")
    here = world(tmp_path, shop.url, steps=[SET, NOTE])
    here.rows = [row("o1")]
    here.run()
    assert shop.values == {"o1": "UPS"}
    here.decide()
    assert here.execute() == {"verified": 2}
    assert shop.values == {"o1": "DPD"}
    assert [marker[:9] for _, marker in shop.entries] == ["meridian-"]
    assert here.states() == {"o1": "done"}
    assert here.execute() == {}
    told = freshness.actions_done(here.ledger, {"move": "revenue"})                  # what is published of it
    assert sorted((row[2:10], row[10:12]) for row in told) == [
        (("move", "do", "o1", 0, "shop", "http.set", "approve", "mira"), ("verified", 1)), (("move", "do", "o1", 1, "shop", "http.note", "approve", "mira"), ("verified", 1))]
    assert all(at.tzinfo is None for row in told for at in row[12:15]) and {row[15] for row in told} == {"revenue"}
    assert here.audited() == [
        "proposed by move", "proposal approved by mira", "intent planned by mira", "intent planned by mira",
        "intent sending by move", "intent verified by move", "intent sending by move", "intent verified by move", "proposal done by move"]


def test_auto_runs_within_the_caps_and_over_one_nothing_runs_and_everything_asks(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="auto", caps={"per_run": 2})
    here.rows = [row("o1"), row("o2")]
    here.run()
    assert shop.values == {"o1": "DPD", "o2": "DPD"}
    here.night([row("o3"), row("o4"), row("o5")])
    here.run()
    assert shop.values == {"o1": "DPD", "o2": "DPD"}
    assert {key: state for key, state in here.states().items() if key in ("o3", "o4", "o5")} == dict.fromkeys(("o3", "o4", "o5"), "asked")
    assert {one.reason for one in here.proposals() if one.state == "asked"} == {"per_run: 3 rows, 2 may run"}
    here.decide()
    here.execute()
    assert len(shop.values) == 5


@pytest.mark.parametrize("caps, over", [
    ({"per_run": 9, "per_day": 1}, "per_day: 0 done today and 2 to do, 1 may run"),
    ({"per_run": 9, "share": 0.5}, "share: 2 of 3 rows, 50% may run"),
    ({"per_run": 9, "amount": {"column": "value", "limit": 15}}, "amount: value adds up to 20, 15 may run"),
    ({"per_run": 9, "amount": {"column": "weight", "limit": 15}}, "amount: weight of a row is not known"),
])
def test_every_cap_holds(tmp_path: Path, shop: Target, caps: dict[str, object], over: str) -> None:
    here = world(tmp_path, shop.url, mode="auto", caps=caps, when={"worklist": "orders", "severity": "act"})
    here.rows = [row("o1"), row("o2"), row("o3", severity="warn")]
    here.run()
    assert shop.values == {}
    assert [one.reason for one in here.proposals()] == [over, over]


def test_a_day_that_was_planned_before_and_a_stale_source_ask_and_an_earlier_day_is_not_looked_at(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="auto")
    here.run()
    here.version, here.rows = "2026-03-01.002", [row("o1")]                 # a backfill brought it up
    here.run()
    here.night([row("o1"), row("o2")])
    here.stale = "erp/sale is stale"
    here.run()
    assert here.states() == {"o1": "asked", "o2": "asked"}
    here.version, here.as_of, here.rows = "2026-03-01.001", here.as_of - timedelta(days=1), [row("o3")]      # somebody went back
    here.run()
    assert here.states() == {"o1": "asked", "o2": "asked"}
    assert shop.values == {}


def test_a_row_that_lacks_what_is_needed_is_handed_over_and_proposed_once_it_is_known(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1", carrier=None)]
    assert here.propose() == {"handed_over": 1}
    assert here.proposals()[0].reason == "carrier is not known, and http.set needs it"
    here.night([row("o1")])
    assert here.propose() == {"asked": 1}


def test_who_agreed_to_other_parameters_agreed_to_nothing(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    here.run()
    (old,) = here.proposals()
    here.night([row("o1", carrier="GLS")])
    here.run()
    with pytest.raises(NotTaken, match="replaced"):
        here.decide(old.proposal)
    here.decide()
    here.rows = [row("o1", carrier="UPS")]                                  # between the approval and the act
    assert here.execute() == {"withdrawn": 1}
    here.night()
    assert here.propose() == {"asked": 1}
    assert shop.values == {}


def test_what_somebody_else_changed_meanwhile_is_handed_over_and_what_they_did_already_is_verified(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1"), row("o2")]
    here.run()
    here.decide()
    shop.values |= {"o1": "GLS", "o2": "DPD"}
    assert here.execute() == {"handed_over": 1}         # the first goes alone, and it went wrong: the other asks again
    assert here.states() == {"o1": "handed_over", "o2": "asked"}
    here.decide()
    assert here.execute() == {"verified": 1}
    assert here.intents()[-1].reason == "it was so already"
    assert '"GLS"' in next(one.reason for one in here.proposals() if one.work_key == "o1")


def test_the_canary_goes_first_and_where_it_falls_the_rest_ask(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="auto", canary=2)
    here.rows = [row(f"o{number}") for number in range(1, 6)]
    shop.faults = ["ok", "refuses"]
    here.run()
    assert here.states() == {"o1": "done", "o2": "failed", "o3": "asked", "o4": "asked", "o5": "asked"}
    here.decide()
    here.execute()
    assert list(here.states().values()) == ["done", "failed", "done", "done", "done"]


def test_off_stops_within_one_item_and_on_goes_on(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="auto", canary=1)
    here.rows = [row(f"o{number}") for number in range(1, 4)]

    def off_in_the_first(step: str) -> None:
        if step == "answered" and len(shop.values) == 1:
            with here.ledger.begin() as connection:
                switches.turn(connection, "*", "off", by="mira", at=here.now)

    here.step = off_in_the_first
    here.run()
    assert len(shop.values) == 1
    here.execute()
    assert len(shop.values) == 1
    with here.ledger.begin() as connection:
        switches.turn(connection, "*", "on", by="mira", at=here.now)
    here.execute()
    assert len(shop.values) == 3


def test_undo_goes_back_in_reverse_order_and_refuses_what_was_changed_since(tmp_path: Path, shop: Target) -> None:
    shop.values |= {"o1": "UPS", "o1-b": "first"}
    here = world(tmp_path, shop.url, steps=[SET, {**SET, "with": {"subject": "{order_id}-b", "value": "second"}}])
    here.rows = [row("o1")]
    here.run()
    here.decide()
    here.execute()
    (done,) = here.proposals()
    shop.values["o1-b"] = "third"
    with pytest.raises(undo.CannotUndo, match="changed since"):
        undo.undo(here.engine(), done.proposal, who="mira", by="mira", why="wrong carrier")
    shop.values["o1-b"] = "second"
    assert [intent.step for intent in undo.undo(here.engine(), done.proposal, who="mira", by="mira", why="wrong carrier")] == [1, 0]
    assert here.execute() == {"verified": 2}
    assert shop.values == {"o1": "UPS", "o1-b": "first"}
    assert here.states() == {"o1": "undone"}


def test_a_target_that_is_not_to_be_had_is_tried_again_and_in_the_end_told(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    here.run()
    here.decide()
    here.is_down = True
    seen = []
    for _ in range(12):
        seen.append(dict(here.execute()))
        here.now += timedelta(hours=2)
    assert seen.count({"waiting": 1}) == 7
    assert {"handed_over": 1} in seen
    assert here.states() == {"o1": "handed_over"}
    assert here.proposals()[0].reason == "tried 8 times: it is down"


def test_a_target_that_changed_stops_and_nothing_more_is_done_there(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1"), row("o2")]
    here.run()
    here.decide()
    shop.gone = "changed"
    assert here.execute() == {"stopped": 1}
    shop.gone = ""
    assert here.execute() == {}
    with here.ledger.begin() as connection:
        assert switches.read(connection)["target:shop"].reason == "the page is another one"
        switches.turn(connection, "target:shop", "on", by="mira", at=here.now)
    assert here.execute() == {"verified": 2}


def test_shadow_and_propose_do_nothing_and_shadow_learns_what_people_did(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, mode="shadow")
    here.rows = [row("o1"), row("o2")]
    here.run()
    assert here.states() == {"o1": "noted", "o2": "noted"}
    shop.values["o1"] = "DPD"                           # by hand
    here.night([])
    here.run()
    assert here.states() == {"o1": "accepted", "o2": "rejected"}
    here.playbooks = {"move": playbook(mode="propose")}
    here.night([row("o3"), row("o4")])
    here.run()
    listed = [one for one in here.proposals() if one.state == "listed"]
    here.decide(listed[0].proposal)
    here.decide(listed[1].proposal, decision="reject")
    here.execute()
    assert here.states() == {"o1": "accepted", "o2": "rejected", "o3": "accepted", "o4": "rejected"}
    assert shop.values == {"o1": "DPD"}


def test_what_nobody_answers_is_told_at_half_time_and_closed_at_the_end(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    here.run()
    here.now += timedelta(hours=23)
    assert propose.sweep(here.engine()) == {}
    here.now += timedelta(hours=1)
    assert propose.sweep(here.engine()) == {"escalated": 1}
    assert propose.sweep(here.engine()) == {}
    here.now += timedelta(hours=24)
    assert propose.sweep(here.engine()) == {"expired": 1}
    with pytest.raises(NotTaken, match="expired"):
        here.decide(here.proposals()[0].proposal)
    here.run()
    assert here.states() == {"o1": "expired"}
    assert shop.values == {}


def test_an_answer_that_never_came_is_looked_for_and_what_cannot_be_told_a_person_decides(tmp_path: Path, shop: Target) -> None:
    for name, step, became in (("a", SET, "done"), ("b", NOTE, "done"), ("c", COUNT, "handed_over")):
        folder = tmp_path / name
        folder.mkdir()
        here: World = world(folder, shop.url, mode="auto", steps=[step])
        here.rows = [row(name)]
        shop.faults = ["resets behind it"]
        here.run()
        here.until_done(shop)
        assert here.states() == {name: became}
        assert len(shop.effects[name]) == 1


def test_what_is_unknown_is_looked_at_while_it_is_off_and_not_sent_again_and_closed_when_nobody_allows_it_any_more(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, steps=[NOTE])
    here.rows = [row("o1")]
    here.run()
    here.decide()
    shop.faults = ["500 before it"]
    assert here.execute() == {"unknown": 1}
    here.playbooks = {"move": playbook(mode="off", steps=[NOTE])}
    here.now += timedelta(hours=1)
    assert here.execute() == {"held back": 1}
    here.now += timedelta(hours=48)
    assert here.execute() == {"handed_over": 1}
    assert shop.effects == {}


def test_while_something_is_under_way_for_a_piece_of_work_nothing_else_of_it_is_agreed_to(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, steps=[NOTE])
    here.rows = [row("o1")]
    here.run()
    here.decide()
    shop.faults = ["500 before it"]
    here.execute()
    here.night([])
    here.propose()
    here.night([row("o1")])
    here.propose()
    with pytest.raises(NotTaken, match="is not finished yet"):
        here.decide()
