"""A source in memory with one right connector and several that are wrong the way real ones are: the suite must tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.stream import Connector, Cursor, Json, Page, Record, Stream, Window

PAGE = 2
LAG = timedelta(minutes=3)
ORDERS = Stream(name="orders", key=("id",), deletes="sweep", cursor=Cursor(field="changed_at", lag=LAG))
PRODUCTS = Stream(name="products", key=("id",), deletes="full")
MOVES = Stream(name="moves", key=("id",), cursor=Cursor(field="changed_at", lag=LAG))


@dataclass
class Memory:
    """The source: records by stream and id. A record shows itself `delay` after its stamp at the latest (see `late`)."""

    url: str = ""
    kind: str = "files"
    streams: Sequence[str] = ("orders", "products", "moves")
    safe_after: timedelta = timedelta(minutes=2)
    make: Callable[..., Connector] = lambda source, now: Right(source)
    held: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: {"orders": {}, "products": {}, "moves": {}})
    hidden: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    clock: datetime = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    number: int = 0

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> Connector:
        return self.make(self, now)

    def now(self) -> datetime:
        return self.clock

    def advance(self, delta: timedelta) -> None:
        self.clock += delta

    def create(self, stream: str, count: int) -> list[str]:
        return [self._write(stream, self.number + 1) for _ in range(count)]

    def update(self, stream: str, key: str) -> None:
        self._write(stream, int(key))

    def remove(self, stream: str, key: str) -> bool:
        if stream == "moves":
            return False
        del self.held[stream][int(key)]
        return True

    def late(self, stream: str) -> str:
        """A transaction that was long: its row carries the stamp of its beginning."""
        if stream != "orders":
            return ""
        self.truth(stream)
        key = self._write(stream, self.number + 1)
        self.hidden.append((self.clock + timedelta(seconds=90), self.held[stream].pop(int(key))))
        return key

    def truth(self, stream: str) -> dict[str, Json]:
        due = [record for visible, record in self.hidden if visible <= self.clock]
        self.hidden = [(visible, record) for visible, record in self.hidden if visible > self.clock]
        self.held["orders"] |= {record["id"]: record for record in due}
        return {str(key): record for key, record in self.held[stream].items()}

    def _write(self, stream: str, key: int) -> str:
        self.number += 1
        self.held[stream][key] = {"id": key, "changed_at": self.clock.isoformat(), "version": self.number}
        return str(key)


@dataclass
class Right:
    """Ordered by (changed_at, id), two a page, gone on with behind the last pair."""

    source: Memory
    name: str = "memory"
    kind: str = "files"

    def streams(self) -> Sequence[Stream]:
        return [ORDERS, PRODUCTS, MOVES]

    def check(self) -> str:
        return "memory"

    def requests_made(self, stream: str) -> int:
        return 0

    def close(self) -> None:
        pass

    def keys(self, stream: Stream) -> Iterator[str]:
        yield from sorted(self.source.truth(stream.name))

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        last: Json = resume or self.beginning(stream, window)
        while found := self.behind(stream, last):
            last = self.mark(found[-1])
            yield Page(records=found, position=last)

    def beginning(self, stream: Stream, window: Window) -> Json:
        return [window.start.isoformat() if window.start and stream.cursor else "", 0]

    def mark(self, record: Record) -> Json:
        return [record["changed_at"], record["id"]]

    def behind(self, stream: Stream, last: Json) -> list[Record]:
        rows = sorted(self.source.truth(stream.name).values(), key=self.mark)
        return [dict(row) for row in rows if self.mark(row) > last][:PAGE]


class LosesTies(Right):
    """Goes on behind the last stamp instead of behind the last record."""

    def behind(self, stream: Stream, last: Json) -> list[Record]:
        rows = sorted(self.source.truth(stream.name).values(), key=self.mark)
        return [dict(row) for row in rows if row["changed_at"] > last[0] or (last[1] == 0 and self.mark(row) > last)][:PAGE]


class SkipsAPageAfterAKill(Right):
    """Believes that the page behind the remembered position has landed, too."""

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        pages = super().read(stream, window, resume)
        if resume is not None:
            next(pages, None)
        yield from pages


class MissesDeletes(Right):
    """Lists what it once saw and not what exists: nothing ever seems to be gone."""

    seen: dict[int, set[str]] = {}       # noqa: RUF012  by source, since a connector lives for one reading

    def keys(self, stream: Stream) -> Iterator[str]:
        seen = self.seen.setdefault(id(self.source), set())
        seen |= set(self.source.truth(stream.name))
        yield from sorted(seen)

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        for page in super().read(stream, window, resume):
            if stream.name == "orders":
                self.seen.setdefault(id(self.source), set()).update(str(record["id"]) for record in page.records)
            yield page


class Doubles(Right):
    """Hands out the last record of a page with the next page again, told apart by nothing."""

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        carried: list[Record] = []
        for page in super().read(stream, window, resume):
            yield Page(records=[*carried, *page.records, *page.records[-1:]], position=page.position)
            carried = list(page.records[-1:])


class TrustsItsClock(Right):
    """Declares no lag: what becomes visible late, or is stamped while our clock is ahead, is never asked for."""

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="orders", key=("id",), deletes="sweep", cursor=Cursor(field="changed_at")), PRODUCTS, MOVES]


class PagesByOffset(Right):
    """Reads a window by offset: who moves between two pages pushes another one over the border."""

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        start, offset = self.beginning(stream, window), int(resume or 0)
        while found := [dict(row) for row in sorted(self.source.truth(stream.name).values(), key=self.mark) if self.mark(row) > start][offset:offset + PAGE]:
            offset += PAGE
            yield Page(records=found, position=offset)


class IsAlwaysEmpty(Right):
    """Takes every answer for an empty page and reports success."""

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        yield Page(records=())


def running_with(make: Callable[..., Connector]) -> Callable[[Path], AbstractContextManager[Memory]]:
    @contextmanager
    def running(folder: Path) -> Iterator[Memory]:
        yield Memory(make=lambda source, now: make(source))

    return running
