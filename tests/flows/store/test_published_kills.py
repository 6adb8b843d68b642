"""Killed anywhere, what is published is the old version or the new one; and readers never see half of one and half of another."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from flows.store import published as store
from flows.store.checksums import table_checksum
from tests.flows.store.test_published import AS_OF, NOW, TABLES, build_warehouse, put_out, stamps

spawn = get_context("spawn")


class KillAt:
    """Dies like in a power cut when the n-th step is behind us, and writes down which one it was."""

    def __init__(self, number: int, notes: Path) -> None:
        self.left, self.notes = number, notes

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.notes.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)


def _publish(folder: Path, stamp: int, number: int, notes: Path) -> None:
    put_out(folder, stamp, at=NOW + dt.timedelta(days=1), step=KillAt(number, notes))


def _rollback(folder: Path, stamp: int, number: int, notes: Path) -> None:
    store.rollback(folder, who="mira", why="", at=NOW, step=KillAt(number, notes))


def _prune(folder: Path, stamp: int, number: int, notes: Path) -> None:
    store.prune(folder, keep_days=0, now=NOW + dt.timedelta(days=99), step=KillAt(number, notes))


def killed_at_every_step(action: object, folder: Path, notes: Path, stamp: int) -> list[str]:
    """Run `action` again and again, each time dying one step later, until it lives. Every state in between is checked by the caller's `seen`."""
    steps: list[str] = []
    for number in range(1, 60):
        notes.unlink(missing_ok=True)
        child = spawn.Process(target=action, args=(folder, stamp, number, notes))  # type: ignore[arg-type]
        child.start()
        child.join(60)
        if child.exitcode == 0:
            return steps
        assert child.exitcode == -signal.SIGKILL
        steps.append(notes.read_text())
        whole(folder)
    raise AssertionError("the action never came to its end")


def whole(folder: Path) -> int:
    """The stamp of what is published, after making sure that all its parts are of one version and as their checksums say."""
    kpis, orders, version = stamps(folder)
    assert kpis == orders
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["version"] == version
    assert store.current(folder).name == version  # type: ignore[union-attr]
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        for name, described in manifest["tables"].items():
            assert table_checksum(connection, name) == (described["rows"], described["checksum"])
            assert connection.execute(f"select any_value(stamp) from '{folder}/parquet/{name}.parquet'").fetchall() == [(kpis,)]
    return kpis


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name.endswith((".tmp", ".new", ".gone", ".wal"))]


def test_a_publication_killed_at_every_step_leaves_the_old_version_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    put_out(folder, 1)
    steps = killed_at_every_step(_publish, folder, tmp_path / "notes", 2)
    print(f"\nkilled after each of {len(steps)} steps: {', '.join(steps)}")
    assert {"copied kpis", "marts written", "synced", "turn written down", "renamed", "names in place", "turned"} <= set(steps)
    assert whole(folder) == 2
    assert leftovers(folder) == []
    # the kill after "turned" came too late to stop its version; the run that lived published one more
    assert len(store.list_versions(folder)) == 3
    assert store.rollback(folder, who="mira", why="", at=NOW).withdrawn is None


def test_the_very_first_publication_killed_at_every_step_leaves_nothing_or_the_whole(tmp_path: Path) -> None:
    for number in range(1, 60):
        folder, notes = tmp_path / str(number) / "published", tmp_path / "notes"
        folder.parent.mkdir()
        child = spawn.Process(target=_publish, args=(folder, 1, number, notes))
        child.start()
        child.join(60)
        if child.exitcode == 0:
            break
        assert store.current(folder) is None or whole(folder) == 1
        put_out(folder, 2)
        assert whole(folder) == 2
        assert leftovers(folder) == []
    assert number > 8


def test_going_back_killed_at_every_step_leaves_one_or_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    for stamp in (1, 2, 3, 4):
        put_out(folder, stamp)
    killed_at_every_step(_rollback, folder, tmp_path / "notes", 0)
    # once by the kill that came after the turn, once by the run that lived
    assert whole(folder) == 2
    assert [version.withdrawn is not None for version in store.list_versions(folder)] == [False, False, True, True]


def test_pruning_killed_at_every_step_never_lists_half_a_version(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    for stamp in range(1, 7):
        put_out(folder, stamp)
    killed_at_every_step(_prune, folder, tmp_path / "notes", 0)
    assert [version.name for version in store.list_versions(folder)] == ["2026-10-31.005", "2026-10-31.006"]
    put_out(folder, 7)
    assert leftovers(folder) == []


def _read(folder: Path, stop: Event, ready: Event, report: Path, hold: int) -> None:
    """Open the stable name like any BI tool, ask two marts in one statement `hold` times, close, and so on."""
    counts = {"statements": 0, "mixed": 0, "lock errors": 0, "other errors": 0, "versions": 0}
    seen = set()
    ready.set()
    while not stop.is_set():
        try:
            with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
                opened = None
                for _ in range(hold):
                    row = connection.execute(
                        "select any_value(k.stamp), any_value(o.stamp), any_value(v.version), count(*) "
                        "from kpis k join fct_orders o on k.kpi = 'kpi' || o.order_id, meridian_version v"
                    ).fetchone()
                    assert row is not None
                    opened = opened or row
                    counts["statements"] += 1
                    counts["mixed"] += row[0] != row[1] or row != opened or row[3] != 50
                    seen.add(row[2])
        except duckdb.IOException as error:
            counts["lock errors" if "lock" in str(error) else "other errors"] += 1
            report.with_suffix(".error").write_text(str(error))
    report.write_text(json.dumps({**counts, "versions": len(seen)}))


@pytest.mark.parametrize("publishes", [30, pytest.param(200, marks=pytest.mark.drill)])
def test_readers_never_see_a_mix_and_never_meet_a_lock_while_versions_are_published(tmp_path: Path, publishes: int) -> None:
    folder = tmp_path / "published"
    put_out(folder, 0)
    warehouse = tmp_path / "w.duckdb"
    stop, readers = spawn.Event(), []
    for number, hold in enumerate((1, 5)):
        ready = spawn.Event()
        reader = spawn.Process(target=_read, args=(folder, stop, ready, tmp_path / f"reader{number}.json", hold))
        reader.start()
        readers.append(reader)
        assert ready.wait(60)
    for stamp in range(1, publishes + 1):
        build_warehouse(warehouse, stamp)
        candidate = store.prepare(
            folder, warehouse, version=store.next_version(folder, AS_OF), as_of=AS_OF, built_at=NOW + dt.timedelta(minutes=stamp), tables=TABLES
        )
        store.publish(candidate, checks=[], published_at=NOW + dt.timedelta(minutes=stamp))
        if stamp % 50 == 0:
            store.prune(folder, keep_days=0, now=NOW + dt.timedelta(minutes=stamp))
    stop.set()
    for reader in readers:
        reader.join(60)
    reports = [json.loads((tmp_path / f"reader{number}.json").read_text()) for number in range(len(readers))]
    total = {name: sum(report[name] for report in reports) for name in reports[0]}
    print(f"\n{publishes} publications, {len(readers)} readers: {total}")
    assert total["mixed"] == total["lock errors"] == total["other errors"] == 0
    assert all(report["versions"] > publishes / 10 for report in reports), "the readers did look while versions changed"
    assert whole(folder) == publishes
