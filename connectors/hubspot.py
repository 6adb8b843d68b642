"""HubSpot's CRM, read with a private app's access token (bearer).

How reading stays complete, and why it is asked this way (pages of the vendor's developer documentation, by title):

- The first read takes the list endpoint (100 records a page, in the order of ids, no end): the search endpoint would stop at 10,000 results
  ("Search the CRM", Limits) and costs its scarce quota. Where the names of an object's properties do not fit into a URL, the list brings ids and
  "Read a batch" the contents, with the names in its body.
- Every later read asks the search endpoint for the *ids* that were changed in the window, 200 a page, sorted by `hs_object_id`, each page asked as
  `hs_object_id > last id` instead of by page token. So no query ever comes near the 10,000, a tie has no page border to fall on, and a record changed
  again in the meantime leaves this window for the next. Contents come from the batch read, 100 a request: the index that the search looks into lags
  behind the records ("Search the CRM": new and updated records may take a few moments to appear), the batch read does not. `LAG` is what the index may
  lag behind; that much is read again every night. M changed of N records cost M/200 + M/100 requests; contacts are stamped `lastmodifieddate`, all
  others `hs_lastmodifieddate`.
- Archived records are not found by the search and have no stamp to ask by: all of them are listed (`archived=true`, they stay for 90 days) and become
  tombstones. Restoring one moves its stamp. A merge leaves a record that names what went into it in `hs_merged_object_ids` and
  `hs_calculated_merged_vids`: tombstones, too. What was deleted for good leaves no trace: once a week the ids are compared (N/100 requests).
- Changing an association need not move any stamp, so associations are read whole every night: ids from the list, then "Read associations" with 1000 of
  them a request (N/100 + N/1000 for each kind of partner).
- Stages that a deal went through, and stages, priorities and owners of a ticket, come with `propertiesWithHistory`, which allows 50 records a request (and
  shows the newest 20 entries of each property).

Quotas ("API usage guidelines and limits"): searches 5 a second for the account, everything else 100 to 190 in ten seconds for an app, and so many a
day. All processes share both. A refusal says by its `policyName` which one it was; a used-up day ends the run instead of being waited for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from connectors.answers import field_of
from connectors.hubspot_streams import ASKED, CAMPAIGN, STREAMS, Asked
from connectors.options import left_out, refuse_unknown
from connectors.quota import Limit, endpoint_quota
from connectors.rest import LoopGuard, Quota, Rest, bearer, system_clock
from connectors.stream import Json, Listed, Misconfigured, Page, Record, Stream, UnexpectedShape, Window, landed_key, stamp_of

URL_LIMIT = 15_000                   # characters of a property list in a URL, percent-encoded
PAUSES = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}   # seconds, by policyName; the day's limit is asked about once an hour
MERGED = ("hs_merged_object_ids", "hs_calculated_merged_vids")


@dataclass(frozen=True, kw_only=True)
class HubspotOptions:
    """token_env: environment variable that holds the private app's access token. page_size: records a request, at most 100.

    requests_per_ten_seconds: what the account's subscription allows one app (100, 190 or 250). without: streams whose scope the app was not given.
    """

    url: str = "https://api.hubapi.com"
    token_env: str = ""
    page_size: int = 100
    requests_per_ten_seconds: int = 100
    without: tuple[str, ...] = ()
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], home: Path | None = None, quota: Quota | None = None,
    clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Hubspot:
    """secrets: {"token": ...}. home: where the quotas shared with other processes rest; None: this process is alone."""
    refuse_unknown(name, options, HubspotOptions)
    if not secrets.get("token"):
        raise Misconfigured("no access token is set", source=name,
                            mend='make a private app in HubSpot (Settings, Integrations) and name its environment variable: token_env = "..."')
    chosen = HubspotOptions(**{**options, "without": left_out(name, options, ASKED)})
    if not 1 <= chosen.page_size <= 100:
        raise Misconfigured(f"page_size is {chosen.page_size!r}", source=name, mend="a whole number from 1 to 100")

    rest = Rest(chosen.url, source=name, auth=bearer(secrets["token"]), allow_http=chosen.allow_http, pause=policy_pause, clock=clock, sleep=sleep,
                quota=quota)
    general = endpoint_quota(home, name, Limit(requests=chosen.requests_per_ten_seconds, period=10.0), name="general")
    return Hubspot(name, rest, general, endpoint_quota(home, name, Limit(requests=5, period=1.0), name="searches"), chosen)


def policy_pause(response: requests.Response) -> float | None:
    """Seconds to stay away after a 429 without Retry-After ("API usage guidelines and limits", Error responses)."""
    try:
        body = response.json()
    except ValueError:
        return None
    return PAUSES.get(str(body.get("policyName"))) if isinstance(body, dict) else None


class Hubspot:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "hubspot"

    def __init__(self, name: str, rest: Rest, general: Quota, searches: Quota, options: HubspotOptions) -> None:
        self.name, self._rest, self._general, self._searches, self._options = name, rest, general, searches, options
        self._size = options.page_size

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._options.without]

    def check(self) -> str:
        account = self._get("account-info/v3/details")
        return f"HubSpot account {self._field(account, 'portalId', int, '')} ({account.get('accountType')}, {account.get('timeZone')})"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def keys(self, stream: Stream) -> Iterator[str]:
        for records, _ in self._list(f"crm/v3/objects/{ASKED[stream.name].of}", {"properties": "hs_object_id"}, stream.name):
            yield from (record["id"] for record in records)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        """What the search shows of the window, 200 a request."""
        for found, _ in self._found(stream, ASKED[stream.name], window, None):
            yield [(landed_key(stream, record), stamp_of(stream, record)) for record in found]

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        asked, resume = ASKED[stream.name], resume or {}
        match asked.how:
            case "objects":
                yield from self._read_objects(stream, asked, window, resume)
            case "associations":
                yield from self._read_associations(stream, asked, resume)
            case "owners":       # who was deactivated still owns what he owned
                for archived in ("false", "true"):
                    for records, _ in self._list("crm/v3/owners", {"archived": archived}, stream.name):
                        yield Page(records=records)
            case "pipelines":
                for of in ("deals", "tickets"):
                    found = self._field(self._get(f"crm/v3/pipelines/{of}", stream=stream.name), "results", list, stream.name)
                    yield Page(records=[{"objectType": of, **pipeline} for pipeline in found])
            case "campaigns":
                for records, _ in self._list("marketing/v3/campaigns", {"properties": ",".join(CAMPAIGN)}, stream.name):
                    yield Page(records=records)

    # ---- records of the CRM

    def _read_objects(self, stream: Stream, asked: Asked, window: Window, resume: Mapping[str, Any]) -> Iterator[Page]:
        """Two steps: what there is or was changed, then what was archived. Resumed in the step and behind the page that landed."""
        step, behind = resume.get("step", "list" if window.start is None else "changed"), resume.get("after")
        if step in ("list", "changed"):
            pages = self._listed(stream, asked, behind) if step == "list" else self._changed(stream, asked, window, behind)
            for found, after in pages:
                yield Page(records=found, deleted=[*_merged(found)], position={"step": step if after else "archived", "after": after})
            step, behind = "archived", None
        if step == "archived":
            for found, after in self._list(f"crm/v3/objects/{asked.of}", {"archived": "true", "properties": "hs_object_id"}, stream.name, behind):
                if not all(record.get("archived") is True for record in found):      # else an answer to another question would be taken for deletions
                    raise self._odd("the list of archived records shows one that is not", stream.name)
                yield Page(records=[], deleted=[record["id"] for record in found], position={"step": step if after else "done", "after": after})

    def _listed(self, stream: Stream, asked: Asked, behind: str | None) -> Iterator[tuple[list[Record], str | None]]:
        path, wanted = f"crm/v3/objects/{asked.of}", self._wanted(asked, stream.name)
        too_long = any(len(quote(",".join(names))) > URL_LIMIT for names in wanted.values())
        params = {"properties": "hs_object_id"} if too_long else {kind: ",".join(names) for kind, names in wanted.items()}
        for found, after in self._list(path, params, stream.name, behind):
            yield self._contents(asked, [record["id"] for record in found], wanted, stream.name) if too_long else found, after

    def _changed(self, stream: Stream, asked: Asked, window: Window, last: str | None) -> Iterator[tuple[list[Record], str | None]]:
        """(records, last id or None at the end) of what was changed in the window."""
        wanted = self._wanted(asked, stream.name)
        for found, behind in self._found(stream, asked, window, last):
            yield self._contents(asked, [record["id"] for record in found], wanted, stream.name), behind

    def _found(self, stream: Stream, asked: Asked, window: Window, last: str | None) -> Iterator[tuple[list[Record], str | None]]:
        """(what the search shows, last id or None at the end) of what was changed in the window."""
        assert stream.cursor is not None and window.start is not None
        stamped = [{"propertyName": stream.cursor.field, "operator": "GTE", "value": str(math.floor(window.start.timestamp() * 1000))},
                   {"propertyName": stream.cursor.field, "operator": "LT", "value": str(math.ceil(window.end.timestamp() * 1000))}]
        guard, token = LoopGuard(source=self.name, stream=stream.name), None
        while True:
            behind = [{"propertyName": "hs_object_id", "operator": "GT", "value": last}] if last else []
            question = {"filterGroups": [{"filters": stamped + behind}], "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                        "properties": ["hs_object_id"], "limit": 2 * self._size, **({"after": token} if token else {})}
            guard.see([last, token])
            body = self._post(f"crm/v3/objects/{asked.of}/search", question, stream.name, quota=self._searches)
            found = self._field(body, "results", list, stream.name)
            ids = [record["id"] for record in found]
            if ids != sorted(set(ids), key=int) or (ids and last and int(ids[0]) <= int(last)):
                raise self._odd("a page of the search is not in the order of ids that was asked for", stream.name)
            following = self._after(body, stream.name)
            if following and not ids:   # an empty page that is not the last: there is no id to go on from
                token = following
                continue
            token, last = None, ids[-1] if ids else last
            yield found, last if following else None
            if not following:
                return

    def _contents(self, asked: Asked, ids: Sequence[str], wanted: Mapping[str, Sequence[str]], stream: str) -> list[Record]:
        """The records of these ids, as they are now. What is not there any more is left out: the archived, the merged and the deleted are told elsewhere."""
        records: dict[str, Record] = {}
        size = self._limit(asked)
        for first in range(0, len(ids), size):
            question = {"inputs": [{"id": identity} for identity in ids[first:first + size]], **wanted}
            body = self._post(f"crm/v3/objects/{asked.of}/batch/read", question, stream)
            records |= {record["id"]: record for record in self._field(body, "results", list, stream)}
        return list(records.values())

    def _wanted(self, asked: Asked, stream: str) -> dict[str, Sequence[str]]:
        """Every property that the object has today ("Properties"): new ones arrive by themselves."""
        if asked.history:
            return {"properties": [MERGED[0]], "propertiesWithHistory": [*asked.history]}
        found = self._field(self._get(f"crm/v3/properties/{asked.of}", stream=stream), "results", list, stream)
        return {"properties": sorted({entry["name"] for entry in found} | {MERGED[0]})}

    def _limit(self, asked: Asked) -> int:
        return min(self._size, 50) if asked.history else self._size

    # ---- associations

    def _read_associations(self, stream: Stream, asked: Asked, resume: Mapping[str, Any]) -> Iterator[Page]:
        if resume.get("done"):
            return
        ids: list[str] = []
        for found, after in self._list(f"crm/v3/objects/{asked.of}", {"properties": "hs_object_id"}, stream.name, resume.get("after")):
            ids += [record["id"] for record in found]
            if after is None or len(ids) >= 10 * self._size:
                records = [record for to in asked.to for record in self._associated(asked.of, to, ids, stream.name)]
                yield Page(records=records, position={"after": after} if after else {"done": True})
                ids = []

    def _associated(self, of: str, to: str, ids: Sequence[str], stream: str) -> list[Record]:
        """One record for each of `ids` that has partners. "Read associations": many partners of one record come in pages of their own."""
        partners: dict[str, list[Json]] = {}
        guard, asking = LoopGuard(source=self.name, stream=stream), [{"id": identity} for identity in ids]
        while asking:
            guard.see(asking)
            body = self._post(f"crm/v4/associations/{of}/{to}/batch/read", {"inputs": asking}, stream)
            asking = []
            for result in self._field(body, "results", list, stream):
                identity = str(result["from"]["id"])
                partners.setdefault(identity, []).extend(result["to"])
                if after := self._after(result, stream):
                    asking.append({"id": identity, "after": after})
        return [{"id": identity, "fromObjectType": of, "toObjectType": to, "to": found} for identity, found in partners.items()]

    # ---- small parts

    def _list(self, path: str, params: Mapping[str, str], stream: str, after: str | None = None) -> Iterator[tuple[list[Record], str | None]]:
        """(records, token of the next page or None) of a list."""
        guard, limit = LoopGuard(source=self.name, stream=stream), str(self._limit(ASKED[stream]))
        while True:
            body = self._get(path, {"limit": limit, **params, **({"after": after} if after else {})}, stream=stream)
            records, after = self._field(body, "results", list, stream), self._after(body, stream)
            if after:
                guard.see(after, records)
            yield records, after
            if not after:
                return

    def _post(self, path: str, question: Json, stream: str, quota: Quota | None = None) -> Json:
        """A question that is too long for a URL. It changes nothing, so it may be asked twice."""
        return self._rest.request("POST", path, json=question, stream=stream, idempotent=True, quota=quota or self._general).json

    def _get(self, path: str, params: Mapping[str, str] | None = None, *, stream: str = "") -> Json:
        return self._rest.get(path, params, stream=stream, quota=self._general)

    def _after(self, body: Json, stream: str) -> str | None:
        following = (body.get("paging") or {}).get("next")
        if following and not following.get("after"):
            raise self._odd("a page says that more follows but not from where", stream)
        return str(following["after"]) if following else None

    def _field(self, body: Json, name: str, kind: type, stream: str) -> Any:
        return field_of(body, name, kind, lambda what: self._odd(what, stream))

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream,
                               mend="see the vendor's change log; nothing was lost, the next run asks from the same place")


def _merged(found: Sequence[Record]) -> Iterator[str]:
    """Ids that went into these records: '17;18', or with the instant of the merge '17:1700000000000;18:...'."""
    for record in found:
        values = [(record.get("properties") or {}).get(name) or "" for name in MERGED]
        gone = {part.partition(":")[0].strip() for value in values for part in value.split(";")}
        yield from sorted(gone - {"", str(record["id"])})
