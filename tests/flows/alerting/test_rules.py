"""Rules are files: the shipped ones hold what they say of themselves, a company changes them without copies, and what is wrong is said with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.alerting import rule_tests, rules
from flows.alerting.options import Alerts
from flows.alerts import known_kpis
from flows.settings import PROJECT, parse

KNOWN = rules.Known(kpis=known_kpis(PROJECT / "dbt_project"), channels=("mail", "chat"))
SHIPPED = rules.load([rules.SHIPPED], Alerts(), KNOWN)
GOOD = (rules.SHIPPED / "supplier_late_rate.yml").read_text(encoding="utf-8")


def load(folder: Path, options: Alerts | None = None, config: str = "") -> rules.Loaded:
    return rules.load([rules.SHIPPED, folder], options or Alerts(), KNOWN, config="meridian.toml", config_text=config)


@pytest.mark.parametrize("name", sorted(SHIPPED.rules))
def test_a_shipped_rule_says_what_its_own_tests_say_that_it_says(name: str) -> None:
    assert rule_tests.failures(SHIPPED.rules[name]) == []


def test_every_shipped_file_is_a_rule_and_the_seeds_are_among_them() -> None:
    assert not SHIPPED.problems and len(SHIPPED.rules) >= 15
    conditions = {rule.condition for rule in SHIPPED.rules.values()}
    assert conditions >= {"above", "below", "worse_than_target_by", "changed_by", "out_of_control", "worklist_not_empty", "missing"}
    assert SHIPPED.rules.keys() >= {
        "supplier_late_rate", "channel_roi", "complaint_past_limit", "major_complaints", "customer_satisfaction", "sla_missed", "uncovered_shift", "order_surge",
        "revenue_behind_target", "skipped_steps", "source_stale", "quality_check_failed"}
    assert (SHIPPED.rules["supplier_late_rate"].above, SHIPPED.rules["channel_roi"].below) == (0.1, 1.0)


@pytest.mark.parametrize(("old", "new", "line", "said"), [
    ("above: 0.10", "abvoe: 0.10", 5, "abvoe is no key of a rule; did you mean 'above'?"),
    ("kpi: supplier_late_rate", "kpi: supplier_late_rat", 3, "there is no such KPI; did you mean 'supplier_late_rate'?"),
    ("above: 0.10", "above: 0.10\nbelow: 0.02", 1, "this has above and below"),
    ("clear: {at: 0.08, for: 2}", "clear: {at: 0.12, for: 2}", 1, "wrong side of the limit"),
    ("clear: {at: 0.08, for: 2}", "clear: {att: 0.08}", 7, "clear.att is no key of a rule; did you mean 'at'?"),
    ("repeat_every: 14d", "repeat_every: two weeks", 13, "a time is written 30min, 8h or 3d"),
    ("inhibited_by: [supplier_late_rate_act]", "inhibited_by: [supplier_late_rate_atc]", 14, "is no rule; did you mean 'supplier_late_rate_act'?"),
    ("tier: warn", "tier: warn\nchannels: [mial]", 10, "'mial' is no channel; did you mean 'mail'?"),
    ("tier: warn", "tier: wran", 9, "tier = 'wran'"),
    ("owner: supply_lead\n", "", 1, "owner is missing"),
    ("        - 客户在等的物料改由备选供应商供货。\n", "", 15, "3 steps in English, 2 in Chinese"),
])
def test_what_is_wrong_is_said_with_file_line_and_the_nearest_name(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert GOOD.count(old) >= 1
    (tmp_path / "supplier_late_rate.yml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    found = load(tmp_path)
    assert len(found.problems) == 1 and f"supplier_late_rate.yml:{line}: " in found.problems[0] and said in found.problems[0]
    assert found.broken == {"supplier_late_rate"} and len(found.rules) == len(SHIPPED.rules) - 1       # the others work on


def test_a_company_changes_a_threshold_where_its_settings_are_and_the_line_there_is_named_when_it_is_wrong(tmp_path: Path) -> None:
    found = load(tmp_path, Alerts(rules={"supplier_late_rate": {"above": 0.2, "for": 3}, "channel_roi": {"worse_than_target_by": "10% of target"}}))
    assert not found.problems
    assert (found.rules["supplier_late_rate"].above, found.rules["supplier_late_rate"].for_, found.rules["supplier_late_rate"].clear.at) == (0.2, 3, None)
    assert (found.rules["channel_roi"].condition, found.rules["channel_roi"].below) == ("worse_than_target_by", None)
    config = '[company]\nname = "Shop"\n\n[alerts.rules.supplier_late_rate]\nfor = 3\nabvoe = 0.2\n'
    found = load(tmp_path, Alerts(rules={"supplier_late_rate": {"for": 3, "abvoe": 0.2}}), config)
    assert found.problems == ("meridian.toml:6: abvoe is no key of a rule; did you mean 'above'?",)


def test_a_company_adds_a_rule_replaces_one_and_switches_one_off(tmp_path: Path) -> None:
    (tmp_path / "our_suppliers.yml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "order_errors.yml").write_text(GOOD, encoding="utf-8")
    found = load(tmp_path, Alerts(off=("order_surge",)))
    assert not found.problems
    assert found.rules.keys() - SHIPPED.rules.keys() == {"our_suppliers"} and "order_surge" not in found.rules
    assert found.rules["order_errors"].kpi == "supplier_late_rate"


def test_settings_that_name_what_is_not_there_are_said_with_their_line(tmp_path: Path) -> None:
    config = '[alerts]\noff = ["order_surg"]\n[alerts.channels]\nwarn = ["mial"]\n[alerts.people.lead]\nchannels = ["caht"]\n'
    options = Alerts.model_validate({"off": ["order_surg"], "channels": {"warn": ["mial"]}, "people": {"lead": {"channels": ["caht"]}}})
    assert load(tmp_path, options, config).problems == (
        "meridian.toml:2: alerts.off: 'order_surg' is no rule; did you mean 'order_surge'?",
        "meridian.toml:4: alerts.channels.warn: 'mial' is no channel; did you mean 'mail'?",
        "meridian.toml:6: alerts.people.lead.channels: 'caht' is no channel; did you mean 'chat'?",
    )


def test_a_rule_whose_test_says_otherwise_is_caught(tmp_path: Path) -> None:
    (tmp_path / "supplier_late_rate.yml").write_text(GOOD.replace("{2026-06-03: fires, 2026-06-07: resolves}", "{2026-06-04: fires}"), encoding="utf-8")
    (failure,) = rule_tests.failures(load(tmp_path).rules["supplier_late_rate"])
    assert "expected 2026-06-04 fires, the rule says 2026-06-03 fires, 2026-06-07 resolves" in failure


def test_the_rule_and_the_settings_of_the_readme_are_valid_and_the_rule_says_what_its_test_says(tmp_path: Path) -> None:
    section = (PROJECT / "README.md").read_text(encoding="utf-8").split("\n## Alerts\n")[1].split("\n## ")[0]
    (tmp_path / "ours.yml").write_text(section.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    written = "[company]\nname = \"Shop\"\n" + section.split("```toml\n")[1].split("```")[0]
    options = parse(written, tmp_path / "meridian.toml").alerts
    known = rules.Known(kpis=KNOWN.kpis, channels=("mail", "duty_chat", "mira_mail"))
    found = rules.load([rules.SHIPPED, tmp_path], options, known, config_text=written)
    assert not found.problems and found.rules["supplier_late_rate"].above == 0.12 and "stale_opportunities" not in found.rules
    assert rule_tests.failures(found.rules["ours"]) == []
    assert {name for name in SHIPPED.rules if SHIPPED.rules[name].has_history} - set(re.findall(r"^\| `(\w+)` ", section, flags=re.MULTILINE)) == {"revenue_behind_target"}


def test_a_file_that_is_no_yaml_is_said_and_breaks_only_itself(tmp_path: Path) -> None:
    (tmp_path / "channel_roi.yml").write_text("title: {en: [\n", encoding="utf-8")
    found = load(tmp_path)
    assert found.broken == {"channel_roi"} and "channel_roi.yml: not valid YAML" in found.problems[0]
