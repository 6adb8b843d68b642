"""The stand-in's HTTP side. Pages cited are those of developers.hubspot.com, by title."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.hubspot import portal as portals
from sandbox.hubspot.portal import Portal, shown
from sandbox.hubspot.rules import SEARCH_PAGE, comparable, failure, invalid, since, too_many, wanted
from sandbox.stand_in.limits import Failure, RateLimit, decoded, encoded, json_object
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item

PAGE, HISTORY_PAGE = 100, 50     # "Read a batch", lists: at most 100 records, 50 where histories are asked for
PARTNERS = 1000                  # changelog, "Batch Read Limit for HubSpot Associations API": at most 1000 ids a request
URL_LENGTH = 16_384              # a longer request line is refused; clients stay below 15,000 characters of properties
OBJECTS = "|".join(portals.STAMPS)


class Api:
    """Answers requests, whatever carries them. A route is (method, pattern of the path, function).

    token: of the account's private app. partners_page: partners of one record in one answer of the associations; more come in pages. search_end: how many
    results of one search can be paged through ("Search the CRM", Limits).
    """

    def __init__(
        self, portal: Portal, token: str, *, requests_per_ten_seconds: int = 100, searches_per_second: int = 5, requests_per_day: int = 250_000,
        partners_page: int = 500, search_end: int = 10_000,
    ) -> None:
        self.portal, self._token, self._partners_page, self._search_end = portal, token, partners_page, search_end
        self.general = RateLimit(requests_per_ten_seconds, seconds=10.0, refusal=too_many("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
        self.searches = RateLimit(searches_per_second, seconds=1.0, refusal=too_many("SECONDLY", "secondly"))
        self.day = RateLimit(requests_per_day, seconds=86_400.0, refusal=too_many("DAILY", "daily"))
        self._routes = Routes(
            ("GET", r"account-info/v3/details", self.account),
            ("GET", rf"crm/v3/objects/({OBJECTS})", self.many),
            ("GET", rf"crm/v3/objects/({OBJECTS})/(\d+)", self.one),
            ("POST", rf"crm/v3/objects/({OBJECTS})/batch/read", self.batch),
            ("POST", rf"crm/v3/objects/({OBJECTS})/search", self.search),
            ("POST", rf"crm/v4/associations/({OBJECTS})/({OBJECTS})/batch/read", self.partners),
            ("GET", rf"crm/v3/properties/({OBJECTS})", self.properties),
            ("GET", r"crm/v3/owners", self.owners),
            ("GET", r"crm/v3/pipelines/(deals|tickets)", self.pipelines),
            ("GET", r"marketing/v3/campaigns", self.campaigns),
            ("GET", r"sandbox/clock", self.clock),
            ("POST", r"sandbox/clock", self.move_clock),
        )

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        query, path = dict(parse_qsl(parts.query, keep_blank_values=True)), parts.path.strip("/")
        try:
            if len(url) > URL_LENGTH:
                raise Failure(414, "<html><head><title>414 Request-URI Too Large</title></head></html>", {"Content-Type": "text/html"})
            if not hmac.compare_digest(headers.get("Authorization", "").encode(), f"Bearer {self._token}".encode()):
                raise failure(401, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication")
            left_today = self.day.take()
            found = self._routes.find(method, path)
            if found is None:
                raise Failure(404, "<html><head><title>Error 404 Not Found</title></head></html>", {"Content-Type": "text/html"})
            function, groups = found
            # "API usage guidelines and limits": searches have a limit of their own, for the account, and their answers no headers about limits
            limit = self.searches if path.endswith("/search") else self.general
            left = limit.take()
            payload = json_object(body, invalid) if method == "POST" else query
            status, answer = function(payload, *groups)
            return status, {} if limit is self.searches else self._told(left, left_today), answer
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _told(self, left: int, left_today: int) -> dict[str, str]:
        return {"X-HubSpot-RateLimit-Max": str(self.general.most), "X-HubSpot-RateLimit-Remaining": str(left),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                "X-HubSpot-RateLimit-Daily": str(self.day.most), "X-HubSpot-RateLimit-Daily-Remaining": str(left_today)}

    # ---- records

    def many(self, query: Item, of: str) -> tuple[int, Any]:
        """A list, in the order of ids. `archived=true` lists those in the recycling bin and nothing else."""
        names, history = _names(query.get("properties", "")), _names(query.get("propertiesWithHistory", ""))
        size = _size(query, HISTORY_PAGE if history else PAGE)
        after, archived = query.get("after", "0"), query.get("archived") == "true"
        if not after.isdigit():
            raise invalid(f"after is not valid: {after}")
        found = self.portal.state.items(of, after=int(after), most=size + 1, where=lambda item: item["archived"] == archived)
        return 200, _page([shown(item, names, history, of) for item in found], size, lambda record: str(record["id"]))

    def one(self, query: Item, of: str, identity: str) -> tuple[int, Any]:
        item = portals.find(self.portal, of, int(identity))
        if item is None or item["archived"] != (query.get("archived") == "true"):
            raise failure(404, "OBJECT_NOT_FOUND", f"Object not found. objectId={identity}")
        return 200, shown(item, _names(query.get("properties", "")), of=of)

    def batch(self, payload: Item, of: str) -> tuple[int, Any]:
        """ "Read a batch": what is missing or archived comes as an error beside the results (207); an old id of a merged record brings the new record."""
        ids, history = [str(entry["id"]) for entry in payload.get("inputs", [])], payload.get("propertiesWithHistory", [])
        if history and len(ids) > HISTORY_PAGE:
            raise invalid(f"The maximum number of inputs supported in a batch request for property histories is {HISTORY_PAGE}."
                          " Please reduce the number of items and try again")
        if len(ids) > PAGE:
            raise invalid(f"The maximum number of inputs supported in a batch request is {PAGE}")
        found = {identity: portals.find(self.portal, of, int(identity)) for identity in ids}
        there = {item["id"]: item for item in found.values() if item is not None and not item["archived"]}
        gone = [identity for identity, item in found.items() if item is None or item["archived"]]
        answer: Item = {"status": "COMPLETE", "results": [shown(item, payload.get("properties", []), history, of) for item in there.values()]}
        if gone:
            answer |= {"numErrors": 1, "errors": [{"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": gone},
                                                   "message": f"Could not get some {of} objects, they may be deleted or not exist. Check that ids are valid."}]}
        return 207 if gone else 200, answer

    def search(self, payload: Item, of: str) -> tuple[int, Any]:
        """ "Search the CRM": sorted by one property, 200 a page, nothing behind the first 10,000, archived records never."""
        known, groups = frozenset(portals.property_names(self.portal, of)), payload.get("filterGroups", [])
        fits, (sort, *more) = wanted(of, groups, known), payload.get("sorts") or [{"propertyName": "createdate", "direction": "ASCENDING"}]
        size, after = payload.get("limit", 10), int(payload.get("after") or 0)
        if not 1 <= size <= SEARCH_PAGE or more or sort["propertyName"] not in known:
            raise invalid(f"limit must be 1 to {SEARCH_PAGE}, and there is one property to sort by")
        if after + size > self._search_end:
            raise invalid("There was a problem with the request: paging beyond 10,000 results is not supported")
        now = self.portal.now()
        views = [portals.indexed(item, now) for _, item in self.portal.state.behind(of, since(of, groups), -1, until=2**62, most=-1)]
        found = sorted((view for view in views if view is not None and not view["archived"] and fits(view)),
                       key=lambda view: comparable(of, sort["propertyName"], view["properties"].get(sort["propertyName"]) or ""),
                       reverse=sort.get("direction") == "DESCENDING")
        answer: Item = {"total": len(found), "results": [shown(view, payload.get("properties", []), of=of) for view in found[after:after + size]]}
        if after + size < len(found):
            answer["paging"] = {"next": {"after": str(after + size)}}
        return 200, answer

    def partners(self, payload: Item, of: str, to: str) -> tuple[int, Any]:
        """ "Read associations" of v4: of records with partners only; many partners come in pages, each record's asked for by its own `after`."""
        inputs = payload.get("inputs", [])
        if len(inputs) > PARTNERS:
            raise invalid(f"The request exceeds the maximum of {PARTNERS} inputs")
        results, lonely = [], []
        for entry in inputs:
            every = [one for one in portals.associations(self.portal, of, int(entry["id"]), to) if self._is_there(to, one["toObjectId"])]
            first = int(decoded(entry.get("after", "")) or 0)
            if not every:
                lonely.append(entry["id"])
                continue
            one: Item = {"from": {"id": str(entry["id"])}, "to": every[first:first + self._partners_page]}
            if first + self._partners_page < len(every):
                one["paging"] = {"next": {"after": encoded(str(first + self._partners_page)), "link": "deprecated"}}
            results.append(one)
        errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                   "message": f"No {to} is associated with {of} {identity}.", "context": {"fromObjectId": [str(identity)]}} for identity in lonely]
        return 207 if errors else 200, {"status": "COMPLETE", "results": results, **({"numErrors": len(errors), "errors": errors} if errors else {})}

    def _is_there(self, of: str, identity: int) -> bool:
        item = self.portal.state.get(of, identity)
        return item is not None and not item["archived"]

    # ---- what stands beside the records

    def properties(self, query: Item, of: str) -> tuple[int, Any]:
        return 200, {"results": [{"name": name, "label": name.replace("_", " "), "type": "string", "fieldType": "text", "calculated": False, "hidden": False}
                                 for name in portals.property_names(self.portal, of)]}

    def owners(self, query: Item) -> tuple[int, Any]:
        """ "Owners": those deactivated are the archived ones."""
        size, archived = _size(query, 500), query.get("archived") == "true"
        found = self.portal.state.items("owners", after=int(query.get("after", 0)), most=size + 1, where=lambda item: item["archived"] == archived)
        return 200, _page([{**item, "id": str(item["id"])} for item in found], size, lambda record: str(record["id"]))

    def pipelines(self, query: Item, of: str) -> tuple[int, Any]:
        return 200, {"results": [item["pipeline"] for item in self.portal.state.items(f"pipelines {of}")]}

    def campaigns(self, query: Item) -> tuple[int, Any]:
        size, names = _size(query, PAGE), _names(query.get("properties", ""))
        found = [item for item in self.portal.state.items("campaigns") if item["id"] > decoded(query.get("after", ""))][:size + 1]
        records = [{**item, "properties": {name: item["properties"][name] for name in names if name in item["properties"]}} for item in found]
        return 200, _page(records, size, lambda record: encoded(record["id"]))

    def account(self, query: Item) -> tuple[int, Any]:
        return 200, {"portalId": 62515, "accountType": "STANDARD", "timeZone": "Europe/Berlin", "companyCurrency": "EUR", "dataHostingLocation": "eu1"}

    def clock(self, query: Item) -> tuple[int, Any]:
        return 200, {"now": self.portal.state.now().isoformat()}

    def move_clock(self, payload: Item) -> tuple[int, Any]:
        self.portal.state.set_clock(datetime.fromisoformat(payload["now"]))
        return self.clock({})


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _size(query: Item, most: int) -> int:
    """ "limit" of a list: 10 unless asked for; too much is refused, not cut."""
    size = query.get("limit", "10")
    if not size.isdigit() or not 1 <= int(size) <= most:
        raise invalid(f"limit must be 1 to {most}")
    return int(size)


def _page(found: Sequence[Item], size: int, token: Callable[[Item], str]) -> Item:
    """found: one more than a page where there are more."""
    page = list(found[:size])
    return {"results": page, **({"paging": {"next": {"after": token(page[-1])}}} if len(found) > size else {})}
