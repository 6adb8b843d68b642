"""Tryton (7.6 and later), read over its built-in REST API: GET /<database>/rest/model/<name>, with an API key of the application "REST API".

How reading stays complete:

- `write_date` is NULL until a record's first update, so a window takes what was *created or written* in it.
- Pages go by id, never by offset: `id > last id of the page before`, ordered by id. An id never changes, so a record created,
  changed or deleted between two pages cannot push another one over a page border, and a tie in time has no page border to fall on.
  A record that is written again while the window is read drops out of this window and is in the next one, whose start is this one's end.
- The stamps are the start of the writing transaction: a long one commits rows that look older than what was already read. `LAG` keeps
  the cursor behind the clock by more than a transaction takes, `OVERLAP` reads that much again.
- Tryton hides archived records unless the context says `active_test: false`, which every request here does: or archiving would look
  like deleting. (A domain on `active` is not enough: employees' is computed, and those who left stay hidden.)
- Tryton has no tombstones. Streams whose records people delete are swept: `keys` lists every id that exists.

A record is what Tryton says, with its JSON-RPC wrappers opened: {"__class__": "Decimal", ...} becomes "12.50", a datetime
"2026-05-01T09:30:00.000000Z" (Tryton's datetimes are UTC), a date "2026-05-01", a duration its seconds. A many2one is the other
record's id, a reference "sale.sale,12", a dotted field an object: {"region": {"id": 1, "name": "EMEA"}}.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.paging import behind, pages_by_id
from connectors.rest import Quota, Rest, bearer, system_clock
from connectors.stream import Cursor, Json, Listed, Misconfigured, Page, Record, Stream, UnexpectedShape, Window, stamp_of
from connectors.tryton_models import MODELS, STAMPS, Model

LAG = timedelta(minutes=5)
OVERLAP = timedelta(minutes=15)
DAY, TIME = "{year:04}-{month:02}-{day:02}", "{hour:02}:{minute:02}:{second:02}.{microsecond:06}"


@dataclass(frozen=True, kw_only=True)
class TrytonOptions:
    """url: of the server, without the database. page_size: records a request. company: id in Tryton, needed only where there are several.

    without: streams whose module this Tryton does not have.
    """

    url: str
    database: str
    page_size: int = 1000
    company: int | None = None
    without: tuple[str, ...] = ()
    allow_http: bool = False

    @classmethod
    def parse(cls, name: str, options: Mapping[str, Any]) -> TrytonOptions:
        def wrong(what: str, mend: str) -> Misconfigured:
            return Misconfigured(what, source=name, mend=mend)

        known = [field.name for field in fields(cls)]
        for unknown in sorted(options.keys() - known):
            raise wrong(f"tryton has no option {unknown!r}", "it has " + ", ".join(known))
        for needed in ("url", "database"):
            if not isinstance(options.get(needed), str) or not options[needed].strip():
                raise wrong(f"option {needed!r} is missing", 'for instance url = "https://erp.example.org", database = "company"')
        if not options["url"].startswith(("http://", "https://")):
            raise wrong(f"url {options['url']!r} is no web address", "it starts with https://")
        for number, least, most in (("page_size", 1, 10_000), ("company", 1, 2**31)):
            value = options.get(number)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most):
                raise wrong(f"{number} is {value!r}", f"a whole number from {least} to {most}")
        without = options.get("without", ())
        if isinstance(without, str) or not set(without) <= MODELS.keys():
            raise wrong(f"without is {without!r}", "a list of streams out of " + ", ".join(MODELS))
        return cls(**{**options, "url": options["url"].rstrip("/"), "without": tuple(without)})


def stream_of(name: str, model: Model) -> Stream:
    if model.whole:
        return Stream(name=name, key=("id",), deletes="full", personal=model.personal)
    cursor = Cursor(field="write_date", lag=LAG, overlap=OVERLAP, ties=True)
    return Stream(name=name, key=("id",), deletes=model.deletes, cursor=cursor, stamps=("write_date", "create_date"), personal=model.personal,
                  is_master=model.is_master)


STREAMS = tuple(stream_of(name, model) for name, model in MODELS.items())


def in_window(window: Window) -> list[Any]:
    """The domain 'created or written in the window'. On the first read everything up to its end, stamped or not."""
    end = wrap(window.end)
    if window.start is None:
        return ["OR", ["create_date", "<", end], ["create_date", "=", None], ["write_date", "<", end]]
    start = wrap(window.start)
    return ["OR", [["create_date", ">=", start], ["create_date", "<", end]], [["write_date", ">=", start], ["write_date", "<", end]]]


def wrap(instant: datetime) -> Json:
    """An instant as Tryton's JSON wants it."""
    utc = instant.astimezone(UTC)
    return {
        "__class__": "datetime",
        "year": utc.year,
        "month": utc.month,
        "day": utc.day,
        "hour": utc.hour,
        "minute": utc.minute,
        "second": utc.second,
        "microsecond": utc.microsecond,
    }


def unwrap(value: Json) -> Json:
    """Tryton's JSON-RPC wrappers opened, all the way down. An unknown wrapper is kept as it came."""
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value.get("__class__"):
        case None:
            return {key: unwrap(item) for key, item in value.items()}
        case "Decimal":
            return value["decimal"]
        case "datetime":
            return f"{DAY.format_map(value)}T{TIME.format_map(value)}Z"
        case "date":
            return DAY.format_map(value)
        case "time":
            return TIME.format_map(value)
        case "timedelta":
            return value["seconds"]
        case "bytes":
            return value["base64"].replace("\n", "")
        case _:
            return value


def encode(value: Json) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


class Tryton:
    """One Tryton database. Streams may be read in parallel: nothing is shared but the session and the company's id."""

    kind = "tryton"

    def __init__(self, name: str, options: TrytonOptions, rest: Rest) -> None:
        self.name, self._options, self._rest = name, options, rest
        self._company: int | None = options.company
        self._lock = threading.Lock()

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._options.without]

    def check(self) -> str:
        """Two requests: which company we see, and whether this Tryton has every model that is to be read."""
        company = self._company_id()
        wanted = {model.name: name for name, model in MODELS.items() if name not in self._options.without}
        found = {row["name"] for row in self._ask("ir.model", [["name", "in", sorted(wanted)]], ["name"], size=len(wanted) + 1, stream="")}
        missing = sorted(wanted[name] for name in wanted.keys() - found)
        if missing:
            raise Misconfigured(
                "this Tryton lacks the models of " + ", ".join(missing), source=self.name, mend="activate their modules, or name them in the option `without`"
            )
        return f"Tryton database {self._options.database} at {self._options.url}, company {company}, {len(found)} models"

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        model = self._model(stream)
        domain = list(model.only) if model.whole else [*model.only, in_window(window)]
        for records in self._by_id(model, domain, [*STAMPS, *model.fields.split()], stream.name, after=behind(resume, source=self.name, stream=stream.name)):
            yield Page(records=records, position={"after": records[-1]["id"]} if records else None)

    def keys(self, stream: Stream) -> Iterator[str]:
        """Ids alone, in pages ten times as large."""
        model = self._model(stream)
        for records in self._by_id(model, list(model.only), ["id"], stream.name, size=self._options.page_size * 10):
            yield from (str(record["id"]) for record in records)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        """Ids and stamps alone, in pages ten times as large."""
        model = self._model(stream)
        for records in self._by_id(model, [*model.only, in_window(window)], ["id", *STAMPS], stream.name, size=self._options.page_size * 10):
            yield [(str(record["id"]), stamp_of(stream, record)) for record in records]

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def _model(self, stream: Stream) -> Model:
        try:
            return MODELS[stream.name]
        except KeyError:
            raise Misconfigured("tryton has no such stream", source=self.name, stream=stream.name, mend="it has " + ", ".join(MODELS)) from None

    def _by_id(self, model: Model, domain: list[Any], wanted: Sequence[str], stream: str, *, after: int = 0, size: int | None = None) -> Iterator[list[Record]]:
        """Pages in the order of ids, beginning behind `after`. A page that is not full is the last one: Tryton counts after applying access rules."""
        size = size or self._options.page_size

        def ask(last: int) -> list[Record]:
            return self._ask(model.name, [["id", ">", last], *domain], wanted, size=size, stream=stream)

        return pages_by_id(ask, after=after, size=size, source=self.name, stream=stream)

    def _ask(self, model: str, domain: Json, wanted: Sequence[str], *, size: int, stream: str, company: bool = True) -> list[Any]:
        params = [("d", encode(domain)), ("o", encode([["id", "ASC"]])), ("s", str(size)), *(("f", name) for name in wanted)]
        headers = {"X-Tryton-Context": encode({"company": self._company_id(), "active_test": False})} if company else None
        path = f"{self._options.database}/rest/model/{model}"
        rows = self._rest.request("GET", path, params=params, headers=headers, stream=stream).json
        if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
            raise UnexpectedShape(f"{model}: the answer is no list of records", source=self.name, stream=stream, mend="is this address Tryton's own REST API?")
        return [unwrap(row) for row in rows]

    def _company_id(self) -> int:
        """Cost prices and the like depend on the company: it goes with every request."""
        with self._lock:
            if self._company is None:
                rows = self._ask("company.company", [], ["id"], size=3, stream="", company=False)
                if len(rows) != 1:
                    raise Misconfigured(f"the key sees {len(rows)} companies", source=self.name, mend="name one: company = <its id in Tryton>")
                self._company = int(rows[0]["id"])
            return self._company


def connect(
    name: str,
    options: Mapping[str, Any],
    *,
    secrets: Mapping[str, str],
    quota: Quota | None = None,
    clock: Callable[[], datetime] = system_clock,
    sleep: Callable[[float], None] = time.sleep,
    **_: Any,
) -> Tryton:
    """secrets: {"key": the API key}."""
    parsed = TrytonOptions.parse(name, options)
    key = secrets.get("key")
    if not key:
        raise Misconfigured(
            "no API key", source=name, mend='create one in Tryton (user preferences, application REST API) and name its environment variable: key_env = "..."'
        )
    rest = Rest(parsed.url, source=name, auth=bearer(key), quota=quota, allow_http=parsed.allow_http, clock=clock, sleep=sleep)
    return Tryton(name, parsed, rest)
