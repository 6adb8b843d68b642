"""ERPNext and any other site of the Frappe framework (12 and later), read with an API key and secret (`token key:secret`).

How reading stays complete, and why it is asked this way (the framework's documentation by page, its source by module):

- Pages go by (`modified`, `name`), never by offset: a document saved between two pages moves to the end, and everything behind it one place ahead.
  Filters are joined by "and" alone, so a page begins at `modified >= the last stamp of the page before`, and the documents with that last stamp are left
  to it; only where one stamp fills a whole page is it read out by name. No query is ever sorted without both, else ties have no order ("Listing
  Documents": order_by).
- `modified` has microseconds and no offset: it is the wall clock of the site's time zone (frappe.utils.now). The zone is configured and compared with
  what the site says (frappe.client.get_time_zone). Stamps are compared as instants, a window is asked for by the earliest and the latest wall clock that
  it can have shown, so the hour that comes twice is read whole.
- Lists do not hold the rows of tables within a document ("items"). They are asked for by the doctype of the rows, for hundreds of documents at once
  (`parent in (...)`), with the doctype of the documents as `parent`, whose right to read decides (frappe.client.check_parent_permission). A record is the
  document with its rows, as reading that one document shows it, and `_time_zone`, without which its stamps mean nothing.
- Some changes move no stamp of the document (frappe.model.rename_doc): renaming it, renaming what it names, and saving one of its rows alone. A renaming
  leaves a comment of the type "Edit" on the new name with both names in bold: those documents, and those that link to them, are read, too. Rows are asked
  for by their own `modified`.
- What was deleted stands in the list "Deleted Document" (frappe.model.delete_doc): tombstones, and so are the old names of the renamed. What was deleted
  behind the framework's back leaves no trace: once a week all names are compared (N/10 pages).
- Cancelled and amended documents stay: `docstatus` 2, and `amended_from` in the new one.
- Of an Issue the Communications are read, too. A user who is neither System Manager nor Super Email User is shown those of his own e-mail accounts, and
  nothing says that there are more (frappe.core.doctype.communication, get_permission_query_conditions_for_communication). An assignment moves no stamp
  (frappe.desk.doctype.todo, update_in_reference): `_assign` is as of the last change.

M changed documents cost M/500 requests, as many again for each table (of 2000 rows), and three more: comments, deleted documents, the rows' stamps; the
zone is asked once. A site may limit the time that it works for us (frappe.rate_limiter): then it says 429 with Retry-After, which is waited for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.erpnext_answers import TICK, answers, in_bold, is_same, stamp, text_of, words
from connectors.erpnext_streams import ASKED, STREAMS, Asked
from connectors.options import left_out, refuse_unknown
from connectors.rest import Auth, LoopGuard, Quota, Rest, system_clock
from connectors.stream import Json, Misconfigured, Page, Record, Refused, Stream, UnexpectedShape, Window

ROWS = 4                             # rows a request, for each document of a page
UNDERSTOOD = (401, 403, 404, 417)    # refusals that say their reason as Frappe does
MAKE_ONE = "make one in ERPNext: User, Settings, API Access, Generate Keys"
Place = dict[str, str | None]        # where a page begins: {"from": stamp, "name": behind this name of that very stamp}


@dataclass(frozen=True, kw_only=True)
class ErpnextOptions:
    """url: of the site. time_zone: the one in its System Settings. key_env, secret_env: environment variables that hold the API key and secret of a user.

    page_size: documents a request. without: streams that our user may not read, or whose doctype the site does not have.
    """

    url: str
    time_zone: str
    key_env: str = ""
    secret_env: str = ""
    page_size: int = 500
    without: tuple[str, ...] = ()
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], quota: Quota | None = None, clock: Callable[[], datetime] = system_clock,
    sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Erpnext:
    """secrets: {"key": ..., "secret": ...}."""
    refuse_unknown(name, options, ErpnextOptions)
    for needed, example in (("url", "https://erp.example.com"), ("time_zone", "Europe/Berlin")):
        if not options.get(needed):
            raise Misconfigured(f"option {needed!r} is missing", source=name, mend=f'for instance {needed} = "{example}"')
    key, secret = secrets.get("key"), secrets.get("secret")
    if not key or not secret:
        raise Misconfigured("no API key and secret are set", source=name, mend=f"{MAKE_ONE}; name their environment variables in key_env and secret_env")
    chosen = ErpnextOptions(**{**options, "without": left_out(name, options, ASKED)})
    if isinstance(chosen.page_size, bool) or not isinstance(chosen.page_size, int) or not 2 <= chosen.page_size <= 5000:
        raise Misconfigured(f"page_size is {chosen.page_size!r}", source=name, mend="a whole number from 2 to 5000")
    try:
        zone = ZoneInfo(chosen.time_zone)
    except (KeyError, ValueError, OSError):
        raise Misconfigured(f"time_zone is {chosen.time_zone!r}", source=name, mend="an IANA name, as in the site's System Settings") from None
    auth = Auth(header="Authorization", value=f"token {key}:{secret}", hidden=(f"{key}:{secret}", secret))
    return Erpnext(name, Rest(chosen.url, source=name, auth=auth, quota=quota, allow_http=chosen.allow_http, clock=clock, sleep=sleep), zone, chosen)


class Erpnext:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "erpnext"

    def __init__(self, name: str, rest: Rest, zone: ZoneInfo, options: ErpnextOptions) -> None:
        self.name, self._rest, self._zone, self._options = name, rest, zone, options
        self._size, self._zone_is_right, self._lock = options.page_size, False, threading.Lock()

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._options.without]

    def check(self) -> str:
        self._compare_zone()
        user = self._judged("GET", "api/method/frappe.auth.get_logged_user", {}, "the user's own name", "").get("message")
        return f"ERPNext at {self._options.url} as {user}, time zone {self._zone}"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def keys(self, stream: Stream) -> Iterator[str]:
        asked = ASKED[stream.name]
        for found in self._by_name(asked.doctype, asked.only, ["name"], stream.name, size=10 * self._size):
            yield from (str(record["name"]) for record in found)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        """Three steps, the first read the second alone: what is gone, what was saved, what changed without a stamp. A name may be given again while we read."""
        self._compare_zone()
        asked, span, at = ASKED[stream.name], self._span(window), (resume or {}).get("at")
        step, seen = (resume or {}).get("step", "saved" if window.start is None else "gone"), set[str]()
        renamed = self._renamed(asked, span, stream.name) if window.start else {}
        if step == "gone":
            former = {old for olds in renamed.get(asked.doctype, {}).values() for old in olds} if at is None else set()
            its = [["deleted_doctype", "=", asked.doctype]]
            for found, following in self._saved("Deleted Document", its, ["name", "modified", "deleted_name"], span, stream.name, at):
                deleted = self._absent(asked, former | {record["deleted_name"] for record in found}, stream.name)
                yield Page(records=[], deleted=deleted, position={"step": "gone" if following else "saved", "at": following})
                former = set()
            step, at = "saved", None
        if step == "saved":
            behind = "unstamped" if window.start else "done"
            for found, following in self._saved(asked.doctype, asked.only, ["*"], span, stream.name, at):
                seen |= {record["name"] for record in found}
                yield Page(records=self._with_rows(asked, found, stream.name), position={"step": "saved" if following else behind, "at": following})
            step, at = behind, None
        if step == "unstamped":
            names = sorted(name for name in self._unstamped(asked, span, renamed, stream.name) - seen if at is None or name > at)
            for some in _cut(names, self._size):
                found = [record for page in self._by_name(asked.doctype, [["name", "in", some], *asked.only], ["*"], stream.name) for record in page]
                yield Page(records=self._with_rows(asked, found, stream.name), position={"step": "unstamped", "at": some[-1]})

    # ---- documents and their rows

    def _saved(
        self, doctype: str, only: Sequence[Json], wanted: Sequence[str], span: tuple[str | None, str], stream: str, place: Place | None = None,
        parent: str = "",
    ) -> Iterator[tuple[list[Record], Place | None]]:
        """(documents whose `modified` lies in the span, where the next page begins or None at the end). A page that is not full is the last one: access
        rules are conditions of the same query (frappe.model.db_query)."""
        guard, (first, end) = LoopGuard(source=self.name, stream=stream), span
        start, behind = (place["from"], place["name"]) if place else (first, None)
        while True:
            guard.see([start, behind])
            stamped = [["modified", "=", start], ["name", ">", behind]] if behind else [["modified", "<", end]] + ([["modified", ">=", start]] if start else [])
            found = self._ask(doctype, [*stamped, *only], wanted, "modified asc, name asc", self._size, stream, parent)
            stamps = [stamp(record) for record in found]
            if stamps != sorted(stamps) or (stamps and start and stamps[0] < datetime.fromisoformat(start)):
                raise self._odd(f"a page of {doctype} is not in the order of `modified` that was asked for", stream)
            is_full = len(found) >= self._size
            if behind:
                start, behind = (start, found[-1]["name"]) if is_full else (text_of(datetime.fromisoformat(str(start)) + TICK), None)
            elif not is_full:
                yield found, None
                return
            elif stamps[0] == stamps[-1]:
                start, behind = text_of(stamps[-1]), found[-1]["name"]
            else:
                start = text_of(stamps[-1])
                found = [record for record, at in zip(found, stamps, strict=True) if at != stamps[-1]]
            yield found, {"from": start, "name": behind}

    def _by_name(
        self, doctype: str, only: Sequence[Json], wanted: Sequence[str], stream: str, parent: str = "", size: int = 0,
    ) -> Iterator[list[Record]]:
        """All documents in the order of names. A name never changes under way but by renaming, which leaves a comment."""
        guard, last, size = LoopGuard(source=self.name, stream=stream), None, size or self._size
        while True:
            guard.see(last)
            found = self._ask(doctype, [*([["name", ">", last]] if last is not None else []), *only], wanted, "name asc", size, stream, parent)
            if found and found[-1]["name"] == last:
                raise self._odd(f"a page of {doctype} is not behind the name that was asked for", stream)
            yield found
            if len(found) < size:
                return
            last = found[-1]["name"]

    def _with_rows(self, asked: Asked, found: Sequence[Record], stream: str) -> list[Record]:
        """The documents with the rows of their tables, each in its order."""
        tables: dict[str, dict[str, list[Record]]] = {}
        for column, doctype in asked.tables.items():
            tables[column] = {record["name"]: [] for record in found}
            if found:
                mine = [["parent", "in", [record["name"] for record in found]], ["parenttype", "=", asked.doctype], ["parentfield", "=", column]]
                for rows in self._by_name(doctype, mine, ["*"], stream, parent=asked.doctype, size=ROWS * self._size):
                    for row in rows:
                        tables[column][row["parent"]].append(row)
        return [{**record, **{column: sorted(rows[record["name"]], key=lambda row: (row["idx"], row["name"])) for column, rows in tables.items()},
                 "_time_zone": str(self._zone)} for record in found]

    # ---- what changes without a stamp

    def _absent(self, asked: Asked, names: set[str], stream: str) -> list[str]:
        """Those of the names that no document has now: a name may have been given again, and what stands in bold need not be a name."""
        there = {str(record["name"]) for some in _cut(sorted(names), self._size)
                 for found in self._by_name(asked.doctype, [["name", "in", some]], ["name"], stream) for record in found}
        return sorted(names - there)

    def _renamed(self, asked: Asked, span: tuple[str | None, str], stream: str) -> dict[str, dict[str, set[str]]]:
        """Doctype -> new name -> old names, of the doctypes that matter here: of every Edit comment, what stands in bold (the words around are translated)."""
        doctypes = sorted({asked.doctype, *(doctype for targets in asked.links.values() for doctype in targets)})
        renamed: dict[str, dict[str, set[str]]] = {}
        only = [["comment_type", "=", "Edit"], ["reference_doctype", "in", doctypes]]
        for found, _ in self._saved("Comment", only, ["name", "modified", "reference_doctype", "reference_name", "content"], span, stream):
            for record in found:
                name = record["reference_name"]
                renamed.setdefault(record["reference_doctype"], {}).setdefault(name, set()).update(in_bold(record["content"]) - {name})
        return renamed

    def _unstamped(self, asked: Asked, span: tuple[str | None, str], renamed: Mapping[str, Mapping[str, Any]], stream: str) -> set[str]:
        """Names of documents that may have changed although their `modified` did not move."""
        names = set(renamed.get(asked.doctype, ()))
        for link, targets in asked.links.items():
            table, _, column = link.rpartition(".")
            doctype, parent = (asked.tables[table], asked.doctype) if table else (asked.doctype, "")
            for some in _cut(sorted({name for target in targets for name in renamed.get(target, ())}), self._size):
                for found in self._by_name(doctype, [[column, "in", some]], ["name", *(["parent"] if table else [])], stream, parent):
                    names |= {record["parent" if table else "name"] for record in found}
        for doctype in asked.tables.values():
            for found, _ in self._saved(doctype, [["parenttype", "=", asked.doctype]], ["name", "modified", "parent"], span, stream, parent=asked.doctype):
                names |= {record["parent"] for record in found}
        return names

    # ---- time

    def _span(self, window: Window) -> tuple[str | None, str]:
        """(from, until) on the site's wall: the earliest and the latest that it can have shown in the window."""
        offsets = [offset for at in (window.start, window.end) if at and (offset := at.astimezone(self._zone).utcoffset()) is not None]

        def wall(at: datetime, offset: timedelta) -> str:
            return text_of(at.astimezone(UTC).replace(tzinfo=None) + offset)

        return wall(window.start, min(offsets)) if window.start else None, wall(window.end, max(offsets))

    def _compare_zone(self) -> None:
        """Once a connector: stamps without an offset mean something only in the right zone."""
        with self._lock:
            if self._zone_is_right:
                return
            told = self._judged("GET", "api/method/frappe.client.get_time_zone", {}, "the time zone", "").get("message")
            zone = told.get("time_zone") if isinstance(told, dict) else None
            if not isinstance(zone, str):
                raise self._odd("the site does not tell its time zone", "")
            if not is_same(zone, self._zone):
                raise Misconfigured(f"the site's time zone is {zone}, not {self._zone}", source=self.name, mend=f'set time_zone = "{zone}"')
            self._zone_is_right = True

    # ---- one question

    def _ask(
        self, doctype: str, filters: Sequence[Json], wanted: Sequence[str], order: str, size: int, stream: str, parent: str = "",
    ) -> list[Record]:
        """A list. Names to look for go into a body: hundreds of them do not fit into a URL."""
        question = {"doctype": doctype, "fields": list(wanted), "filters": list(filters), "order_by": order, "limit_page_length": size,
                    **({"parent": parent} if parent else {})}
        if any(operator == "in" for _, operator, _ in filters):
            rows = self._judged("POST", "api/method/frappe.client.get_list", question, parent or doctype, stream).get("message")
        else:
            params = {name: value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False) for name, value in question.items()}
            rows = self._judged("GET", f"api/resource/{params.pop('doctype')}", params, parent or doctype, stream).get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("name") is not None for row in rows):
            raise self._odd(f"{doctype}: the answer is no list of documents", stream)
        if len(rows) > size or not all(answers(row, filters, wanted) for row in rows):
            raise self._odd(f"{doctype}: the answer is to another question", stream)
        return rows

    def _judged(self, method: str, path: str, question: Json, what: str, stream: str) -> Any:
        """The answer's body. A refusal is told by what was asked for and the site's own words. No question changes anything: all may be asked twice."""
        sent = {"params": question} if method == "GET" else {"json": question}
        answer = self._rest.request(method, path, stream=stream, idempotent=True, allow=UNDERSTOOD, **sent)
        if answer.status < 400:
            return answer.json if isinstance(answer.json, dict) else {}
        said, where = self._rest.redact(f"{answer.status} for {what}: {words(answer.json)}"), {"source": self.name, "stream": stream}
        if answer.status == 401:
            raise Refused(said, mend=f"renew the key ({MAKE_ONE})", **where)
        if answer.status == 403:
            raise Refused(said, mend=f"give the key's user a role that may read {what}, or leave the stream out by `without`", **where)
        if answer.status == 404:
            raise Misconfigured(said, mend="this site has no such doctype: leave the stream out by `without`", **where)
        raise UnexpectedShape(said, mend="the site does not understand the question: is it of a version before 12?", **where)

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream, mend="is this address the site's own? nothing was lost, the next run asks again")


def _cut(names: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (names[first:first + size] for first in range(0, len(names), size))
