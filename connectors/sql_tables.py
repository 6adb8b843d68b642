"""How a table is declared as a stream of a `sql` source: what may stand in meridian.toml, checked.

    [sources.erp_replica]
    kind = "sql"
    url_env = "ERP_REPLICA_URL"             # postgresql://reader:...@replica.example.com/erp, or mysql://, mariadb://
    time_zone = "Europe/Berlin"             # of columns that hold date and time without a zone; needed only if there are any
    [sources.erp_replica.streams.orders]
    table = "public.orders"                 # table, view or materialised view; the schema may be left out
    key = ["id"]                            # the columns that name a row
    cursor = "updated_at"                   # of date or time; ["updated_at", "created_at"]: the first that is not null; without one: all of it, every night
    lag_minutes = 10                        # the longest transaction: until it commits, its older stamps cannot be seen
    overlap_minutes = 0                     # read again this far behind the last stamp
    refresh_days = 7                        # changes that leave the stamp alone: everything is read again this often (default: never)
    deletes = "sweep"                       # "never": rows are not deleted; without a cursor it is "full"
    columns = ["id", "updated_at", "total"] # only these (default: all)
    feeds = "tryton.orders"                 # the table it fills (default: "sql.orders")
    personal = { email = "email" }          # columns that tell of a person, and what: name, email, phone, address, ip, text, staff

and, for the whole source: schema (where tables without one are looked for), page_size (rows), statement_timeout (seconds), tls_ca (path of your
company's CA bundle), allow_plain (no TLS: only where the network is your own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.personal import declared_by_hand, of_table
from connectors.stream import Cursor, Misconfigured, Stream

STREAM_OPTIONS = frozenset({
    "table", "key", "cursor", "lag_minutes", "overlap_minutes", "refresh_days", "sweep_every", "deletes", "columns", "feeds", "personal"})
LAG_MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class SqlOptions:
    """url_env: environment variable that holds the address with user and password: postgresql://reader:...@replica.example.com/erp, or mysql://, mariadb://.

    streams.<name> = { table = "public.orders", key = ["id"], cursor = "updated_at" }: connectors/sql_tables.py lists what else may stand there.
    time_zone: of columns that hold date and time without a zone. schema: where tables are looked for that name none. page_size: rows.
    statement_timeout: seconds. tls_ca: path of your company's CA bundle. allow_plain: no TLS, only where the network is your own.
    """

    streams: Mapping[str, Mapping[str, Any]]
    url_env: str = ""
    time_zone: str = ""
    schema: str = ""
    page_size: int = 5_000
    statement_timeout: int = 300
    tls_ca: str = ""
    allow_plain: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One declared stream. cursors: columns, the first that is not null counts. columns: empty for all. refresh: None for never.

    personal: columns that must be there, for they are said to be personal.
    """

    stream: Stream
    schema: str
    name: str
    cursors: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    refresh: timedelta | None = None
    personal: tuple[str, ...] = ()


def declare(source: str, name: str, settings: Mapping[str, Any], default_schema: str) -> Table:
    """The checked declaration of one stream. Raises Misconfigured."""
    def wrong(what: str, mend: str) -> NoReturn:
        raise Misconfigured(what, source=source, stream=name, mend=mend)

    for unknown in sorted(set(settings) - STREAM_OPTIONS):
        wrong(f"unknown option {unknown}", nearest(unknown, STREAM_OPTIONS))
    for number in ("lag_minutes", "overlap_minutes", "refresh_days", "sweep_every"):
        value = settings.get(number, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < (0 if number.endswith("minutes") else 1):
            wrong(f"{number} is {value!r}", "write a whole number")
    table = settings.get("table", name)
    if not isinstance(table, str) or not table:
        wrong(f"the table is {table!r}", 'for example table = "public.orders"')
    key, cursors, columns = (_names(settings.get(option)) for option in ("key", "cursor", "columns"))
    if not key:
        wrong("no key is named", 'name the columns that identify a row: key = ["id"]')
    for option, chosen in (("key", key), ("cursor", cursors)):
        if columns and (missing := [column for column in chosen if column not in columns]):
            wrong(f"columns leaves out {', '.join(missing)}, which the {option} needs", "add it to columns")
    deletes = settings.get("deletes", "sweep" if cursors else "full")
    allowed = ("sweep", "never") if cursors else ("full", "never")
    if deletes not in allowed:
        wrong(f"deletes is {deletes!r} {'with' if cursors else 'without'} a cursor", "use one of " + ", ".join(allowed))
    if not cursors and (odd := sorted({"lag_minutes", "overlap_minutes", "refresh_days", "sweep_every"} & set(settings))):
        wrong(f"{odd[0]} without a cursor", "without a cursor the whole table is read every night; leave it out")
    cursor = Cursor(field=cursors[0], lag=timedelta(minutes=settings.get("lag_minutes", LAG_MINUTES)),
                    overlap=timedelta(minutes=settings.get("overlap_minutes", 0))) if cursors else None
    schema, _, bare = table.rpartition(".")
    feeds = str(settings.get("feeds", ""))
    personal = declared_by_hand(source, name, settings.get("personal", {}))
    if columns and (missing := [path for path in personal if path not in columns and path.partition(".")[0] not in columns]):
        wrong(f"columns leaves out {', '.join(missing)}, which is said to be personal", nearest(missing[0], columns))
    return Table(
        stream=Stream(name=name, key=key, cursor=cursor, deletes=deletes, sweep_every=settings.get("sweep_every", 1), feeds=feeds, stamps=cursors,
                      personal={**of_table(feeds), **personal}),
        schema=schema or default_schema, name=bare, cursors=cursors, columns=columns, personal=tuple(personal),
        refresh=timedelta(days=settings["refresh_days"]) if "refresh_days" in settings else None)


def zone_of(source: str, name: str) -> ZoneInfo | None:
    """The declared time zone; None when none is. Raises Misconfigured for an unknown one."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise Misconfigured(f"time_zone {name!r} is not an IANA time zone", source=source, mend='for example "Europe/Berlin"') from None


def nearest(wrong: str, known: Any) -> str:
    """What to write instead: the nearest known name, or all of them when none is near."""
    close = get_close_matches(wrong, sorted(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "there are " + (", ".join(sorted(known)[:40]) or "none that we may see")


def _names(value: Any) -> tuple[str, ...]:
    """A name or a list of them."""
    return () if not value else (value,) if isinstance(value, str) else tuple(str(name) for name in value)
