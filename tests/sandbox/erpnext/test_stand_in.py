"""The stand-in follows the framework's rules, and holds the sandbox company's orders, purchases and leads."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.company.plan import Plan
from sandbox.company.story import next_day, write_plan
from sandbox.erpnext import load as loading
from sandbox.erpnext import site as sites
from tests.sandbox.erpnext.erp import SECRETS, Running, site

TOKEN = f"token {SECRETS['key']}:{SECRETS['secret']}"


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Running]:
    with site(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Iterator[Running]:
    with site(tmp_path_factory.mktemp("company")) as running:
        loading.load(plan, running.site)
        yield running


def ask(erp: Running, path: str, *, token: str | None = TOKEN, **query: Any) -> requests.Response:
    params = {name: value if isinstance(value, str | int) else json.dumps(value) for name, value in query.items()}
    return requests.get(f"{erp.url}/{path}", params=params, headers={"Authorization": token} if token else {}, timeout=10)


def listed(erp: Running, doctype: str, **query: Any) -> list[Any]:
    answer = ask(erp, f"api/resource/{doctype}", **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


# ---- who may read what, and how often

def test_a_wrong_key_is_401_and_no_key_is_a_guest_who_may_read_no_documents(erp: Running) -> None:
    refused = ask(erp, "api/resource/Customer", token="token a:b")
    assert refused.status_code == 401 and refused.json()["exc_type"] == "AuthenticationError"
    assert ask(erp, "api/resource/Customer", token=None).json()["exc_type"] == "PermissionError"
    assert ask(erp, "api/method/frappe.client.get_time_zone", token=None).json() == {"message": {"time_zone": "Europe/Berlin"}}


def test_an_error_says_its_reason_as_json_in_a_text_in_json(tmp_path: Path) -> None:
    with site(tmp_path, forbidden=["Item"]) as erp:
        answer = ask(erp, "api/resource/Item")
    assert answer.status_code == 403
    (message,) = json.loads(answer.json()["_server_messages"])
    assert "does not have doctype access" in json.loads(message)["message"]
    assert "Traceback" in json.loads(answer.json()["exc"])[0]


def test_rows_are_read_only_with_the_doctype_that_they_stand_in(tmp_path: Path) -> None:
    with site(tmp_path, forbidden=["Purchase Order"]) as erp:
        erp.order(1, 2)
        for query in ({}, {"parent": "Customer"}, {"parent": "Delivery Note"}):
            assert ask(erp, "api/resource/Sales Order Item", **query).status_code == 403
        assert len(listed(erp, "Sales Order Item", parent="Sales Order")) == 2
        assert ask(erp, "api/resource/Purchase Order Item", parent="Purchase Order").status_code == 403


def test_a_site_that_worked_enough_for_us_says_until_when_to_stay_away(tmp_path: Path) -> None:
    with site(tmp_path, requests_per_minute=1) as erp:
        assert ask(erp, "api/resource/Item").headers["X-RateLimit-Remaining"] == "0"
        refused = ask(erp, "api/resource/Item")
    assert refused.status_code == 429 and 50 < int(refused.headers["Retry-After"]) <= 60


# ---- lists

def test_a_list_has_twenty_names_the_latest_first_unless_more_is_asked_for(erp: Running) -> None:
    erp.create("Customer", 24)
    erp.pass_time(seconds=1)
    (late,) = erp.create("Customer")
    assert listed(erp, "Customer")[0] == {"name": late} and len(listed(erp, "Customer")) == 20
    assert len(listed(erp, "Customer", limit_page_length=0)) == 25 and len(listed(erp, "Customer", limit_page_length=3, limit_start=23)) == 2


def test_filters_are_joined_by_and(erp: Running) -> None:
    erp.create("Customer", territory="EMEA")
    erp.create("Customer", territory="APAC")
    assert listed(erp, "Customer", filters=[["territory", "=", "EMEA"], ["name", ">", "CUS-00001"]]) == []
    assert listed(erp, "Customer", filters={"territory": "APAC"}) == [{"name": "CUS-00002"}]
    assert [one["name"] for one in listed(erp, "Customer", filters=[["Customer", "name", "in", ["CUS-00002", "nobody"]]])] == ["CUS-00002"]


@pytest.mark.parametrize("query", [{"fields": ["no_such"]}, {"filters": [["no_such", "=", "1"]]}, {"order_by": "no_such asc"}])
def test_an_unknown_column_is_an_error_of_the_database(erp: Running, query: Any) -> None:
    assert "Unknown column" in ask(erp, "api/resource/Customer", **query).json()["exception"]


def test_what_is_no_list_of_columns_is_no_order(erp: Running) -> None:
    assert ask(erp, "api/resource/Customer", order_by="name; drop table x").status_code == 417


def test_lists_hold_no_rows_and_the_document_does(erp: Running) -> None:
    order = erp.order(1, 2)
    assert "items" not in listed(erp, "Sales Order", fields=["*"])[0]
    assert [row["idx"] for row in ask(erp, f"api/resource/Sales Order/{order}").json()["data"]["items"]] == [1, 2]


def test_ties_have_no_order_unless_the_name_gives_one(erp: Running) -> None:
    made = erp.create("Customer", 12)
    by_name = listed(erp, "Customer", order_by="modified asc, name asc", limit_page_length=50)
    assert [one["name"] for one in by_name] == made
    assert [one["name"] for one in listed(erp, "Customer", order_by="modified asc", limit_page_length=50)] != made


# ---- what documents leave behind

def test_a_stamp_is_the_sites_wall_clock_without_an_offset(erp: Running) -> None:
    erp.create("Customer")
    assert listed(erp, "Customer", fields=["modified"]) == [{"modified": "2026-11-01 03:30:00"}]


def test_a_history_shows_dates_as_people_see_them(erp: Running) -> None:
    order = erp.order(1, delivery_date="2026-11-03")
    sites.submit(erp.site, "Sales Order", order, at=erp.site.now(), delivery_date="2026-11-05")
    (version,) = listed(erp, "Version", fields=["docname", "data"])
    assert json.loads(version["data"])["changed"] == [["delivery_date", "03-11-2026", "05-11-2026"], ["docstatus", 0, 1]]


def test_renaming_moves_no_stamp_and_takes_links_rows_and_history_along(erp: Running) -> None:
    erp.create("Customer")
    order = erp.order(1, customer="CUS-00001")
    erp.save("Sales Order", order, status="On Hold")
    erp.pass_time(days=1)
    erp.rename("Customer", "CUS-00001", "New")
    erp.rename("Sales Order", order, "SO-NEW")
    shown = ask(erp, "api/resource/Sales Order/SO-NEW").json()["data"]
    assert (shown["customer"], shown["modified"], shown["items"][0]["parent"]) == ("New", "2026-11-01 03:30:00", "SO-NEW")
    assert listed(erp, "Version", fields=["docname"]) == [{"docname": "SO-NEW"}]
    comments = listed(erp, "Comment", fields=["reference_name", "content"], order_by="reference_name asc")
    assert comments[1] == {"reference_name": "SO-NEW", "content": f"renamed from <strong>{order}</strong> to <strong>SO-NEW</strong>"}


def test_deleting_leaves_a_deleted_document_and_no_history(erp: Running) -> None:
    order = erp.order(1)
    erp.save("Sales Order", order, status="On Hold")
    erp.delete("Sales Order", order)
    assert listed(erp, "Sales Order") == listed(erp, "Version") == []
    (gone,) = listed(erp, "Deleted Document", fields=["deleted_doctype", "deleted_name", "restored"])
    assert gone == {"deleted_doctype": "Sales Order", "deleted_name": order, "restored": 0}


def test_a_message_that_comes_in_opens_an_issue_without_a_version_and_the_first_that_goes_out_answers_it(erp: Running) -> None:
    (issue,) = erp.create("Issue", status="Open")
    erp.save("Issue", issue, status="Resolved")
    erp.pass_time(hours=1)
    sites.communicate(erp.site, issue, {"sent_or_received": "Received"}, at=erp.site.now())
    erp.pass_time(hours=1)
    for _ in range(2):
        sites.communicate(erp.site, issue, {"sent_or_received": "Sent"}, at=erp.site.now())
        erp.pass_time(hours=1)
    sites.assign(erp.site, "Issue", issue, "ann@firm.example", at=erp.site.now())
    (shown,) = listed(erp, "Issue", fields=["status", "first_responded_on", "modified", "_assign"])
    assert shown == {"status": "Open", "first_responded_on": "2026-11-01 05:30:00", "modified": "2026-11-01 06:30:00", "_assign": '["ann@firm.example"]'}
    assert len(listed(erp, "Version")) == 1
    erp.delete("Issue", issue)
    assert {one["reference_name"] for one in listed(erp, "Communication", fields=["reference_name"])} == {None}


# ---- the company in it

def test_a_parcel_is_a_note_that_is_submitted_when_it_is_sent(company: Running, plan: Plan) -> None:
    order = next(order for order in plan.orders if len(order.shipments) == 2 and all(parcel.delivered_at for parcel in order.shipments))
    note = sites.get(company.site, "Delivery Note", f"DN-{order.number}-1")
    assert (note["docstatus"], note["workflow_state"], note["transporter_name"]) == (1, "Delivered", order.shipments[0].carrier)
    sent = [item for item in company.site.state.matching("Version", "docname", note["name"]) if ["docstatus", 0, 1] in json.loads(item["data"])["changed"]]
    assert [item["creation"] for item in sent] == [company.site.wall(order.shipments[0].shipped_at)]   # type: ignore[arg-type]
    assert company.site.state.count("Sales Order") == len(plan.orders)


def test_a_day_more_is_what_the_longer_plan_would_have_loaded(tmp_path: Path, company: Running, plan: Plan) -> None:
    day = next_day(plan, plan.ends_on + timedelta(days=1))
    done = loading.live_day(plan, day, company.site)
    gone = {number for numbers in day.deleted.values() for number in numbers}
    with site(tmp_path) as loaded:
        loading.load(day.after, loaded.site)
        for doctype in ("Customer", "Sales Order", "Delivery Note", "Sales Invoice", "Purchase Receipt", "Opportunity"):
            ours = {one["name"]: one for one in sites.documents(company.site, doctype)}
            theirs = {one["name"]: one for one in sites.documents(loaded.site, doctype) if one["name"] not in gone}
            assert ours == theirs, doctype
    assert done["steps"] > 20


def test_the_command_loads_serves_and_lives_a_day(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        return subprocess.run([sys.executable, "-m", "sandbox.erpnext", *arguments, "--home", str(tmp_path)], capture_output=True, text=True, check=True).stdout

    assert "2494 Sales Order" in run("load")
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    run("start")
    try:
        facts = json.loads((tmp_path / "erpnext.json").read_text())
        keys = dict(line.split("=", 1) for line in (tmp_path / "secrets.env").read_text().splitlines())
        answer = requests.get(f"{facts['url']}/api/resource/Sales Order", timeout=10,
                              headers={"Authorization": f"token {keys[facts['key_env']]}:{keys[facts['secret_env']]}"})
        assert len(answer.json()["data"]) == 20
        assert json.loads(run("day"))["steps"] > 20
    finally:
        run("stop")
