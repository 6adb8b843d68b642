"""What a night does, in counts that no machine changes: a guard against a night that quietly costs more than it did.

counts.json keeps them for the first night of the tests' small company and for a second with a day's changes (tests/flows/test_nightly.py). A count that grew is
a failure that names it; so is one that fell, since the next growth would hide behind it. Bytes may drift by a tenth: the packing of texts is not ours.
Meant to be so? `MERIDIAN_COUNTS=write make test ARGS=tests/flows/test_nightly.py`, and say why in the commit.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tests.flows.conftest import Company

KEPT = Path(__file__).with_name("counts.json")


def of_the_last_night(company: Company, night: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """night: `meridian nightly` as it ended."""
    settings = company.settings()
    streams = company.nights()[0]["report"]["streams"]
    version = (settings.published / "current").resolve()
    marts = version / "marts.duckdb"
    with duckdb.connect(str(marts), read_only=True) as connection:
        tables = connection.execute("select count(*), sum(estimated_size) from duckdb_tables()").fetchone()
    built = re.search(r"built (\d+) nodes from (\d+) new batches", night.stdout + night.stderr)
    assert built and tables, night.stdout + night.stderr
    return {
        "requests to sources": sum(one["requests"] for one in streams), "pages": sum(one["pages"] for one in streams),
        "records landed": sum(one["records"] for one in streams), "batches": int(built[2]), "dbt nodes": int(built[1]),
        "checks": company.nights()[0]["report"]["checks"], "tables published": tables[0], "rows published": int(tables[1]),
        "bytes of landing": sum(file.stat().st_size for file in settings.landing.rglob("*.jsonl*")),
        "bytes of the version": sum(file.stat().st_size for file in version.rglob("*") if file.is_file()),
    }


def hold(night: str, counts: Mapping[str, int]) -> None:
    """Raises AssertionError naming what is no longer as it is kept."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if os.environ.get("MERIDIAN_COUNTS") == "write":
        KEPT.write_text(json.dumps(kept | {night: counts}, indent=4) + "\n", encoding="utf-8")
        return
    before = kept[night]
    moved = [f"{name}: {before.get(name)} -> {count}" for name, count in counts.items()
             if abs(count - before.get(name, 0)) > (before.get(name, 0) / 10 if name.startswith("bytes") else 0)]
    assert not moved, f"{night} costs other than it did: {'; '.join(moved)}. If that is meant, see tests/benchmarks/counts.py"
