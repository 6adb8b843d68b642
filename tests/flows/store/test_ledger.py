"""The ledger: leases end with their holder, verdicts and cursors move together."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from flows.store import leases
from flows.store import ledger as ledgers
from flows.store.refused import DiskFull

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)


def test_a_second_holder_is_refused_with_the_first_ones_purpose(tmp_path: Path) -> None:
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    with (
        leases.lease(ledger, "night", purpose="a nightly run as of 2026-02-28", now=NOW),
        pytest.raises(leases.LeaseTaken, match=f"a nightly run as of 2026-02-28.*process {os.getpid()}"),
        leases.lease(ledger, "night", purpose="another", now=NOW),
    ):
        raise AssertionError("two holders")
    with leases.lease(ledger, "night", purpose="after the first", now=NOW):
        pass


def _hold_and_die(path: str) -> None:
    with leases.lease(ledgers.open_ledger(path), "night", purpose="doomed", now=NOW):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_holder_leaves_no_lease_behind(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.sqlite")
    child = multiprocessing.get_context("fork").Process(target=_hold_and_die, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    with leases.lease(ledgers.open_ledger(path), "night", purpose="the next", now=NOW):
        pass


def test_a_lease_held_on_another_host_ends_when_it_expires(tmp_path: Path) -> None:
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    with ledger.begin() as connection:
        connection.execute(leases.leases.insert().values(
            name="night", owner="elsewhere:1:1", purpose="far away", taken_at=ledgers.text(NOW), expires_at=ledgers.text(NOW + timedelta(hours=6))))
    with pytest.raises(leases.LeaseTaken, match="elsewhere"), leases.lease(ledger, "night", purpose="mine", now=NOW + timedelta(hours=5)):
        pass
    with leases.lease(ledger, "night", purpose="mine", now=NOW + timedelta(hours=7)):
        pass


def _try_to_hold(path: str, results: multiprocessing.Queue[bool], barrier: multiprocessing.synchronize.Barrier) -> None:  # type: ignore[name-defined]
    ledger = ledgers.open_ledger(path)
    barrier.wait()
    try:
        with leases.lease(ledger, "night", purpose="racing", now=NOW):
            barrier.wait()           # nobody lets go before everybody has tried
            results.put(True)
    except leases.LeaseTaken:
        barrier.wait()
        results.put(False)


def test_of_eight_processes_that_ask_at_once_one_gets_it(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.sqlite")
    ledgers.open_ledger(path)
    fork = multiprocessing.get_context("fork")
    results, barrier = fork.Queue(), fork.Barrier(8)
    children = [fork.Process(target=_try_to_hold, args=(path, results, barrier)) for _ in range(8)]
    for child in children:
        child.start()
    got = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    assert sum(got) == 1


def test_a_night_that_was_killed_is_called_interrupted_by_the_next(tmp_path: Path) -> None:
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    ledgers.start_night(ledger, run="one", as_of="2026-02-27", at=NOW - timedelta(days=1))
    ledgers.start_night(ledger, run="two", as_of="2026-02-28", at=NOW)
    assert [night["state"] for night in ledgers.list_nights(ledger)] == ["running", "interrupted"]


def test_a_ledger_on_a_full_disk_is_said_in_words_and_opens_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "ledger.sqlite"
    ledgers.open_ledger(str(path)).dispose()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    with pytest.raises(DiskFull, match=f"the disk that holds {path} is full: free some room"):
        ledgers.open_ledger(str(path))
    ballast.unlink()
    ledger = ledgers.open_ledger(str(path))
    assert ledgers.list_nights(ledger, limit=1) == []
    ledger.dispose()


TABLES = Path(__file__).with_name("ledger_tables.json")


def test_tables_that_deployments_have_stay_as_they_are(tmp_path: Path) -> None:
    """A newer Meridian opens the ledger of an older one, and makes tables that are not there. To one that is there nothing is added: what is new needs a table
    of its own. (An older Meridian then finds what it knows, too.) Written down anew with MERIDIAN_LEDGER_TABLES=write."""
    ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    found = {name: ", ".join(f"{column.name} {column.type}{'' if column.nullable else ' not null'}" for column in table.columns)
             for name, table in sorted(ledgers.metadata.tables.items())}
    if os.environ.get("MERIDIAN_LEDGER_TABLES") == "write":
        TABLES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    assert {name: found.get(name) for name in kept} == kept, "deployments have these tables as they were"
    assert found.keys() == kept.keys(), "write down what is new"


def test_a_ledger_of_an_older_meridian_is_taken_over(tmp_path: Path) -> None:
    old = str(tmp_path / "ledger.sqlite")
    first = ["streams", "batches", "readings", "leases", "nights"]
    engine = sql.create_engine(f"sqlite:///{old}")
    ledgers.metadata.create_all(engine, tables=[ledgers.metadata.tables[name] for name in first])
    ledgers.start_night(engine, run="one", as_of="2026-02-28", at=NOW)
    engine.dispose()
    taken_over = ledgers.open_ledger(old)
    assert [night["run"] for night in ledgers.list_nights(taken_over)] == ["one"]
    assert set(sql.inspect(taken_over).get_table_names()) == set(ledgers.metadata.tables)
