"""A published version of three KPIs, made from the released schema, so that it cannot drift from what is really published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml

from tests.dbt_project.published_schema import FILE

EVIL = {"csat": "=HYPERLINK(\"http://evil.example\",\"x\")", "revenue": "+1+cmd|' /C calc'!A0", "backlog": "@SUM(A1)"}
CATALOGUE: list[dict[str, Any]] = [
    {"kpi": kpi, "title_en": en, "title_zh": zh, "question": EVIL[kpi], "definition": f"What {kpi} means. One row per period.", "owner": owner, "unit": unit,
     "raci": json.dumps({"responsible": "support", "accountable": owner, "consulted": "sales", "informed": "operations_lead"}), "direction": direction,
     "target": target, "grain": "any", "perspective": perspective, "source_note": "Helpdesk <b>ratings</b>", "reads": reads, "model": f"kpi_{kpi}",
     "definition_revision": "abc", "target_origin": "definition", "min_sample": 0}
    for kpi, en, zh, owner, unit, direction, target, perspective, reads in [
        ("csat", "Customer satisfaction", "客户满意度", "service_lead", "ratio", "higher", 0.9, "customer", "zendesk.ratings, zendesk.tickets"),
        ("revenue", "Revenue", "营收", "sales_lead", "currency", "higher", None, "financial", "tryton.sale_sale"),
        ("backlog", "Open tickets", "待处理工单", "service_lead", "count", "lower", 20.0, "process", "zendesk.tickets"),
    ]
]
VALUES = {"csat": (0.91, 0.875), "revenue": (120000.0, 130500.5), "backlog": (18.0, 25.0)}
STATUS = {"csat": "warning", "revenue": "no_target", "backlog": "off_target"}


@pytest.fixture
def small_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as marts:
        for name, columns in yaml.safe_load(FILE.read_text(encoding="utf-8"))["tables"].items():
            marts.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
        marts.execute("create table meridian_version as select '2026-10-31.001' as version, date '2026-10-31' as as_of, "
                      "timestamp '2026-11-01 02:30:00' as built_at, timestamp '2026-11-01 02:30:00' as published_at, 'abc' as code_revision, '[]'::json as sources")
        for one in CATALOGUE:
            put(marts, "kpi_catalogue", one)
            kpi = one["kpi"]
            for month, value, target in (("2026-09", VALUES[kpi][0], 0.8 if kpi == "csat" else one["target"]), ("2026-10", VALUES[kpi][1], one["target"])):
                put(marts, "kpis", {"kpi": kpi, "period_grain": "month", "period_start": f"{month}-01", "period_end": f"{month}-28", "segment_type": "all",
                                    "segment": "all", "value": value, "target": target, "status": STATUS[kpi], "sample_size": 40, "is_provisional": False})
            put(marts, "scorecard", {"kpi": kpi, "period_grain": "month", "title_en": one["title_en"], "title_zh": one["title_zh"], "unit": one["unit"],
                                     "perspective": one["perspective"], "owner": one["owner"], "direction": one["direction"], "period_start": "2026-10-01",
                                     "period_end": "2026-10-31", "value": VALUES[kpi][1], "target": one["target"], "status": STATUS[kpi], "sample_size": 40,
                                     "sparkline": list(VALUES[kpi]), "is_stale": kpi == "revenue", "as_of": "2026-10-31"})
        yield marts


def put(marts: duckdb.DuckDBPyConnection, table: str, row: dict[str, Any]) -> None:
    marts.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))
