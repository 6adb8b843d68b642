"""Shopify, read over its Admin GraphQL API with an app's access token.

How reading stays complete, and why it is asked this way (pages of shopify.dev, by title):

- A window takes what was stamped in it (`updated_at:>=...`, "Shopify API search syntax"), and its pages go by id: `id:>last id of the page before`, in the
  order of ids. So a tie has no page border to fall on, no query pages deep into its results (they end at 25,000: "Shopify API limits", Pagination limits), and
  a record that is changed while the window is read is in the next one. Stamps are whole seconds, and are always asked for in UTC.
- The search looks into an index that lags behind the records: that much is read again every night (shopify_streams.py, LAG).
- A record comes with what it contains, small connections in the same request; of one that is cut the rest is asked for by its owner's id. A refund
  stamps its order, so an order of a day long gone comes again with it. Whether a parcel's arrival does is written nowhere: every night the orders of the
  last 60 days are looked at, 250 a request, and those read again that a parcel of arrived at since they were stamped (and no more than three days ago).
- Nothing tells what was deleted. Once a week the ids are compared, 250 a request.
- Without the scope read_all_orders Shopify shows the orders of the last 60 days and does not say so: that is an error by name. With `all_orders = false` the
  60 days are all that is wanted, and an order that is not shown any more is not taken for deleted.
- A version of the API that is retired is answered in the oldest that is not ("About Shopify API versioning"); the night's report says so.

What it costs: one request to find out who we are, and for each stream one for every page. How large a page may be, Shopify says: a query that may cost
more than 1,000 points is refused and costs nothing, and is asked again for as much as is allowed. With what stands in shopify_streams.py these are some 10
orders, 43 products, 58 items with their levels or 249 customers a request, and 250 ids. A window that goes on behind 20 pages (a first read, a backfill, a
great sale) is more than paging is for: the rest of it comes by a bulk operation (shopify_bulk.py), which costs the start and a look now and then. Bulk
operations refuse "a connection field within a list field", which the lines of a refund are: orders that have refunds are asked for these by their ids,
and nothing else of them (a second operation has nothing to ask: there is a root field for one refund and none for all). Measured on the stand-in with 20,000
orders of three lines, every 20th with a refund: 1,820 requests and 437,000 points page by page, which the standard plan restores in 73 minutes; 160
requests and 19,000 points, three minutes, with the operation (Shopify's own work on it comes on top).

Ids are landed as Shopify's global ones (gid://shopify/Order/1001), amounts as the texts they come as: in the shop's currency and in the customer's.

What Shopify cannot tell of an order: when it was picked and packed; a promise that was moved (the latest day of delivery is as at checkout); a purchase,
a receipt, a lead; exchange rates (amounts are told in the shop's currency as Shopify converted them; where that is not the company's, another source has to
have the rates); whose fault a refund was, but for the words of its note.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.answers import field_of
from connectors.options import left_out, refuse_unknown
from connectors.paging import behind
from connectors.rest import Quota, Rest, header, system_clock
from connectors.shopify_bulk import Bulk, GaveUp, Operation, query_of
from connectors.shopify_graphql import Graphql
from connectors.shopify_records import LARGEST, Records, behind_id, number, odd
from connectors.shopify_streams import ASKED, NESTED, STREAMS, Asked, connection
from connectors.stream import Json, Listed, Misconfigured, Page, Record, Refused, Stream, UnexpectedShape, Window, stamp_of

ALL_ORDERS = "read_all_orders"
ARRIVED = "arrived"
ON_THE_WAY = timedelta(days=60)  # a parcel that arrives later than this behind its order is looked for no more
TOLD_LATE = timedelta(days=3)    # how long behind it a carrier may tell of an arrival
SESSION = "{ shop { name myshopifyDomain } currentAppInstallation { accessScopes { handle } } }"


@dataclass(frozen=True, kw_only=True)
class ShopifyOptions:
    """page_size: records a request at most; Shopify says where that is too many. all_orders: whether orders older than 60 days are wanted, too.

    without: streams whose scope the app was not given. bulk_after: pages of one window behind which a bulk operation brings the rest; 0: never.
    """

    url: str
    token_env: str = ""
    api_version: str = "2026-10"
    page_size: int = LARGEST
    all_orders: bool = True
    without: tuple[str, ...] = ()
    bulk_after: int = 20
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], quota: Quota | None = None,
    clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Shopify:
    """secrets: {"token": ...}."""
    chosen = _chosen(name, options)
    if not secrets.get("token"):
        raise Misconfigured("no access token is set", source=name,
                            mend='make a custom app in Shopify (Settings, Apps) and name the environment variable of its token: token_env = "..."')
    rest = Rest(chosen.url, source=name, auth=header("X-Shopify-Access-Token", secrets["token"]), allow_http=chosen.allow_http, clock=clock, sleep=sleep,
                quota=quota)
    graphql = Graphql(rest, source=name, version=chosen.api_version, clock=clock, sleep=sleep)
    return Shopify(name, rest, graphql, Bulk(rest, graphql, source=name, sleep=sleep), chosen)


def _chosen(name: str, options: Mapping[str, Any]) -> ShopifyOptions:
    def wrong(what: str, mend: str) -> Misconfigured:
        return Misconfigured(what, source=name, mend=mend)

    refuse_unknown(name, options, ShopifyOptions)
    if not isinstance(options.get("url"), str) or not options["url"].strip():
        raise wrong("option 'url' is missing", 'for instance url = "https://example.myshopify.com"')
    chosen = ShopifyOptions(**{**options, "without": left_out(name, options, ASKED)})
    if not re.fullmatch(r"\d{4}-\d\d", str(chosen.api_version)):
        raise wrong(f"api_version is {chosen.api_version!r}", 'a stable version, for instance "2026-10"')
    for option, least, most in (("page_size", 1, LARGEST), ("bulk_after", 0, 10**6)):
        value = getattr(chosen, option)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise wrong(f"{option} is {value!r}", f"a whole number from {least} to {most}")
    return chosen


class Shopify:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "shopify"

    def __init__(self, name: str, rest: Rest, graphql: Graphql, bulk: Bulk, options: ShopifyOptions) -> None:
        self.name, self._rest, self._graphql, self._bulk, self._options = name, rest, graphql, bulk, options
        self._lock = threading.Lock()
        self._who: dict[str, Any] | None = None
        self._records = Records(graphql, source=name, page_size=options.page_size)

    def streams(self) -> Sequence[Stream]:
        return [self._as_shown(stream) for stream in STREAMS if stream.name not in self._options.without]

    def _as_shown(self, stream: Stream) -> Stream:
        if stream.name != "orders" or self._options.all_orders:
            return stream
        return replace(stream, deletes="never", stamps=(), incomparable="Shopify shows our app the orders of the last 60 days alone")

    def check(self) -> str:
        shop = field_of(self._session(), "shop", dict, lambda what: self._odd(what, ""))
        if "orders" not in self._options.without:
            self._may_read_history()
        answered = "; ".join([self._graphql.answered_in, *self._notes().values()])
        return f"Shopify {shop.get('name')} ({shop.get('myshopifyDomain')}), API {answered}" + (
            "" if ALL_ORDERS in self._scopes() else ", orders of the last 60 days")

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        asked = self._asked(stream)
        if stream.name == "orders":
            self._may_read_history()
        if asked.root == "shop":
            data = self._graphql.ask(f"{{ shop {{ {asked.selected} }} }}", {}, stream=stream.name)
            yield Page(records=[field_of(data, "shop", dict, lambda what: self._odd(what, stream.name))], notes=self._notes())
            return
        missing = [scope for scope in asked.scoped if scope not in self._scopes()]
        selected = " ".join([asked.selected, *(more for scope, more in asked.scoped.items() if scope not in missing)])
        without = {scope: "our app was not given this access scope: what depends on it is left out" for scope in missing}
        last, step = behind(resume, source=self.name, stream=stream.name), (resume or {}).get("step")
        if step != ARRIVED:
            yield from self._changed(stream, asked, selected, window, resume, without)
            last = 0
        if stream.name == "orders" and window.start is not None:
            yield from self._arrived(stream, asked, selected, window, last)

    def _changed(self, stream: Stream, asked: Asked, selected: str, window: Window, resume: Json, notes: Mapping[str, str]) -> Iterator[Page]:
        """What was stamped in the window: page by page, and if it goes on behind so many pages, all the rest of it by a bulk operation."""
        terms, last = _stamped(window) if window.start else [], behind(resume, source=self.name, stream=stream.name)
        operation = Operation(**resume["bulk"]) if resume and "bulk" in resume else None
        read, most = (resume or {"pages": 0}).get("pages"), self._options.bulk_after or math.inf
        if operation is None and (read is None or read <= most):
            before = 0
            for page in self._paged(stream, asked, selected, terms, last, notes, read):
                yield page
                if page.position and page.position.get("pages", 0) > most and len(page.records) >= before:     # one smaller than the one before is the last
                    last = page.position["after"]
                    break
                before = len(page.records)
            else:
                return
        try:
            connections = [name for name in NESTED.get(asked.of, {}) if connection(asked.of, name) in selected]
            for part in self._bulk.parts(lambda last: query_of(asked, selected, behind_id(terms, last), window.end), asked, connections, last, operation,
                                         stream.name):
                last = number(part.records[-1]) if part.records else last
                yield Page(records=self._with_what_stands_apart(asked, part.records, stream.name), position={"after": last, "bulk": asdict(part.operation)},
                           notes={**self._notes(), **notes})
        except GaveUp as why:
            yield from self._paged(stream, asked, selected, terms, last, {**notes, "bulk": str(why)})

    def _paged(
        self, stream: Stream, asked: Asked, selected: str, terms: Sequence[str], last: int, notes: Mapping[str, str], read: int | None = None,
    ) -> Iterator[Page]:
        """read: pages of the window so far, for positions to count on; None: however many come, they are paged through."""
        for count, nodes in enumerate(self._records.pages(stream, asked, selected, terms, last), start=1):
            counted = {} if read is None else {"pages": read + count}
            yield Page(records=[self._records.whole(node, stream.name) for node in nodes],
                       position={"after": number(nodes[-1]), **counted} if nodes and stream.cursor else None, notes={**self._notes(), **notes})

    def _with_what_stands_apart(self, asked: Asked, records: Sequence[Record], stream: str) -> Sequence[Record]:
        """Records of a bulk operation with the lists that it refuses to bring whole. A record that is not there any more is missed when ids are compared."""
        for name, (whole, _) in asked.apart.items():
            owners = [record["id"] for record in records if record[name]]
            lists = {node["id"]: self._records.whole(node, stream)[name] for node in self._records.by_id(asked.of, owners, f"id {whole}", stream)}
            records = [{**record, name: lists.get(record["id"], [])} for record in records if not record[name] or record["id"] in lists]
        return records

    def _arrived(self, stream: Stream, asked: Asked, selected: str, window: Window, last: int) -> Iterator[Page]:
        """Orders with a parcel that arrived and left the order's stamp as it was: of the young ones all are looked at."""
        assert window.start is not None
        young = f"created_at:>='{_shown(math.floor((window.end - ON_THE_WAY).timestamp()))}'"
        for nodes in self._records.pages(stream, asked, "id updatedAt fulfillments { deliveredAt }", [young], last):
            ids = [node["id"] for node in nodes if _arrived_unstamped(node, window.start - TOLD_LATE)]
            found = self._records.by_id(asked.of, ids, selected, stream.name)
            yield Page(records=[self._records.whole(node, stream.name) for node in found],
                       position={"step": ARRIVED, "after": number(nodes[-1])} if nodes else None)

    def keys(self, stream: Stream) -> Iterator[str]:
        if stream.name == "orders":
            self._may_read_history()
        for nodes in self._records.pages(stream, self._asked(stream), "id", [], 0):
            yield from (node["id"] for node in nodes)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        for nodes in self._records.pages(stream, self._asked(stream), "id updatedAt", _stamped(window), 0):
            yield [(node["id"], stamp_of(stream, node)) for node in nodes]

    # ---- who we are

    def _session(self) -> dict[str, Any]:
        with self._lock:
            if self._who is None:
                self._who = self._graphql.ask(SESSION, {}, stream="")
            return self._who

    def _scopes(self) -> list[str]:
        installation = field_of(self._session(), "currentAppInstallation", dict, lambda what: self._odd(what, ""))
        return [scope["handle"] for scope in field_of(installation, "accessScopes", list, lambda what: self._odd(what, ""))]

    def _may_read_history(self) -> None:
        if self._options.all_orders and ALL_ORDERS not in self._scopes():
            raise Refused(f"our app has not the access scope {ALL_ORDERS}: Shopify would show the orders of the last 60 days alone", source=self.name,
                          stream="orders", mend="ask for it in the app's configuration (API access, Read all orders), or set all_orders = false")

    def _notes(self) -> dict[str, str]:
        answered, version = self._graphql.answered_in, self._options.api_version
        return {} if answered == version else {"api_version": f"{version} is asked for and {answered} answers: set api_version to one that is not retired"}

    def _asked(self, stream: Stream) -> Asked:
        try:
            return ASKED[stream.name]
        except KeyError:
            raise Misconfigured("shopify has no such stream", source=self.name, stream=stream.name, mend="it has " + ", ".join(ASKED)) from None

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return odd(what, source=self.name, stream=stream)


def _stamped(window: Window) -> list[str]:
    """The terms 'stamped in the window', by whole seconds around it."""
    since = [f"updated_at:>='{_shown(math.floor(window.start.timestamp()))}'"] if window.start else []
    return [*since, f"updated_at:<'{_shown(math.ceil(window.end.timestamp()))}'"]


def _shown(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _arrived_unstamped(order: Record, since: datetime) -> bool:
    """Whether a parcel of the order arrived since then, and the order's stamp is not younger than that. What cannot be read is read again."""
    try:
        arrivals = [datetime.fromisoformat(parcel["deliveredAt"]) for parcel in order["fulfillments"] if parcel["deliveredAt"]]
        return any(at >= max(since, datetime.fromisoformat(order["updatedAt"])) for at in arrivals)
    except (ValueError, TypeError, KeyError):
        return True
