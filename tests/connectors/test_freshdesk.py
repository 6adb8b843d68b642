"""The Freshdesk connector against the stand-in: nothing lost at the 300th page, in a bulk update, in the bin or in spam, and no request too many."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import freshdesk
from connectors.freshdesk_streams import LAG, RATINGS_CHANGE_FOR, STREAMS
from connectors.stream import Json, Misconfigured, Page, PageLoop, QuotaExhausted, Refused, UnexpectedShape, Unreachable, Window, landed_key
from sandbox.freshdesk import desk as desks
from sandbox.freshdesk import rules
from sandbox.freshdesk.server import Api
from sandbox.stand_in.state import Item
from tests.connectors.faults import Asked, Fault, FaultServer
from tests.sandbox.freshdesk.helpdesk import AGENT, CUSTOMER, KEY, NOW, Running, helpdesk

BY_NAME = {stream.name: stream for stream in STREAMS}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with helpdesk(tmp_path) as running:
        yield running


def pages(connector: freshdesk.Freshdesk, name: str, since: datetime | None = None, until: datetime = NOW + timedelta(minutes=1), resume: Json = None) -> list[Page]:
    return list(connector.read(BY_NAME[name], Window(start=since, end=until), resume))


def records(found: list[Page]) -> list[Any]:
    return [record for page in found for record in page.records]


def keys(found: list[Page], name: str) -> list[str]:
    return [landed_key(BY_NAME[name], record) for record in records(found)]


def gone(found: list[Page]) -> set[str]:
    return {key for page in found for key in page.deleted}


def night(desk: Running, name: str, since: datetime, **options: Any) -> list[Page]:
    """What the next night reads after one that read up to `since`: from the lag before it."""
    return pages(desk.connect(**options), name, since - LAG, desk.now())


def listed(rows: list[Item], **headers: str) -> Fault:
    return Fault(body=json.dumps(rows).encode(), headers=headers)


def a_ticket(number: int, at: str = "2026-10-31T08:00:00Z") -> Item:
    return {"id": number, "updated_at": at}


def to(faults: FaultServer, **options: Any) -> freshdesk.Freshdesk:
    return freshdesk.connect("helpdesk", {"url": faults.url, **options}, secrets={"api_key": KEY}, sleep=lambda seconds: None)


# ---- what is asked

@pytest.mark.parametrize(("name", "requests"), [
    ("tickets", 3),                          # by the hundred, each page behind the last stamp; neither spam nor the bin
    ("conversations", 3 + 250),              # the same list, and every ticket once
    ("contacts", 3 + 3 + 1 + 1),             # a list without an order is turned twice; the blocked, the deleted
    ("agents", 1), ("groups", 1), ("companies", 1), ("sla_policies", 1), ("business_hours", 1), ("satisfaction_ratings", 1),
])
def test_a_first_read_asks_for_whole_pages(desk: Running, name: str, requests: int) -> None:
    desk.contacts(250)
    for _ in range(250):
        desk.tickets()
        desk.pass_time(seconds=1)
    connector = desk.connect()
    found = pages(connector, name, until=desk.now())
    assert connector.requests_made(name) == requests
    assert len(records(found)) == {"tickets": 250, "conversations": 250, "contacts": 251, "agents": 1, "groups": 1}.get(name, 0)


@pytest.mark.parametrize(("name", "requests"), [("tickets", 3), ("conversations", 3 + 2), ("contacts", 3)])
def test_a_later_read_costs_what_was_changed(desk: Running, name: str, requests: int) -> None:
    desk.tickets(40)
    desk.contacts(40)
    desk.pass_time(days=1)
    desk.tickets(2)
    desk.contacts(2)
    desk.pass_time(hours=1)
    connector = desk.connect()
    found = pages(connector, name, NOW + timedelta(hours=1), desk.now())
    assert connector.requests_made(name) == requests and len(records(found)) == 2


def test_every_list_of_tickets_is_asked_by_its_change_or_it_would_show_thirty_days(desk: Running, faults: FaultServer) -> None:
    (old,) = desk.tickets()
    desk.pass_time(days=90)
    assert keys(pages(desk.connect(), "tickets", until=desk.now()), "tickets") == [str(old)]
    faults.otherwise = lambda asked: listed([])
    pages(to(faults), "tickets", NOW)
    queries = [parse_qs(urlsplit(asked.path).query) for asked in faults.asked]
    assert [one.get("filter", [""])[0] for one in queries] == ["", "spam", "deleted"]
    assert all(one["updated_since"] == ["2026-11-01T02:30:00Z"] and one["order_by"] == ["updated_at"] and one["order_type"] == ["asc"] for one in queries)
    assert [one.get("include") for one in queries] == [["stats"], None, None]      # requesters are personal, and cost two credits a page


def test_stats_come_with_every_ticket(desk: Running) -> None:
    (one,) = desk.tickets()
    desk.pass_time(hours=1)
    desk.update(one, status=desks.RESOLVED)
    (record,) = records(pages(desk.connect(), "tickets"))
    assert record["stats"]["resolved_at"] == "2026-11-01T03:30:00Z" and "requester" not in record


# ---- the order of changes

def test_more_tickets_than_the_last_page_shows_are_all_read(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LAST_PAGE", 5)           # 300 at the vendor's
    for _ in range(31):
        desk.tickets()
        desk.pass_time(seconds=1)
    found = pages(desk.connect(page_size=2), "tickets", until=desk.now())
    assert keys(found, "tickets") == [str(number) for number in range(1, 32)]


def test_a_bulk_update_of_more_than_a_page_in_one_second_is_read_whole_and_once(desk: Running) -> None:
    made = [*desk.tickets(2), *desk.tickets(7)]
    desk.pass_time(seconds=5)
    made += desk.tickets()
    found = pages(desk.connect(page_size=3), "tickets", until=desk.now())
    assert keys(found, "tickets") == [str(number) for number in made]


def test_a_second_that_the_api_cannot_show_whole_is_named(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rules, freshdesk):
        monkeypatch.setattr(module, "LAST_PAGE", 5)
    desk.tickets(11)
    with pytest.raises(UnexpectedShape, match="5 pages of tickets were changed in the second 2026-11-01T02:30:00Z"):
        pages(desk.connect(page_size=2), "tickets")


def test_what_moves_away_from_a_bulk_update_hides_nothing_behind_it(desk: Running) -> None:
    made = desk.tickets(9)
    reading = desk.connect(page_size=3).read(BY_NAME["tickets"], Window(start=None, end=NOW + timedelta(minutes=1)))
    found = [next(reading)]
    desk.pass_time(minutes=2)
    desk.update(made[0], priority=4)         # the fourth ticket is now the third, on the page that was read
    found += reading
    assert sorted({int(key) for key in keys(found, "tickets")}) == made


def test_tickets_of_one_second_may_come_in_any_order_each_time(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    made, chance, ordered = desk.tickets(4), random.Random(3), Api._since

    def shuffled(self: Api, kind: str, since: int | None) -> Iterator[Item]:
        rows = list(ordered(self, kind, since))
        chance.shuffle(rows)
        yield from sorted(rows, key=lambda item: item["updated_at"])

    monkeypatch.setattr(Api, "_since", shuffled)
    monkeypatch.setattr(freshdesk, "TURNS", 1000)
    found = pages(desk.connect(page_size=2), "tickets")
    assert sorted({int(key) for key in keys(found, "tickets")}) == made


def test_a_page_that_came_empty_and_was_not_the_last_is_asked_for_again(desk: Running) -> None:
    for _ in range(7):
        desk.tickets()
        desk.pass_time(seconds=1)
    desk.api.hollow.add("tickets")
    found = pages(desk.connect(page_size=3), "tickets", until=desk.now())
    assert sorted(map(int, keys(found, "tickets"))) == list(range(1, 8))


def test_a_reading_goes_on_behind_the_page_that_landed(desk: Running) -> None:
    made = desk.tickets(8)
    first, *_ = pages(desk.connect(page_size=3), "tickets")
    rest = pages(desk.connect(page_size=3), "tickets", resume=first.position)
    assert sorted(map(int, keys([first, *rest], "tickets"))) == made


def test_a_page_that_is_not_in_the_order_asked_for_is_not_believed(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: listed([a_ticket(1, "2026-10-31T08:00:00Z"), a_ticket(2, "2026-10-31T07:00:00Z")])
    with pytest.raises(UnexpectedShape, match="not in the order of updated_at"):
        pages(to(faults), "tickets")


def test_a_page_is_the_last_when_no_link_says_that_more_follow_and_no_link_is_followed(faults: FaultServer) -> None:
    faults.plan = [listed([a_ticket(1), a_ticket(2, "2026-10-31T09:00:00Z")], Link='<https://elsewhere.example/api/v2/tickets?page=2>; rel="next"'),
                   listed([a_ticket(3, "2026-10-31T10:00:00Z"), a_ticket(4, "2026-10-31T10:00:01Z")])]
    assert keys(pages(to(faults, page_size=2), "tickets"), "tickets") == ["1", "2", "3", "4"]


def test_a_page_that_comes_again_is_named(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: listed([{"id": 1, "name": "A"}, {"id": 2, "name": "B"}], Link='<x>; rel="next"')
    with pytest.raises(PageLoop):
        pages(to(faults), "groups")


def test_a_list_that_never_stands_still_is_read_another_night(faults: FaultServer) -> None:
    def answer(asked: Asked) -> Fault:
        more = {"Link": '<x>; rel="next"'} if "page=1" in asked.path.split("?")[1].split("&") else {}
        return listed([{"id": len(faults.asked), "name": "new every time"}], **more)

    faults.otherwise = answer
    with pytest.raises(Unreachable, match="changed under 10 readings in a row"):
        pages(to(faults), "companies")


# ---- what is no longer there

@pytest.mark.parametrize("how", [desks.trash, desks.mark_spam])
def test_deleted_tickets_and_spam_become_tombstones_and_come_back_when_restored(desk: Running, how: Any) -> None:
    _, binned = desk.tickets(2)
    desk.pass_time(days=1)
    how(desk.desk, desk.ticket(binned), at=desk.desk.state.stamp())
    desk.pass_time(hours=1)
    for name in ("tickets", "conversations"):
        found = night(desk, name, NOW + timedelta(hours=1))
        assert gone(found) == {str(binned)} and keys(found, name) == []
    read_at = desk.now()
    desk.pass_time(days=1)
    how(desk.desk, desk.ticket(binned), at=desk.desk.state.stamp(), back=True)
    desk.pass_time(hours=1)
    for name in ("tickets", "conversations"):
        found = night(desk, name, read_at)
        assert gone(found) == set() and keys(found, name) == [str(binned)]


@pytest.mark.parametrize("wrong", ["", "spam", "deleted"])
def test_the_answer_to_another_question_makes_no_tombstones(faults: FaultServer, wrong: str) -> None:
    """A cache in between that leaves the filter out: of two lists the one is answered with the other."""
    faults.otherwise = lambda asked: listed([a_ticket(1, "2026-11-01T02:30:01Z") | ({wrong: True} if wrong else {})])
    with pytest.raises(UnexpectedShape, match="shows some that do not belong there"):
        pages(to(faults), "tickets", NOW)


def test_a_deleted_ticket_is_no_tombstone_of_a_first_read_and_an_archived_one_of_none(desk: Running) -> None:
    archived, binned, kept = desk.tickets(3)
    desks.trash(desk.desk, desk.ticket(binned), at=desk.desk.state.stamp())
    desk.update(archived, status=desks.CLOSED)
    assert keys(pages(desk.connect(), "tickets"), "tickets") == [str(archived), str(kept)] and gone(pages(desk.connect(), "tickets")) == set()
    desk.pass_time(days=121)
    assert desks.archive(desk.desk, now=desk.desk.state.stamp()) == 1
    found = night(desk, "tickets", NOW)
    assert gone(found) == set() and keys(found, "tickets") == [str(kept)]      # what was landed of it stays as it was


def test_contacts_come_in_every_state_and_what_was_deleted_forever_is_missed_by_the_sweep(desk: Running) -> None:
    by_state = {state: desk.contacts(state=state)[0] for state in desks.CONTACT_STATES}
    found = {record["id"]: record for record in records(pages(desk.connect(), "contacts"))}
    assert set(found) == {CUSTOMER, *by_state.values()}
    assert [key for key, record in found.items() if record.get("deleted")] == [by_state["deleted"]]
    desk.desk.state.delete("contacts", by_state["deleted"])
    assert set(desk.connect().keys(BY_NAME["contacts"])) == {str(key) for key in found} - {str(by_state["deleted"])}
    assert BY_NAME["contacts"].deletes == "sweep" and BY_NAME["contacts"].sweep_every == 30


def test_who_is_no_agent_any_more_is_a_contact_of_the_same_number(desk: Running) -> None:
    agent = desk.desk.state.get("agents", AGENT)
    assert agent is not None
    desks.remove_agent(desk.desk, agent, at=desk.desk.state.stamp())
    assert records(pages(desk.connect(), "agents")) == [] and BY_NAME["agents"].deletes == "full"
    assert AGENT in {record["id"] for record in records(pages(desk.connect(), "contacts"))}


# ---- conversations and ratings

def test_the_conversations_of_a_ticket_are_one_record_whole_at_every_reading(desk: Running) -> None:
    (one,) = desk.tickets()
    for number in range(5):
        desk.answer(one, f"Answer {number}")
    (record,) = records(pages(desk.connect(page_size=2), "conversations"))
    assert [said["body_text"] for said in record["conversations"]] == [f"Answer {number}" for number in range(5)]
    desks.take_out(desk.desk, one, record["conversations"][0]["id"])
    desk.pass_time(days=1)
    assert records(night(desk, "conversations", NOW + timedelta(hours=1))) == []       # nobody tells of it ...
    desk.answer(one, "The last one")
    (record,) = records(night(desk, "conversations", NOW + timedelta(hours=1)))        # ... before somebody touches the ticket
    assert [said["body_text"] for said in record["conversations"]] == ["Answer 1", "Answer 2", "Answer 3", "Answer 4", "The last one"]


def test_a_ticket_deleted_between_the_list_and_its_conversations_is_left_to_the_list_of_the_deleted(desk: Running, faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=404, body=b"") if asked.path.split("?")[0].endswith("/conversations") else listed([a_ticket(1)])
    assert records(pages(to(faults), "conversations")) == []


def test_many_tickets_are_landed_a_few_at_a_time_and_a_kill_loses_no_more_than_those(desk: Running) -> None:
    made = [number for _ in range(6) for number in (*desk.tickets(10), desk.pass_time(seconds=1)) if number]
    whole = pages(desk.connect(), "conversations", until=desk.now())
    assert [len(page.records) for page in whole] == [25, 25, 10]
    rest = pages(desk.connect(), "conversations", until=desk.now(), resume=whole[0].position)
    assert sorted(map(int, keys([whole[0], *rest], "conversations"))) == made


def test_ratings_of_a_month_are_asked_for_again_and_never_by_the_default_window(desk: Running, faults: FaultServer) -> None:
    (one,) = desk.tickets()
    desks.rate(desk.desk, desk.ticket(one), 103, at=desk.desk.state.stamp())
    desk.pass_time(days=200)
    assert len(records(pages(desk.connect(), "satisfaction_ratings", until=desk.now()))) == 1
    stream = BY_NAME["satisfaction_ratings"]
    assert stream.cursor is not None and stream.cursor.overlap == RATINGS_CHANGE_FOR
    faults.otherwise = lambda asked: listed([])
    pages(to(faults), "satisfaction_ratings", NOW)
    assert parse_qs(urlsplit(faults.asked[0].path).query)["created_since"] == ["2026-11-01T02:30:00Z"]


# ---- plans, limits, secrets

@pytest.mark.parametrize(("status", "body", "said"), [
    (403, b'{"code": "require_feature", "message": "The Surveys feature is not supported in your plan."}', 'without = \\["satisfaction_ratings"\\]'),
    (404, b"", "the plan of this Freshdesk account does not have it"),
    (403, b'{"code": "access_denied", "message": "You are not authorized to perform this action."}', "API key of an administrator"),
])
def test_what_the_account_may_not_read_is_said_in_plain_words(faults: FaultServer, status: int, body: bytes, said: str) -> None:
    faults.otherwise = lambda asked: Fault(status=status, body=body)
    with pytest.raises(Refused, match=said):
        pages(to(faults), "satisfaction_ratings")


def test_a_stream_that_the_plan_has_not_stops_no_other_and_can_be_left_out(tmp_path: Path) -> None:
    with helpdesk(tmp_path, lacking=("satisfaction_ratings", "surveys/satisfaction_ratings", "business_hours")) as desk:
        connector = desk.connect()
        for name in ("satisfaction_ratings", "business_hours"):
            with pytest.raises(Refused, match="not supported in your plan"):
                pages(connector, name)
        assert records(pages(connector, "groups"))
        without = desk.connect(without=["satisfaction_ratings", "business_hours"])
        assert {stream.name for stream in without.streams()} == set(BY_NAME) - {"satisfaction_ratings", "business_hours"}


def test_a_wrong_key_is_refused_and_neither_it_nor_what_stands_for_it_is_ever_shown(desk: Running) -> None:
    connector = desk.connect(key="a-secret-key-X")
    with pytest.raises(Refused) as caught:
        connector.check()
    assert "renew the credential" in str(caught.value)
    for secret in ("a-secret-key-X", base64.b64encode(b"a-secret-key-X:X").decode()):
        assert secret not in str(caught.value) and secret not in repr(connector.__dict__)
    assert connector._rest.redact("X-RateLimit of a-secret-key-X") == "X-RateLimit of ***"     # the X behind the key is no secret


def test_check_says_whose_key_it_is(desk: Running) -> None:
    assert desk.connect().check() == f"Freshdesk at {desk.url} as amal@company.example (support_agent)"


def test_a_refusal_is_waited_for_as_long_as_it_says(tmp_path: Path) -> None:
    waited: list[float] = []
    with helpdesk(tmp_path, lists_per_minute=1) as desk:
        def sleep(seconds: float) -> None:
            waited.append(seconds)
            desk.api.lists["tickets"].forget()

        connector = desk.connect(sleep=sleep)
        pages(connector, "tickets")
        pages(connector, "tickets")
    assert waited and 50 < waited[0] < 62


def test_a_limit_that_comes_back_in_an_hour_ends_the_run_instead_of_being_waited_for(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=429, body=b"{}", headers={"Retry-After": "3000"})
    with pytest.raises(QuotaExhausted) as caught:
        pages(to(faults), "groups")
    assert caught.value.retry_at is not None


def test_what_a_ticket_list_costs_more_is_counted(desk: Running) -> None:
    waited: list[float] = []
    connector = desk.connect(credits_per_minute=7, sleep=waited.append)
    for name in ("tickets", "tickets", "agents"):
        pages(connector, name)
    assert waited == []                      # 3 + 3 + 1
    pages(connector, "agents")
    assert len(waited) == 1 and waited[0] > 55


def test_lists_of_tickets_and_of_contacts_have_limits_of_their_own(desk: Running) -> None:
    waited: list[float] = []
    connector = desk.connect(lists_per_minute=3, sleep=waited.append)
    for name in ("tickets", "tickets", "tickets", "contacts", "agents"):
        pages(connector, name)
    assert waited == []
    pages(connector, "tickets")
    assert len(waited) == 1 and waited[0] > 55


def test_the_last_tenth_of_the_credits_is_left_to_others(faults: FaultServer) -> None:
    waited: list[float] = []
    faults.otherwise = lambda asked: listed([], **{"X-RateLimit-Total": "200", "X-RateLimit-Remaining": "19" if "groups" in asked.path else "20"})
    connector = freshdesk.connect("helpdesk", {"url": faults.url}, secrets={"api_key": KEY}, sleep=waited.append)
    pages(connector, "agents")
    pages(connector, "groups")
    assert waited == []
    pages(connector, "agents")
    assert len(waited) == 1 and 9 < waited[0] <= 10


@pytest.mark.parametrize(("options", "said"), [
    ({"url": ""}, "no url"), ({"plam": "pro"}, "unknown option plam"), ({"plan": "garden"}, "growth, pro, enterprise"), ({"page_size": 101}, "2 to 100"),
    ({"without": ["ticket"]}, "a list of streams"), ({"without": "tickets"}, "a list of streams"),
])
def test_options_that_cannot_work_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        freshdesk.connect("helpdesk", {"url": "https://x.example", **options}, secrets={"api_key": KEY})


def test_without_a_key_nothing_is_asked() -> None:
    with pytest.raises(Misconfigured, match="no API key"):
        freshdesk.connect("helpdesk", {"url": "https://x.example"}, secrets={"api_key": ""})
