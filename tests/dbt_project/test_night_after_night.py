"""Nights that keep what has not changed answer, day after day, what a build from nothing answers on that day.

Two nights, the second of which is compared; four, and two comparisons, in a drill.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.store import checksums
from sandbox.company.plan import Plan
from sandbox.company.story import write_plan
from sandbox.salesforce import load as loading
from tests.dbt_project.commerce.conftest import SELECT as COMMERCE
from tests.dbt_project.commerce.conftest import WHOLE
from tests.dbt_project.commerce.test_orders import history
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.length import IS_DRILL
from tests.sandbox.salesforce.crm import account

SERVICE = "+marts.kpis.service +marts.process built_actors__zendesk built_actors__request_tracker built_actors__salesforce"
NIGHTS = 4 if IS_DRILL else 2
Records = dict[tuple[str, str], list[tuple[str, Mapping[str, Any] | None]]]


def keyed(records: Mapping[tuple[str, str], Sequence[Any]]) -> Records:
    return {
        stream: [entry if isinstance(entry, tuple) else (str(entry.get("id", place)), entry) for place, entry in enumerate(entries)]
        for stream, entries in records.items()
    }


def spread(records: Records, nights: int, chance: random.Random, *, other: Mapping[str, Sequence[str]], gone: Sequence[tuple[str, str]]) -> list[Records]:
    """Each record comes on some night. One in five comes twice, at first with other words in the fields of `other`; one in twelve of `gone` goes again."""
    landed: list[Records] = [{} for _ in range(nights)]
    for stream, entries in records.items():
        for key, record in entries:
            night = chance.randrange(nights)
            if record is not None and other.get(stream[1]) and chance.random() < 0.2 and night:
                changed = {field: chance.choice(entries)[1].get(field) for field in other[stream[1]]}  # type: ignore[union-attr]
                landed[chance.randrange(night)].setdefault(stream, []).append((key, {**record, **changed}))
            landed[night].setdefault(stream, []).append((key, record))
            if stream in gone and chance.random() < 1 / 12 and night < nights - 1:
                landed[nights - 1].setdefault(stream, []).append((key, None))
    return landed


def compare(builder: WarehouseBuilder, fresh: WarehouseBuilder, folder: Path) -> list[str]:
    """What differs between the marts of two warehouses, row for row."""
    files = []
    for name, one in (("nights", builder), ("fresh", fresh)):
        with one.connection() as connection:
            tables = [row[0] for row in connection.execute("select table_name from information_schema.tables where table_schema = 'marts' order by 1").fetchall()]
        file = folder / f"{name}.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"attach '{one.path}' as warehouse (read_only)")
            for table in tables:
                connection.execute(f"create table {table} as select * from warehouse.marts.{table}")
        files.append(file)
    return [f"{one.table}: {one.only_left} only by nights {one.examples_left}, {one.only_right} only from nothing {one.examples_right}"
            for one in checksums.differences(*files)]


def live(tmp_path: Path, target: Path, manifest: Any, landed: Sequence[Mapping[str, Records]], days: Sequence[date], select: str, **tables: Any) -> None:
    """Build after each night and, on the days of every second one, from nothing too."""
    nights = WarehouseBuilder(folder=tmp_path / "nights", target=target, manifest=manifest, tables=dict(tables))
    kept = 0
    for number, day in enumerate(days):
        for source, records in (landed[number] if number < len(landed) else {}).items():
            nights.land(records, source=source)
            nights.nights -= 1
        nights.nights += 1
        nights.build(select, as_of=day.isoformat(), data_tests=False)   # half a history breaks what tests say of a whole one
        if number % 2:
            fresh = WarehouseBuilder(folder=tmp_path / f"fresh-{number}", target=target, manifest=manifest, tables=dict(tables), batches=nights.batches)
            (fresh.folder / "landing").parent.mkdir()
            (fresh.folder / "landing").symlink_to(nights.folder / "landing")
            fresh.build(select, as_of=day.isoformat(), data_tests=False)
            assert compare(nights, fresh, tmp_path) == [], f"as of {day}"
            kept += 1
    assert kept == len(days) // 2


def cases(plan: Plan, folder: Path) -> Records:
    """Some of the plan's tickets as Salesforce keeps them."""
    with account(folder) as crm:
        loading.load(replace(plan, tickets=plan.tickets[:200], leads=(), customers=plan.customers[:1]), crm.org)
        connector = crm.connect()
        return {("salesforce", stream.name): [(record["Id"], record) for page in connector.read(stream, WHOLE) for record in page.records]
                for stream in connector.streams() if stream.name in ("users", "groups", "case_statuses", "cases", "case_history", "case_comments", "email_messages")}


def test_helpdesks(tmp_path: Path, dbt_target: Path, dbt_manifest: Any) -> None:
    """Three helpdesks at once. Records come late, in any order, some with other words first; people change roles, ratings and tickets go; time passes."""
    chance = random.Random(11)
    plan = write_plan(seed=7, size="small")
    last = plan.ends_on
    zendesk, tracker = keyed(helpdesk_records.zendesk(plan)), keyed(helpdesk_records.request_tracker(plan))
    first = {"drop": keyed(helpdesk_records.agreements(plan))}
    landed = [
        {"desk": one, "tracker": two, "crm": three, **(first if number == 0 else {})} for number, (one, two, three) in enumerate(zip(
            spread(zendesk, NIGHTS, chance, gone=[("zendesk", "satisfaction_ratings"), ("zendesk", "tickets")],
                   other={"users": ("role", "tags", "email"), "tickets": ("priority", "status", "group_id"), "satisfaction_ratings": ("score",)}),
            spread(tracker, NIGHTS, chance, gone=[("request_tracker", "tickets")], other={"users": ("EmailAddress",), "tickets": ("Owner", "Status")}),
            spread(cases(plan, tmp_path), NIGHTS, chance, gone=[("salesforce", stream) for stream in ("cases", "case_history", "case_comments", "email_messages")],
                   other={"users": ("UserType", "Email"), "cases": ("Priority", "Status", "OwnerId"), "groups": ("Name",), "case_statuses": ("IsClosed",)}),
            strict=True))
    ]
    days = [last - timedelta(days=back) for back in (60, 31, 30, 0)[-NIGHTS:]]
    calendars = helpdesk_records.calendar_tables(plan)
    live(tmp_path, dbt_target, dbt_manifest, landed, days, SERVICE, **calendars)


def test_orders(tmp_path: Path, dbt_target: Path, dbt_manifest: Any) -> None:
    """Sales, lines, movements, parcels, invoices, logs, products and rates come in any order, change and go while promises run out."""
    chance = random.Random(5)
    records = keyed(history().records)
    other = {"sale_sale": ("state", "comment"), "sale_line": ("quantity", "product"), "stock_move": ("state", "quantity", "shipment"), "product_product": ("cost_price",),
             "currency_rate": ("rate",), "party_address": ("country",), "stock_shipment_out": ("planned_date", "state")}
    gone = [("tryton", stream) for stream in ("sale_sale", "sale_line", "stock_move", "account_invoice")]
    landed = [{"erp": one} for one in spread(records, NIGHTS, chance, other=other, gone=gone)]
    days = [date(2026, 3, 31) - timedelta(days=back) for back in (26, 20, 19, 9)[-NIGHTS:]]
    live(tmp_path, dbt_target, dbt_manifest, landed, days, f"{COMMERCE} +marts.process")


@pytest.mark.parametrize("back", [pytest.param(1, marks=pytest.mark.drill), 40])
def test_a_day_before_the_last_one_is_built_from_nothing(tmp_path: Path, dbt_target: Path, dbt_manifest: Any, back: int) -> None:
    builder = WarehouseBuilder(folder=tmp_path, target=dbt_target, manifest=dbt_manifest)
    builder.land(history().records, source="erp")
    builder.build(COMMERCE, as_of="2026-03-31")
    day = (date(2026, 3, 31) - timedelta(days=back)).isoformat()
    builder.build(COMMERCE, as_of=day)
    latest = builder.value("select greatest(max(placed_on), max(delivered_on)) from fct_orders")
    assert latest is None or latest <= date.fromisoformat(day)
