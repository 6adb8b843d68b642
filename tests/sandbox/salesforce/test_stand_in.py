"""The stand-in follows the vendor's documented rules, and holds the sandbox company's customers, leads and cases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sandbox.company.story import next_day, write_plan
from sandbox.salesforce import load as loading
from sandbox.salesforce import org as orgs
from sandbox.salesforce.rules import is_signed
from sandbox.salesforce.soql import LONGEST
from tests.sandbox.salesforce.crm import APP, NOW, Running, account, private_key


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Running]:
    with account(tmp_path) as running:
        yield running


def ask(crm: Running, method: str, path: str, body: Any = None, *, token: str = "", **query: Any) -> requests.Response:
    if not token:
        form = {"grant_type": "refresh_token", "client_id": APP.client_id, "client_secret": APP.client_secret, "refresh_token": APP.refresh_token}
        token = requests.post(f"{crm.url}/services/oauth2/token", data=form, timeout=10).json()["access_token"]
    return requests.request(method, f"{crm.url}/services/data/v62.0/{path}", params=query, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_only_a_valid_session_gets_in_and_every_answer_counts_the_day(tmp_path: Path) -> None:
    with account(tmp_path, requests_per_day=2) as crm:
        assert code(ask(crm, "GET", "query", token="made-up")) == (401, "INVALID_SESSION_ID")
        assert ask(crm, "GET", "sobjects/Lead/describe").headers["Sforce-Limit-Info"] == "api-usage=1/2"
        assert ask(crm, "GET", "sobjects/Lead/describe").headers["Sforce-Limit-Info"] == "api-usage=2/2"
        assert code(ask(crm, "GET", "sobjects/Lead/describe")) == (403, "REQUEST_LIMIT_EXCEEDED")


@pytest.mark.parametrize(("wrong", "error"), [({"client_secret": "x"}, "invalid_client"), ({"refresh_token": "x"}, "invalid_grant"),
                                              ({"grant_type": "password"}, "unsupported_grant_type")])
def test_a_token_is_given_to_the_app_alone(crm: Running, wrong: dict[str, str], error: str) -> None:
    form = {"grant_type": "refresh_token", "client_id": APP.client_id, "client_secret": APP.client_secret, "refresh_token": APP.refresh_token, **wrong}
    answer = requests.post(f"{crm.url}/services/oauth2/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_signature_is_checked_by_the_standard_library_as_the_signer_made_it() -> None:
    numbers = private_key().public_key().public_numbers()
    signature = private_key().sign(b"claims", padding.PKCS1v15(), hashes.SHA256())
    assert is_signed(b"claims", signature, (numbers.n, numbers.e))
    assert not is_signed(b"other claims", signature, (numbers.n, numbers.e))


@pytest.mark.parametrize(("statement", "expected"), [
    ("SELECT Id, Nothing FROM Lead", "INVALID_FIELD"), ("SELECT Id FROM Nothing", "INVALID_TYPE"), ("SELECT * FROM Lead LIMIT", "MALFORMED_QUERY"),
    ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'", "MALFORMED_QUERY"), ("SELECT Id FROM Lead WHERE Id > 00Q", "MALFORMED_QUERY"),
])
def test_statements_that_are_wrong_are_refused_by_name(crm: Running, statement: str, expected: str) -> None:
    assert code(ask(crm, "GET", "query", q=statement)) == (400, expected)


def test_neither_addresses_nor_statements_may_be_too_long(crm: Running) -> None:
    assert ask(crm, "GET", "query", q="SELECT Id FROM Lead WHERE Name != '" + "x" * 17_000 + "'").status_code == 414
    with pytest.raises(Exception, match="400"):
        crm.api.query({"q": "SELECT Id FROM Lead WHERE Name != '" + "x" * LONGEST + "'"}, "62.0", "query")


def test_a_query_is_paged_by_a_locator_that_lives_two_days_and_shows_what_is_there_then(tmp_path: Path) -> None:
    with account(tmp_path, page=2) as crm:
        first, second, third, fourth = crm.create("Lead", 4, LastName="Before")
        answer = ask(crm, "GET", "query", q="SELECT Id, LastName FROM Lead ORDER BY Id").json()
        assert (answer["totalSize"], answer["done"], [one["Id"] for one in answer["records"]]) == (4, False, [first, second])
        crm.update("Lead", third, LastName="After")
        crm.delete("Lead", fourth)
        path = answer["nextRecordsUrl"].removeprefix("/services/data/v62.0/")
        answer = ask(crm, "GET", path).json()
        assert (answer["done"], [(one["Id"], one["LastName"]) for one in answer["records"]]) == (True, [(third, "After")])
        crm.pass_time(days=2)
        assert code(ask(crm, "GET", path)) == (400, "INVALID_QUERY_LOCATOR")


def test_deleting_moves_the_stamp_and_only_query_all_shows_the_bin(crm: Running) -> None:
    (lead,) = crm.create("Lead")
    crm.pass_time(hours=1)
    crm.delete("Lead", lead)
    assert ask(crm, "GET", "query", q="SELECT Id FROM Lead").json()["records"] == []
    (binned,) = ask(crm, "GET", "queryAll", q="SELECT Id, IsDeleted, SystemModstamp FROM Lead").json()["records"]
    assert (binned["IsDeleted"], binned["SystemModstamp"]) == (True, "2026-11-01T03:30:00.000+0000")


def test_the_delete_log_is_asked_by_the_minute_and_reaches_back_fifteen_days(crm: Running) -> None:
    (lead,) = crm.create("Lead")
    crm.delete("Lead", lead)

    def logged(start: timedelta, end: timedelta) -> requests.Response:
        return ask(crm, "GET", "sobjects/Lead/deleted/", start=(crm.now() + start).isoformat(), end=(crm.now() + end).isoformat())

    assert [entry["id"] for entry in logged(timedelta(days=-1), timedelta(minutes=1)).json()["deletedRecords"]] == [lead]
    assert code(logged(timedelta(), timedelta(seconds=20))) == (400, "INVALID_REPLICATION_DATE")
    assert code(logged(timedelta(days=-31), timedelta())) == (400, "INVALID_REPLICATION_DATE")
    crm.pass_time(days=16)
    assert logged(timedelta(days=-20), timedelta()).json()["deletedRecords"] == []


def test_what_belongs_to_a_record_goes_and_comes_with_it(crm: Running) -> None:
    (case,) = crm.create("Case", Status="New")
    crm.create("CaseComment", ParentId=case)
    crm.delete("Case", case)
    for of in ("CaseHistory", "CaseComment"):
        assert ask(crm, "GET", "query", q=f"SELECT Id FROM {of}").json()["totalSize"] == 0
    orgs.undelete(crm.org, "Case", case, at=crm.org.now())
    for of in ("CaseHistory", "CaseComment"):
        assert ask(crm, "GET", "query", q=f"SELECT Id FROM {of}").json()["totalSize"] == 1


def test_many_records_are_asked_for_by_id_and_null_stands_for_those_that_are_not_there(crm: Running) -> None:
    here, gone = crm.create("Account", 2, Name="A")
    crm.delete("Account", gone)
    answer = ask(crm, "POST", "composite/sobjects/Account", {"ids": [gone, here], "fields": ["Id", "Name"]}).json()
    assert [one and (one["Id"], one["Name"]) for one in answer] == [None, (here, "A")]
    assert code(ask(crm, "POST", "composite/sobjects/Account", {"ids": [here] * 2001, "fields": ["Id"]})) == (400, "EXCEEDED_ID_LIMIT")
    assert code(ask(crm, "POST", "composite/sobjects/Account", {"ids": [here], "fields": ["Nothing"]})) == (400, "INVALID_FIELD")


def test_a_description_leaves_out_what_field_level_security_hides(crm: Running) -> None:
    orgs.hide_field(crm.org, "Opportunity", "Amount")
    described = ask(crm, "GET", "sobjects/Opportunity/describe").json()
    fields = {field["name"]: field for field in described["fields"]}
    assert described["replicateable"] and "Amount" not in fields
    assert fields["Weighted__c"]["calculated"] and not fields["StageName"]["calculated"]


def test_ids_have_eighteen_characters_and_stand_in_the_order_of_their_making(crm: Running) -> None:
    made = crm.create("Lead", 200)
    assert {len(one) for one in made} == {18} and made == sorted(made) and {one[:3] for one in made} == {"00Q"}


def test_a_lived_day_changes_what_happened_and_nothing_else(crm: Running) -> None:
    plan = write_plan(seed=7, size="small")
    loading.load(plan, crm.org)
    before = {of: {item["Id"]: item for item in crm.org.state.items(of)} for of in ("Lead", "Opportunity", "Case", "User", "Account")}
    day = next_day(plan, plan.ends_on + timedelta(days=1))
    done = loading.live_day(plan, day.after, day.deleted, crm.org)
    after = {of: {item["Id"]: item for item in crm.org.state.items(of)} for of in before}
    changed = {of: sum(1 for key, item in after[of].items() if before[of].get(key) != item) for of in before}
    assert done["tickets"] > 0 and changed["Case"] <= done["tickets"] + done["deleted"]
    assert changed["Lead"] + changed["Opportunity"] <= 2 * done["leads"] + done["deleted"]
    assert changed["User"] == 0 and all(set(before[of]) <= set(after[of]) for of in before)


def test_the_command_loads_starts_lives_and_stops(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        return subprocess.run([sys.executable, "-m", "sandbox.salesforce", *arguments, "--home", str(tmp_path)], capture_output=True, text=True, check=True).stdout

    assert "Lead" in run("load")
    try:
        assert "Salesforce stand-in at" in run("start", "--clock", NOW.isoformat())
        options = json.loads((tmp_path / "salesforce.json").read_text())
        assert set(options) == {"url", "client_id", "client_secret_env", "refresh_token_env"}
        assert json.loads(run("status"))["running"]
    finally:
        assert run("stop").strip() == "stopped"
