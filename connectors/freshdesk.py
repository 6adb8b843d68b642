"""Freshdesk, read over its API v2 with an agent's API key (basic authentication, the key in the place of the user's name).

How reading stays complete, and why it is asked this way (sections of the vendor's "API documentation", by title):

- "List All Tickets" shows nothing behind its 300th page, without `updated_since` only the tickets of the last 30 days, and moves under whoever turns its
  pages: a ticket changed meanwhile goes to the end, and the first one of the page behind is never seen. So no page is ever turned: tickets are asked
  for in the order of `updated_at`, and each page by `updated_since` = the last stamp of the page before (it takes that second in, too). M changed tickets
  cost M/100 requests, of 3 credits because `include=stats` costs two.
- Only a second with more than a page of tickets (a bulk update) is read by page numbers; from its end they are walked backwards once more, because
  whatever moves away there pulls what is not yet seen to a page that is still to come, and until no ticket is shown twice, because the order within a
  second is not promised.
- Deleted tickets and spam are not in that list. Both have lists of their own (`filter=deleted`, `filter=spam`), both changes move `updated_at`, and so
  does taking them back: what is in there becomes a tombstone. A first read needs neither.
- "List All Conversations of a Ticket" is asked for every changed ticket, once (M more requests; the API has no request for several tickets, and
  `include=conversations` shows the first ten only). A ticket's conversations are one record, so what was edited or taken out goes with it.
- Contacts are asked for by `_updated_since` in every state; deleted ones stay, `deleted: true`, and their tickets with them. What was deleted forever is
  found by comparing ids once a month. Ratings can only be asked for by their creation: the last 30 days again every night, all once a month.
- Lists without an order are turned page by page until a whole turn shows nothing new and nothing twice; a list of one page cannot move.

What the API cannot tell: tickets archived before the first night (closed and idle for 120 days) are in no list, later ones are kept as last seen; a ticket
deleted *forever* within the night in which it was deleted, or while nobody read for 30 days, leaves no trace; nor does a conversation that is taken out
of a ticket that nobody touches again.

Limits ("Rate Limit"): an account's credits a minute, shared by everything that calls it, and so many list requests of tickets and of contacts. All processes
share them here; a tenth of the credits is left to the company's other integrations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from requests.utils import parse_header_links

from connectors.freshdesk_streams import ASKED, PLANS, STREAMS, Asked, Place
from connectors.options import left_out, refuse_unknown
from connectors.quota import Limit, endpoint_quota, together
from connectors.rest import Answer, LoopGuard, Quota, Rest, basic_key, system_clock
from connectors.stream import Json, Misconfigured, Page, Record, Refused, Stream, UnexpectedShape, Unreachable, Window

BEGINNING = datetime.fromtimestamp(0, UTC)
LARGEST_PAGE = 100               # "Pagination"
LAST_PAGE = 300                  # "List All Tickets", note 2
TURNS = 10                       # a list that moves under ten turns in a row is not read to its end tonight
AT_ONCE = 25                     # tickets whose conversations are landed together: so many requests are lost with a kill
LEFT_TO_OTHERS = 0.1
PAUSE = 10.0                     # seconds without requests when others have used up what we would leave them; a minute's credits come back at its end


@dataclass(frozen=True, kw_only=True)
class FreshdeskOptions:
    """url: https://<name>.freshdesk.com. api_key_env: environment variable that holds the API key of an administrator.

    plan: growth, pro or enterprise, for its limits; credits_per_minute and lists_per_minute where an account has others. page_size: records a
    request, at most 100. without: streams that the plan has not.
    """

    url: str
    api_key_env: str = ""
    plan: str = "growth"
    credits_per_minute: int = 0
    lists_per_minute: int = 0
    page_size: int = LARGEST_PAGE
    without: tuple[str, ...] = ()
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], home: Path | None = None, quota: Quota | None = None,
    clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Freshdesk:
    """secrets: {"api_key": ...}. home: where the quotas shared with other processes rest; None: this process is alone."""
    refuse_unknown(name, options, FreshdeskOptions)
    if not options.get("url"):
        raise Misconfigured("no url is set", source=name, mend='set url = "https://<name>.freshdesk.com"')
    if not secrets.get("api_key"):
        raise Misconfigured("no API key is set", source=name,
                            mend='copy it in Freshdesk (Profile settings, View API key) and name its environment variable: api_key_env = "..."')
    chosen = FreshdeskOptions(**{**options, "without": left_out(name, options, ASKED)})
    if chosen.plan not in PLANS:
        raise Misconfigured(f"plan is {chosen.plan!r}", source=name, mend="one of " + ", ".join(PLANS))
    if not 2 <= chosen.page_size <= LARGEST_PAGE:
        raise Misconfigured(f"page_size is {chosen.page_size!r}", source=name, mend=f"a whole number from 2 to {LARGEST_PAGE}")

    def limited(requests: int, what: str) -> Quota:
        return endpoint_quota(home, name, Limit(requests=requests), name=what)

    plan = PLANS[chosen.plan]
    lists = chosen.lists_per_minute or plan.lists
    rest = Rest(chosen.url.rstrip("/") + "/api/v2", source=name, auth=basic_key(secrets["api_key"]), allow_http=chosen.allow_http, clock=clock, sleep=sleep,
                quota=quota)
    return Freshdesk(name, rest, limited(chosen.credits_per_minute or plan.credits, "credits"),
                     {path: limited(lists, f"{path}-lists") for path in ("tickets", "contacts")}, chosen)


class Freshdesk:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "freshdesk"

    def __init__(self, name: str, rest: Rest, credits: Quota, lists: Mapping[str, Quota], options: FreshdeskOptions) -> None:
        self.name, self._rest, self._credits, self._lists, self._options = name, rest, credits, lists, options

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._options.without]

    def check(self) -> str:
        me = self._get("agents/me", {}, "").json
        if not isinstance(me, dict) or not isinstance(me.get("contact"), dict):
            raise self._odd("the answer does not say whose key this is", "")
        return f"Freshdesk at {self._rest.base_url.removesuffix('/api/v2')} as {me['contact'].get('email')} ({me.get('type')})"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def keys(self, stream: Stream) -> Iterator[str]:
        for page in self._read_pages(stream, ASKED[stream.name], None, {}):
            yield from (str(record["id"]) for record in page.records)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        asked = ASKED[stream.name]
        if asked.how == "pages":
            yield from self._read_pages(stream, asked, window.start, resume or {})
        else:
            yield from self._read_tickets(stream, asked, window, resume or {})

    # ---- tickets and their conversations

    def _read_tickets(self, stream: Stream, asked: Asked, window: Window, resume: Mapping[str, Any]) -> Iterator[Page]:
        """Three steps: what there is, what became spam, what was deleted. Resumed in the step and behind the page that landed."""
        steps = ["there", "spam", "deleted", "done"] if window.start else ["there", "done"]
        start = Place(since=(window.start or BEGINNING).replace(microsecond=0))      # the API knows no fractions
        for number in range(steps.index(resume["step"]) if resume else 0, len(steps) - 1):
            step, following = steps[number], start.position(steps[number + 1])
            filtered = {"filter": step} if step != "there" else {"include": "stats"} if asked.how == "tickets" else {}
            for found, place in self._changed(stream.name, filtered, Place.of(resume) if resume.get("step") == step else start, window.end):
                position = place.position(step) if place else following
                # Whatever answers with another list than the one asked for must not make tombstones of what is there.
                if any(("deleted" if ticket.get("deleted") else "spam" if ticket.get("spam") else "there") != step for ticket in found):
                    raise self._odd(f"a list of tickets ({filtered.get('filter', 'without a filter')}) shows some that do not belong there", stream.name)
                if step != "there":
                    yield Page(records=[], deleted=[str(ticket["id"]) for ticket in found], position=position)
                elif asked.how == "tickets":
                    yield Page(records=found, position=position)
                else:
                    yield from self._with_conversations(stream.name, found, position)

    def _changed(self, stream: str, filtered: Mapping[str, str], place: Place, end: datetime) -> Iterator[tuple[list[Record], Place | None]]:
        """(tickets changed from `place` on, in the order of their change; where the next page begins, None behind the last one)."""
        guard, since, seen, number = LoopGuard(source=self.name, stream=stream), place.since, set(place.seen), place.number

        def ask(page: int) -> tuple[list[Record], bool]:
            return self._ask("tickets", {**filtered, "updated_since": _text(since), "order_by": "updated_at", "order_type": "asc"}, page, stream)

        def so_far(page: int) -> tuple[list[Record], bool]:
            return ask(page)[0], False

        while True:
            if number > LAST_PAGE:
                raise self._odd(f"more than {LAST_PAGE} pages of tickets were changed in the second {_text(since)}, and the API shows no more", stream)
            rows, more = ask(number)
            guard.see([_text(since), number], rows)
            stamps = [_stamp(row) for row in rows]
            if stamps != sorted(stamps) or (stamps and stamps[0] < since):
                raise self._odd("a page of tickets is not in the order of updated_at that was asked for", stream)
            found = [row for row, stamp in zip(rows, stamps, strict=True) if stamp > since or row["id"] not in seen]
            last = stamps[-1] if stamps else since
            if number > 1 and (last > since or not more):
                seen |= {row["id"] for row in found}
                found = sorted([*self._turn_again(stream, so_far, number, seen), *found], key=_stamp)
            at_last = {row["id"] for row, stamp in zip(rows, stamps, strict=True) if stamp == last}
            seen = at_last | (seen if last == since else set())
            # A page of one second is the first page of that second: the next one of it is asked for by its number.
            number = number + 1 if last == since else 2 if stamps[0] == last else 1
            since, is_over = last, not more or (bool(stamps) and stamps[0] >= end)
            yield found, None if is_over else Place(since=since, seen=frozenset(seen), number=number)
            if is_over:
                return

    def _with_conversations(self, stream: str, tickets: Sequence[Record], behind: Json) -> Iterator[Page]:
        """behind: the position behind all of these tickets. In between one goes on at the stamp of the last ticket that is landed."""
        for first in range(0, len(tickets), AT_ONCE) or (0,):
            done, position = tickets[:first + AT_ONCE], behind
            if len(done) < len(tickets):
                last = _stamp(done[-1])
                position = Place(since=last, seen=frozenset(ticket["id"] for ticket in done if _stamp(ticket) == last)).position("there")
            yield Page(records=[one for ticket in done[first:] for one in self._conversations(stream, ticket["id"])], position=position)

    def _conversations(self, stream: str, ticket: int) -> Iterator[Record]:
        """One record; none for a ticket that was deleted since the list showed it, of which the deleted ones' list will tell."""
        path = f"tickets/{ticket}/conversations"
        if (first := self._get(path, {"per_page": str(self._options.page_size)}, stream, allow=(404,))).status != 404:
            found = first.json if not _goes_on(first) else [row for page in self._turn(stream, path, {}) for row in page[0]]
            if not isinstance(found, list):
                raise self._odd("the answer is not a list of conversations", stream)
            yield {"ticket_id": ticket, "conversations": sorted(found, key=lambda one: int(one["id"]))}

    # ---- lists in pages

    def _read_pages(self, stream: Stream, asked: Asked, start: datetime | None, resume: Mapping[str, Any]) -> Iterator[Page]:
        since = {asked.since: _text(start or BEGINNING)} if asked.since and (start or asked.path != "contacts") else {}
        for step in range(resume.get("list", 0), len(asked.lists)):
            first = resume["number"] if resume.get("list") == step else 1
            for rows, following in self._turn(stream.name, asked.path, {**asked.lists[step], **since}, first):
                yield Page(records=rows, position={"list": step, "number": following} if following else {"list": step + 1, "number": 1})

    def _turn(self, stream: str, path: str, params: Mapping[str, str], number: int = 1) -> Iterator[tuple[list[Record], int | None]]:
        """(records that no page showed before, what to go on with) of a list whose order the vendor does not promise: a page's number, below zero that of
        the last page, from which all of them are turned again, None at the end."""
        guard, seen = LoopGuard(source=self.name, stream=stream), set[int]()
        while number > 0:
            rows, more = self._ask(path, params, number, stream)
            guard.see(number, rows)
            found = [row for row in rows if row["id"] not in seen]
            seen |= {row["id"] for row in found}
            following = number + 1 if more else -number if number > 1 else None
            yield found, following
            if following is None:
                return
            number = following
        yield self._turn_again(stream, lambda page: self._ask(path, params, page, stream), -number, seen), None

    def _turn_again(self, stream: str, ask: Callable[[int], tuple[list[Record], bool]], top: int, seen: set[int]) -> list[Record]:
        """What the pages from `top` down to the first show and is not in `seen`, until they show nothing new, nothing twice and no page behind `top`."""
        missed: list[Record] = []
        for _ in range(TURNS):
            rows, more = ask(top)
            rows = rows + [row for number in range(top - 1, 0, -1) for row in ask(number)[0]]
            found = {row["id"]: row for row in rows if row["id"] not in seen}
            seen |= found.keys()
            missed += found.values()
            if not found and not more and len({row["id"] for row in rows}) == len(rows):
                return missed
            top += more
        raise Unreachable(f"a list of {top} pages has changed under {TURNS} readings in a row", source=self.name, stream=stream,
                          mend="the next run tries again; read at an hour at which fewer people work there")

    # ---- requests

    def _ask(self, path: str, params: Mapping[str, str], number: int, stream: str) -> tuple[list[Record], bool]:
        """(records, whether there is a page behind) of one page."""
        answer = self._get(path, {**params, "page": str(number), "per_page": str(self._options.page_size)}, stream)
        if not isinstance(answer.json, list) or not all(isinstance(row, dict) for row in answer.json):
            raise self._odd("the answer is not a list of records", stream)
        return answer.json, _goes_on(answer)

    def _get(self, path: str, params: Mapping[str, str], stream: str, allow: Sequence[int] = ()) -> Answer:
        price = 1 + 2 * len([name for name in params.get("include", "").split(",") if name])       # "List All Tickets": each include costs 2 more credits
        quota = together(*[self._credits] * price, *([self._lists[path]] if path in self._lists else []))
        answer = self._rest.request("GET", path, params=params, stream=stream, quota=quota, allow=(403, 404))
        if answer.status in (403, 404) and answer.status not in allow:
            raise self._not_ours(answer, path, stream)
        left, total = answer.headers.get("X-RateLimit-Remaining", ""), answer.headers.get("X-RateLimit-Total", "")
        if left.isdigit() and total.isdigit() and int(left) < LEFT_TO_OTHERS * int(total):
            self._credits.hold(PAUSE)
        return answer

    def _not_ours(self, answer: Answer, path: str, stream: str) -> Refused:
        """ "Errors": require_feature is the plan, access_denied the agent's role; where a plan has not an endpoint at all, there is nothing."""
        said = answer.json if isinstance(answer.json, dict) else {}
        what = self._rest.redact(f"{answer.status} for GET /{path}: {said.get('message') or said.get('code') or 'no such endpoint'}")
        if answer.status == 404 or said.get("code") == "require_feature":
            mend = f'the plan of this Freshdesk account does not have it: upgrade it, or leave the stream out with without = ["{stream}"]'
        else:
            mend = "use the API key of an administrator, or give its agent a role that may read this"
        return Refused(what, source=self.name, stream=stream, mend=mend)

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream,
                               mend="see the vendor's change log; nothing was lost, the next run asks from the same place")


def _goes_on(answer: Answer) -> bool:
    """ "Pagination": the link header holds the next page's address if there is one. It is never followed, only believed."""
    return any(link.get("rel") == "next" for link in parse_header_links(answer.headers.get("Link", "")))


def _stamp(ticket: Record) -> datetime:
    return datetime.fromisoformat(ticket["updated_at"])


def _text(at: datetime) -> str:
    """Whole seconds, rounded down: earlier is safe."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
