"""The pages of the Kolmar dealer portal: what is on them, how one gets there, what they say.

Each function leaves the browser on a page that was recognized, or raises: Expired (the portal wants a login), Refused with the portal's own words, Unavailable,
Unrecognized. `submit` alone changes anything in the portal, and after it was pressed nothing is said to be surely undone but what the portal itself refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flows.automation.contract import ActionError, Refused, Unanswered, Unavailable, Unrecognized
from flows.automation.robots import forms
from flows.automation.robots.browser import Window, first_line, send_once
from flows.automation.robots.forms import Form

DATES = "%d.%m.%Y"
LOGIN = Form(where="form#login", fields={"user": "User", "pass": "Password"}, button="Log in")
HEADER = Form(where="form#header", button="Next: lines", fields={
    "cust_ref": "Your reference", "cust_no": "Customer no.", "cust_name": "Customer name", "ship_to": "Delivery address",
    "deliv_date": "Delivery date (DD.MM.YYYY)"})
LINE = Form(where="form#line", fields={"item_no": "Item no.", "qty": "Quantity"}, button="Add line")
REVIEW = Form(where="form#review", fields={}, button="Submit order")
SEARCH = Form(where="form#search", fields={"ref": "Your reference contains"}, button="Search")
REPORT = Form(where="form#report", fields={"from": "Entered from", "until": "Entered until"}, button="Download CSV")
# An order as the portal shows it, before it is submitted and ever after: our name of a field -> the portal's.
SHOWN = {"reference": "Your reference", "customer_number": "Customer no.", "customer_name": "Customer name", "deliver_to": "Delivery address",
         "requested_on": "Delivery date"}
LINE_COLUMNS = ("Item no.", "Description", "Quantity", "Price EUR")
RESULT_COLUMNS = ("Confirmation", "Your reference", "Customer", "Delivery date", "Total", "Status")
REPORT_COLUMNS = ("Confirmation", "Your reference", "Entered", "Delivery date", "Customer no.", "Lines", "Total EUR", "Status")
MOST_RESULT_PAGES = 50
# Whatever may tell of a person: all fields and cells but those that are known not to.
MASKED = (
    "input:not([type=submit], [type=hidden], [name=cust_ref], [name=cust_no], [name=deliv_date], [name=item_no], [name=qty], [name=ref]), textarea, select, "
    "td:not(:has(*)):not(#lines td, [data-of=cust_ref], [data-of=cust_no], [data-of=deliv_date], #results td:nth-child(-n+2)), .error, #user")


class Expired(Exception):
    """The portal wants a login. What was sent with the last request, it did not take."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is typed in, and what the portal shows of it. lines: (the partner's item number, pieces). confirmation: '' before there is one."""

    reference: str
    customer_number: str
    customer_name: str
    deliver_to: str
    requested_on: date
    lines: tuple[tuple[str, int], ...]
    confirmation: str = ""


def log_in(window: Window, url: str, user: str, password: str) -> None:
    """Raises Refused when the portal does not want us."""
    _go(window, f"{url}/login")
    forms.fill(window.page, LOGIN, {"user": user, "pass": password})
    press(window, LOGIN)
    if window.page.locator(LOGIN.where).count():
        raise Refused(f"the portal does not let us in: {'; '.join(problems(window.page)) or 'it shows the login again and says nothing'}")


def look_over(window: Window, url: str) -> None:
    """Every page that we will type into, before anything is typed. Raises Unrecognized."""
    for path, form in (("/orders", SEARCH), ("/order/header", HEADER), ("/order/lines", LINE), ("/order/review", REVIEW), ("/reports", REPORT)):
        go(window, url + path)
        forms.check(window.page, form)
        if form in (LINE, REVIEW):
            forms.table(window.page, "#lines", LINE_COLUMNS)
    go(window, url + "/order/review")
    forms.pairs(window.page, "#order", tuple(SHOWN.values()))


def who(window: Window, url: str) -> str:
    go(window, f"{url}/")
    return str(window.page.locator("#user").inner_text())


def find(window: Window, url: str, reference: str) -> list[Order]:
    """The orders that carry exactly this reference: the portal finds all that contain it, and shows ten at a time."""
    numbers: list[str] = []
    go(window, f"{url}/orders?{urlencode({'ref': reference})}")
    for _ in range(MOST_RESULT_PAGES):
        found = forms.table(window.page, "#results", RESULT_COLUMNS)
        numbers += [row["Confirmation"] for row in found if row["Your reference"] == reference]
        following = window.page.locator("a#next")
        if not following.count():
            return [_shown(window, url, number) for number in numbers]
        follow(window, following.click)
    raise Unrecognized(f"more than {MOST_RESULT_PAGES} pages of orders contain the reference {reference}")


def _shown(window: Window, url: str, number: str) -> Order:
    go(window, f"{url}/orders/{number}")
    return read(window.page, number)


def read(page: Any, confirmation: str = "") -> Order:
    """The order that a page shows. Raises Unrecognized."""
    from datetime import datetime

    shown = forms.pairs(page, "#order", tuple(SHOWN.values()))
    lines = forms.table(page, "#lines", LINE_COLUMNS)
    values = {name: shown[label] for name, label in SHOWN.items()}
    try:
        return Order(**{**values, "requested_on": datetime.strptime(values["requested_on"], DATES).date()},  # type: ignore[arg-type]  # noqa: DTZ007
                     lines=tuple((line["Item no."], int(line["Quantity"])) for line in lines), confirmation=confirmation)
    except ValueError:
        raise Unrecognized("the order's date or quantities are not written as the robot knows them") from None


def type_in(window: Window, url: str, order: Order) -> None:
    """Up to the page before the last: nothing is entered yet. Raises Refused with what the portal says."""
    go(window, f"{url}/order/header")
    forms.fill(window.page, HEADER, {
        "cust_ref": order.reference, "cust_no": order.customer_number, "cust_name": order.customer_name, "ship_to": order.deliver_to,
        "deliv_date": order.requested_on.strftime(DATES)})
    send(window, HEADER)
    for item, pieces in order.lines:
        forms.fill(window.page, LINE, {"item_no": item, "qty": str(pieces)})
        send(window, LINE)
    follow(window, window.page.locator("a#to-review").click)
    forms.check(window.page, REVIEW)


def submit(window: Window) -> str:
    """Enter what the page before shows; returns the confirmation number. Raises Unanswered for whatever else may have been done."""
    from playwright.sync_api import Error

    forms.check(window.page, REVIEW)
    try:
        _judged(send_once(window, REVIEW.where))
        arrived(window)
        if said := problems(window.page):
            raise Refused(f"the portal says: {'; '.join(said)}")
        number = window.page.locator("#confirmation")
        if not number.count():
            raise Unanswered("the portal's answer to the submission has no confirmation number")
        return str(number.inner_text())
    except (Refused, Unanswered):
        raise
    except (ActionError, Error) as error:
        raise Unanswered(f"the submission was sent, and then: {first_line(error)}") from None


def problems(page: Any) -> list[str]:
    """What the portal has against it."""
    texts: list[str] = page.locator(".error li").all_inner_texts()
    return [text.strip() for text in texts]


def send(window: Window, form: Form) -> None:
    press(window, form)
    if said := problems(window.page):
        raise Refused(f"the portal says: {'; '.join(said)}")


def press(window: Window, form: Form) -> None:
    follow(window, forms.button(window.page, form).click)


def go(window: Window, address: str) -> None:
    _go(window, address)
    arrived(window)


def _go(window: Window, address: str) -> None:
    _answered(window, lambda: window.page.goto(address, wait_until="domcontentloaded", timeout=1000 * window.patience))


def follow(window: Window, click: Callable[[], None]) -> None:
    def pressed() -> Any:
        with window.page.expect_navigation(wait_until="domcontentloaded", timeout=1000 * window.patience) as navigation:
            click()
        return navigation.value

    was_login = bool(window.page.locator(LOGIN.where).count())
    _answered(window, pressed)
    if not was_login:
        arrived(window)


def _answered(window: Window, move: Callable[[], Any]) -> None:
    from playwright.sync_api import Error, TimeoutError

    try:
        response = move()
    except TimeoutError:
        raise Unavailable(f"the portal did not show a page within {window.patience:g} seconds") from None
    except Error as error:
        raise Unavailable(f"the portal cannot be reached: {first_line(error)}") from None
    _judged(response.status if response else 200)


def _judged(status: int) -> None:
    if status >= 500 or status == 429:
        raise Unavailable(f"the portal answers {status}")
    if status >= 400:
        raise Unrecognized(f"the portal answers {status} where the robot expects a page")


def arrived(window: Window) -> None:
    if window.page.locator(LOGIN.where).count():
        raise Expired


def differences(wanted: Order, shown: Order) -> Sequence[str]:
    """The names of what differs; not the values, which may be personal."""
    return [name for name in (*SHOWN, "lines") if getattr(wanted, name) != getattr(shown, name)]
