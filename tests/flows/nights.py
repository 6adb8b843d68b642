"""What the tests of whole nights share."""

from __future__ import annotations

from typing import Any

import duckdb

from tests.flows.conftest import Company, order_line, ticket


def marts(company: Company, query: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect(str(company.settings().published / "marts.duckdb"), read_only=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def second_day(company: Company) -> None:
    company.write("drop/tickets-1.jsonl", [ticket(number, f"2026-02-{1 + number % 27:02d}", status="open" if number % 9 == 0 else "solved") for number in range(3, 60)])
    company.write("drop/tickets-2.jsonl", [ticket(300 + number, "2026-03-02") for number in range(5)])
    company.write("drop/orders-2.jsonl", [order_line(f"9{number}", "2026-02-14", quantity=1) for number in range(2)])
    company.clock("2026-03-03T02:30:00+00:00")
