"""The stand-in's HTTP side. Sections cited are those of developers.freshdesk.com/api."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.freshdesk.desk import DAY, Desk, instant, iso, shown, talk_of
from sandbox.freshdesk.rules import DAYS_IN_TRASH, DAYS_SHOWN, failure, fitting, in_state, invalid, lacks, link, not_found, page_of, too_many
from sandbox.stand_in.limits import Failure, RateLimit, basic_credentials, json_object
from sandbox.stand_in.state import Item

ORDERS = ("created_at", "due_by", "updated_at", "status")        # "List All Tickets", Sorting
INCLUDES = ("stats", "requester", "description", "company")      # same section, Embedding
FILTERS = ("spam", "deleted")                                    # same section; those that mean the caller's own tickets are left out here
LISTS: Mapping[str, tuple[str, ...]] = {                         # path -> parameters that it knows
    "contacts": ("state", "_updated_since", "email", "company_id"), "companies": (), "agents": ("state", "email"), "groups": (), "sla_policies": (),
    "business_hours": (), "surveys/satisfaction_ratings": ("created_since", "user_id"),
}
FEATURES = {"sla_policies": "SLA Management", "business_hours": "Multiple Business Hours", "surveys/satisfaction_ratings": "Surveys"}
Rows = tuple[list[Item], bool]


class Api:
    """Answers requests, whatever carries them.

    key: the API key of an administrator. url: in front of page links. lacking: paths that the account's plan has not. hollow: paths whose next page
    will be empty, and not the last; each is taken out when it was.
    """

    def __init__(
        self, desk: Desk, key: str, *, url: str = "", credits_per_minute: int = 700, lists_per_minute: int = 200, lacking: Collection[str] = (),
    ) -> None:
        self.desk, self._key, self.url, self.lacking, self.hollow = desk, key, url, set(lacking), set[str]()
        self.credits = RateLimit(credits_per_minute, refusal=too_many)
        self.lists = {path: RateLimit(lists_per_minute, refusal=too_many) for path in ("tickets", "contacts")}     # "Rate Limit": limits of single endpoints

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        query, path = dict(parse_qsl(parts.query, keep_blank_values=True)), parts.path.removeprefix("/api/v2/")
        price = 1 + 2 * len([name for name in query.get("include", "").split(",") if name])     # "List All Tickets", note 4
        try:
            if path == parts.path:
                raise not_found()
            if path in self.lists:
                self.lists[path].take()
            left = min(self.credits.take() for _ in range(price))        # a request that is refused counts as well
            told = {"X-Freshdesk-API-Version": "latest=v2; requested=v2", "X-RateLimit-Total": str(self.credits.most),
                    "X-RateLimit-Remaining": str(left), "X-RateLimit-Used-CurrentRequest": str(price)}
            user, _ = basic_credentials(headers)
            if not hmac.compare_digest(user.encode(), self._key.encode()):
                raise failure(401, "invalid_credentials", "You have to be logged in to perform this action.")
            status, more, answer = self._route(method, path, query, body)
            return status, {**told, **more}, answer
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _route(self, method: str, path: str, query: Item, body: bytes) -> tuple[int, dict[str, str], Any]:
        if path == "sandbox/clock":
            if method == "POST":
                self.desk.state.set_clock(datetime.fromisoformat(json_object(body, lambda why: failure(400, "invalid_json", why))["now"]))
            return 200, {}, {"now": self.desk.state.now().isoformat()}
        if method != "GET":
            raise failure(405, "method_not_allowed", "This stand-in is read over HTTP; what happens is done in desk.py")
        if path == "agents/me":
            return 200, {}, shown(self.desk.state.items("agents", most=1)[0])
        conversations = re.fullmatch(r"tickets/(\d+)/conversations", path)
        archived = re.fullmatch(r"tickets/archived/(\d+)", path)
        if path == "tickets":
            listed: Callable[[Item, int, int], Rows] = self._tickets
        elif conversations:
            listed = self._conversations(int(conversations[1]))
        elif archived:
            ticket = self.desk.state.get("tickets", int(archived[1]))
            if ticket is None or not ticket.get("_archived"):
                raise not_found()
            return 200, {}, shown(ticket)
        elif path in LISTS:
            if path in self.lacking:
                raise lacks(FEATURES[path]) if path in FEATURES else not_found()
            fitting(query, LISTS[path])
            listed = self._listed(path)
        else:
            raise not_found()
        number, size = page_of(query, path)
        if path in self.hollow:
            self.hollow.discard(path)
            return 200, link(self.url, path, query, number + 1), []
        rows, more = listed(query, number, size)
        return 200, link(self.url, path, query, number + 1) if more else {}, rows

    # ---- lists

    def _tickets(self, query: Item, number: int, size: int) -> Rows:
        """ "List All Tickets". updated_since takes its own second in; which of two tickets of one second comes first is not documented, here the smaller id."""
        fitting(query, ("filter", "updated_since", "order_by", "order_type", "include"))
        wanted, order, includes = query.get("filter"), query.get("order_by", "created_at"), [one for one in query.get("include", "").split(",") if one]
        if wanted not in (None, *FILTERS) or order not in ORDERS or not set(includes) <= set(INCLUDES):
            raise invalid("filter", "It should be one of these values")
        now = int(self.desk.state.now().timestamp())
        try:
            since = instant(query["updated_since"]) if "updated_since" in query else None
        except ValueError:
            raise invalid("updated_since", "It should be in the 'valid combined date and time ISO8601' format") from None
        shortest = iso(now - DAYS_SHOWN * DAY) if since is None and wanted is None else ""
        in_trash = iso(now - DAYS_IN_TRASH * DAY)

        def fits(item: Item) -> bool:
            if item.get("_archived") or item.get("_visible_from", 0) > now or item["created_at"] < shortest:
                return False
            is_deleted = bool(item.get("deleted"))
            return (is_deleted and item["updated_at"] >= in_trash) if wanted == "deleted" else not is_deleted and item["spam"] == (wanted == "spam")

        found: Iterator[Item] = (item for item in self._since("tickets", since) if fits(item))
        if order != "updated_at" or query.get("order_type", "desc") != "asc":
            found = iter(sorted(found, key=lambda item: (item[order] or "", item["id"]), reverse=query.get("order_type", "desc") != "asc"))
        page: list[Item] = []
        for place, item in enumerate(found):
            if place >= number * size:
                return page, True
            if place >= (number - 1) * size:
                page.append({name: value for name, value in shown(item).items() if name != "stats" or "stats" in includes})
        return page, False

    def _since(self, kind: str, since: int | None) -> Iterator[Item]:
        """Items by moment and id, from a moment on, read a few hundred at a time."""
        moment, identity = since if since is not None else -2**62, -1
        while block := self.desk.state.behind(kind, moment, identity, until=2**62, most=400):
            yield from (item for _, item in block)
            moment, identity = block[-1][0], block[-1][1]["id"]

    def _conversations(self, ticket: int) -> Callable[[Item, int, int], Rows]:
        item = self.desk.state.get("tickets", ticket)
        if item is None or item.get("deleted") or item.get("_archived"):
            raise not_found()
        return lambda query, number, size: _page(self.desk.state.items(talk_of(ticket)), number, size)

    def _listed(self, path: str) -> Callable[[Item, int, int], Rows]:
        """The order of these lists is not documented. Here it is by name, so that it changes; ratings come newest first."""
        def contacts(query: Item, number: int, size: int) -> Rows:
            since, fits, now = query.get("_updated_since", ""), in_state(query.get("state")), int(self.desk.state.now().timestamp())
            found = self.desk.state.items(
                "contacts", where=lambda item: fits(item) and item["updated_at"] >= since and item.get("_visible_from", 0) <= now)
            return _page(sorted(found, key=lambda item: (str(item["name"]), item["id"])), number, size)

        def ratings(query: Item, number: int, size: int) -> Rows:
            found = self.desk.state.items("satisfaction_ratings", where=lambda item: item["created_at"] >= query.get("created_since", ""))
            return _page(found[::-1], number, size)

        def others(query: Item, number: int, size: int) -> Rows:
            return _page(sorted(self.desk.state.items(path), key=lambda item: (str(item.get("name")), item["id"])), number, size)

        return {"contacts": contacts, "surveys/satisfaction_ratings": ratings}.get(path, others)


def _page(found: list[Item], number: int, size: int) -> Rows:
    return [shown(item) for item in found[(number - 1) * size:number * size]], len(found) > number * size
