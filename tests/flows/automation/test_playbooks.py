"""The playbooks that are shipped: each is right, its own tests hold, and it writes in the company's language to whatever helpdesk there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.automation import playbook_tests, playbooks
from flows.automation.options import Automations
from flows.automations import load_playbooks
from flows.settings import load

FILES = sorted(playbooks.SHIPPED.glob("*.yml"))
TARGETS = """
[automations.targets.erp]
kind = "tryton"
url = "https://erp.example.com"
database = "company"
[automations.targets.helpdesk]
kind = "{helpdesk}"
url = "https://helpdesk.example.com"
{more}
[automations.targets.register]
kind = "register"
folder = "drop"
"""


def company(folder: Path, *, languages: str = '"en"', automations: str = "") -> playbooks.Loaded:
    path = folder / "meridian.toml"
    path.write_text(f'[company]\nname = "Small"\nlanguages = [{languages}]\n{automations}', encoding="utf-8")
    return load_playbooks(load(path, environment={}))


def test_all_of_them_are_right_where_nothing_is_configured(tmp_path: Path) -> None:
    loaded = company(tmp_path)
    assert not loaded.problems
    assert set(loaded.playbooks) == {file.stem for file in FILES} and len(FILES) >= 9
    assert {playbook.mode for playbook in loaded.playbooks.values()} == {"propose"}      # who configures a target decides that something is done there
    assert Automations().playbooks == {}


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_what_a_playbook_says_of_itself_holds(tmp_path: Path, name: str) -> None:
    assert not playbook_tests.failures(company(tmp_path).playbooks[name])


@pytest.mark.parametrize(("helpdesk", "more"), [("request_tracker", 'tasks = "General"'), ("zendesk", 'email = "meridian@example.com"\ntasks = "General"')])
def test_a_step_is_done_by_the_helpdesk_that_there_is(tmp_path: Path, helpdesk: str, more: str) -> None:
    loaded = company(tmp_path, automations=TARGETS.format(helpdesk=helpdesk, more=more)
                     + '[automations.playbooks.complaint_escalation]\nmode = "approve"\n[automations.playbooks.improvement_loop]\nmode = "approve"\n')
    assert not loaded.problems
    assert [step.do for step in loaded.playbooks["complaint_escalation"].steps] == [f"{helpdesk}.{name}" for name in ("set_priority", "assign", "note")]
    assert [step.do for step in loaded.playbooks["improvement_loop"].steps] == ["register.add_project", f"{helpdesk}.open_task"]
    assert loaded.playbooks["complaint_escalation"].mode == "approve"


def test_people_read_the_language_of_their_company(tmp_path: Path) -> None:
    row = {"subject": "K1", "ticket_id": "helpdesk:42", "evidence_en": "2 hours over", "evidence_zh": "已超 2 小时"}
    said = {language: company(tmp_path, languages=language).playbooks["complaint_escalation"].steps[2].filled(row)["text"]
            for language in ('"en"', '"zh-CN"', '"en", "zh-CN"')}
    assert said['"en"'] == said['"en", "zh-CN"'] == "Complaint K1: 2 hours over. Call the customer first, then write."
    assert said['"zh-CN"'] == "投诉 K1：已超 2 小时。先致电客户，再书面回复。"


def test_a_step_that_no_helpdesk_can_do_is_said_with_its_line(tmp_path: Path) -> None:
    own = tmp_path / "playbooks"
    own.mkdir()
    (own / "order_surge.yml").write_text((playbooks.SHIPPED / "order_surge.yml").read_text(encoding="utf-8").replace("do: open_task", "do: open_tusk"),
                                         encoding="utf-8")
    problem, = company(tmp_path).problems
    assert "order_surge.yml:" in problem and "'open_tusk' is no action; did you mean 'register.add_project'" not in problem
