"""The stand-in follows the vendor's documented rules, and holds the sandbox company's customers and leads."""

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
from sandbox.hubspot import load as loading
from sandbox.hubspot import portal as portals
from tests.sandbox.hubspot.crm import NOW, TOKEN, Running, account


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Running]:
    with account(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


def ask(crm: Running, method: str, path: str, body: Any = None, *, token: str = TOKEN, **query: Any) -> requests.Response:
    return requests.request(method, f"{crm.url}/{path}", params=query, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def found(crm: Running, of: str, *filters: tuple[str, str, Any], **more: Any) -> Any:
    question = {"filterGroups": [{"filters": [{"propertyName": name, "operator": operator, "value": value} for name, operator, value in filters]}], **more}
    return ask(crm, "POST", f"crm/v3/objects/{of}/search", question)


# ---- who may call, and how often

def test_only_the_private_apps_token_gets_in(crm: Running) -> None:
    answer = ask(crm, "GET", "crm/v3/owners", token="pat-eu1-other")
    assert answer.status_code == 401 and answer.json()["category"] == "INVALID_AUTHENTICATION"


def test_lists_and_searches_have_limits_of_their_own_that_name_their_policy(tmp_path: Path) -> None:
    with account(tmp_path, requests_per_ten_seconds=2, searches_per_second=2) as crm:
        for _ in range(2):
            assert found(crm, "deals").status_code == 200
        refused = found(crm, "deals")
        assert refused.status_code == 429 and refused.json()["policyName"] == "SECONDLY" and "Retry-After" not in refused.headers
        told = ask(crm, "GET", "crm/v3/owners").headers
        assert told["X-HubSpot-RateLimit-Max"] == "2" and told["X-HubSpot-RateLimit-Remaining"] == "1"
        assert ask(crm, "GET", "crm/v3/owners").status_code == 200
        assert ask(crm, "GET", "crm/v3/owners").json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_answers_of_the_search_say_nothing_of_limits(crm: Running) -> None:
    assert not [name for name in found(crm, "deals").headers if name.startswith("X-HubSpot-RateLimit")]


def test_a_used_up_day_is_told_by_its_policy(tmp_path: Path) -> None:
    with account(tmp_path, requests_per_day=1) as crm:
        assert ask(crm, "GET", "crm/v3/owners").status_code == 200
        assert ask(crm, "GET", "crm/v3/owners").json()["policyName"] == "DAILY"


# ---- how much one may ask for

@pytest.mark.parametrize(("path", "body", "words"), [
    ("crm/v3/objects/deals/search", {"limit": 201}, "limit must be 1 to 200"),
    ("crm/v3/objects/deals/search", {"limit": 200, "after": "9900"}, "beyond 10,000"),
    ("crm/v3/objects/deals/search", {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "EQ", "value": "1"}] * 7}]}, "too many"),
    ("crm/v3/objects/deals/search", {"filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "EQ", "value": "1"}]}]}, "no_such"),
    ("crm/v3/objects/deals/batch/read", {"inputs": [{"id": "1"}] * 101, "properties": []}, "is 100"),
    ("crm/v3/objects/deals/batch/read", {"inputs": [{"id": "1"}] * 51, "propertiesWithHistory": ["dealstage"]}, "property histories is 50"),
    ("crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": "1"}] * 1001}, "1000 inputs"),
])
def test_too_much_in_one_request_is_refused(crm: Running, path: str, body: Any, words: str) -> None:
    answer = ask(crm, "POST", path, body)
    assert answer.status_code == 400 and words in answer.json()["message"]


def test_a_list_with_histories_holds_fifty_and_a_url_is_not_endless(crm: Running) -> None:
    assert ask(crm, "GET", "crm/v3/objects/deals", limit=100).status_code == 200
    assert ask(crm, "GET", "crm/v3/objects/deals", limit=51, propertiesWithHistory="dealstage").status_code == 400
    assert ask(crm, "GET", "crm/v3/objects/deals", properties=",".join(["a_property"] * 2000)).status_code == 414


# ---- what is shown, and when

def test_the_search_knows_a_change_only_after_a_while_and_shows_the_old_state_until_then(crm: Running) -> None:
    (company,) = crm.create("companies", name="Old")
    assert found(crm, "companies").json()["total"] == 0
    crm.pass_time(seconds=10)
    assert found(crm, "companies").json()["total"] == 1
    crm.update("companies", company, name="New")
    (shown,) = found(crm, "companies", properties=["name"]).json()["results"]
    assert shown["properties"]["name"] == "Old"
    assert ask(crm, "GET", f"crm/v3/objects/companies/{company}", properties="name").json()["properties"]["name"] == "New"


def test_a_search_compares_stamps_as_instants_and_ids_as_numbers(crm: Running) -> None:
    early = portals.create(crm.portal, "contacts", {}, at=crm.portal.now(), identity=9)
    crm.pass_time(seconds=1)
    late = portals.create(crm.portal, "contacts", {}, at=crm.portal.now(), identity=10)
    crm.pass_time(minutes=1)
    stamp = round((NOW + timedelta(seconds=1)).timestamp() * 1000)
    assert [record["id"] for record in found(crm, "contacts", ("lastmodifieddate", "GTE", stamp)).json()["results"]] == [str(late)]
    assert [record["id"] for record in found(crm, "contacts", ("lastmodifieddate", "LT", stamp)).json()["results"]] == [str(early)]
    by_id = found(crm, "contacts", ("hs_object_id", "GT", "9"), sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}]).json()
    assert [record["id"] for record in by_id["results"]] == ["10"]


def test_the_archived_are_listed_apart_and_found_by_nobody(crm: Running) -> None:
    kept, binned = crm.create("contacts", 2)
    crm.archive("contacts", binned)
    crm.pass_time(minutes=1)
    assert [record["id"] for record in ask(crm, "GET", "crm/v3/objects/contacts").json()["results"]] == [str(kept)]
    (archived,) = ask(crm, "GET", "crm/v3/objects/contacts", archived="true").json()["results"]
    assert archived["id"] == str(binned) and archived["archivedAt"]
    assert found(crm, "contacts").json()["total"] == 1
    answer = ask(crm, "POST", "crm/v3/objects/contacts/batch/read", {"inputs": [{"id": str(kept)}, {"id": str(binned)}], "properties": []})
    assert answer.status_code == 207 and answer.json()["errors"][0]["context"]["ids"] == [str(binned)]


def test_a_merge_makes_a_new_record_that_answers_to_the_old_ids_and_inherits_their_partners(crm: Running) -> None:
    (first, second), (company, other) = crm.create("contacts", 2), crm.create("companies", 2)
    deal = crm.deal()
    portals.associate(crm.portal, "contacts", second, "companies", company)
    portals.associate(crm.portal, "deals", deal, "contacts", first)
    merged = portals.merge(crm.portal, "contacts", first, second, at=crm.portal.now())
    answer = ask(crm, "GET", f"crm/v3/objects/contacts/{second}", properties="hs_merged_object_ids").json()
    assert answer["id"] == str(merged) and answer["properties"]["hs_merged_object_ids"] == f"{second};{first}"
    assert [one["toObjectId"] for one in portals.associations(crm.portal, "contacts", merged, "companies")] == [company]
    assert [one["toObjectId"] for one in portals.associations(crm.portal, "deals", deal, "contacts")] == [merged]
    assert crm.portal.state.get("companies", other) is not None


def test_records_without_partners_are_errors_beside_those_with(crm: Running) -> None:
    deal, lonely, (person,) = crm.deal(), crm.deal(), crm.create("contacts")
    portals.associate(crm.portal, "deals", deal, "contacts", person)
    answer = ask(crm, "POST", "crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": str(deal)}, {"id": str(lonely)}]})
    assert answer.status_code == 207 and [result["from"]["id"] for result in answer.json()["results"]] == [str(deal)]
    assert answer.json()["errors"][0]["context"] == {"fromObjectId": [str(lonely)]}


# ---- the company in it

def test_a_lead_is_won_when_its_order_is_confirmed(crm: Running, plan: Plan) -> None:
    loading.load(plan, crm.portal)
    lead = next(lead for lead in plan.leads if lead.stages[-1][0] == "won")
    order = next(order for order in plan.orders if order.number == lead.order)
    deal = crm.portal.state.get("deals", loading.DEALS + int(lead.number[1:]))
    assert deal is not None and order.confirmed_at is not None
    assert [entry["value"] for entry in reversed(deal["history"]["dealstage"])] == ["appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon"]
    assert deal["history"]["dealstage"][0]["timestamp"] == portals.iso(int(order.confirmed_at.timestamp() * 1000))


def test_days_lived_leave_what_a_load_of_the_longer_story_holds_less_what_was_thrown_away(tmp_path: Path, plan: Plan) -> None:
    with account(tmp_path / "lived") as lived, account(tmp_path / "loaded") as loaded:
        loading.load(plan, lived.portal)
        changed, thrown = 0, set()
        for _ in range(3):
            day = next_day(plan, plan.ends_on + timedelta(days=1))
            changed += loading.live_day(plan, day.after, day.deleted["leads"], lived.portal)["leads"]
            thrown |= {loading.DEALS + int(number[1:]) for number in day.deleted["leads"]}
            plan = day.after
        loading.load(plan, loaded.portal)
        assert changed and thrown
        for of in ("contacts", "companies", "deals", "owners", "campaigns", "deals/companies", "deals/contacts", "contacts/companies"):
            gone = thrown if of.startswith("deals") else set()
            mine, theirs = ({item["id"]: item for item in crm.portal.state.items(of) if item["id"] not in gone} for crm in (lived, loaded))
            assert mine == theirs, of
        assert {item["id"] for item in lived.portal.state.items("deals", where=lambda item: item["archived"])} == thrown


def test_from_the_command_line_it_loads_starts_lives_a_day_and_stops(tmp_path: Path) -> None:
    def run(*verb: str) -> str:
        done = subprocess.run([sys.executable, "-m", "sandbox.hubspot", verb[0], "--home", str(tmp_path), *verb[1:]], capture_output=True, text=True, check=True)
        return done.stdout

    assert "369 deals" in run("load")
    try:
        run("start", "--clock", "2026-11-01T02:30:00+00:00")
        facts = json.loads((tmp_path / "hubspot.json").read_text())
        secrets = tmp_path / "secrets.env"
        assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
        token = secrets.read_text().strip().partition("=")[2]
        answer = requests.get(f"{facts['url']}/account-info/v3/details", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert answer.json()["portalId"] == 62515 and facts["token_env"] == "HUBSPOT_TOKEN"
        assert json.loads(run("day"))["day"] == "2026-11-01"
    finally:
        assert run("stop").strip() == "stopped"
