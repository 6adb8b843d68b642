"""From a published list to a verified effect: as configured, by mode, with the commands that a person uses."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import automations, cli, whoami
from flows.automation import playbook_tests
from flows.settings import load
from tests.flows.automation.company import PLAYBOOK, Company, company
from tests.flows.automation.target import Target

NO_AGREEMENT = "[automations]\ndecisions = 0\n"


@pytest.fixture
def here(tmp_path: Path, shop: Target, monkeypatch: pytest.MonkeyPatch) -> Company:
    return company(tmp_path, shop.url, monkeypatch)


def meridian(here: Company, *words: str) -> Any:
    here.set_clock()
    return CliRunner().invoke(cli.app, ["automations", *words, "--config", str(here.folder / "meridian.toml")])


def test_in_mode_approve_a_line_is_proposed_agreed_to_at_a_terminal_done_shown_and_undone(here: Company, shop: Target) -> None:
    shop.set("7", "S1")
    here.night(["7"])
    assert meridian(here, "run").output == "1 asked\n"
    (one,) = here.proposals()
    assert f"asked       {one.proposal}  Purchase 7: 4 of 9 late · http.set: value S1 → S2" in meridian(here, "list").output
    refused = meridian(here, "approve", one.proposal)
    assert refused.exit_code == 1
    assert "may not decide on it" in refused.output
    assert meridian(here, "approve", one.proposal[:8], "--by", "mira").output == f"{one.proposal} Purchase 7: approved\n"
    assert meridian(here, "off", "move", "--why", "stock-taking").output == "move is off\n"
    assert meridian(here, "run").output == "nothing new\n"
    assert "off move since" in meridian(here, "list").output
    assert meridian(here, "on", "move").exit_code == 0
    assert meridian(here, "run").output == "1 verified\n"
    assert shop.values == {"7": "S2"}
    shown = meridian(here, "show", one.proposal).output
    assert "do: approve by mira" in shown
    assert "do step 0 http.set: verified, sent 1 times" in shown
    assert meridian(here, "undo", one.proposal, "--by", "mira", "--why", "they deliver after all").output == "1 steps to take back: 1 verified\n"
    assert shop.values == {"7": "S1"}
    assert [proposal.state for proposal in here.proposals()] == ["undone"]
    assert "did you mean 'move'?" in meridian(here, "off", "mvoe").output


def test_in_mode_auto_it_runs_within_its_caps_and_is_refused_that_before_people_agreed_often_enough(here: Company, shop: Target) -> None:
    here.playbook(PLAYBOOK.replace("mode: approve", "mode: auto"))
    here.night(["7", "8"])
    assert here.run() == {"asked": 2}
    assert here.problems == ("move may not run by itself yet, and asks: no decisions yet; 95% of at least 20 are asked for",)
    here.configure(NO_AGREEMENT)
    here.next_day()
    here.night(["7", "8", "9"])
    assert here.run() == {"approved": 3, "verified": 3}         # what asked when it might not run is proposed anew
    assert shop.values == {"7": "S2", "8": "S2", "9": "S2"}


ROLES = '[automations.approvers.boss]\nusers = ["u1"]\n[automations.approvers.jonas]\nusers = ["u1", "u2"]\n'


def test_who_has_several_roles_decides_as_the_one_that_may_and_never_agrees_to_what_they_asked_for(
    here: Company, shop: Target, monkeypatch: pytest.MonkeyPatch,
) -> None:
    here.configure(ROLES)
    monkeypatch.setattr(automations, "account", lambda: "u1")
    here.night(["7", "8"])
    assert meridian(here, "run").output == "2 asked\n"
    first, second = here.proposals()
    assert meridian(here, "approve", first.proposal).output == f"{first.proposal} Purchase 7: approved\n"
    assert meridian(here, "reject", second.proposal).output == f"{second.proposal} Purchase 8: rejected\n"
    assert "do: approve by jonas" in meridian(here, "show", first.proposal).output
    here.playbook(PLAYBOOK.replace("approvers: [mira, jonas]", "approvers: [boss, jonas]\nfour_eyes: true").replace("asks: [mira, jonas]", "asks: [boss, jonas]"))
    here.next_day()
    here.night(["9"])
    assert meridian(here, "run", "move").output.startswith("1 asked")
    name = next(one.proposal for one in here.proposals() if one.work_key.endswith("/9"))
    refused = meridian(here, "approve", name)
    assert (refused.exit_code, "boss asked for it: somebody else must agree" in refused.output) == (1, True), refused.output
    assert meridian(here, "approve", "no-such").exit_code == 1


FOUR_EYES = PLAYBOOK.replace("approvers: [mira, jonas]", "approvers: [boss, jonas]\nfour_eyes: true").replace("asks: [mira, jonas]", "asks: [boss, jonas]")


@pytest.mark.parametrize("shared", [False, True])
def test_four_eyes_are_two_accounts_of_the_system_whatever_roles_they_name_unless_the_account_is_declared_as_shared(
    here: Company, shop: Target, monkeypatch: pytest.MonkeyPatch, shared: bool,
) -> None:
    here.configure("[automations]\nshared_accounts = [\"u1\"]\n" if shared else "")          # roles without users: any name may be given
    here.playbook(FOUR_EYES)
    monkeypatch.setattr(automations, "account", lambda: "u1")
    here.night(["7"])
    assert meridian(here, "run", "--by", "boss").output == "1 asked\n"
    (one,) = here.proposals()
    said = meridian(here, "approve", one.proposal, "--by", "jonas")
    if shared:
        assert said.output == f"{one.proposal} Purchase 7: approved\n"
        return
    assert said.exit_code == 1 and "u1 asked for it: somebody else must agree" in said.output
    monkeypatch.setattr(automations, "account", lambda: "u2")
    assert meridian(here, "approve", one.proposal, "--by", "jonas").output == f"{one.proposal} Purchase 7: approved\n"


def test_a_link_is_of_the_account_of_a_role_that_one_person_alone_has(here: Company) -> None:
    here.configure('[automations]\nshared_accounts = ["ops"]\n[automations.approvers.boss]\nusers = ["u1"]\n[automations.approvers.jonas]\nusers = ["u1", "u2"]\n')
    assert [automations.account_of(here.settings, role) for role in ("boss", "jonas", "mira", "nobody")] == ["u1", "", "", ""]
    assert (automations.is_shared(here.settings, "ops"), automations.is_shared(here.settings, "u1")) == (True, False)


def test_an_account_is_what_the_kernel_says_and_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")
    login = tmp_path / "loginuid"
    mine = pwd.getpwuid(os.getuid()).pw_name
    assert whoami.account(login) == mine, "no login is recorded on this system"
    for written, expected in (("4294967295", mine), ("0", "root"), ("3999999999", "3999999999")):
        login.write_text(written)
        assert whoami.account(login) == expected


def test_the_playbooks_own_tests_and_every_target_are_checked(here: Company, shop: Target) -> None:
    checked = meridian(here, "check")
    assert checked.exit_code == 0, checked.output
    assert "ok   move: 2 tests" in checked.output
    assert f"ok   shop (http): {shop.url} answers" in checked.output
    here.playbook(PLAYBOOK.replace("says: {a: asks,", "says: {a: runs,"))
    assert "BAD  move: 'a line with a backup is asked for, one without is handed over' does not hold" in meridian(here, "check").output


def test_without_a_word_of_automations_nothing_of_them_runs(here: Company) -> None:
    (here.folder / "meridian.toml").write_text('[company]\nname = "Shop"\n[state]\nhome = "."\n')
    here.night(["7"])
    assert here.run() == {}
    assert here.proposals() == []


@pytest.mark.parametrize(("old", "new", "line", "said"), [
    ("{receipt_id}", "{reciept_id}", 10, "'reciept_id' is no column of late_suppliers; did you mean 'receipt_id'?"),
    ("worklist: late_suppliers", "worklist: late_supplier", 2, "'late_supplier' is no worklist; did you mean 'late_suppliers'?"),
    ("do: http.set", "do: http.sett", 8, "'http.sett' is no action; did you mean 'http.set'?"),
    ("target: shop", "target: shpo", 9, "'shpo' is not configured, and mode approve acts there"),
    ("value: \"{backup", "vlaue: \"{backup", 10, "'vlaue' is no parameter of http.set; did you mean 'value'?"),
    ("kpi: supplier_late_rate", "kpi: supplier_late_rat", 12, "'supplier_late_rat' is no KPI; did you mean 'supplier_late_rate'?"),
    ("expires_after: 48h", "expires_afer: 48h", 6, "expires_afer is no key of a playbook; did you mean 'expires_after'?"),
    ("caps: {per_run: 5}", "caps: {per_rum: 5}", 4, "caps.per_rum is no key of a playbook; did you mean 'per_run'?"),
    ("mode: approve\ncaps: {per_run: 5}", "mode: auto", 1, "mode auto needs caps.per_run"),
    ("{subject: \"{receipt_id}\"", "{subject: \"{receipt_id + 1}\"", 10, "between braces stands the name of a column and nothing else"),
])
def test_what_is_wrong_in_a_playbook_is_said_with_its_line_and_what_would_be_right(here: Company, old: str, new: str, line: int, said: str) -> None:
    assert old in PLAYBOOK
    here.playbook(PLAYBOOK.replace(old, new, 1))
    problems = [problem for problem in automations.load_playbooks(here.settings).problems if "move.yml" in problem]
    assert any(f"move.yml:{line}: " in problem and said in problem for problem in problems), problems


def test_what_is_wrong_in_meridian_toml_is_said_with_its_line(here: Company) -> None:
    here.configure('[automations.playbooks.mvoe]\nmode = "auto"\n[automations.playbooks.move]\nmode = "automatic"\n[automations.targets.crm]\nkind = "htpp"\n'
                   '[automations.targets.partner]\nkind = "portal"\nurl = "https://x"\nevidence = "e"\nbrowsers = 0\npatience = "long"\n')
    problems = "\n".join(automations.load_playbooks(here.settings).problems)
    assert "automations.playbooks.mvoe: there is no such playbook; did you mean 'move'?" in problems
    assert "automations.targets.crm.kind = 'htpp' is no kind of target; did you mean 'http'?" in problems
    assert "mode = 'automatic'" in problems
    line = (here.folder / "meridian.toml").read_text().splitlines().index("browsers = 0") + 1
    assert f"meridian.toml:{line}: automations.targets.partner.browsers = 0: write a whole number from 1 to 8" in problems
    assert "partner.patience = 'long': write the seconds" in problems


def test_every_shipped_playbook_is_right_and_passes_its_own_tests(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text('[company]\nname = "Shop"\n')
    loaded = automations.load_playbooks(load(tmp_path / "meridian.toml", environment={}))
    assert loaded.problems == ()
    assert [line for playbook in loaded.playbooks.values() for line in playbook_tests.failures(playbook)] == []
