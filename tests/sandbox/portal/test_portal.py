"""The partner's portal: what its pages let through, and that nothing there notices an order entered twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connectors.files import declare
from connectors.formats import rows as read_rows
from sandbox import drop
from sandbox.company import partner
from sandbox.company.story import write_plan
from sandbox.portal import rules
from sandbox.portal.load import load
from sandbox.portal.server import set_faults
from sandbox.stand_in.state import State
from tests.flows.automation.robots.dealer import PASSWORD, USER, Dealer, dealer

HEADER = {"cust_ref": "SO-1", "cust_no": "C1", "cust_name": "Eva", "ship_to": "Ring 1", "deliv_date": "20.11.2026"}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Dealer]:
    with dealer(tmp_path) as running:
        yield running


def logged_in(portal: Dealer) -> requests.Session:
    client = requests.Session()
    client.trust_env = False
    assert "Welcome" in client.post(f"{portal.url}/login", data={"user": USER, "pass": PASSWORD}).text
    return client


def send(client: requests.Session, portal: Dealer, path: str, **fields: str) -> str:
    token = re.search(r"form_token' value='(\w+)'", client.get(f"{portal.url}/order/{'review' if path == 'submit' else path}").text)
    assert token
    return client.post(f"{portal.url}/order/{path}", data={**fields, "form_token": token[1]}).text


def test_an_order_submitted_twice_is_two_orders(portal: Dealer) -> None:
    client = logged_in(portal)
    assert "Step 2" in send(client, portal, "header", **HEADER)
    assert "K-100" in send(client, portal, "lines", item_no="K-100", qty="3")
    assert "500001" in send(client, portal, "submit") and "500002" in send(client, portal, "submit")
    assert portal.entered() == {"SO-1": 2}


def test_without_its_token_a_form_is_not_taken_and_without_a_session_nothing_is(portal: Dealer) -> None:
    client = logged_in(portal)
    assert client.post(f"{portal.url}/order/header", data=HEADER).status_code == 400
    set_faults(portal.state, ends_at=["/orders"])
    assert "form id='login'" in client.get(f"{portal.url}/orders").text and "form id='login'" in client.get(f"{portal.url}/").text
    assert "User or password is wrong" in requests.post(f"{portal.url}/login", data={"user": USER, "pass": "guess"}, timeout=9).text


@pytest.mark.parametrize(("field", "value", "words"), [
    ("cust_ref", "", "Your reference is mandatory"), ("cust_ref", "x" * 21, "longer than 20"), ("ship_to", "x" * 36, "longer than 35"),
    ("deliv_date", "01.11.2026", "in the past"), ("deliv_date", "2026-11-20", "DD.MM.YYYY")])
def test_what_is_wrong_is_said_on_the_page(portal: Dealer, field: str, value: str, words: str) -> None:
    answer = send(logged_in(portal), portal, "header", **{**HEADER, field: value})
    assert words in answer and "Step 1" in answer


def test_an_order_without_lines_is_not_entered(portal: Dealer) -> None:
    client = logged_in(portal)
    send(client, portal, "header", **HEADER)
    assert "has no lines" in send(client, portal, "submit") and not portal.entered()


def test_the_portal_of_the_company_reports_what_the_drop_folder_has(tmp_path: Path) -> None:
    plan = write_plan(seed=7, size="small")
    state = State(tmp_path / "portal.sqlite", ticking=False)
    assert load(plan, state) == {"items": len(partner.ITEMS), "orders": len(partner.entered(plan))}
    report = rules.report(state, "01.01.2026", "31.12.2026")
    drop.write_drop(plan, tmp_path / "drop")
    assert report.encode("cp1252") == (tmp_path / "drop" / "partner_orders.csv").read_bytes()
    declared = declare("drop", "partner_orders", drop.declaration()["partner_orders"])
    read = list(read_rows(tmp_path / "drop" / "partner_orders.csv", declared.shape, is_packed=False))
    assert len(read) == len(partner.entered(plan)) and read[0]["Entered"] == partner.entered(plan)[0].entered_on.isoformat()
    assert 3 <= len(partner.to_rekey(plan)) <= 20, "a handful is left to be typed in"
    state.close()
