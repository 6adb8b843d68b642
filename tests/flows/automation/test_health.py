"""What the doctor says of automations, and that each of it comes with the next move."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flows import automations_health
from flows.automations_health import Found
from flows.store import intents, switches
from tests.flows.automation.company import Company, company
from tests.flows.automation.faults import killed_in_a_child
from tests.flows.automation.target import SETTLES, Target
from tests.flows.automation.world import row, world


@pytest.fixture
def here(tmp_path: Path, shop: Target, monkeypatch: pytest.MonkeyPatch) -> Company:
    return company(tmp_path, shop.url, monkeypatch)


def found(here: Company) -> dict[str, Found]:
    return {f"{one.subject} {number}" if one.subject == "playbooks" and number else one.subject: one for number, one in enumerate(automations_health.examine(here.settings))}


def bad(here: Company) -> dict[str, str]:
    wrong = {subject: f"{one.detail} | {one.mend}" for subject, one in found(here).items() if not one.is_well}
    assert all(not text.endswith("| ") for text in wrong.values())
    return wrong


def test_what_is_well_is_said_and_nothing_where_nobody_asked_for_automations(here: Company, shop: Target) -> None:
    assert bad(here) == {}
    assert found(here)["target shop (http)"].detail == f"{shop.url} answers None"
    (here.folder / "meridian.toml").write_text('[company]\nname = "Shop"\n[state]\nhome = "."\n')
    assert found(here) == {}


def test_a_target_that_is_away_or_not_of_a_known_kind(here: Company, shop: Target) -> None:
    shop.gone = "away"
    assert "see [automations.targets.shop]" in bad(here)["target shop (http)"]
    here.configure('[automations.targets.crm]\nkind = "htpp"\n[automations.targets.erp]\nkind = "tryton"\nurl = "http://127.0.0.1:9"\ndatabase = "x"\n')
    wrong = bad(here)
    assert "there is no kind 'htpp'" in wrong["target crm (htpp)"]
    assert "MERIDIAN_ERP_WRITE_KEY is not set" in wrong["target erp (tryton)"] and "MERIDIAN_ERP_WRITE_KEY in" in wrong["target erp (tryton)"]


def test_playbooks_that_do_not_exist_and_modes_that_do_not(here: Company) -> None:
    here.configure('[automations.playbooks.mvoe]\nmode = "auto"\n[automations.playbooks.move]\nmode = "automatic"\n')
    wrong = "\n".join(bad(here).values())
    assert "there is no such playbook; did you mean 'move'?" in wrong
    assert "mode = 'automatic'" in wrong


def test_who_is_asked_and_cannot_be_told(here: Company) -> None:
    text = (here.folder / "meridian.toml").read_text()
    (here.folder / "meridian.toml").write_text(text.replace('[alerts.people.jonas]\nchannels = ["jonas_chat"]\n', ""))
    assert "what move asks goes to mira_mail" in bad(here)["approver jonas"]
    (here.folder / "meridian.toml").write_text((here.folder / "meridian.toml").read_text() + '[automations.approvers.jonas]\nusers = ["jonas"]\n')
    assert bad(here) == {}
    assert "it is seen at a terminal" in found(here)["approver jonas"].detail


def test_what_is_switched_off(here: Company) -> None:
    with here.ledger.begin() as connection:
        switches.turn(connection, "*", "off", by="mira", at=here.now, reason="stock-taking")
    assert bad(here)["automations"] == "everything is off since 2026-03-02 03:00 UTC by mira: stock-taking | `meridian automations on` when it may go on"


@pytest.mark.parametrize("kill, said", [("answered", "whoever sends it has not come back"), ("", "it is not known whether it was done")])
def test_what_left_and_did_not_come_back(here: Company, shop: Target, kill: str, said: str) -> None:
    there = world(here.folder, shop.url, mode="auto")
    there.rows = [row("o1")]
    there.propose()
    if kill:
        killed_in_a_child(there, shop, kill)
    else:
        shop.faults = ["500 before it"]
        there.execute()
    here.now = there.now + automations_health.STUCK
    assert "move in shop" not in bad(here)
    here.now += timedelta(minutes=1)
    assert said in bad(here)["move in shop"]
    there.now += SETTLES + timedelta(hours=1)
    there.execute()
    there.now += SETTLES + timedelta(hours=1)
    there.execute()
    assert "move in shop" not in bad(here)
    assert {one.state for one in there.intents()} == {"verified"} and intents.OPEN
