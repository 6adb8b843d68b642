"""What a connector is: streams, cursors, pages and the errors they may raise.

The errors, sorted by how one recovers:

    SourceError
    ├── Unreachable          no connection, time-out, 5xx after all retries: the next run tries again
    ├── QuotaExhausted       the source's limit is used up: carry on after `retry_at`
    ├── Refused              credentials missing, wrong or expired: a person renews them
    ├── UnexpectedShape      the answer is not what the API documents: a person looks at it
    │   └── PageLoop         a page token or position came twice: reading on would never end
    └── Misconfigured        the source's options cannot work: a person mends meridian.toml

A connector never returns fewer records silently: it yields everything in the window or raises one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable

_ADDRESS = re.compile(r"[^\s@<>\"'(),;=]+@[^\s@<>\"'(),;=]+\.[^\s@<>\"'(),;=.:]+")

Json = Any
Record = Mapping[str, Json]
Kind = Literal["name", "email", "phone", "address", "ip", "text", "staff", "impersonal"]


class SourceError(Exception):
    """A source could not be read. `retryable` tells whether trying again without a person may help."""

    retryable = False

    def __init__(self, message: str, *, source: str | None = None, stream: str | None = None, mend: str | None = None) -> None:
        self.source, self.stream, self.mend = source, stream, mend
        where = "/".join(part for part in (source, stream) if part)
        # What a system says of a failure may repeat what it was asked about; failures are kept in ledger, logs and reports.
        message = _ADDRESS.sub("<an address>", message)
        text = f"{where}: {message}" if where else message
        super().__init__(f"{text} — {mend}" if mend else text)


class Unreachable(SourceError):
    retryable = True


class QuotaExhausted(SourceError):
    retryable = True

    def __init__(
        self, message: str, *, retry_at: datetime | None = None, source: str | None = None, stream: str | None = None, mend: str | None = None,
    ) -> None:
        self.retry_at = retry_at
        super().__init__(message, source=source, stream=stream, mend=mend)


class Refused(SourceError):
    pass


class UnexpectedShape(SourceError):
    pass


class PageLoop(UnexpectedShape):
    pass


class Misconfigured(SourceError):
    pass


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How a stream is read from where the last run stopped.

    field: the record's field that the source filters by; compared as instants, never as text.
    lag: records younger than now - lag are not yet final (a transaction may still commit with an older stamp), so the stored
        cursor never moves past now - lag.
    overlap: how far behind the stored cursor the next read starts again.
    ties: whether several records may share one value (then a read starts at `>=`, never at `>`).
    """

    field: str
    lag: timedelta = timedelta(0)
    overlap: timedelta = timedelta(0)
    ties: bool = True


@dataclass(frozen=True, kw_only=True)
class Personal:
    """What one field tells of a person, and what of it numbers need.

    kind: 'staff' – the name of one of the company's own people, kept unless the configuration says otherwise, because KPIs compare people by it;
        'impersonal' – nothing, though it lies below a `*` or in an object that is declared; all others are hashed unless the configuration says otherwise.
    keeps: regular expression; the parts of a text that match it stay whatever becomes of the rest (case does not matter).
    unless: field beside this one -> its values in small letters (connectors.personal.ANY: whichever) with which this one is of kind `then` instead.
    """

    kind: Kind
    keeps: str = ""
    unless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    then: Kind = "impersonal"


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One kind of record of one source.

    key: the fields that identify a record; their values joined by '|' are the landed key.
    cursor: None means that every read takes the whole stream (small reference data).
    deletes: 'tombstone' – the source tells (the connector puts the keys into Page.deleted);
        'sweep' – the source does not tell: `Connector.keys(stream)` lists what exists and the difference is landed as deletes;
        'full' – every read is whole, so what is missing from it is gone; 'never' – records of this stream are not deleted.
    sweep_every: days between two sweeps (with deletes='sweep').
    feeds: the dbt source table that this stream fills, '<kind>.<table>'; empty: '<kind>.<name>'.
    earliest: oldest instant that the source can be asked for; None: as far back as it holds.
    personal: what tells of a person, by the field's path: 'email', 'via.source.from.address', 'comments[].body' ([] for the reader: lists are walked
        through anyway), 'properties.*' for every field that is not named otherwise. A path to an object or a list stands for all that is in it.
        connectors/personal.py does what the configuration says to these fields, before anything lands.
    stamps: dotted fields of a record, the first that has a value says when it was last changed, as the cursor counts it. By them a night compares what
        was landed with what the source holds (flows/reconcile.py); empty: it cannot, and `incomparable` says why.
    is_master: what others refer to for as long as it exists, like customers: the first night reads all of it, whatever day `read_from` names.
    """

    name: str
    key: tuple[str, ...]
    cursor: Cursor | None = None
    deletes: Literal["tombstone", "sweep", "full", "never"] = "never"
    sweep_every: int = 1
    feeds: str = ""
    earliest: datetime | None = None
    personal: Mapping[str, Kind | Personal] = field(default_factory=dict, hash=False)
    stamps: tuple[str, ...] = ()
    incomparable: str = ""
    is_master: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """The instants to read: start <= value < end. start None: from the beginning (the first read)."""

    start: datetime | None
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Page:
    """One response.

    records: exactly as the source said, nothing typed, renamed or dropped.
    deleted: landed keys of records that the source says are gone.
    position: JSON that, given back as `resume`, makes `read` go on behind this page; None: this page cannot be resumed from.
    high_water: the largest cursor value known to be complete once this page is in; None: only known at the end of the window.
    part: which of several wholes the records lie in, for instance one of the files of a reading; a later one may say something else under a key
        that an earlier one has, and is believed. "": there is one whole only.
    """

    records: Sequence[Record]
    deleted: Sequence[str] = ()
    position: Json = None
    high_water: datetime | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    part: str = ""


class Connector(Protocol):
    """A configured source. Safe to use from several threads at once, one stream per thread."""

    name: str
    kind: str

    def streams(self) -> Sequence[Stream]: ...

    def check(self) -> str:
        """Who we are at the source and its version, in one line, or raise a SourceError. Costs one or two requests."""
        ...

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        """All records of `stream` in `window`, page by page, on from `resume` when given. May repeat records, never omits any.

        What keeps no page that it has given away lets its memory be used for the next one: a tenth less CPU.
        """
        ...

    def keys(self, stream: Stream) -> Iterator[str]:
        """Every landed key that exists now (for deletes='sweep')."""
        ...

    def requests_made(self, stream: str) -> int:
        """HTTP requests (or files opened) for this stream since the connector was made."""
        ...

    def close(self) -> None: ...


Listed = Sequence[tuple[str, datetime | None]]


@runtime_checkable
class Lists(Protocol):
    """A connector that can tell what a window holds for less than reading it costs. Of one without, the window is read."""

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        """(landed key, stamp) of every record whose stamp lies in the window, perhaps of more; one list a request."""
        ...


def stamp_of(stream: Stream, record: Record) -> datetime | None:
    """When a record was last changed, by `stream.stamps`: ISO 8601 text (UTC where it names no offset) or seconds since 1970. None: it does not say."""
    for path in stream.stamps:
        value: Json = record
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            continue
        try:
            at = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else datetime.fromisoformat(str(value))
        except (ValueError, OverflowError, OSError):
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def landed_key(stream: Stream, record: Record) -> str:
    """The record's key as it is landed. Raises UnexpectedShape when a key field is missing or null."""
    if len(stream.key) == 1 and (only := record.get(stream.key[0])) is not None:
        return str(only)
    parts = []
    for name in stream.key:
        value = record.get(name)
        if value is None:
            raise UnexpectedShape(f"a record has no {name!r}", stream=stream.name, mend="the key of this stream is " + ", ".join(stream.key))
        parts.append(str(value))
    return "|".join(parts)
