"""A company with a configuration, a published list, a playbook of its own and a target: what `meridian automations` finds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from flows import automations
from flows.automation import actions, playbooks
from flows.settings import Settings, load
from flows.store import ledger as ledgers
from flows.store import outbox, proposals, published
from flows.store.proposals import Proposal
from tests.flows.automation.target import ACTIONS, KIND

KEY = "5eed" * 16
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
CONFIGURATION = """\
[company]
name = "Shop"
[state]
home = "."
[night]
clock_file = "clock"
[channels.mira_mail]
kind = "webhook"
url_env = "URL"
secret_env = "SECRET"
[channels.jonas_chat]
kind = "webhook"
url_env = "URL"
secret_env = "SECRET"
language = "zh-CN"
[alerts.people.jonas]
channels = ["jonas_chat"]
[automations.targets.shop]
kind = "http"
url = "{url}"
[automations.approvers.mira]
channels = ["mira_mail"]
{more}
"""
PLAYBOOK = """\
title: {en: Move late purchases, zh: 移动延迟采购}
when: {worklist: late_suppliers, severity: act}
mode: approve
caps: {per_run: 5}
approvers: [mira, jonas]
expires_after: 48h
steps:
    - do: http.set
      target: shop
      with: {subject: "{receipt_id}", value: "{backup_supplier_number}"}
risk: {en: The backup may be dearer, zh: 备选可能更贵}
kpi: supplier_late_rate
runbook: {en: [Call the supplier, Move the rest by hand], zh: [联系供应商, 其余人工处理]}
tests:
    - holds: a line with a backup is asked for, one without is handed over
      rows: [{work_key: a, receipt_id: "7", backup_supplier_number: S2}, {work_key: b, receipt_id: "8", backup_supplier_number: null}, {work_key: c, severity: warn}]
      says: {a: asks, b: is handed over, c: nothing}
      writes: {a: [{subject: "7", value: S2}]}
      asks: [mira, jonas]
    - holds: one more than may run asks
      mode: auto
      rows: [{work_key: a, receipt_id: "1", backup_supplier_number: S2}, {work_key: b, receipt_id: "2", backup_supplier_number: S2}]
      today: 0
      says: {a: runs, b: runs}
"""


@dataclass(kw_only=True)
class Company:
    folder: Path
    url: str
    now: datetime = NOW

    @property
    def settings(self) -> Settings:
        return replace(load(self.folder / "meridian.toml", environment={"MERIDIAN_LINK_KEY": KEY}), clock=lambda: self.now)

    @property
    def ledger(self) -> ledgers.Ledger:
        return ledgers.open_ledger(self.settings.ledger)

    def configure(self, more: str = "") -> None:
        self.set_clock()
        (self.folder / "meridian.toml").write_text(CONFIGURATION.format(url=self.url, more=more), encoding="utf-8")

    def playbook(self, text: str = PLAYBOOK) -> None:
        (self.folder / "playbooks").mkdir(exist_ok=True)
        (self.folder / "playbooks" / "move.yml").write_text(text, encoding="utf-8")

    def publish(self, keys: list[str], as_of: date) -> None:
        warehouse = self.folder / "warehouse.duckdb"
        warehouse.unlink(missing_ok=True)
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("create table worklist_late_suppliers (worklist varchar, work_key varchar, subject varchar, evidence_en varchar, evidence_zh varchar, "
                               "owner varchar, due_at timestamp, severity varchar, value double, threshold double, receipt_id varchar, backup_supplier_number varchar, as_of date)")
            for key in keys:
                connection.execute("insert into worklist_late_suppliers values ('late_suppliers', ?, ?, '4 of 9 late', '9 行中 4 行延迟', 'jonas', ?, 'act', 0.4, 0.1, ?, 'S2', ?)",
                                   [f"late_suppliers/{key}", f"Purchase {key}", datetime(2026, 3, 9, tzinfo=UTC), key, as_of])
        made = published.prepare(self.settings.published, warehouse, version=published.next_version(self.settings.published, as_of), as_of=as_of, built_at=self.now,
                                 tables=[published.Table(name="worklist_late_suppliers", relation="worklist_late_suppliers")])
        published.publish(made, checks=[], published_at=self.now)

    def night(self, keys: list[str]) -> None:
        """The company's night: the version of yesterday is published, and automations run."""
        self.publish(keys, self.settings.as_of(self.now))

    def next_day(self) -> None:
        self.now += timedelta(days=1)
        self.set_clock()

    def set_clock(self) -> None:
        """For commands, whose clock ticks on from ours; set again only where ours was moved, or it would go back by what a command took."""
        clock = self.folder / "clock"
        if clock.exists() and clock.read_text().startswith(f"{self.now.isoformat()} "):
            return
        (self.folder / "clock").write_text(f"{self.now.isoformat()} {datetime.now(UTC).isoformat()}\n")

    def run(self) -> dict[str, int]:
        done, problems = automations.run_now(self.settings, self.ledger)
        self.problems = problems
        return dict(done)

    def proposals(self) -> list[Proposal]:
        with self.ledger.begin() as connection:
            return proposals.select(connection)

    def told(self, channel: str) -> list[dict[str, object]]:
        """The notices that a channel was promised, oldest first."""
        with self.ledger.begin() as connection:
            return [json.loads(promise.notice) for promise in outbox.unfinished(connection, channel)]


def company(folder: Path, url: str, patch: pytest.MonkeyPatch) -> Company:
    for name, action in ACTIONS.items():
        patch.setitem(actions.ACTIONS, name, action)        # type: ignore[arg-type]
    patch.setitem(actions.KINDS, "http", KIND)              # type: ignore[arg-type]
    patch.setattr(playbooks, "SHIPPED", folder / "none")      # one playbook is enough
    made = Company(folder=folder, url=url)
    made.configure()
    made.playbook()
    return made
