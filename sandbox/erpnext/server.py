"""The stand-in's HTTP side. Sources cited are modules of the framework, and pages of docs.frappe.io by title."""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.erpnext import site as sites
from sandbox.erpnext.doctypes import COLUMNS, PARENTS, columns
from sandbox.erpnext.rules import conditions, failure, fits, must_know_all, ordered, too_many
from sandbox.erpnext.site import Site
from sandbox.stand_in.limits import Failure, RateLimit, basic_credentials, json_object
from sandbox.stand_in.state import Identity, Item

PAGE = 20                        # "Listing Documents": what comes without limit_page_length; 0 is all
URL_LENGTH = 8_190               # gunicorn, limit_request_line
COST = 10_000                    # microseconds: what a request is said to have taken (frappe.rate_limiter counts time, not requests)


class Api:
    """Answers requests, whatever carries them.

    key, secret: of the one user there is. forbidden: doctypes that its user has no role for. requests_per_minute: how much work the site does in a window.
    """

    def __init__(self, site: Site, key: str, secret: str, *, requests_per_minute: int = 600, forbidden: Collection[str] = ()) -> None:
        self.site, self._token, self.forbidden = site, f"{key}:{secret}", set(forbidden)
        self.limit = RateLimit(requests_per_minute, refusal=too_many)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        query, path = dict(parse_qsl(parts.query, keep_blank_values=True)), unquote(parts.path).strip("/")
        try:
            if len(url) > URL_LENGTH:
                raise Failure(400, "<html><head><title>Bad Request</title></head><body>Request Line is too large</body></html>", {"Content-Type": "text/html"})
            left = self.limit.take()
            user = self._user(headers)
            question: Mapping[str, Any] = json_object(body, lambda why: failure("ValidationError", why)) if method == "POST" else query
            told = {"X-RateLimit-Limit": str(self.limit.most * COST), "X-RateLimit-Remaining": str(left * COST), "X-RateLimit-Reset": "60"}
            return 200, told, self._answered(method, path, question, user)
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _user(self, headers: Mapping[str, str]) -> str:
        """ "REST API", Authentication: "token key:secret", or the same by basic authentication; without any, a guest (frappe.auth)."""
        given = headers.get("Authorization", "")
        if not given:
            return "Guest"
        token = given.removeprefix("token ") if given.startswith("token ") else ":".join(basic_credentials(headers))
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise failure("AuthenticationError", "Invalid API key or secret")
        return "meridian@lantern-oak.example"

    def _answered(self, method: str, path: str, question: Mapping[str, Any], user: str) -> Item:
        match path.split("/"):
            case ["api", "method", "frappe.client.get_time_zone"]:
                return {"message": {"time_zone": str(self.site.zone)}}
            case ["api", "method", "frappe.auth.get_logged_user"]:
                return {"message": user}
            case ["api", "method", "frappe.client.get_list"]:
                return {"message": self._list(question["doctype"], question, user)}
            case ["api", "resource", doctype] if method == "GET":
                return {"data": self._list(doctype, question, user)}
            case ["api", "resource", doctype, name] if method == "GET":
                return {"data": self._one(doctype, name, user)}
            case ["sandbox", "clock"]:
                if method == "POST":
                    self.site.state.set_clock(datetime.fromisoformat(question["now"]))
                return {"now": self.site.state.now().isoformat()}
        raise failure("DoesNotExistError", f"{path} not found")

    # ---- documents

    def _may_read(self, doctype: str, user: str, parent: str | None = None) -> None:
        """frappe.client.check_parent_permission: rows may be read by whoever may read the documents they stand in, if those are named, and rightly."""
        if doctype not in COLUMNS:
            raise failure("DoesNotExistError", f"DocType {doctype} not found")
        if doctype in PARENTS:
            if parent is None or parent not in COLUMNS or PARENTS[doctype][0] != parent:
                raise failure("PermissionError", f"Insufficient Permission for <strong>{doctype}</strong>")
            doctype = parent
        if user == "Guest" or doctype in self.forbidden:
            raise failure("PermissionError", f"User <strong>{user}</strong> does not have doctype access via role permission for document"
                                             f" <strong>{doctype}</strong>")

    def _one(self, doctype: str, name: str, user: str) -> Item:
        self._may_read(doctype, user)
        found = self.site.state.get(doctype, name)
        if found is None:
            raise failure("DoesNotExistError", f"{doctype} {name} not found")
        return sites.whole(self.site, doctype, found)

    def _list(self, doctype: str, question: Mapping[str, Any], user: str) -> list[Item]:
        """ "Listing Documents": names alone unless fields are asked for, 20 of them unless more are, the latest first unless another order is."""
        self._may_read(doctype, user, question.get("parent"))
        known = [*columns(doctype), *sites.custom_columns(self.site, doctype)]
        wanted, tests = _opened(question.get("fields")) or ["name"], conditions(_opened(question.get("filters")), doctype, known)
        must_know_all(doctype, [] if wanted == ["*"] else wanted, known)
        size, start = int(question.get("limit_page_length") or question.get("limit") or PAGE), int(question.get("limit_start") or 0)
        if str(question.get("limit_page_length")) == "0":
            size = 2**31
        order = question.get("order_by") or "modified desc"
        found = ordered(self._found(doctype, tests, start + size, order), order, doctype, known)
        return [sites.shown(self.site, doctype, item, known if wanted == ["*"] else wanted) for item in found[start:start + size]]

    def _found(self, doctype: str, tests: Sequence[tuple[str, str, Any]], most: int, order: str) -> list[Item]:
        """What meets the tests, at least the first `most` of it, by the indexes that Frappe's tables have: on `name`, on `parent`, on `modified`."""
        test = fits(tests)
        names = next((value for field, operator, value in tests if (field, operator) == ("name", "in")), None)
        if doctype in PARENTS:
            parent, table = PARENTS[doctype]
            parents = next((value for field, operator, value in tests if (field, operator) == ("parent", "in")), None)
            held = sites.documents(self.site, parent) if parents is None else self._named(parent, parents)
            return [row for document in held for row in document[table] if test(row)]
        if names is not None:
            return [item for item in self._named(doctype, names) if test(item)]
        found: list[Item] = []
        moment = max((sites.ticks(value) for field, operator, value in tests if field == "modified" and operator in ("=", ">=")), default=-(2**62))
        some: list[tuple[int, Item]] = [(moment, {})]
        name: Identity = -1
        while some and (len(found) < most or order != "modified asc, name asc"):
            some = self.site.state.behind(doctype, some[-1][0], name, until=2**62, most=1000)
            found += [item for _, item in some if test(item)]
            name = some[-1][1]["name"] if some else ""
        return found

    def _named(self, doctype: str, names: Iterable[str]) -> list[Item]:
        return [item for name in dict.fromkeys(names) if (item := self.site.state.get(doctype, name)) is not None]


def _opened(value: Any) -> Any:
    """Parameters are JSON in a URL, and plain in a body."""
    return json.loads(value) if isinstance(value, str) else value
