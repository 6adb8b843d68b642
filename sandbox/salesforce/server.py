"""The stand-in's HTTP side. Pages cited are those of the vendor's REST API Developer Guide, by title."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.salesforce import org as orgs
from sandbox.salesforce.org import Org, is_there, iso, shown
from sandbox.salesforce.rules import App, granted, refusal, used_up
from sandbox.salesforce.schema import KINDS
from sandbox.salesforce.soql import Query, parsed
from sandbox.stand_in.limits import Failure, RateLimit, json_object
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item

URL_LENGTH = 16_384              # bytes; beyond it 414, or 431 with the headers
COLLECTION = 2_000               # "Get Records With a Request Body Using sObject Collections"
LOCATOR_LIFE = timedelta(days=2)
LOGGED = timedelta(days=15)      # "sObject Get Deleted"


class Api:
    """Answers requests, whatever carries them. url: what the organisation says its address is.

    page: records of one answer; the vendor gives 2,000 or fewer. most_deleted: ids that getDeleted gives.
    tokens: those that are valid; `expire` takes them away.
    """

    def __init__(self, org: Org, app: App, *, url: Callable[[], str] = lambda: "", requests_per_day: int = 100_000, page: int = 2_000,
                 most_deleted: int = 600_000) -> None:
        self.org, self._app, self._url, self._page, self._most_deleted = org, app, url, page, most_deleted
        self.day = RateLimit(requests_per_day, seconds=86_400.0, refusal=used_up)
        self.tokens: set[str] = set()
        self._given = 0
        self._locators: dict[str, tuple[Query, list[str], datetime, bool]] = {}
        root = r"services/data/v(\d+\.\d)"
        self._routes = Routes(
            ("GET", rf"{root}/(query|queryAll)", self.query),
            ("GET", rf"{root}/(?:query|queryAll)/(\w+)-(\d+)", self.query_more),
            ("GET", rf"{root}/sobjects/(\w+)/describe", self.describe),
            ("GET", rf"{root}/sobjects/(\w+)/deleted", self.deleted),
            ("POST", rf"{root}/composite/sobjects/(\w+)", self.collection),
            ("GET", r"sandbox/(clock)", self.clock),
            ("POST", r"sandbox/(clock)", self.move_clock),
        )

    def expire(self) -> None:
        """Every session ends."""
        self.tokens.clear()

    def drop_locators(self) -> None:
        self._locators.clear()

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        query, path = dict(parse_qsl(parts.query, keep_blank_values=True)), parts.path.strip("/")
        try:
            if len(url) > URL_LENGTH:
                raise Failure(414, "<html><head><title>414 Request-URI Too Large</title></head></html>", {"Content-Type": "text/html"})
            if path == "services/oauth2/token" and method == "POST":
                return 200, {}, self._token(headers, body)
            if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
                raise refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
            left = self.day.take()
            found = self._routes.find(method, path)
            if found is None:
                raise refusal(404, "NOT_FOUND", "The requested resource does not exist")
            function, groups = found
            payload = json_object(body, lambda said: refusal(400, "JSON_PARSER_ERROR", said)) if method == "POST" else query
            # "Limit Info Header": in every answer.
            return 200, {"Sforce-Limit-Info": f"api-usage={self.day.most - left}/{self.day.most}"}, function(payload, *groups)
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _token(self, headers: Mapping[str, str], body: bytes) -> Item:
        granted(self._app, headers, body, self.org.state.now())
        self._given += 1
        token = f"00D5fA!AQ{self._given}"
        self.tokens.add(token)
        return {"access_token": token, "instance_url": self._url(), "token_type": "Bearer", "scope": "api", "issued_at": str(self.org.now() * 1000)}

    # ---- queries

    def query(self, asked: Item, version: str, resource: str) -> Item:
        with_bin, now = resource == "queryAll", self.org.now()
        wanted = parsed(asked.get("q", ""), lambda of: orgs.visible_fields(self.org, of))
        found = [item["Id"] for _, item in self.org.state.behind(wanted.of, wanted.since, -1, until=2**62, most=-1)
                 if is_there(item, now, with_bin=with_bin) and wanted.fits(item)]
        found = sorted(found)[:wanted.limit]
        (number,) = self.org.state.next_ids("locator")
        locator = f"0r8{number:012}AAA"
        self._locators[locator] = (wanted, found, self.org.state.now() + LOCATOR_LIFE, with_bin)
        return self.query_more({}, version, locator, "0")

    def query_more(self, asked: Item, version: str, locator: str, first: str) -> Item:
        """ "Query More Results". Which records there are was settled when the query was asked, what is in them was not."""
        query, ids, until, with_bin = self._locators.get(locator, (None, [], self.org.state.now(), False))
        if query is None or until <= self.org.state.now():
            raise refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        start, now = int(first), self.org.now()
        records = []
        for identity in ids[start:start + self._page]:
            item = self.org.state.get(query.of, identity)
            if item is not None and is_there(item, now, with_bin=with_bin):
                records.append(shown(self.org, query.of, item, query.fields, version))
        done = start + self._page >= len(ids)
        if self.org.state.fact(f"hollow {query.of}") and not done:
            self.org.state.set_fact(f"hollow {query.of}", False)
            return {"totalSize": len(ids), "done": False, "nextRecordsUrl": f"/services/data/v{version}/query/{locator}-{start}", "records": []}
        return {"totalSize": len(ids), "done": done, **({} if done else {"nextRecordsUrl": f"/services/data/v{version}/query/{locator}-{start + self._page}"}),
                "records": records}

    def collection(self, asked: Item, version: str, of: str) -> list[Item | None]:
        """As many as were asked for; null for what is not there."""
        ids, names = asked.get("ids", []), asked.get("fields", [])
        known = orgs.visible_fields(self.org, self._known(of))
        if len(ids) > COLLECTION:
            raise refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {COLLECTION} records in a request")
        for name in names:
            if name not in known:
                raise refusal(400, "INVALID_FIELD", f"No such column '{name}' on entity '{of}'")
        items = [self.org.state.get(of, identity) for identity in ids]
        return [shown(self.org, of, item, names, version) if item is not None and not item.get("IsDeleted") else None for item in items]

    # ---- objects

    def describe(self, asked: Item, version: str, of: str) -> Item:
        kind = KINDS[self._known(of)]
        return {"name": of, "queryable": True, "replicateable": kind.has_bin, "custom": of.endswith("__c"), "keyPrefix": kind.prefix, "fields": [
            {"name": name, "type": its_type, "calculated": name in kind.formulas, "nillable": name != "Id", "label": name}
            for name, its_type in orgs.visible_fields(self.org, of).items()]}

    def deleted(self, asked: Item, version: str, of: str) -> Item:
        """ "sObject Get Deleted" and "getDeleted()": seconds are ignored, a minute is the least, and older than 15 days is not known."""
        now = self.org.state.now()
        try:
            start, end = (datetime.fromisoformat(asked[name]).replace(second=0) for name in ("start", "end"))
        except (KeyError, ValueError):
            raise refusal(400, "INVALID_REPLICATION_DATE", "start and end are instants") from None
        if end - start < timedelta(minutes=1) or start < now - timedelta(days=30):
            raise refusal(400, "INVALID_REPLICATION_DATE", "startDate must be before endDate by more than a minute and not more than 30 days ago")
        since = max(start, now - LOGGED)
        entries = [entry for at, entry in self.org.state.behind(f"deleted {self._known(of)}", int(since.timestamp()), -1, until=2**62, most=-1)
                   if at < end.timestamp()]
        if len(entries) > self._most_deleted:
            raise refusal(400, "EXCEEDED_ID_LIMIT", "There is a limit of 600000 ids returned by this call")
        begins = max(self.org.state.fact(f"log of {of} begins", 0), int((now - LOGGED).timestamp()))
        return {"deletedRecords": entries, "earliestDateAvailable": iso(begins), "latestDateCovered": iso(min(int(end.timestamp()), self.org.now()))}

    def _known(self, of: str) -> str:
        if of not in KINDS or of in self.org.state.fact("hidden objects", []):
            raise refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return of

    # ---- the company's clock

    def clock(self, asked: Item, _: str) -> Item:
        return {"now": self.org.state.now().isoformat()}

    def move_clock(self, asked: Item, _: str) -> Item:
        self.org.state.set_clock(datetime.fromisoformat(asked["now"]))
        return self.clock({}, "")
