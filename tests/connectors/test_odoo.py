"""The Odoo connector against the stand-in: both of its APIs, ties, archived records, companies, rights, what is not installed – and no request too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import odoo
from connectors.odoo_models import MODELS, stream_of
from connectors.odoo_rpc import named_fields
from connectors.personal import Policy, guard
from connectors.stream import Json, Misconfigured, Page, Refused, UnexpectedShape, Unreachable, Window
from sandbox.odoo import database as databases
from sandbox.odoo.company import COMPANY
from sandbox.odoo.rules import OdooError
from sandbox.odoo.server import DATABASE, USER
from tests.connectors.faults import Asked, Fault, FaultServer, good
from tests.sandbox.odoo.erp import KEY, NOW, Running, company

STREAM = {name: stream_of(name, model) for name, model in MODELS.items()}
VERSIONS = pytest.mark.parametrize("version", [16, 17, 18, 19])


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Running]:
    with company(tmp_path) as running:
        yield running


def pages(connector: odoo.Odoo, name: str, since: datetime | None = None, until: datetime = NOW + timedelta(seconds=1), resume: Json = None) -> list[Page]:
    return list(connector.read(STREAM[name], Window(start=since, end=until), resume))


def records(found: list[Page]) -> list[Any]:
    return [record for page in found for record in page.records]


def ids(found: list[Page]) -> list[int]:
    return [record["id"] for record in records(found)]


def notes(found: list[Page]) -> dict[str, str]:
    return {subject: said for page in found for subject, said in page.notes.items()}


# ---- which API

@VERSIONS
def test_the_servers_version_says_which_api_is_spoken(tmp_path: Path, version: int) -> None:
    with company(tmp_path, version=version) as erp:
        said = erp.connect().check()
    assert said == f"Odoo {version} over {'JSON-2' if version >= 19 else 'JSON-RPC'}, database company, user meridian@company.example, companies [1]"


@pytest.mark.parametrize(("api", "spoken"), [("json-2", "JSON-2"), ("jsonrpc", "JSON-RPC")])
def test_configuration_may_choose_the_api(erp: Running, api: str, spoken: str) -> None:
    assert spoken in erp.connect(api=api).check()


@VERSIONS
def test_both_apis_tell_the_same_records(tmp_path: Path, version: int) -> None:
    with company(tmp_path, version=version) as erp:
        lead = erp.create("crm.lead", name="Lamp 灯", type="lead")[0]
        erp.write("crm.lead", lead, type="opportunity")
        found = {name: records(pages(erp.connect(), name)) for name in ("crm_lead", "mail_tracking_value")}
        assert found == {name: records(pages(erp.connect(api="jsonrpc"), name)) for name in found}
    assert found["crm_lead"][0]["name"] == "Lamp 灯" and found["crm_lead"][0]["user_id"] is None and found["crm_lead"][0]["active"] is True
    assert found["mail_tracking_value"][0]["message"] == {"id": 1, "model": "crm.lead", "res_id": lead, "date": "2026-11-01 02:30:00"}
    assert "field_id" in found["mail_tracking_value"][0] or version == 16


# ---- what is asked

def test_a_read_asks_for_whole_pages_and_for_nothing_one_by_one(erp: Running) -> None:
    erp.create("sale.order", 25, state="draft")
    for lead in erp.create("crm.lead", 12, type="lead"):
        erp.write("crm.lead", lead, type="opportunity")
    connector = erp.connect(page_size=10)
    connector.check()
    assert connector.requests_made("") == 3                                              # version, who we are, our companies
    pages(connector, "sale_order")
    assert connector.requests_made("sale_order") == 1 + 3                                # fields, pages of ten
    pages(connector, "mail_tracking_value")
    assert connector.requests_made("mail_tracking_value") == 1 + 2 * 2                   # ... each page with its messages
    assert [*connector.keys(STREAM["sale_order"])] == [str(number) for number in range(1, 26)]
    assert connector.requests_made("sale_order") == 4 + 1 + 1                            # ids by the hundred


def test_links_are_ids_and_texts_are_english_whatever_the_user_speaks(erp: Running) -> None:
    order = erp.create("sale.order", partner_id=1)[0]
    assert records(pages(erp.connect(), "sale_order"))[0] | {"id": order, "partner_id": 1} == records(pages(erp.connect(), "sale_order"))[0]
    assert {asked["context"]["lang"] for _, method, asked in erp.api.asked if method == "search_read"} == {"en_US"}


# ---- completeness

def test_ties_within_a_second_are_read_to_the_last_one_and_reading_ends(erp: Running) -> None:
    """Their stamps differ by microseconds, which Odoo compares and does not show."""
    for place in range(7):
        databases.create(erp.database, "sale.order", {}, at=erp.database.now() + place * 100_000)
    assert {record["write_date"] for record in records(pages(erp.connect(page_size=2), "sale_order"))} == {"2026-11-01 02:30:00"}
    assert ids(pages(erp.connect(page_size=2), "sale_order", NOW, NOW + timedelta(milliseconds=250))) == [1, 2, 3, 4, 5, 6, 7]


def test_a_read_goes_on_behind_the_page_that_landed(erp: Running) -> None:
    erp.create("sale.order", 7)
    found = pages(erp.connect(page_size=3), "sale_order")
    assert ids(pages(erp.connect(page_size=3), "sale_order", resume=found[0].position)) == [4, 5, 6, 7]
    with pytest.raises(UnexpectedShape, match="start this stream's window again"):
        pages(erp.connect(), "sale_order", resume={"page": 2})


def test_archived_records_are_read_like_all_others(erp: Running) -> None:
    (lead,) = erp.create("crm.lead", type="opportunity")
    erp.write("crm.lead", lead, active=False)
    assert [record["active"] for record in records(pages(erp.connect(), "crm_lead"))] == [False]
    assert [*erp.connect().keys(STREAM["crm_lead"])] == [str(lead)]


def test_what_was_unlinked_is_missed_among_the_keys(erp: Running) -> None:
    first, second = erp.create("sale.order", 2)
    databases.unlink(erp.database, "sale.order", first)
    assert [*erp.connect().keys(STREAM["sale_order"])] == [str(second)]


def test_records_of_every_company_are_read_and_say_whose_they_are(erp: Running) -> None:
    (other,) = erp.create("res.company", name="Our other company")
    erp.write("res.users", USER, company_ids=[COMPANY, other])
    erp.create("sale.order", company_id=COMPANY)
    erp.create("sale.order", company_id=other)
    assert [record["company_id"] for record in records(pages(erp.connect(), "sale_order"))] == [COMPANY, other]
    assert [record["company_id"] for record in records(pages(erp.connect(companies=[other]), "sale_order"))] == [other]


def test_a_company_that_the_user_may_not_work_in_is_named(erp: Running) -> None:
    with pytest.raises(Misconfigured, match=r"may not work in the companies \[7\]"):
        erp.connect(companies=[COMPANY, 7]).check()


# ---- rights, and what there is not

@VERSIONS
def test_a_field_that_a_group_may_not_see_is_left_out_and_said(tmp_path: Path, version: int) -> None:
    with company(tmp_path, version=version) as erp:
        erp.create("product.product", name="Lamp", standard_price=12.5)
        erp.api.hidden = {"product.product.standard_price"}
        found = pages(erp.connect(), "product_product")
    assert "standard_price" not in records(found)[0] and records(found)[0]["name"] == "Lamp"
    assert [*notes(found)] == ["product.product.standard_price"]


@VERSIONS
@pytest.mark.parametrize("api", ["auto", "jsonrpc"])
def test_fields_that_are_refused_only_when_they_are_read_are_left_out_one_after_the_other(tmp_path: Path, version: int, api: str) -> None:
    with company(tmp_path, version=version) as erp:
        erp.create("product.product", name="Lamp")
        erp.api.refused = {"product.product.standard_price", "product.product.list_price"}
        found = pages(erp.connect(api=api), "product_product")
    assert records(found)[0].keys().isdisjoint({"standard_price", "list_price"}) and records(found)[0]["name"] == "Lamp"
    assert sorted(notes(found)) == ["product.product.list_price", "product.product.standard_price"]


def test_a_field_of_other_versions_is_not_missed(tmp_path: Path) -> None:
    for version, name, value in ((16, "quantity_done", 3.0), (19, "quantity", 3.0)):
        with company(tmp_path / str(version), version=version) as erp:
            erp.create("stock.move", **{name: value})
            found = pages(erp.connect(), "stock_move")
        assert records(found)[0][name] == value and not notes(found)


@pytest.mark.parametrize("api", ["json-2", "jsonrpc"])
def test_a_model_that_may_not_be_read_fails_its_own_stream_alone(erp: Running, api: str) -> None:
    erp.api.forbidden = {"mail.tracking.value"}
    connector = erp.connect(api=api)
    with pytest.raises(Refused, match="mail_tracking_value: Odoo says: You are not allowed to access .* name the stream in `without`"):
        pages(connector, "mail_tracking_value")
    assert ids(pages(connector, "res_company")) == [COMPANY]


@VERSIONS
def test_a_model_that_is_not_installed_has_no_records_and_the_report_says_why(tmp_path: Path, version: int) -> None:
    with company(tmp_path, version=version) as erp:
        found = pages(erp.connect(), "helpdesk_ticket")
        assert records(found) == [] and notes(found) == {"helpdesk.ticket": "not installed in this Odoo, so it has no records"}
        assert [*erp.connect().keys(STREAM["helpdesk_ticket"])] == []


def test_the_fields_that_a_refusal_names_are_found_in_its_words() -> None:
    assert named_fields('You do not have enough rights to access the fields "a,b_c" on Partner (res.partner). Please contact') == {"a", "b_c"}
    assert named_fields('You do not have enough rights to access the field "cost" on Product (product.product).') == {"cost"}
    assert named_fields("can not be completed due to security restrictions.\n\nDocument type: Partner (res.partner)\nOperation: read\nUser: 2\nFields:\n"
                        "- vat (allowed for groups 'Accounting')\n- ref (always forbidden)") == {"vat", "ref"}
    assert named_fields("Access to unauthorized or invalid companies.") == frozenset()


# ---- what tells of a person

def test_names_of_people_are_hashed_and_names_of_firms_numbers_and_listed_reasons_are_not() -> None:
    def landed(stream: str, **record: Any) -> Any:
        declared = next(one for one in odoo.STREAMS if one.name == stream)
        return guard("odoo", declared, Policy(choices={}, key="k" * 40, own_domains=frozenset())).record({"id": 1, **record})

    firm = {"name": "Lund & Sons", "ref": "S003", "is_company": True}
    assert landed("res_partner", **firm) == {"id": 1, **firm}
    person = landed("res_partner", name="Mia Lund", ref="C00017", is_company=False)
    assert person["ref"] == "C00017" and "Mia" not in person["name"]
    assert "Mia" not in str(landed("crm_lead", name="Mia's roof")) and landed("crm_lead", name="L00017")["name"] == "L00017"
    assert landed("crm_lead", name=None)["name"] is None
    assert landed("account_move", ref="Reversal of: INV/2026/7, wrong item")["ref"] == "Reversal of: INV/2026/7, wrong item"
    assert "Mia" not in str(landed("account_move", ref="Reversal of: INV/2026/7, Mia was unhappy", x_reason="Mia again"))
    assert landed("res_users", name="Ann Other", login="ann@company.example")["name"] == "Ann Other"


# ---- errors

@pytest.mark.parametrize("api", ["auto", "json-2", "jsonrpc"])
def test_a_wrong_key_is_refused_and_never_shown(erp: Running, api: str) -> None:
    with pytest.raises(Refused, match="API key|renew the credential") as caught:
        erp.connect(api=api, key="a-wrong-key").check()
    assert "a-wrong-key" not in str(caught.value)


@pytest.mark.parametrize(("name", "message", "expected"), [
    ("odoo.exceptions.AccessDenied", "Access Denied", Refused), ("odoo.http.SessionExpiredException", "Session expired", Refused),
    ("psycopg2.errors.SerializationFailure", "could not serialize access due to concurrent update", Unreachable),
    ("odoo.exceptions.UserError", f"something about {KEY}", UnexpectedShape),
])
def test_an_error_with_status_200_is_an_error(erp: Running, name: str, message: str, expected: type[Exception]) -> None:
    connector = erp.connect(api="jsonrpc")
    connector.check()
    erp.api.failing = OdooError(name, message, 200)
    with pytest.raises(expected) as caught:
        pages(connector, "sale_order")
    assert type(caught.value) is expected and KEY not in str(caught.value)


def test_a_database_that_there_is_not_is_named(erp: Running) -> None:
    with pytest.raises(Misconfigured, match='database "other" does not exist'):
        erp.connect(api="jsonrpc", database="other").check()


def test_an_answer_without_a_result_is_nothing_and_not_an_error() -> None:
    """A method that returned None has no `result` in JSON-RPC."""
    with FaultServer().running() as server:
        server.otherwise = lambda asked: good({"jsonrpc": "2.0", "id": json.loads(asked.body)["id"]})
        connector = odoo.connect("erp", {"url": server.url, "database": DATABASE, "login": "me", "api": "jsonrpc"}, secrets={"key": KEY}, sleep=lambda _: None)
        with pytest.raises(UnexpectedShape, match="does not say that it is an Odoo"):
            connector.check()


def test_an_answer_to_another_question_is_not_taken_for_ours(tmp_path: Path) -> None:
    """JSON-RPC asks everything at one address: a cache that gave the changes once more would have stood them in the place of their messages."""
    with company(tmp_path, version=16) as erp, FaultServer().running() as server:
        (lead,) = erp.create("crm.lead", type="lead")
        erp.write("crm.lead", lead, type="opportunity")
        answers: list[Any] = []

        def cached(asked: Asked) -> Fault:
            is_about_messages = b"mail.message" in asked.body
            answers.append(erp.api.answer(asked.method, asked.path, asked.headers, asked.body)[2])
            return good(answers[-2 if is_about_messages else -1])

        server.otherwise = cached
        with pytest.raises(UnexpectedShape, match="the answer is one to another question; a proxy may be answering from a cache"):
            pages(erp.connect(url=server.url), "mail_tracking_value")


def test_a_page_of_an_older_window_does_not_end_the_reading_of_this_one(erp: Running) -> None:
    erp.create("res.partner", 2)
    with FaultServer().running() as server:
        old: list[Any] = []

        def cached(asked: Asked) -> Fault:
            answer = erp.api.answer(asked.method, asked.path, asked.headers, asked.body)[2]
            if "res.partner/search_read" in asked.path:
                old.append(answer)
            return good(old[0] if "res.partner/search_read" in asked.path else answer)

        server.otherwise = cached
        connector = erp.connect(url=server.url)
        assert len(records(pages(connector, "res_partner"))) == 4         # two came with the company
        since = NOW + timedelta(hours=2)
        with pytest.raises(UnexpectedShape, match="res.partner: a page holds what was not written in the window"):
            list(connector.read(stream_of("res_partner", MODELS["res_partner"]), Window(start=since, end=since + timedelta(hours=1))))


@pytest.mark.parametrize("answer", [{}, [], [{}], None, {"uid": None}], ids=str)
def test_an_answer_that_does_not_say_who_we_are_is_an_error_by_name(answer: Any) -> None:
    with FaultServer().running() as server:
        server.otherwise = lambda asked: good(answer)
        connector = odoo.connect("erp", {"url": server.url, "database": DATABASE, "api": "json-2"}, secrets={"key": KEY}, sleep=lambda _: None)
        with pytest.raises(UnexpectedShape, match="does not tell whose key this is"):
            connector.check()


@pytest.mark.parametrize(("options", "what"), [
    ({"database": ""}, "'database' is missing"), ({"api": "xml"}, "api is 'xml'"), ({"api": "jsonrpc", "login": ""}, "'login' is missing"),
    ({"page_size": 0}, "page_size is 0"), ({"without": "sale_order"}, "without is 'sale_order'"), ({"without": ["sales"]}, r"without is \['sales'\]"),
    ({"companies": ["one"]}, r"companies is \['one'\]"), ({"passwort": 1}, "unknown option passwort"), ({"url": "http://erp.example.com"}, "plain http"),
])
def test_a_wrong_option_is_named(erp: Running, options: dict[str, Any], what: str) -> None:
    with pytest.raises(Misconfigured, match=what):
        erp.connect(**options)


@pytest.mark.parametrize(("key", "what"), [("", "no API key is set"), ("pässword", "the key is no API key")])
def test_a_key_that_cannot_be_one_is_named(erp: Running, key: str, what: str) -> None:
    with pytest.raises(Misconfigured, match=what):
        erp.connect(key=key)
