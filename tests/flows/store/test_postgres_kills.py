"""Killed anywhere, PostgreSQL has the old version or the new one, and the next run makes it good; readers never see half of each."""

from __future__ import annotations

import json
import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from flows.store import postgres, published
from flows.store.pg import connected, rows, run
from sandbox.databases import Database
from tests.flows.store.marts_in_postgres import database, follow, options, put_out, user

__all__ = ["database"]

spawn = get_context("spawn")
STAMPS = ("select min(k.stamp), max(k.stamp), min(o.stamp), max(l.stamp), count(*), min(v.version) from marts.fct_lines l join marts.fct_orders o on o.order_id = l.line_id "
          "cross join marts.kpis k, marts.meridian_version v")


SETTINGS: dict[str, Any] = {"keep_versions": 1, "patience_seconds": 20, "rows": {"unit_a": {"business_unit": ["A"]}}}


def _follow(database: Database, folder: Path, step: str) -> None:
    """Dies like in a power cut when that step is behind us."""
    follow(database, folder, step=lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == step else None, **SETTINGS)


def whole(database: Database) -> int:
    """The stamp that all tables share, after making sure of it and of the version that goes with it."""
    with connected(database.url) as connection:
        low, high, orders, lines, count, version = rows(connection, STAMPS)[0]
    assert low == high == orders == lines
    assert count == 20 * 5
    assert version == f"2026-10-31.{low:03d}"
    return int(low)


def test_a_publication_to_postgresql_killed_at_every_step_leaves_the_old_version_or_the_new_and_the_next_run_finishes(database: Database, tmp_path: Path) -> None:
    folder, another = tmp_path / "published", database.another(f"{database.name}_lived")
    put_out(folder, 1)
    follow(database, folder, keep_versions=1)
    follow(another, folder, keep_versions=1)
    # one column more, one of another type: every way that a table can take
    put_out(folder, 2, more="alter table marts.fct_lines add column colour varchar default 'red'; alter table marts.kpis alter value type varchar")
    steps: list[str] = []
    follow(another, folder, step=steps.append, **SETTINGS)
    database.run(f"drop database {another.name}")
    for step in steps:
        child = spawn.Process(target=_follow, args=(database, folder, step))
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL, step
        assert whole(database) == (2 if steps.index(step) >= steps.index("exchanged") else 1)
    follow(database, folder, **SETTINGS)
    print(f"\nkilled after each of {len(steps)} steps: {', '.join(steps)}")
    assert {"access as set", "loaded kpis", "loaded", "room made", "exchanged kpis", "about to commit", "exchanged", "dropped 2026-10-31.001"} <= set(steps)
    assert whole(database) == 2
    assert database.run("select nspname from pg_namespace where nspname like 'marts%' order by 1").split() == ["marts", "marts_2026_10_31_002"]
    assert database.run("select count(*) from pg_class where relname like 'meridian_being_made%' and relkind = 'r'") == "0"
    assert database.run("select count(distinct colour), count(*) from marts.fct_lines") == "1\t20"


def _to(database: Database, version: published.Version) -> None:
    """Of four versions two are kept by name, so that each comes anew."""
    assert postgres.follow(database.url, options(keep_versions=2), version, mask=None).before != version.name


def _read(database: Database, stop: Event, ready: Event, report: Path, level: str) -> None:
    """Statements that join tables of one version, in transactions of several; in a repeatable read one all of them see the same."""
    counts = {"statements": 0, "mixed": 0, "errors": 0, "versions": 0}
    seen = set()
    with connected(database.url) as connection:
        while not stop.is_set():
            try:
                run(connection, f"set transaction isolation level {level}")
                first = None
                for _ in range(5):
                    row = rows(connection, STAMPS)[0]
                    first = first or row
                    counts["statements"] += 1
                    counts["mixed"] += len(set(row[:4])) != 1 or row[4] != 100 or row[5] != f"2026-10-31.{row[0]:03d}" or (level == "repeatable read" and row != first)
                    seen.add(row[0])
            except Exception as error:
                counts["errors"] += 1
                report.with_suffix(".error").write_text(str(error))
            connection.rollback()
            ready.set()
            time.sleep(0.01)        # the publisher wants to get on, too
    report.write_text(json.dumps({**counts, "versions": len(seen)}))


@pytest.mark.parametrize("publishes", [30])
def test_readers_never_see_a_mix_and_never_meet_an_error_during_30_publications(database: Database, tmp_path: Path, publishes: int) -> None:
    folder = tmp_path / "published"
    versions = [put_out(folder, stamp) for stamp in range(1, 5)]
    _to(database, versions[0])
    mira = user(database, "mira", "meridian_reader")
    stop, readers = spawn.Event(), []
    for level in ("read committed", "repeatable read"):
        ready = spawn.Event()
        reader = spawn.Process(target=_read, args=(mira, stop, ready, tmp_path / f"{level}.json", level))
        reader.start()
        readers.append((level, reader))
        assert ready.wait(60)
    for number in range(1, publishes + 1):
        _to(database, versions[number % len(versions)])
    stop.set()
    for _, reader in readers:
        reader.join(60)
    reports = {level: json.loads((tmp_path / f"{level}.json").read_text()) for level, _ in readers}
    print(f"\n{publishes} publications: {reports}")
    for report in reports.values():
        assert report["mixed"] == report["errors"] == 0
        assert report["versions"] == len(versions), "the readers did look while versions changed"
    assert whole(database) == publishes % len(versions) + 1
