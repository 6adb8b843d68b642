"""Zendesk Support, read through its incremental exports with an API token (basic authentication as `email/token`).

How reading stays complete ("Using the Incremental Exports API" in the vendor's developer documentation):

- Tickets and users: the cursor export. It is ordered by `generated_timestamp`, which system updates move too, and not by `updated_at`, which they do not.
  The vendor's own cursor of the last page is kept as the stream's memory, so the next night goes on behind exactly the last record.
- Ticket events, organizations, metric events: the time-based export, which begins again *at* the last second. What was landed of that second
  before is recognised by its content and left out; everything else of it is read.
- The vendor leaves out the minute before a request, so that nothing appears later with an older stamp: a lag of two minutes covers a clock that
  is wrong by one.
- Metric events are listed by when they occurred ("Ticket Metric Events", JSON format, `time`; List Ticket Metric Events). When the vendor writes a breach is
  not documented: one written behind our cursor is found by the nightly comparison with what landed, and read the next night.
- Deleted tickets come as records of status `deleted`, organizations with `deleted_at`: both become tombstones. Deleted users stay, `active: false`.
- Audits and comments come with the ticket events (`comment_events`): "Ticket Audits" sends whoever follows changes to that export, because the list of all
  audits leaves archived tickets out and skips records at the tail of its cursor.
- Who deleted which ticket is told for 30 days ("Tickets", List Deleted Tickets; 10 requests a minute, no filter by time): the list is read whole every
  night, and of it only what was deleted since the last one is landed.
- Schedules and their holidays ("Schedules") are few, come without pages, and are read whole; holidays are asked for one schedule at a time.
- Satisfaction ratings can only be asked for by their beginning, and change until their ticket is closed (28 days after it was solved, at the latest):
  so the last 30 days are read again every night, and once a month all of them are compared (a rating goes with its ticket, without a word).

The exports allow 10 requests a minute (30 with an add-on) whoever asks; `exports_per_minute` says so, and all processes share it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.answers import field_of
from connectors.options import left_out, refuse_unknown
from connectors.quota import Limit, endpoint_quota
from connectors.rest import LoopGuard, Quota, Rest, basic, system_clock
from connectors.stream import Json, Misconfigured, Page, Record, Stream, UnexpectedShape, Window
from connectors.zendesk_streams import EXPORTS, SCHEDULES, STREAMS, Export

LARGEST_PAGE = 1000              # of an export; "Using the Incremental Exports API", Per page
LARGEST_LIST = 100               # of a list; "Pagination", Cursor pagination
DELETIONS_A_MINUTE = 10          # requests; "Tickets", List Deleted Tickets, Rate Limit


@dataclass(frozen=True, kw_only=True)
class ZendeskOptions:
    """url: https://<subdomain>.zendesk.com. email: of the administrator whose token it is. token_env: environment variable that holds the token.

    exports_per_minute: what the vendor allows on incremental exports. page_size: records of one export page, at most 1000.
    without: streams that the subscription does not have (schedules and SLA policies need a larger one).
    """

    url: str
    email: str
    token_env: str = ""
    exports_per_minute: int = 10
    page_size: int = 1000
    without: tuple[str, ...] = ()
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], home: Path | None = None, quota: Quota | None = None,
    memory: Callable[[str], Json] | None = None, clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Zendesk:
    """secrets: {"token": ...}. home: where the quota shared with other processes rests; None: this process is alone."""
    refuse_unknown(name, options, ZendeskOptions)
    for needed in ("url", "email"):
        if not options.get(needed):
            raise Misconfigured(f"no {needed} is set", source=name, mend=f'set {needed} = "..."')
    if not secrets.get("token"):
        raise Misconfigured("no API token is set", source=name,
                            mend='make one in Zendesk (Admin Center, APIs) and name its environment variable: token_env = "..."')
    chosen = ZendeskOptions(**{**options, "without": left_out(name, options, EXPORTS)})

    rest = Rest(chosen.url.rstrip("/") + "/api/v2", source=name, auth=basic(f"{chosen.email}/token", secrets["token"]), quota=quota,
                allow_http=chosen.allow_http, clock=clock, sleep=sleep)
    exports = endpoint_quota(home, name, Limit(requests=chosen.exports_per_minute), name="exports")
    deletions = endpoint_quota(home, name, Limit(requests=DELETIONS_A_MINUTE), name="deletions")
    return Zendesk(name, rest, exports, deletions, chosen, memory or (lambda stream: None))


class Zendesk:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "zendesk"

    def __init__(self, name: str, rest: Rest, exports: Quota, deletions: Quota, options: ZendeskOptions, memory: Callable[[str], Json]) -> None:
        self.name, self._rest, self._page_size, self._without, self._memory = name, rest, options.page_size, options.without, memory
        self._exports, self._deletions = exports, deletions

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._without]

    def check(self) -> str:
        user = self._field(self._rest.get("users/me.json"), "user", dict, "")
        if not user.get("id") or user.get("role") != "admin":
            raise Misconfigured(f"{user.get('email') or 'an anonymous user'} is {user.get('role') or 'nobody'}, and only administrators may use the exports",
                                source=self.name, mend="use the token of an administrator")
        return f"Zendesk at {self._rest.base_url.removesuffix('/api/v2')} as {user['email']} ({user['role']})"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def keys(self, stream: Stream) -> Iterator[str]:
        for records, _ in self._list(stream.name, EXPORTS[stream.name], {}, None):
            yield from (str(record["id"]) for record in records)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        export = EXPORTS[stream.name]
        if export.how == "cursor":
            yield from self._by_cursor(stream, export, window, resume)
        elif export.how == "time":
            yield from self._by_time(stream, export, window, resume)
        elif export.how == "list":
            since = {"start_time": str(_epoch(window.start))} if export.since and window.start else {}
            for records, after in self._list(stream.name, export, since, (resume or {}).get("after")):
                wanted = [record for record in records if not export.stamp or export.since or window.start is None or _stamp(record, export) >= window.start]
                yield Page(records=wanted, position={"after": after} if after else None)
        else:
            found = self._whole(export.path, "schedules", stream.name)
            if export.how == "by schedule":
                found = [holiday for schedule in found for holiday in self._holidays(schedule, stream.name)]
            yield Page(records=found)

    def _holidays(self, schedule: Record, stream: str) -> list[Record]:
        """A holiday does not say of its own to which schedule it belongs."""
        holidays = self._whole(f"{SCHEDULES}/{schedule['id']}/holidays.json", "holidays", stream)
        return [{**holiday, "schedule_id": schedule["id"]} for holiday in holidays]

    def _whole(self, path: str, items: str, stream: str) -> list[Record]:
        """The records of an answer without pages, as the vendor documents it."""
        body = self._rest.get(path, stream=stream)
        records: list[Record] = self._field(body, items, list, stream)
        if body.get("next_page") or (body.get("meta") or {}).get("has_more"):
            raise self._odd("an answer that should be whole says that more follows", stream)
        return records

    # ---- the three ways of paging

    def _by_cursor(self, stream: Stream, export: Export, window: Window, resume: Json) -> Iterator[Page]:
        guard = LoopGuard(source=self.name, stream=stream.name)
        memory = (resume or {}).get("memory") or self._memory_for(stream.name, window)
        if (resume or {}).get("done"):
            return
        while True:
            ask = {"cursor": memory["cursor"]} if memory else {"start_time": str(_epoch(window.start))}
            body = self._rest.get(export.path, {**ask, "per_page": str(self._page_size)}, stream=stream.name, quota=self._exports)
            records = self._field(body, export.items, list, stream.name)
            done = self._field(body, "end_of_stream", bool, stream.name) or _all_later(records, export, window)
            reached = max([_stamp(record, export) for record in records], default=_instant(memory["reached"]) if memory else None)
            if body.get("after_cursor"):
                memory = {"cursor": body["after_cursor"], "reached": reached.isoformat() if reached else _start(window).isoformat()}
            elif not done:
                raise self._odd("a page says that more follows but gives no after_cursor", stream.name)
            if not done:
                guard.see(memory["cursor"] if memory else None, records)
            yield _page(records, position={"memory": memory, "done": done}, high_water=reached if records else None)
            if done:
                return

    def _by_time(self, stream: Stream, export: Export, window: Window, resume: Json) -> Iterator[Page]:
        guard = LoopGuard(source=self.name, stream=stream.name)
        memory = (resume or {}).get("memory") or self._memory_for(stream.name, window) or {"start": _epoch(window.start), "seen": []}
        if (resume or {}).get("done"):
            return
        size = self._page_size
        while True:
            body = self._rest.get(export.path, {"start_time": str(memory["start"]), "per_page": str(size), **(export.params or {})},
                                  stream=stream.name, quota=self._exports)
            listed = self._field(body, export.items, list, stream.name)
            done = self._field(body, "end_of_stream", bool, stream.name) or _all_later(listed, export, window)
            seen, again = set(memory["seen"]), memory["start"]
            records = [record for record in listed if _epoch(_stamp(record, export)) != again or _mark(record) not in seen]
            end = body.get("end_time") or again
            if not done and end == again and size < LARGEST_PAGE:   # more than a page in one second, where this paging never gets further
                size = LARGEST_PAGE
                continue
            if not done:
                guard.see(end)
            if end < again:
                raise self._odd(f"the export asked from {again} says that it ends at {end}", stream.name)
            at_end = {_mark(record) for record in listed if _epoch(_stamp(record, export)) == end}
            memory = {"start": end, "seen": sorted(at_end), "reached": datetime.fromtimestamp(end, UTC).isoformat()}
            yield _page(records, position={"memory": memory, "done": done}, high_water=datetime.fromtimestamp(end, UTC) if listed else None)
            if done:
                return

    def _list(self, stream: str, export: Export, params: Mapping[str, str], after: str | None) -> Iterator[tuple[list[Record], str | None]]:
        """(records, cursor of the next page or None) of a list with cursor pagination."""
        guard = LoopGuard(source=self.name, stream=stream)
        while True:
            behind = {"page[after]": after} if after else {}
            body = self._rest.get(export.path, {"page[size]": str(min(self._page_size, LARGEST_LIST)), **params, **behind}, stream=stream,
                                  quota=self._deletions if export.is_slow else None)
            records = self._field(body, export.items, list, stream)
            meta = body.get("meta") or {}
            after = meta.get("after_cursor") if meta.get("has_more") else None
            if (meta.get("has_more") and not after) or body.get("next_page"):
                raise self._odd("a list page says that more follows but not from where", stream)
            yield records, after
            if not after:
                return
            guard.see(after, records)

    # ---- small parts

    def _memory_for(self, stream: str, window: Window) -> Json:
        """Where the last night stopped, unless an older window is asked for (a backfill): then its start counts."""
        memory = self._memory(stream)
        return memory if memory and window.start is not None and _instant(memory["reached"]) <= window.start else None

    def _field(self, body: Json, name: str, kind: type, stream: str) -> Any:
        return field_of(body, name, kind, lambda what: self._odd(what, stream))

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream,
                               mend="see the vendor's change log; nothing was lost, the next run asks from the same place")


def _page(records: list[Record], *, position: Json, high_water: datetime | None) -> Page:
    return Page(records=[record for record in records if not _is_gone(record)], deleted=[str(record["id"]) for record in records if _is_gone(record)],
                position=position, high_water=high_water)


def _is_gone(record: Record) -> bool:
    return record.get("status") == "deleted" or bool(record.get("deleted_at"))


def _all_later(records: Sequence[Record], export: Export, window: Window) -> bool:
    """Whether a page lies wholly behind the window: a backfill of an old window stops there. Exports are ordered by their stamp."""
    return bool(records) and min(_stamp(record, export) for record in records) >= window.end


def _stamp(record: Record, export: Export) -> datetime:
    value = record[export.stamp]
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else _instant(value)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _start(window: Window) -> datetime:
    return window.start or datetime.fromtimestamp(0, UTC)


def _epoch(at: datetime | None) -> int:
    """Whole seconds, rounded down: the exports know no fractions, and earlier is safe."""
    return max(0, int(at.timestamp())) if at else 0


def _mark(record: Record) -> str:
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=8).hexdigest()
