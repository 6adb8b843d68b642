"""What the portal accepts and what it makes of it. Every text in a Refused is shown to whoever sits before the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.company.partner import FIRST_CONFIRMATION
from sandbox.stand_in.state import Item, State

REFERENCE_LENGTH, ADDRESS_LENGTH, MOST_LINES = 20, 35, 40
DATES = "%d.%m.%Y"
COLUMNS = ("Confirmation", "Your reference", "Entered", "Delivery date", "Customer no.", "Lines", "Total EUR", "Status")


class Refused(Exception):
    """The texts the page shows."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def header(form: Mapping[str, str], today: date) -> Item:
    """The draft of an order from the first page's fields."""
    values = {name: form.get(name, "").strip() for name in ("cust_ref", "cust_no", "cust_name", "ship_to", "deliv_date")}
    problems = [f"{label} is mandatory." for name, label in (("cust_ref", "Your reference"), ("cust_no", "Customer no.")) if not values[name]]
    if len(values["cust_ref"]) > REFERENCE_LENGTH:
        problems.append(f"Your reference is longer than {REFERENCE_LENGTH} characters.")
    if len(values["ship_to"]) > ADDRESS_LENGTH:
        problems.append(f"Delivery address is longer than {ADDRESS_LENGTH} characters.")
    wanted = _date(values["deliv_date"])
    if wanted is None:
        problems.append("Delivery date must be entered as DD.MM.YYYY.")
    elif wanted < today:
        problems.append("Delivery date is in the past.")
    if problems:
        raise Refused(*problems)
    return {**values, "lines": []}


def with_line(state: State, draft: Item, form: Mapping[str, str]) -> Item:
    number, quantity = form.get("item_no", "").strip(), form.get("qty", "").strip()
    item = state.get("items", number) if number else None
    if item is None:
        raise Refused(f"Item {number or '(none)'} is not in our range.")
    if not (quantity.isascii() and quantity.isdigit() and int(quantity)):
        raise Refused("Quantity must be a whole number above 0.")
    if int(quantity) % item["pack"]:
        raise Refused(f"Quantity {quantity} of item {number} is not a multiple of the pack ({item['pack']}).")
    if len(draft["lines"]) >= MOST_LINES:
        raise Refused(f"An order has at most {MOST_LINES} lines.")
    return {**draft, "lines": [*draft["lines"], {"item": number, "quantity": int(quantity), **{name: item[name] for name in ("name", "pack", "price")}}]}


def total(lines: list[Item]) -> Decimal:
    return sum((Decimal(line["price"]) * line["quantity"] for line in lines), Decimal("0.00"))


def submit(state: State, draft: Item, entered_by: str, now: datetime) -> int:
    """The order's confirmation number. The same draft submitted again is another order."""
    if not draft.get("lines"):
        raise Refused("The order has no lines.")
    (number,) = state.next_ids("order", first=FIRST_CONFIRMATION)
    order = {**draft, "id": number, "entered": now.isoformat(), "by": entered_by, "total": str(total(draft["lines"])), "status": "open"}
    state.put("orders", order, int(now.timestamp()))
    return number


def search(state: State, text: str) -> list[Item]:
    """Orders whose reference contains the text, the newest first: as people search, not as machines do."""
    return state.items("orders", where=lambda order: text.casefold() in order["cust_ref"].casefold())[::-1]


def report(state: State, since: str, until: str) -> str:
    """The orders entered in a period (two dates as the page writes them), as CSV for a German spreadsheet."""
    first, last = _date(since), _date(until)
    if first is None or last is None or last < first:
        raise Refused("The period must be two dates, DD.MM.YYYY, the earlier one first.")
    rows = [COLUMNS, *(_reported(order) for order in state.items("orders") if first <= _entered(order).date() <= last)]
    return "".join(";".join(row) + "\r\n" for row in rows)


def _reported(order: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(order["id"]), order["cust_ref"], _entered(order).strftime(DATES), order["deliv_date"], order["cust_no"], str(len(order["lines"])),
            f"{Decimal(order['total']):,.2f}".translate(str.maketrans(",.", ".,")), order["status"])


def _entered(order: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(order["entered"])


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, DATES).date()  # noqa: DTZ007 - a day, as people write it
    except ValueError:
        return None
