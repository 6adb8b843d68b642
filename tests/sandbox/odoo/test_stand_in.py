"""The stand-in follows the vendor's documented rules, and holds the sandbox company's trade and leads."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.company.plan import Plan, number_of
from sandbox.company.story import next_day, write_plan
from sandbox.odoo import database as databases
from sandbox.odoo import load as loading
from sandbox.odoo.server import DATABASE, LOGIN, USER
from tests.sandbox.odoo.erp import KEY, Running, company


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Running]:
    with company(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


def json_2(erp: Running, model: str, method: str, *, key: str = KEY, **arguments: Any) -> requests.Response:
    return requests.post(f"{erp.url}/json/2/{model}/{method}", json=arguments, headers={"Authorization": f"bearer {key}", "X-Odoo-Database": DATABASE}, timeout=10)


def json_rpc(erp: Running, service: str, method: str, *arguments: Any) -> Any:
    body = {"jsonrpc": "2.0", "method": "call", "id": 7, "params": {"service": service, "method": method, "args": arguments}}
    answer = requests.post(f"{erp.url}/jsonrpc", json=body, timeout=10)
    assert answer.status_code == 200
    return answer.json()


def execute(erp: Running, model: str, method: str, *positional: Any, key: str = KEY, **named: Any) -> Any:
    return json_rpc(erp, "object", "execute_kw", DATABASE, USER, key, model, method, [*positional], named)


# ---- the two APIs

def test_json_2_answers_errors_with_a_status_and_the_exceptions_name(erp: Running) -> None:
    wrong = json_2(erp, "res.partner", "search_read", key="other", fields=["name"])
    assert wrong.status_code == 401 and wrong.json()["message"] == "Invalid apikey"
    assert json_2(erp, "crm.nothing", "search_read").status_code == 404
    erp.api.hidden = {"res.partner.ref"}
    refused = json_2(erp, "res.partner", "search_read", fields=["ref"])
    assert refused.status_code == 403 and refused.json()["name"] == "odoo.exceptions.AccessError" and '"ref"' in refused.json()["message"]


def test_json_rpc_answers_errors_with_status_200(erp: Running) -> None:
    assert json_rpc(erp, "common", "authenticate", DATABASE, LOGIN, "other", {})["result"] is False
    assert execute(erp, "res.partner", "search_read", key="other")["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"
    assert execute(erp, "crm.nothing", "search_read")["error"]["data"]["message"] == "Object crm.nothing doesn't exist"
    assert execute(erp, "res.partner", "search_read", fields=["nothing"])["error"]["data"]["message"] == "Invalid field 'nothing' on model 'res.partner'"


def test_json_2_is_of_version_19_and_json_rpc_of_all(tmp_path: Path) -> None:
    with company(tmp_path, version=18) as erp:
        assert json_2(erp, "res.partner", "search_read").status_code == 404
        assert json_rpc(erp, "common", "version")["result"]["server_version_info"][0] == 18


# ---- records

def test_a_stamp_is_shown_to_the_second_and_compared_to_the_microsecond(erp: Running) -> None:
    at = databases.moment(datetime(2026, 11, 1, 2, 0, 0, 700_000, tzinfo=UTC))
    databases.create(erp.database, "sale.order", {}, at=at)
    after = [["write_date", ">", "2026-11-01 02:00:00"]]
    assert json_2(erp, "sale.order", "search_read", domain=after, fields=["write_date"]).json() == [{"id": 1, "write_date": "2026-11-01 02:00:00"}]


def test_a_domain_is_read_in_prefix_notation_and_through_links(erp: Running) -> None:
    first, second, third = (erp.create("account.move", move_type=kind)[0] for kind in ("entry", "out_invoice", "out_refund"))
    lines = [erp.create("account.move.line", move_id=move)[0] for move in (first, second, third)]

    def found(*domain: Any) -> list[int]:
        return [row["id"] for row in json_2(erp, "account.move.line", "search_read", domain=domain, fields=["id"]).json()]

    assert found(["move_id.move_type", "in", ["out_invoice", "out_refund"]]) == lines[1:]
    assert found("|", ["id", "=", lines[0]], ["move_id", "=", third], ["id", ">", lines[0]]) == lines[2:]
    assert found("!", ["id", "=", lines[1]]) == [lines[0], lines[2]]


def test_archived_records_and_those_of_other_companies_are_hidden_unless_they_are_asked_for(erp: Running) -> None:
    (lead,), (other,) = erp.create("crm.lead"), erp.create("res.company", name="Other")
    erp.write("crm.lead", lead, active=False)
    erp.write("res.users", USER, company_ids=[1, other])
    erp.create("sale.order", company_id=other)

    def found(model: str, **context: Any) -> list[int]:
        return [row["id"] for row in json_2(erp, model, "search_read", fields=["id"], context=context).json()]

    assert found("crm.lead") == [] and found("crm.lead", active_test=False) == [lead]
    assert found("sale.order", allowed_company_ids=[1]) == [] and found("sale.order", allowed_company_ids=[1, other]) == [1]
    assert "unauthorized" in json_2(erp, "sale.order", "search_read", fields=["id"], context={"allowed_company_ids": [99]}).json()["message"]


def test_a_tracked_change_leaves_a_message_and_a_value_that_go_with_the_record(erp: Running) -> None:
    (order,) = erp.create("sale.order", state="draft")
    erp.write("sale.order", order, state="sent", origin="x")
    (value,) = erp.database.state.items("mail.tracking.value")
    assert (value["old_value_char"], value["new_value_char"]) == ("Quotation", "Quotation Sent")
    assert databases.one(erp.database, "mail.message", value["mail_message_id"])["res_id"] == order
    databases.unlink(erp.database, "sale.order", order)
    assert erp.database.state.count("mail.tracking.value") == erp.database.state.count("mail.message") == 0


def test_lines_go_with_their_document(erp: Running) -> None:
    orders = erp.create("sale.order", 2)
    for order in orders:
        erp.create("sale.order.line", 2, order_id=order)
    databases.unlink(erp.database, "sale.order", orders[0])
    assert [line["order_id"] for line in erp.database.state.items("sale.order.line")] == [orders[1]] * 2


# ---- the sandbox company

def some(plan: Plan, orders: int) -> Plan:
    """The plan with its first orders alone, and with what those need."""
    kept = plan.orders[:orders]
    leads = {order.lead for order in kept}
    return replace(plan, orders=kept, leads=tuple(lead for lead in plan.leads if lead.order is None or lead.number in leads), rates=plan.rates[:30])


@pytest.mark.parametrize("version", [16, 19])
def test_every_version_holds_the_whole_company(tmp_path: Path, plan: Plan, version: int) -> None:
    few = some(plan, 40)
    with company(tmp_path, version=version, empty=True) as erp:
        told = loading.load(few, erp.database)
        orders = [item for item in erp.database.state.items("sale.order") if item["state"] == "sale"]
        sent = {item["sale_id"] for item in erp.database.state.items("stock.picking") if item["x_delivered_at"]}
        assert erp.database.has("stock.valuation.layer") == (version < 19)
        assert bool(erp.database.state.items("stock.move")[0].get("value")) == (version >= 19)
    assert told["crm.lead"] == len(few.leads) and told["purchase.order"] == len(few.purchases)
    assert {item["name"] for item in orders} == {order.number for order in few.orders if order.confirmed_at and not order.cancelled_at}
    assert sent == {number_of(order.number) for order in few.orders if order.shipments}


def test_a_lived_day_leaves_what_a_load_of_the_longer_story_leaves_less_what_was_thrown_away(tmp_path: Path, plan: Plan) -> None:
    day = next_day(plan, plan.ends_on + timedelta(days=1))
    orders = {order.number for order in day.after.orders[-60:]}

    def cut(one: Plan) -> Plan:
        return replace(one, orders=tuple(order for order in one.orders if order.number in orders), rates=one.rates[:30])

    with company(tmp_path / "lived", empty=True) as lived, company(tmp_path / "loaded", empty=True) as loaded:
        loading.load(cut(plan), lived.database)
        lead = next(one for one in day.after.leads if one.stages[-1][1].date() < plan.starts_on + timedelta(days=60))
        deleted = {**day.deleted, "leads": [*day.deleted.get("leads", ()), lead.number]}
        done = loading.live_day(cut(plan), cut(day.after), deleted, lived.database)
        loading.load(cut(day.after), loaded.database)
        assert done["steps"] > 50 and done["deleted"] >= 1
        for model in ("res.partner", "sale.order", "sale.order.line", "stock.picking", "stock.move", "purchase.order", "crm.lead"):
            mine, theirs = ({item["id"]: item for item in erp.database.state.items(model)} for erp in (lived, loaded))
            assert mine == {key: item for key, item in theirs.items() if (model, key) != ("crm.lead", number_of(lead.number))}, model


def test_the_stand_in_is_loaded_started_asked_and_stopped_from_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "sandbox.odoo", *arguments, "--home", str(tmp_path)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("load", "--size", "small", "--seed", "7")
    try:
        run("start")
        facts = json.loads((tmp_path / "odoo.json").read_text())
        assert facts["database"] == DATABASE and stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
        key = (tmp_path / "secrets.env").read_text().partition("ODOO_KEY=")[2].split()[0]
        answer = requests.post(f"{facts['url']}/json/2/sale.order/search_count", json={"domain": []}, headers={"Authorization": f"bearer {key}"}, timeout=10)
        assert answer.json() > 2000
    finally:
        run("stop")
