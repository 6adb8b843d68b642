"""Paging that would never end, recognised. Import LoopGuard from rest.py."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from typing import Any, NoReturn

from connectors.stream import Json, PageLoop


class LoopGuard:
    """Raises PageLoop when a page's token was seen before, or when two pages in a row hold the same records.

    Call `see(token, records)` once per page, before going on to the next. A token may be any JSON (a cursor, an offset, a URL).
    """

    def __init__(self, *, source: str, stream: str, most: int = 1_000_000) -> None:
        self._source, self._stream, self._most = source, stream, most
        self._seen: set[int] = set()
        self._last_page: int | None = None

    def see(self, token: Json, records: Sequence[Any] = ()) -> None:
        mark = hash(jsonlib.dumps(token, sort_keys=True, default=str))
        if mark in self._seen:
            self._loop(f"the page after {str(token)[:120]!r} was already read")
        if len(self._seen) >= self._most:
            self._loop(f"more than {self._most} pages")
        self._seen.add(mark)
        if records:
            page = hash(jsonlib.dumps(records, sort_keys=True, default=str))
            if page == self._last_page:
                self._loop(f"two pages in a row hold the same {len(records)} records")
            self._last_page = page

    def _loop(self, what: str) -> NoReturn:
        raise PageLoop(what + "; reading on would never end", source=self._source, stream=self._stream,
                       mend="start this stream again; if it comes back, the source's paging is broken")
