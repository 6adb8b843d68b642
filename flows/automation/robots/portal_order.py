"""Enter an order in the dealer portal: `portal.enter_order`.

Class B: the portal notices no order entered twice, but it finds orders by our reference, so that is the marker; ours of the intent is nowhere in it. The order
is found whoever typed it in, a person too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from flows.automation.contract import Action, Kind, Parameters, Refused, State
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.browser import Window
from flows.automation.robots.portal_pages import Order
from flows.automation.robots.portal_session import PERSONAL, Session, beside, open_session, order_of, with_login
from flows.automation.robots.portal_session import wrong as wrong_options

SETTLES = timedelta(minutes=3)      # the portal's own limit of a request is 120 s


def look(session: Session, parameters: Parameters, marker: str) -> State:
    """How many orders have the reference, and what the newest says; names and addresses are left where they are."""
    order = order_of(parameters)
    found = with_login(session, pages.find, order.reference, about=_about(order), personal=_personal(order))
    return {"orders": len(found), **_told(found[0]), "confirmation": found[0].confirmation} if found else {}


def wanted(parameters: Parameters, before: State) -> State:
    return {"orders": 1, **_told(order_of(parameters))}


def act(session: Session, parameters: Parameters, before: State, marker: str) -> None:
    """Raises Refused when the portal refuses it or would enter something else than what is wanted; Unanswered when it may have been entered."""
    order = order_of(parameters)
    if before:
        raise Refused(f"the portal has an order with the reference {order.reference} already, and it says something else: a person decides which is right")
    number = with_login(session, _enter, order, about=_about(order), personal=_personal(order))
    session.say(f"{order.reference}: entered under confirmation no. {number}")


def _enter(window: Window, url: str, order: Order) -> str:
    """From its start, for it is begun again after each login: what is there already is not entered again."""
    if found := pages.find(window, url, order.reference):
        return found[0].confirmation
    pages.type_in(window, url, order)
    if differs := pages.differences(order, pages.read(window.page)):
        raise Refused(f"before submitting, the portal shows another {', '.join(differs)} than was typed; nothing was submitted")
    return pages.submit(window)


def _told(order: Order) -> Mapping[str, Any]:
    return {"customer_number": order.customer_number, "requested_on": order.requested_on.isoformat(), "lines": [list(line) for line in order.lines]}


def _about(order: Order) -> Mapping[str, str]:
    return {"reference": order.reference}


def _personal(order: Order) -> tuple[str, ...]:
    return tuple(getattr(order, name) for name in PERSONAL)


def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> AbstractContextManager[Session]:
    return open_session(options, secrets)


KIND = Kind(
    name="portal",
    options={
        "url": "the portal's address", "evidence": "folder in which pictures, traces and reasons of failures are kept",
        "keep_days?": "days for which they are kept (30)", "patience?": "seconds that a page may take (30)",
        "browsers?": "how many work on the queue side by side, 1 to 8 (1)",
    },
    paths=("evidence",),
    secrets=("USER", "PASSWORD"),
    open=_open,
    check=lambda session: with_login(session, pages.who, about={"of": "check"}),
    wrong=wrong_options,
    beside=beside,
)

ENTER_ORDER = Action(
    name="portal.enter_order",
    does={"en": "enters the order in the partner's portal", "zh-CN": "将订单录入合作伙伴的门户网站"},
    parameters={
        "reference": "our order number; the portal finds the order by it",
        "customer_number": "the customer's number there",
        "customer_name?": "the customer's name",
        "deliver_to?": "the delivery address in a line; without it, it goes to the customer's address there",
        "requested_on": "the delivery date, as 2026-11-30",
        "lines": 'what is ordered, as JSON: [{"item": "K-100", "pieces": "12"}]',
    },
    repeat="B", settles=SETTLES, look=look, wanted=wanted, act=act,
)
ACTIONS = (ENTER_ORDER,)
