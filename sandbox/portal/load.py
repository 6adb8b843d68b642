"""The partner's range, and the orders that were typed in by hand so far, as the sandbox company's story has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.company import partner
from sandbox.company.plan import Plan
from sandbox.portal import rules
from sandbox.stand_in.state import State


def put_item(state: State, number: str, name: str, *, price: Decimal, pack: int = 1) -> None:
    state.put("items", {"id": number, "name": name, "price": str(price), "pack": pack}, 0)


def load(plan: Plan, state: State) -> Mapping[str, int]:
    products = {product.code: product for product in plan.products}
    for row in partner.items(plan):
        product = products[str(row["product"])]
        put_item(state, str(row["partner_item"]), product.name, price=product.cost_price)
    for typed in partner.entered(plan):
        lines = [{"item": item, "name": products[product].name, "quantity": pieces, "pack": 1, "price": str(products[product].cost_price)}
                 for item, product, pieces in typed.lines]
        draft = {"cust_ref": typed.reference, "cust_no": typed.customer, "cust_name": "", "ship_to": "",
                 "deliv_date": typed.requested_on.strftime(rules.DATES), "lines": lines}
        rules.submit(state, draft, "hand", datetime.combine(typed.entered_on, datetime.min.time(), UTC))
    return {"items": state.count("items"), "orders": state.count("orders")}
