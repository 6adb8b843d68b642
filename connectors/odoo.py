"""Odoo 16 to 19, read over JSON-2 or JSON-RPC (odoo_rpc.py) with a user's API key.

How reading stays complete:

- A window takes what was written in it, and its pages go by id: `id > last id of the page before`, in the order of ids. Odoo shows `write_date` cut to the
  second and compares it to the microsecond, so paging by what it shows would read the last second of a page for ever, or lose some of it; an id neither
  ties nor moves. A record that is written again while the window is read drops out of this window and is in the next one.
- The stamps are the start of the writing transaction (odoo_models.py, LAG and OVERLAP).
- Archived records are hidden unless the context says `active_test: false` ("ORM API", Common context keys). Lost opportunities are archived ones.
- Records of other companies than the user's main one are hidden unless the context lists them in `allowed_company_ids` ("Multi-company Guidelines").
- `unlink` leaves no trace: ids are compared every night, 10,000 a request.
- A record is what Odoo says, with links as ids alone (`load` none): the names in them would change without a new stamp of the record. Only its `false`
  for a field that is empty ("ORM API", Fields) becomes null, else a column whose every value is empty tonight would seem to have changed its type.

What may be missing: fields are asked for by name, those that `fields_get` shows our user, which leaves out what a group may not see. What is refused all
the same is taken out, said in the night's report, and shows as drift; reading goes on without it. A model that is not installed has no records, and the
report says why. A model that may not be read fails its own stream alone: it must not look as if everything in it had been deleted.

What it costs: three requests to find out who we are, and for each stream one for its fields, one for every 1,000 records of the window (of those read
whole: of all) and one for every 10,000 ids.

Histories (mail.tracking.value) are for users of the group Settings alone; each comes with the message that says whose history it is, 1,000 a request. A
lead that was merged into another keeps its own history; a state is written down by its label, in the language of whoever changed it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.odoo_models import MODELS, STAMPS, Model, stream_of, tracked
from connectors.odoo_rpc import Denied, NotInstalled, Rpc
from connectors.options import left_out, refuse_unknown
from connectors.paging import behind, pages_by_id
from connectors.rest import Auth, Quota, Rest, bearer, system_clock
from connectors.stream import Json, Listed, Misconfigured, Page, Record, Stream, UnexpectedShape, Window, stamp_of

APIS = ("auto", "json-2", "jsonrpc")
HISTORY = "mail.tracking.value"
Fields = dict[str, str]         # name -> type, as Odoo calls it
MESSAGE: Fields = {"model": "char", "res_id": "many2one_reference", "date": "datetime"}
STREAMS = tuple(stream_of(name, model) for name, model in MODELS.items())


@dataclass(frozen=True, kw_only=True)
class OdooOptions:
    """login: e-mail of the key's user; JSON-2 does without. api: "json-2", "jsonrpc", or "auto": what the server's version has. page_size: records a request.

    companies: ids of those to read; none named: all that the user may work in. without: streams that are not wanted.
    """

    url: str
    database: str
    login: str = ""
    key_env: str = ""
    api: str = "auto"
    page_size: int = 1000
    companies: tuple[int, ...] = ()
    without: tuple[str, ...] = ()
    allow_http: bool = False


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], quota: Quota | None = None,
    clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, **_: Any,
) -> Odoo:
    """secrets: {"key": an API key, or with JSON-RPC the user's password}."""
    chosen, key = _chosen(name, options), secrets.get("key", "")
    if not key:
        raise Misconfigured("no API key is set", source=name,
                            mend='make one in Odoo (Preferences, Account Security) and name its environment variable: key_env = "..."')
    if chosen.api != "jsonrpc" and not key.isascii():
        raise Misconfigured("the key is no API key", source=name, mend='a password goes with api = "jsonrpc" alone')
    # JSON-RPC has the key in its bodies: there it is no header, but must be kept out of what is said all the same.
    auth = Auth(header="X-Odoo-Database", value=chosen.database, hidden=(key,)) if chosen.api == "jsonrpc" else bearer(key)
    rest = Rest(chosen.url, source=name, auth=auth, headers={"X-Odoo-Database": chosen.database}, allow_http=chosen.allow_http, clock=clock, sleep=sleep,
                quota=quota)
    rpc = Rpc(rest, source=name, database=chosen.database, login=chosen.login, key=key, api=chosen.api, companies=chosen.companies)  # type: ignore[arg-type]
    return Odoo(name, rest, rpc, chosen)


def _chosen(name: str, options: Mapping[str, Any]) -> OdooOptions:
    def wrong(what: str, mend: str) -> Misconfigured:
        return Misconfigured(what, source=name, mend=mend)

    refuse_unknown(name, options, OdooOptions)
    for needed in ("url", "database"):
        if not isinstance(options.get(needed), str) or not options[needed].strip():
            raise wrong(f"option {needed!r} is missing", 'for instance url = "https://company.odoo.com", database = "company"')
    companies = options.get("companies", ())
    if not isinstance(companies, list | tuple) or not all(isinstance(one, int) for one in companies):
        raise wrong(f"companies is {companies!r}", "a list, for instance [1, 3]")
    chosen = OdooOptions(**{**options, "companies": tuple(companies), "without": left_out(name, options, MODELS)})
    if chosen.api not in APIS:
        raise wrong(f"api is {chosen.api!r}", "one of " + ", ".join(APIS))
    if chosen.api == "jsonrpc" and not chosen.login:
        raise wrong("option 'login' is missing", "JSON-RPC asks for the e-mail address of the key's user, too")
    if isinstance(chosen.page_size, bool) or not isinstance(chosen.page_size, int) or not 1 <= chosen.page_size <= 10_000:
        raise wrong(f"page_size is {chosen.page_size!r}", "a whole number from 1 to 10000")
    return chosen


class Odoo:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "odoo"

    def __init__(self, name: str, rest: Rest, rpc: Rpc, options: OdooOptions) -> None:
        self.name, self._rest, self._rpc, self._options = name, rest, rpc, options

    def streams(self) -> Sequence[Stream]:
        return [stream for stream in STREAMS if stream.name not in self._options.without]

    def check(self) -> str:
        session = self._rpc.session()
        api = "JSON-2" if session.json_2 else "JSON-RPC"
        return f"Odoo {session.version} over {api}, database {self._options.database}, user {session.login}, companies {[*session.companies]}"

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        model, notes = self._model(stream), dict[str, str]()
        wanted = self._readable(model, stream.name, notes)
        if wanted is None:
            yield Page(records=[], notes=notes)
            return
        domain = self._domain(model, wanted) + ([] if model.whole else written_in(window))
        for records in self._pages(model, domain, wanted, stream.name, behind(resume, source=self.name, stream=stream.name), notes):
            if not model.whole and not all(_is_written_in(record, window) for record in records):
                raise self._odd(f"{model.name}: a page holds what was not written in the window that was asked for; a proxy may be answering from a cache",
                                stream.name)
            yield Page(records=records, position={"after": records[-1]["id"]} if records else None, notes={**notes})
            notes.clear()

    def keys(self, stream: Stream) -> Iterator[str]:
        for records in self._thin(stream, [], ["id"]):
            yield from (str(record["id"]) for record in records)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        for records in self._thin(stream, written_in(window), ["id", *STAMPS.split()]):
            yield [(str(record["id"]), stamp_of(stream, record)) for record in records]

    def _thin(self, stream: Stream, limits: list[Any], wanted: Sequence[str]) -> Iterator[list[Record]]:
        """Few fields, in pages ten times as large; nothing where the model is not installed."""
        model, notes = self._model(stream), dict[str, str]()
        readable = self._readable(model, stream.name, notes)
        if readable is not None:
            few = {name: readable.get(name, "datetime") for name in wanted}
            yield from self._pages(model, self._domain(model, readable) + limits, few, stream.name, 0, notes, size=10 * self._options.page_size)

    # ---- what can be asked for

    def _model(self, stream: Stream) -> Model:
        try:
            return MODELS[stream.name]
        except KeyError:
            raise Misconfigured("odoo has no such stream", source=self.name, stream=stream.name, mend="it has " + ", ".join(MODELS)) from None

    def _readable(self, model: Model, stream: str, notes: dict[str, str]) -> Fields | None:
        """The fields to ask for; None where the model is not installed. What is missing and should not be goes into the notes."""
        names = {name.lstrip("?"): name.startswith("?") for name in (*STAMPS.split(), *model.fields.split())}
        try:
            shown = self._rpc.call(model.name, "fields_get", {"allfields": [*names], "attributes": ["type"]}, stream=stream)
        except NotInstalled:
            notes[model.name] = "not installed in this Odoo, so it has no records"
            return None
        if not isinstance(shown, dict):
            raise self._odd(f"{model.name}: the answer is no list of fields", stream)
        for name, is_optional in names.items():
            if name not in shown and not is_optional:
                notes[f"{model.name}.{name}"] = "left out: this Odoo has no such field, or our user may not read it"
        return {"id": "integer", **{name: shown[name]["type"] for name in names if name in shown}}

    def _domain(self, model: Model, wanted: Fields) -> list[Any]:
        if model.name != HISTORY:
            return [*model.only]
        field = "field" if "field" in wanted else "field_id"       # renamed in 17
        return [*tracked(f"{field}.model", f"{field}.name")]

    # ---- pages

    def _pages(
        self, model: Model, domain: list[Any], wanted: Fields, stream: str, after: int, notes: dict[str, str], *, size: int | None = None,
    ) -> Iterator[list[Record]]:
        """Pages in the order of ids. A page that is not full is the last one: Odoo counts after applying its record rules."""
        size = size or self._options.page_size

        def ask(last: int) -> list[Record]:
            return self._ask(model, [["id", ">", last], *domain], wanted, stream, size, notes)

        return pages_by_id(ask, after=after, size=size, source=self.name, stream=stream)

    def _ask(self, model: Model, domain: list[Any], wanted: Fields, stream: str, size: int, notes: dict[str, str]) -> list[Record]:
        """wanted: loses the fields that turn out to be forbidden."""
        while True:
            try:
                rows = self._search_read(model.name, domain, wanted, stream, size)
            except Denied as refusal:
                forbidden = refusal.fields & wanted.keys()
                if not forbidden:
                    raise
                for name in sorted(forbidden):
                    del wanted[name]
                    notes[f"{model.name}.{name}"] = "left out: our user may not read it"
            else:
                return self._with_messages(rows, stream) if model.name == HISTORY and "mail_message_id" in wanted else rows

    def _with_messages(self, rows: list[Record], stream: str) -> list[Record]:
        """Each change with its message: model and id of the record that was changed, and when. None where our user may not see it."""
        ids = sorted({row["mail_message_id"] for row in rows})
        found = self._search_read("mail.message", [["id", "in", ids]], MESSAGE, stream, len(ids)) if ids else []
        messages = {message["id"]: message for message in found}
        return [{**row, "message": messages.get(row["mail_message_id"])} for row in rows]

    def _search_read(self, model: str, domain: list[Any], wanted: Fields, stream: str, size: int) -> list[Record]:
        question = {"domain": domain, "fields": [*wanted], "limit": size, "order": "id", "load": None}
        rows = self._rpc.call(model, "search_read", question, stream=stream)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
            raise self._odd(f"{model}: the answer is no list of records", stream)
        return [{name: None if value is False and wanted.get(name) != "boolean" else value for name, value in row.items()} for row in rows]

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self.name, stream=stream, mend="see what changed at the source; nothing was lost, the next run asks again")


def written_in(window: Window) -> list[Any]:
    """The domain 'written in the window', by whole seconds around it. On the first read also what was never stamped."""
    until = ["write_date", "<", _stamp(math.ceil(window.end.timestamp()))]
    if window.start is None:
        return ["|", ["write_date", "=", False], until]
    return [["write_date", ">=", _stamp(math.floor(window.start.timestamp()))], until]


def _is_written_in(record: Record, window: Window) -> bool:
    """A short page of an older question would end the reading of this one."""
    written, since = record.get("write_date"), _stamp(math.floor(window.start.timestamp())) if window.start else ""
    return not isinstance(written, str) or since <= written < _stamp(math.ceil(window.end.timestamp()))


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
