"""Retention: what has been kept for as long as `[retention]` says goes, at the end of every night and by `meridian prune`.

What landed and counts is never taken away: the warehouse is built from it, restatements are worked out from it, and no source tells an overwritten record
again. Records that were superseded stay in their files, too: events, stages and rows of a table's past are read from all of them. Only files that were
left out (rejected by a check, or found damaged) go, after their window was read again.

Everything here can be asked again: killed anywhere, the next run goes on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.settings import Settings
from flows.store import expired, published
from flows.store.expired import Expired
from flows.store.ledger import Ledger

if TYPE_CHECKING:
    from flows.healing import Prefect

FLOWS = ("nightly", "backfill", "alert", "automate", "approve", "deliver", "report", "heal")
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AT_ONCE = 50                        # runs that Prefect deletes in one request
MOST_RUNS = 5_000                   # looked at in one go; what is left goes the next night


@dataclass(frozen=True, kw_only=True)
class Goes:
    """What would go of one room. limit: the setting that says so. size: bytes. go: takes it away, and may be asked again."""

    room: str
    what: str
    count: int
    size: int
    limit: str
    go: Callable[[], object]


def versions_days(settings: Settings) -> int:
    return settings.configuration.retention.versions_days or settings.configuration.publish.keep_days or 30


def plan(settings: Settings, ledger: Ledger, prefect: Prefect | None, *, wall: datetime | None = None) -> Iterator[Goes]:
    """What goes now, room by room; what holds nothing is left out. Changes nothing. wall: the instant that Prefect, robots and files go by."""
    now, wall = settings.clock(), wall or datetime.now(UTC)
    for one in (*_versions(settings, now), *_landing(settings, ledger, now), *_ledger(settings, ledger, now), *_prefect(settings, prefect, wall),
                *_evidence(settings, wall), *_logs(settings)):
        if one.count:
            yield one


def prune(settings: Settings, ledger: Ledger, prefect: Prefect | None, *, wall: datetime | None = None) -> list[Goes]:
    """Take away what goes; returns what went."""
    gone = []
    for one in plan(settings, ledger, prefect, wall=wall):
        one.go()
        gone.append(one)
    return gone


def sentence(one: Goes) -> str:
    return f"{one.room}: {one.count:,} {one.what}, {readable(one.size)} ({one.limit})"


def readable(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError


def _versions(settings: Settings, now: datetime) -> Iterator[Goes]:
    days = versions_days(settings)
    old = published.prunable(settings.published, keep_days=days, now=now)
    yield Goes(room="published", what="versions", count=len(old), size=sum(one.size_bytes for one in old), limit=f"versions_days = {days}",
               go=partial(published.prune, settings.published, keep_days=days, now=now))


def _landing(settings: Settings, ledger: Ledger, now: datetime) -> Iterator[Goes]:
    days = settings.configuration.retention.rejected_days
    files = [path for row in expired.rejected_batches(ledger, now - timedelta(days=days)) if (path := settings.landing / row["path"]).is_file()]
    yield Goes(room="landing", what="files that were left out", count=len(files), size=_size(files), limit=f"rejected_days = {days}",
               go=partial(_unlink, files))


def _ledger(settings: Settings, ledger: Ledger, now: datetime) -> Iterator[Goes]:
    retention = settings.configuration.retention
    kinds: tuple[tuple[str, str, Callable[..., Expired]], ...] = (
        ("texts of messages that are finished", "messages_days", expired.messages),
        ("attempts to deliver", "messages_days", expired.delivery_attempts),
        ("threads of messages", "messages_days", expired.message_threads),
        ("reports of nights", "nights_days", expired.night_reports),
        ("comparisons with sources", "nights_days", expired.old_comparisons))
    for what, limit, look in kinds:
        days = getattr(retention, limit)
        of_it = partial(look, ledger, now - timedelta(days=days))
        found = of_it(remove=False)
        yield Goes(room="ledger", what=what, count=found.rows, size=found.size, limit=f"{limit} = {days}", go=partial(of_it, remove=True))


def _prefect(settings: Settings, prefect: Prefect | None, wall: datetime) -> Iterator[Goes]:
    """Finished runs of this deployment. Their task runs and logs go with them, their artifacts within a day by the server's own sweep."""
    if prefect is None:
        return
    days = settings.configuration.retention.prefect_days
    ended = {"flow_runs": {"end_time": {"before_": (wall - timedelta(days=days)).isoformat()}, "state": {"type": {"any_": OVER}}},
             "flows": {"name": {"any_": FLOWS}}, "sort": "END_TIME_DESC", "limit": 200}
    ids: list[str] = []
    for offset in range(0, MOST_RUNS, 200):
        page = prefect.ask("flow_runs/filter", {**ended, "offset": offset})
        ids += [run["id"] for run in page if (run.get("parameters") or {}).get("config") == prefect.config]
        if len(page) < 200:
            break
    altogether = prefect.ask("flow_runs/count", {}) if ids else 0
    share = len(ids) / altogether if altogether else 0.0
    yield Goes(room="prefect", what="finished runs", count=len(ids), size=int(share * _size([settings.home / "prefect" / "prefect.db"])),
               limit=f"prefect_days = {days}", go=partial(_delete_runs, prefect, ids))


def _delete_runs(prefect: Prefect, ids: list[str]) -> None:
    for first in range(0, len(ids), AT_ONCE):
        prefect.ask("flow_runs/bulk_delete", {"flow_runs": {"id": {"any_": ids[first:first + AT_ONCE]}}, "limit": AT_ONCE})


def _evidence(settings: Settings, wall: datetime) -> Iterator[Goes]:
    from flows.automation.robots import evidence

    for name, target in settings.configuration.automations.targets.items():
        options: Any = target.options
        if "evidence" not in options:
            continue
        days = int(options.get("keep_days", settings.configuration.retention.evidence_days))
        folder = settings.path.parent / options["evidence"]
        old = evidence.older(folder, days=days, now=wall)
        yield Goes(room="evidence", what=f"failures of robots at {name}", count=len(old), size=sum(folder_size(one) for one in old),
                   limit=f"evidence_days = {days}", go=partial(evidence.prune, folder, days=days, now=wall))


def _logs(settings: Settings) -> Iterator[Goes]:
    most = settings.configuration.retention.log_megabytes * 1_000_000
    for log in sorted((settings.home / "prefect").glob("*.log")):
        if (size := _size([log])) > most:
            aside = log.with_suffix(".log.1")
            yield Goes(room="logs", what=f"log {log.name}, of which the last part is kept as {aside.name}", count=1, size=size + _size([aside]) - most,
                       limit=f"log_megabytes = {most // 1_000_000}", go=partial(_turn_over, log, aside, most))


def _turn_over(log: Path, aside: Path, most: int) -> None:
    """Keep the last part aside and empty the file in place: its writer has it open and appends to it."""
    new = aside.with_name(f".{aside.name}.new")
    with log.open("rb") as source, new.open("wb") as kept:
        source.seek(-most, os.SEEK_END)
        source.readline()
        shutil.copyfileobj(source, kept)
    new.replace(aside)
    os.truncate(log, 0)


def _unlink(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.is_file())


def folder_size(folder: Path) -> int:
    """Bytes of all files below; what goes away meanwhile counts nothing, and links are not followed."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.lstat().st_size if not path.is_dir() else 0
    return total
