"""The judge judges right: tickets and orders small enough to count by hand."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.company.__main__ import main
from sandbox.company.measures import BusinessHours
from sandbox.company.plan import Calendar, Correction, Order, OrderLine, Plan, Purchase, PurchaseLine, Rate, Shipment, SlaPolicy, Ticket, TicketEvent
from sandbox.company.truth_commerce import commerce_kpis, late_and_due
from sandbox.company.truth_service import clocks, told, verdict

HOURS = Calendar(name="office", time_zone="UTC", hours={day: (("09:00", "17:00"),) for day in ("mon", "tue", "wed", "thu", "fri")})
POLICY = SlaPolicy(
    name="standard",
    first_reply_minutes={"normal": 60},
    next_reply_minutes={"normal": 120},
    resolution_minutes={"normal": 480},
    calendar="office",
    pauses_on_pending=True,
)
NOW = datetime(2026, 3, 20, tzinfo=UTC)


def at(text: str) -> datetime:
    """ "04 09:30" is a time in March 2026; the 2nd is a Monday."""
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC)


def event(when: str, kind: Any, actor: Any, value: str | None = None) -> TicketEvent:
    return TicketEvent(at=at(when), kind=kind, actor=actor, by=None, value=value)


def ticket(created: str, *events: TicketEvent) -> Ticket:
    return Ticket(
        number="T00001",
        requester="C00001",
        subject="?",
        body="?",
        channel="email",
        priority="normal",
        team="Support",
        order=None,
        created_at=at(created),
        events=events,
        sla_policy="standard",
    )


def judged(one: Ticket, now: datetime = NOW) -> tuple[bool, datetime] | None:
    return verdict(told(one), POLICY, BusinessHours(HOURS), now)


def test_a_bot_is_not_an_answer() -> None:
    one = ticket("02 09:00", event("02 09:01", "public_reply", "bot"), event("02 09:30", "public_reply", "agent"))
    assert told(one).replies == [at("02 09:30")]


def test_a_ticket_is_met_when_its_last_clock_stops() -> None:
    one = ticket("02 09:00", event("02 09:30", "public_reply", "agent"), event("02 11:00", "status", "agent", "solved"))
    assert judged(one) == (True, at("02 11:00"))


def test_a_late_first_reply_breaks_at_its_limit_not_at_the_reply() -> None:
    one = ticket("02 16:30", event("03 12:00", "public_reply", "agent"), event("03 13:00", "status", "agent", "solved"))
    assert judged(one) == (False, at("03 09:30"))


def test_an_open_ticket_within_its_limits_is_not_judged_yet() -> None:
    one = ticket("02 09:00", event("02 09:30", "public_reply", "agent"))
    assert judged(one, at("02 12:00")) is None
    assert judged(one, at("03 12:00")) == (False, at("02 17:00"))  # eight open hours were used up at the end of the day


def test_waiting_for_the_customer_stops_the_resolution_clock() -> None:
    one = ticket(
        "02 09:00",
        event("02 09:30", "public_reply", "agent"),
        event("02 10:00", "status", "agent", "pending"),
        event("05 10:00", "status", "system", "open"),
        event("05 16:00", "status", "agent", "solved"),
    )
    assert judged(one) == (True, at("05 16:00"))
    unpaused = dataclasses.replace(POLICY, pauses_on_pending=False)
    assert verdict(told(one), unpaused, BusinessHours(HOURS), NOW) == (False, at("02 17:00"))


def test_a_question_after_the_answer_has_a_clock_of_its_own() -> None:
    one = ticket(
        "02 09:00",
        event("02 09:30", "public_reply", "agent"),
        event("02 10:00", "public_reply", "requester"),
        event("02 11:00", "public_reply", "requester"),
        event("02 12:30", "public_reply", "agent"),
        event("02 12:30", "status", "agent", "solved"),
    )
    assert [clock.target for clock in clocks(told(one), POLICY)] == [60, 120, 480]
    assert judged(one) == (False, at("02 12:00"))  # counted from the first of the two questions


def test_the_time_between_solved_and_reopened_is_nobodys() -> None:
    one = ticket(
        "02 09:00",
        event("02 09:30", "public_reply", "agent"),
        event("02 10:00", "status", "agent", "solved"),
        event("06 10:00", "status", "system", "open"),
        event("06 15:00", "status", "agent", "solved"),
    )
    story = told(one)
    assert story.reopened_at == at("06 10:00") and story.resolved_at == at("06 15:00") and story.resolutions == [at("02 10:00"), at("06 15:00")]
    assert judged(one) == (True, at("06 15:00"))


def test_closing_is_no_second_resolution() -> None:
    story = told(ticket("02 09:00", event("02 10:00", "status", "agent", "solved"), event("12 10:00", "status", "system", "closed")))
    assert story.resolutions == [at("02 10:00")] and story.resolved_at == at("02 10:00") and story.ended_at == at("02 10:00")


# ---- orders and purchases


def company(plan: Plan, **parts: Any) -> Plan:
    """The master data of the real plan with a handful of things in it."""
    empty = dataclasses.replace(
        plan,
        orders=(),
        leads=(),
        complaints=(),
        purchases=(),
        tickets=(),
        channel_days=(),
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 3, 31),
        rates=(Rate(currency="USD", on=date(2026, 2, 1), rate=Decimal("1.25")), Rate(currency="USD", on=date(2026, 3, 10), rate=Decimal("1.00"))),
    )
    return dataclasses.replace(empty, **parts)


def order(number: str, placed: str, **parts: Any) -> Order:
    lines = (OrderLine(product="LMP-100", quantity=2, unit_price=Decimal("50.00")),)
    return Order(
        **{
            **{
                "number": number,
                "customer": "C00001",
                "placed_at": at(placed),
                "confirmed_at": at(placed),
                "cancelled_at": None,
                "channel": "email",
                "campaign": None,
                "region": "AMER",
                "warehouse": "RNO",
                "currency": "USD",
                "lines": lines,
                "requested_on": None,
                "promised_on": date(2026, 3, 12),
            },
            **parts,
        }
    )


def parcel(delivered: str | None) -> Shipment:
    return Shipment(
        quantities={"LMP-100": 2},
        picked_at=at("03 10:00"),
        packed_at=at("03 11:00"),
        shipped_at=at("03 12:00"),
        delivered_at=at(delivered) if delivered else None,
        carrier="UPS",
    )


END = datetime(2026, 4, 1, tzinfo=UTC)


def value(plan: Plan, kpi: str, segment_type: str = "all", segment: str = "all", month: str = "2026-03") -> Any:
    return commerce_kpis(plan, END)[kpi][segment_type][segment][month]["value"]


def test_revenue_is_booked_at_its_days_rate_and_given_back_at_another(plan: Plan) -> None:
    back = Correction(kind="return", at=at("15 10:00"), quantities={"LMP-100": 1}, reason="changed mind", our_fault=False)
    told_plan = company(
        plan, orders=(order("SO1", "03 12:00", shipments=(parcel("05 10:00"),), corrections=(back,)), order("SO2", "04 12:00", cancelled_at=at("11 12:00")))
    )
    assert value(told_plan, "revenue") == pytest.approx(80 - 50 + 80 - 80)
    assert value(told_plan, "average_order_value") == pytest.approx(15)
    assert value(told_plan, "order_error_rate") == 0


def test_a_promise_is_broken_at_the_end_of_its_day_where_the_warehouse_is(plan: Plan) -> None:
    late_evening = order("SO1", "03 12:00", shipments=(parcel("13 06:00"),))  # still the 12th in Reno
    next_day = order("SO2", "03 12:00", shipments=(parcel("13 08:00"),))  # one hour too late
    missing = order("SO3", "03 12:00", shipments=(parcel(None),))
    early = order("SO4", "03 12:00", shipments=(parcel("05 10:00"),))
    cancelled = order("SO5", "03 12:00", cancelled_at=at("04 10:00"))
    moved = order("SO6", "03 12:00", shipments=(parcel("20 10:00"),), promised_again_on=date(2026, 3, 21))
    undue = order("SO7", "03 12:00", shipments=(parcel(None),), promised_on=date(2026, 4, 2))
    told_plan = company(plan, orders=(late_evening, next_day, missing, early, cancelled, moved, undue))
    figure = commerce_kpis(told_plan, END)["on_time_delivery_rate"]["warehouse"]["RNO"]["2026-03"]
    assert (figure["numerator"], figure["denominator"]) == (3, 5)
    assert commerce_kpis(told_plan, END)["on_time_delivery_rate_first_promise"]["all"]["all"]["2026-03"]["numerator"] == 2


def test_an_order_is_delivered_with_its_last_parcel(plan: Plan) -> None:
    told_plan = company(
        plan,
        orders=(
            order("SO1", "03 12:00", shipments=(parcel("05 12:00"), parcel("06 12:00"))),
            order("SO2", "03 12:00", shipments=(parcel("05 12:00"), parcel(None))),
        ),
    )
    assert value(told_plan, "order_cycle_hours") == 72


def purchase(promised: str, received: str | None, lines: int = 1, state: Any = "received") -> Purchase:
    return Purchase(
        number="PO1",
        supplier="S001",
        warehouse="BER",
        ordered_at=at("01 10:00"),
        promised_on=at(f"{promised} 00:00").date(),
        state=state,
        lines=tuple(PurchaseLine(product="LMP-100", quantity=1, unit_price=Decimal(1)) for _ in range(lines)),
        received_at=at(received) if received else None,
    )


def test_late_is_what_did_not_come_on_its_day_whether_it_came_or_not(plan: Plan) -> None:
    told_plan = company(
        plan, purchases=(purchase("10", "10 13:00", 3), purchase("10", "11 13:00", 2), purchase("12", None, 1, "ordered"), purchase("10", None, 5, "cancelled"))
    )
    late, due = late_and_due(told_plan, date(2026, 3, 31))
    assert (late["S001"], due["S001"]) == (3, 6)
    assert late_and_due(told_plan, date(2026, 3, 10))[1]["S001"] == 5
    assert value(told_plan, "supplier_lead_days") == 9


def test_ninety_days_are_ninety_days(plan: Plan) -> None:
    told_plan = company(plan, purchases=(purchase("10", "10 13:00"),))
    assert late_and_due(told_plan, date(2026, 6, 7))[1]["S001"] == 1 and late_and_due(told_plan, date(2026, 6, 8))[1]["S001"] == 0


def test_a_customer_comes_back_within_365_days(plan: Plan) -> None:
    customer = plan.customers[0].number
    orders = tuple(
        order(f"SO{serial}", "03 12:00", customer=customer, placed_at=placed_at)
        for serial, placed_at in enumerate((datetime(2025, 4, 1, 12, tzinfo=UTC), datetime(2026, 3, 20, 12, tzinfo=UTC)))
    )
    assert value(company(plan, orders=orders), "repurchase_rate") == 1
    orders = (dataclasses.replace(orders[0], placed_at=datetime(2025, 3, 31, 12, tzinfo=UTC)), orders[1])
    assert value(company(plan, orders=orders), "repurchase_rate") == 0


def test_the_truth_of_the_whole_company_adds_up(plan: Plan, facts: dict[str, Any]) -> None:
    assert set(facts["kpis"]) >= {
        "first_response_minutes",
        "resolution_hours",
        "first_contact_resolution",
        "resolution_rate",
        "sla_attainment",
        "reopen_rate",
        "ticket_backlog",
        "csat",
        "revenue",
        "average_order_value",
        "lead_conversion_rate",
        "win_rate",
        "repurchase_rate",
        "channel_roi",
        "order_cycle_hours",
        "on_time_delivery_rate",
        "order_error_rate",
        "supplier_late_rate",
        "supplier_lead_days",
        "budget_variance",
        "operating_cost_ratio",
        "major_complaint_rate",
        "complaint_on_time_rate",
        "coverage_rate",
        "cross_team_resolution_hours",
        "reassignment_rate",
        "perfect_order_rate",
        "training_completion",
        "risk_incidence_rate",
        "sales_cycle_days",
        "customer_growth",
        "order_throughput",
        "team_review_pass_rate",
        "quality_score",
        "cross_team_satisfaction",
        "core_staff_retention",
        "stockout_rate",
        "revenue_per_head",
        "revenue_per_sqm",
        "staffing_gap",
        "workload_balance",
        "incident_on_time_rate",
        "dispute_resolution_rate",
        "efficiency_gain",
    }
    # days, the whole revenue, and hours that teams promise beside each other
    share_a_denominator = {"order_throughput", "order_line_throughput", "operating_cost_ratio", "coverage_rate"}
    for kpi, segments in facts["kpis"].items():
        if kpi in share_a_denominator:
            continue
        for segment_type, by_segment in segments.items():
            if all("numerator" in figure for months in by_segment.values() for figure in months.values()):
                for month, figure in segments["all"]["all"].items():
                    parts = [months[month]["denominator"] for months in by_segment.values() if month in months]
                    assert sum(parts) == pytest.approx(figure["denominator"]), (kpi, segment_type, month)
    assert facts["kpis"]["ticket_backlog"]["all"]["all"]["2026-10"]["value"] == facts["planted"]["tickets"]["open"]
    assert len(facts["kpis"]["revenue"]["all"]["all"]) == 18


def test_the_command_writes_the_truth_beside_the_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["write", "--size", "small", "--seed", "7", "--out", str(tmp_path), "--drop", str(tmp_path / "drop")])
    assert json.loads((tmp_path / "truth.json").read_text())["as_of"] == "2026-10-31"
    assert "orders" in capsys.readouterr().out and (tmp_path / "drop" / "costs.csv").exists()
