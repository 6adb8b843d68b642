"""The HubSpot connector against the stand-in: nothing lost at the search's end, behind its index, in the bin or in a merge, and no request too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import hubspot
from connectors.hubspot_streams import LAG, STREAMS
from connectors.stream import Json, Misconfigured, Page, PageLoop, QuotaExhausted, Refused, UnexpectedShape, Window, landed_key
from sandbox.hubspot import portal as portals
from tests.connectors.faults import Asked, Fault, FaultServer, good
from tests.sandbox.hubspot.crm import NOW, Running, account

BY_NAME = {stream.name: stream for stream in STREAMS}


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Running]:
    with account(tmp_path) as running:
        yield running


def pages(connector: hubspot.Hubspot, name: str, since: datetime | None = None, until: datetime = NOW, resume: Json = None) -> list[Page]:
    return list(connector.read(BY_NAME[name], Window(start=since, end=until), resume))


def records(found: list[Page]) -> list[Any]:
    return [record for page in found for record in page.records]


def keys(found: list[Page], name: str) -> list[str]:
    return [landed_key(BY_NAME[name], record) for record in records(found)]


def gone(found: list[Page]) -> set[str]:
    return {key for page in found for key in page.deleted}


def night(crm: Running, name: str, since: datetime, **options: Any) -> list[Page]:
    """What the next night reads after one that read up to `since`: from the lag before it."""
    return pages(crm.connect(**options), name, since - LAG, crm.now())


# ---- what is asked

@pytest.mark.parametrize(("name", "requests"), [
    ("contacts", 1 + 3 + 1),                 # properties, lists of 100, the archived
    ("companies", 1 + 1 + 1), ("deals", 1 + 2 + 1),
    ("deal_stage_history", 4 + 1),           # 50 a list, because histories come with them
    ("contact_associations", 3 + 1),         # ids by the hundred, partners by the thousand
    ("deal_associations", 2 + 2),            # ... for each kind of partner
    ("owners", 2), ("pipelines", 2), ("campaigns", 1),
])
def test_a_first_read_asks_for_whole_pages_and_for_nothing_one_by_one(crm: Running, name: str, requests: int) -> None:
    crm.create("contacts", 250)
    crm.create("companies", 3)
    for _ in range(160):
        crm.deal()
    connector = crm.connect()
    pages(connector, name)
    assert connector.requests_made(name) == requests


@pytest.mark.parametrize(("name", "requests"), [
    ("contacts", 1 + 3 + 5 + 1),             # properties, ids of the changed by 200, contents by 100, the archived
    ("deals", 1 + 1 + 0 + 1),                # nothing was changed
    ("deal_stage_history", 1 + 1),
])
def test_a_later_read_costs_what_was_changed(crm: Running, name: str, requests: int) -> None:
    crm.create("contacts", 40)
    crm.deal()
    crm.pass_time(days=1)
    crm.create("contacts", 450)
    crm.pass_time(hours=2)
    connector = crm.connect()
    found = pages(connector, name, crm.now() - timedelta(hours=6), crm.now())
    assert connector.requests_made(name) == requests
    assert len(records(found)) == (450 if name == "contacts" else 0)


def test_changed_ids_are_asked_for_and_no_property_list_goes_to_the_search(crm: Running, faults: FaultServer) -> None:
    faults.otherwise = lambda asked: good({"results": []})
    pages(hubspot.connect("crm", {"url": faults.url}, secrets={"token": "t"}), "contacts", NOW - timedelta(days=1))
    question = json.loads(next(asked.body for asked in faults.asked if asked.path.endswith("/search")))
    assert question["properties"] == ["hs_object_id"] and question["limit"] == 200
    assert [(one["propertyName"], one["operator"]) for one in question["filterGroups"][0]["filters"]] == [("lastmodifieddate", "GTE"), ("lastmodifieddate", "LT")]


# ---- the search

def test_more_changes_than_a_search_can_page_through_are_all_read(tmp_path: Path) -> None:
    with account(tmp_path, search_end=20) as crm:
        made = crm.create("companies", 75)
        crm.pass_time(hours=2)
        found = pages(crm.connect(page_size=3), "companies", NOW - timedelta(hours=1), crm.now())
    assert keys(found, "companies") == [str(identity) for identity in made]


def test_what_the_index_does_not_show_yet_is_read_the_night_after(crm: Running) -> None:
    crm.pass_time(days=1)
    (late,) = crm.create("deals", dealstage="appointmentscheduled")
    read_at = crm.now()
    assert keys(night(crm, "deals", NOW), "deals") == []      # in the same millisecond: it is there, and the search does not know it
    crm.pass_time(days=1)
    assert keys(night(crm, "deals", read_at), "deals") == [str(late)]


def test_contents_are_as_the_record_is_and_not_as_the_index_remembers_it(crm: Running) -> None:
    (company,) = crm.create("companies", name="Old")
    crm.pass_time(hours=3)
    crm.update("companies", company, name="New")
    crm.pass_time(seconds=11)
    crm.update("companies", company, name="Newest")           # the index shows "New" for ten seconds more
    (record,) = records(pages(crm.connect(), "companies", crm.now() - timedelta(hours=1), crm.now() + timedelta(seconds=1)))
    assert record["properties"]["name"] == "Newest"


def test_an_empty_page_that_is_not_the_last_does_not_end_the_search(faults: FaultServer) -> None:
    def answer(asked: Asked) -> Fault:
        if not asked.path.endswith("/search"):
            return good({"results": [{"id": entry["id"], "properties": {}} for entry in json.loads(asked.body or b"{}").get("inputs", [])]})
        return good({"results": [{"id": "7"}]} if "after" in json.loads(asked.body) else {"results": [], "paging": {"next": {"after": "4"}}})

    faults.otherwise = answer
    assert keys(pages(hubspot.connect("crm", {"url": faults.url}, secrets={"token": "t"}), "deals", NOW - timedelta(days=1)), "deals") == ["7"]


def test_a_search_that_is_not_in_the_order_of_ids_is_not_believed(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: good({"results": [{"id": "9"}, {"id": "8"}]})
    with pytest.raises(UnexpectedShape, match="order of ids"):
        pages(hubspot.connect("crm", {"url": faults.url, "without": ["tickets"]}, secrets={"token": "t"}), "deal_stage_history", NOW - timedelta(days=1))


def test_a_page_token_that_comes_twice_is_named(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: good({"results": [{"id": "1", "at": len(faults.asked)}], "paging": {"next": {"after": "1"}}})
    with pytest.raises(PageLoop):
        pages(hubspot.connect("crm", {"url": faults.url}, secrets={"token": "t"}), "campaigns")


# ---- what is no longer there

def test_archived_records_become_tombstones_and_restored_ones_come_back(crm: Running) -> None:
    _, binned = crm.create("contacts", 2)
    crm.pass_time(days=1)
    crm.archive("contacts", binned)
    found = night(crm, "contacts", NOW)
    assert gone(found) == {str(binned)}
    crm.pass_time(days=1)
    portals.restore(crm.portal, "contacts", binned, at=crm.portal.now())
    crm.pass_time(hours=1)
    found = night(crm, "contacts", NOW + timedelta(days=1))
    assert gone(found) == set() and keys(found, "contacts") == [str(binned)]


def test_a_list_of_archived_records_that_shows_living_ones_is_not_believed(faults: FaultServer) -> None:
    """A cache that knows only the path answers with the list that was asked for before."""
    faults.otherwise = lambda asked: good({"results": [{"id": "7", "archived": False}]})
    with pytest.raises(UnexpectedShape, match="archived records shows one that is not"):
        pages(hubspot.connect("crm", {"url": faults.url}, secrets={"token": "t"}), "companies", resume={"step": "archived", "after": None})


def test_a_merge_leaves_one_record_and_tombstones_of_what_went_into_it(crm: Running) -> None:
    first, second, third = crm.create("contacts", 3)
    once = portals.merge(crm.portal, "contacts", first, second, at=crm.portal.now())
    crm.pass_time(days=1)
    twice = portals.merge(crm.portal, "contacts", once, third, at=crm.portal.now())
    crm.pass_time(hours=1)
    found = night(crm, "contacts", NOW)
    assert keys(found, "contacts") == [str(twice)]
    assert gone(found) == {str(identity) for identity in (first, second, third, once)}


def test_a_contact_that_kept_its_id_in_a_merge_of_old_is_not_its_own_tombstone() -> None:
    old = {"id": "5", "properties": {"hs_calculated_merged_vids": "3:1388534400000;5:1388534400001", "hs_merged_object_ids": "3"}}
    assert list(hubspot._merged([old, {"id": "6", "properties": {"hs_merged_object_ids": None}}])) == ["3"]


def test_what_was_deleted_for_good_is_missed_by_the_weekly_sweep_of_ids(crm: Running) -> None:
    kept, purged = crm.create("companies", 2)
    portals.purge(crm.portal, "companies", purged)
    crm.pass_time(days=1)
    assert gone(night(crm, "companies", NOW)) == set()        # nothing tells
    assert list(crm.connect().keys(BY_NAME["companies"])) == [str(kept)]
    assert BY_NAME["companies"].deletes == "sweep" and BY_NAME["companies"].sweep_every == 7


# ---- properties, histories, associations

def test_a_property_list_too_long_for_a_url_goes_into_the_body_of_a_batch(crm: Running) -> None:
    for number in range(600):
        portals.add_property(crm.portal, "companies", f"a_custom_property_with_a_long_name_{number:04}")
    crm.create("companies", a_custom_property_with_a_long_name_0599="here")
    connector = crm.connect()
    (record,) = records(pages(connector, "companies"))
    assert record["properties"]["a_custom_property_with_a_long_name_0599"] == "here" and len(record["properties"]) > 600
    assert connector.requests_made("companies") == 1 + 2 + 1


def test_a_new_property_arrives_with_the_next_read(crm: Running) -> None:
    (deal,) = crm.create("deals", dealstage="appointmentscheduled")
    portals.add_property(crm.portal, "deals", "margin")
    crm.update("deals", deal, margin="12.5")
    assert records(pages(crm.connect(), "deals"))[0]["properties"]["margin"] == "12.5"


def test_every_stage_a_deal_went_through_comes_with_it(crm: Running) -> None:
    deal = crm.deal()
    crm.pass_time(days=1)
    crm.update("deals", deal, dealstage="qualifiedtobuy")
    crm.update("deals", deal, amount="10")                   # no change of stage
    crm.pass_time(days=1)
    (record,) = records(night(crm, "deal_stage_history", NOW))
    assert [(entry["value"], entry["timestamp"]) for entry in record["propertiesWithHistory"]["dealstage"]] == [
        ("qualifiedtobuy", "2026-11-02T02:30:00.000Z"), ("appointmentscheduled", "2026-11-01T02:30:00.000Z")]


def test_histories_are_asked_for_fifty_deals_at_a_time(crm: Running) -> None:
    for _ in range(120):
        crm.deal()
    crm.pass_time(hours=2)
    connector = crm.connect()
    found = pages(connector, "deal_stage_history", NOW - LAG, crm.now())
    assert len(records(found)) == 120
    assert connector.requests_made("deal_stage_history") == 1 + 3 + 1


def test_partners_come_whole_even_when_one_record_has_more_than_a_page_of_them(tmp_path: Path) -> None:
    with account(tmp_path, partners_page=2) as crm:
        deal, lonely = crm.deal(), crm.deal()
        people = crm.create("contacts", 5)
        (company,) = crm.create("companies")
        for person in people:
            portals.associate(crm.portal, "deals", deal, "contacts", person)
        portals.associate(crm.portal, "deals", deal, "companies", company)
        found = {landed_key(BY_NAME["deal_associations"], record): record for record in records(pages(crm.connect(), "deal_associations"))}
    assert set(found) == {f"{deal}|contacts", f"{deal}|companies"}
    assert [partner["toObjectId"] for partner in found[f"{deal}|contacts"]["to"]] == people
    assert "Primary" in [kind["label"] for kind in found[f"{deal}|companies"]["to"][0]["associationTypes"]]
    assert str(lonely) not in {key.partition("|")[0] for key in found}


def test_a_partner_taken_away_is_seen_although_no_stamp_moved(crm: Running) -> None:
    deal, (person,) = crm.deal(), crm.create("contacts")
    portals.associate(crm.portal, "deals", deal, "contacts", person)
    assert keys(pages(crm.connect(), "deal_associations"), "deal_associations") == [f"{deal}|contacts"]
    portals.dissociate(crm.portal, "deals", deal, "contacts", person)
    assert records(pages(crm.connect(), "deal_associations")) == []
    assert BY_NAME["deal_associations"].deletes == "full"


def test_owners_who_were_deactivated_are_read_too(crm: Running) -> None:
    portals.put_owner(crm.portal, 1, "here@company.example", "Hera", at=crm.portal.now())
    portals.put_owner(crm.portal, 2, "left@company.example", "Leif", at=crm.portal.now(), archived=True)
    assert {record["id"]: record["archived"] for record in records(pages(crm.connect(), "owners"))} == {"1": False, "2": True}


# ---- going on behind a page

@pytest.mark.parametrize("since", [None, NOW - timedelta(hours=1)], ids=["first read", "later read"])
@pytest.mark.parametrize("name", ["contacts", "deal_stage_history", "contact_associations"])
def test_a_read_goes_on_behind_any_of_its_pages(crm: Running, name: str, since: datetime | None) -> None:
    for person in crm.create("contacts", 30):
        (company,) = crm.create("companies")
        portals.associate(crm.portal, "contacts", person, "companies", company)
        crm.deal()
    crm.archive("contacts", crm.create("contacts")[0])
    crm.pass_time(hours=2)
    whole = pages(crm.connect(page_size=2), name, since, crm.now())
    assert len(whole) >= 2
    for number, page in enumerate(whole, start=1):
        rest = pages(crm.connect(page_size=2), name, since, crm.now(), json.loads(json.dumps(page.position)))
        assert records(rest) == records(whole[number:]) and gone(rest) == gone(whole[number:])


# ---- quotas and refusals

def test_the_vendor_is_asked_no_more_often_than_it_allows(tmp_path: Path) -> None:
    with account(tmp_path) as crm:
        crm.create("contacts", 40)
        crm.pass_time(hours=2)
        waits: list[float] = []
        connector = crm.connect(page_size=2, requests_per_ten_seconds=10, sleep=waits.append)
        pages(connector, "contacts", NOW - LAG, crm.now())
    assert connector.requests_made("contacts") == 1 + 10 + 20 + 1
    assert max(waits) > 10 and any(0.5 < wait < 10 for wait in waits)      # ten seconds for the rest, a second for the searches


def test_a_used_up_search_quota_is_waited_for_as_its_policy_says(tmp_path: Path) -> None:
    with account(tmp_path, searches_per_second=1) as crm:
        crm.create("contacts", 9)
        crm.pass_time(hours=2)
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            crm.api.searches.forget()

        connector = crm.connect(page_size=2, sleep=sleep)
        assert len(records(pages(connector, "contacts", NOW - LAG, crm.now()))) == 9
    assert any(1.0 <= wait < 2.0 for wait in waits)


def test_a_used_up_day_is_not_waited_for(tmp_path: Path) -> None:
    with account(tmp_path, requests_per_day=1) as crm:
        connector = crm.connect()
        with pytest.raises(QuotaExhausted, match="daily limit") as refused:
            pages(connector, "deals")
        assert refused.value.retryable and refused.value.retry_at is not None
        assert connector.requests_made("deals") == 2


def test_a_wrong_token_is_refused_and_not_shown(crm: Running) -> None:
    with pytest.raises(Refused) as refused:
        crm.connect(token="pat-eu1-not-mine").check()
    assert "pat-eu1-not-mine" not in str(refused.value) and "pat-eu1-not-mine" not in repr(crm.connect(token="pat-eu1-not-mine"))


def test_check_names_the_account(crm: Running) -> None:
    assert crm.connect().check() == "HubSpot account 62515 (STANDARD, Europe/Berlin)"


@pytest.mark.parametrize(("options", "message"), [
    ({"page_sise": 5}, "unknown option page_sise"), ({"page_size": 101}, "page_size is 101"), ({"without": ["deal"]}, "without is"),
    ({"without": "tickets"}, "without is"), ({"url": "ftp://x"}, "not an http"),
])
def test_options_that_cannot_work_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        hubspot.connect("crm", options, secrets={"token": "t"})


def test_a_missing_token_says_where_to_make_one() -> None:
    with pytest.raises(Misconfigured, match="private app"):
        hubspot.connect("crm", {}, secrets={})


def test_streams_that_the_app_may_not_read_can_be_left_out(crm: Running) -> None:
    left = {stream.name for stream in crm.connect(without=["campaigns", "tickets"]).streams()}
    assert left == BY_NAME.keys() - {"campaigns", "tickets"}
