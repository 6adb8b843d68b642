"""Orders of the ERP, from its records to the KPIs, one named odd case after the other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.erp import DOLLAR, YEN, Erp
from tests.dbt_project.warehouse_builder import WarehouseBuilder

DAY = "2026-03-02T09:00:00Z"


def history() -> Erp:
    erp = Erp()
    erp.master_data()
    for number, region in ((1, "EMEA"), (2, "AMER"), (3, "APAC")):
        erp.customer(number, region=region)
    erp.delivered("ordinary", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z", promised_on="2026-03-04", requested_on="2026-03-03", campaign=1)

    split = erp.order("split", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", pieces=(2, 1), promised_on="2026-03-06")
    erp.parcel(
        split,
        line=0,
        picked_at="2026-03-03T09:00:00Z",
        packed_at="2026-03-03T10:00:00Z",
        shipped_at="2026-03-03T11:00:00Z",
        delivered_at="2026-03-05T09:00:00Z",
        planned_on="2026-03-06",
    )
    erp.parcel(
        split,
        line=1,
        quantity=1,
        picked_at="2026-03-04T09:00:00Z",
        packed_at="2026-03-04T10:00:00Z",
        shipped_at="2026-03-04T11:00:00Z",
        delivered_at="2026-03-09T09:00:00Z",
        planned_on="2026-03-06",
    )
    half = erp.order("half delivered", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", pieces=(2, 1), promised_on="2026-03-06")
    erp.parcel(half, line=0, picked_at="2026-03-03T09:00:00Z", shipped_at="2026-03-03T11:00:00Z", delivered_at="2026-03-05T09:00:00Z", planned_on="2026-03-06")
    erp.parcel(half, line=1, quantity=1, picked_at="2026-03-04T09:00:00Z", planned_on="2026-03-06", state="picked", cost=None)
    again = erp.delivered("parcel made anew", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z", promised_on="2026-03-05")
    erp.parcel(again, planned_on="2026-03-01", state="cancelled")

    moved = erp.order("moved promise", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-05")
    erp.parcel(
        moved,
        picked_at="2026-03-03T09:00:00Z",
        packed_at="2026-03-03T10:00:00Z",
        shipped_at="2026-03-03T11:00:00Z",
        delivered_at="2026-03-09T09:00:00Z",
        planned_on="2026-03-10",
        first_planned_on="2026-03-05",
    )

    erp.delivered("late evening in Reno", customer=2, warehouse="RNO", placed_at=DAY, delivered_at="2026-03-11T06:30:00Z", promised_on="2026-03-10")
    erp.delivered("past midnight in Singapore", customer=3, warehouse="SGP", placed_at=DAY, delivered_at="2026-03-10T16:30:00Z", promised_on="2026-03-10")
    erp.order("overdue", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-20")
    erp.order("due tonight in Berlin", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-31")
    erp.order("due tonight in Reno", customer=2, warehouse="RNO", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-31")
    erp.order("cancelled in time", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-20", cancelled_at="2026-03-10T09:00:00Z")
    erp.order("cancelled when late", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-06", cancelled_at="2026-03-10T09:00:00Z")

    erp.order("dollars on a day without a rate", placed_at="2026-03-04T09:00:00Z", currency=DOLLAR, channel=None)
    erp.order("dollars before any rate", placed_at="2026-03-01T09:00:00Z", currency=DOLLAR)
    erp.order("yen without any rate", placed_at=DAY, currency=YEN)

    back = erp.delivered("returned after the month's end", placed_at="2026-02-20T09:00:00Z", delivered_at="2026-02-22T09:00:00Z", promised_on="2026-02-24")
    refund = erp.returned(back, at="2026-03-15T09:00:00Z")
    erp.credited(refund, at="2026-03-16T09:00:00Z")  # pays the return back
    short = erp.delivered("credited", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z")
    erp.credited(short, at="2026-03-06T09:00:00Z", amount="-30.00", ours=False)
    named = erp.delivered("credited-by-number-1", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z")
    erp.credited(named, at="2026-03-06T09:00:00Z", amount="-10.00", reference="credited-by-number-1")

    dropped = erp.order("line dropped", placed_at=DAY, confirmed_at="2026-03-02T10:00:00Z", pieces=(2, 1))
    erp.parcel(dropped, line=0, quantity=2, cost="25.00", delivered_at="2026-03-04T09:00:00Z")
    erp.parcel(dropped, line=1, quantity=1, state="cancelled")

    won = erp.lead("L1", created_at="2026-02-01T09:00:00Z", state="won")
    erp.order("won from a lead", placed_at="2026-03-05T09:00:00Z", create_date="2026-02-10T09:00:00Z", opportunity=won)
    open_ = erp.lead("L2", created_at="2026-02-01T09:00:00Z", state="converted")
    erp.add(
        "sale_sale",
        number="offer",
        party=1,
        currency=1,
        origin=f"sale.opportunity,{open_}",
        state="draft",
        quotation_date=None,
        create_date=DAY,
        untaxed_amount="0",
    )
    erp.order("after the last day", placed_at="2026-03-31T22:30:00Z")
    return erp


@pytest.fixture(scope="module")
def march(shop: WarehouseBuilder) -> WarehouseBuilder:
    erp = history()
    gone = erp.order("gone", placed_at=DAY)
    shop.land(erp.records, source="erp")
    shop.land({("tryton", "sale_sale"): [(str(gone), None)]}, source="erp")
    shop.build(SELECT, as_of="2026-03-31")
    return shop


def order(shop: WarehouseBuilder, number: str) -> dict[str, Any]:
    [row] = shop.rows(f"select * from fct_orders where order_number = '{number}'")
    return row


def test_an_ordinary_order_has_every_stage_and_its_words(march: WarehouseBuilder) -> None:
    row = order(march, "ordinary")
    assert [row[f"{stage}_hours"] for stage in ("confirm", "pick", "ship", "deliver", "cycle")] == [1, 2, 2, 43, 48]
    assert (row["channel"], row["campaign"], row["region"], row["warehouse"], row["carrier"]) == ("email", "black week", "EMEA", "BER", "DHL")
    assert (row["business_unit"], row["status"], str(row["requested_on"]), row["is_on_time"]) == ("Lantern & Oak GmbH", "done", "2026-03-03", True)
    assert (row["net_amount"], row["cost_amount"], row["margin_amount"]) == (100, 40, 60)


@pytest.mark.parametrize(
    ("number", "delivered_on", "is_on_time", "is_on_first_time", "decided_on"),
    [
        ("split", "2026-03-09", False, False, "2026-03-06"),
        ("half delivered", None, False, False, "2026-03-06"),
        ("parcel made anew", "2026-03-04", True, True, "2026-03-04"),
        ("moved promise", "2026-03-09", True, False, "2026-03-09"),
        ("late evening in Reno", "2026-03-11", True, True, "2026-03-11"),
        ("past midnight in Singapore", "2026-03-10", False, False, "2026-03-10"),
        ("overdue", None, False, False, "2026-03-20"),
        ("due tonight in Berlin", None, False, False, "2026-03-31"),
        ("due tonight in Reno", None, None, None, None),
        ("cancelled in time", None, None, None, None),
        ("cancelled when late", None, False, False, "2026-03-06"),
    ],
)
def test_a_promise_is_for_a_date_where_the_warehouse_is(
    march: WarehouseBuilder,
    number: str,
    delivered_on: str | None,
    is_on_time: bool | None,
    is_on_first_time: bool | None,
    decided_on: str | None,
) -> None:
    row = order(march, number)
    assert row["delivered_on"] == delivered_on or str(row["delivered_on"]) == delivered_on
    assert (row["is_on_time"], row["is_on_first_time"]) == (is_on_time, is_on_first_time)
    assert row["promise_decided_on"] == decided_on or str(row["promise_decided_on"]) == decided_on


def test_a_split_order_is_picked_and_shipped_with_its_last_parcel(march: WarehouseBuilder) -> None:
    row = order(march, "split")
    assert (str(row["picked_at"]), str(row["shipped_at"])) == ("2026-03-04 09:00:00", "2026-03-04 11:00:00")


@pytest.mark.parametrize(
    ("number", "net_amount", "exchange_rate"),
    [("dollars on a day without a rate", Decimal(80), 1.25), ("dollars before any rate", None, None), ("yen without any rate", None, None)],
)
def test_a_day_without_a_rate_has_the_last_one(march: WarehouseBuilder, number: str, net_amount: Decimal | None, exchange_rate: float | None) -> None:
    row = order(march, number)
    assert (row["net_amount"], row["exchange_rate"]) == (net_amount, exchange_rate)


def test_an_order_without_a_channel_stays_unknown(march: WarehouseBuilder) -> None:
    assert order(march, "dollars on a day without a rate")["channel"] == "unknown"


def test_a_dropped_line_is_in_gross_and_not_in_net(march: WarehouseBuilder) -> None:
    row = order(march, "line dropped")
    assert (row["gross_amount"], row["net_amount"], row["cost_amount"]) == (150, 100, 50)


def test_returns_offers_deleted_and_future_sales_are_no_orders(march: WarehouseBuilder) -> None:
    numbers = {row["order_number"] for row in march.rows("select order_number from fct_orders")}
    assert not numbers & {"returned after the month's end-R1", "offer", "gone", "after the last day"}
    assert len(numbers) == 20


def test_an_order_won_from_a_lead_was_placed_when_it_was_quoted(march: WarehouseBuilder) -> None:
    assert str(order(march, "won from a lead")["placed_on"]) == "2026-03-05"


def test_a_return_counts_in_its_own_month_and_is_paid_back_once(march: WarehouseBuilder) -> None:
    entries = march.rows(
        "select entry_kind, entered_on::varchar as entered_on, fct_revenue_entries.net_amount from fct_revenue_entries join fct_orders using (order_id)"
        " where order_number = 'returned after the month''s end' order by entered_on"
    )
    assert entries == [
        {"entry_kind": "booked", "entered_on": "2026-02-20", "net_amount": Decimal(100)},
        {"entry_kind": "refunded", "entered_on": "2026-03-15", "net_amount": Decimal(-50)},
    ]


def test_a_credit_note_finds_its_order_by_its_lines_or_by_its_reference(march: WarehouseBuilder) -> None:
    refunds = march.rows("select order_number, refunded_amount, has_our_fault from fct_orders where refunded_amount > 0 order by order_number")
    assert refunds == [
        {"order_number": "credited", "refunded_amount": Decimal(30), "has_our_fault": False},
        {"order_number": "credited-by-number-1", "refunded_amount": Decimal(10), "has_our_fault": True},
        {"order_number": "returned after the month's end", "refunded_amount": Decimal(50), "has_our_fault": True},
    ]


def kpi(shop: WarehouseBuilder, name: str, month: str, segment_type: str = "all", segment: str = "all") -> tuple[Any, Any, Any]:
    model = "on_time_delivery_rate" if name.startswith("on_time") else name
    [row] = shop.rows(
        f"select numerator, denominator, value from kpi_{model} where kpi = '{name}' and period_grain = 'month' and period_start = '{month}'"
        f" and segment_type = '{segment_type}' and segment = '{segment}'"
    )
    return row["numerator"], row["denominator"], row["value"]


def test_revenue_is_net_of_what_was_cancelled_and_given_back(march: WarehouseBuilder) -> None:
    assert kpi(march, "revenue", "2026-02-01")[2] == 100
    # thirteen orders of 100, three of 150 (one with a line of 50 dropped), one of 80; two cancelled, 90 given back
    [day] = march.rows(
        "select sum(gross_amount) as gross, sum(cancelled_amount) as cancelled, sum(refunded_amount) as refunded, sum(net_amount) as net,"
        " sum(order_count) as orders from fct_revenue_daily where day >= '2026-03-01'"
    )
    assert day == {"gross": Decimal(1830), "cancelled": Decimal(250), "refunded": Decimal(90), "net": Decimal(1490), "orders": 17}
    assert kpi(march, "revenue", "2026-03-01")[2] == 1490
    assert kpi(march, "average_order_value", "2026-03-01") == (1490, 17, 1490 / 17)


def test_kept_promises_are_judged_by_the_last_and_by_the_first(march: WarehouseBuilder) -> None:
    assert kpi(march, "on_time_delivery_rate", "2026-03-01")[:2] == (4, 10)
    assert kpi(march, "on_time_delivery_rate_first_promise", "2026-03-01")[:2] == (3, 10)
    assert kpi(march, "on_time_delivery_rate", "2026-03-01", "warehouse", "RNO")[:2] == (1, 1)


def test_errors_are_orders_with_a_correction_for_our_fault(march: WarehouseBuilder) -> None:
    assert kpi(march, "order_error_rate", "2026-02-01") == (1, 1, 1)
    assert kpi(march, "order_error_rate", "2026-03-01")[:2] == (1, 17)
