"""Salesforce, read over its REST API with SOQL.

How reading stays complete, and why it is asked this way (pages of the vendor's developer documentation, by title):

- What changed is asked for by SystemModstamp (`>=` the window's start, `<` its end), which automated processes move, too, and LastModifiedDate does not
  tell of; field history by CreatedDate. Answers come in the order of Id, 2,000 records or fewer a page, and a page is followed by `nextRecordsUrl`
  ("Query"). A locator lives two days and only so many at a time ("'INVALID_QUERY_LOCATOR' Salesforce Error"): when it is gone, and when a reading goes on
  that was killed, the query is asked anew as `Id > last id`. So a tie has no page border to fall on, and a record that changes again in the meantime
  leaves this window for the next. `LAG` is what a transaction may last; that much is read again every night.
- Deletes come from two sides. `queryAll` brings what is in the recycle bin, what lost a merge (its MasterRecordId names the winner) among it, with
  IsDeleted; "sObject Get Deleted" also names what is not in the bin any more, for 15 days or until the delete log is purged. What neither tells is found by a
  sweep of ids once a week (N/2000 requests). An undeleted record's stamp moves.
- A formula is worked out when it is read and moves no stamp: objects that have one are read whole every `refresh_every` days, and what says the same
  as before lands nothing.
- Which fields there are is asked of "sObject Describe" before every reading, which names what our user may see. When there are others than before, the
  object is read whole: a field that we were given the right to see holds values in records whose stamp did not move. One that the models need but
  field-level security hides is named in the night's report. Compound and binary fields are left out; their parts come.
- A request line has an end of 16,384 bytes, a SOQL statement of 100,000 characters ("SOQL and SOSL Limits for Search Queries"): where the fields of an
  object do not fit, the query brings ids and "Get Records With a Request Body Using sObject Collections" the contents, 2,000 a request.

M changed of N records cost 1 (describe) + 1 (deleted) + M/2000. Requests are counted by the organisation and for all its applications together, in any
24 hours ("API Request Limits and Allocations"). Every answer says how far that is (Sforce-Limit-Info): `leave_percent` of it is left to the others, and
what is refused with REQUEST_LIMIT_EXCEEDED stops every stream and process for an hour. `requests_per_day` is our own budget below that.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.answers import field_of
from connectors.quota import Limit, endpoint_quota
from connectors.rest import Answer, LoopGuard, Quota, Rest, bearer, system_clock
from connectors.salesforce_answers import Shape, code_of, failure, shape_of, usage
from connectors.salesforce_auth import token_source
from connectors.salesforce_options import SalesforceOptions, options_of
from connectors.salesforce_streams import STREAMS, Asked, chosen, instant, statement
from connectors.stream import Json, Page, QuotaExhausted, Record, Stream, UnexpectedShape, Window

__all__ = ["STREAMS", "Salesforce", "SalesforceOptions", "connect"]

URL_LIMIT = 14_000                   # bytes of a request's address; the vendor's limit of 16,384 is for headers, too
CONTENTS = 2_000                     # records a request of "sObject Collections"
LOG = timedelta(days=15) - timedelta(hours=1)      # how far back the delete log can be asked
UNDERSTOOD = (400, 401, 403, 404)
AN_HOUR = 3600.0


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], home: Path | None = None, quota: Quota | None = None,
    memory: Callable[[str], Json] | None = None, clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Salesforce:
    """secrets: refresh_token and client_secret, or private_key. home: where it is kept that the organisation's day is used up; None: we are alone."""
    own = options_of(name, options)
    rest = Rest(own.url, source=name, allow_http=own.allow_http, clock=clock, sleep=sleep, quota=quota)
    token = token_source(name, own.url, secrets, client_id=own.client_id, username=own.username, audience=own.audience, allow_http=own.allow_http,
                         clock=clock, sleep=sleep)
    # It limits nothing: what counts is that a hold is seen by every process.
    day = endpoint_quota(home, name, Limit(requests=1000, period=1.0, margin=0.0), name="organisation")
    return Salesforce(name, rest, token, day, chosen(name, own.objects, own.without), own, memory or (lambda stream: None), clock)


class Salesforce:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "salesforce"

    def __init__(
        self, name: str, rest: Rest, token: Callable[[], str], day: Quota, streams: Mapping[str, tuple[Stream, Asked]], options: SalesforceOptions,
        memory: Callable[[str], Json], clock: Callable[[], datetime],
    ) -> None:
        self.name, self._rest, self._fetch_token, self._day, self._streams = name, rest, token, day, streams
        self._options, self._memory, self._clock = options, memory, clock
        self._root = f"services/data/v{options.version}"
        self._token, self._lock = "", threading.Lock()
        self._used: tuple[int, int] | None = None

    def streams(self) -> Sequence[Stream]:
        return [stream for stream, _ in self._streams.values()]

    def check(self) -> str:
        found = self._field(self._get("query", {"q": "SELECT Name, OrganizationType, IsSandbox FROM Organization"}, ""), "records", list, "")
        told = f"; {self._used[0]:,} of {self._used[1]:,} requests of the day are used" if self._used else ""
        of = found[0] if found else {}
        return f"Salesforce, {of.get('Name')} ({of.get('OrganizationType')}{', a sandbox' if of.get('IsSandbox') else ''}){told}"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def keys(self, stream: Stream) -> Iterator[str]:
        for records, _ in self._rows("query", "Id", self._streams[stream.name][1].object, (), None, stream.name):
            yield from (record["Id"] for record in records)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        asked = self._streams[stream.name][1]
        if asked.how == "changes":
            yield from self._read_changes(stream, asked, window, resume or {})
        else:
            for records, _ in self._rows("query", ", ".join(asked.fields), asked.object, (), None, stream.name):
                yield Page(records=records)

    # ---- an object's records

    def _read_changes(self, stream: Stream, asked: Asked, window: Window, resume: Mapping[str, Any]) -> Iterator[Page]:
        """Up to three steps: what the delete log names, what changed, and everything where that is due. Resumed in the step and behind the page that landed."""
        shape = self._describe(asked, stream.name)
        if resume:
            left, behind, seen = list(resume["left"]), resume.get("after"), resume["fields"]
        else:
            changes = ["changed"] if window.start else []
            logged, due = changes and shape.is_replicated, self._is_due(stream, window, shape)
            left, behind, seen = [*(["deleted"] if logged else []), *changes, *(["whole"] if due else [])], None, shape.fingerprint
        notes = {f"{asked.object}.{name}": "models need this field and our user may not see it; see to its field-level security"
                 for name in asked.needs if name not in shape.fields}
        told: set[str] = set()      # the log and the bin tell of the same deletes
        while left:
            for page, after in self._step(left[0], stream, asked, shape, window, behind):
                deleted = [key for key in page.deleted if key not in told]
                told.update(deleted)
                position: dict[str, Any] = {"left": left if after else left[1:], "after": after, "fields": seen}
                if left == ["whole"] and not after:
                    position["memory"] = {"refreshed": window.end.isoformat(), "fields": seen}
                yield Page(records=page.records, deleted=deleted, notes={**notes, **page.notes}, position=position)
                notes = {}
            left, behind = left[1:], None

    def _is_due(self, stream: Stream, window: Window, shape: Shape) -> bool:
        """Whether everything is to be read. A field that we may see since today holds values in records whose stamp did not move."""
        memory = self._memory(stream.name) or {}
        if window.start is None or memory.get("fields") != shape.fingerprint:
            return True
        if not shape.has_formulas or not self._options.refresh_every:
            return False
        # Half a day early is on time: nightly runs do not start to the second.
        return window.end - datetime.fromisoformat(memory["refreshed"]) >= timedelta(days=self._options.refresh_every) - timedelta(hours=12)

    def _step(
        self, step: str, stream: Stream, asked: Asked, shape: Shape, window: Window, behind: str | None,
    ) -> Iterator[tuple[Page, str | None]]:
        """(what to land, id of the last record or None at the step's end)."""
        if step == "deleted":
            assert window.start is not None
            ids, is_purged = self._deleted(asked, max(window.start, window.end - LOG), window.end, stream.name)
            note = {asked.object: "the delete log does not go back to the last reading; what it forgot is found by the sweep of ids"} if is_purged else {}
            yield Page(records=[], deleted=ids, notes=note), None
            return
        condition: tuple[str, ...] = ()
        if step == "changed":
            assert window.start is not None
            condition = (f"{shape.stamp} >= {instant(math.floor(window.start.timestamp()))}", f"{shape.stamp} < {instant(math.ceil(window.end.timestamp()))}")
        resource = "queryAll" if step == "changed" and shape.has_bin else "query"
        names, wide = ", ".join(shape.fields), self._is_wide(shape)
        select = ("Id, IsDeleted" if shape.has_bin else "Id") if wide else names
        for rows, after in self._rows(resource, select, asked.object, condition, behind, stream.name):
            gone = [row["Id"] for row in rows if row.get("IsDeleted") is True]
            alive = [row for row in rows if row.get("IsDeleted") is not True]
            yield Page(records=self._contents(asked, alive, shape, stream.name) if wide else alive, deleted=gone), after

    def _is_wide(self, shape: Shape) -> bool:
        return len(urlencode({"q": ", ".join(shape.fields)})) > URL_LIMIT - 500     # the rest of the statement is short

    def _rows(
        self, resource: str, select: str, of: str, condition: Sequence[str], behind: str | None, stream: str,
    ) -> Iterator[tuple[list[Record], str | None]]:
        """(records, id of the last of them or None at the end) in the order of Id."""
        guard, link = LoopGuard(source=self.name, stream=stream), None
        while True:
            if link is None:
                body = self._get(resource, {"q": statement(select, of, condition, behind)}, stream)
            elif (followed := self._follow(link, stream)) is not None:
                body = followed
            else:
                link = None       # it expired: asked anew behind the last record
                continue
            records, done = self._field(body, "records", list, stream), self._field(body, "done", bool, stream)
            guard.see([link, behind], records)
            if any(record["attributes"]["type"] != of for record in records):
                raise self._odd(f"a page holds other records than those of {of}", stream)
            ids = [record["Id"] for record in records]
            # Ids are numbers to the base of 62 whose digits (0-9, A-Z, a-z) stand in the order of ASCII.
            if ids != sorted(set(ids)) or (ids and behind and ids[0] <= behind):
                raise self._odd("a page is not in the order of Id that was asked for", stream)
            behind, link = ids[-1] if ids else behind, None if done else self._field(body, "nextRecordsUrl", str, stream)
            if ids or done:       # behind an empty page that is not the last there is nothing to go on from
                yield records, behind if link else None
            if done:
                return

    def _contents(self, asked: Asked, rows: Sequence[Record], shape: Shape, stream: str) -> list[Record]:
        """The records of these ids, as they are now. What was deleted since is null, and told elsewhere."""
        found: list[Record] = []
        for first in range(0, len(rows), CONTENTS):
            question = {"ids": [row["Id"] for row in rows[first:first + CONTENTS]], "fields": list(shape.fields)}
            answer = self._ask("POST", f"{self._root}/composite/sobjects/{asked.object}", stream, json=question)
            if not isinstance(answer.json, list) or len(answer.json) != len(question["ids"]):
                raise self._odd("the answer to a list of ids is not a list of as many records", stream)
            found += [record for record in answer.json if record is not None]
        return found

    def _deleted(self, asked: Asked, start: datetime, end: datetime, stream: str) -> tuple[list[str], bool]:
        """(ids, whether the log was purged beyond the start). "sObject Get Deleted": seconds are ignored, and more than 600,000 ids are refused."""
        start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
        start = min(start, end - timedelta(minutes=1))
        span = {name: at.astimezone(UTC).isoformat(timespec="seconds") for name, at in (("start", start), ("end", end))}
        understood = ("EXCEEDED_ID_LIMIT", "INVALID_REPLICATION_DATE")
        answer = self._ask("GET", f"{self._root}/sobjects/{asked.object}/deleted/", stream, params=span, expect=understood)
        if code_of(answer) == "EXCEEDED_ID_LIMIT" and end - start > timedelta(minutes=1):
            middle = start + (end - start) / 2
            halves = [self._deleted(asked, *half, stream) for half in ((start, middle), (middle, end))]
            return [one for ids, _ in halves for one in ids], any(is_purged for _, is_purged in halves)
        if code_of(answer):
            return [], True
        earliest = answer.json.get("earliestDateAvailable") if isinstance(answer.json, dict) else None
        found = self._field(answer.json, "deletedRecords", list, stream)
        return [entry["id"] for entry in found], earliest is not None and datetime.fromisoformat(earliest) > start

    def _describe(self, asked: Asked, stream: str) -> Shape:
        answer = self._ask("GET", f"{self._root}/sobjects/{asked.object}/describe", stream)
        described = self._field(answer.json, "fields", list, stream)
        return shape_of(answer.json, described, asked.without, source=self.name, stream=stream)

    # ---- one request

    def _get(self, resource: str, params: Mapping[str, str], stream: str) -> Json:
        return self._ask("GET", f"{self._root}/{resource}", stream, params=params).json

    def _follow(self, link: str, stream: str) -> Json:
        """The next page of a query; None when its locator is gone."""
        answer = self._ask("GET", link, stream, expect=("INVALID_QUERY_LOCATOR",))
        return None if code_of(answer) else answer.json

    def _ask(self, method: str, path: str, stream: str, *, expect: Sequence[str] = (), **question: Any) -> Answer:
        """One request, with the token renewed once where it was refused. expect: error codes that the caller understands."""
        self._leave_to_others(stream)
        token = self._signed_in("")
        for attempt in (1, 2):
            answer = self._rest.request(method, path, stream=stream, idempotent=True, allow=UNDERSTOOD, quota=self._day, **question)
            self._used = usage(answer.headers) or self._used
            if answer.status != 401 or attempt == 2:
                break
            token = self._signed_in(token)
        if answer.status < 400 or code_of(answer) in expect:
            return answer
        error = failure(answer, source=self.name, stream=stream, now=self._clock())
        if isinstance(error, QuotaExhausted):
            self._day.hold(AN_HOUR)
        raise error

    def _signed_in(self, refused: str) -> str:
        """The access token; a new one where there is none, or the one that was refused. Of several threads one asks."""
        with self._lock:
            if self._token == refused:
                self._token = self._fetch_token()
                self._rest.renew(bearer(self._token))
            return self._token

    def _leave_to_others(self, stream: str) -> None:
        used = self._used
        if used is None or used[0] < used[1] * (100 - self._options.leave_percent) / 100:
            return
        self._used = None          # whoever asks after the hour is told anew
        self._day.hold(AN_HOUR)
        at = self._clock() + timedelta(seconds=AN_HOUR)
        raise QuotaExhausted(f"{used[0]:,} of the organisation's {used[1]:,} requests of 24 hours are used, by all its applications together", retry_at=at,
                             source=self.name, stream=stream, mend=f"{self._options.leave_percent} % are left to the others (leave_percent); goes on by itself")

    def _field(self, body: Json, name: str, kind: type, stream: str) -> Any:
        return field_of(body, name, kind, lambda what: self._odd(what, stream))

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream, mend="see the vendor's release notes; nothing was lost, the next run asks on")

