"""Reconcile: what a source holds is compared with what was landed, at a bounded price, and what is missing is read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from connectors.personal import Policy
from connectors.stream import Listed, Page, QuotaExhausted, Stream, Window, stamp_of
from flows import build, freshness, ingest, show
from flows.reconcile import Bounds, older_slice, reconcile_stream
from flows.settings import load
from flows.store import completeness, warehouse
from flows.store import ledger as ledgers
from flows.store.completeness import Comparison
from tests.flows.test_ingest import BY_CURSOR, NOW, WHOLE, Truth, latest, store_at

ORDERS = replace(BY_CURSOR, deletes="never", stamps=("changed_at",))
DAY = timedelta(days=1)


@dataclass
class Listing(Truth):
    """It lists two keys a request, and reads what it is not told to forget."""

    forgets: set[str] = field(default_factory=set)
    asked: int = 0

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        assert window.start is not None
        found = [(str(key), at) for key, record in sorted(self.records.items()) if (at := stamp_of(stream, record)) and window.start <= at < window.end]
        for first in range(0, max(len(found), 1), 2):
            self.asked += 1
            yield found[first:first + 2]

    def read(self, stream: Stream, window: Window, resume: object = None) -> Iterator[Page]:
        for page in super().read(stream, window, resume):
            yield replace(page, records=[record for record in page.records if str(record["id"]) not in self.forgets])

    def requests_made(self, stream: str) -> int:
        return self.asked


def listing(count: int, *, every: timedelta = timedelta(hours=1)) -> Listing:
    truth = Listing()
    for key in range(count):
        truth.set(key, "first", NOW - (count - key) * every)
    return truth


def night(truth: Truth, home: Path, now: datetime = NOW, stream: Stream = ORDERS, bounds: Bounds | None = None) -> tuple[ingest.StreamResult, list[Comparison]]:
    store = store_at(home, now)
    read = ingest.ingest_stream(truth, stream, store)
    return read, reconcile_stream(truth, stream, store, day=now.date() - DAY, read=read, bounds=bounds or Bounds())


def test_a_record_that_never_landed_is_named_and_read_again_the_next_night(tmp_path: Path) -> None:
    truth = listing(6)
    truth.forgets = {"2"}
    _, (found,) = night(truth, tmp_path)
    assert (found.method, found.rows_in_source, found.rows_landed, found.missing, found.examples) == ("keys", 6, 5, 1, ("2",))
    assert found.figure == pytest.approx(5 / 6)
    assert "orders of 2026-02-22 to 2026-03-01: 5 of 6 records landed, 1 missing (e.g. 2): read again the next night" in completeness.sentence(found)
    truth.forgets = set()
    read, (found,) = night(truth, tmp_path, NOW + DAY)
    assert read.records == 1 and read.notes == ("1 missing and 0 stale of 2026-02-28 were read again: 1 landed",)
    assert (found.missing, found.figure) == (0, 1.0)
    assert latest(store_at(tmp_path), "orders") == {str(key): record for key, record in truth.records.items()}
    assert not completeness.gaps(store_at(tmp_path).ledger, "erp", "orders")
    assert ledgers.stream_state(store_at(tmp_path).ledger, "erp", "orders", "tryton").cursor == NOW + DAY, "the cursor did not move back"


def test_a_gap_that_cannot_be_read_again_stays_open_and_the_stream_is_not_stale_for_it(tmp_path: Path) -> None:
    truth = listing(4)
    truth.forgets = {"1"}
    night(truth, tmp_path)
    nights = []

    def fails(page: int) -> Exception | None:
        nights.append(page)
        return QuotaExhausted("used up") if len(nights) > 1 else None

    truth.set(9, "new", NOW + timedelta(hours=1))
    truth.forgets, truth.fails = set(), fails
    read, _ = night(truth, tmp_path, NOW + DAY)
    assert read.state == "read" and read.records == 1 and "could not be read again: used up" in read.notes[0]
    truth.fails = lambda page: None
    read, (*_, found) = night(truth, tmp_path, NOW + 2 * DAY)
    assert "1" in latest(store_at(tmp_path), "orders") and found.missing == 0


def test_a_record_landed_as_it_was_before_is_stale_and_one_that_went_is_superfluous(tmp_path: Path) -> None:
    truth = listing(6)
    night(truth, tmp_path)
    truth.set(3, "second", NOW - timedelta(minutes=1))         # its stamp is older than what was read, as of a transaction that took long
    del truth.records[1]
    _, (found,) = night(truth, tmp_path, NOW + timedelta(hours=2), stream=replace(ORDERS, cursor=replace(BY_CURSOR.cursor, overlap=timedelta(0))))
    assert (found.missing, found.stale, found.superfluous, found.figure) == (0, 1, 1, 1.0)
    night(truth, tmp_path, NOW + DAY)
    assert latest(store_at(tmp_path), "orders")["3"]["value"] == "second"


def test_what_was_changed_after_it_was_read_is_neither_missing_nor_superfluous(tmp_path: Path) -> None:
    truth, store = listing(6), store_at(tmp_path)
    read = ingest.ingest_stream(truth, ORDERS, store)
    truth.set(2, "second", NOW + timedelta(minutes=3))
    truth.set(7, "new", NOW + timedelta(minutes=4))
    (found,) = reconcile_stream(truth, ORDERS, store_at(tmp_path, NOW + timedelta(minutes=5)), day=NOW.date(), read=read, bounds=Bounds())
    assert (found.rows_in_source, found.missing, found.superfluous, found.stale) == (5, 0, 0, 0)


def test_over_time_every_slice_of_the_history_is_looked_at() -> None:
    earliest, recent, length = NOW - 400 * DAY, NOW - 7 * DAY, 7 * DAY
    looked_at = {older_slice(earliest, recent, length, date(2026, 3, 1) + day * DAY) for day in range(2 * 57)}
    assert len(looked_at) == 57 and None not in looked_at
    assert max(slice_[1] for slice_ in looked_at if slice_) == recent
    assert older_slice(earliest, recent, length, date(2026, 3, 1)) == older_slice(earliest, recent, length, date(2026, 3, 1))
    assert older_slice(None, recent, length, date(2026, 3, 1)) is None and older_slice(recent, recent, length, date(2026, 3, 1)) is None


def test_an_older_slice_that_lacked_something_is_looked_at_again_the_next_night(tmp_path: Path) -> None:
    truth = listing(300, every=timedelta(hours=12))
    _, (recent, older) = night(truth, tmp_path)
    assert (recent.part, older.part) == ("recent", "older") and older.missing == 0 and older.rows_in_source
    truth.forgets = {str(key) for key in range(300)}
    for path in (tmp_path / "landing").rglob("*.jsonl.zst"):
        path.unlink()
    bounds = Bounds(requests=1000)
    _, (_, lacking) = night(truth, tmp_path, NOW + DAY, bounds=bounds)
    assert lacking.missing == lacking.rows_in_source and lacking.window_start != older.window_start
    truth.forgets = set()
    _, (recent, again) = night(truth, tmp_path, NOW + 2 * DAY, bounds=bounds)
    assert (again.window_start, again.missing, recent.missing) == (lacking.window_start, 0, 0)
    _, (_, another) = night(truth, tmp_path, NOW + 3 * DAY, bounds=bounds)
    assert another.window_start != again.window_start


def test_a_window_that_takes_too_many_requests_is_given_up_and_says_so(tmp_path: Path) -> None:
    truth = listing(100)
    _, (found,) = night(truth, tmp_path, bounds=Bounds(requests=5))
    assert found.method is None and "takes more than 5 requests" in str(found.reason) and found.requests == 6
    _, (off,) = night(truth, tmp_path, bounds=Bounds(requests=0))
    assert off.requests == 0 and "switched off" in str(off.reason)


def test_a_comparison_that_fails_says_why_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = listing(3)
    for error, said in ((QuotaExhausted("its 40 requests of 24 hours are used up"), "40 requests of 24 hours"), (KeyError("results"), "could not be read: KeyError")):
        def fails(stream: Stream, window: Window, error: Exception = error) -> Iterator[Listed]:
            raise error

        monkeypatch.setattr(truth, "listed", fails)
        _, (found,) = night(truth, tmp_path)
        assert found.figure is None and said in str(found.reason)


def test_keys_that_are_sealed_before_they_land_are_compared_as_they_land(tmp_path: Path) -> None:
    sealed = replace(ORDERS, personal={"id": "email"})
    store = replace(store_at(tmp_path), policy=lambda source: Policy(key="k" * 32))
    truth = listing(5)
    truth.forgets = {"2"}
    read = ingest.ingest_stream(truth, sealed, store)
    (found,) = reconcile_stream(truth, sealed, store, day=NOW.date(), read=read, bounds=Bounds())
    assert (found.rows_in_source, found.missing, found.superfluous, found.stale) == (5, 1, 0, 0)
    assert found.examples not in ((), ("2",)), "the ledger and the marts name what is missing by its token"


def test_what_cannot_be_compared_costs_nothing_and_says_why(tmp_path: Path) -> None:
    truth = listing(3)
    _, (dumb,) = night(truth, tmp_path, stream=replace(ORDERS, name="dumb", stamps=(), incomparable="it keeps no stamps"))
    _, (silent,) = night(truth, tmp_path, stream=replace(ORDERS, name="silent", stamps=()))
    truth.fails = lambda page: ValueError("torn")
    _, (failed,) = night(truth, tmp_path, stream=replace(ORDERS, name="failed"))
    assert [found.reason for found in (dumb, silent)] == ["it keeps no stamps", "its source has no cheap way to tell what it holds"]
    assert str(failed.reason).startswith("not read tonight: ") and truth.asked == 0
    assert [found.figure for found in (dumb, silent, failed)] == [None, None, None]


def test_a_stream_that_is_read_whole_is_compared_by_what_that_reading_met(tmp_path: Path) -> None:
    truth = listing(5)
    _, (found,) = night(truth, tmp_path, stream=WHOLE)
    assert (found.part, found.method, found.rows_in_source, found.rows_landed, found.figure, truth.asked) == ("whole", "whole", 5, 5, 1.0, 0)
    _, (found,) = night(truth, tmp_path, NOW + DAY, stream=WHOLE)
    assert (found.rows_in_source, found.figure) == (5, 1.0)


def test_a_second_night_of_one_day_replaces_what_the_first_said(tmp_path: Path) -> None:
    truth = listing(4)
    truth.forgets = {"1"}
    night(truth, tmp_path)
    truth.forgets = set()
    night(truth, tmp_path, NOW + timedelta(hours=1))
    assert [one.missing for one in completeness.compared(store_at(tmp_path).ledger)] == [0]


def test_status_and_the_next_build_say_how_complete_each_stream_is(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text("""
[company]
name = "Shop"
[state]
home = "."
[sources.erp]
kind = "tryton"
url = "http://127.0.0.1:1"
database = "shop"
key_env = "KEY"
""", encoding="utf-8")
    truth = listing(4)
    truth.forgets = {"1"}
    night(truth, tmp_path)
    settings = load(tmp_path / "meridian.toml", environment={})
    told = next(line for line in show.status(settings).splitlines() if "erp/orders" in line)
    assert told.endswith(" 75.00 % complete, 1 missing")
    ledger = ledgers.open_ledger(settings.ledger)
    build.prepare(settings, ledger, as_of=date(2026, 2, 28), now=NOW)
    with warehouse.connect(settings.warehouse, read_only=True) as connection:
        columns = "source, day::varchar, part, method, rows_in_source, rows_landed, missing, figure, examples, window_end"
        assert connection.execute(f"select {columns} from raw.meridian__stream_completeness").fetchall() == [
            ("erp", "2026-02-28", "recent", "keys", 4, 3, 1, 0.75, ["1"], NOW.replace(tzinfo=None))]
    assert freshness.missing_of(ledger, date(2026, 2, 28)) == {("erp", "orders"): 1}
    assert freshness.compared_streams(settings, ledger, date(2026, 2, 27)) == [], "a night of an older day does not know of it"
