"""Check what landed: every batch is judged once, before dbt may read it. A batch that fails critically is held, with those behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.stream import Stream
from flows.settings import Settings
from flows.store import ledger as ledgers

WINDOW_OF_HISTORY = 28


@dataclass(frozen=True, kw_only=True)
class BatchChecks:
    rows: tuple[Mapping[str, Any], ...]
    held: tuple[tuple[str, str, str], ...]         # (source, stream, batch), held now or by an earlier night
    drift: tuple[Mapping[str, Any], ...]

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(row for row in self.rows if not row["passed"])


def check_batches(settings: Settings, ledger: ledgers.Ledger, declared: Mapping[tuple[str, str], Stream], *, now: datetime) -> BatchChecks:
    """Judge every batch that nobody has judged. declared: the streams by (source, stream), as the connectors declare them."""
    batches = ledgers.list_batches(ledger)
    waiting = [batch for batch in batches if batch["verdict"] == "unchecked"]
    rows: list[Mapping[str, Any]] = []
    drift: list[Mapping[str, Any]] = []
    if waiting:
        # Four seconds of import, spent only on nights on which something landed.
        from expectations.drift import compare
        from expectations.run import check_batch

        for batch in waiting:
            source, name = batch["source"], batch["stream"]
            path = settings.landing / batch["path"]
            history = [other["records"] for other in batches
                       if (other["source"], other["stream"]) == (source, name) and other["batch"] < batch["batch"] and other["verdict"] != "rejected"]
            kind, table = batch["feeds"].split(".", 1)
            report = check_batch([path], kind=kind, stream=table, history=history[-WINDOW_OF_HISTORY:], declaration=declared.get((source, name)), now=now,
                                 subject=f"{source}/{name} {batch['batch']}")
            known = ledgers.stream_state(ledger, source, name, batch["kind"]).fields
            fields, changes = compare([path], known)
            if changes:
                drift += [{"source": source, "stream": name, "batch": batch["batch"], **change} for change in changes]
            ledgers.remember_fields(ledger, source=source, stream=name, fields=fields)
            rows += [row.as_dict() for row in report.rows]
            verdict = "held" if report.critical_failures else "warned" if report.warnings else "passed"
            reason = "; ".join(f"{row.check}: {row.detail}" for row in (*report.critical_failures, *report.warnings)) or None
            ledgers.judge_batch(ledger, source=source, stream=name, batch=batch["batch"], verdict=verdict, decided_by="checks", reason=reason)
    held = [(batch["source"], batch["stream"], batch["batch"]) for batch in ledgers.list_batches(ledger) if batch["verdict"] == "held"]
    return BatchChecks(rows=tuple(rows), held=tuple(held), drift=tuple(drift))
