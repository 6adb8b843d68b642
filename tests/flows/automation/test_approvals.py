"""Whose yes counts, for what, how long, how often; and that every other one is refused and written down."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import automations, clicks
from flows.alerting import links
from flows.alerting.clicks import Answer, look, press
from flows.automation.approvals import NotTaken, Said, decide_now
from flows.store import audit, proposals
from tests.flows.automation.company import KEY, PLAYBOOK, Company, company
from tests.flows.automation.target import Target
from tests.flows.automation.world import row, world


@pytest.fixture
def asked(tmp_path: Path, shop: Target, monkeypatch: pytest.MonkeyPatch) -> Company:
    """One line of a late supplier waits for somebody's yes."""
    made = company(tmp_path, shop.url, monkeypatch)
    shop.set("7", "S1")
    made.night(["7"])
    assert made.run() == {"asked": 1}
    return made


def token(asked: Company, channel: str = "mira_mail", number: int = 0) -> str:
    notice: Any = asked.told(channel)[-1]
    return str(notice["links"][number]["url"].rsplit("/", 1)[1])


def pressed(asked: Company, link: str, name: str = "") -> Answer:
    return press(asked.ledger, clicks.actions(asked.settings), KEY, link, name=name, address="127.0.0.1", now=asked.now)


def audited(asked: Company) -> list[tuple[str, str, str]]:
    with asked.ledger.begin() as connection:
        assert audit.verify(connection).broken_at is None
        return [(row.who, row.what, row.detail) for row in connection.execute(audit.audit.select().order_by(audit.audit.c.number))]


def test_both_approvers_are_told_in_their_language_what_would_change_why_and_until_when(asked: Company) -> None:
    english: Any = asked.told("mira_mail")[0]
    chinese: Any = asked.told("jonas_chat")[0]
    assert english["title"] == "Your decision: Move late purchases (1)"
    assert english["items"][0] == {"subject": "Purchase 7", "text": "4 of 9 late · http.set: value S1 → S2", "trend": []}
    assert english["why"] == ["Risk: The backup may be dearer"]
    assert "2026-03-04 03:00 UTC" in english["lead"]
    assert chinese["title"] == "待您审批：移动延迟采购（1 项）"
    assert chinese["items"][0]["text"].startswith("9 行中 4 行延迟")
    assert [link["text"] for link in chinese["links"]] == ["批准", "拒绝"]


def test_a_link_agrees_once_and_what_was_agreed_to_is_done(asked: Company, shop: Target) -> None:
    link = token(asked)
    page = look(asked.ledger, clicks.actions(asked.settings), KEY, link, asked.now)
    assert (page.state, page.about) == ("open", "Purchase 7: 4 of 9 late · http.set: value S1 → S2")
    assert pressed(asked, link, name="Mira").said == "Taken down: 1 approved."
    assert pressed(asked, link).state == "used"
    assert pressed(asked, token(asked, "jonas_chat")).state == "gone"          # the other approver comes late
    assert asked.run() == {"verified": 1}
    assert shop.values == {"7": "S2"}
    assert shop.effects["7"] == ["S1", "S2"]
    assert ("mira", "proposal approved") in [(who, what) for who, what, _ in audited(asked)]


def test_a_link_that_is_late_forged_or_changed_does_nothing_and_is_written_down(asked: Company, shop: Target) -> None:
    link = token(asked)
    ticket = links.read(link, KEY)
    assert pressed(asked, links.token(ticket, "other" * 10)).state == "forged"
    assert pressed(asked, link[:-2] + ("A" if link[-2] != "A" else "B") + link[-1]).state == "forged"
    asked.now += timedelta(hours=48)
    assert pressed(asked, link).said.startswith("It expired at 2026-03-04 03:00 UTC")
    asked.run()
    assert pressed(asked, link).state == "gone"
    assert asked.run() == {}
    assert shop.values == {"7": "S1"}
    assert [what for _, what, _ in audited(asked)].count("pressed a forged link") == 2


def test_a_no_stands_and_a_yes_behind_it_is_refused(asked: Company, shop: Target) -> None:
    assert pressed(asked, token(asked, number=1)).said == "Taken down: 1 rejected."
    assert pressed(asked, token(asked, "jonas_chat")).state == "gone"
    asked.next_day()
    asked.night(["7"])
    assert asked.run() == {}                    # asked and answered, as long as the work stays there
    assert shop.values == {"7": "S1"}


def test_where_the_parameters_changed_the_old_link_is_worth_nothing(asked: Company, shop: Target) -> None:
    link = token(asked)
    asked.playbook(PLAYBOOK.replace("{backup_supplier_number}", "{backup_supplier_number}-new"))
    asked.run()
    assert pressed(asked, link).state == "gone"
    assert shop.values == {"7": "S1"}
    assert sorted(one.state for one in asked.proposals()) == ["asked", "replaced"]


def test_only_who_is_asked_may_decide(asked: Company) -> None:
    with pytest.raises(NotTaken, match="eve may not decide"):
        decide_now(asked.ledger, automations.load_playbooks(asked.settings).playbooks, asked.proposals()[0].proposal,
                   Said(decision="approve", who="eve", by="eve", via="terminal"), at=asked.now)
    assert audited(asked)[-1][:2] == ("eve", "approve refused")


def test_four_eyes_are_of_two_people_and_not_of_who_asked_for_it(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, four_eyes=True)
    here.rows = [row("o1")]
    here.propose()                                              # nobody asked for it: two must agree
    here.decide(who="mira")
    assert here.states() == {"o1": "asked"}
    for who, via, why in (("mira", "link", "has decided"), ("jonas", "ui", "Two people")):
        with pytest.raises(NotTaken, match=why):
            here.decide(who=who, via=via)
    here.decide(who="jonas")
    assert here.states() == {"o1": "approved"}
    here.night([row("o1"), row("o2")])
    here.propose(by="mira")                                     # mira asked for it: jonas's yes is the second pair of eyes
    with pytest.raises(NotTaken, match="mira asked for it"):
        here.decide(who="mira")
    here.decide(who="jonas")
    assert here.states() == {"o1": "approved", "o2": "approved"}
    assert here.audited().count("approve refused by mira") == 2


def test_one_person_at_one_terminal_is_not_two(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, four_eyes=True)
    here.rows = [row("o1")]
    here.propose()
    name = here.proposals()[0].proposal
    decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who="mira", by="root", via="terminal"), at=here.now)
    with pytest.raises(NotTaken, match="root has decided"):
        decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who="jonas", by="root", via="terminal"), at=here.now)


def test_one_person_of_two_roles_does_not_agree_to_what_they_asked_for_under_another_name(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, four_eyes=True)
    here.rows, here.account = [row("o1")], "u1"
    here.propose(by="mira")
    name = here.proposals()[0].proposal

    def says(who: str, account: str, via: Any = "terminal", **more: Any) -> None:
        decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who=who, by=account, via=via, account=account, **more), at=here.now)

    for via in ("terminal", "link"):
        with pytest.raises(NotTaken, match="u1 asked for it: somebody else must agree"):
            says("jonas", "u1", via)
    assert here.states() == {"o1": "asked"}
    says("jonas", "u2")
    assert here.states() == {"o1": "approved"}
    with here.ledger.begin() as connection:
        kept = [(one.what, one.who, json.loads(one.detail).get("account")) for one in connection.execute(audit.audit.select().order_by(audit.audit.c.number))]
    assert kept[:4] == [("proposed", "mira", "u1"), *[("approve refused", "jonas", "u1")] * 2, ("proposal approved", "jonas", "u2")]


def test_one_person_is_not_two_by_a_link_and_a_terminal_but_a_shared_account_tells_nobody_from_another(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url, four_eyes=True)
    here.rows = [row("o1")]
    here.propose()
    name = here.proposals()[0].proposal
    decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who="mira", by="Mira", via="link", account="u1"), at=here.now)
    with pytest.raises(NotTaken, match="u1 has decided"):
        decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who="jonas", by="u1", via="terminal", account="u1"), at=here.now)
    decide_now(here.ledger, here.playbooks, name, Said(decision="approve", who="jonas", by="u1", via="terminal", account="u1", is_shared=True), at=here.now)
    assert here.states() == {"o1": "approved"}


def test_a_yes_does_not_last_for_ever(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    here.propose()
    here.decide()
    here.now += timedelta(hours=48)
    here.execute()
    assert here.states() == {"o1": "expired"}
    assert shop.values == {}


def test_an_approval_of_something_else_sends_nothing(tmp_path: Path, shop: Target) -> None:
    here = world(tmp_path, shop.url)
    here.rows = [row("o1")]
    here.propose()
    here.decide()
    with here.ledger.begin() as connection:
        connection.execute(proposals.approvals.update().values(exact="0" * 64))
    here.execute()
    assert shop.values == {}
    assert here.states() == {"o1": "expired"}
