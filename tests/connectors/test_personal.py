"""Personal data: what is declared is hashed, dropped or kept; what numbers need survives; keys still match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.personal import KEEP_ALL, Guard, Policy, guard, sealer, tokens, wrong_choices
from connectors.request_tracker import ACCOUNT
from connectors.stream import Kind, Misconfigured, Personal, Stream, landed_key

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


def test_a_column_whose_name_has_a_dot_is_found() -> None:
    assert treated({"id": 1, "contact.mail": "a@b.example"}, {"contact.mail": "email"}) == {"id": 1, "contact.mail": token("a@b.example")}


@pytest.mark.parametrize("same", ["Mia.Lund@Mail.example", " mia.lund@mail.example ", "MIA.LUND@MAIL.EXAMPLE\n", "ｍｉａ.lund@mail.example"])
def test_one_address_is_one_token_however_it_is_written_and_in_every_stream(same: str) -> None:
    other = guard("shop", Stream(name="orders", key=("id",), personal={"buyer.email": "email"}), Policy(key=SECRET))
    assert treated({"id": 1, "email": same}, {"email": "email"})["email"] == token("mia.lund@mail.example")
    assert other.record({"id": 9, "buyer": {"email": same}})["buyer"]["email"] == token("mia.lund@mail.example")


def test_another_key_makes_another_token_and_another_person_does_too() -> None:
    assert len({token("mia@mail.example"), token("mila@mail.example"), tokens(SECRET + "!")("mia@mail.example")}) == 3


@pytest.mark.parametrize("number", ["+49 30 1234-567", "0049 (30) 1234567", "+49301234567"])
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
    assert not wrong_choices({"default": "drop", "text": "keep", "tickets": "keep", "tickets.subject": "drop", "tickets.cf": "email"}, streams)
    assert wrong_choices({"tickets.subjekt": "drop", "tikets.subject": "email"}, streams) == {"tickets.subjekt": ["tickets.subject"],
                                                                                              "tikets.subject": ["tickets.subject"]}


# ---- keys

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

@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_declared_paths_are_of_known_kinds_and_never_a_key(kind: str) -> None:
    for stream in registry.streams(kind):
        made = guard(kind, stream, Policy(key=SECRET))
        assert not made.seals_keys, f"{kind}/{stream.name}: its key would be personal"
        assert set(made.treatments.values()) <= {"hash", "keep"}


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
