"""The ERPNext connector against the stand-in: whole, in few requests, and plain about what it may not read. (The conformance suite has the rest.)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import erpnext
from connectors.erpnext_answers import words
from connectors.erpnext_streams import ASKED, LAG, STREAMS
from connectors.personal import Policy, guard
from connectors.stream import Misconfigured, Page, PageLoop, QuotaExhausted, Refused, UnexpectedShape, Window
from sandbox.erpnext import site as sites
from tests.connectors.faults import Asked, Fault, FaultServer, good
from tests.sandbox.erpnext.erp import NOW, SECRETS, Running, site

BY_NAME = {stream.name: stream for stream in STREAMS}


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Running]:
    with site(tmp_path) as running:
        yield running


def pages(connector: erpnext.Erpnext, name: str, start: datetime | None = None, end: datetime = NOW + timedelta(days=9), resume: Any = None) -> list[Page]:
    return list(connector.read(BY_NAME[name], Window(start=start, end=end), resume))


def names(found: list[Page]) -> list[str]:
    return [record["name"] for page in found for record in page.records]


def gone(found: list[Page]) -> set[str]:
    return {key for page in found for key in page.deleted}


def night(erp: Running, name: str, since: datetime, **options: Any) -> list[Page]:
    """What the next night reads after one that read up to `since`: from the lag before it."""
    return pages(erp.connect(**options), name, since - LAG, erp.now())


# ---- what is asked

def test_a_first_read_asks_for_whole_pages_and_for_rows_by_the_hundred(erp: Running) -> None:
    for _ in range(12):
        erp.order(1, 2, 3)
        erp.pass_time(seconds=1)
    connector = erp.connect(page_size=5)
    found = pages(connector, "sales_orders")
    assert [len(page.records) for page in found] == [4, 4, 4] and all(len(record["items"]) == 3 for page in found for record in page.records)
    assert connector.requests_made("sales_orders") == 2 * 3     # pages of 5 end before the last stamp; the rows of each in one request more


def test_a_later_read_costs_what_was_changed(erp: Running) -> None:
    for _ in range(9):
        erp.order(1)
    erp.pass_time(days=1)
    since = erp.now()
    changed = erp.order(1)
    erp.pass_time(days=1)
    connector = erp.connect()
    assert names(pages(connector, "sales_orders", since, erp.now())) == [changed]
    assert connector.requests_made("sales_orders") == 5         # comments, deleted documents, documents, their rows, rows that were changed alone


def test_hundreds_of_names_go_into_a_body(erp: Running) -> None:
    made = [erp.order(1, customer=f"a customer with a rather long name {number}") for number in range(450)]
    assert sorted(names(pages(erp.connect(), "sales_orders"))) == sorted(made)


# ---- pages

def test_ties_that_fill_more_than_a_page_are_read_by_name(erp: Running) -> None:
    early = erp.create("Customer", 2)
    erp.pass_time(seconds=1)
    made = erp.create("Customer", 13)
    erp.pass_time(seconds=1)
    late = erp.create("Customer", 2)
    assert names(pages(erp.connect(page_size=3), "customers")) == [*early, *made, *late]


def test_stamps_of_a_whole_second_come_before_those_with_a_fraction(erp: Running) -> None:
    for microsecond in (0, 1, 999_999):
        sites.insert(erp.site, "Item", f"I{microsecond}", {}, at=NOW.replace(microsecond=microsecond))
    found = pages(erp.connect(page_size=2), "items")
    assert names(found) == ["I0", "I1", "I999999"]
    assert [record["modified"] for page in found for record in page.records][:2] == ["2026-11-01 03:30:00", "2026-11-01 03:30:00.000001"]


@pytest.mark.parametrize("since", [None, NOW - LAG], ids=["first read", "later read"])
@pytest.mark.parametrize("name", ["customers", "sales_orders"])
def test_a_read_goes_on_behind_any_of_its_pages(erp: Running, name: str, since: datetime | None) -> None:
    for number in range(7):
        erp.order(1, customer=f"C{number}")
        erp.create("Customer", 2)
        erp.pass_time(seconds=number % 2)
    for doctype, one in (("Customer", "CUS-00003"), ("Sales Order", "SAL-00003")):
        erp.delete(doctype, one)
        erp.rename(doctype, one.replace("3", "4"), f"{one} renamed")
    erp.pass_time(hours=1)
    whole = pages(erp.connect(page_size=3), name, since, erp.now())
    assert len(whole) >= 3
    for number, page in enumerate(whole, start=1):
        rest = pages(erp.connect(page_size=3), name, since, erp.now(), json.loads(json.dumps(page.position)))
        assert set(names(rest)) >= set(names(whole[number:])) and gone(rest) >= gone(whole[number:])


# ---- time

def test_the_hour_that_comes_twice_is_read_whole(tmp_path: Path) -> None:
    """01:10 UTC is 02:10 on a wall that showed 02:50 twenty minutes before."""
    before, after = datetime(2026, 10, 25, 0, 50, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    with site(tmp_path, at=before) as erp:
        (first,) = erp.create("Item")
        erp.pass_time(minutes=20)
        (second,) = erp.create("Item")
        windows = {(before, before + timedelta(minutes=1)): first, (after, after + timedelta(minutes=1)): second}
        for (start, end), expected in windows.items():
            assert expected in names(pages(erp.connect(), "items", start, end))


def test_a_wrong_time_zone_is_named_with_the_right_one(erp: Running) -> None:
    with pytest.raises(Misconfigured, match=r"the site's time zone is Europe/Berlin, not Asia/Kolkata — set time_zone = \"Europe/Berlin\""):
        pages(erp.connect(time_zone="Asia/Kolkata"), "items")


def test_another_name_of_the_same_zone_is_the_same(tmp_path: Path) -> None:
    with site(tmp_path, zone="Asia/Calcutta") as erp:
        assert "Asia/Kolkata" in erp.connect(time_zone="Asia/Kolkata").check()


# ---- what is gone, and what changes without a stamp

def test_deleted_documents_become_tombstones(erp: Running) -> None:
    made = erp.create("Customer", 3)
    erp.pass_time(days=1)
    erp.delete("Customer", made[0])
    erp.pass_time(hours=1)
    assert gone(night(erp, "customers", NOW)) == {made[0]}
    assert gone(night(erp, "items", NOW)) == set()


def test_a_name_that_was_given_again_is_no_tombstone(erp: Running) -> None:
    (name,) = erp.create("Customer")
    erp.pass_time(days=1)
    erp.delete("Customer", name)
    sites.insert(erp.site, "Customer", name, {"territory": "APAC"}, at=erp.site.now())
    erp.pass_time(hours=1)
    found = night(erp, "customers", NOW)
    assert gone(found) == set() and names(found) == [name]


def test_a_renamed_document_is_found_by_its_comment_although_no_stamp_moved(erp: Running) -> None:
    (old,) = erp.create("Customer")
    erp.pass_time(days=1)
    erp.rename("Customer", old, "Lampen & Öfen <GmbH>")
    erp.pass_time(hours=1)
    found = night(erp, "customers", NOW)
    assert names(found) == ["Lampen & Öfen <GmbH>"] and gone(found) == {old}


def test_what_names_a_renamed_document_is_read_again(erp: Running) -> None:
    erp.create("Customer", 2)
    erp.create("Item", 2)
    by_customer, by_row, untouched = erp.order(1, customer="CUS-00001"), erp.order(1, customer="C9", item="ITE-00002"), erp.order(1, customer="C9")
    erp.pass_time(days=1)
    erp.rename("Customer", "CUS-00001", "New")
    erp.rename("Item", "ITE-00002", "LMP-2")
    erp.pass_time(hours=1)
    found = {record["name"]: record for page in night(erp, "sales_orders", NOW + LAG * 2) for record in page.records}
    assert found.keys() == {by_customer, by_row} and untouched not in found
    assert found[by_customer]["customer"] == "New" and found[by_row]["items"][0]["item_code"] == "LMP-2"
    assert found[by_row]["modified"] == "2026-11-01 03:30:00"


def test_a_document_whose_row_was_saved_alone_is_read_again(erp: Running) -> None:
    order, _ = erp.order(1, 2), erp.order(5)
    erp.pass_time(days=1)
    sites.save_row(erp.site, "Sales Order", order, "items", 1, {"delivered_qty": 2.0}, at=erp.site.now())
    erp.pass_time(hours=1)
    ((record,),) = [page.records for page in night(erp, "sales_orders", NOW + LAG * 2) if page.records]
    assert record["name"] == order and [row.get("delivered_qty") for row in record["items"]] == [None, 2.0]


def test_what_was_deleted_behind_the_frameworks_back_is_missed_by_the_weekly_comparison_of_names(erp: Running) -> None:
    kept, erased = erp.create("Sales Order", 2)
    sites.erase(erp.site, "Sales Order", erased)
    erp.pass_time(days=1)
    assert gone(night(erp, "sales_orders", NOW)) == set()        # nothing tells
    assert list(erp.connect().keys(BY_NAME["sales_orders"])) == [kept] and BY_NAME["sales_orders"].sweep_every == 7


def test_cancelled_and_amended_orders_stay(erp: Running) -> None:
    order = erp.order(1)
    sites.submit(erp.site, "Sales Order", order, at=erp.site.now())
    sites.cancel(erp.site, "Sales Order", order, at=erp.site.now())
    amended = erp.order(2, amended_from=order)
    found = {record["name"]: (record["docstatus"], record["amended_from"]) for page in pages(erp.connect(), "sales_orders") for record in page.records}
    assert found == {order: (2, None), amended: (0, order)}


def test_only_the_history_that_matters_is_read(erp: Running) -> None:
    order, customer = erp.order(1), erp.create("Customer")[0]
    erp.save("Sales Order", order, status="On Hold")
    erp.save("Customer", customer, disabled=1)
    (record,) = [record for page in pages(erp.connect(), "versions") for record in page.records]
    assert record["docname"] == order and json.loads(record["data"])["changed"] == [["status", None, "On Hold"]]


def test_of_what_was_said_the_messages_about_issues_are_read_and_a_renamed_issue_brings_its_own_again(erp: Running) -> None:
    issue, order = erp.create("Issue", status="Replied")[0], erp.order(1)
    message = {"sent_or_received": "Received", "communication_medium": "Email"}
    sites.communicate(erp.site, issue, {**message, "sender": "mia@example.org"}, at=erp.site.now())
    erp.create("Communication", reference_doctype="Sales Order", reference_name=order, communication_type="Communication")
    erp.create("Communication", reference_doctype="Issue", reference_name=issue, communication_type="Comment")
    (said,) = [record for page in pages(erp.connect(), "communications") for record in page.records]
    assert (said["reference_name"], said["sent_or_received"]) == (issue, "Received")
    erp.pass_time(days=1)
    since = erp.now()
    erp.rename("Issue", issue, "ISS-NEW")
    (said,) = [record for page in pages(erp.connect(), "communications", since) for record in page.records]
    assert said["reference_name"] == "ISS-NEW"


def test_who_answers_is_one_of_us_and_who_asks_is_hashed() -> None:
    def landed(stream: str, **record: Any) -> Any:
        return guard("erp", BY_NAME[stream], Policy(choices={}, key="k" * 40, own_domains=frozenset())).record({"name": "x", **record})

    assert landed("communications", sent_or_received="Sent", sender="ann@firm.example", content="Dear Mia")["sender"] == "ann@firm.example"
    asked = landed("communications", sent_or_received="Received", sender="mia@example.org", sender_full_name="Mia Lund", content="Where is it? Mia")
    assert not [word for word in ("mia@", "Mia", "Lund") if word in str(asked)]
    issue = landed("issues", _assign='["ann@firm.example"]', raised_by="mia@example.org", priority="High", custom_team="Support")
    assert issue["_assign"] == '["ann@firm.example"]' and issue["custom_team"] == "Support" and "mia@" not in str(issue)


# ---- refusals

def test_a_doctype_that_may_not_be_read_is_said_plainly_and_the_others_are_read(tmp_path: Path) -> None:
    with site(tmp_path, forbidden=["Sales Order"]) as erp:
        erp.order(1)
        made = erp.create("Customer")
        with pytest.raises(Refused) as refused:
            pages(erp.connect(), "sales_orders")
        assert "403 for Sales Order: User <an address> does not have doctype access via role permission" in str(refused.value)
        assert "give the key's user a role that may read Sales Order" in str(refused.value) and "Traceback" not in str(refused.value)
        assert names(pages(erp.connect(), "customers")) == made


@pytest.mark.parametrize("forbidden", ["Deleted Document", "Comment"])
def test_without_the_lists_that_tell_of_silent_changes_nothing_is_read_silently(tmp_path: Path, forbidden: str) -> None:
    with site(tmp_path, forbidden=[forbidden]) as erp, pytest.raises(Refused, match=f"403 for {forbidden}"):
        night(erp, "customers", NOW)


def test_a_wrong_key_is_refused_and_not_shown(erp: Running) -> None:
    connector = erp.connect(secrets={"key": "4d1f0c2b71", "secret": "not-the-secret"})
    with pytest.raises(Refused, match="Generate Keys") as refused:
        connector.check()
    assert "not-the-secret" not in str(refused.value) and "not-the-secret" not in repr(connector._rest)


def test_check_names_the_user_and_the_zone(erp: Running) -> None:
    assert erp.connect().check() == f"ERPNext at {erp.url} as meridian@lantern-oak.example, time zone Europe/Berlin"


def test_used_up_time_is_waited_for_as_long_as_the_site_says(tmp_path: Path) -> None:
    with site(tmp_path, requests_per_minute=3) as erp:
        erp.create("Customer", 9)
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            erp.api.limit.forget()

        assert len(names(pages(erp.connect(page_size=2, sleep=sleep), "customers"))) == 9
        assert waits and all(50 < wait < 62 for wait in waits)
        with pytest.raises(QuotaExhausted):
            pages(erp.connect(page_size=2), "customers")


def test_a_missing_doctype_is_named(erp: Running) -> None:
    connector = erp.connect()
    with pytest.raises(Misconfigured, match="404 for Prophecy: DocType Prophecy not found — this site has no such doctype"):
        connector._ask("Prophecy", [], ["*"], "name asc", 5, "items")


@pytest.mark.parametrize(("body", "said"), [
    ({"_server_messages": json.dumps([json.dumps({"message": "Not <b>allowed</b> &amp; gone"}), "plain"])}, "Not allowed & gone; plain"),
    ({"_error_message": "Insufficient Permission for <strong>Bin</strong>", "exc": "[\"Traceback secret\"]"}, "Insufficient Permission for Bin"),
    ({"exception": "frappe.exceptions.PermissionError", "exc_type": "PermissionError"}, "frappe.exceptions.PermissionError"),
    ({"_server_messages": "not JSON", "exc_type": "DataError"}, "DataError"), ([], "no reason given"), ({}, "no reason given"),
])
def test_the_words_of_an_error_are_found_wherever_they_stand(body: Any, said: str) -> None:
    assert words(body) == said


# ---- answers that cannot be right

def faulty(faults: FaultServer, *rows: Any) -> erpnext.Erpnext:
    """A site that answers every list with these rows."""
    def answer(asked: Asked) -> Fault:
        if "get_time_zone" in asked.path:
            return good({"message": {"time_zone": "Europe/Berlin"}})
        return good({"data": list(rows), "message": list(rows)})

    faults.otherwise = answer
    return erpnext.connect("erp", {"url": faults.url, "time_zone": "Europe/Berlin", "page_size": 2}, secrets=SECRETS, sleep=lambda seconds: None)


def one(name: str, modified: str = "2026-11-01 00:00:00", **values: Any) -> dict[str, Any]:
    return {"name": name, "modified": modified, **values}


@pytest.mark.parametrize(("rows", "error", "words"), [
    ([one("B", "2026-11-02 00:00:00"), one("A")], UnexpectedShape, "not in the order"),
    ([one("A"), one("B"), one("C")], UnexpectedShape, "another question"),
    ([{"modified": "2026-11-01 00:00:00"}], UnexpectedShape, "no list of documents"),
    ([one("A"), one("B")], PageLoop, "already read"),
])
def test_an_answer_that_cannot_be_right_is_not_believed(faults: FaultServer, rows: list[Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pages(faulty(faults, *rows), "items")


def test_an_answer_to_another_question_is_not_believed(faults: FaultServer) -> None:
    with pytest.raises(UnexpectedShape, match="another question"):
        pages(faulty(faults, one("V1", ref_doctype="Blog Post")), "versions")
    with pytest.raises(UnexpectedShape, match="another question"):
        pages(faulty(faults, one("V1")), "versions")


# ---- options

@pytest.mark.parametrize(("options", "message"), [
    ({"page_sise": 5}, "unknown option page_sise"), ({"page_size": 1}, "page_size is 1"), ({"page_size": True}, "page_size is True"),
    ({"without": ["orders"]}, "without is"), ({"without": "items"}, "without is"), ({"url": ""}, "'url' is missing"), ({"url": "ftp://x"}, "not an http"),
    ({"time_zone": ""}, "'time_zone' is missing"), ({"time_zone": "Berlin"}, "time_zone is 'Berlin'"),
])
def test_options_that_cannot_work_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        erpnext.connect("erp", {"url": "https://erp.example.com", "time_zone": "Europe/Berlin", **options}, secrets=SECRETS)


def test_a_missing_key_says_where_to_make_one() -> None:
    with pytest.raises(Misconfigured, match="Generate Keys"):
        erpnext.connect("erp", {"url": "https://erp.example.com", "time_zone": "UTC"}, secrets={"key": "x"})


def test_streams_that_may_not_be_read_can_be_left_out(erp: Running) -> None:
    assert {stream.name for stream in erp.connect(without=["issues", "leads"]).streams()} == ASKED.keys() - {"issues", "leads"}
