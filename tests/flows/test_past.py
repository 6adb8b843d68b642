"""Days of the past: nothing lost, nothing twice, no cell running, wherever the backfill dies; nights go first and stay where they are."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.stream import Json, Page, QuotaExhausted, Stream, Unreachable, Window
from flows import backfill_plan, ingest, past
from flows.backfill_form import Form
from flows.check import check_batches
from flows.freshness import last_batches, read_back_to, stale_streams
from flows.settings import Settings, load
from flows.store import grid, jobs, leases
from flows.store import landing as landings
from flows.store import ledger as ledgers
from flows.store.grid import Known
from tests.flows.kills import die_at
from tests.flows.test_ingest import BY_CURSOR, NOW, WHOLE, Truth, landed, latest, store_at

ORDERS = replace(BY_CURSOR, deletes="never", stamps=("changed_at",))
KNOWN = [Known(source="erp", stream="orders", kind="tryton"), Known(source="erp", stream="products", kind="tryton")]
FIRST, READ_FROM = date(2026, 2, 18), date(2026, 2, 25)
DAY = timedelta(days=1)
CONFIGURATION = """
[company]
name = "Small"
time_zone = "Europe/Berlin"
[sources.erp]
kind = "files"
read_from = 2026-02-25
"""


@dataclass
class Desk(Truth):
    """Orders every five hours for eleven days, but none on 21 February."""

    asked: list[Window] = field(default_factory=list)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        self.asked.append(window)
        yield from super().read(stream, window, resume)

    def requests_made(self, stream: str) -> int:
        return len(self.asked)


def desk() -> Desk:
    found = Desk()
    for key in range(52):
        at = NOW - timedelta(hours=5 * (52 - key))
        if at.date() != date(2026, 2, 21) and at.day != 20:
            found.set(key, "first", at)
    return found


def settings_of(home: Path) -> Settings:
    (home / "meridian.toml").write_text(CONFIGURATION, encoding="utf-8")
    return replace(load(home / "meridian.toml", environment={}), clock=lambda: NOW)


def begun(home: Path) -> Desk:
    """After the first night, which read what was changed from 25 February on."""
    home.mkdir(exist_ok=True)
    found, settings = desk(), settings_of(home)
    for stream in (ORDERS, WHOLE):
        assert ingest.ingest_stream(found, stream, replace(store_at(home), read_from=settings.read_from)).state == "read"
    found.asked.clear()
    return found


def cells_of(home: Path, first: date = FIRST) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cell in grid.read(store_at(home).ledger, KNOWN, first, date(2026, 2, 28), zone=settings_of(home).zone, now=NOW):
        found.setdefault(cell.stream, []).append(cell.state)
    return found


def fill(home: Path, source: Truth, *, stop: Callable[[], str | None] = lambda: None, **asked: Any) -> past.Outcome:
    """A backfill of the orders as flows/backfill.py does it, without Prefect and without the marts."""
    form = Form(**{"start_day": FIRST, "end_day": date(2026, 2, 28), "streams": ["erp/orders"], "days_at_once": 2, "reason": "test", **asked})
    store, settings = store_at(home), settings_of(home)
    with leases.lease(store.ledger, grid.LEASE, purpose="test", now=NOW) as owner:
        job, _ = jobs.begin(store.ledger, run=str(uuid.uuid4()), selection={"mode": form.mode}, form=form.model_dump(mode="json"), who="Ann", reason="test", at=NOW)
        plan = backfill_plan.make(settings, store.ledger, form, KNOWN, without=grid.done_by(store.ledger, job))
        grid.queue(store.ledger, plan.keys, owner)
        turn = past.Turn(job=job, owner=owner, who="Ann", zone=settings.zone, stop=stop)
        outcome = past.read_days(source, ORDERS, store, plan.runs.get(("erp", "orders"), []), turn)
        grid.let_go(store.ledger, owner)
        jobs.end(store.ledger, job=job, state="interrupted" if outcome.left else "finished", message="", version=None, at=NOW)
    return outcome


def test_the_nights_read_from_a_day_on_and_the_grid_says_what_is_missing(tmp_path: Path) -> None:
    begun(tmp_path)
    assert min(record["changed_at"] for record in latest(store_at(tmp_path), "orders").values()) >= "2026-02-24T23:00"
    assert cells_of(tmp_path) == {"orders": ["missing"] * 7 + ["done"] * 4, "products": ["out of reach"] * 11}


def test_what_others_refer_to_is_read_whole_whatever_day_the_nights_read_from(tmp_path: Path) -> None:
    source = begun(tmp_path)
    customers = replace(ORDERS, name="customers", is_master=True)
    assert ingest.ingest_stream(source, customers, replace(store_at(tmp_path), read_from=settings_of(tmp_path).read_from)).state == "read"
    assert source.asked[-1].start is None
    assert set(latest(store_at(tmp_path), "customers")) > set(latest(store_at(tmp_path), "orders"))
    known = [Known(source="erp", stream="customers", kind="tryton")]
    assert {cell.state for cell in grid.read(store_at(tmp_path).ledger, known, FIRST, date(2026, 2, 28), zone=settings_of(tmp_path).zone, now=NOW)} == {"done"}


def test_a_backfill_lands_what_is_missing_and_moves_nothing_of_what_the_nights_have_read(tmp_path: Path) -> None:
    source = begun(tmp_path)
    before = ledgers.stream_states(store_at(tmp_path).ledger)
    outcome = fill(tmp_path, source)
    assert cells_of(tmp_path)["orders"] == ["done", "done", "empty", "empty", "done", "done", "done", *["done"] * 4]
    assert (outcome.left, Counter(outcome.ended.values())) == (None, {"done": 5, "empty": 2})
    assert latest(store_at(tmp_path), "orders") == {str(key): record for key, record in source.records.items()}
    assert ledgers.stream_states(store_at(tmp_path).ledger) == before
    assert [window.end - window.start for window in source.asked] == [2 * DAY, 2 * DAY, 2 * DAY, DAY]      # type: ignore[operator]
    assert [str(window.start)[:10] for window in source.asked] == ["2026-02-23", "2026-02-21", "2026-02-19", "2026-02-18"]
    assert fill(tmp_path, source).ended == {} and len(source.asked) == 4, "nothing is missing any more"


def test_what_was_read_of_the_past_since_a_version_is_known_when_the_next_is_checked(tmp_path: Path) -> None:
    source, ledger = begun(tmp_path), store_at(tmp_path).ledger

    def judged() -> dict[str, Any]:
        """What the manifest of a version says that shows all of it."""
        for row in ledgers.list_batches(ledger):
            ledgers.judge_batch(ledger, source=row["source"], stream=row["stream"], batch=row["batch"], verdict="passed")
        return {"sources": [{"source": source, "stream": stream, "batch": batch} for (source, stream), batch in last_batches(ledger).items()]}

    assert read_back_to(ledger, {}) is None, "nobody says what an old version shows"
    first = judged()
    source.set(99, "new", NOW + DAY / 2)
    ingest.ingest_stream(source, ORDERS, store_at(tmp_path, NOW + DAY))
    second = judged()
    assert read_back_to(ledger, first) is None, "a night reads nothing of the past"
    fill(tmp_path, source)
    assert read_back_to(ledger, second) is None, "what is not checked yet is in no version to come"
    last = judged()
    assert read_back_to(ledger, first) == read_back_to(ledger, second) == FIRST - DAY, "midnight in Berlin is the day before in UTC"
    assert read_back_to(ledger, last) is None


def test_what_was_landed_already_does_not_land_again_when_every_day_is_read_anew(tmp_path: Path) -> None:
    source = begun(tmp_path)
    fill(tmp_path, source)
    lines = len(landed(store_at(tmp_path), "orders"))
    source.records[50]["value"] = "changed without a new stamp"
    outcome = fill(tmp_path, source, mode="everything", days_at_once=31)
    assert (len(outcome.ended), outcome.records, len(source.asked)) == (11, 1, 5)
    assert len(landed(store_at(tmp_path), "orders")) == lines + 1 and latest(store_at(tmp_path), "orders")["50"]["value"] == "changed without a new stamp"


def test_a_day_that_fails_says_why_and_the_others_are_read(tmp_path: Path) -> None:
    source = begun(tmp_path)
    broken = datetime.fromisoformat("2026-02-23T12:00+00:00")
    source.fails = lambda page: Unreachable("503", source="erp") if source.asked[-1].start <= broken < source.asked[-1].end else None      # type: ignore[operator]
    fill(tmp_path, source, days_at_once=1)
    assert cells_of(tmp_path)["orders"][:7] == ["done", "done", "empty", "empty", "done", "failed", "done"]
    (failed,) = [cell for cell in grid.read(store_at(tmp_path).ledger, KNOWN, FIRST, READ_FROM, zone=settings_of(tmp_path).zone, now=NOW) if cell.state == "failed"]
    assert (failed.day, failed.why, failed.who) == (date(2026, 2, 23), "erp: 503", "Ann")
    assert not ledgers.stream_state(store_at(tmp_path).ledger, "erp", "orders", "tryton").failure
    source.fails = lambda page: None
    assert fill(tmp_path, source).ended == {}, "missing days only"
    assert set(fill(tmp_path, source, mode="missing and failed").ended.values()) == {"done"}


def test_a_source_that_always_fails_is_not_asked_for_every_day(tmp_path: Path) -> None:
    source = begun(tmp_path)
    source.fails = lambda page: Unreachable("503", source="erp")
    outcome = fill(tmp_path, source, days_at_once=1)
    assert set(outcome.ended.values()) == {"failed"} and len(source.asked) == 3 and outcome.left == "failed 3 times in a row: erp: 503"


def test_a_budget_that_is_used_up_leaves_the_rest_missing_and_the_same_asked_again_goes_on(tmp_path: Path) -> None:
    source = begun(tmp_path)
    source.fails = lambda page: QuotaExhausted("the budget is used up", source="erp") if len(source.asked) == 3 else None
    outcome = fill(tmp_path, source, mode="everything", days_at_once=2)
    assert outcome.left == "erp: the budget is used up" and set(cells_of(tmp_path)["orders"]) == {"missing", "done"}
    source.fails = lambda page: None
    assert len(fill(tmp_path, source, mode="everything", days_at_once=2).ended) == 11 - 4, "what this backfill has read is not read again"


def test_what_is_skipped_on_purpose_is_left_alone_until_it_is_taken_back(tmp_path: Path) -> None:
    source, ledger = begun(tmp_path), store_at(tmp_path).ledger
    grid.skip(ledger, [("erp", "orders", date(2026, 2, 19))], who="Bo", why="the shop was closed", at=NOW)
    outcome = fill(tmp_path, source, mode="everything")
    assert cells_of(tmp_path)["orders"][1] == "skipped" and len(outcome.ended) == 10
    plan = backfill_plan.make(settings_of(tmp_path), ledger, Form(start_day=FIRST, end_day=READ_FROM, mode="everything", dry_run=True), KNOWN)
    told = backfill_plan.text(plan, Form(start_day=FIRST, end_day=READ_FROM, mode="everything"))
    assert "2026-02-19 to 2026-02-19: skipped by Bo: the shop was closed" in told and "erp/products" in told and grid.READ_WHOLE in told
    assert grid.unskip(ledger, [("erp", "orders", date(2026, 2, 19))]) == 1
    assert cells_of(tmp_path)["orders"][1] == "missing"


def test_a_backfill_lets_go_behind_its_page_when_a_night_begins_and_the_night_waits_for_that_long(tmp_path: Path) -> None:
    source, store = begun(tmp_path), store_at(tmp_path)
    asked = iter(range(100))
    outcome = fill(tmp_path, source, stop=lambda: "a night has begun" if next(asked) >= 3 else None)
    assert outcome.left == "a night has begun" and len(outcome.ended) == 0 and not list((tmp_path / "landing").rglob("*.part"))
    waits: list[float] = []
    with leases.lease(store.ledger, past.READING, purpose="test", now=NOW) as owner:
        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                with store.ledger.begin() as connection:
                    connection.execute(leases.leases.delete().where(leases.leases.c.owner == owner))

        past.wait_for_a_backfill(store.ledger, past.READING, clock=lambda: NOW, sleep=sleep)
    assert len(waits) == 3
    with leases.lease(store.ledger, past.READING, purpose="test", now=NOW), pytest.raises(leases.LeaseTaken, match="was not let go for 10 minutes by process"):
        past.wait_for_a_backfill(store.ledger, past.READING, clock=lambda: NOW, sleep=waits.append)


def test_a_night_that_was_interrupted_goes_on_before_a_backfill_reads_that_stream(tmp_path: Path) -> None:
    source = begun(tmp_path)
    source.set(99, "new", NOW + timedelta(hours=1))
    source.fails = lambda page: Unreachable("gone", source="erp")
    ingest.ingest_stream(source, ORDERS, store_at(tmp_path, NOW + DAY))
    source.fails = lambda page: None
    outcome = fill(tmp_path, source)
    assert outcome.ended == {} and "the next night goes on there" in (outcome.left or "")
    assert ingest.ingest_stream(source, ORDERS, store_at(tmp_path, NOW + DAY)).state == "resumed"


def test_a_batch_of_a_backfill_that_is_rejected_makes_its_days_failed_and_moves_no_cursor_back(tmp_path: Path) -> None:
    source, ledger = begun(tmp_path), store_at(tmp_path).ledger
    fill(tmp_path, source)
    before = ledgers.stream_states(ledger)
    last = ledgers.list_batches(ledger, "erp", "orders")[-1]["batch"]
    ledgers.judge_batch(ledger, source="erp", stream="orders", batch=last, verdict="rejected", reason="odd prices")
    assert ledgers.stream_states(ledger) == before and cells_of(tmp_path)["orders"].count("failed") == 1
    assert fill(tmp_path, source, mode="missing and failed").records > 0 and "failed" not in cells_of(tmp_path)["orders"]


# A step and a call of it; the second is within the second of several windows.
STEPS: list[tuple[Any, str, int]] = [
    (grid, "queue", 1), (grid, "set_running", 1), (ledgers, "save_reading", 1), (landings, "append", 1), (landings, "append", 2), (landings, "seal", 1),
    (ledgers, "finish_reading", 1), (ledgers, "finish_reading", 2), (grid, "finish", 1), (grid, "finish", 2), (grid, "let_go", 1), (jobs, "end", 1),
]
EVERY_STEP = [(owner, name, call) for owner, name, first in STEPS if first == 1 for call in range(1, 8)]


def _die_at(home: Path, source: Truth, module: Any, name: str, call: int, before: bool) -> None:
    die_at(module, name, call, before=before)
    fill(home, source, mode="everything")


@pytest.mark.parametrize("a_night_between", [False, True])
@pytest.mark.parametrize("steps", [STEPS, pytest.param(EVERY_STEP, marks=pytest.mark.drill)], ids=["bounded", "full length"])
def test_killed_at_every_step_the_same_backfill_goes_on_and_loses_and_doubles_nothing(
    tmp_path: Path, steps: list[tuple[Any, str, int]], a_night_between: bool,
) -> None:
    begun(tmp_path / "begun")
    fork = multiprocessing.get_context("fork")
    kills = 0
    for number, (owner, name, call) in enumerate(steps):
        for before in (True, False) if steps is EVERY_STEP else ((number % 2 == int(a_night_between)),):
            where = f"killed {'before' if before else 'after'} call {call} of {name}"
            source, home = desk(), tmp_path / where
            shutil.copytree(tmp_path / "begun", home)
            cursor = ledgers.stream_state(store_at(home).ledger, "erp", "orders", "tryton").cursor
            child = fork.Process(target=_die_at, args=(home, source, owner, name, call, before))
            child.start()
            child.join()
            if child.exitcode != -signal.SIGKILL:
                continue
            kills += 1
            assert not {"running", "queued"} & set(cells_of(home)["orders"]), where
            assert ledgers.stream_state(store_at(home).ledger, "erp", "orders", "tryton").cursor == cursor, where
            if a_night_between:
                source.set(20, "second", NOW + timedelta(hours=1))          # and its old version was perhaps half read
                assert ingest.ingest_stream(source, ORDERS, store_at(home, NOW + DAY)).state == "read", where
            fill(home, source, mode="everything")
            store = store_at(home)
            assert latest(store, "orders") == {str(key): record for key, record in source.records.items()}, where
            assert max(Counter((line["key"], line["record"]["value"]) for line in landed(store, "orders")).values()) == 1, where
            assert set(cells_of(home)["orders"]) == {"done", "empty"}, where
            assert {path.name for path in (home / "landing").rglob("*.jsonl.*")} == {Path(row["path"]).name for row in ledgers.list_batches(store.ledger)}, where
    assert kills >= len(STEPS)


def test_a_source_whose_batches_nobody_could_check_is_named(tmp_path: Path) -> None:
    begun(tmp_path)
    checked = check_batches(settings_of(tmp_path), store_at(tmp_path).ledger, {}, now=NOW)
    assert (checked.rows, checked.waiting) == ((), ("erp",))
    stale = {row[2]: row[5:] for row in stale_streams(settings_of(tmp_path), store_at(tmp_path).ledger, NOW)}
    assert stale["orders"] == (True, "what was read last is not checked yet, and not shown")
