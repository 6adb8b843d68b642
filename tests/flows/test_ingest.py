"""Ingest: nothing lost, nothing twice, wherever the process dies."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.stream import Cursor, Json, Page, Record, Stream, UnexpectedShape, Unreachable, Window
from flows import ingest
from flows.store import landing as landings
from flows.store import ledger as ledgers
from tests.flows.kills import die_at

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
BY_CURSOR = Stream(name="orders", key=("id",), cursor=Cursor(field="changed_at", overlap=timedelta(minutes=5)), deletes="sweep")
WHOLE = Stream(name="products", key=("id",), deletes="full")


@dataclass
class Truth:
    """A source that keeps its records in memory and hands them out two a page, ordered by (changed_at, id)."""

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    name: str = "erp"
    kind: str = "tryton"
    fails: Callable[[int], Exception | None] = lambda page: None

    def set(self, key: int, value: str, changed_at: datetime) -> None:
        self.records[key] = {"id": key, "value": value, "changed_at": changed_at.isoformat()}

    def streams(self) -> list[Stream]:
        return [BY_CURSOR, WHOLE]

    def check(self) -> str:
        return "truth"

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        start = window.start.isoformat() if window.start and stream.cursor else ""
        found: list[Record] = [
            record for record in sorted(self.records.values(), key=lambda record: (record["changed_at"], record["id"]))
            if start <= record["changed_at"] < window.end.isoformat() and (resume is None or [record["changed_at"], record["id"]] > resume)
        ]
        for number, first in enumerate(range(0, len(found), 2)):
            error = self.fails(number)
            if error is not None:
                raise error
            page = found[first:first + 2]
            yield Page(records=page, position=[page[-1]["changed_at"], page[-1]["id"]])

    def keys(self, stream: Stream) -> Iterator[str]:
        yield from map(str, sorted(self.records))

    def requests_made(self, stream: str) -> int:
        return 0

    def close(self) -> None:
        pass


def store_at(home: Path, now: datetime = NOW) -> ingest.Store:
    return ingest.Store(landing=home / "landing", ledger=ledgers.open_ledger(str(home / "ledger.sqlite")), clock=lambda: now)


def landed(store: ingest.Store, stream: str) -> list[dict[str, Any]]:
    """Every landed line, in the order in which staging takes it in."""
    return [line for row in ledgers.list_batches(store.ledger, "erp", stream) for line in landings.read_lines(store.landing / row["path"])]


def latest(store: ingest.Store, stream: str) -> dict[str, Any]:
    """What staging makes of the landing: the newest line per key, deletes gone."""
    newest = {line["key"]: line["record"] for line in landed(store, stream)}
    return {key: record for key, record in newest.items() if record is not None}


def truth_of(count: int) -> Truth:
    truth = Truth()
    for key in range(count):
        truth.set(key, "first", NOW - timedelta(hours=count - key // 2))      # pairs share an instant
    return truth


def test_everything_in_the_window_lands_once_and_the_cursor_moves(tmp_path: Path) -> None:
    truth, store = truth_of(7), store_at(tmp_path)
    result = ingest.ingest_stream(truth, BY_CURSOR, store)
    assert (result.state, result.records, result.pages) == ("read", 7, 4)
    assert result.cursor == NOW
    assert latest(store, "orders") == {str(key): record for key, record in truth.records.items()}


@pytest.mark.parametrize("stream", [BY_CURSOR, WHOLE])
@pytest.mark.parametrize(("value", "read"), [
    ("cut in two: \ud83d", "cut in two: \ufffd"), ({"\ude00": [10**29, "\ud83d"]}, '{"\ufffd":[100000000000000000000000000000,"\ufffd"]}'),
    (-(2**63) - 1, "-9223372036854775809"), ("1234567890123456789012", "1234567890123456789012")], ids=["text", "both", "number", "digits"])
def test_what_hardly_any_reader_of_json_takes_lands_once_and_can_be_read(tmp_path: Path, stream: Stream, value: Any, read: str) -> None:
    truth, store = truth_of(3), store_at(tmp_path)
    truth.records[1]["value"] = value
    ingest.ingest_stream(truth, stream, store)
    assert ingest.ingest_stream(truth, stream, store_at(tmp_path, NOW + timedelta(days=1))).records == 0
    files = [str(path) for path in (tmp_path / "landing").rglob("*.jsonl.zst")]
    query = "select record ->> '$.value' from read_json(?, columns = {key: 'VARCHAR', record: 'JSON'}) where key = '1'"
    assert duckdb.execute(query, [files]).fetchall() == [(read,)]


def test_a_second_read_lands_only_what_changed_though_it_reads_the_overlap_again(tmp_path: Path) -> None:
    truth, store = truth_of(5), store_at(tmp_path)
    truth.set(9, "just now", NOW - timedelta(minutes=1))
    ingest.ingest_stream(truth, BY_CURSOR, store)
    truth.set(3, "second", NOW + timedelta(minutes=1))
    result = ingest.ingest_stream(truth, BY_CURSOR, store_at(tmp_path, NOW + timedelta(days=1)))
    assert [line["key"] for line in landed(store, "orders")][6:] == ["3"]
    assert result.records == 1


def test_a_whole_stream_lands_changes_and_deletes_only(tmp_path: Path) -> None:
    truth, store = truth_of(5), store_at(tmp_path)
    ingest.ingest_stream(truth, WHOLE, store)
    truth.set(1, "second", NOW - timedelta(hours=1))
    del truth.records[4]
    result = ingest.ingest_stream(truth, WHOLE, store_at(tmp_path, NOW + timedelta(days=1)))
    assert (result.records, result.deletes) == (1, 1)
    assert latest(store, "products") == {str(key): record for key, record in truth.records.items()}
    unchanged = ingest.ingest_stream(truth, WHOLE, store_at(tmp_path, NOW + timedelta(days=2)))
    assert (unchanged.records, unchanged.deletes, unchanged.batches) == (0, 0, ())


def test_a_record_that_vanished_from_the_source_is_landed_as_a_delete_by_the_sweep(tmp_path: Path) -> None:
    truth, store = truth_of(6), store_at(tmp_path)
    ingest.ingest_stream(truth, BY_CURSOR, store)
    del truth.records[2]
    result = ingest.ingest_stream(truth, BY_CURSOR, store_at(tmp_path, NOW + timedelta(days=1)))
    assert result.deletes == 1
    assert "2" not in latest(store, "orders")


def test_a_sweep_that_is_due_every_third_day_comes_though_the_stream_is_read_every_night(tmp_path: Path) -> None:
    seldom = replace(BY_CURSOR, sweep_every=3)
    truth = truth_of(6)
    ingest.ingest_stream(truth, seldom, store_at(tmp_path))
    del truth.records[2]
    deletes = [ingest.ingest_stream(truth, seldom, store_at(tmp_path, NOW + timedelta(days=day))).deletes for day in (1, 2, 3, 4)]
    assert deletes == [0, 0, 1, 0]


def test_a_sweep_that_would_delete_most_records_is_not_believed_unless_told_to(tmp_path: Path) -> None:
    truth, store = truth_of(40), store_at(tmp_path)
    ingest.ingest_stream(truth, BY_CURSOR, store)
    truth.records.clear()
    later = store_at(tmp_path, NOW + timedelta(days=1))
    doubted = ingest.ingest_stream(truth, BY_CURSOR, later)
    assert doubted.state == "failed" and "--believe erp/orders" in (doubted.failure or "")
    assert len(latest(store, "orders")) == 40
    believed = ingest.Store(landing=later.landing, ledger=later.ledger, clock=later.clock, believe=frozenset({"erp/orders"}))
    assert ingest.ingest_stream(truth, BY_CURSOR, believed).deletes == 40


def test_a_source_that_fails_midway_keeps_its_pages_and_goes_on_there(tmp_path: Path) -> None:
    truth, store = truth_of(8), store_at(tmp_path)
    truth.fails = lambda page: Unreachable("connection refused", source="erp") if page == 2 else None
    failed = ingest.ingest_stream(truth, BY_CURSOR, store)
    assert (failed.state, failed.is_retryable) == ("failed", True)
    assert ledgers.stream_state(store.ledger, "erp", "orders", "tryton").failure == failed.failure
    truth.fails = lambda page: None
    result = ingest.ingest_stream(truth, BY_CURSOR, store)
    assert result.state == "resumed"
    assert [line["key"] for line in landed(store, "orders")] == [str(key) for key in range(8)]
    assert ledgers.stream_state(store.ledger, "erp", "orders", "tryton").failure is None


def test_a_malformed_page_is_a_failure_by_name_and_is_not_retried(tmp_path: Path) -> None:
    truth, store = truth_of(4), store_at(tmp_path)
    truth.records[1] = {"value": "no key", "changed_at": truth.records[1]["changed_at"], "id": None}
    result = ingest.ingest_stream(truth, WHOLE, store)
    assert result.state == "failed" and not result.is_retryable
    truth.fails = lambda page: KeyError("results")
    assert "could not be read" in (ingest.ingest_stream(truth, BY_CURSOR, store).failure or "")


def test_a_torn_page_is_cut_off_and_read_again(tmp_path: Path) -> None:
    truth, store = truth_of(6), store_at(tmp_path)
    truth.fails = lambda page: UnexpectedShape("not JSON") if page == 2 else None
    ingest.ingest_stream(truth, BY_CURSOR, store)
    (part,) = (tmp_path / "landing").rglob("*.part")
    with part.open("ab") as file:
        file.write(b"\x1f\x8b half a page")
    truth.fails = lambda page: None
    ingest.ingest_stream(truth, BY_CURSOR, store)
    assert [line["key"] for line in landed(store, "orders")] == [str(key) for key in range(6)]


def test_a_batch_begun_by_the_version_that_packed_by_gzip_goes_on_as_gzip_and_the_next_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, store = truth_of(6), store_at(tmp_path)
    truth.fails = lambda page: UnexpectedShape("not JSON") if page == 2 else None
    with monkeypatch.context() as earlier:
        place = landings.place
        earlier.setattr(landings, "place", lambda *names: _as_before(place(*names)))
        ingest.ingest_stream(truth, BY_CURSOR, store)
    (part,) = (tmp_path / "landing").rglob("*.part")
    with part.open("ab") as file:
        file.write(b"\x1f\x8b half a page")
    truth.fails = lambda page: None
    assert ingest.ingest_stream(truth, BY_CURSOR, store).state == "resumed"
    truth.set(9, "new", NOW + timedelta(hours=1))
    ingest.ingest_stream(truth, BY_CURSOR, store_at(tmp_path, NOW + timedelta(days=1)))
    assert [line["key"] for line in landed(store, "orders")] == [*map(str, range(6)), "9"]
    assert [Path(row["path"]).suffix for row in ledgers.list_batches(store.ledger, "erp", "orders")] == [".gz", ".zst"]
    assert not list((tmp_path / "landing").rglob("*.part"))


def test_a_lost_index_heals_itself_from_the_batches(tmp_path: Path) -> None:
    truth, store = truth_of(5), store_at(tmp_path)
    ingest.ingest_stream(truth, WHOLE, store)
    for file in (tmp_path / "landing").rglob("index.sqlite*"):
        file.unlink()
    again = ingest.ingest_stream(truth, WHOLE, store_at(tmp_path, NOW + timedelta(days=1)))
    assert (again.records, again.deletes) == (0, 0)


def test_a_rejected_batch_gives_its_window_back(tmp_path: Path) -> None:
    truth, store = truth_of(5), store_at(tmp_path)
    (batch,) = ingest.ingest_stream(truth, BY_CURSOR, store).batches
    ledgers.judge_batch(store.ledger, source="erp", stream="orders", batch=batch, verdict="rejected", reason="test")
    assert ingest.ingest_stream(truth, BY_CURSOR, store_at(tmp_path, NOW + timedelta(days=1))).records == 5


STEPS: list[tuple[Any, str]] = [(landings, "append"), (ledgers, "save_reading"), (landings, "seal"), (ledgers, "finish_reading")]


def _as_before(where: landings.Place) -> landings.Place:
    """Where the version that packed by gzip would have put a batch."""
    return replace(where, packing="gz")


def _die_at(home: Path, stream: Stream, truth: Truth, name: str, call: int, before: bool, packing: str) -> None:
    """In a child process: read, and SIGKILL ourselves just before or after the n-th call of a step. packing: gz: as the version before did."""
    if packing == "gz":
        place = landings.place
        landings.place = lambda *names: _as_before(place(*names))
    die_at(next(module for module, step in STEPS if step == name), name, call, before=before)
    ingest.ingest_stream(truth, stream, store_at(home, NOW + timedelta(days=1)))


@pytest.mark.parametrize(("stream", "packing", "calls"), [(BY_CURSOR, "zst", range(1, 9)), (WHOLE, "zst", range(1, 9)), (WHOLE, "gz", (1, 3))],
                         ids=["by cursor", "whole", "whole, by the version before"])
def test_killed_at_every_step_the_next_run_loses_nothing_and_doubles_nothing(tmp_path: Path, stream: Stream, packing: str, calls: Sequence[int]) -> None:
    fork = multiprocessing.get_context("fork")

    def second_night(home: Path) -> Truth:
        truth = truth_of(9)
        ingest.ingest_stream(truth, stream, store_at(home))
        for key in (0, 3, 5, 7, 8):
            truth.set(key, "second", NOW + timedelta(hours=1))
        truth.set(20, "new", NOW + timedelta(hours=2))
        del truth.records[4]
        return truth

    calm = tmp_path / "calm"
    truth = second_night(calm)
    assert ingest.ingest_stream(truth, stream, store_at(calm, NOW + timedelta(days=1))).state == "read"
    expected = [(line["key"], line["deleted"], line["record"]) for line in landed(store_at(calm), stream.name)]

    kills = 0
    for _, name in STEPS:
        for call in calls:
            for before in (True, False):
                home = tmp_path / f"{name}-{call}-{before}"
                truth = second_night(home)
                child = fork.Process(target=_die_at, args=(home, stream, truth, name, call, before, packing))
                child.start()
                child.join()
                if child.exitcode != -signal.SIGKILL:
                    continue
                kills += 1
                store = store_at(home, NOW + timedelta(days=1))
                assert ingest.ingest_stream(truth, stream, store).state != "failed"
                got = [(line["key"], line["deleted"], line["record"]) for line in landed(store, stream.name)]
                assert got == expected, f"killed {'before' if before else 'after'} call {call} of {name}"
                assert not list((home / "landing").rglob("*.part"))
    assert kills >= 2.5 * len(calls)


def test_a_full_disk_is_a_clear_failure_and_the_next_run_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, store = truth_of(6), store_at(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(landings.os, "fsync", full)
        failed = ingest.ingest_stream(truth, BY_CURSOR, store)
    assert failed.state == "failed" and "No space left" in (failed.failure or "")
    assert ingest.ingest_stream(truth, BY_CURSOR, store).state == "resumed"
    assert [line["key"] for line in landed(store, "orders")] == [str(key) for key in range(6)]
