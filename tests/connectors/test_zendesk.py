"""The Zendesk connector against the stand-in: complete, resumable at every page, nothing twice without need."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import zendesk
from connectors.stream import Json, Misconfigured, Page, PageLoop, Refused, Stream, UnexpectedShape, Window, landed_key
from sandbox.company.plan import Calendar
from sandbox.zendesk import life
from sandbox.zendesk import load as loading
from tests.connectors.conformance.subjects import zendesk as conformance
from tests.connectors.conformance.suite import bench
from tests.connectors.faults import Asked, Fault, FaultServer, good
from tests.sandbox.zendesk.desk import HOURS, NOW, WORKER_TOKEN, Running, event, helpdesk, many, plan, solved_life, ticket

STREAMS = {stream.name: stream for stream in zendesk.STREAMS}
KINDS = {name: export.items for name, export in zendesk.EXPORTS.items()}


class Night:
    """What ingest does with the pages of one connector: rows by key, a cursor and a memory per stream; it can be killed after any page."""

    def __init__(self, desk: Running, **options: Any) -> None:
        self.desk, self.options = desk, options
        self.rows: dict[str, dict[str, Any]] = {name: {} for name in STREAMS}
        self.landed: Counter[str] = Counter()
        self.cursors: dict[str, datetime] = {}
        self.memory: dict[str, Json] = {}

    def read(self, name: str, *, kill_every: int = 0) -> int:
        """Reads one stream up to the company's now; returns the pages. kill_every: the process dies after so many pages, again and again."""
        stream, position, pages, high = STREAMS[name], None, 0, None
        window = Window(start=self.start(stream), end=self.desk.state.now())
        met: set[str] = set()
        finished = False
        while not finished:
            since = 0
            finished = True
            for page in self.connector().read(stream, window, position):
                if kill_every and since == kill_every:
                    finished = False        # fetched, but dead before it was landed
                    break
                self.land(stream, page)
                met |= {landed_key(stream, record) for record in page.records}
                position, high, since, pages = json.loads(json.dumps(page.position)), page.high_water or high, since + 1, pages + 1
                assert pages < 500, "it does not come to an end"
        if stream.deletes == "sweep":
            met = set(self.connector().keys(stream))
        if stream.deletes in ("full", "sweep"):
            self.rows[name] = {key: record for key, record in self.rows[name].items() if key in met}
        if isinstance(position, dict) and "memory" in position:
            self.memory[name] = position["memory"]
        if stream.cursor:
            self.cursors[name] = max(filter(None, (self.cursors.get(name), min(filter(None, (window.end - stream.cursor.lag, high))))))
        return pages

    def start(self, stream: Stream) -> datetime | None:
        return self.cursors[stream.name] - stream.cursor.overlap if stream.cursor and stream.name in self.cursors else None

    def connector(self) -> zendesk.Zendesk:
        return self.desk.connect(memory=self.memory, **self.options)

    def land(self, stream: Stream, page: Page) -> None:
        for record in page.records:
            self.rows[stream.name][landed_key(stream, record)] = record
            self.landed[stream.name] += 1
        for key in page.deleted:
            self.rows[stream.name].pop(key, None)
            self.landed[stream.name] += 1

    def read_all(self, **how: Any) -> None:
        for name in STREAMS:
            self.read(name, **how)


def truth(desk: Running, name: str) -> dict[str, Any]:
    """What the helpdesk itself holds, apart from what the vendor does not show yet."""
    items = desk.state.items(KINDS[name], where=lambda item: item.get("status") != "deleted" and (name == "deleted_tickets" or not item.get("deleted_at")))
    return {str(item["id"]): item for item in items}


def assert_complete(night: Night) -> None:
    for name in STREAMS:
        assert night.rows[name] == truth(night.desk, name), name


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    with helpdesk(tmp_path, many(47, same_second=3)) as running:
        yield running


def test_the_first_night_lands_everything_the_helpdesk_holds(desk: Running) -> None:
    night = Night(desk, page_size=25)
    night.read_all()
    assert_complete(night)
    assert len(night.rows["tickets"]) == 47 and len(night.rows["satisfaction_ratings"]) == 47
    for name in ("tickets", "users", "groups", "sla_policies", "satisfaction_ratings"):
        assert night.landed[name] == len(night.rows[name]), f"{name}: something came twice"


@pytest.mark.parametrize(("name", "page_size"), [
    *[("tickets", size) for size in (1, 2, 3, 4, 46, 47)], *[("users", size) for size in (1, 3)],
    *[("ticket_events", size) for size in (7, 8, 9, 11, 100)], *[("ticket_metric_events", size) for size in (25, 26, 31, 1000)], ("organizations", 1),
])
def test_same_second_ties_on_a_page_border_lose_and_double_nothing(desk: Running, name: str, page_size: int) -> None:
    night = Night(desk, page_size=page_size)
    night.read(name)
    assert night.rows[name] == truth(desk, name)
    assert night.landed[name] == len(night.rows[name]), "what stands in the last second of a page came again"


def test_more_than_a_page_in_one_second_is_asked_for_with_the_largest_page(desk: Running) -> None:
    night = Night(desk, page_size=6)
    night.read("ticket_events")
    assert night.rows["ticket_events"] == truth(desk, "ticket_events") and night.landed["ticket_events"] == len(night.rows["ticket_events"])


def test_more_than_the_largest_page_in_one_second_is_a_page_loop_and_not_an_early_end(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zendesk, "LARGEST_PAGE", 6)
    with pytest.raises(PageLoop):
        Night(desk, page_size=6).read("ticket_events")


@pytest.mark.parametrize("kill_every", [1, 2, 3])
def test_killed_at_every_page_the_next_run_goes_on_there(desk: Running, kill_every: int) -> None:
    whole, killed = Night(desk, page_size=25), Night(desk, page_size=25)
    for name in STREAMS:
        pages = whole.read(name)
        assert killed.read(name, kill_every=kill_every) == pages, f"{name}: a page was read again although it had landed"
        assert killed.rows[name] == whole.rows[name] == truth(desk, name)
        assert killed.landed == whole.landed


@pytest.mark.parametrize("name", ["tickets", "ticket_events"])
def test_killed_behind_the_last_page_there_is_nothing_left_to_ask(desk: Running, name: str) -> None:
    connector, window = desk.connect(), Window(start=None, end=NOW)
    *_, last = connector.read(STREAMS[name], window)
    asked = connector.requests_made(name)
    assert list(connector.read(STREAMS[name], window, last.position)) == [] and connector.requests_made(name) == asked


def test_a_night_without_changes_lands_nothing_and_costs_one_request_a_stream(desk: Running) -> None:
    night = Night(desk)
    night.read_all()
    desk.state.set_clock(NOW + timedelta(days=1))
    night.landed.clear()
    night.read_all()
    assert {name: count for name, count in night.landed.items() if STREAMS[name].deletes not in ("full", "sweep")} == {}
    assert_complete(night)


def test_five_nights_with_new_changed_late_and_deleted_tickets_end_with_what_the_helpdesk_holds(desk: Running) -> None:
    night = Night(desk, page_size=25)
    night.read_all(kill_every=2)
    for number in range(5):
        day = datetime.combine(desk.plan.ends_on + timedelta(days=1), datetime.min.time(), UTC)
        old = desk.plan.tickets[number]
        reopened = replace(old, events=(*old.events, event(day + timedelta(hours=9), "public_reply", "requester", "It is broken again."),
                                        event(day + timedelta(hours=9), "status", "system", "open")))
        done = desk.next_day(ticket(100 + number, day + timedelta(hours=8)), reopened, deleted=(desk.plan.tickets[-1].number,))
        assert done["created"] == done["updated"] == done["deleted"] == 1
        night.read_all(kill_every=1 + number % 3)
        assert_complete(night)
    assert "T00047" not in {record["external_id"] for record in night.rows["tickets"].values()}


def test_a_system_update_that_leaves_updated_at_alone_is_read(desk: Running) -> None:
    night = Night(desk)
    night.read_all()
    before = night.rows["tickets"]["3"]
    done = desk.next_day()
    assert done["touched"] >= 0
    item = desk.state.get("tickets", 3)
    assert item is not None
    item["organization_id"] = 3000002
    life.touch(desk.api.desk, item, at=int(NOW.timestamp()) + 3600)
    night.read("tickets")
    after = night.rows["tickets"]["3"]
    assert after["organization_id"] == 3000002 and after["updated_at"] == before["updated_at"]
    assert after["generated_timestamp"] > before["generated_timestamp"]


def test_a_metric_event_written_behind_our_cursor_is_found_by_the_comparison_and_read_the_next_night(tmp_path: Path) -> None:
    name = "ticket_metric_events"
    with conformance.running(tmp_path / "source") as subject, bench(subject, tmp_path / "meridian") as reader:
        subject.create("tickets", 1)
        subject.advance(timedelta(minutes=30))
        subject.create("tickets", 1)
        subject.advance(timedelta(minutes=5))
        reader.night(streams=[name])
        key = subject.write_late(timedelta(minutes=20))
        assert [one.missing for one in reader.compare(name)] == [1]
        assert reader.verdict(name).lost == (key,)
        subject.advance(timedelta(days=1))
        reader.night(streams=[name])
        assert reader.verdict(name).is_clean and [one.missing for one in reader.compare(name)][:1] == [0]


def test_what_happened_in_the_minute_before_the_read_comes_with_the_next_one(tmp_path: Path) -> None:
    with helpdesk(tmp_path, plan()) as desk:
        night = Night(desk)
        for second in range(0, 240, 20):     # a ticket every twenty seconds while the nights run every forty
            desk.state.set_clock(NOW + timedelta(seconds=second))
            desk.api.create(desk.api._accounts[0], {}, {"ticket": {"comment": {"body": "now"}}})
            if second % 40 == 0:
                night.read("tickets")
                night.read("ticket_events")
        desk.state.set_clock(NOW + timedelta(seconds=240 + 61))
        night.read("tickets")
        night.read("ticket_events")
        for name in ("tickets", "ticket_events"):
            assert night.rows[name] == truth(desk, name)
            assert len(night.rows[name]) == 12


def test_a_deleted_ticket_is_a_tombstone_and_not_a_record(desk: Running) -> None:
    desk.next_day(deleted=("T00005",))
    pages = list(desk.connect(memory={}).read(STREAMS["tickets"], Window(start=NOW, end=desk.state.now())))
    assert [key for page in pages for key in page.deleted] == ["5"]
    assert all(record["status"] != "deleted" for page in pages for record in page.records)


def test_a_deletion_is_told_once_and_a_restored_ticket_lives_again(desk: Running) -> None:
    night = Night(desk)
    night.read_all()
    desk.next_day(deleted=("T00005",))
    night.read_all()
    assert [(record["id"], record["previous_state"]) for record in night.rows["deleted_tickets"].values()] == [(5, "solved")]
    assert "5" not in night.rows["tickets"]
    desk.next_day()
    night.landed.clear()
    night.read_all()
    assert not night.landed["deleted_tickets"], "what an earlier night landed is looked through and left out"
    item = desk.state.get("tickets", 5)
    assert item is not None
    life.restore(desk.api.desk, item, at=desk.state.stamp())
    desk.next_day()
    night.read_all()
    assert night.rows["tickets"]["5"]["status"] == "solved"
    assert night.rows["tickets"]["5"]["generated_timestamp"] > datetime.fromisoformat(night.rows["deleted_tickets"]["5"]["deleted_at"]).timestamp()


def test_holidays_say_whose_they_are_and_cost_one_request_a_schedule(tmp_path: Path) -> None:
    calendars = tuple(Calendar(name=name, time_zone="Europe/Berlin", hours=HOURS, holidays=(date(2026, 12, 25), date(2026, 12, 26))) for name in ("office", "late"))
    with helpdesk(tmp_path, replace(plan(), calendars=calendars)) as desk:
        connector = desk.connect()
        (page,) = connector.read(STREAMS["schedule_holidays"], Window(start=None, end=NOW))
        assert [(record["schedule_id"] - loading.SCHEDULES, record["start_date"]) for record in page.records] == [
            (1, "2026-12-25"), (1, "2026-12-26"), (2, "2026-12-25"), (2, "2026-12-26")]
        assert connector.requests_made("schedule_holidays") == 3


def test_what_the_subscription_lacks_is_left_out_by_name(desk: Running) -> None:
    left = {stream.name for stream in desk.connect(without=["schedules", "schedule_holidays"]).streams()}
    assert left == STREAMS.keys() - {"schedules", "schedule_holidays"}
    with pytest.raises(Misconfigured, match="a list of streams out of tickets, ticket_events"):
        desk.connect(without=["shedules"])


def test_a_backfill_of_an_old_window_does_not_use_the_memory_and_stops_behind_the_window(desk: Running) -> None:
    night = Night(desk, page_size=5)
    night.read("tickets")
    first = datetime(2026, 10, 2, 8, tzinfo=UTC)
    window = Window(start=first, end=first + timedelta(hours=1))
    connector = night.connector()
    pages = list(connector.read(STREAMS["tickets"], window))
    got = {record["id"] for page in pages for record in page.records}
    wanted = {item["id"] for item in desk.state.items("tickets") if window.start.timestamp() <= item["generated_timestamp"] < window.end.timestamp()}  # type: ignore[union-attr]
    assert wanted and wanted <= got
    assert connector.requests_made("tickets") < 47 / 5, "it read on to the end of time"


def test_old_ratings_that_changed_are_seen_again_and_gone_ones_by_the_sweep(desk: Running) -> None:
    night = Night(desk)
    night.read_all()
    rating = desk.state.items("satisfaction_ratings")[0]
    desk.state.put("satisfaction_ratings", {**rating, "score": "bad"}, 0)
    desk.state.delete("satisfaction_ratings", rating["id"] + 1)
    night.read("satisfaction_ratings")
    assert night.rows["satisfaction_ratings"][str(rating["id"])]["score"] == "bad"
    assert str(rating["id"] + 1) not in night.rows["satisfaction_ratings"]


def test_check_says_who_we_are_and_refuses_who_may_not_export(desk: Running) -> None:
    assert desk.connect().check().endswith("as operations@helpdesk.example (admin)")
    with pytest.raises(Refused, match=r"401.*Couldn't authenticate you.*renew the credential"):
        desk.connect(token="wrong").check()
    with pytest.raises(Misconfigured, match="only administrators"):
        desk.connect(token=WORKER_TOKEN, email="robot@helpdesk.example").check()
    with pytest.raises(Refused, match="do not have access"):
        list(desk.connect(token=WORKER_TOKEN, email="robot@helpdesk.example").read(STREAMS["tickets"], Window(start=None, end=NOW)))


def test_the_quota_for_exports_keeps_us_from_ever_meeting_a_429(tmp_path: Path) -> None:
    with helpdesk(tmp_path, many(30), exports_per_minute=3) as desk:
        waits: list[float] = []
        connector = zendesk.connect("helpdesk", {"url": desk.url, "email": "operations@helpdesk.example", "exports_per_minute": 3, "page_size": 10},
                                    secrets={"token": "reader-token"}, home=tmp_path, sleep=waits.append)
        pages = connector.read(STREAMS["tickets"], Window(start=None, end=NOW))
        assert [len(page.records) for page in (next(pages), next(pages), next(pages))] == [10, 10, 10]
        assert waits == [], "three are free"
        desk.api.exports.most = 1_000        # time does not pass for the server while our sleep is only noted
        assert next(connector.read(STREAMS["users"], Window(start=None, end=NOW))).records
        assert len(waits) == 1 and 55 < waits[0] <= 60.5, "the fourth, of another stream, waits for its place"


def test_a_429_is_waited_out(tmp_path: Path) -> None:
    with helpdesk(tmp_path, many(30), exports_per_minute=2) as desk:
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            desk.api.exports.forget()     # the minute has passed

        connector = zendesk.connect("helpdesk", {"url": desk.url, "email": "operations@helpdesk.example", "exports_per_minute": 1000, "page_size": 10},
                                    secrets={"token": "reader-token"}, sleep=sleep)
        records = [record for page in connector.read(STREAMS["tickets"], Window(start=None, end=NOW)) for record in page.records]
        assert len(records) == 30 and 55 < waits[0] < 62


@pytest.mark.parametrize(("options", "secrets", "message"), [
    ({"email": "a@b.example"}, {"token": "x"}, "no url"),
    ({"url": "https://a.zendesk.com"}, {"token": "x"}, "no email"),
    ({"url": "https://a.zendesk.com", "email": "a@b.example"}, {}, "no API token"),
    ({"url": "http://a.zendesk.com", "email": "a@b.example"}, {"token": "x"}, "plain http"),
    ({"url": "https://a.zendesk.com", "email": "a@b.example", "subdomain": "a"}, {"token": "x"}, "unknown option subdomain"),
])
def test_options_that_cannot_work_are_refused_by_name(options: dict[str, Any], secrets: dict[str, str], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        zendesk.connect("helpdesk", options, secrets=secrets)


# ---- answers that the vendor does not document

RECORD = {"id": 1, "generated_timestamp": 1_760_000_000, "timestamp": 1_760_000_000, "updated_at": "2025-10-09T08:53:20Z", "created_at": "2025-10-09T08:53:20Z"}
Answer = Callable[[Asked], Any]


@pytest.mark.parametrize(("stream", "answer", "error", "message"), [
    ("tickets", lambda asked: {"tickets": [RECORD], "after_cursor": "same", "end_of_stream": False}, PageLoop, "never end"),
    ("ticket_events", lambda asked: {"ticket_events": [RECORD], "end_time": 1_760_000_000, "end_of_stream": False}, PageLoop, "never end"),
    ("groups", lambda asked: {"groups": [RECORD], "meta": {"has_more": True, "after_cursor": "same"}}, PageLoop, "never end"),
    ("tickets", lambda asked: {"tickets": [RECORD], "after_cursor": None, "end_of_stream": False}, UnexpectedShape, "no after_cursor"),
    ("tickets", lambda asked: {"tickets": [RECORD]}, UnexpectedShape, "no 'end_of_stream'"),
    ("tickets", lambda asked: {"items": []}, UnexpectedShape, "no 'tickets'"),
    ("tickets", lambda asked: [], UnexpectedShape, "no 'tickets'"),
    ("groups", lambda asked: {"groups": [RECORD], "meta": {"has_more": True}}, UnexpectedShape, "not from where"),
    ("sla_policies", lambda asked: {"sla_policies": [RECORD], "next_page": "https://x/?page=2"}, UnexpectedShape, "not from where"),
    ("schedules", lambda asked: {"schedules": [RECORD], "next_page": "https://x/?page=2"}, UnexpectedShape, "should be whole"),
    ("schedule_holidays", lambda asked: {"schedules": [RECORD], "holidays": [], "meta": {"has_more": "holidays" in asked.path}}, UnexpectedShape, "should be whole"),
    ("schedule_holidays", lambda asked: {"schedules": [RECORD]}, UnexpectedShape, "no 'holidays'"),
    ("ticket_events", lambda asked: {"ticket_events": [], "end_time": -5, "end_of_stream": False}, UnexpectedShape, "says that it ends at"),
])
def test_an_undocumented_answer_is_an_error_by_name_and_never_an_early_end(
    faults: FaultServer, stream: str, answer: Answer, error: type[Exception], message: str,
) -> None:
    faults.otherwise = lambda asked: good(answer(asked))
    connector = zendesk.connect("helpdesk", {"url": faults.url, "email": "a@b.example"}, secrets={"token": "x"}, sleep=lambda seconds: None)
    with pytest.raises(error, match=message):
        list(connector.read(STREAMS[stream], Window(start=None, end=NOW)))
    assert len(faults.asked) <= 3


def test_a_torn_page_in_the_middle_is_read_again_and_nothing_is_lost(desk: Running, faults: FaultServer) -> None:
    """Between us and the helpdesk stands a bad line: every second answer is cut, reset or broken."""
    import requests

    torn = iter(["cut", "reset", "hang up", "503", "half"] * 100)
    count = iter(range(1000))

    def through(asked: Asked) -> Fault:
        answer = requests.get(desk.url + asked.path, headers={"Authorization": asked.headers["Authorization"]}, timeout=5)
        if next(count) % 2:
            return Fault(status=answer.status_code, body=answer.content)
        how = next(torn)
        if how == "503":
            return Fault(status=503)
        return Fault(body=answer.content[:-20]) if how == "half" else Fault(body=answer.content, ending=how)

    faults.otherwise = through
    night = Night(replace(desk, url=faults.url), page_size=25)
    for name in STREAMS:
        night.read(name)
        assert night.rows[name] == truth(desk, name)


def test_a_solved_life_is_what_the_canonical_columns_need(tmp_path: Path) -> None:
    """The contract with staging: the fields that int_tickets and int_ticket_events are derived from."""
    at = datetime(2026, 10, 5, 8, tzinfo=UTC)
    with helpdesk(tmp_path, plan(ticket(7, at, *solved_life(at), order="SO000009", channel="phone", topic="delivery"))) as desk:
        night = Night(desk)
        night.read_all()
    record = night.rows["tickets"]["7"]
    assert (record["via"]["channel"], record["status"], record["tags"]) == ("voice", "solved", ["topic_delivery", "sla_standard"])
    assert record["custom_fields"] == [{"id": 360001, "value": "SO000009"}] and record["satisfaction_rating"]["score"] == "good"
    audits = sorted(night.rows["ticket_events"].values(), key=lambda audit: audit["id"])
    told = ("status", "assignee_id", "satisfaction_score", "public")
    children = [
        (audit["updater_id"], child["event_type"], *next((name, child[name]) for name in told if name in child))
        for audit in audits for child in audit["child_events"] if child["event_type"] != "Create" or "status" in child
    ]
    assert [child[1:] for child in children] == [
        ("Create", "status", "new"), ("Comment", "public", True), ("Comment", "public", True), ("Comment", "public", True),
        ("Change", "assignee_id", "1000001"), ("Change", "status", "open"), ("Change", "status", "solved"),
        ("Change", "satisfaction_score", "offered"), ("Change", "satisfaction_score", "good"),
    ]
    users = night.rows["users"]
    assert [users[str(updater)]["role"] for updater, *_ in children[:3]] == ["end-user", "end-user", "agent"]
    assert users[str(children[2][0])]["tags"] == ["bot"] and users[str(children[3][0])]["email"] == "amal@company.example"
