"""The portal's pages, written as such pages were: tables for layout, a token in every form, a notice that covers all when it wants to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sandbox.portal import rules
from sandbox.stand_in.state import Item

PER_PAGE = 10
HEADER_FIELDS = {"cust_ref": "Your reference", "cust_no": "Customer no.", "cust_name": "Customer name", "ship_to": "Delivery address",
                 "deliv_date": "Delivery date (DD.MM.YYYY)"}
RENAMED = {"cust_ref": "po_number"}       # what the fault `renamed` calls a field from one day to the next
NOTICE = ('<div id="notice" style="position:fixed;inset:0;background:#000a;z-index:9"><table align="center" bgcolor="#ffffcc" cellpadding="20"><tr><td>'
          "<b>Important notice</b><p>Our warehouse is closed for stocktaking on the last Friday of the month."
          '<p><button type="button" onclick="document.getElementById(\'notice\').remove()">I have read this</button></td></tr></table></div>')


def page(title: str, content: str, *, user: str = "", notice: bool = False) -> str:
    menu = ('<a href="/order/header">New order</a> | <a href="/orders">Find orders</a> | <a href="/reports">Reports</a> | '
            f'<a href="/logout">Log off</a> &nbsp; <small>Logged in: <span id="user">{escape(user)}</span></small>') if user else ""
    return (f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>{escape(title)} - Kolmar Dealer Portal</title></head><body bgcolor='#eeeeff'>"
            f"<table width='100%' bgcolor='#003366'><tr><td><font color='white'><b>KOLMAR</b> Dealer Portal 4.2</font></td></tr></table>{menu}"
            f"<h2 id='title'>{escape(title)}</h2>{content}{NOTICE if notice else ''}</body></html>")


def errors(problems: Sequence[str]) -> str:
    return f"<ul class='error'>{''.join(f'<li><font color=red>{escape(problem)}</font></li>' for problem in problems)}</ul>" if problems else ""


def login(problems: Sequence[str] = ()) -> str:
    fields = _field("user", "User") + _field("pass", "Password", kind="password")
    return page("Log in", errors(problems) + _form("login", "/login", "", fields, "Log in"))


def home() -> str:
    return "<p>Welcome. Please note our new conditions of delivery.</p>"


def order_header(token: str, values: Mapping[str, str], problems: Sequence[str], *, renamed: bool) -> str:
    names = RENAMED if renamed else {}
    fields = "".join(_field(names.get(name, name), label, values.get(name, "")) for name, label in HEADER_FIELDS.items())
    return "<p>Step 1 of 3</p>" + errors(problems) + _form("header", "/order/header", token, fields, "Next: lines")


def order_lines(token: str, draft: Item, problems: Sequence[str]) -> str:
    fields = _field("item_no", "Item no.") + _field("qty", "Quantity")
    return ("<p>Step 2 of 3</p>" + errors(problems) + _lines(draft) + _form("line", "/order/lines", token, fields, "Add line")
            + "<p><a id='to-review' href='/order/review'>Next: review</a></p>")


def order_review(token: str, draft: Item, problems: Sequence[str]) -> str:
    return "<p>Step 3 of 3</p>" + errors(problems) + _shown(draft) + _lines(draft) + _form("review", "/order/submit", token, "", "Submit order")


def confirmation(number: int) -> str:
    return f"<p>Thank you. Your order has been entered under confirmation no. <b id='confirmation'>{number}</b>.</p>"


def order(found: Item) -> str:
    return f"<p>Confirmation no. <b id='confirmation'>{found['id']}</b>, status {escape(found['status'])}</p>" + _shown(found) + _lines(found)


def search(text: str, found: Sequence[Item], number: int) -> str:
    """One page of results. number: from 1."""
    field = _field("ref", "Your reference contains", text)
    form = f"<form id='search' action='/orders' method='get'><table>{field}</table><input type='submit' value='Search'></form>"
    if not text:
        return form
    rows = "".join(f"<tr><td><a href='/orders/{one['id']}'>{one['id']}</a></td><td>{escape(one['cust_ref'])}</td><td class='p'>{escape(one['cust_name'])}</td>"
                   f"<td>{one['deliv_date']}</td><td align='right'>{one['total']}</td><td>{one['status']}</td></tr>"
                   for one in found[(number - 1) * PER_PAGE:number * PER_PAGE])
    more = f"<a id='next' href='/orders?ref={escape(text)}&amp;page={number + 1}'>Next page</a>" if len(found) > number * PER_PAGE else ""
    head = "<tr><th>Confirmation</th><th>Your reference</th><th>Customer</th><th>Delivery date</th><th>Total</th><th>Status</th></tr>"
    return form + f"<p><span id='count'>{len(found)}</span> orders found</p><table id='results' border='1'>{head}{rows}</table>{more}"


def reports(problems: Sequence[str]) -> str:
    return (errors(problems) + "<form id='report' action='/reports/orders.csv' method='get'><table>" + _field("from", "Entered from")
            + _field("until", "Entered until") + "</table><input type='submit' value='Download CSV'></form>")


def _shown(draft: Item) -> str:
    rows = "".join(f"<tr><th align='left'>{escape(label.partition(' (')[0])}</th><td data-of='{name}'>{escape(str(draft.get(name, '')))}</td></tr>"
                   for name, label in HEADER_FIELDS.items())
    return f"<table id='order' border='1'>{rows}</table>"


def _lines(draft: Item) -> str:
    lines: list[dict[str, Any]] = draft.get("lines", [])
    rows = "".join(f"<tr><td>{line['item']}</td><td>{escape(line['name'])}</td><td align='right'>{line['quantity']}</td><td>{line['price']}</td></tr>"
                   for line in lines)
    return (f"<table id='lines' border='1'><tr><th>Item no.</th><th>Description</th><th>Quantity</th><th>Price EUR</th></tr>{rows}</table>"
            f"<p>Total EUR <b id='total'>{rules.total(lines)}</b></p>")


def _form(name: str, action: str, token: str, fields: str, button: str) -> str:
    return (f"<form id='{name}' action='{action}' method='post'><input type='hidden' name='form_token' value='{token}'><table>{fields}</table>"
            f"<input type='submit' value='{button}'></form>")


def _field(name: str, label: str, value: str = "", kind: str = "text") -> str:
    return (f"<tr><td><label for='f_{name}'>{escape(label)}</label></td>"
            f"<td><input type='{kind}' id='f_{name}' name='{name}' value='{escape(value, quote=True)}' size='40'></td></tr>")
