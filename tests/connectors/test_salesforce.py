"""The Salesforce connector against the stand-in: nothing lost at a locator's end, behind a formula, in the bin or in a merge, and no request too many."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import registry, salesforce
from connectors.quota import source_quota
from connectors.salesforce_answers import usage
from connectors.salesforce_streams import LAG, STREAMS
from connectors.stream import Json, Misconfigured, Page, PageLoop, QuotaExhausted, Refused, UnexpectedShape, Unreachable, Window
from sandbox.salesforce import org as orgs
from sandbox.salesforce.soql import LONGEST
from tests.connectors.faults import Asked, Fault, FaultServer, good
from tests.sandbox.salesforce.crm import APP, NOW, SECRETS, Running, account, pem

BY_NAME = {stream.name: stream for stream in STREAMS}
TOKEN = good({"access_token": "t-1"})


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Running]:
    with account(tmp_path) as running:
        yield running


class Memory:
    """What a stream's last finished reading left, as ingest keeps it."""

    def __init__(self) -> None:
        self.kept: dict[str, Json] = {}

    def __call__(self, stream: str) -> Json:
        return self.kept.get(stream)

    def read(self, connector: salesforce.Salesforce, name: str, since: datetime | None, until: datetime) -> list[Page]:
        found = pages(connector, name, since, until)
        self.kept[name] = (found[-1].position or {}).get("memory") or self.kept.get(name)
        return found


def pages(connector: salesforce.Salesforce, name: str, since: datetime | None = None, until: datetime = NOW, resume: Json = None) -> list[Page]:
    streams = {stream.name: stream for stream in connector.streams()}
    return list(connector.read(streams[name], Window(start=since, end=until), resume))


def records(found: list[Page]) -> list[Any]:
    return [record for page in found for record in page.records]


def keys(found: list[Page]) -> list[str]:
    return [record["Id"] for record in records(found)]


def gone(found: list[Page]) -> list[str]:
    return [key for page in found for key in page.deleted]


def nights(crm: Running, name: str, *happens: Any, **options: Any) -> list[list[Page]]:
    """A first reading, then what happens each day and the reading behind it."""
    memory = Memory()
    crm.pass_time(hours=1)      # what there is is older than the lag
    at = crm.now()
    found = [memory.read(crm.connect(memory=memory, **options), name, None, at)]
    for happening in happens:
        crm.pass_time(days=1)
        happening()
        crm.pass_time(hours=1)
        found.append(memory.read(crm.connect(memory=memory, **options), name, at - LAG, crm.now()))
        at = crm.now()
    return found


def talks_to(faults: FaultServer, **options: Any) -> salesforce.Salesforce:
    return salesforce.connect("crm", {"url": faults.url, "client_id": "c", **options}, secrets=SECRETS, sleep=lambda seconds: None)


# ---- what is asked

@pytest.mark.parametrize(("name", "requests"), [("accounts", 1 + 3), ("opportunity_history", 1 + 1), ("users", 1 + 1), ("groups", 1)])
def test_a_first_read_asks_for_whole_pages_and_for_nothing_one_by_one(tmp_path: Path, name: str, requests: int) -> None:
    with account(tmp_path, page=100) as crm:
        crm.create("Account", 250)
        crm.create("Opportunity", 60)
        connector = crm.connect()
        pages(connector, name)
        assert connector.requests_made(name) == requests


def test_a_later_read_costs_what_was_changed(crm: Running) -> None:
    connectors: list[salesforce.Salesforce] = []
    crm.create("Account", 500)
    with mock.patch.object(crm, "connect", side_effect=lambda **options: connectors.append(Running.connect(crm, **options)) or connectors[-1]):
        _, second = nights(crm, "accounts", lambda: crm.create("Account", 3))
    assert len(records(second)) == 3
    assert connectors[-1].requests_made("accounts") == 1 + 1 + 1       # what there is, the delete log, the changes


def test_history_is_asked_for_by_its_creation_and_records_by_their_stamp(crm: Running, faults: FaultServer) -> None:
    asked: list[str] = []

    def answer(request: Asked) -> Fault:
        status, headers, body = crm.api.answer(request.method, request.path, request.headers, request.body)
        asked.extend(parse_qs(urlsplit(request.path).query).get("q", []))
        return Fault(status=status, headers=headers, body=json.dumps(body).encode())

    faults.otherwise = answer
    crm.api._url = lambda: faults.url
    for name in ("case_history", "opportunity_history", "cases"):
        pages(talks_to(faults, client_id=APP.client_id), name, NOW - timedelta(hours=2, minutes=30, microseconds=7), NOW)
    changes = [statement.partition(" WHERE ")[2] for statement in asked if "WHERE" in statement]
    assert [change.partition(" ")[0] for change in changes] == ["CreatedDate", "SystemModstamp", "SystemModstamp"]
    assert changes[-1] == "SystemModstamp >= 2026-10-31T23:59:59Z AND SystemModstamp < 2026-11-01T02:30:00Z ORDER BY Id"


# ---- locators

def test_a_locator_that_expires_in_mid_read_costs_nothing(tmp_path: Path) -> None:
    with account(tmp_path, page=3) as crm:
        made = crm.create("Account", 10)
        found = []
        for number, page in enumerate(crm.connect().read(BY_NAME["accounts"], Window(start=None, end=NOW))):
            found.append(page)
            if number == 1:
                crm.pass_time(days=3)
    assert keys(found) == made


def test_records_that_change_while_a_query_is_paged_through_are_neither_lost_nor_doubled(tmp_path: Path) -> None:
    with account(tmp_path, page=3) as crm:
        made = crm.create("Account", 10)
        found = []
        for page in crm.connect().read(BY_NAME["accounts"], Window(start=None, end=NOW)):
            found.append(page)
            crm.pass_time(seconds=1)
            crm.update("Account", made[0], Name="again")
            crm.api.drop_locators()
    assert keys(found) == made


@pytest.mark.parametrize("since", [None, NOW - timedelta(hours=1)], ids=["first read", "later read"])
def test_a_read_goes_on_behind_any_of_its_pages(tmp_path: Path, since: datetime | None) -> None:
    with account(tmp_path, page=2) as crm:
        made = crm.create("Account", 9)
        crm.delete("Account", made[4])
        crm.pass_time(hours=2)
        whole = pages(crm.connect(), "accounts", since, crm.now())
        assert len(whole) >= 4
        for number, page in enumerate(whole, start=1):
            rest = pages(crm.connect(), "accounts", since, crm.now(), json.loads(json.dumps(page.position)))
            assert records(rest) == records(whole[number:])
            assert set(gone(rest)) >= set(gone(whole[number:]))


def test_an_empty_page_that_is_not_the_last_ends_neither_the_reading_nor_one_that_goes_on_behind_it(tmp_path: Path) -> None:
    with account(tmp_path, page=2) as crm:
        made = crm.create("Account", 5)
        crm.org.state.set_fact("hollow Account", True)
        found = pages(crm.connect(), "accounts")
        assert keys(found) == made
        rests = [keys(pages(crm.connect(), "accounts", resume=page.position)) for page in found]
        assert rests == [made[2:], made[4:], []]


def test_an_order_that_was_not_asked_for_is_not_believed(faults: FaultServer) -> None:
    faults.plan = [TOKEN]
    faults.otherwise = lambda asked: good({"done": True, "records": [{"Id": name, "attributes": {"type": "Group"}} for name in "ba"]})
    with pytest.raises(UnexpectedShape, match="order of Id"):
        pages(talks_to(faults), "groups")


def test_records_of_another_object_are_not_believed(faults: FaultServer) -> None:
    faults.plan = [TOKEN]
    faults.otherwise = lambda asked: good({"done": True, "records": [{"Id": "a", "attributes": {"type": "User"}}]})
    with pytest.raises(UnexpectedShape, match="other records than those of Group"):
        pages(talks_to(faults), "groups")


def test_a_locator_that_leads_back_to_itself_is_named(faults: FaultServer) -> None:
    faults.plan = [TOKEN]
    faults.otherwise = lambda asked: good({"done": False, "nextRecordsUrl": "/services/data/v62.0/query/0r8-1", "records": []})
    with pytest.raises(PageLoop):
        pages(talks_to(faults), "groups")


# ---- what is no longer there

def test_deleted_records_become_tombstones_once_and_undeleted_ones_come_back(crm: Running) -> None:
    _, account_ = crm.create("Account", 2)
    _, deleted, restored = nights(crm, "accounts", lambda: crm.delete("Account", account_),
                                  lambda: orgs.undelete(crm.org, "Account", account_, at=crm.org.now()))
    assert gone(deleted) == [account_] and keys(deleted) == []
    assert gone(restored) == [] and keys(restored) == [account_]


def test_what_was_taken_out_of_the_bin_is_told_by_the_delete_log(crm: Running) -> None:
    (lead,) = crm.create("Lead")

    def happens() -> None:
        crm.delete("Lead", lead)
        orgs.purge(crm.org, "Lead", lead)

    assert gone(nights(crm, "leads", happens)[1]) == [lead]


def test_a_delete_log_that_was_purged_is_said_and_the_sweep_misses_what_it_forgot(crm: Running) -> None:
    kept, lost = crm.create("Lead", 2)

    def happens() -> None:
        crm.delete("Lead", lost)
        orgs.purge(crm.org, "Lead", lost)
        orgs.forget_deleted(crm.org, "Lead")

    found = nights(crm, "leads", happens)[1]
    assert gone(found) == [] and "delete log" in found[0].notes["Lead"]
    assert list(crm.connect().keys(BY_NAME["leads"])) == [kept]
    assert BY_NAME["leads"].deletes == "sweep" and BY_NAME["leads"].sweep_every == 7


def test_more_deletes_than_one_answer_may_hold_are_asked_for_in_halves(tmp_path: Path) -> None:
    with account(tmp_path, most_deleted=3) as crm:
        made = crm.create("Account", 8)

        def happens() -> None:
            for one in made:
                crm.pass_time(minutes=2)
                crm.delete("Account", one)

        assert sorted(gone(nights(crm, "accounts", happens)[1])) == made


@pytest.mark.parametrize("of", ["Account", "Contact", "Lead"])
def test_a_merge_leaves_the_winner_with_what_the_loser_had_and_a_tombstone_of_the_loser(crm: Running, of: str) -> None:
    winner, loser = crm.create(of, 2)
    (case,) = crm.create("Case", **({f"{of}Id": loser} if of != "Lead" else {}))
    name = f"{of.lower()}s"
    found = nights(crm, name, lambda: orgs.merge(crm.org, of, winner, loser, at=crm.org.now()))[1]
    assert keys(found) == [winner] and gone(found) == [loser]
    if of != "Lead":
        (followed,) = records(pages(crm.connect(), "cases"))
        assert (followed["Id"], followed[f"{of}Id"]) == (case, winner)


def test_a_converted_lead_names_what_became_of_it(crm: Running) -> None:
    (lead,), (company,), (person,) = crm.create("Lead", Status="New"), crm.create("Account"), crm.create("Contact")
    made: list[str] = []
    found = nights(crm, "leads", lambda: made.append(orgs.convert(crm.org, lead, {"StageName": "Qualification"}, at=crm.org.now(), account=company,
                                                                  contact=person)))[1]
    (record,) = records(found)
    assert (record["IsConverted"], record["ConvertedOpportunityId"], record["ConvertedAccountId"]) == (True, made[0], company)
    assert [entry["NewValue"] for entry in records(pages(crm.connect(), "lead_history"))] == [None, "Qualified"]


# ---- formulas and fields

def test_a_formula_that_says_something_else_is_read_when_the_week_is_over(crm: Running) -> None:
    (deal,) = crm.create("Opportunity", Amount=100)
    found = nights(crm, "opportunities", lambda: crm.org.state.set_fact("weight", 0.75), *[lambda: None] * 6)
    assert [record["Weighted__c"] for record in records(found[0])] == [50.0]
    assert [keys(night) for night in found[1:7]] == [[]] * 6
    assert [(record["Id"], record["Weighted__c"]) for record in records(found[7])] == [(deal, 75.0)]


def test_objects_without_formulas_are_not_read_again_and_none_is_where_that_is_switched_off(crm: Running) -> None:
    crm.create("Account")
    crm.create("Opportunity")
    assert [keys(night) for night in nights(crm, "accounts", *[lambda: None] * 8)][1:] == [[]] * 8
    assert [keys(night) for night in nights(crm, "opportunities", *[lambda: None] * 8, refresh_every=0)][1:] == [[]] * 8


def test_a_field_that_our_user_may_see_since_today_is_read_of_every_record(crm: Running) -> None:
    orgs.hide_field(crm.org, "Account", "Customer_Number__c")
    (one,) = crm.create("Account", Customer_Number__c="C00001")
    before, after, later = nights(crm, "accounts", lambda: crm.org.state.set_fact("hidden Account", []), lambda: None)
    assert "Customer_Number__c" not in records(before)[0]
    assert [(record["Id"], record["Customer_Number__c"]) for record in records(after)] == [(one, "C00001")]
    assert records(later) == []


def test_a_field_that_the_models_need_and_security_hides_is_named_once(tmp_path: Path) -> None:
    with account(tmp_path, page=2) as crm:
        orgs.hide_field(crm.org, "Opportunity", "Amount")
        crm.create("Opportunity", 5)
        found = pages(crm.connect(), "opportunities")
    assert [list(page.notes) for page in found] == [["Opportunity.Amount"], [], []]
    assert "field-level security" in found[0].notes["Opportunity.Amount"]


def test_compound_fields_and_bodies_are_not_asked_for(crm: Running) -> None:
    crm.create("Account")
    crm.create("CaseComment", CommentBody="private")
    assert "BillingAddress" not in records(pages(crm.connect(), "accounts"))[0]
    assert "CommentBody" not in records(pages(crm.connect(), "case_comments"))[0]


def test_a_field_list_longer_than_an_address_or_a_statement_may_be_goes_into_a_body(crm: Running) -> None:
    crm.org.state.set_fact("added Account", {f"A_field_with_quite_a_long_name_{number:04}__c": "string" for number in range(3000)})
    assert sum(len(name) for name in orgs.visible_fields(crm.org, "Account")) > LONGEST
    kept, binned = crm.create("Account", 2, A_field_with_quite_a_long_name_2999__c="here")
    first, second = nights(crm, "accounts", lambda: (crm.update("Account", kept, Name="changed"), crm.delete("Account", binned)))
    assert keys(first) == [kept, binned] and {record["A_field_with_quite_a_long_name_2999__c"] for record in records(first)} == {"here"}
    assert [record["Name"] for record in records(second)] == ["changed"] and gone(second) == [binned]


def test_a_field_taken_away_in_mid_read_is_worth_another_try(faults: FaultServer) -> None:
    faults.plan = [TOKEN, good({"fields": [{"name": "Id", "type": "id"}, {"name": "SystemModstamp", "type": "datetime"}]}),
                   Fault(status=400, body=b'[{"message": "No such column", "errorCode": "INVALID_FIELD"}]')]
    with pytest.raises(Unreachable) as failed:
        pages(talks_to(faults), "users")
    assert failed.value.retryable


def test_an_object_that_our_user_may_not_see_is_named_with_what_to_do(crm: Running) -> None:
    crm.org.state.set_fact("hidden objects", ["Case"])
    with pytest.raises(Refused, match=r'without = \["cases"\]'):
        pages(crm.connect(), "cases")
    assert "cases" not in [stream.name for stream in crm.connect(without=["cases"]).streams()]


def test_any_object_is_read_by_its_name(crm: Running) -> None:
    (invoice,) = crm.create("Invoice__c", Name="R-1", Amount__c=12.5)
    connector = crm.connect(objects=["Invoice__c"])
    assert records(pages(connector, "invoice__c"))[0] | {"attributes": None} == {
        "attributes": None, "Id": invoice, "IsDeleted": False, "CreatedDate": "2026-11-01T02:30:00.000+0000", "CreatedById": None, "Name": "R-1",
        "LastModifiedDate": "2026-11-01T02:30:00.000+0000", "LastModifiedById": None, "SystemModstamp": "2026-11-01T02:30:00.000+0000",
        "Amount__c": 12.5, "Account__c": None}


# ---- who we are

def test_a_session_that_ended_is_renewed_once_by_whichever_thread_finds_out(tmp_path: Path) -> None:
    with account(tmp_path, page=2) as crm:
        crm.create("Account", 9)
        connector = crm.connect()
        assert len(records(pages(connector, "accounts"))) == 9
        crm.api.expire()
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(len(records(pages(connector, "accounts"))))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [9] * 4 and crm.api._given == 2


def test_a_fresh_token_that_is_refused_is_a_persons_business(faults: FaultServer) -> None:
    refused = Fault(status=401, body=b'[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]')
    faults.plan = [TOKEN, refused, good({"access_token": "t-2"}), refused]
    with pytest.raises(Refused, match="INVALID_SESSION_ID"):
        pages(talks_to(faults), "groups")
    assert [asked.headers.get("Authorization") for asked in faults.asked[1::2]] == ["Bearer t-1", "Bearer t-2"]


def test_a_signed_assertion_is_as_good_as_a_refresh_token(tmp_path: Path) -> None:
    with account(tmp_path, with_key=True) as crm:
        crm.create("Account")
        for key in (pem(), pem().replace("\n", "\\n")):
            assert len(records(pages(crm.connect(secrets={"private_key": key}, username=APP.username), "accounts"))) == 1
        with pytest.raises(Refused, match="hasn't approved"):
            pages(crm.connect(secrets={"private_key": pem()}, username="somebody@company.example"), "accounts")
        with pytest.raises(Refused, match="audience"):
            pages(crm.connect(secrets={"private_key": pem()}, username=APP.username, audience="https://test.salesforce.com"), "accounts")
    (tmp_path / "other").mkdir()
    with account(tmp_path / "other") as crm, pytest.raises(Refused, match="invalid assertion"):      # an app without a certificate
        pages(crm.connect(secrets={"private_key": pem()}, username=APP.username), "accounts")


def test_neither_secrets_nor_tokens_are_shown(crm: Running, faults: FaultServer) -> None:
    with pytest.raises(Refused) as refused:
        pages(crm.connect(secrets={"client_secret": "wrong-secret", "refresh_token": "wrong-refresh"}), "accounts")
    faults.plan = [Fault(status=400, body=json.dumps({"error": "invalid_grant", "error_description": f"no {SECRETS['refresh_token']}"}).encode())]
    with pytest.raises(Refused) as echoed:
        pages(talks_to(faults), "groups")
    said = f"{refused.value!r} {refused.value} {echoed.value!r} {echoed.value} {crm.connect()._rest!r}"
    assert not any(secret in said for secret in ("wrong-secret", "wrong-refresh", *SECRETS.values()))


@pytest.mark.parametrize(("said", "match"), [
    ({"access_token": "t", "instance_url": "https://other.my.salesforce.com"}, "set url to https://other.my.salesforce.com"),
    ({"access_token": "t", "refresh_token": "another"}, "rotation"),
])
def test_what_a_token_comes_with_is_looked_at(faults: FaultServer, said: Json, match: str) -> None:
    faults.plan = [good(said)]
    with pytest.raises(Misconfigured, match=match):
        pages(talks_to(faults), "groups")


def test_who_we_are_is_told_with_how_much_of_the_day_is_used(crm: Running) -> None:
    crm.create("Organization", Name="Nordlicht", OrganizationType="Enterprise Edition", IsSandbox=True)
    assert crm.connect().check() == "Salesforce, Nordlicht (Enterprise Edition, a sandbox); 1 of 10,000,000 requests of the day are used"


# ---- quotas

def test_the_others_of_the_organisation_keep_their_share_of_the_day(tmp_path: Path) -> None:
    with account(tmp_path, page=1, requests_per_day=20) as crm:
        crm.create("Account", 30)
        connector = crm.connect(leave_percent=25, home=tmp_path)
        with pytest.raises(QuotaExhausted, match="15 of the organisation's 20 requests") as stopped:
            pages(connector, "accounts")
        assert stopped.value.retry_at == crm.now() + timedelta(hours=1)
        assert connector.requests_made("accounts") == 15
        other = crm.connect(leave_percent=25, home=tmp_path)       # another process of the same company does not even ask
        with pytest.raises(QuotaExhausted):
            pages(other, "cases")
        assert other.requests_made("cases") == 0


def test_a_used_up_day_stops_and_is_not_taken_for_a_missing_right(tmp_path: Path) -> None:
    with account(tmp_path, requests_per_day=1) as crm:
        pages(crm.connect(), "groups")
        connector = crm.connect()
        with pytest.raises(QuotaExhausted, match="REQUEST_LIMIT_EXCEEDED"):
            pages(connector, "groups")
        with pytest.raises(QuotaExhausted):
            pages(connector, "cases")
        assert (connector.requests_made("groups"), connector.requests_made("cases")) == (1, 0)


def test_too_much_at_once_is_tried_again(faults: FaultServer) -> None:
    faults.plan = [TOKEN, Fault(status=403, body=b'[{"message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]')]
    with pytest.raises(Unreachable):
        pages(talks_to(faults), "groups")


def test_our_own_budget_of_the_day_holds_below_the_vendors(tmp_path: Path) -> None:
    with account(tmp_path, page=1) as crm:
        crm.create("Account", 30)
        quota = source_quota(tmp_path / "quota", "crm", per_day=7)
        connector = salesforce.connect("crm", {"url": crm.url, "client_id": APP.client_id}, secrets=SECRETS, quota=quota, home=tmp_path)
        with pytest.raises(QuotaExhausted, match="its 7 requests of 24 hours"):
            pages(connector, "accounts")
        assert connector.requests_made("accounts") == 7


@pytest.mark.parametrize(("header", "expected"), [
    ("api-usage=18/5000", (18, 5000)), ("per-app-api-usage=17/250(appName=sample), api-usage=25/5000", (25, 5000)),
    ("per-app-api-usage=17/250(appName=sample)", None), ("", None),
])
def test_the_days_requests_are_read_from_the_header(header: str, expected: Any) -> None:
    assert usage({"Sforce-Limit-Info": header}) == expected


# ---- options

@pytest.mark.parametrize(("options", "secrets", "match"), [
    ({}, SECRETS, "no url"), ({"url": "https://a.my.salesforce.com"}, SECRETS, "no client_id"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c"}, {}, "refresh token or a private key"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c"}, {"private_key": "k"}, "no username"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "objects": "Order"}, SECRETS, "a list"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "objects": ["Lead; DROP"]}, SECRETS, "API names"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "objects": ["Lead"]}, SECRETS, "read anyway"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "without": ["leeds"]}, SECRETS, "leeds"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "version": "62"}, SECRETS, "version"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "leave_percent": 100}, SECRETS, "leave_percent"),
    ({"url": "https://a.my.salesforce.com", "client_id": "c", "token": "x"}, SECRETS, "unknown option token"),
    ({"url": "http://a.my.salesforce.com", "client_id": "c"}, SECRETS, "plain http"),
])
def test_options_that_cannot_work_are_named(options: Json, secrets: Json, match: str) -> None:
    with pytest.raises(Misconfigured, match=match):
        salesforce.connect("crm", options, secrets=secrets)


def test_a_key_that_is_none_is_named_and_not_shown() -> None:
    connector = salesforce.connect("crm", {"url": "https://a.my.salesforce.com", "client_id": "c", "username": "u"}, secrets={"private_key": "my-secret-key"})
    with pytest.raises(Misconfigured, match="RSA key in PEM") as refused:
        connector.check()
    assert "my-secret-key" not in str(refused.value)


def test_the_registry_knows_its_secrets() -> None:
    assert {"client_secret_env", "refresh_token_env", "private_key_env", "requests_per_day", "objects", "refresh_every"} <= set(registry.option_names("salesforce"))
