"""Purchases, leads, channels and customers who come back, from the sources' records to the KPIs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.erp import Erp
from tests.dbt_project.warehouse_builder import WarehouseBuilder

ORDERED = "2026-02-02T09:00:00Z"


def history() -> Erp:
    erp = Erp()
    erp.master_data()
    for number in (1, 2, 3):
        erp.customer(number)
    erp.purchase("in time", ordered_at=ORDERED, promised_on="2026-03-10", received_at="2026-03-10T22:30:00Z")  # 23:30 in Berlin
    erp.purchase("just late", ordered_at=ORDERED, promised_on="2026-03-10", received_at="2026-03-10T23:30:00Z")  # 00:30 in Berlin
    erp.purchase("overdue", ordered_at=ORDERED, promised_on="2026-03-20")
    erp.purchase("half received", ordered_at=ORDERED, promised_on="2026-03-20", received_at="2026-03-18T09:00:00Z", part_open=True)
    erp.purchase("not due", ordered_at=ORDERED, promised_on="2026-04-10")
    erp.purchase("early", ordered_at=ORDERED, promised_on="2026-04-12", received_at="2026-03-12T09:00:00Z")
    erp.purchase("cancelled", ordered_at=ORDERED, promised_on="2026-03-15", state="cancelled")
    erp.purchase("draft", ordered_at=ORDERED, promised_on="2026-03-15", state="draft")
    erp.purchase("promise edited", ordered_at=ORDERED, promised_on="2026-03-05", edited_on="2026-03-25", received_at="2026-03-22T09:00:00Z", supplier=501)
    erp.purchase("out of the window", ordered_at="2025-11-01T09:00:00Z", promised_on="2025-12-31", received_at="2026-01-05T09:00:00Z", supplier=501)
    erp.purchase("nobody promised", ordered_at=ORDERED, promised_on=None, received_at="2026-03-02T09:00:00Z", supplier=501)

    open_ = erp.lead("still open", created_at="2026-03-01T09:00:00Z", state="opportunity")
    erp.log(f"sale.opportunity,{open_}", "state:opportunity", "2026-03-03T09:00:00Z")
    won = erp.lead("won", created_at="2026-03-01T10:00:00Z", state="won")
    erp.log(f"sale.opportunity,{won}", "state:opportunity", "2026-03-02T09:00:00Z")
    erp.log(f"sale.opportunity,{won}", "state:converted", "2026-03-04T09:00:00Z")
    erp.order(
        "SO1", placed_at="2026-03-11T09:00:00Z", confirmed_at="2026-03-11T10:00:00Z", create_date="2026-03-04T09:00:00Z", opportunity=won, channel="email"
    )
    lost = erp.lead("lost by a click", created_at="2026-03-02T09:00:00Z", state="lost", lost_reason="price", ended_on="2026-03-20")
    erp.log(f"sale.opportunity,{lost}", "lost", "2026-03-08T09:00:00Z", event="button")
    refused = erp.lead("offer refused", created_at="2026-03-02T10:00:00Z", state="lost")
    erp.log(f"sale.opportunity,{refused}", "state:opportunity", "2026-03-03T09:00:00Z")
    erp.log(f"sale.opportunity,{refused}", "state:converted", "2026-03-04T09:00:00Z")
    erp.order("offer refused", placed_at="2026-03-04T09:00:00Z", cancelled_at="2026-03-09T09:00:00Z", opportunity=refused)
    erp.lead("lost on a day", created_at="2026-03-02T11:00:00Z", state="lost", ended_on="2026-03-12", channel="social")
    gone = erp.lead("made by mistake", created_at="2026-03-02T12:00:00Z", state="cancelled")
    erp.log(f"sale.opportunity,{gone}", "state:cancelled", "2026-03-02T13:00:00Z")
    late = erp.lead("won after the last day", created_at="2026-03-02T13:00:00Z", state="won")
    erp.order("SO2", placed_at="2026-03-31T20:00:00Z", confirmed_at="2026-04-01T10:00:00Z", opportunity=late, customer=3, channel="social")

    erp.order("SO3", placed_at="2026-03-05T09:00:00Z", customer=2, channel="social", campaign=1)
    erp.order("a year before", placed_at="2025-03-31T10:00:00Z", customer=2, channel="email")
    erp.order("a year and a day before", placed_at="2025-03-30T10:00:00Z", customer=1, channel="email")
    erp.order("twice a day", placed_at="2025-06-01T10:00:00Z", customer=3, channel="email")
    erp.order("twice a day again", placed_at="2025-06-01T11:00:00Z", customer=3, channel="email")
    return erp


CHANNEL_DAYS = [
    {"day": "2026-03-05", "channel": "Social", "campaign": "Black Week", "spend": "80.00", "currency": "EUR", "visits": "900"},
    {"day": "2026-03-06", "channel": "social", "campaign": "", "spend": "50.00", "currency": "USD", "visits": "700"},
    {"day": "2026-03-06", "channel": "organic search", "campaign": "", "spend": "0", "currency": "EUR", "visits": "1200"},
]


@pytest.fixture(scope="module")
def march(shop: WarehouseBuilder) -> WarehouseBuilder:
    shop.land(history().records, source="erp")
    shop.land({("files", "channel_days"): [(str(place), row) for place, row in enumerate(CHANNEL_DAYS)]}, source="drop")
    shop.build(SELECT, as_of="2026-03-31")
    return shop


def kpi(shop: WarehouseBuilder, name: str, segment_type: str = "all", segment: str = "all", model: str | None = None) -> tuple[Any, Any, Any]:
    [row] = shop.rows(
        f"select numerator, denominator, value from kpi_{model or name} where kpi = '{name}' and period_grain = 'month' and period_start = '2026-03-01'"
        f" and segment_type = '{segment_type}' and segment = '{segment}'"
    )
    return row["numerator"], row["denominator"], row["value"]


@pytest.mark.parametrize(
    ("number", "received_on", "is_due", "is_late", "is_overdue"),
    [
        ("in time", "2026-03-10", True, False, False),
        ("just late", "2026-03-11", True, True, False),
        ("overdue", None, True, True, True),
        ("half received", None, True, True, True),
        ("not due", None, False, None, False),
        ("early", "2026-03-12", False, None, False),
        ("cancelled", None, False, None, False),
        ("promise edited", "2026-03-22", True, False, False),
        ("nobody promised", "2026-03-02", False, None, False),
    ],
)
def test_a_purchase_line_is_late_by_the_promised_day(
    march: WarehouseBuilder,
    number: str,
    received_on: str | None,
    is_due: bool,
    is_late: bool | None,
    is_overdue: bool,
) -> None:
    [row] = march.rows(f"select * from fct_receipts where purchase_number = '{number}'")
    assert row["received_on"] == received_on or str(row["received_on"]) == received_on
    assert (row["is_due"], row["is_late"], bool(row["is_overdue"])) == (is_due, is_late, is_overdue)


def test_a_draft_purchase_is_not_ordered(march: WarehouseBuilder) -> None:
    assert march.rows("select 1 from fct_receipts where purchase_number = 'draft'") == []


def test_the_late_rate_looks_back_ninety_days(march: WarehouseBuilder) -> None:
    assert kpi(march, "supplier_late_rate") == (3, 5, 0.6)
    assert kpi(march, "supplier_late_rate", "supplier", "Supplier 501") == (0, 1, 0)
    [february] = march.rows(
        "select numerator, denominator from kpi_supplier_late_rate where period_grain = 'month' and period_start = '2026-02-01' and segment = 'Supplier 501'"
    )
    assert february == {"numerator": 1, "denominator": 1}


def test_lead_days_are_those_from_ordering_to_receiving(march: WarehouseBuilder) -> None:
    # 36, 37, 38, 48 and 28 days
    assert kpi(march, "supplier_lead_days")[2] == 37


@pytest.mark.parametrize(
    ("number", "stage", "closed_on", "lost_reason"),
    [
        ("still open", "opportunity", None, None),
        ("won", "won", "2026-03-11", None),
        ("lost by a click", "lost", "2026-03-08", "price"),
        ("offer refused", "lost", "2026-03-09", "unknown"),
        ("lost on a day", "lost", "2026-03-12", "unknown"),
        ("made by mistake", "cancelled", None, None),
        ("won after the last day", "lead", None, None),
    ],
)
def test_a_lead_ends_when_its_offer_does(march: WarehouseBuilder, number: str, stage: str, closed_on: str | None, lost_reason: str | None) -> None:
    [row] = march.rows(f"select fct_leads.* from fct_leads join int_leads using (lead_id) where lead_number = '{number}'")
    assert (row["stage"], row["lost_reason"]) == (stage, lost_reason)
    assert row["closed_on"] == closed_on or str(row["closed_on"]) == closed_on
    assert row["owner"] == "ann@lantern-oak.example"


def test_conversion_is_of_all_created_and_the_win_rate_of_those_closed(march: WarehouseBuilder) -> None:
    assert kpi(march, "lead_conversion_rate")[:2] == (1, 7)
    assert kpi(march, "win_rate")[:2] == (1, 4)


def test_every_stage_says_how_many_went_on(march: WarehouseBuilder) -> None:
    stages = march.rows("select stage, reached_count, went_on_count, lost_count from fct_lead_stages where channel = 'email' order by stage_number")
    assert [tuple(row.values()) for row in stages] == [("lead", 6, 3, 1), ("opportunity", 3, 2, 0), ("offer", 2, 1, 1), ("won", 1, 0, 0)]


def test_the_log_of_stages_begins_and_ends(march: WarehouseBuilder) -> None:
    events = march.rows("select from_stage, to_stage from int_lead_events join int_leads using (lead_id) where lead_number = 'won' order by event_at")
    assert [tuple(row.values()) for row in events] == [(None, "lead"), ("lead", "opportunity"), ("opportunity", "offer"), ("offer", "won")]


def test_a_channel_earns_its_margin_over_its_spend_in_the_reporting_currency(march: WarehouseBuilder) -> None:
    # two orders of 100 that cost 40; 80 EUR and 50 USD at the rate of 1.60 that the ERP gives for that day
    assert kpi(march, "channel_roi", "channel", "social") == (120, 80 + 50 / 1.6, 120 / 111.25)
    assert kpi(march, "channel_roi", "campaign", "black week")[:2] == (60, 80)
    assert kpi(march, "channel_roi", "channel", "organic search")[2] is None
    assert kpi(march, "channel_roi")[0] == 180
    assert kpi(march, "channel_roi_of_paid_channels", model="channel_roi")[0] == 120


def test_a_customer_came_back_within_365_days(march: WarehouseBuilder) -> None:
    # the window begins on 2025-04-01: only customer 3, who ordered twice on one day, has two orders in it
    assert kpi(march, "repurchase_rate")[:2] == (1, 3)
    assert kpi(march, "repurchase_rate", "cohort", "2025-03")[:2] == (0, 2)


def test_a_customer_leaves_the_window_after_365_days(march: WarehouseBuilder) -> None:
    days = march.rows(
        "select numerator, denominator from kpi_repurchase_rate where period_grain = 'day' and segment_type = 'all'"
        " and period_start in ('2026-03-29', '2026-03-30') order by period_start"
    )
    assert [tuple(row.values()) for row in days] == [(3, 3), (2, 3)]
