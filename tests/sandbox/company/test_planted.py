"""What the story plants is really there – told from several seeds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sandbox.company import planted
from sandbox.company.plan import Plan


def test_exactly_one_supplier_is_late_more_often_than_it_may_be(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["late_supplier"]
    above = {supplier for supplier, rate in told["trailing_rate_at_end"].items() if rate > 0.10}
    assert above == {planted.DRIFTING_SUPPLIER} == {told["supplier"]}
    assert told["late_rate_after"] > 0.25 and told["late_rate_before"] < 0.05


def test_no_other_supplier_was_ever_above_ten_percent(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["late_supplier"]
    assert 0 < told["worst_trailing_rate_of_the_others"] <= planted.STEADY_LATE_CEILING
    assert planted.DRIFT_FROM <= date.fromisoformat(told["first_day_above_10_percent"]) <= date(2026, 7, 31)


def test_one_channel_alone_earns_less_than_it_costs(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["losing_channel"]
    assert {channel for channel, roi in told["roi_by_channel"].items() if roi < 1} == {"social"}
    assert told["roi"] < 0.7 and told["roi_by_campaign"][planted.LOSING_CAMPAIGN] < told["roi"]


def test_the_surge_week_is_the_largest_by_far(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["surge"]
    assert told["orders"] > 1.2 * told["largest_other_week"] and told["orders"] > 2 * told["orders_in_a_median_week"]


def test_the_bad_lot_drives_defects_of_one_product(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["defect"]
    assert told["defect_share_after"] > 0.15 > 0.03 > told["defect_share_before"]
    tickets = told["defect_tickets_by_month"]
    before = [tickets.get(month, 0) for month in ("2026-03", "2026-04", "2026-05", "2026-06")]
    after = [tickets.get(month, 0) for month in ("2026-08", "2026-09", "2026-10")]
    assert min(after) > max(before) and told["complaints"] >= 8


def test_every_week_has_exactly_one_uncovered_shift(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["uncovered_shift"]
    assert len(told["holes_by_week"]) >= 77
    for monday, holes in told["holes_by_week"].items():
        assert len(holes) == 1, monday
        starts_at, ends_at = (datetime.fromisoformat(holes[0][edge]) for edge in ("starts_at", "ends_at"))
        assert starts_at.weekday() == 6 and 3 <= (ends_at - starts_at).total_seconds() / 3600 <= 5


def test_the_hole_moves_with_the_clocks_of_both_hemispheres(facts: dict[str, Any]) -> None:
    hours = {(hole["starts_at"][11:13], hole["ends_at"][11:13]) for holes in facts["planted"]["uncovered_shift"]["holes_by_week"].values() for hole in holes}
    assert hours == {("04", "07"), ("03", "07"), ("03", "08")}  # winter there; both in between; summer there


def test_the_real_project_quickens_its_warehouse_alone(other_facts: dict[str, Any]) -> None:
    change = other_facts["planted"]["projects"]["real"]["relative_change"]
    assert change["BER"] < -0.15 and all(abs(other) < 0.15 for code, other in change.items() if code != "BER")


def test_the_sham_project_changes_nothing_but_comes_after_a_bad_fortnight(other_facts: dict[str, Any]) -> None:
    before, dip, after = other_facts["planted"]["projects"]["sham"]["median_minutes_before_dip_after"]
    assert abs(after / before - 1) < 0.12 and dip > after


def test_one_category_is_over_its_budget(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["over_budget"]
    assert {category for category, variance in told["variance_since_by_category"].items() if abs(variance) > 0.05} == {told["category"]}
    assert told["variance_since_by_category"][told["category"]] > 0.15


def test_one_team_has_the_least_content_customers(other_facts: dict[str, Any]) -> None:
    told = other_facts["planted"]["weak_team"]
    counted = {team: share for team, share in told["csat_by_team"].items() if told["rated_by_team"][team] >= 25}
    assert min(counted, key=lambda team: counted[team]) == "Support Pacific"


def test_the_tails_are_there(other_facts: dict[str, Any]) -> None:
    tickets, orders = other_facts["planted"]["tickets"], other_facts["planted"]["orders"]
    assert sum(count for hops, count in tickets["by_reassignments"].items() if int(hops) >= 2) >= 5 and tickets["reopened"] >= 10
    assert min(orders["cancelled"], orders["split"], orders["promise_moved"], orders["our_fault"], orders["not_our_fault"]) >= 20


def test_agents_sit_in_four_time_zones(plan: Plan) -> None:
    assert len({agent.time_zone for agent in plan.agents if agent.team.startswith("Support")}) == 4
    assert len({warehouse.time_zone for warehouse in plan.warehouses}) == 3
