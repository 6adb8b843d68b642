"""A real shop's invoices and a real programme's deliveries through the files connector and the same models, against answers that were worked out elsewhere."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from connectors.stream import Window, landed_key
from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.warehouse_builder import WarehouseBuilder

REAL = os.environ.get("MERIDIAN_REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL, reason="MERIDIAN_REAL_DATA does not name the folder of the real exports")

DECLARED = {
    "lines": {"pattern": "online_retail_orders.parquet", "feeds": "online_retail.lines"},
    "deliveries": {"pattern": "supplier_deliveries.csv.gz", "key": ["ID"], "feeds": "supplier_deliveries.deliveries"},
}
LAST_DAY_OF_THE_SHOP = "2011-12-09"
LAST_DAY_OF_THE_PROGRAMME = "2015-12-31"


def landed(folder: Path, kind: str, stream: str, to: WarehouseBuilder) -> None:
    connector = files.connect(kind, {"folder": REAL, "streams": {stream: DECLARED[stream]}}, home=folder)
    [declared] = connector.streams()
    pages = connector.read(declared, Window(start=None, end=datetime(2026, 11, 1, tzinfo=UTC)))
    to.land({(kind, stream): [(landed_key(declared, record), record) for page in pages for record in page.records]}, source=kind)


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("retail"), target=dbt_target, manifest=dbt_manifest)
    landed(builder.folder, "online_retail", "lines", builder)
    builder.build(SELECT, as_of=LAST_DAY_OF_THE_SHOP, time_zone="Europe/London", currency="GBP")
    return builder


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("programme"), target=dbt_target, manifest=dbt_manifest)
    landed(builder.folder, "supplier_deliveries", "deliveries", builder)
    builder.build(SELECT, as_of=LAST_DAY_OF_THE_PROGRAMME, time_zone="UTC", currency="USD")
    return builder


def test_every_invoice_line_arrives(retail: WarehouseBuilder) -> None:
    [row] = retail.rows("""
        select
            count(*) as lines,
            count(distinct invoice_number) as invoices,
            count(distinct invoice_number) filter (where starts_with(invoice_number, 'C')) as cancellations,
            count(*) filter (where customer_number is null) as without_customer
        from stg_online_retail__lines
    """)
    assert row == {"lines": 541_909, "invoices": 25_900, "cancellations": 3_836, "without_customer": 135_080}


def test_net_sales_are_the_revenue_of_all_days(retail: WarehouseBuilder) -> None:
    known = Decimal("9747747.934")
    assert retail.value("select sum(net_amount) from fct_revenue_daily") == known
    for grain in ("day", "week", "month"):
        assert retail.value(f"select sum(value) from kpi_revenue where segment_type = 'all' and period_grain = '{grain}'") == pytest.approx(
            float(known), abs=1e-4
        )


def test_what_was_sold_is_gross_revenue_and_one_adjustment_upwards(retail: WarehouseBuilder) -> None:
    """The known answer adds up every positive line. One of them, A563185 of 11,062.06, sold nothing: it adjusts a bad debt, so it is no order here."""
    gross = retail.value("select sum(gross_amount) from fct_revenue_daily")
    upwards = retail.value("select sum(net_amount) from fct_revenue_entries where entry_kind = 'adjusted' and net_amount > 0")
    assert (gross, upwards) == (Decimal("10655622.484"), Decimal("11062.06"))
    assert gross + upwards == Decimal("10666684.544")


def test_every_cancellation_takes_from_revenue_once(retail: WarehouseBuilder) -> None:
    [row] = retail.rows("select count(*) as entries, sum(net_amount) as amount from fct_revenue_entries where entry_kind = 'cancelled'")
    assert row == {"entries": 3_836, "amount": Decimal("-896812.49")}


def test_customers_who_bought_at_least_twice(retail: WarehouseBuilder) -> None:
    """The known answer counts over the whole export, which is 374 days long: that is what dim_customers counts. The KPI looks back 365 days."""
    [row] = retail.rows("select count(*) filter (where order_count >= 2) as twice, count(*) as customers from dim_customers where order_count >= 1")
    assert row == {"twice": 2_845, "customers": 4_339}
    assert round(100 * row["twice"] / row["customers"], 2) == 65.57


def test_the_repurchase_kpi_counts_the_last_365_days(retail: WarehouseBuilder) -> None:
    """Counted again from the lines themselves: invoices from 2010-12-10 on that do not begin with C, customers named."""
    [kpi] = retail.rows(
        "select numerator, denominator from kpi_repurchase_rate"
        f" where period_grain = 'day' and period_start = '{LAST_DAY_OF_THE_SHOP}' and segment_type = 'all'"
    )
    [counted] = retail.rows("""
        select count(*) filter (where invoices >= 2) as numerator, count(*) as denominator
        from (
            select customer_number, count(distinct invoice_number) as invoices
            from stg_online_retail__lines
            where not starts_with(invoice_number, 'C') and customer_number is not null and invoiced_at >= '2010-12-10'
            group by customer_number
        )
    """)
    assert kpi == counted
    assert (kpi["numerator"], kpi["denominator"]) == (2_764, 4_265)


def test_a_source_that_does_not_say_whose_fault_it_was_has_no_error_rate(retail: WarehouseBuilder) -> None:
    assert retail.value("select count(value) from kpi_order_error_rate") == 0


def test_late_deliveries_by_date(programme: WarehouseBuilder) -> None:
    [row] = programme.rows("select count(*) as due, count(*) filter (where is_late) as late from fct_receipts where is_due")
    assert row == {"due": 10_324, "late": 1_186}
    assert round(100 * row["late"] / row["due"], 3) == 11.488


def test_the_late_rate_of_each_window_adds_up_to_the_known_answer(programme: WarehouseBuilder) -> None:
    """Ends of windows that lie 90 days apart meet every due line once: the KPI's own rows give the known answer."""
    [row] = programme.rows(f"""
        select sum(numerator) as late, sum(denominator) as due
        from kpi_supplier_late_rate
        where period_grain = 'day' and segment_type = 'all' and (date '{LAST_DAY_OF_THE_PROGRAMME}' - period_start) % 90 = 0
    """)
    assert row == {"late": 1_186, "due": 10_324}


def test_sentences_in_place_of_dates_are_kept_as_remarks(programme: WarehouseBuilder) -> None:
    rows = programme.rows("select ordered_on_remark, count(*) as lines from stg_supplier_deliveries__deliveries where ordered_on is null group by 1 order by 1")
    assert rows == [{"ordered_on_remark": "Date Not Captured", "lines": 328}, {"ordered_on_remark": "N/A - From RDC", "lines": 5_404}]
    assert programme.value("select count(*) from int_receipts__stated where received_on - ordered_on is not null") == 4_592


def test_what_came_before_it_was_ordered_has_no_lead_time_and_keeps_its_verdict(programme: WarehouseBuilder) -> None:
    """Five lines of the real programme."""
    assert programme.value("select count(*) from int_receipts__stated where received_on < ordered_on") == 5
    assert programme.value("select count(*) from fct_receipts where lead_days is not null") == 4_592 - 5
    assert programme.value("select count(*) from int_receipts where has_bad_values and ordered_on is null and received_on is not null") == 5
