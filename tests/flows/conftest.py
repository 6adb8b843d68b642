"""A small company whose systems are files, and one Prefect server for all nights of a test session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.personal import KEY_VARIABLE
from flows import up
from flows.settings import Settings, load
from flows.store import ledger as ledgers
from tests import first_version
from tests.flows import warm

CONFIGURATION = """\
[company]
name = "Small company"
time_zone = "Europe/Berlin"
currency = "GBP"
languages = ["en", "zh-CN"]

[state]
home = "state"

[night]
clock_file = "clock"

[calendars.always]
time_zone = "UTC"
{always}

[sources.drop]
kind = "files"
folder = "drop"
streams.tickets = {{ pattern = "tickets*.jsonl", key = ["id"], feeds = "zendesk.tickets" }}
streams.orders = {{ pattern = "orders*.jsonl", key = ["InvoiceNo", "StockCode"], feeds = "online_retail.lines" }}
streams.targets = {{ pattern = "targets*.csv", key = ["kpi", "segment_type", "segment", "effective_from"] }}

[sources.costs]
kind = "files"
folder = "costs"
streams.costs = {{ pattern = "costs*.csv", key = ["month", "unit", "category"] }}
streams.budgets = {{ pattern = "budgets*.csv", key = ["month", "unit", "category"] }}
"""


@dataclass(frozen=True, kw_only=True)
class Company:
    folder: Path
    api: str

    @property
    def config(self) -> Path:
        return self.folder / "meridian.toml"

    def settings(self) -> Settings:
        return load(self.config, environment={})

    def clock(self, instant: str) -> None:
        (self.folder / "clock").write_text(f"{instant} {datetime.now(UTC).isoformat()}\n")

    def write(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Drop a file: CSV or JSON lines by its ending."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith(".jsonl"):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        else:
            path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]) + "\n", encoding="utf-8")

    def run(self, *arguments: str, prelude: str = "", begins_cold: bool = False) -> subprocess.CompletedProcess[str]:
        """`meridian <arguments>` as a process of its own; prelude: Python to run in it first. begins_cold: what depends on the order of imports."""
        program = f"import sys\n{prelude}\nfrom flows.cli import main\nmain()"
        environment, arguments = {**os.environ, "PREFECT_API_URL": self.api, **up.QUIET}, (*arguments, "--config", str(self.config))
        if begins_cold:
            return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment, check=False)
        return warm.run(program, arguments, environment)

    def nights(self) -> list[dict[str, Any]]:
        return list(ledgers.list_nights(ledgers.open_ledger(self.settings().ledger)))


def ticket(number: int, day: str, status: str = "solved", **more: Any) -> dict[str, Any]:
    """A ticket as Zendesk's export has it."""
    return {
        "id": number, "created_at": f"{day}T09:00:00Z", "updated_at": f"{day}T12:00:00Z", "generated_timestamp": 1, "status": status, "priority": "normal",
        "subject": "Where is my parcel?", "via": {"channel": "email"}, "requester_id": 10, "submitter_id": 10, "assignee_id": 7, "group_id": 5, "tags": [],
        "satisfaction_rating": {"score": "unoffered"}, **more,
    }


def order_line(invoice: str, day: str, quantity: int = 2, price: float = 3.5) -> dict[str, Any]:
    return {
        "InvoiceNo": invoice, "StockCode": "85123A", "Description": "Lantern", "Quantity": quantity, "InvoiceDate": f"{day} 08:26:00", "UnitPrice": price,
        "CustomerID": 17850, "Country": "Germany",
    }


@pytest.fixture
def company(tmp_path: Path, prefect_api: str) -> Company:
    return make_company(tmp_path, prefect_api)


@pytest.fixture(scope="session")
def after_first_night(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Callable[[Path], Company]:
    """Copies of the company on the morning after its first night, which is the same for all workers of a run."""
    with first_version.alone(tmp_path_factory, "first-night") as shared:
        if not (shared / "company").exists():
            made = make_company(tmp_path_factory.mktemp("first"), prefect_api)
            night = made.run("nightly")
            assert night.returncode == 0, night.stdout + night.stderr
            made.folder.rename(shared / "company")

    def copy(folder: Path) -> Company:
        shutil.copytree(shared / "company", folder, symlinks=True, dirs_exist_ok=True)
        return Company(folder=folder, api=prefect_api)

    return copy


@pytest.fixture
def lived_company(tmp_path: Path, after_first_night: Callable[[Path], Company]) -> Company:
    return after_first_night(tmp_path)


def make_company(folder: Path, api: str) -> Company:
    """Tickets, orders, targets, costs: what fits into a handful of files, on the morning of 2 March 2026."""
    always = "\n".join(f'{day} = [["00:00", "24:00"]]' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    made = Company(folder=folder, api=api)
    made.config.write_text(CONFIGURATION.format(always=always), encoding="utf-8")
    (folder / ".env").write_text(f"{KEY_VARIABLE}={'5eed' * 16}\n")
    (folder / ".env").chmod(0o600)
    made.clock("2026-03-02T02:30:00+00:00")
    made.write("drop/tickets-1.jsonl", [ticket(number, f"2026-02-{1 + number % 27:02d}") for number in range(1, 60)])
    made.write("drop/orders-1.jsonl", [order_line(f"5363{number}", f"2026-02-{1 + number % 27:02d}") for number in range(60)])
    made.write("drop/targets.csv", [
        {"kpi": "revenue", "segment_type": "all", "segment": "all", "effective_from": "2026-01-01", "target": 100, "warn_at": "", "act_at": ""}])
    made.write("costs/costs.csv", [{"month": "2026-01-01", "unit": "Support", "category": "wages", "amount": 1100, "currency": "GBP"}])
    made.write("costs/budgets.csv", [{"month": "2026-01-01", "unit": "Support", "category": "wages", "amount": 1000, "currency": "GBP"}])
    return made
