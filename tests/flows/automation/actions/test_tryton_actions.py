"""The actions in a real Tryton; what it holds afterwards is read from its own database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flows.automation.actions import http, tryton
from flows.automation.contract import Refused
from sandbox.tryton.home import WRITE_KEY_NAME, key_of
from tests.connectors.faults import LOGIN_PAGE, Fault, FaultServer, faults
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions import promises
from tests.flows.automation.actions.promises import Case, Subject
from tests.sandbox.tryton.box import Box, writable_company

__all__ = ["faults"]

CAMPAIGN = "black week"
MOVING = "tryton.move_purchase_line"

PLACE = """
    select party.code, purchase_line.unit_price
    from purchase_line join purchase_purchase on purchase_purchase.id = purchase_line.purchase join party_party as party on party.id = purchase_purchase.party
    where purchase_line.id = ?
"""


def rows(box: Box, query: str, *values: Any) -> list[Any]:
    with sqlite3.connect(box.home.data / "company.sqlite", timeout=30) as connection:
        return connection.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def box() -> Box:
    return writable_company()


@pytest.fixture(scope="module")
def subject(box: Box) -> Subject:
    return Subject(kind="tryton", options={"url": box.facts["url"], "database": box.facts["database"]}, secrets={"WRITE_KEY": key_of(box.home, WRITE_KEY_NAME)})


@pytest.fixture(scope="module")
def lines(box: Box, subject: Subject) -> list[str]:
    """Two lines of a draft at S004 for the lamp that S001 and S007 sell too, typed in as a buyer does."""
    (product,), = rows(box, "select id from product_product where code = 'LMP-130'")
    with subject.session() as session:
        supplier, = session.find("party.party", [["code", "=", "S004"]], "addresses")
        warehouse = session.find("stock.location", [["type", "=", "warehouse"]], "id")[0]["id"]
        offer, = session.find("purchase.product_supplier", [["party", "=", supplier["id"]], ["template.products.code", "=", "LMP-130"]], "currency")
        purchase = session.create("purchase.purchase", {
            "company": session.company, "party": supplier["id"], "invoice_address": supplier["addresses"][0], "warehouse": warehouse,
            "currency": offer["currency"], "delivery_date": {"__class__": "date", "year": 2026, "month": 12, "day": 4}})
        return [str(session.create("purchase.line", {
            "purchase": purchase, "type": "line", "product": product, "product_supplier": offer["id"], "quantity": quantity, "unit": 1,
            "unit_price": {"__class__": "Decimal", "decimal": "26.00"}})) for quantity in (60.0, 20.0)]


@pytest.fixture(scope="module")
def cases(box: Box, lines: list[str]) -> dict[str, Case]:
    def place(marker: str) -> Any:
        (code, price), = rows(box, PLACE, int(lines[0]))
        return code, float(price)

    return {case.action: case for case in (
        Case(action=MOVING, given={"line": f"erp:{lines[0]}", "supplier": "S001"}, wrong={"supplier": "S003"},
             truth=place, at_first=("S004", 26.0), done=("S001", 25.37), undone=("S004", 26.0)),
        Case(action="tryton.set_campaign_active", given={"campaign": CAMPAIGN, "active": "no"}, wrong={"campaign": "no such"},
             truth=lambda marker: [bool(row[0]) for row in rows(box, "select active from marketing_campaign where name = ?", CAMPAIGN)],
             at_first=[True], done=[False], undone=[True]),
    )}


@pytest.fixture(scope="module")
def proxy(subject: Subject) -> Iterator[proxies.Proxy]:
    with proxies.before(str(subject.options["url"])) as one:
        yield one


@pytest.mark.parametrize("name", [MOVING, "tryton.set_campaign_active"])
def test_what_was_done_is_there_once_is_seen_and_taken_back(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.it_is_done_seen_and_undone(subject, cases[name], "m-done")


@pytest.mark.parametrize("fault", proxies.FAULTS)
def test_a_fault_says_what_is_known_of_the_effect(
    subject: Subject, cases: dict[str, Case], proxy: proxies.Proxy, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 5.0) if fault != "silence after" else (5.0, 1.0))
    proxy.silence = 3.0
    promises.a_fault_says_what_is_known(subject, cases["tryton.set_campaign_active"], f"m-{fault.replace(' ', '-')}", proxy, fault)


@pytest.mark.parametrize("name", [MOVING, "tryton.set_campaign_active"])
def test_what_is_wrong_is_refused_and_changes_nothing(subject: Subject, cases: dict[str, Case], name: str) -> None:
    promises.what_is_wrong_is_refused(subject, cases[name], "m-wrong")


@pytest.mark.parametrize("fault", ["500 after", "reset after"])
def test_a_draft_opened_before_the_answer_was_lost_is_used_and_not_opened_again(
    box: Box, subject: Subject, cases: dict[str, Case], proxy: proxies.Proxy, fault: str,
) -> None:
    case = cases[MOVING]
    purchase, = rows(box, "select purchase from purchase_line where id = ?", int(case.given["line"].removeprefix("erp:")))[0]
    drafts = f"select count(*) from purchase_purchase where description = '{tryton.MOVED}{purchase}' and state = 'draft'"
    with subject.session(proxy) as session:
        before = case.means.look(session, case.given, "m-draft")
        proxy.faults = [fault]                      # the first change is the new draft
        with pytest.raises(promises.Unanswered):
            case.means.act(session, case.given, before, "m-draft")
        assert rows(box, drafts) == [(1,)]
        assert case.truth("m-draft") == case.at_first
        case.means.act(session, case.given, before, "m-draft")
        assert rows(box, drafts) == [(1,)]
        assert case.truth("m-draft") == case.done
        undo = case.means.undo(case.given, before, {})
        assert undo
        promises.take_back(session, undo, "m-draft-u")
    assert rows(box, drafts) == [(0,)]          # what was emptied is cancelled


def test_lines_of_one_purchase_move_into_one_draft(box: Box, subject: Subject, cases: dict[str, Case], lines: list[str]) -> None:
    case = cases[MOVING]
    both = [replace(case, given={**case.given, "line": line}) for line in lines]
    with subject.session() as session:
        befores = [one.means.look(session, one.given, "m-both") for one in both]
        for one, before in zip(both, befores, strict=True):
            one.means.act(session, one.given, before, "m-both")
        places = {rows(box, "select purchase from purchase_line where id = ?", int(line))[0][0] for line in lines}
        assert len(places) == 1
        total, = rows(box, "select count(*), sum(quantity) from purchase_line where purchase = ?", places.pop())
        assert total == (2, 80.0)
        for one, before in zip(both, befores, strict=True):
            undo = one.means.undo(one.given, before, {})
            assert undo
            promises.take_back(session, undo, "m-both-u")


def test_what_is_ordered_already_does_not_move(box: Box, subject: Subject, cases: dict[str, Case]) -> None:
    line, code = rows(box, """select purchase_line.id, party_party.code from purchase_line join purchase_purchase on purchase_purchase.id = purchase_line.purchase
        join party_party on party_party.id = purchase_purchase.party where purchase_purchase.state = 'processing' and party_party.code <> 'S001' limit 1""")[0]
    case = replace(cases[MOVING], given={"line": str(line), "supplier": "S001"})
    with subject.session() as session, pytest.raises(Refused, match="only what is a draft"):
        case.means.act(session, case.given, case.means.look(session, case.given, "m-ordered"), "m-ordered")
    assert rows(box, PLACE, line)[0][0] == code


def test_who_writes_for_us_may_buy_and_run_campaigns_and_nothing_else(box: Box, subject: Subject) -> None:
    with subject.session() as session, pytest.raises(Refused):
        session.create("product.category", {"name": "ours"})
    with subject.session() as session, pytest.raises(Refused):
        session.change("res.user", 1, {"name": "me"})


def test_a_price_is_that_of_the_largest_quantity_reached() -> None:
    offer = {"prices": [{"quantity": 100.0, "unit_price": "8.00"}, {"quantity": 0.0, "unit_price": "10.00"}, {"quantity": 50.0, "unit_price": "9.00"}]}
    assert [tryton._price(offer, quantity) for quantity in (10, 50, 99, 100)] == ["10.00", "9.00", "9.00", "8.00"]
    assert tryton._price({"prices": [{"quantity": 50.0, "unit_price": "9.00"}]}, 10) == "9.00"


def test_a_login_page_is_unrecognized_and_nobody_there_unavailable(subject: Subject, cases: dict[str, Case], faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=LOGIN_PAGE, content_type="text/html")
    promises.a_login_page_is_not_an_answer(subject, cases[MOVING], faults.url)
    promises.nobody_there_is_unavailable(subject, cases[MOVING])
