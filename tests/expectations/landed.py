"""Batches and declarations for tests of the batch border."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from connectors.stream import Cursor, Stream
from expectations.batch_checks import PastBatch
from expectations.report import CheckReport, CheckResult
from expectations.run import check_batch
from flows.store.packing import packed

NOW = dt.datetime(2026, 11, 1, 2, 30, tzinfo=dt.UTC)
TICKETS = Stream(name="tickets", key=("id",), cursor=Cursor(field="updated_at"), deletes="tombstone")


def ticket(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "status": "open",
        "priority": "high",
        "created_at": "2026-10-30T10:00:00Z",
        "updated_at": "2026-10-31T10:00:00Z",
        "via": {"channel": "email"},
        "satisfaction_rating": {"score": "good"},
        "subject": f"№{number}",
        **changes,
    }


def batch(folder: Path, records: Iterable[dict[str, Any]], *, deleted: Sequence[str] = (), keys: Sequence[str | None] | None = None, name: str = "b") -> Path:
    """A landed batch file; keys default to the records' ids."""
    path, lines, ordinal = folder / f"{name}.jsonl.zst", list[dict[str, Any]](), 0
    for ordinal, record in enumerate(records):
        key = str(record.get("id")) if keys is None else keys[ordinal]
        lines.append({"key": key, "ordinal": ordinal, "deleted": False, "record": record})
    lines += [{"key": key, "ordinal": number, "deleted": True, "record": None} for number, key in enumerate(deleted, start=ordinal + 1)]
    path.write_bytes(packed("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(), "zst"))
    return path


def history(counts: Sequence[int], *, ends: dt.datetime = NOW) -> list[PastBatch]:
    """One batch a night up to the night before `ends`, oldest first; before them the first reading of everything."""
    nights = [PastBatch(landed_at=ends - dt.timedelta(days=len(counts) - number), records=count, hours=24.0) for number, count in enumerate(counts)]
    return [PastBatch(landed_at=ends - dt.timedelta(days=len(counts) + 1), records=50_000), *nights]


def check(
    files: Sequence[Path], *, past: Sequence[PastBatch] = (), stream: Stream = TICKETS, hours: float | None = 24.0, now: dt.datetime = NOW
) -> CheckReport:
    return check_batch(files, kind="zendesk", stream="tickets", source="helpdesk", stream_declaration=stream, history=past, now=now, hours=hours)


def failed(report: CheckReport) -> dict[str, CheckResult]:
    return {result.check: result for result in report.results if not result.passed}
