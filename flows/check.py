"""Check what landed: every batch is judged once, before dbt may read it. A batch that fails critically is held, with those behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.personal import is_declared
from connectors.stream import Stream
from flows.privacy import policy_of
from flows.settings import Settings
from flows.store import ledger as ledgers

WINDOW_OF_HISTORY = 28


@dataclass(frozen=True, kw_only=True)
class BatchChecks:
    """waiting: sources of which batches stay unchecked, so that a version made now shows nothing of them."""

    rows: tuple[Mapping[str, Any], ...]
    held: tuple[tuple[str, str, str], ...]         # (source, stream, batch), held now or by an earlier night
    drift: tuple[Mapping[str, Any], ...]
    waiting: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(row for row in self.rows if not row["passed"])


def check_batches(settings: Settings, ledger: ledgers.Ledger, declared: Mapping[tuple[str, str], Stream], *, now: datetime) -> BatchChecks:
    """Judge every batch that nobody has judged. declared: the streams by (source, stream); a batch of a source that could not be reached
    tonight waits for the night on which it can."""
    batches = ledgers.list_batches(ledger)
    waiting = [batch for batch in batches if batch["verdict"] == "unchecked" and (batch["source"], batch["stream"]) in declared]
    rows: list[Mapping[str, Any]] = []
    drift: list[Mapping[str, Any]] = []
    if waiting:
        # Great Expectations takes four seconds to import, spent only on nights on which something landed.
        from expectations.batch_checks import past_batches
        from expectations.run import check_batch

        for batch in waiting:
            source, name = batch["source"], batch["stream"]
            before = [row for row in batches if (row["source"], row["stream"]) == (source, name) and row["batch"] < batch["batch"]]
            start, end = ledgers.instant(batch["window_start"]), ledgers.instant(batch["window_end"])
            kind, table = batch["feeds"].split(".", 1)
            report = check_batch(
                [settings.landing / batch["path"]], kind=kind, stream=table, stream_declaration=declared[source, name], source=source,
                history=past_batches(before)[-WINDOW_OF_HISTORY:], now=now, hours=(end - start).total_seconds() / 3600 if start and end else None,
            )
            changed = _fields(settings, ledger, batch, declared[source, name])
            drift += changed
            rows += [*report.as_rows(), *changed]
            verdict = "held" if report.critical_failures else "warned" if report.warnings else "passed"
            ledgers.judge_batch(
                ledger, source=source, stream=name, batch=batch["batch"], verdict=verdict, decided_by="checks", reason="; ".join(report.sentences()) or None)
    held = [(row["source"], row["stream"], row["batch"]) for row in ledgers.list_batches(ledger) if row["verdict"] == "held"]
    left = {source for source, _ in ledgers.unchecked_streams(ledger)}
    return BatchChecks(rows=tuple(rows), held=tuple(held), drift=tuple(drift), waiting=tuple(sorted(left)))


def _fields(settings: Settings, ledger: ledgers.Ledger, batch: Mapping[str, Any], declared: Stream) -> list[dict[str, Any]]:
    """New, missing and retyped fields, and those that look personal, as warnings; what is known of the stream grows by them."""
    from expectations.drift import infer, merge, report
    from expectations.undeclared import look

    source, stream, files = batch["source"], batch["stream"], [settings.landing / batch["path"]]
    known, seen = ledgers.stream_state(ledger, source, stream, batch["kind"]).fields, infer(files)
    drifts, fields = merge(known, seen)
    ledgers.remember_fields(ledger, source=source, stream=stream, fields=fields)
    policy = policy_of(settings, source)
    looks = look(
        files, seen, source=source, stream=stream, own_domains=policy.own_domains, is_declared=lambda path: is_declared(declared, policy.choices, path))
    return [*report(drifts, subject=f"{source}/{stream}").as_rows(), *looks.as_rows()]
