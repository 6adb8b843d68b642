"""A day's budget of requests: the run stops in time, says how far it got, and the next one loses and doubles nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors import registry
from connectors.personal import KEEP_ALL
from connectors.stream import Connector
from flows import ingest, show
from flows.settings import load
from flows.store import landing as landings
from flows.store import ledger as ledgers
from sandbox.zendesk import load as loading
from tests.sandbox.zendesk.desk import NOW, TOKEN, Running, helpdesk, many


def connected(desk: Running, folder: Path, ledger: ledgers.Ledger, per_day: int) -> Connector:
    options = {"url": desk.url, "email": loading.ADMIN_EMAIL, "token_env": "T", "page_size": 2, "exports_per_minute": 1000, "requests_per_day": per_day}
    return registry.connect("helpdesk", "zendesk", options, secrets={"token": TOKEN}, home=folder, base=folder, clock=lambda: NOW, sleep=lambda seconds: None,
                            memory=lambda stream: ledgers.stream_state(ledger, "helpdesk", stream, "zendesk").memory)


def read(connector: Connector, store: ingest.Store) -> ingest.StreamResult:
    return ingest.ingest_stream(connector, next(stream for stream in connector.streams() if stream.name == "tickets"), store)


def test_a_run_stops_in_time_says_how_far_it_got_and_the_next_goes_on_from_there(tmp_path: Path) -> None:
    with helpdesk(tmp_path / "desk", many(9)) as desk:
        ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
        store = ingest.Store(landing=tmp_path / "landing", ledger=ledger, clock=lambda: NOW, policy=lambda source: KEEP_ALL)
        first = read(connected(desk, tmp_path, ledger, 3), store)
        assert (first.state, first.requests, first.is_retryable) == ("failed", 3, False)
        assert "its 3 requests of 24 hours are used up" in str(first.failure)
        assert "6 records on 3 pages are landed" in str(first.failure) and "the next run goes on behind them" in str(first.failure)
        nothing = read(connected(desk, tmp_path, ledger, 3), store)
        assert nothing.requests == 0 and "6 records on 3 pages are landed" in str(nothing.failure)
        after = read(connected(desk, tmp_path, ledger, 100), store)
        assert (after.state, after.failure) == ("resumed", None)
        landed = [line["key"] for row in ledgers.list_batches(ledger) for line in landings.read_lines(store.landing / row["path"])]
        assert sorted(landed) == sorted(str(ticket["id"]) for ticket in desk.state.items("tickets"))


def test_status_shows_the_requests_of_each_stream_and_what_is_left_of_the_day(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text("""
[company]
name = "Shop"
[sources.helpdesk]
kind = "zendesk"
url = "http://127.0.0.1:1"
email = "a@b.c"
token_env = "T"
requests_per_day = 40
""", encoding="utf-8")
    settings = load(tmp_path / "meridian.toml", environment={})
    ledger = ledgers.open_ledger(settings.ledger)
    with helpdesk(tmp_path / "desk", many(5)) as desk:
        result = read(connected(desk, settings.home, ledger, 40), ingest.Store(landing=settings.landing, ledger=ledger, clock=lambda: NOW, policy=lambda source: KEEP_ALL))
    report: dict[str, Any] = {"message": "", "streams": [{"source": "helpdesk", "stream": "tickets", "requests": result.requests}]}
    ledgers.start_night(ledger, run="one", as_of="2026-10-31", at=NOW)
    ledgers.end_night(ledger, run="one", at=NOW, state="published", version=None, report=report)
    told = show.status(settings)
    assert result.requests >= 3
    assert f"{result.requests} requests" in next(line for line in told.splitlines() if "helpdesk/tickets" in line)
    assert f"{result.requests} of 40" in told
