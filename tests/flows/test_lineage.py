"""OpenLineage events of real nights, as a real collector receives them; and what becomes of them when there is none."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flows import lineage
from flows.ingest import StreamResult
from flows.settings import ConfigurationError, Settings, load
from tests.flows.conftest import Company
from tests.flows.nights import second_day

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
RUN = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
# What specification 2-0-2 asks of a run event and of the facets that we send. Its own file allows more, and asks for nothing else.
_URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"}
_NAMED = {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": {"type": "string", "minLength": 1}, "name": {"type": "string", "minLength": 1}}}
_FACET = {"type": "object", "required": ["_producer", "_schemaURL"], "properties": {"_producer": _URI, "_schemaURL": _URI}}
_RUN = {"type": "object", "required": ["runId"], "properties": {"runId": {"type": "string", "format": "uuid"}}}


def _facets(**of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {name: {"allOf": [_FACET, one]} for name, one in of.items()}}


_STATISTICS = _facets(outputStatistics={"required": ["rowCount"], "properties": {"rowCount": {"type": "integer", "minimum": 0}}})
SHAPE = Draft202012Validator({
    "type": "object", "required": ["eventType", "eventTime", "producer", "schemaURL", "run", "job"], "additionalProperties": False,
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]}, "eventTime": {"type": "string", "format": "date-time"},
        "producer": _URI, "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": {**_RUN, "additionalProperties": False, "properties": {**_RUN["properties"], "facets": _facets(
            parent={"required": ["run", "job"], "properties": {"run": _RUN, "job": _NAMED}},
            errorMessage={"required": ["message", "programmingLanguage"], "properties": {"message": {"type": "string"}, "programmingLanguage": {"type": "string"}}})}},
        "job": _NAMED, "inputs": {"type": "array", "items": _NAMED},
        "outputs": {"type": "array", "items": {**_NAMED, "properties": {**_NAMED["properties"], "outputFacets": _STATISTICS}}}},
}, format_checker=Draft202012Validator.FORMAT_CHECKER)


class Collector(ThreadingHTTPServer):
    """Keeps what it is told. answers: status by the number of the request; 0: none, for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.answers = lambda number: 201
        self.kills: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        status = self.server.answers(len(self.server.asked))
        if status == 0:
            time.sleep(30)
        if status < 300:
            self.server.events.append(event)
        if self.server.kills is not None and len(self.server.events) == 3:
            self.server.kills.send_signal(signal.SIGKILL)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def collecting() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def settings_at(folder: Path, section: str, now: datetime = NOW) -> Settings:
    (folder / "meridian.toml").write_text(f'[company]\nname = "Small"\n[state]\nhome = "."\n[lineage]\n{section}\n', encoding="utf-8")
    return replace(load(folder / "meridian.toml", environment={"LINEAGE_TOKEN": "s3cret-lineage"}), clock=lambda: now)


def a_night(settings: Settings, run: str = RUN, state: str = "failed") -> None:
    """Five events: the night, and a stream that was read."""
    lineage.begun(settings, run, settings.clock())
    read = StreamResult(source="erp", kind="tryton", stream="sales", state="failed" if state == "failed" else "read", records=7, seconds=2.0, failure="it is down")
    lineage.read(settings, run, [read], settings.clock())
    lineage.ended(settings, run, state, "it is down", settings.clock())


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    for event in events:
        assert [error.message for error in SHAPE.iter_errors(event)] == [], event
    return [(event["job"]["name"], event["eventType"]) for event in events]


WHOLE = [("nightly", "START"), ("read.erp.sales", "START"), ("read.erp.sales", "FAIL"), ("nightly", "FAIL")]


def test_a_real_night_is_told_from_its_sources_to_what_readers_have_and_a_dead_collector_neither_holds_nor_fails_the_next(
    company: Company, collector: Collector,
) -> None:
    with company.config.open("a") as file:
        file.write(f'\n[lineage]\nurl = "{collector.url}"\ntoken_env = "LINEAGE_TOKEN"\nnamespace = "ops"\n')
    with (company.folder / ".env").open("a") as file:
        file.write("LINEAGE_TOKEN=s3cret-lineage\n")
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    jobs = told(collector.events)
    assert set(collector.asked) == {("/api/v1/lineage", "Bearer s3cret-lineage")} and "s3cret-lineage" not in night.stderr + json.dumps(collector.events)
    assert jobs[0] == ("nightly", "START") and jobs[-1] == ("nightly", "COMPLETE")
    assert sorted(name for name, kind in jobs if kind == "START") == sorted(name for name, kind in jobs if kind == "COMPLETE")
    assert {"read.drop.tickets", "read.costs.costs", "dbt.fct_tickets", "dbt.kpis", "publish"} <= {name for name, _ in jobs}
    (run,) = {event["run"]["runId"] for event in collector.events if event["job"]["name"] == "nightly"}
    assert run == company.nights()[0]["run"]
    assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in collector.events if event["job"]["name"] != "nightly"} == {run}
    readers = f"duckdb://{company.settings().published / 'marts.duckdb'}"
    assert ("files://drop", "tickets") in behind(collector.events, (readers, "kpis")) and ("files://costs", "costs") not in behind(collector.events, (readers, "fct_tickets"))

    second_day(company)
    with company.config.open("r+") as file:
        text = file.read().replace(collector.url, f"http://127.0.0.1:{closed_port()}")
        file.seek(0)
        file.write(text)
        file.truncate()
    night = company.run("nightly")
    assert night.returncode == 0 and company.nights()[0]["state"] == "published", night.stdout + night.stderr
    waits = lineage.waiting(company.settings())
    assert waits > 10 and f"lineage: 0 events sent, {waits} wait: the collector does not answer (ConnectionError)" in night.stderr


def behind(events: list[dict[str, Any]], of: tuple[str, str]) -> set[tuple[str, str]]:
    """Every dataset that one was made of."""
    made_of: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for event in events:
        if event["job"]["name"] == "publish":           # a table of the version is the model of its name
            for output in event["outputs"]:
                made_of.setdefault(key(output), set()).update(key(one) for one in event["inputs"] if one["name"].split(".")[-1] == output["name"])
            continue
        for output in event["outputs"]:
            made_of.setdefault(key(output), set()).update(map(key, event["inputs"]))
    found: set[tuple[str, str]] = set()
    waits = [of]
    while waits:
        for one in made_of.get(waits.pop(), set()) - found:
            found.add(one)
            waits.append(one)
    return found


def key(dataset: dict[str, Any]) -> tuple[str, str]:
    return dataset["namespace"], dataset["name"]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_failure_says_why_and_when_the_collector_is_back_it_gets_what_waited_in_order(tmp_path: Path, collector: Collector) -> None:
    settings = settings_at(tmp_path, f'url = "http://127.0.0.1:{closed_port()}"')
    a_night(settings)
    began = time.monotonic()
    assert lineage.deliver(settings) == lineage.Delivery(waiting=4, problem="the collector does not answer (ConnectionError)")
    assert time.monotonic() - began < 5
    later = settings_at(tmp_path, f'url = "{collector.url}"', NOW + timedelta(days=1))
    assert lineage.deliver(later) == lineage.Delivery(sent=4) and told(collector.events) == WHOLE
    assert collector.events[-1]["run"]["facets"]["errorMessage"]["message"] == "it is down"
    assert lineage.deliver(later) is None and lineage.waiting(later) == 0


@pytest.mark.parametrize(("status", "problem"), [(503, "the collector answers 503"), (401, "the collector answers 401"), (302, "the collector answers 302"),
                                                 (0, "the collector does not answer (ReadTimeout)")])
def test_what_the_collector_does_not_take_waits_and_what_it_never_will_is_left_out(tmp_path: Path, collector: Collector, status: int, problem: str) -> None:
    settings = settings_at(tmp_path, f'url = "{collector.url}"')
    a_night(settings)
    collector.answers = lambda number: {1: 201, 2: 422}.get(number, status)
    assert lineage.deliver(settings) == lineage.Delivery(sent=1, refused=1, waiting=2, problem=problem)
    collector.answers = lambda number: 201
    assert lineage.deliver(settings) == lineage.Delivery(sent=2)
    assert told(collector.events) == [WHOLE[0], *WHOLE[2:]]


def test_sending_takes_no_longer_than_it_may_and_after_a_week_what_nobody_took_goes(tmp_path: Path, collector: Collector) -> None:
    settings = settings_at(tmp_path, f'url = "{collector.url}"\npatience_seconds = 3')
    a_night(settings)
    seconds = iter(range(100))
    assert lineage.deliver(settings, tick=lambda: next(seconds)) == lineage.Delivery(sent=2, waiting=2, problem="the time for it is over")
    assert lineage.deliver(settings_at(tmp_path, f'url = "{collector.url}"', NOW + timedelta(days=8))) == lineage.Delivery()
    assert len(collector.events) == 2 and lineage.waiting(settings) == 0


def test_killed_while_it_sends_every_event_arrives(tmp_path: Path, collector: Collector) -> None:
    settings = settings_at(tmp_path, f'url = "{collector.url}"')
    a_night(settings)
    program = f"from flows import lineage, settings\nlineage.deliver(settings.load({str(settings.path)!r}, environment={{}}))"
    (tmp_path / "clock").write_text(f"{NOW.isoformat()} {datetime.now(UTC).isoformat()}\n")
    settings.path.write_text(settings.path.read_text() + '[night]\nclock_file = "clock"\n')
    sender = collector.kills = subprocess.Popen([sys.executable, "-c", program], text=True)
    assert sender.wait(60) == -signal.SIGKILL
    collector.kills = None
    assert lineage.waiting(settings) >= 1
    lineage.deliver(settings)
    assert lineage.waiting(settings) == 0
    assert set(told(collector.events)) == set(WHOLE)


def test_a_night_that_was_killed_is_told_to_be_aborted_by_the_next_and_a_file_gets_one_event_a_line(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, 'file = "lineage.jsonl"')
    lineage.begun(settings, "killed", NOW)
    a_night(settings, state="published")
    assert lineage.deliver(settings) == lineage.Delivery(sent=6)
    events = [json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()]
    assert told(events) == [("nightly", "START"), ("nightly", "ABORT"), ("nightly", "START"), ("read.erp.sales", "START"), ("read.erp.sales", "COMPLETE"),
                            ("nightly", "COMPLETE")]
    assert len({event["run"]["runId"] for event in events[:2]}) == 1 and events[2]["run"]["runId"] == RUN
    assert events[4]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 7


def test_nobody_wants_events_and_there_are_none(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, "")
    a_night(settings)
    assert lineage.deliver(settings) is None and not (tmp_path / "lineage").exists()


def test_events_cannot_be_noted_and_the_night_hears_nothing_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_at(tmp_path, 'file = "lineage.jsonl"')
    (tmp_path / "lineage").write_text("a file where a folder should be")
    a_night(settings)
    assert "lineage: FileExistsError" in caplog.text or "lineage: NotADirectoryError" in caplog.text
    assert "NotADirectory" in (lineage.deliver(settings) or lineage.Delivery(problem="NotADirectory")).problem


@pytest.mark.parametrize(("section", "said"), [
    ('url = "https://x"\nfile = "y"', "events go to url or to file, not to both"), ('url = "https://user:password@x"', "lineage.url"), ('url = "ftp://x"', "lineage.url")])
def test_what_cannot_be_meant_is_said(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        settings_at(tmp_path, section)
    assert "password@" not in str(error.value)
