"""What nobody looks at is found and mended: dead runs, missed nights, late marts, files that rotted – on a real Prefect server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from flows import cli, healing, ingest
from flows.healing import Prefect
from flows.settings import Settings, load
from flows.store import grid, leases, shares
from flows.store import landing as landings
from flows.store import ledger as ledgers
from tests.flows.test_ingest import BY_CURSOR, NOW, store_at, truth_of
from tests.prefect_api import PREFECT

ORDERS = replace(BY_CURSOR, deletes="never")
LONG_AFTER = timedelta(minutes=20)        # behind the beginning of a run: it should have told of itself


def settings_at(home: Path, night: str = "", now: datetime = NOW) -> Settings:
    (home / "meridian.toml").write_text(f'[company]\nname = "Small"\ntime_zone = "Europe/Berlin"\n[state]\nhome = "."\n[night]\n{night}\n', encoding="utf-8")
    return replace(load(home / "meridian.toml", environment={}), clock=lambda: now)


def found(settings: Settings, prefect: Prefect | None = None) -> dict[str, healing.Ailment]:
    return {one.subject: one for one in healing.ailments(settings, ledgers.open_ledger(settings.ledger), prefect, wall=datetime.now(UTC) + LONG_AFTER)}


@pytest.mark.parametrize(("now", "due"), [
    ("2026-03-02T09:00+01:00", "2026-03-02T02:30+01:00"), ("2026-03-02T02:29+01:00", "2026-03-01T02:30+01:00"),
    ("2026-03-29T09:00+02:00", "2026-03-29T03:00+02:00"),                   # 02:30 does not exist
    ("2026-10-25T02:40+02:00", "2026-10-25T02:30+02:00"), ("2026-10-25T02:40+01:00", "2026-10-25T02:30+02:00"),      # 02:30 comes twice
    ("2026-10-25T23:00+01:00", "2026-10-25T02:30+02:00")])
def test_a_night_is_due_once_a_day_also_where_the_clock_is_put_forward_and_back(tmp_path: Path, now: str, due: str) -> None:
    found_due = healing.last_due(settings_at(tmp_path), datetime.fromisoformat(now))
    assert found_due.astimezone(UTC) == datetime.fromisoformat(due).astimezone(UTC)


@pytest.mark.parametrize("damage", ["a byte", "the tail", "all of it"])
def test_a_landed_file_that_rotted_is_found_and_its_window_is_read_again(tmp_path: Path, damage: str) -> None:
    truth, store, settings = truth_of(6), store_at(tmp_path), settings_at(tmp_path)
    ingest.ingest_stream(truth, ORDERS, store)
    assert found(settings) == {}
    (file,) = (tmp_path / "landing").rglob("*.jsonl.zst")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content) if damage == "a byte" else bytes(content[:-7]))
    if damage == "all of it":
        file.unlink()
    rotten = found(settings)["landing"]
    assert rotten.fix is not None and "1 files are not what was landed: erp/orders/" in rotten.detail
    assert rotten.fix() == "1 left out; the next night reads their windows again" and found(settings) == {}
    assert ingest.ingest_stream(truth, ORDERS, store_at(tmp_path, NOW + timedelta(days=1))).records == 6
    intact = [row for row in ledgers.list_batches(store.ledger) if row["verdict"] != "rejected"]
    assert {line["key"] for row in intact for line in landings.read_lines(store.landing / row["path"])} == set(map(str, truth.records))


def test_marts_that_are_later_than_promised_are_called_late_and_not_before(tmp_path: Path) -> None:
    early = settings_at(tmp_path, 'published_by = "06:00"', datetime(2026, 3, 2, 4, 59, tzinfo=UTC))
    ledger = ledgers.open_ledger(early.ledger)
    ledgers.start_night(ledger, run="one", as_of="2026-03-01", at=early.clock())
    ledgers.end_night(ledger, run="one", at=early.clock(), state="failed", version=None, report={"message": "dbt: no"})
    assert found(early) == {}
    late = replace(early, clock=lambda: datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    assert found(late)["late marts"].detail == "2026-03-01 should have been published by 06:00; readers have nothing. the last night failed: dbt: no"
    assert found(replace(late, configuration=settings_at(tmp_path).configuration)) == {}


@pytest.fixture
def deployed(tmp_path: Path, prefect_api: str) -> tuple[Settings, Prefect, str]:
    """A deployment of the nightly flow on a real server, without anybody who would run it."""
    settings = settings_at(tmp_path, now=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    prefect = Prefect(api=prefect_api, config=str(settings.path))
    flow = prefect.ask("flows/", {"name": "nightly"})["id"]
    made = prefect.ask("deployments/", {"name": "nightly", "flow_id": flow, "parameters": {"config": str(settings.path)}, "enforce_parameter_schema": False})
    yield settings, prefect, made["id"]      # type: ignore[misc]
    PREFECT.delete(f"{prefect_api}/deployments/{made['id']}", timeout=10)


def runs(prefect: Prefect, deployment: str) -> list[tuple[str, str]]:
    listed = prefect.ask("flow_runs/filter", {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"})
    return [(run["state"]["type"], run["idempotency_key"] or "") for run in listed]


def limited_to_one(deployed: tuple[Settings, Prefect, str]) -> list[str]:
    """Two runs of a deployment that lets one run at a time."""
    settings, prefect, deployment = deployed
    PREFECT.patch(f"{prefect.api}/deployments/{deployment}", json={"concurrency_limit": 1}, timeout=10).raise_for_status()
    return [str(prefect.ask(f"deployments/{deployment}/create_flow_run", {"parameters": {"config": str(settings.path)}})["id"]) for _ in range(2)]


def move(prefect: Prefect, run: str, kind: str) -> str:
    """What Prefect's rules answer."""
    return str(prefect.ask(f"flow_runs/{run}/set_state", {"state": {"type": kind}})["status"])


def begin(prefect: Prefect, settings: Settings, deployment: str, **more: Any) -> str:
    run = prefect.ask(f"deployments/{deployment}/create_flow_run", {"parameters": {"config": str(settings.path)}, **more})
    prefect.ask(f"flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    return str(run["id"])


def test_a_run_whose_process_is_gone_is_set_to_crashed_and_its_night_is_started_once_more_only_once(deployed: tuple[Settings, Prefect, str]) -> None:
    settings, prefect, deployment = deployed
    ledger, run = ledgers.open_ledger(settings.ledger), begin(prefect, settings, deployment)
    with leases.lease(ledger, "night", purpose="test", now=settings.clock()):
        ledgers.start_night(ledger, run=run, as_of="2026-03-01", at=settings.clock())
        assert found(settings, prefect) == {}, "it lives"
    (dead,) = [one for one in found(settings, prefect).values() if one.subject.startswith("run ")]
    assert dead.fix is not None and dead.mend == "set it to Crashed and start that night once more"
    dead.fix()
    dead.fix()
    assert sorted(runs(prefect, deployment)) == [("CRASHED", ""), ("SCHEDULED", f"again after {run}")]
    second = prefect.ask("flow_runs/filter", {"flow_runs": {"idempotency_key": {"any_": [f"again after {run}"]}}})[0]["id"]
    prefect.ask(f"flow_runs/{second}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    ledgers.start_night(ledger, run=second, as_of="2026-03-01", at=settings.clock())
    (dead,) = [one for one in found(settings, prefect).values() if one.subject.startswith("run ")]
    assert dead.fix is not None and dead.fix() == "set to Crashed"
    assert [kind for kind, _ in sorted(runs(prefect, deployment))] == ["CRASHED", "CRASHED"]


def test_a_run_that_waits_for_a_process_that_never_came_is_set_to_crashed_and_one_that_waits_for_a_backfill_is_not(deployed: tuple[Settings, Prefect, str]) -> None:
    settings, prefect, deployment = deployed
    ledger = ledgers.open_ledger(settings.ledger)
    run = prefect.ask(f"deployments/{deployment}/create_flow_run", {"parameters": {"config": str(settings.path)}})["id"]
    assert move(prefect, run, "PENDING") == "ACCEPT" and list(healing.ailments(settings, ledger, prefect)) == [], "it was taken up just now"
    with leases.lease(ledger, grid.LEASE, purpose="a backfill", now=settings.clock()):
        assert found(settings, prefect) == {}
    (waits,) = [one for one in found(settings, prefect).values() if one.subject.startswith("run ")]
    assert waits.fix is not None and "shows it as Pending since" in waits.detail and waits.fix() == "set to Crashed"
    assert found(settings, prefect) == {} and runs(prefect, deployment) == [("CRASHED", "")]


def test_a_reading_for_another_hosts_night_is_set_to_crashed_when_nobody_is_at_its_source(tmp_path: Path, prefect_api: str) -> None:
    settings = settings_at(tmp_path)
    ledger, prefect = ledgers.open_ledger(settings.ledger), Prefect(api=prefect_api, config=str(settings.path))
    flow = prefect.ask("flows/", {"name": "read"})["id"]
    made = prefect.ask("deployments/", {"name": "read", "flow_id": flow, "parameters": {"config": str(settings.path)}, "enforce_parameter_schema": False})["id"]
    try:
        begin(prefect, settings, made, parameters={"config": str(settings.path), "source": "erp", "night": "one"})
        with leases.lease(ledger, shares.lease_of("erp"), purpose="test", now=settings.clock()):
            assert found(settings, prefect) == {}, "it lives"
        with leases.lease(ledger, shares.lease_of("desk"), purpose="test", now=settings.clock()):
            (dead,) = found(settings, prefect).values()
        assert dead.fix is not None and (dead.mend, dead.fix()) == ("set it to Crashed", "set to Crashed")
        assert runs(prefect, made) == [("CRASHED", "")] and found(settings, prefect) == {}
    finally:
        PREFECT.delete(f"{prefect_api}/deployments/{made}", timeout=10)


@pytest.mark.parametrize("end", ["crashed", "deleted"])
def test_the_slot_of_a_run_that_died_is_free_for_the_next_one(deployed: tuple[Settings, Prefect, str], end: str) -> None:
    settings, prefect, _ = deployed
    first, second = limited_to_one(deployed)
    assert move(prefect, first, "PENDING") == "ACCEPT" and move(prefect, first, "RUNNING") == "ACCEPT" and move(prefect, second, "PENDING") == "REJECT"
    assert "slots" not in found(settings, prefect), "it is held"
    if end == "crashed":
        (dead,) = found(settings, prefect).values()
        assert dead.subject.startswith("run ") and dead.fix is not None and dead.fix()
    else:
        PREFECT.delete(f"{prefect.api}/flow_runs/{first}", timeout=10).raise_for_status()
    assert found(settings, prefect) == {} and move(prefect, second, "PENDING") == "ACCEPT"


def test_a_slot_that_no_run_holds_is_let_go_and_the_one_that_a_run_holds_is_not(deployed: tuple[Settings, Prefect, str]) -> None:
    settings, prefect, deployment = deployed
    first, second = limited_to_one(deployed)
    prefect.ask("v2/concurrency_limits/increment", {"names": [f"deployment:{deployment}"], "slots": 1})      # and whoever took it died
    assert move(prefect, first, "PENDING") == "REJECT", "it waits, and would for ever"
    assert list(healing.ailments(settings, ledgers.open_ledger(settings.ledger), prefect)) == [], "taken just now: a run may be about to show"
    (leaked,) = found(settings, prefect).values()
    assert leaked.detail == f"1 of 1 slots of deployment:{deployment} are taken, and no run holds them: new runs wait for ever"
    assert leaked.fix is not None and leaked.fix() == "1 let go"
    assert found(settings, prefect) == {} and move(prefect, first, "PENDING") == "ACCEPT" and move(prefect, second, "PENDING") == "REJECT"
    assert [limit["active_slots"] for limit in prefect.limits().values()] == [1] and "slots" not in found(settings, prefect)


@contextmanager
def busy(real: str, refusals: int, status: int) -> Iterator[str]:
    """Prefect's API behind a door that answers so often that its database is busy."""
    left = [refusals]

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            left[0] -= 1
            answer = None if left[0] >= 0 else requests.post(f"{real}{self.path}", data=body, headers={"Content-Type": "application/json"}, timeout=20)
            content = answer.content if answer is not None else b"{}"
            self.send_response(answer.status_code if answer is not None else status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_whose_database_is_busy_is_asked_again_and_a_wrong_question_is_not(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healing, "BUSY_PAUSES", (0.0, 0.0))
    for refusals, status, is_answered in ((2, 503, True), (1, 429, True), (3, 503, False), (1, 422, False)):
        with busy(prefect_api, refusals, status) as api:
            prefect = Prefect(api=api, config="x")
            if is_answered:
                assert isinstance(prefect.ask("flows/count", {}), int)
            else:
                with pytest.raises(requests.HTTPError, match=str(status)):
                    prefect.ask("flows/count", {})


def test_what_cannot_be_mended_keeps_nothing_else_from_being_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, done = settings_at(tmp_path), []

    def fails() -> str:
        raise requests.HTTPError("503 for create_flow_run")

    def works() -> str:
        done.append("two")
        return "two is well"

    ills = [healing.Ailment(subject="one", detail="is ill", mend="look at it", fix=fails), healing.Ailment(subject="two", detail="is ill", mend="m", fix=works)]
    monkeypatch.setattr(healing, "ailments", lambda *_: iter(ills))
    told = CliRunner().invoke(cli.app, ["doctor", "--fix", "--config", str(settings.path)])
    assert told.exit_code == 1 and done == ["two"], told.output
    assert "→ could not be mended (HTTPError: 503 for create_flow_run); look at it" in told.output and "→ two is well" in told.output

    def cannot(*_: Any) -> Iterator[healing.Ailment]:
        raise requests.ConnectionError("gone")
        yield

    monkeypatch.setattr(healing, "ailments", cannot)
    told = CliRunner().invoke(cli.app, ["doctor", "--config", str(settings.path)])
    assert "BAD  Prefect's runs: cannot be looked at: ConnectionError: gone" in told.output and "ok   ledger" in told.output


def test_a_night_missed_because_the_machine_was_off_is_made_up_once_however_many_were_missed(deployed: tuple[Settings, Prefect, str]) -> None:
    settings, prefect, deployment = deployed
    ledger = ledgers.open_ledger(settings.ledger)
    assert "missed night" not in found(settings, prefect), "before the first night nothing can have been missed"
    ledgers.start_night(ledger, run="old", as_of="2026-02-26", at=datetime(2026, 2, 27, 1, 30, tzinfo=UTC))
    ledgers.end_night(ledger, run="old", at=settings.clock(), state="published", version="v", report={})
    missed = found(settings, prefect)["missed night"]
    assert missed.fix is not None and "no night has begun since 2026-03-02 02:30" in missed.detail
    missed.fix()
    found(settings, prefect)["missed night"].fix()      # type: ignore[misc]
    assert runs(prefect, deployment) == [("SCHEDULED", "missed 2026-03-02T02:30:00+01:00")]
    for day in (1, 2, 3):
        prefect.ask(f"deployments/{deployment}/create_flow_run", {
            "parameters": {"config": str(settings.path)},
            "state": {"type": "SCHEDULED", "name": "Late", "state_details": {"scheduled_time": f"2026-02-0{day}T02:30:00Z"}}})
    waiting = found(settings, prefect)
    assert "missed night" not in waiting and waiting["missed nights"].detail == "3 nights wait to be made up"
    waiting["missed nights"].fix()      # type: ignore[misc]
    assert [kind for kind, _ in runs(prefect, deployment)].count("CANCELLED") == 2
    ledgers.start_night(ledger, run="new", as_of="2026-03-01", at=settings.clock())
    assert not {"missed night", "missed nights"} & set(found(settings, prefect))
