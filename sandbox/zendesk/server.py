"""The stand-in's HTTP side. Pages cited are those of developer.zendesk.com."""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.stand_in.limits import Failure, RateLimit, basic_credentials, decoded, encoded, json_object, page_size
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item
from sandbox.zendesk import life, triggers
from sandbox.zendesk.life import Desk
from sandbox.zendesk.rules import Account, checked, failure, invalid, not_found, not_json, too_many, wanted, without_words

EXCLUDED_SECONDS = 60            # "Using the Incremental Exports API": items changed within the minute before the request are left out
EXPORT_PAGE = 1000               # same page, "Per page": at most 1000 items, the default
LIST_PAGE = 100                  # "Pagination": at most 100 items a page
DELETED_FOR = 30 * 86_400        # "Tickets", List Deleted Tickets: deletions of the last 30 days
OFFSET_LIMIT = 10_000            # "Pagination", offset limits: records behind the first 10,000 answer 400

LISTS: Mapping[str, str] = {     # path -> kind of records; all listed by id
    "groups": "groups", "users": "users", "organizations": "organizations", "tickets": "tickets",
    "satisfaction_ratings": "satisfaction_ratings", "slas/policies": "sla_policies", "deleted_tickets": "deleted_tickets",
}
TIMED = ("tickets", "ticket_events", "users", "organizations", "ticket_metric_events")


class Api:
    """Answers requests, whatever carries them. A route is (method, pattern of the path below /api/v2/, function)."""

    def __init__(self, desk: Desk, accounts: list[Account], *, exports_per_minute: int = 10, requests_per_minute: int = 700) -> None:
        self.desk, self._accounts = desk, accounts
        # "Tickets", List Deleted Tickets: 10 requests a minute, as the exports.
        self.exports, self.deletions, self.general = (
            RateLimit(most, refusal=too_many) for most in (exports_per_minute, exports_per_minute, requests_per_minute))
        self._writing = threading.Lock()
        self._routes = Routes(
            ("GET", r"incremental/(tickets|users)/cursor", self.by_cursor),
            ("GET", rf"incremental/({'|'.join(TIMED)})", self.by_time),
            ("GET", r"users/me", self.me),
            ("GET", r"(tickets)/(\d+)/comments", self.comments),
            ("GET", r"(tickets)/(\d+)/audits", self.audits),
            ("GET", r"(tickets|users|groups|organizations|satisfaction_ratings)/(\d+)", self.one),
            ("GET", rf"({'|'.join(LISTS)})", self.many),
            ("GET", r"business_hours/schedules", self.schedules),
            ("GET", r"business_hours/schedules/(\d+)/holidays", self.holidays),
            ("PUT", r"deleted_tickets/(\d+)/restore", self.restore),
            ("POST", r"tickets", self.create),
            ("PUT", r"tickets/(\d+)", self.update),
            ("DELETE", r"tickets/(\d+)", self.remove),
            ("PUT", r"tickets/(\d+)/tags", lambda *rest: self.tags("add", *rest)),
            ("POST", r"tickets/(\d+)/tags", lambda *rest: self.tags("set", *rest)),
            ("DELETE", r"tickets/(\d+)/tags", lambda *rest: self.tags("remove", *rest)),
            ("GET", r"triggers/(\d+)", lambda account, headers, query, identity: triggers.one(self.desk.state, identity)),
            ("PUT", r"triggers/(\d+)", lambda account, headers, asked, identity: triggers.update(self.desk.state, identity, asked.get("trigger") or {})),
            ("GET", r"sandbox/clock", self.clock),
            ("POST", r"sandbox/clock", self.move_clock),
        )

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            path = parts.path.removeprefix("/api/v2/").removesuffix(".json")
            if path == parts.path:
                raise failure(404, "InvalidEndpoint", "Not found")
            account = self._authenticate(headers)
            left = self.general.take()
            found = self._routes.find(method, path)
            if found is None:
                raise failure(404, "InvalidEndpoint", "Not found")
            function, groups = found
            payload = json_object(body, not_json) if method in ("POST", "PUT", "DELETE") else query
            status, answer, *more = function(account, headers, payload, *groups)
            return status, {"X-Rate-Limit": str(self.general.most), "X-Rate-Limit-Remaining": str(left), **(more[0] if more else {})}, answer
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _authenticate(self, headers: Mapping[str, str]) -> Account:
        user, token = basic_credentials(headers)
        for account in self._accounts:
            if hmac.compare_digest(f"{account.email}/token".encode(), user.encode()) and hmac.compare_digest(account.token.encode(), token.encode()):
                return account
        raise Failure(401, {"error": "Couldn't authenticate you"})

    # ---- incremental exports

    def _may_export(self, account: Account) -> int:
        """Takes one of the ten requests; returns the last second that may be shown. "Incremental Exports": allowed for admins."""
        if not account.is_admin:
            raise Failure(403, {"error": {"title": "Forbidden", "message": "You do not have access to this page. Please contact the account owner."}})
        self.exports.take()
        return int(self.desk.state.now().timestamp()) - EXCLUDED_SECONDS

    def _start_time(self, query: Item, until: int) -> int:
        if not re.fullmatch(r"\d{1,12}", query.get("start_time", "")):
            raise failure(400, "InvalidValue", "start_time is required and must be a Unix epoch time")
        start = int(query["start_time"])
        if start > until:   # "Incremental Exports", start_time: must be more than one minute in the past
            raise failure(422, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds")
        return start

    def by_cursor(self, account: Account, headers: Mapping[str, str], query: Item, kind: str) -> tuple[int, Any]:
        """ "Cursor-based incremental exports": ordered by generated_timestamp; after_cursor is where the next page or the next export begins."""
        until = self._may_export(account)
        if cursor := query.get("cursor"):
            match = re.fullmatch(r"(\d+)\.0\|\|(\d+)\|", decoded(cursor))
            if match is None:
                raise failure(400, "InvalidCursor", "The cursor is not valid")
            moment, identity = int(match[1]), int(match[2])
        else:
            moment, identity = self._start_time(query, until), -1
        size = page_size(query.get("per_page"), EXPORT_PAGE)
        found = self.desk.state.behind(kind, moment, identity, until=until, most=size + 1)
        if query.get("exclude_deleted") == "true":
            found = [(at, item) for at, item in found if item.get("status") != "deleted"]
        page = found[:size]
        after = encoded(f"{page[-1][0]}.0||{page[-1][1]['id']}|") if page else cursor
        link = f"{self.desk.base_url}/api/v2/incremental/{kind}/cursor.json?" + urlencode({"cursor": after}) if after else None
        return 200, {kind: [item for _, item in page], "after_url": link, "after_cursor": after, "before_url": None, "before_cursor": None,
                     "end_of_stream": len(found) <= size}

    def by_time(self, account: Account, headers: Mapping[str, str], query: Item, kind: str) -> tuple[int, Any]:
        """ "Time-based incremental exports": items at or after start_time, at most a page, and the next page begins with the last one's second again.
        So items come twice at page borders ("Excluding duplicate items"), and who meets more than a page in one second never gets further, as clients
        of the vendor report."""
        until = self._may_export(account)
        start, size = self._start_time(query, until), page_size(query.get("per_page"), EXPORT_PAGE)
        if kind == "ticket_metric_events":      # nobody sees a breach but here, so here at the latest those are written whose time has passed
            life.look_at_clocks(self.desk, until + 1)
        found = self.desk.state.behind(kind, start, -1, until=until, most=size + 1)
        more, found = len(found) > size, found[:size]
        end = found[-1][0] if found else None
        items = [item for _, item in found]
        if kind == "ticket_events" and "comment_events" not in query.get("include", ""):
            items = [{**item, "child_events": [without_words(child) for child in item["child_events"]]} for item in items]
        following = urlencode({**({"include": query["include"]} if "include" in query else {}), "start_time": end})
        link = f"{self.desk.base_url}/api/v2/incremental/{kind}.json?{following}" if end is not None else None
        return 200, {kind: items, "next_page": link, "count": len(items), "end_time": end, "end_of_stream": not more}

    # ---- lists and single records

    def many(self, account: Account, headers: Mapping[str, str], query: Item, path: str) -> tuple[int, Any]:
        """ "Pagination": cursors where page[size] is given, else offsets."""
        kind = LISTS[path]
        where = wanted(kind, query)
        if kind == "deleted_tickets":
            self.deletions.take()
            since = life.iso(int(self.desk.state.now().timestamp()) - DELETED_FOR)
            where = lambda item: item["deleted_at"] >= since  # noqa: E731
        link = f"{self.desk.base_url}/api/v2/{path}.json?"
        if "page[size]" in query:
            size, after = page_size(query["page[size]"], LIST_PAGE), query.get("page[after]")
            try:
                identity = int(decoded(after)) if after else -1
            except ValueError:
                raise failure(400, "InvalidPaginationParameter", "page[after] is not valid") from None
            found = self.desk.state.items(kind, after=identity, most=size + 1, where=where)
            page, more = found[:size], len(found) > size
            last = encoded(str(page[-1]["id"])) if page else None
            rest = {name: value for name, value in query.items() if name != "page[after]"}
            return 200, {kind: page, "meta": {"has_more": more, "after_cursor": last, "before_cursor": None},
                         "links": {"next": link + urlencode({**rest, "page[after]": last}) if more else None, "prev": None}}
        number = int(query.get("page") or 1)
        if number * LIST_PAGE > OFFSET_LIMIT:
            raise failure(400, "InvalidPaginationDepth", "You cannot access data beyond 10000 records with offset pagination")
        every = self.desk.state.items(kind, where=where)
        page = every[(number - 1) * LIST_PAGE: number * LIST_PAGE]
        following = f"{link}page={number + 1}" if number * LIST_PAGE < len(every) else None
        return 200, {kind: page, "count": len(every), "next_page": following, "previous_page": None}

    def one(self, account: Account, headers: Mapping[str, str], query: Item, kind: str, identity: str) -> tuple[int, Any]:
        item = self.desk.state.get(kind, int(identity))
        if item is None or item.get("status") == "deleted":
            raise not_found()
        return 200, {kind.removesuffix("s"): item}

    def schedules(self, account: Account, headers: Mapping[str, str], query: Item) -> tuple[int, Any]:
        """ "Schedules", List All Schedules: without pages."""
        return 200, {"schedules": self.desk.state.items("schedules"), "url": f"{self.desk.base_url}/api/v2/business_hours/schedules.json"}

    def holidays(self, account: Account, headers: Mapping[str, str], query: Item, identity: str) -> tuple[int, Any]:
        """ "Schedules", List All Holidays For A Schedule. Which schedule stands in the path alone."""
        if self.desk.state.get("schedules", int(identity)) is None:
            raise not_found()
        found = self.desk.state.matching("schedule_holidays", "schedule_id", int(identity))
        return 200, {"holidays": [{name: value for name, value in holiday.items() if name != "schedule_id"} for holiday in found]}

    def me(self, account: Account, headers: Mapping[str, str], query: Item) -> tuple[int, Any]:
        return 200, {"user": self.desk.state.get("users", account.user_id)}

    def audits(self, account: Account, headers: Mapping[str, str], query: Item, kind: str, identity: str) -> tuple[int, Any]:
        audits = self.desk.state.matching("ticket_events", "ticket_id", self._ticket(identity)["id"])
        return 200, {"audits": [{"id": audit["id"], "ticket_id": audit["ticket_id"], "created_at": audit["created_at"], "author_id": audit["updater_id"],
                                 "events": audit["child_events"]} for audit in audits], "next_page": None, "previous_page": None, "count": len(audits)}

    def comments(self, account: Account, headers: Mapping[str, str], query: Item, kind: str, identity: str) -> tuple[int, Any]:
        events = [child for audit in self.desk.state.matching("ticket_events", "ticket_id", self._ticket(identity)["id"]) for child in audit["child_events"]]
        comments = [child for child in events if child["event_type"] == "Comment"]
        return 200, {"comments": comments, "next_page": None, "previous_page": None, "count": len(comments)}

    # ---- writing

    def create(self, account: Account, headers: Mapping[str, str], payload: Item) -> tuple[int, Any, dict[str, str]]:
        """ "Tickets", Create Ticket; "Idempotency": the same key with the same body gives the first answer again (x-idempotency-lookup: hit), with
        another body 400. Keys outlive the server here; the vendor keeps them for two hours."""
        key, said = headers.get("Idempotency-Key"), json.dumps(payload, sort_keys=True)
        with self._writing:
            first = self.desk.state.fact(f"idempotency {key}") if key else None
            if first is not None:
                if first["said"] != said:
                    raise failure(400, "IdempotentRequestError", "Request parameters do not match the first request with this idempotency key")
                return 201, {"ticket": first["ticket"]}, {"x-idempotency-lookup": "hit"}
            asked = payload.get("ticket") or {}
            body = (asked.get("comment") or {}).get("body") or asked.get("description")
            if not body:
                raise invalid("description", "Description: cannot be blank")
            fields = {**checked({name: value for name, value in asked.items() if name in (*life.FIELDS, "external_id", "due_at")}), **self._assignee(asked)}
            with self.desk.state.transaction():   # the ticket and its key together: a kill between them would make the key useless
                (identity,) = self.desk.state.next_ids("ticket", first=9_000_001)
                ticket = life.create(
                    self.desk, {"id": identity, "requester_id": account.user_id, "submitter_id": account.user_id, **fields}, at=self.desk.state.stamp(),
                    body=body, author=account.user_id, via="api", public=(asked.get("comment") or {}).get("public", True))
                if key:
                    self.desk.state.set_fact(f"idempotency {key}", {"said": said, "ticket": ticket})
            return 201, {"ticket": ticket}, {"x-idempotency-lookup": "miss"} if key else {}

    def update(self, account: Account, headers: Mapping[str, str], payload: Item, identity: str) -> tuple[int, Any]:
        """ "Tickets", Update Ticket; "Protecting against ticket update collisions": with safe_update, updated_stamp must be the ticket's updated_at."""
        with self._writing:
            ticket, asked = self._ticket(identity), payload.get("ticket") or {}
            if asked.get("safe_update") and asked.get("updated_stamp") != ticket["updated_at"]:
                raise failure(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data.")
            if ticket["status"] == "closed":
                raise invalid("status", "Status: closed prevents ticket update")
            changes = checked({name: value for name, value in asked.items() if name in life.FIELDS})
            changes |= self._assignee(asked)
            if changes.get("status") == "new" and ticket["status"] != "new":
                raise invalid("status", "Status: cannot be set back to new")
            if changes.get("status") == "solved" and not (changes.get("assignee_id") or ticket["assignee_id"]):
                raise invalid("assignee_id", "Assignee: is required when solving a ticket")
            if comment := asked.get("comment"):
                changes["comment"] = {"body": comment.get("body") or "", "public": comment.get("public", True),
                                      "author_id": comment.get("author_id", account.user_id)}
            if "additional_tags" in asked or "remove_tags" in asked:
                changes["tags"] = sorted(({*ticket["tags"]} | {*asked.get("additional_tags", [])}) - {*asked.get("remove_tags", [])})
            ticket = life.update(self.desk, ticket, changes, at=self.desk.state.stamp(), updater=account.user_id, via="api")
            return 200, {"ticket": ticket, "audit": self.desk.state.matching("ticket_events", "ticket_id", ticket["id"])[-1]}

    def _assignee(self, asked: Item) -> Item:
        """ "Tickets", JSON format, assignee_email: write only, the address of the agent to assign the ticket to."""
        email = asked.get("assignee_email")
        agents = self.desk.state.items("users", where=lambda user: user["email"] == email and user["role"] != "end-user") if email else []
        if email and not agents:
            raise invalid("assignee", f"Assignee: {email} is not an agent")
        return {"assignee_id": agents[0]["id"]} if agents else {}

    def tags(self, how: str, account: Account, headers: Mapping[str, str], payload: Item, identity: str) -> tuple[int, Any]:
        """ "Tags": PUT adds, POST sets, DELETE removes."""
        with self._writing:
            ticket, given = self._ticket(identity), set(payload.get("tags") or [])
            if ticket["status"] == "closed":
                raise invalid("status", "Status: closed prevents ticket update")
            tags = {"add": {*ticket["tags"]} | given, "set": given, "remove": {*ticket["tags"]} - given}[how]
            ticket = life.update(self.desk, ticket, {"tags": sorted(tags)}, at=self.desk.state.stamp(), updater=account.user_id, via="api")
            return (201 if how == "set" else 200), {"tags": ticket["tags"]}

    def remove(self, account: Account, headers: Mapping[str, str], payload: Item, identity: str) -> tuple[int, Any]:
        with self._writing:
            life.delete(self.desk, self._ticket(identity), at=self.desk.state.stamp(), actor=account.user_id)
        return 204, None

    def restore(self, account: Account, headers: Mapping[str, str], payload: Item, identity: str) -> tuple[int, Any]:
        with self._writing:
            ticket = self.desk.state.get("tickets", int(identity))
            if ticket is None or ticket["status"] != "deleted":
                raise not_found()
            life.restore(self.desk, ticket, at=self.desk.state.stamp())
        return 200, {}

    def _ticket(self, identity: str) -> Item:
        ticket = self.desk.state.get("tickets", int(identity))
        if ticket is None or ticket["status"] == "deleted":
            raise not_found()
        return ticket

    # ---- the sandbox's own

    def clock(self, account: Account, headers: Mapping[str, str], query: Item) -> tuple[int, Any]:
        return 200, {"now": self.desk.state.now().isoformat()}

    def move_clock(self, account: Account, headers: Mapping[str, str], payload: Item) -> tuple[int, Any]:
        self.desk.state.set_clock(datetime.fromisoformat(payload["now"]))
        return 200, {"now": self.desk.state.now().isoformat()}
