"""Tryton (7.6 and later), written over its built-in REST API with an API key of a user of our own.

A purchase has one supplier, so a line moves to another supplier by moving to another draft: that of the same warehouse which we opened there before, or a new
one. Orders that are quoted or confirmed are refused by Tryton itself and by us before. REST does not run the forms' on_change, so what a person's
client would fill in (address, currency, price, the supplier's own product) is filled in here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.tryton import encode, unwrap
from flows.automation.actions.http import Http
from flows.automation.actions.setting import setting
from flows.automation.contract import Action, Kind, Parameters, Refused, State, Undo, Unrecognized

SETTLES = timedelta(minutes=5)      # the connector's LAG: how long a transaction of Tryton's may take
MOVED = "Meridian: moved from purchase "         # and its id (drafts have no number yet): the description of a draft that we opened


@dataclass(frozen=True, kw_only=True)
class Session:
    http: Http
    database: str
    company: int

    def find(self, model: str, domain: list[Any], *wanted: str, most: int = 50) -> list[dict[str, Any]]:
        params = [("d", encode(domain)), ("o", encode([["id", "ASC"]])), ("s", str(most)), *(("f", name) for name in wanted)]
        rows = self.http.get(f"{self.database}/rest/model/{model}", params)
        if not isinstance(rows, list):
            raise Unrecognized(f"{model}: the answer is no list of records")
        return [unwrap(row) for row in rows]

    def change(self, model: str, number: int, values: Mapping[str, Any]) -> None:
        self.http.send("PUT", f"{self.database}/rest/model/{model}/{number}", dict(values))

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        return int(self.http.send("POST", f"{self.database}/rest/model/{model}", dict(values))["id"])


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Session]:
    if not secrets.get("WRITE_KEY"):
        raise Refused("no API key: make one in Tryton (user preferences, application REST API) and put it into the variable that ends in _WRITE_KEY")
    bearer = {"Authorization": f"bearer {secrets['WRITE_KEY']}"}
    with Http(options["url"], bearer) as http:
        company = int(options.get("company") or _only_company(Session(http=http, database=options["database"], company=0)))
    # Records belong to a company, and Tryton hides what is archived unless it is told not to.
    context = encode({"company": company, "companies": [company], "active_test": False})
    with Http(options["url"], {**bearer, "X-Tryton-Context": context}) as http:
        yield Session(http=http, database=options["database"], company=company)


def _only_company(session: Session) -> int:
    rows = session.find("company.company", [], "id", most=3)
    if len(rows) != 1:
        raise Refused(f"the key sees {len(rows)} companies; name one: company = <its id in Tryton>")
    return int(rows[0]["id"])


def _check(session: Session) -> str:
    found = session.find("company.company", [["id", "=", session.company]], "party.name")
    if not found:
        raise Refused(f"there is no company {session.company}")
    return f"Tryton database {session.database} at {session.http.base}, company {found[0]['party']['name']}"


# ---- lines of draft purchases

def _line(session: Session, number: str) -> dict[str, Any]:
    number = number.rpartition(":")[2]              # 'erp:722' of the marts is Tryton's 722
    wanted = ("purchase.number", "purchase.state", "purchase.party.code", "purchase.warehouse", "purchase.delivery_date", "product.template", "quantity",
              "unit_price", "purchase.description")
    found = session.find("purchase.line", [["id", "=", int(number)]], *wanted) if number.isdigit() else []
    if not found:
        raise Refused(f"there is no purchase line {number}")
    return found[0]


def _where(session: Session, given: Parameters, marker: str) -> State:
    line = _line(session, given["line"])
    return {"purchase": line["purchase"]["number"] or line["purchase"]["id"], "supplier": line["purchase"]["party"]["code"], "state": line["purchase"]["state"],
            "quantity": line["quantity"], "unit_price": line["unit_price"]}


def _move(session: Session, given: Parameters, before: State, marker: str) -> None:
    line = _line(session, given["line"])
    purchase = line["purchase"]
    if purchase["party"]["code"] == given["supplier"]:
        return
    if purchase["state"] != "draft":
        raise Refused(f"purchase {purchase['number']} is {purchase['state']}: only what is a draft can still go to another supplier")
    suppliers = session.find("party.party", [["code", "=", given["supplier"]]], "code", "addresses")
    if len(suppliers) != 1 or not suppliers[0]["addresses"]:
        raise Refused(f"there is no supplier {given['supplier']!r}" if not suppliers else f"{given['supplier']} has no address to order at")
    supplier = suppliers[0]
    # The original draft is where a line goes back to, as long as it is still one.
    origin = str(purchase["description"] or "").removeprefix(MOVED)
    back = session.find("purchase.purchase", [["id", "=", int(origin)], ["party", "=", supplier["id"]], ["state", "=", "draft"]], "currency") \
        if origin.isdigit() else []
    offer = _offer(session, line, supplier["id"], given["supplier"])
    price = given.get("unit_price") or _price(offer, line["quantity"])
    session.change("purchase.line", line["id"], {
        "purchase": back[0]["id"] if back else _draft(session, line, supplier, offer["currency"]), "product_supplier": offer["id"],
        "unit_price": {"__class__": "Decimal", "decimal": price}})
    if back:
        _tidy(session, purchase["id"])


def _tidy(session: Session, purchase: int) -> None:
    """A draft that we opened and that everything went back out of is cancelled; one that a kill leaves behind is used again."""
    if not session.find("purchase.line", [["purchase", "=", purchase]], "id", most=1):
        session.http.send("POST", f"{session.database}/rest/model/purchase.purchase/{purchase}/cancel", {})


def _offer(session: Session, line: Mapping[str, Any], supplier: int, code: str) -> dict[str, Any]:
    offers = session.find("purchase.product_supplier", [["party", "=", supplier], ["template", "=", line["product"]["template"]], ["active", "=", True]],
                          "currency", "prices.quantity", "prices.unit_price")
    if not offers or not offers[0]["prices"]:
        raise Refused(f"{code} has no price for this product in Tryton; enter one, or take another supplier")
    return offers[0]


def _price(offer: Mapping[str, Any], quantity: float) -> str:
    """That of the largest quantity which is reached; the first step's below all of them."""
    steps = sorted(offer["prices"], key=lambda step: step["quantity"])
    reached = [step for step in steps if step["quantity"] <= quantity] or steps[:1]
    return str(reached[-1]["unit_price"])


def _draft(session: Session, line: Mapping[str, Any], supplier: Mapping[str, Any], currency: int) -> int:
    """The supplier's draft for what moves out of this purchase: one, however many lines move and however often this is tried."""
    purchase = line["purchase"]
    description = f"{MOVED}{purchase['id']}"
    there = session.find("purchase.purchase", [["party", "=", supplier["id"]], ["state", "=", "draft"], ["description", "=", description],
                                               ["currency", "=", currency]], "number")
    if there:
        return int(there[0]["id"])
    values = {"company": session.company, "party": supplier["id"], "invoice_address": supplier["addresses"][0], "warehouse": purchase["warehouse"],
              "currency": currency, "description": description}
    if purchase.get("delivery_date"):
        values["delivery_date"] = _date(purchase["delivery_date"])
    return session.create("purchase.purchase", values)


def _date(day: str) -> dict[str, Any]:
    year, month, number = map(int, day.split("-"))
    return {"__class__": "date", "year": year, "month": month, "day": number}


# ---- campaigns

def _campaign(session: Session, name: str) -> dict[str, Any]:
    found = session.find("marketing.campaign", [["name", "=", name]], "name", "active")
    if len(found) != 1:
        raise Refused(f"there is no campaign {name!r}" if not found else f"{len(found)} campaigns are called {name!r}")
    return found[0]


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise Refused(f"active is {text!r}; write yes or no")
    return text == "yes"


KIND = Kind(
    name="tryton", options={"url": "of the server, without the database", "database": "its name", "company?": "id in Tryton, where there are several"},
    secrets=("WRITE_KEY",), open=_open, check=_check,
)

ACTIONS = (
    Action(
        name="tryton.move_purchase_line", does={"en": "Move a line of a draft purchase to another supplier", "zh-CN": "将采购草稿行改到另一供应商"},
        parameters={"line": "its id", "supplier": "the other supplier's code", "unit_price?": "default: by its price list"}, repeat="A", settles=SETTLES,
        look=_where, act=_move,
        wanted=lambda given, before: {"supplier": given["supplier"], "quantity": before.get("quantity"),
                                      **({"unit_price": given["unit_price"]} if given.get("unit_price") else {})},
        undo=lambda given, before, after: Undo(action="tryton.move_purchase_line", parameters={
            "line": given["line"], "supplier": before["supplier"], "unit_price": before["unit_price"]}),
    ),
    setting("tryton.set_campaign_active", does={"en": "Pause a campaign, or take it up again", "zh-CN": "暂停或恢复营销活动"}, of=("campaign", "its name"),
            to=("active", "yes or no"), settles=SETTLES, read=lambda session, name: bool(_campaign(session, name)["active"]), value=_yes,
            write=lambda session, name, value: session.change("marketing.campaign", _campaign(session, name)["id"], {"active": value}),
            text=lambda value: "yes" if value else "no"),
)
