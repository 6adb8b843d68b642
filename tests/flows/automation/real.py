"""Work in the real systems, through the proxy, for the lives in faults.py; what they hold is counted over their APIs, past proxy and actions.

    A  tryton.move_purchase_line        a line of a draft of its own; counted are the drafts that were opened for it, and whether the line is in one
       tryton.set_campaign_active       back and forth; counted is whether the campaign is so (a state has no more to count)
       request_tracker.set_priority     a value of its own; counted are RT's transactions that set it
    B  request_tracker.note, .open_task counted are the comments and the tickets that carry the marker
    C  request_tracker.say              a comment without a marker. No shipped action is of class C, so this one is made here: RT's own request for a
                                        comment, and a look that can only count them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from flows.automation.actions import ACTIONS
from flows.automation.actions.request_tracker import API, SETTLES
from flows.automation.actions.tryton import MOVED
from flows.automation.contract import Action, State
from flows.store.intents import Intent
from tests.flows.automation import proxy as proxies
from tests.flows.automation.actions.promises import Subject
from tests.flows.automation.faults import Work
from tests.flows.automation.proxy import Proxy

FROM, TO, PRODUCT = "S004", "S001", "LMP-130"
PATIENCE = (5.0, 3.0)           # seconds to connect and to answer, for flows.automation.actions.http.TIMEOUT: every silence costs them


def history(session: Any, ticket: str, *fields: str) -> list[Mapping[str, Any]]:
    """All that happened to a ticket."""
    found: list[Mapping[str, Any]] = []
    for page in count(1):
        rows = session.get(f"{API}/ticket/{ticket}/history", {"fields": ",".join(("Type", *fields)), "per_page": 100, "page": page})["items"]
        if not rows:            # how many pages there are, RT does not tell whoever is no superuser
            return found
        found += rows
    return found


def _comments(session: Any, given: Mapping[str, str], marker: str) -> State:
    return {"comments": sum(row["Type"] == "Comment" for row in history(session, given["ticket"]))}


def _say(session: Any, given: Mapping[str, str], before: State, marker: str) -> None:
    session.send("POST", f"{API}/ticket/{given['ticket']}/comment", {"Subject": given["text"], "Content": given["text"], "ContentType": "text/plain"})


SAY = Action(
    name="request_tracker.say", does={"en": "Says something on a ticket", "zh-CN": "在工单上发言"}, parameters={"ticket": "its number", "text": "what"}, repeat="C",
    settles=SETTLES, look=_comments, wanted=lambda given, before: {"comments": before["comments"] + 1}, act=_say)


@dataclass(kw_only=True)
class Real:
    """A real system behind its proxy. makes: action -> the row and the step of the next piece of work there, and how it is counted."""

    subject: Subject
    proxy: Proxy
    makes: Mapping[str, Callable[[Any, int], tuple[Mapping[str, str], Callable[[Any, Intent], int]]]]
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def work(self, action: str) -> Work:
        """The next piece of work for an action, with parameters that no other one has."""
        with self.subject.session() as straight:
            given, counts = self.makes[action](straight, next(self.numbers))

        def effects(intent: Intent) -> int:
            with self.subject.session() as past:
                return counts(past, intent)

        subject = "/".join(given.values())
        row = {"worklist": "orders", "work_key": subject, "subject": subject, "evidence_en": "late", "evidence_zh": "晚", "owner": "mira", "severity": "act",
               "value": 1.0, **given}
        return Work(row=row, step={"do": action, "target": "shop", "with": {name: f"{{{name}}}" for name in given}}, between=self.proxy, effects=effects,
                    actions={**ACTIONS, SAY.name: SAY}, session=lambda: self.subject.session(self.proxy))


@contextmanager
def helpdesk(subject: Subject, tickets: Mapping[str, int]) -> Iterator[Real]:
    """tickets: action -> a ticket of its own, so that none is between another one's before and after."""

    def priority(session: Any, number: int) -> tuple[Mapping[str, str], Callable[[Any, Intent], int]]:
        given = {"ticket": str(tickets["set_priority"]), "priority": str(1000 + number)}

        def times(past: Any, intent: Intent) -> int:
            rows = history(past, given["ticket"], "Field", "NewValue")
            return sum((row.get("Field"), str(row.get("NewValue"))) == ("Priority", given["priority"]) for row in rows)

        return given, times

    def noted(action: str) -> Callable[[Any, int], tuple[Mapping[str, str], Callable[[Any, Intent], int]]]:
        def made(session: Any, number: int) -> tuple[Mapping[str, str], Callable[[Any, Intent], int]]:
            given = {"ticket": str(tickets[action]), "text": f"three hours over, {number:05d}"}

            def times(past: Any, intent: Intent) -> int:
                said = intent.marker if action == "note" else given["text"]
                return sum(row["Type"] == "Comment" and said in (row.get("Data") or "") for row in history(past, given["ticket"], "Data"))

            return given, times
        return made

    def task(session: Any, number: int) -> tuple[Mapping[str, str], Callable[[Any, Intent], int]]:
        return ({"queue": "Billing", "subject": f"Call {number}", "text": "Please."},
                lambda past, intent: len(past.get(f"{API}/tickets", {"query": f"Subject LIKE '{intent.marker}'", "per_page": 10})["items"]))

    with proxies.before(str(subject.options["url"])) as proxy:
        yield Real(subject=subject, proxy=proxy, makes={
            "request_tracker.set_priority": priority, "request_tracker.note": noted("note"), "request_tracker.open_task": task, SAY.name: noted("say")})


@contextmanager
def erp(subject: Subject, campaign: str) -> Iterator[Real]:
    def line(session: Any, number: int) -> tuple[Mapping[str, str], Callable[[Any, Intent], int]]:
        purchase, made = draft_line(session, quantity=10.0 + number)

        def times(past: Any, intent: Intent) -> int:
            where, = past.find("purchase.line", [["id", "=", made]], "purchase.party.code", "quantity")
            opened = past.find("purchase.purchase", [["description", "=", f"{MOVED}{purchase}"], ["state", "!=", "cancelled"]], "id")
            assert where["quantity"] == 10.0 + number
            return max(len(opened), 1) if where["purchase"]["party"]["code"] == TO else max(len(opened) - 1, 0) * 2

        return {"line": str(made), "supplier": TO}, times

    def pause(session: Any, number: int) -> tuple[Mapping[str, str], Callable[[Any, Intent], int]]:
        there, = session.find("marketing.campaign", [["name", "=", campaign]], "active")
        wanted = not there["active"]
        return ({"campaign": campaign, "active": "yes" if wanted else "no"},
                lambda past, intent: int(past.find("marketing.campaign", [["name", "=", campaign]], "active")[0]["active"] == wanted))

    with proxies.before(str(subject.options["url"])) as proxy:
        yield Real(subject=subject, proxy=proxy, makes={"tryton.move_purchase_line": line, "tryton.set_campaign_active": pause})


def draft_line(session: Any, *, quantity: float) -> tuple[int, int]:
    """A draft at one supplier with a line that another one sells, too, as a buyer types it in: their ids."""
    (product,), (supplier,) = session.find("product.product", [["code", "=", PRODUCT]], "id"), session.find("party.party", [["code", "=", FROM]], "addresses")
    offer, = session.find("purchase.product_supplier", [["party", "=", supplier["id"]], ["template.products.code", "=", PRODUCT]], "currency")
    day = date(2026, 12, 4) + timedelta(days=int(quantity) % 7)
    purchase = session.create("purchase.purchase", {
        "company": session.company, "party": supplier["id"], "invoice_address": supplier["addresses"][0],
        "warehouse": session.find("stock.location", [["type", "=", "warehouse"]], "id")[0]["id"], "currency": offer["currency"],
        "delivery_date": {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}})
    return purchase, session.create("purchase.line", {
        "purchase": purchase, "type": "line", "product": product["id"], "product_supplier": offer["id"], "quantity": quantity, "unit": 1,
        "unit_price": {"__class__": "Decimal", "decimal": "26.00"}})
