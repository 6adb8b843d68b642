"""Personal data: what is declared is hashed, dropped or kept; what numbers need survives; keys still match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.personal import ANY, KEEP_ALL, Guard, Policy, guard, is_declared, sealer, wrong_choices
from connectors.request_tracker import ACCOUNT
from connectors.stream import Kind, Misconfigured, Personal, Stream, landed_key
from connectors.tokens import tokens

SECRET = "a key of thirty-two characters at least"
TOKEN = re.compile(r"hashed-[0-9a-f]{32}")
token = tokens(SECRET)


def guarded(personal: Mapping[str, Kind | Personal], choices: Mapping[str, str] | None = None, *, key: tuple[str, ...] = ("id",), own: str = "") -> Guard:
    stream = Stream(name="people", key=key, personal=personal)
    return guard("desk", stream, Policy(choices=choices or {}, key=SECRET, own_domains=frozenset(filter(None, [own]))))


def treated(record: dict[str, Any], personal: Mapping[str, Kind | Personal], choices: Mapping[str, str] | None = None, **more: Any) -> Any:
    return guarded(personal, choices, **more).record(record)


def test_a_stream_that_declares_nothing_gets_its_own_records_back_and_needs_no_key() -> None:
    record = {"id": 1, "name": "lamp"}
    assert guard("erp", Stream(name="products", key=("id",)), Policy()).record(record) is record


def test_nested_fields_and_lists_are_reached_and_everything_else_stays() -> None:
    record = {"id": 1, "via": {"channel": "email", "source": {"from": {"address": "mia@mail.example"}}}, "comments": [{"id": 7, "body": "Hello"}, {"id": 8}]}
    before = repr(record)
    found = treated(record, {"via.source.from.address": "email", "comments[].body": "text"})
    assert found == {"id": 1, "via": {"channel": "email", "source": {"from": {"address": token("mia@mail.example")}}},
                     "comments": [{"id": 7, "body": token("Hello")}, {"id": 8}]}
    assert repr(record) == before


def test_a_path_to_an_object_or_a_list_stands_for_all_that_is_in_it() -> None:
    found = treated({"id": 1, "address": {"street": "Lindenweg 3", "floors": [2, True, None], "geo": {"lat": 52.5}}, "emails": ["a@b.example", ""]},
                    {"address": "address", "emails": "email"})
    assert found == {"id": 1, "address": {"street": token("Lindenweg 3"), "floors": [token("2"), True, None], "geo": {"lat": token("52.5")}},
                     "emails": [token("a@b.example"), ""]}


def test_a_star_takes_every_field_that_is_not_named_otherwise() -> None:
    personal: Mapping[str, Kind] = {"properties.*": "text", "properties.stage": "impersonal", "properties.email": "email"}
    found = treated({"id": 1, "properties": {"stage": "won", "email": "a@b.example", "made_up_later": "Ann Other"}}, personal)
    assert found["properties"] == {"stage": "won", "email": token("a@b.example"), "made_up_later": token("Ann Other")}
    assert treated({"id": 1, "properties": {"email": "a@b.example", "new": "x"}}, personal, {"people.properties.email": "keep"})["properties"] == {
        "email": "a@b.example", "new": token("x")}


def test_a_part_of_what_is_declared_as_a_whole_may_be_told_apart() -> None:
    declared: Mapping[str, Kind] = {"address": "address", "address.country": "impersonal"}
    assert treated({"id": 1, "address": {"country": "DE", "city": "Kiel"}}, declared)["address"] == {"country": "DE", "city": token("Kiel")}
    chosen = treated({"id": 1, "fields": {"tier": "gold", "nick": "Mi"}}, {"fields": "text"}, {"people.fields.tier": "keep"})
    assert chosen["fields"] == {"tier": "gold", "nick": token("Mi")}


def test_a_text_where_an_object_was_declared_is_hashed_whole_and_so_is_a_name_that_is_an_address() -> None:
    declared: Mapping[str, Kind] = {"via.from.address": "email", "copies": "email"}
    assert treated({"id": 1, "via": {"from": "Mia <mia@mail.example>", "channel": "web"}}, declared)["via"] == {
        "from": token("Mia <mia@mail.example>"), "channel": "web"}
    assert treated({"id": 1, "copies": {"mia@mail.example": "to"}}, declared)["copies"] == {token("mia@mail.example"): token("to")}


def test_a_column_whose_name_has_a_dot_is_found() -> None:
    assert treated({"id": 1, "contact.mail": "a@b.example"}, {"contact.mail": "email"}) == {"id": 1, "contact.mail": token("a@b.example")}


@pytest.mark.parametrize("same", [
    "Mia.Lund@Mail.example", " mia.lund@mail.example ", "MIA.LUND@MAIL.EXAMPLE\n", "ｍｉａ.lund@mail.example", "Mia Lund <mia.lund@mail.example>",
    "mailto:mia.lund@mail.example", "mia.lund\u200b@mail.example", "\"Lund, Mia\" <Mia.Lund@mail.example>"])
def test_one_address_is_one_token_however_it_is_written_and_in_every_stream(same: str) -> None:
    other = guard("shop", Stream(name="orders", key=("id",), personal={"buyer.email": "email"}), Policy(key=SECRET))
    assert treated({"id": 1, "email": same}, {"email": "email"})["email"] == token("mia.lund@mail.example")
    assert other.record({"id": 9, "buyer": {"email": same}})["buyer"]["email"] == token("mia.lund@mail.example")


def test_another_key_makes_another_token_and_another_person_does_too() -> None:
    assert len({token("mia@mail.example"), token("mila@mail.example"), tokens(SECRET + "!")("mia@mail.example")}) == 3


def test_several_addresses_are_nobodys_in_particular_and_domains_are_one_in_both_alphabets() -> None:
    several = treated({"id": 1, "email": "mia@mail.example, eve@mail.example"}, {"email": "email"})["email"]
    assert several not in (token("mia@mail.example"), token("eve@mail.example"))
    assert treated({"id": 1, "email": "mia@bücher.example"}, {"email": "email"})["email"] == token("mia@xn--bcher-kva.example")


@pytest.mark.parametrize("number", ["+49 30 1234-567", "0049 (30) 1234567", "+49301234567", "+49 (0)30 1234567", "tel:+49-30-1234567", "＋49 30 1234567"])
def test_a_telephone_number_is_one_token_however_it_is_grouped(number: str) -> None:
    assert treated({"id": 1, "phone": number}, {"phone": "phone"})["phone"] == token("+49301234567")


def test_what_has_landed_can_be_gone_over_again() -> None:
    once = treated({"id": 1, "email": "mia@mail.example", "body": "Fault: ours, said Mia"}, {"email": "email", "body": Personal(kind="text", keeps="Fault: ours")})
    again = treated(dict(once), {"email": "email", "body": Personal(kind="text", keeps="Fault: ours")})
    assert again["email"] == once["email"] and again["body"].startswith("Fault: ours\nhashed-")


def test_empty_texts_nulls_and_yes_or_no_tell_of_nobody() -> None:
    record = {"id": 1, "name": "", "email": None, "phone": False, "notes": "  "}
    assert treated(record, {"name": "name", "email": "email", "phone": "phone", "notes": "text"}) == record


def test_odd_texts_are_hashed_too() -> None:
    for odd in ("退货 – é", "📦", "a\0b", "\ud800", "x" * 1_000_000):
        assert TOKEN.fullmatch(treated({"id": 1, "body": odd}, {"body": "text"})["body"])


# ---- what the configuration chooses

def test_the_narrowest_choice_counts() -> None:
    personal: Mapping[str, Kind] = {"name": "name", "email": "email", "notes": "text"}
    record = {"id": 1, "name": "Mia", "email": "mia@mail.example", "notes": "likes tea"}
    assert treated(record, personal, {"default": "drop"}) == {"id": 1, "name": None, "email": None, "notes": None}
    assert treated(record, personal, {"default": "keep", "text": "drop"}) == {**record, "notes": None}
    assert treated(record, personal, {"people": "drop", "people.name": "keep"}) == {"id": 1, "name": "Mia", "email": None, "notes": None}


def test_a_field_of_ones_own_is_declared_in_the_configuration() -> None:
    assert treated({"id": 1, "cf_birthday": "1990-01-02"}, {}, {"people.cf_birthday": "text"}) == {"id": 1, "cf_birthday": token("1990-01-02")}


def test_our_own_people_stay_readable_and_only_where_an_address_stands_alone() -> None:
    personal: Mapping[str, Kind] = {"email": "email", "body": "text", "owner": "staff"}
    record = {"id": 1, "email": "Ann@Own.example", "body": "please ask mia@mail.example or ann@own.example", "owner": "Ann Other"}
    found = treated(record, personal, own="own.example")
    assert found == {**record, "body": token(record["body"])}
    assert treated({"id": 1, "email": "mia@mail.example, ann@own.example"}, personal, own="own.example")["email"].startswith("hashed-")
    assert treated({"id": 1, "email": "eve@notown.example"}, personal, own="own.example")["email"] == token("eve@notown.example")
    hashed = treated(record, personal, {"staff": "hash"}, own="own.example")
    assert (hashed["email"], hashed["owner"]) == (token("ann@own.example"), token("Ann Other"))


def test_what_numbers_need_of_a_text_stays_when_the_rest_is_hashed_or_dropped() -> None:
    personal = {"comment": Personal(kind="text", keeps=r"Fault: (?:ours|customer)")}
    said = "Mia called.\nFault: ours"
    assert treated({"id": 1, "comment": said}, personal)["comment"] == f"Fault: ours\n{token(said)}"
    assert treated({"id": 1, "comment": said}, personal, {"default": "drop"})["comment"] == "Fault: ours"
    assert treated({"id": 1, "comment": "Fault: ours"}, personal)["comment"] == "Fault: ours"


def test_a_field_beside_may_say_that_a_value_is_nobodys() -> None:
    personal = {"fields[].values[]": Personal(kind="text", unless={"name": frozenset({"channel"})})}
    found = treated({"id": 1, "fields": [{"name": "Channel", "values": ["email"]}, {"name": "Callback", "values": ["Mia, after six"]}]}, personal)
    assert found["fields"] == [{"name": "Channel", "values": ["email"]}, {"name": "Callback", "values": [token("Mia, after six")]}]


def test_a_field_beside_may_say_that_a_value_is_of_another_kind() -> None:
    email = Personal(kind="email", unless={"role": frozenset({"agent"})}, then="staff")
    for choices, kept in (({}, True), ({"staff": "hash"}, False), ({"people": "drop"}, False), ({"default": "keep", "staff": "hash"}, False)):
        found = treated({"id": 1, "role": "agent", "email": "ann@else.example"}, {"email": email}, choices)["email"]
        assert (found == "ann@else.example") == kept
    assert treated({"id": 1, "role": "end-user", "email": "mia@mail.example"}, {"email": email})["email"] == token("mia@mail.example")
    either = Personal(kind="text", unless={"status": ANY, "group_id": ANY})
    assert treated({"id": 1, "status": "open", "before": "new"}, {"before": either})["before"] == "new"
    assert treated({"id": 1, "status": None, "before": "Mia"}, {"before": either})["before"] == token("Mia")


def test_hashing_without_a_key_or_with_a_short_one_is_refused_and_says_what_to_do() -> None:
    stream = Stream(name="people", key=("id",), personal={"email": "email"})
    for key in ("", "short"):
        with pytest.raises(Misconfigured, match="MERIDIAN_PERSONAL_KEY.*openssl rand") as refused:
            guard("desk", stream, Policy(key=key))
        assert not key or key not in str(refused.value).replace("shorter", "")
    assert guard("desk", stream, Policy(choices={"default": "drop"})).record({"id": 1, "email": "a@b.example"}) == {"id": 1, "email": None}
    assert guard("desk", stream, KEEP_ALL).record({"id": 1, "email": "a@b.example"}) == {"id": 1, "email": "a@b.example"}
    assert SECRET not in repr(Policy(key=SECRET))


def test_a_choice_that_names_nothing_is_found_with_what_could_be_meant() -> None:
    streams = [Stream(name="tickets", key=("id",), personal={"subject": "text"}), Stream(name="groups", key=("id",))]
    assert not wrong_choices({"default": "drop", "text": "keep", "tickets": "keep", "tickets.subject": "drop", "tickets.cf": "email", "tickets.code": "impersonal"}, streams)
    assert wrong_choices({"tickets.subjekt": "drop", "tikets.subject": "email"}, streams) == {"tickets.subjekt": ["tickets.subject"],
                                                                                              "tikets.subject": ["tickets.subject"]}
    assert wrong_choices({"grops": "drop", "tikets.cf": "email"}, streams).keys() == {"grops", "tikets.cf"}


def test_a_stream_that_is_called_like_a_kind_is_chosen_by_its_columns() -> None:
    streams = [Stream(name="address", key=("id",), personal={"street": "address"})]
    assert set(wrong_choices({"address": "keep"}, streams)) == {"address"} and not wrong_choices({"address.street": "keep"}, streams)


def test_a_field_counts_as_declared_once_somebody_has_said_what_it_is() -> None:
    stream = Stream(name="deals", key=("id",), personal={"properties.*": "text", "to[].email": "email", "owner": "staff"})
    for path in ("properties.new", "to.email", "owner", "code"):
        assert is_declared(stream, {"deals.code": "impersonal"}, path)
    assert not is_declared(stream, {"tickets.note": "text"}, "note")


# ---- keys

def test_half_a_character_in_a_key_becomes_one_that_can_be_written_down() -> None:
    made = guard("erp", Stream(name="products", key=("id",)), Policy())
    assert [made.key(key) for key in ("A-1", "灯📦", "cut \ud83d")] == ["A-1", "灯📦", "cut \ufffd"]


def test_a_personal_key_is_sealed_alike_for_records_deletes_and_sweeps() -> None:
    rosters = Stream(name="rosters", key=("agent", "starts_at"), personal={"agent": "email"})
    policy = Policy(key=SECRET)
    record = {"agent": "a|b@mail.example", "starts_at": "2026-01-01"}
    key = guard("drop", rosters, policy).key(landed_key(rosters, record))
    assert TOKEN.fullmatch(key)
    assert key == sealer("drop", policy)(rosters, "a|b@mail.example|2026-01-01") == guard("drop", rosters, policy).key(key)
    assert guard("drop", rosters, policy).key("A|b@mail.example|2026-01-01") != key, "two keys stay two keys, however alike"
    assert guard("drop", rosters, Policy(choices={"rosters.agent": "drop"}, key=SECRET)).key("x|y") != "x|y"
    assert guard("drop", rosters, KEEP_ALL).key("x|y") == "x|y"


# ---- what connectors declare

# Some sites call these by what people are called: their names are keys, and keys that are tokens join as well.
NAMED_AFTER_PEOPLE = {("erpnext", "customers"), ("erpnext", "leads"), ("erpnext", "addresses")}


@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_declared_paths_are_of_known_kinds_and_never_a_key_but_where_people_are_the_key(kind: str) -> None:
    for stream in registry.streams(kind):
        made = guard(kind, stream, Policy(key=SECRET))
        assert made.seals_keys == ((kind, stream.name) in NAMED_AFTER_PEOPLE), f"{kind}/{stream.name}: its key would be personal"
        assert set(made.treatments.values()) <= {"hash", "keep"}


def of(kind: str, stream: str, record: dict[str, Any], choices: Mapping[str, str] | None = None) -> Any:
    """A record as a source of this kind lands it, with company.example as our own domain."""
    declared = next(one for one in registry.streams(kind) if one.name == stream)
    return guard(kind, declared, Policy(choices=choices or {}, key=SECRET, own_domains=frozenset({"company.example"}))).record(record)


def test_of_hubspot_everything_is_hashed_but_what_is_known_to_be_nobodys() -> None:
    contact = {"email": "mia@mail.example", "firstname": "Mia", "hs_country_region_code": "DE", "createdate": "2026-01-01T08:00:00Z", "customer_number": "C00017",
               "hs_email_optout": "false", "date_of_birth": "1980-12-31", "last_seen": "2026-01-02T08:00:00.000Z", "favourite_colour": "red", "age": "45"}
    found = of("hubspot", "contacts", {"id": "17", "properties": contact})["properties"]
    assert {name for name, value in found.items() if value == contact[name]} == {
        "hs_country_region_code", "createdate", "customer_number", "hs_email_optout", "last_seen"}
    deal = {"dealname": "L00017", "amount": "1250000.50", "seats": "12", "contact_phone": "493012345", "closed_lost_reason": "price too high", "dealstage": "closedlost",
            "hs_analytics_source_data_1": "black-week", "hs_analytics_source_data_2": "userId: mia@mail.example"}
    kept = of("hubspot", "deals", {"id": "1", "properties": deal})["properties"]
    assert {name for name in deal if kept[name] != deal[name]} == {"contact_phone", "hs_analytics_source_data_2"}
    assert of("hubspot", "deals", {"id": "1", "properties": {"dealname": "Mia's roof", "closed_lost_reason": "Mia Lund had no money"}})["properties"] == {
        "dealname": token("Mia's roof"), "closed_lost_reason": token("Mia Lund had no money")}
    history = {"propertiesWithHistory": {"dealstage": [{"value": "closedwon", "sourceType": "CRM_UI", "sourceId": "ann@company.example", "sourceLabel": "Ann Other"}]}}
    entry = of("hubspot", "deal_stage_history", {"id": "1", **history})["propertiesWithHistory"]["dealstage"][0]
    assert (entry["value"], entry["sourceLabel"]) == ("closedwon", "Ann Other") and entry["sourceId"].startswith("hashed-")


def test_of_salesforce_everything_is_hashed_but_what_is_known_to_be_nobodys() -> None:
    shared = {"Id": "00Q5fA0000yuJ73EBE", "attributes": {"type": "Lead", "url": "/services/data/v62.0/sobjects/Lead/00Q5fA0000yuJ73EBE"}, "IsDeleted": False,
              "CreatedDate": "2026-11-01T02:30:00.000+0000", "OwnerId": "0055fA000000001AAA"}
    lead = {**shared, "Email": "mia@mail.example", "LastName": "Lund", "Name": "Mia Lund", "Company": "Mia Lund", "Status": "New", "CountryCode": "DE", "Age__c": 45,
            "Birthday__c": "1980-12-31", "Source__c": "a friend", "Lead_Number__c": "L00017", "Expected_Amount__c": 1250000.5, "Lost_Reason__c": "price too high",
            "Referred_By__c": "0035fA000000001AAA"}
    found = of("salesforce", "leads", lead)
    assert {name for name in lead if found[name] != lead[name]} == {"Email", "LastName", "Name", "Company", "Age__c", "Birthday__c", "Source__c"}
    changes = [of("salesforce", "case_history", {**shared, "Field": field, "NewValue": value})["NewValue"] for field, value in (
        ("Status", "Closed"), ("Owner", "0055fA000000001AAA"), ("Owner", "Ann Other"), ("SuppliedName", "Mia Lund"))]
    assert changes == ["Closed", "0055fA000000001AAA", token("Ann Other"), token("Mia Lund")]
    agent, guest = (of("salesforce", "users", {**shared, "UserType": kind, "Email": "a@mail.example", "Name": "A", "Phone": "+49 30 1"}) for kind in ("Standard", "Guest"))
    assert (agent["Email"], agent["Name"], guest["Email"], guest["Name"]) == ("a@mail.example", "A", token("a@mail.example"), token("A"))
    assert agent["Phone"] != "+49 30 1"
    assert of("salesforce", "cases", {**shared, "Subject": "Mia's order", "CaseNumber": "00000017", "Priority": "High", "IsEscalated": True, "SuppliedEmail": "m@x.example"}) | {
        "Subject": "", "SuppliedEmail": ""} == {**shared, "Subject": "", "CaseNumber": "00000017", "Priority": "High", "IsEscalated": True, "SuppliedEmail": ""}


def test_of_zendesk_a_customer_is_a_token_an_agent_readable_and_a_change_is_told_by_its_field() -> None:
    customer = of("zendesk", "users", {"id": 1, "role": "end-user", "name": "Mia", "email": "mia@mail.example", "external_id": "C00017", "tags": ["vip"], "made_later": "Mi"})
    assert customer == {"id": 1, "role": "end-user", "name": token("Mia"), "email": token("mia@mail.example"), "external_id": "C00017", "tags": ["vip"],
                        "made_later": token("Mi")}
    assert of("zendesk", "users", {"id": 2, "role": "agent", "email": "ann@else.example"})["email"] == "ann@else.example"
    events = [{"event_type": "Change", "assignee_id": "17", "previous_value": "18"}, {"event_type": "Change", "custom_ticket_fields": {"9": "491701234567"}, "previous_value": "49170"},
              {"event_type": "VoiceComment", "data": {"from": "+4930123", "transcription_text": "Hello"}, "formatted_from": "+49 30 123"}, {"via": "Rule"}]
    found = of("zendesk", "ticket_events", {"id": 1, "child_events": events})["child_events"]
    assert found[0] == events[0] and found[3] == events[3]
    assert found[1]["custom_ticket_fields"]["9"] == token("491701234567") and found[1]["previous_value"] == token("49170")
    assert found[2]["formatted_from"] == token("+4930123", "phone") and found[2]["data"]["transcription_text"] == token("Hello")


def test_of_freshdesk_a_customer_is_a_token_an_agent_readable_and_a_merge_still_says_so() -> None:
    customer = of("freshdesk", "contacts", {"id": 1, "name": "Mia", "email": "mia@mail.example", "unique_external_id": "C00017", "mobile": "+4930123", "active": True,
                                            "custom_fields": {"nick": "Mi"}, "made_later": "Mi"})
    assert customer == {"id": 1, "name": token("Mia"), "email": token("mia@mail.example"), "unique_external_id": "C00017", "mobile": token("+4930123", "phone"),
                        "active": True, "custom_fields": {"nick": token("Mi")}, "made_later": token("Mi")}
    agent = of("freshdesk", "agents", {"id": 2, "contact": {"name": "Ann", "email": "ann@else.example", "phone": "030 12345"}, "signature": "Ann Other"})
    assert (agent["contact"]["email"], agent["signature"]) == ("ann@else.example", token("Ann Other")) and agent["contact"]["phone"].startswith("hashed-")
    merged = "This ticket is closed and merged into ticket 7"
    said = of("freshdesk", "conversations", {"ticket_id": 1, "conversations": [
        {"id": 1, "body_text": merged, "to_emails": ["mia@mail.example"]}, {"id": 2, "body_text": f"Mia wrote: {merged}", "user_id": 9}]})["conversations"]
    assert said == [{"id": 1, "body_text": merged, "to_emails": [token("mia@mail.example")]},
                    {"id": 2, "body_text": token(f"Mia wrote: {merged}"), "user_id": 9}]
    ticket = of("freshdesk", "tickets", {"id": 1, "subject": "Mia's lamp", "custom_fields": {"cf_order_number": "SO00017"}, "tags": ["sla_premium"], "cc_emails": []})
    assert ticket == {"id": 1, "subject": token("Mia's lamp"), "custom_fields": {"cf_order_number": "SO00017"}, "tags": ["sla_premium"], "cc_emails": []}


def test_of_tryton_a_number_is_told_by_its_type_and_a_reference_stays_when_it_is_one() -> None:
    for kind, value, same in (("email", "Mia@mail.example", "mia@mail.example"), ("mobile", "+49 170 123", "+49170123")):
        assert of("tryton", "party_contact_mechanism", {"id": 1, "type": kind, "value": value})["value"] == token(same)
    for reference in ("SO-2026/00017", "17", "T00017"):
        assert of("tryton", "sale_complaint", {"id": 1, "reference": reference})["reference"] == reference
    for reference in ("order of Mia", "mia@mail.example", "491701234567", "030-1234567"):
        assert of("tryton", "sale_complaint", {"id": 1, "reference": reference})["reference"].startswith("hashed-")
    assert of("tryton", "company_company", {"id": 1, "party": {"id": 2, "name": "Lantern & Oak"}})["party"]["name"] == "Lantern & Oak"


def test_of_request_tracker_who_asked_is_one_token_in_tickets_transactions_and_accounts() -> None:
    ticket = of("request_tracker", "tickets", {
        "id": "1", "Subject": "Mia's lamp", "Owner": {"id": "ann@company.example", "Name": "ann@company.example"}, "Queue": {"id": "3", "Name": "Support"},
        "Requestor": [{"id": "Mia@mail.example", "EmailAddress": "mia@mail.example", "_url": "https://rt.example/REST/2.0/user/mia@mail.example"}],
        "CustomFields": [{"id": "1", "name": "Channel", "values": ["email"]}, {"id": "2", "name": "Callback", "values": ["030 12345"]}]})
    person = ticket["Requestor"][0]
    assert person["id"] == person["EmailAddress"] == token("mia@mail.example") and person["_url"].startswith("hashed-")
    assert (ticket["Owner"]["Name"], ticket["Queue"]["Name"], ticket["CustomFields"][0]["values"]) == ("ann@company.example", "Support", ["email"])
    assert ticket["Subject"] == token("Mia's lamp") and ticket["CustomFields"][1]["values"] == [token("030 12345")]
    assert of("request_tracker", "users", {"id": "7", "Name": "mia@mail.example"})["Name"] == person["id"]
    assert of("request_tracker", "transactions", {"id": "9", "Creator": {"id": "mia@mail.example"}})["Creator"]["id"] == person["id"]
    told = of("request_tracker", "transactions", {"id": "9", "Type": "Set", "Field": "Owner", "OldValue": "6", "NewValue": "17"})
    assert (told["OldValue"], told["NewValue"]) == ("6", "17")
    renamed = of("request_tracker", "transactions", {"id": "9", "Type": "CustomField", "Field": "2", "NewValue": "03012345", "OldValue": ""})
    assert renamed["NewValue"] == token("03012345")


ROBOTS = ("meridian-worker", "autoreply", "Auto-Responder", "auto reply", "answer-bot", "robot", "no-reply-bot@desk.example", "BOT", "RT_System", "Nobody")
PEOPLE = ("mia@mail.example", "abbott", "j.bothe@mail.example", "talbot.k@mail.example", "lund")


def test_accounts_of_robots_keep_their_names_by_the_very_words_that_staging_looks_for() -> None:
    macro = (Path(__file__).parents[2] / "dbt_project/macros/ticket_words.sql").read_text(encoding="utf-8")
    words = re.search(r"regexp_matches\(lower\(\{\{ name \}\}\), '([^']+)'\)", macro)
    assert words
    for name in (*ROBOTS, *PEOPLE):
        is_robot = bool(re.search(words[1], name.lower())) or name in ("RT_System", "Nobody")
        assert is_robot == (name in ROBOTS)
        assert (treated({"id": 1, "Name": name}, {"Name": ACCOUNT})["Name"] == name) == is_robot
    assert not re.search(words[1], token("mia@mail.example"))


def test_of_erpnext_names_join_as_tokens_and_the_history_keeps_how_far_a_document_came() -> None:
    customer, order = of("erpnext", "customers", {"name": "Mia Wu", "territory": "EMEA"}), of("erpnext", "sales_orders", {"name": "SO-1", "customer": "Mia Wu"})
    assert customer["name"] == order["customer"] and TOKEN.fullmatch(order["customer"]) and customer["territory"] == "EMEA" and order["name"] == "SO-1"
    assert of("erpnext", "sales_orders", {"name": "SO-1", "customer": "CUST-2026-00017"})["customer"] == "CUST-2026-00017"
    change = '{"changed": [["customer_name", "Mia Wu", "Mia Lin"], ["docstatus", 0, 1], ["delivery_date", "01-11-2026", "03-11-2026"]]}'
    kept = of("erpnext", "versions", {"name": "v", "data": change})["data"]
    assert '["docstatus", 0, 1]' in kept and '["delivery_date", "01-11-2026", "03-11-2026"]' in kept and "Mia" not in kept
