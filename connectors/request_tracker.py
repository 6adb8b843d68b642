"""Request Tracker 5, read over its own REST 2.0 with an authentication token (`Authorization: token ...`).

How reading stays complete:

- Pages of tickets and transactions go by id, never by page number: `id > last id of the page before`. A ticket changed while the window is read
  gets a newer LastUpdated, drops out of this window and is in the next one; it cannot push another one over a page border. Stamps have one
  second only, so ties are the rule; by id there is no border in time for a tie to fall on.
- RT says how many rows match (`total`) only where its rights are checked in SQL. For transactions it never does to an account that is no superuser,
  and rows that the account may not see (comments, outgoing mail, custom fields) are taken out *after* the page was cut: pages come short or
  even empty although more follow, and no `next_page` is given. So a short page is never the end; behind an empty one `hidden_pages` further pages
  are looked at. Only a run of more than hidden_pages * page_size invisible transactions would end a read too early; an account with the rights
  ShowTicketComments, ShowOutgoingEmail and SeeCustomField sees them all.
- RT reads a date in a query in the account's own time zone, whatever zone is written beside it. The zone is asked for once; the query takes
  in two hours more on both sides (fifteen where RT does not tell the zone), and the window's exact instants are applied here.
- A search never shows deleted or merged tickets. Their last transactions tell of them: those keys come first, as deletes, then the tickets that changed,
  so that a ticket deleted and restored in one window ends as it stands. What was shredded without trace is found by the sweep.

Records are as RT gives them; CustomFields, which come in another order at each request, are put in the order of their ids.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.personal import DOCUMENT_NUMBER
from connectors.rest import LoopGuard, Quota, Rest, header
from connectors.stream import (
    Cursor,
    Json,
    Kind,
    Listed,
    Misconfigured,
    Page,
    Personal,
    Record,
    Stream,
    UnexpectedShape,
    Window,
    landed_key,
    stamp_of,
)

# RT stamps a row when its code runs and commits when the request ends; scrips that send mail can take a minute.
LAG = timedelta(minutes=5)
OVERLAP = timedelta(minutes=10)
MARGIN, MARGIN_UNKNOWN_ZONE = timedelta(hours=2), timedelta(hours=15)
WEEK = 7

TICKET = (
    "Type,Status,Subject,Queue,Owner,Requestor,Creator,LastUpdatedBy,Priority,InitialPriority,FinalPriority,TimeWorked,SLA,EffectiveId,"
    "Created,Starts,Started,Told,Due,Resolved,LastUpdated,CustomFields"
)
TICKET_OBJECTS = {"fields[Queue]": "Name", "fields[Owner]": "Name", "fields[Requestor]": "Name,EmailAddress", "fields[Creator]": "Name"}
TRANSACTION = "Type,Field,OldValue,NewValue,Data,Creator,Created,ObjectType,ObjectId,TimeTaken,ReferenceType,OldReference,NewReference"
EVERYTHING = json.dumps([{"field": "id", "operator": ">", "value": 0}])

# An account's name is its owner's address, or a login. Robots have no other mark than their name (macros/ticket_words.sql looks for the same words).
ACCOUNT = Personal(kind="email", keeps=r"^(?:RT_System|Nobody|root|meridian-.*|.*auto.?(?:reply|respon).*|(?:.*[^a-z])?(?:ro)?bot(?:[^a-z].*)?)$")
FIELD = Personal(kind="text", keeps=DOCUMENT_NUMBER, unless={"name": frozenset({"channel", "topic", "sla policy", "order number", "customer rating"})})
# Old and new values are those of whatever field was changed, the subject and the company's own fields among them.
CHANGE = Personal(kind="text", keeps=r"^(?:good|bad)$|^fsck\.com-rt://\S+/ticket/\d+$", unless={"Field": frozenset({"status", "queue", "owner", "priority"})})


def _account(*paths: str) -> dict[str, Kind | Personal]:
    """Paths of accounts: as RT refers to one, and with the fields that we ask for."""
    return {f"{path}.{name}": ACCOUNT for path in paths for name in ("id", "Name", "EmailAddress", "_url")}


STREAMS = (
    Stream(name="tickets", key=("id",), deletes="sweep", sweep_every=WEEK, cursor=Cursor(field="LastUpdated", lag=LAG, overlap=OVERLAP, ties=True),
           stamps=("LastUpdated",), personal={
               "Subject": "text", "CustomFields[].values[]": FIELD, **_account("Owner", "Requestor[]", "Creator", "LastUpdatedBy")}),
    Stream(name="transactions", key=("id",), deletes="never", cursor=Cursor(field="Created", lag=LAG, overlap=OVERLAP, ties=True), stamps=("Created",),
           personal={"Data": "text", "OldValue": CHANGE, "NewValue": CHANGE, **_account("Creator")}),
    Stream(name="users", key=("id",), deletes="full",
           personal={"Name": ACCOUNT, "EmailAddress": ACCOUNT, "RealName": "name", "City": "address", "_url": ACCOUNT}),
    Stream(name="queues", key=("id",), deletes="full"),
    Stream(name="custom_fields", key=("id",), deletes="full"),
)

# Small tables: path and parameters. `id` must be asked for, or RT gives a user's name in its place; without a query the last two answer nothing.
WHOLE: Mapping[str, tuple[str, dict[str, str]]] = {
    "users": ("users", {"fields": "id,Name,EmailAddress,RealName,Organization,Timezone,Country,City"}),
    "queues": ("queues", {"fields": "id,Name,Description,Lifecycle,SLADisabled,Disabled,Created,LastUpdated", "query": EVERYTHING}),
    "custom_fields": ("customfields", {"fields": "id,Name,Type,LookupType,Description,Disabled", "query": EVERYTHING}),
}


@dataclass(frozen=True, kw_only=True)
class RequestTrackerOptions:
    """url: of the server, e.g. https://rt.example.org. token_env: environment variable that holds the token.

    page_size: rows a request, at most 100 (RT cuts there). hidden_pages: how many pages to look behind an empty one, see above.
    """

    url: str
    token_env: str = ""
    page_size: int = 100
    hidden_pages: int = 5
    allow_http: bool = False

    @classmethod
    def parse(cls, name: str, options: Mapping[str, Any]) -> RequestTrackerOptions:
        def wrong(what: str, mend: str) -> Misconfigured:
            return Misconfigured(what, source=name, mend=mend)

        known = [field.name for field in fields(cls)]
        for unknown in sorted(options.keys() - known):
            raise wrong(f"request_tracker has no option {unknown!r}", "it has " + ", ".join(known))
        url = options.get("url")
        if not isinstance(url, str) or not url.strip():
            raise wrong("option 'url' is missing", 'for instance url = "https://rt.example.org"')
        if not url.startswith(("http://", "https://")):
            raise wrong(f"url {url!r} is no web address", "it starts with https://")
        for number, least, most in (("page_size", 1, 100), ("hidden_pages", 0, 1000)):
            value = options.get(number, least)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise wrong(f"{number} is {value!r}", f"a whole number from {least} to {most}")
        if not isinstance(options.get("token_env", ""), str) or not isinstance(options.get("allow_http", False), bool):
            raise wrong("token_env or allow_http has the wrong type", 'for instance token_env = "REQUEST_TRACKER_TOKEN", allow_http = false')
        bare = re.sub(r"(/REST/2\.0)?/*$", "", url.strip())
        return cls(**{**options, "url": bare})


class RequestTracker:
    """One RT. Streams may be read in parallel: nothing is shared but the session and the account's time zone."""

    kind = "request_tracker"

    def __init__(self, name: str, options: RequestTrackerOptions, rest: Rest, account: str | None) -> None:
        """account: RT's id of the account, if its token tells."""
        self.name, self._options, self._rest, self._account = name, options, rest, account
        self._zone: tuple[ZoneInfo | None] | None = None
        self._lock = threading.Lock()

    def streams(self) -> Sequence[Stream]:
        return STREAMS

    def check(self) -> str:
        """Two requests: RT's version, and who the token's account is."""
        version = self._rest.get("rt").get("Version", "of unknown version")
        who = self._me().get("Name") or "an account that may not see itself"
        return f"Request Tracker {version} at {self._options.url} as {who}"

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        if resume is not None and not isinstance(resume, dict):
            raise UnexpectedShape(f"cannot go on from {resume!r}", source=self.name, stream=stream.name, mend="start this stream's window again")
        at: dict[str, Any] = dict(resume or {})
        match stream.name:
            case "tickets":
                if at.get("part", "gone") == "gone":
                    yield from self._gone(stream, window, after=int(at.get("after", 0)))
                    at = {"part": "changed", "after": 0}
                    yield Page(records=(), position=at)
                query = self._between(stream, window)
                for records in self._by_id("tickets", query, {"fields": TICKET, **TICKET_OBJECTS}, stream, after=int(at["after"])):
                    kept = [_in_order(record) for record in records if self._inside(stream, window, record)]
                    yield Page(records=kept, position={"part": "changed", "after": _id(records[-1])})
            case "transactions":
                query = f"ObjectType = 'RT::Ticket'{_and(self._between(stream, window))}"
                for records in self._by_id("transactions", query, {"fields": TRANSACTION}, stream, after=int(at.get("after", 0))):
                    kept = [record for record in records if self._inside(stream, window, record)]
                    yield Page(records=kept, position={"after": _id(records[-1])})
            case name if name in WHOLE:
                yield from self._whole(stream, page=int(at.get("page", 1)))
            case _:
                raise Misconfigured("request_tracker has no such stream", source=self.name, stream=stream.name,
                                    mend="it has " + ", ".join(known.name for known in STREAMS))

    def keys(self, stream: Stream) -> Iterator[str]:
        """Ids of what a search shows: deleted and merged tickets are not among them."""
        if stream.name != "tickets":
            raise Misconfigured("only tickets are swept", source=self.name, stream=stream.name)
        for records in self._by_id("tickets", "", {}, stream, after=0):
            yield from (str(record["id"]) for record in records)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        """Ids and stamps alone, as a search shows them."""
        only = "ObjectType = 'RT::Ticket'" if stream.name == "transactions" else ""
        query = " AND ".join(filter(None, [only, self._between(stream, window)]))
        for records in self._by_id(stream.name, query, {"fields": ",".join(stream.stamps)}, stream, after=0):
            yield [(landed_key(stream, record), stamp_of(stream, record)) for record in records]

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def _gone(self, stream: Stream, window: Window, *, after: int) -> Iterator[Page]:
        """Keys of the tickets that were deleted or merged into another one in the window."""
        times = _and(self._between(Stream(name=stream.name, key=("id",), cursor=Cursor(field="Created")), window))
        what = "((Type = 'Status' AND NewValue = 'deleted') OR (Type = 'AddLink' AND Field = 'MergedInto'))"
        query = f"ObjectType = 'RT::Ticket' AND {what}{times}"
        for records in self._by_id("transactions", query, {"fields": "Type,ObjectId,NewValue,Created"}, stream, after=after):
            deleted = []
            for record in records:
                ticket = str(record["ObjectId"])
                # A merge is written down at both tickets; the one that stays names itself.
                if record["Type"] != "AddLink" or str(record["NewValue"]).rsplit("/", 1)[-1] != ticket:
                    deleted.append(ticket)
            yield Page(records=(), deleted=deleted, position={"part": "gone", "after": _id(records[-1])})

    def _by_id(self, path: str, query: str, parameters: Mapping[str, str], stream: Stream, *, after: int) -> Iterator[list[dict[str, Any]]]:
        """Non-empty pages in the order of ids, beginning behind `after`, until there is nothing more to see."""
        guard = LoopGuard(source=self.name, stream=stream.name)
        while True:
            guard.see(after)
            asked = {**parameters, "query": f"id > {after}{_and(query)}", "orderby": "id", "order": "ASC"}
            for page in range(1, self._options.hidden_pages + 2):
                answer = self._ask(path, {**asked, "page": str(page)}, stream)
                if answer["items"] or answer.get("total") is not None:
                    break
            records = answer["items"]
            ids = [_id(record) for record in records]
            if ids != sorted(set(ids)) or (ids and ids[0] <= after):
                raise UnexpectedShape("a page is not in the order of ids that was asked for", source=self.name, stream=stream.name,
                                      mend="a proxy may be answering from a cache")
            if records:
                yield records
            total = answer.get("total")
            if not records or (total is not None and len(records) >= int(total)):
                return
            after = ids[-1]

    def _whole(self, stream: Stream, *, page: int) -> Iterator[Page]:
        """A small table, by page number: rows are only ever added at its end, and disabled ones stay in the list."""
        path, parameters = WHOLE[stream.name]
        guard = LoopGuard(source=self.name, stream=stream.name)
        while True:
            answer = self._ask(path, {**parameters, "orderby": "id", "order": "ASC", "find_disabled_rows": "1", "page": str(page)}, stream)
            records = answer["items"]
            guard.see(page, records)
            pages = answer.get("pages")
            is_last = not records if pages is None else page >= int(pages)
            if records:
                page += 1
                yield Page(records=records, position={"page": page})
            if is_last:
                return

    def _ask(self, path: str, parameters: Mapping[str, str], stream: Stream) -> dict[str, Any]:
        answer = self._rest.get(path, {**parameters, "per_page": str(self._options.page_size)}, stream=stream.name)
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
            raise UnexpectedShape(f"{path}: the answer is no page of items", source=self.name, stream=stream.name, mend="is this address RT's own?")
        return answer

    def _between(self, stream: Stream, window: Window) -> str:
        """The window as RT's query language knows it, wider than asked (see the module)."""
        if stream.cursor is None:
            return ""
        zone, margin = self._time_zone()
        field, parts = stream.cursor.field, []
        for sign, instant, side in ((">=", window.start, -margin), ("<", window.end, margin)):
            if instant is not None:
                parts.append(f"{field} {sign} '{(instant + side).astimezone(zone):%Y-%m-%d %H:%M:%S}'")
        return " AND ".join(parts)

    def _inside(self, stream: Stream, window: Window, record: Record) -> bool:
        assert stream.cursor is not None
        text = record.get(stream.cursor.field)
        try:
            instant = datetime.fromisoformat(str(text))
        except ValueError:
            raise UnexpectedShape(f"{stream.cursor.field} is {text!r}", source=self.name, stream=stream.name,
                                  mend="it should be like 2026-11-01T02:30:00Z") from None
        return (window.start is None or window.start <= instant) and instant < window.end

    def _time_zone(self) -> tuple[ZoneInfo, timedelta]:
        """The zone RT reads our dates in, and how much wider a query must be."""
        with self._lock:
            if self._zone is None:
                try:
                    self._zone = (ZoneInfo(str(self._me().get("Timezone") or "?")),)
                except (ZoneInfoNotFoundError, ValueError):
                    self._zone = (None,)
            zone = self._zone[0]
        return (zone, MARGIN) if zone is not None else (ZoneInfo("UTC"), MARGIN_UNKNOWN_ZONE)

    def _me(self) -> Mapping[str, Any]:
        """RT's record of the token's own account; empty where the token does not tell whose it is."""
        if self._account is None:
            return {}
        answer = self._rest.request("GET", f"user/{self._account}", allow=(403, 404)).json
        return answer if isinstance(answer, dict) else {}


def _and(query: str) -> str:
    return f" AND {query}" if query else ""


def _id(record: Mapping[str, Any]) -> int:
    return int(record["id"])


def _in_order(record: dict[str, Any]) -> dict[str, Any]:
    custom = record.get("CustomFields")
    return {**record, "CustomFields": sorted(custom, key=_id)} if isinstance(custom, list) else record


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], quota: Quota | None = None, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> RequestTracker:
    """secrets: {"token": the authentication token}."""
    parsed = RequestTrackerOptions.parse(name, options)
    token = secrets.get("token")
    if not token:
        raise Misconfigured("no token", source=name,
                            mend='create one in RT (Logged in as → Settings → Auth Tokens) and name its environment variable: token_env = "..."')
    rest = Rest(f"{parsed.url}/REST/2.0", source=name, auth=header("Authorization", token, prefix="token "), quota=quota, allow_http=parsed.allow_http,
                sleep=sleep)
    # RT's tokens are '1-<id of the account>-<secret>'.
    account = re.fullmatch(r"1-(\d+)-[0-9a-fA-F]+", token)
    return RequestTracker(name, parsed, rest, account.group(1) if account else None)
