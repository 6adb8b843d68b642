"""Every shipped playbook, from breach to verified effect in the real systems: agreed to by people, and by itself; and what the next night says of it.

At full length only: two lives of one company, three nights. tests/test_company.py lives a part of the first in every run.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.settings import load
from flows.store import intents, proposals
from flows.store import ledger as ledgers
from flows.store.intents import Intent
from flows.store.proposals import Proposal
from sandbox.tryton.home import Home as Tryton
from tests import playbook_world as world
from tests.sandbox.tryton.box import share_environment
from tests.test_company import Home, sandbox

pytestmark = pytest.mark.drill
ROUNDS = 8                          # the first of each playbook goes alone, then the rest; a run ends after two minutes


@pytest.fixture(scope="module")
def breached(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Iterator[tuple[Home, int]]:
    """A company in which every playbook has something to do, after the night that found it; and the ticket whose step was skipped."""
    folder = tmp_path_factory.mktemp("playbooks")
    share_environment(Tryton(root=folder / "sandbox"))
    try:
        sandbox(folder, "up", "--size", "small")
        if "request_tracker" not in (folder / "sandbox" / "sandbox.json").read_text():
            pytest.skip("needs Request Tracker")
        home, ticket = Home(folder=folder, api=prefect_api), breach(folder)
        home.night()
        yield home, ticket
    finally:
        sandbox(folder, "down")


def breach(folder: Path) -> int:
    world.plant_surge(folder / "sandbox", date(2026, 11, 1))
    world.forget_complaint(folder / "sandbox")
    ticket = world.Helpdesk(folder / "sandbox").skips_a_step()
    sandbox(folder, "day")          # which drafts a purchase at the late supplier, too: the night looks at 1 November
    return ticket


@pytest.fixture
def company(breached: tuple[Home, int], tmp_path: Path) -> Iterator[tuple[Home, int]]:
    """As it was after that night, whatever was done to it."""
    home, ticket = breached
    sandbox(home.folder, "down")
    kept = tmp_path / "kept"
    shutil.copytree(home.folder, kept, symlinks=True)
    sandbox(home.folder, "up")
    yield home, ticket
    sandbox(home.folder, "down")
    shutil.rmtree(home.folder)
    shutil.move(str(kept), str(home.folder))
    sandbox(home.folder, "up")


@pytest.mark.parametrize("mode", ["approve", "auto"])
def test_every_shipped_playbook_runs_from_breach_to_verified_effect_and_the_next_night_shows_it(company: tuple[Home, int], mode: str) -> None:
    home, ticket = company
    set_modes(home, mode)
    before = world.notice(home.folder / "sandbox")
    run(home, agreed=mode == "approve")
    done = verified(home)
    assert set(done) == set(world.ROLES), set(world.ROLES) - set(done)
    assert world.notice(home.folder / "sandbox") != before
    said = {who for name, who in decided(home)}
    assert said == ({"caps"} if mode == "auto" else set(world.ROLES.values()))
    the_next_night(home, ticket, mode)


def the_next_night(home: Home, ticket: int, mode: str) -> None:
    """What was made good is off the lists, its tasks are closed, and the KPIs say what was done."""
    box, drop = home.folder / "sandbox", home.folder / "drop"
    hole, = home.ask("select starts_at, ends_at from worklist_uncovered_shifts order by starts_at desc limit 1")
    world.Helpdesk(box).makes_it_good(ticket)       # before the day is lived: afterwards its clock stands behind the day's end
    sandbox(home.folder, "day")
    set_modes(home, mode)
    world.covers(drop, hole[0], hole[1], "Support Pacific", "standby@lantern-oak.example")
    home.night()
    run(home, agreed=mode == "approve")
    verified(home)
    closed = {one.playbook: one for one in every_proposal(home) if one.work_key.endswith(" (gone)") and one.state == "done"}
    assert {"procedure_correction", "uncovered_shift"} <= set(closed), [(one.work_key, one.state, one.reason) for one in every_proposal(home)]
    assert closed["procedure_correction"].work_key.endswith(f":{ticket}/answered (gone)") and str(hole[0])[:10] in closed["uncovered_shift"].work_key
    rates = dict(home.ask("select segment, value from kpis where kpi = 'automation_success_rate' and period_grain = 'month' and segment_type = 'playbook' "
                          "and period_start = (select max(period_start) from kpis where kpi = 'automation_success_rate' and period_grain = 'month')"))
    assert rates == dict.fromkeys(world.ROLES, 1.0)
    assert not home.ask(f"select * from worklist_uncovered_shifts where starts_at = timestamp '{hole[0]}'")
    home.meridian("audit", "verify")


def set_modes(home: Home, mode: str) -> None:
    """`day` writes the configuration anew, as a company does not."""
    path = home.folder / "meridian.toml"
    text = re.sub(r"\[automations(\.playbooks\.\w+)?\]\n(\w+ = .*\n?)*", "", path.read_text(encoding="utf-8"))
    wanted = "".join(f'\n[automations.playbooks.{name}]\nmode = "{mode}"\ncaps = {{per_run = 200, per_day = 400, share = 1.0}}\n' for name in world.ROLES)
    path.write_text(f"{text}\n[automations]\ndecisions = 0\n{wanted}", encoding="utf-8")
    assert set(tomllib.loads(path.read_text(encoding="utf-8"))["automations"]["playbooks"]) == set(world.ROLES)


def run(home: Home, *, agreed: bool) -> None:
    for _ in range(ROUNDS):
        home.meridian("automations", "run")
        asked = {(one.ask, one.playbook) for one in every_proposal(home) if one.state == "asked"}
        for ask, playbook in sorted(asked):
            assert agreed, [one.reason for one in every_proposal(home) if one.ask == ask]
            home.meridian("automations", "approve", ask, "--by", world.ROLES[playbook])
        if not asked and not any(one.state in proposals.OPEN for one in every_proposal(home)):
            return


def every_proposal(home: Home) -> list[Proposal]:
    settings = load(home.folder / "meridian.toml", environment={})
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        return proposals.select(connection, proposals.proposals.c.current.is_not(None))


def decided(home: Home) -> list[tuple[str, str]]:
    settings = load(home.folder / "meridian.toml", environment={})
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        return [(one.playbook, said.who) for one in proposals.select(connection) for said in proposals.decisions(connection, one.proposal)]


def verified(home: Home) -> dict[str, list[Intent]]:
    """What each playbook did. Nothing is open or went wrong, and of every verified intent the real system has what it says."""
    settings = load(home.folder / "meridian.toml", environment={})
    found: dict[str, list[Intent]] = {}
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        for one in proposals.select(connection, proposals.proposals.c.current.is_not(None)):
            of_it = intents.of_proposal(connection, one.proposal)
            # a complaint without a ticket is a person's: nothing of it is written anywhere
            assert one.state in ("done", "gone") or (one.state == "handed_over" and not of_it), (one.playbook, one.work_key, one.state, one.reason)
            found.setdefault(one.playbook, []).extend(intent for intent in of_it if intent.state == "verified" and intent.attempts)
    newest = {_subject(intent): intent for intent in sorted((intent for done in found.values() for intent in done), key=lambda intent: str(intent.ended_at))}
    wrong = [intent for intent in newest.values() if not world.there(home.folder / "sandbox", home.folder / "drop", intent)]
    assert not wrong, wrong[:3]
    return {name: done for name, done in found.items() if done}


def _subject(intent: Intent) -> tuple[str, ...]:
    """What was set stays so until it is set again; what was opened or written is there for good."""
    given = intent.parameters
    is_set = intent.action.rpartition(".")[2] not in ("open_task", "note", "enter_order", "add_project")
    return (intent.target, intent.action, given.get("ticket") or given.get("line") or given.get("campaign") or "" if is_set else intent.marker)
