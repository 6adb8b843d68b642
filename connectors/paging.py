"""Paging that would never end, recognised, and pages by id, which always do. Import LoopGuard from rest.py."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import orjson

from connectors.stream import Json, PageLoop, Record, UnexpectedShape


class LoopGuard:
    """Raises PageLoop when a page's token was seen before, or when two pages in a row hold the same records.

    Pages are the same that have as many records and the same first, middle and last one: records have keys, so what shares three of them is that page.
    To write down all of them cost a fifth of reading.

    Call `see(token, records)` once per page, before going on to the next. A token may be any JSON (a cursor, an offset, a URL).
    """

    def __init__(self, *, source: str, stream: str, most: int = 1_000_000) -> None:
        self._source, self._stream, self._most = source, stream, most
        self._seen: set[int] = set()
        self._last_page: int | None = None

    def see(self, token: Json, records: Sequence[Any] = ()) -> None:
        mark = hash(_written(token))
        if mark in self._seen:
            self._loop(f"the page after {str(token)[:120]!r} was already read")
        if len(self._seen) >= self._most:
            self._loop(f"more than {self._most} pages")
        self._seen.add(mark)
        if records:
            page = hash(_written([len(records), records[0], records[len(records) // 2], records[-1]]))
            if page == self._last_page:
                self._loop(f"two pages in a row hold the same {len(records)} records")
            self._last_page = page

    def _loop(self, what: str) -> NoReturn:
        raise PageLoop(what + "; reading on would never end", source=self._source, stream=self._stream,
                       mend="start this stream again; if it comes back, the source's paging is broken")


def _written(value: Json) -> bytes | str:
    """The same for the same value, whatever the order of an object's fields."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:                       # integers beyond 64 bits, lone surrogates
        return jsonlib.dumps(value, sort_keys=True, default=str)


def pages_by_id(ask: Callable[[int], list[Record]], *, after: int, size: int, source: str, stream: str) -> Iterator[list[Record]]:
    """Pages of records in the order of their integer `id`, beginning behind `after`. ask: at most `size` records behind an id. A page that is not full is
    the last one."""
    guard = LoopGuard(source=source, stream=stream)
    while True:
        guard.see(after)
        records = ask(after)
        ids = [record["id"] for record in records]
        if ids != sorted(set(ids)) or (ids and ids[0] <= after):
            raise UnexpectedShape("a page is not in the order of ids that was asked for", source=source, stream=stream,
                                  mend="a proxy may be answering from a cache")
        yield records
        if len(records) < size:
            return
        after = ids[-1]


def behind(resume: Json, *, source: str, stream: str) -> int:
    """The id to go on behind, out of a page's position {"after": id}."""
    if resume is None:
        return 0
    if not isinstance(resume, dict) or not isinstance(resume.get("after"), int):
        raise UnexpectedShape(f"cannot go on from {resume!r}", source=source, stream=stream, mend="start this stream's window again")
    return int(resume["after"])
