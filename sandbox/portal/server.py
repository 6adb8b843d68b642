"""Sessions, faults, and which page answers what. `Portal.answer` is what sandbox.stand_in.serving serves.

Faults are in the state (`set_faults`), so that a test or a person switches them while it runs, from another process, too:

    expire_every    a session ends after so many requests          idle_minutes    ... or after so long without one (30)
    ends_at         sessions end at the next requests for these pages, one after the other
    modal_every     every so-maniest page has the notice           slow_every, slow_seconds    every so-maniest page takes its time
    renamed         a field of the order's first page has another name
    truncates       the delivery address is cut to so many characters, and nobody is told
    submits         what becomes of the next submissions, one after the other: '' as always; 'lost' it is entered and the connection breaks;
                    '500 after' it is entered and the page is an error; '500 before' it is not entered; 'slow' it takes slow_seconds
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.portal import pages, rules
from sandbox.stand_in.limits import Failure
from sandbox.stand_in.state import Item, State

COOKIE = "DPSESSID"
Answer = tuple[int, Mapping[str, str], Any]


def set_faults(state: State, **faults: Any) -> None:
    """Exactly these from the next request on."""
    state.set_fact("faults", faults)


class Portal:
    """user, password: the one login. sleep: how a slow page passes its time."""

    def __init__(self, state: State, *, user: str, password: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._state, self._user, self._password, self._sleep = state, user, password, sleep

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        form = dict(parse_qsl(parts.query if method == "GET" else body.decode(), keep_blank_values=True))
        faults = self._state.fact("faults", {})
        if parts.path == "/favicon.ico":
            return 404, {}, ""
        try:
            if parts.path == "/login":
                return self._log_in(method, form)
            session = self._session(parts.path, headers, faults)
            if session is None:
                return 302, {"Location": "/login"}, ""
            return self._inside(method, parts.path, form, session, faults)
        except Failure as failure:
            return failure.status, _html(failure.headers), pages.page("Error", f"<p>{failure.body}</p>")

    # ---- sessions

    def _log_in(self, method: str, form: Mapping[str, str]) -> Answer:
        if method == "GET":
            return 200, _html(), pages.login()
        right = hmac.compare_digest(form.get("user", "").encode(), self._user.encode()) & hmac.compare_digest(
            form.get("pass", "").encode(), self._password.encode())
        if not right:
            return 200, _html(), pages.login(["User or password is wrong."])
        session = {"id": secrets.token_hex(16), "token": secrets.token_hex(8), "user": self._user, "requests": 0, "draft": {}, "seen": self._now().isoformat()}
        self._state.put("sessions", session, 0)
        return 302, {"Location": "/", "Set-Cookie": f"{COOKIE}={session['id']}; Path=/; HttpOnly"}, ""

    def _session(self, path: str, headers: Mapping[str, str], faults: Mapping[str, Any]) -> Item | None:
        cookie = SimpleCookie(headers.get("Cookie") or "").get(COOKIE)
        with self._state.transaction():
            session = self._state.get("sessions", cookie.value) if cookie else None
            if session is None:
                return None
            ends_here = faults.get("ends_at", [])[:1] == [path] and self._next("ends_at")
            idle = self._now() - datetime.fromisoformat(session["seen"])
            if ends_here or session["requests"] >= faults.get("expire_every", 10 ** 9) or idle > timedelta(minutes=faults.get("idle_minutes", 30)):
                self._state.delete("sessions", session["id"])
                return None
            session |= {"requests": session["requests"] + 1, "seen": self._now().isoformat()}
            self._state.put("sessions", session, 0)
        return session

    def _keep(self, session: Item, draft: Item) -> None:
        session["draft"] = draft
        self._state.put("sessions", session, 0)

    # ---- pages

    def _inside(self, method: str, path: str, form: Mapping[str, str], session: Item, faults: Mapping[str, Any]) -> Answer:
        shown = self._state.next_ids("page")[0]
        if shown % faults.get("slow_every", 10 ** 9) == 0:
            self._sleep(faults.get("slow_seconds", 1.0))
        if method == "POST" and form.get("form_token") != session["token"]:
            raise Failure(400, "The form is no longer valid.")
        notice = shown % faults.get("modal_every", 10 ** 9) == 0

        def html(title: str, content: str) -> Answer:
            return 200, _html(), pages.page(title, content, user=session["user"], notice=notice)

        match method, path:
            case "GET", "/":
                return html("Welcome", pages.home())
            case "GET", "/logout":
                self._state.delete("sessions", session["id"])
                return 302, {"Location": "/login"}, ""
            case ("GET" | "POST"), ("/order/header" | "/order/lines" | "/order/review"):
                return html(*self._order_page(method, path, form, session, faults))
            case "POST", "/order/submit":
                return self._submit(session, html, faults)
            case "GET", "/orders":
                text, number = form.get("ref", "").strip(), form.get("page", "1")
                return html("Find orders", pages.search(text, rules.search(self._state, text), int(number) if number.isdigit() else 1))
            case "GET", "/reports":
                return html("Reports", pages.reports(()))
            case "GET", "/reports/orders.csv":
                return self._report(form, html)
        number = path.removeprefix("/orders/")
        found = self._state.get("orders", int(number)) if number.isdigit() else None
        if method == "GET" and found is not None:
            return html("Order", pages.order(found))
        raise Failure(404, "This page does not exist.")

    def _order_page(self, method: str, path: str, form: Mapping[str, str], session: Item, faults: Mapping[str, Any]) -> tuple[str, str]:
        token, draft, renamed = session["token"], session["draft"], bool(faults.get("renamed"))
        if path == "/order/review":
            return "Order: review", pages.order_review(token, draft, ())
        if path == "/order/header":
            if method == "GET":
                self._keep(session, {})
                return "Order: header", pages.order_header(token, {}, (), renamed=renamed)
            given = {**form, **({old: form.get(new, "") for old, new in pages.RENAMED.items()} if renamed else {})}
            try:
                draft = rules.header(given, self._now().date())
            except rules.Refused as refused:
                return "Order: header", pages.order_header(token, given, refused.problems, renamed=renamed)
            draft["ship_to"] = draft["ship_to"][:faults.get("truncates", rules.ADDRESS_LENGTH)]
        elif method == "POST":
            try:
                draft = rules.with_line(self._state, draft or {"lines": []}, form)
            except rules.Refused as refused:
                return "Order: lines", pages.order_lines(token, draft, refused.problems)
        self._keep(session, draft)
        return "Order: lines", pages.order_lines(token, draft, ())

    def _submit(self, session: Item, html: Callable[[str, str], Answer], faults: Mapping[str, Any]) -> Answer:
        fault = self._next("submits")
        if fault == "500 before":
            raise Failure(500, "Internal error ORA-00060")
        if fault == "slow":
            self._sleep(faults.get("slow_seconds", 1.0))
        try:
            with self._state.transaction():
                number = rules.submit(self._state, session["draft"], session["user"], self._now())
        except rules.Refused as refused:
            return html("Order: review", pages.order_review(session["token"], session["draft"], refused.problems))
        if fault == "lost":
            raise ConnectionResetError
        if fault == "500 after":
            raise Failure(500, "Internal error ORA-01555")
        return html("Order entered", pages.confirmation(number))

    def _next(self, fault: str) -> str:
        """The first of a list of faults, which is over with it."""
        with self._state.transaction():
            faults = self._state.fact("faults", {})
            waiting = faults.get(fault, [])
            if not waiting:
                return ""
            self._state.set_fact("faults", {**faults, fault: waiting[1:]})
            return str(waiting[0])

    def _report(self, form: Mapping[str, str], html: Callable[[str, str], Answer]) -> Answer:
        try:
            text = rules.report(self._state, form.get("from", ""), form.get("until", ""))
        except rules.Refused as refused:
            return html("Reports", pages.reports(refused.problems))
        headers = {"Content-Type": "text/csv; charset=windows-1252", "Content-Disposition": 'attachment; filename="orders.csv"'}
        return 200, headers, text.encode("cp1252", "replace")

    def _now(self) -> datetime:
        return self._state.now()


def _html(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", **(more or {})}
