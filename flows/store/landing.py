"""The landing: everything ever read, append-only. A batch is one file of JSON lines, packed page by page (packing.py).

    landing/<source>/<stream>/<day>/<batch>.jsonl.zst         what earlier versions landed ends in .jsonl.gz and is read as ever

While it is read the file is called `<batch>.zst.part`. A page is appended and synced, then the ledger says how many bytes count;
what stands behind them after a kill is a torn page and is cut off. Sealing renames the part file, then one ledger
transaction makes the batch known and moves the cursor. Killed between any two of these steps, the next run goes on there.

Each line is `{"key", "ordinal", "deleted", "record"}`, and "part" where a source gave several wholes (files, for instance); the record is exactly
what the source said, but for personal data, and for halves of characters (lone surrogates: an emoji that a source has cut in two), which no reader
of JSON takes: each is U+FFFD here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from flows.store.disk import sync
from flows.store.ledger import instant, text
from flows.store.packing import Packing, lines_of, packed

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19        # beyond 64 bits orjson makes a float of it
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one batch rests. `relative` is what the ledger keeps."""

    root: Path
    source: str
    stream: str
    batch: str
    packing: Packing = "zst"

    @property
    def relative(self) -> str:
        day = f"{self.batch[:4]}-{self.batch[4:6]}-{self.batch[6:8]}"
        return f"{self.source}/{self.stream}/{day}/{self.batch}.jsonl.{self.packing}"

    @property
    def final(self) -> Path:
        return self.root / self.relative

    @property
    def part(self) -> Path:
        return self.final.with_name(f"{self.batch}.zst.part" if self.packing == "zst" else f"{self.batch}.part")


def place(root: Path, source: str, stream: str, batch: str) -> Place:
    """Where a batch rests: one that an earlier version has begun goes on as gzip. Raises ValueError for a name that could leave the landing folder."""
    for name in (source, stream, batch):
        if not _SAFE.fullmatch(name) or ".." in name:
            raise ValueError(f"{name!r} cannot name a folder of the landing: letters, digits, '_', '-' and '.' only")
    where = Place(root=root, source=source, stream=stream, batch=batch)
    earlier = replace(where, packing="gz")
    return earlier if earlier.part.exists() or earlier.final.exists() else where


def next_batch(last: str | None, now: datetime) -> str:
    """A batch id that sorts behind `last` even when the clock stood still or went back."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    if last is None or f"{stamp}-000" > last:
        return f"{stamp}-000"
    head, number = last.rsplit("-", 1)
    return f"{head}-{int(number) + 1:03d}"


def line(key: str, ordinal: int, record: Mapping[str, Any] | None, part: str = "") -> bytes:
    """One landed line; a record of None is a delete. part: see connectors.stream.Page."""
    said = {"key": key, "ordinal": ordinal, "deleted": record is None, "record": record}
    return _encode({**said, "part": part} if part else said, orjson.OPT_APPEND_NEWLINE)


def digest(record: Mapping[str, Any] | None) -> bytes:
    """Tells whether a record said something else than before, whatever the order of its fields."""
    if record is None:
        return b"deleted"
    return hashlib.blake2b(_encode(record, orjson.OPT_SORT_KEYS), digest_size=12).digest()


def _encode(value: Any, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option, default=str)
    except TypeError:           # integers beyond 64 bits and lone surrogates: JSON allows them, orjson does not
        value = _whole(value)
    try:
        return orjson.dumps(value, option=option, default=str)
    except TypeError:
        written = json.dumps(value, sort_keys=bool(option & orjson.OPT_SORT_KEYS), default=str).encode()
        return written + b"\n" if option & orjson.OPT_APPEND_NEWLINE else written


def _whole(value: Any) -> Any:
    """The value without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list | tuple) else value


def append(where: Place, lines: Sequence[bytes], size: int) -> int:
    """Write a page behind the first `size` bytes of the part file; returns the new size, on disk."""
    where.part.parent.mkdir(parents=True, exist_ok=True)
    with where.part.open("r+b" if where.part.exists() else "w+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(packed(b"".join(lines), where.packing))
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def discard(where: Place) -> None:
    """Take away a batch that the ledger does not know, as far as it has come."""
    where.part.unlink(missing_ok=True)
    where.final.unlink(missing_ok=True)


def reopen(where: Place, size: int) -> None:
    """Make the part file exactly the `size` bytes that count, after a kill at whatever point."""
    if where.final.exists() and not where.part.exists():
        where.final.rename(where.part)
    if size == 0:
        where.part.unlink(missing_ok=True)
    elif not where.part.exists() or where.part.stat().st_size < size:
        raise FileNotFoundError(f"{where.part} should hold {size} bytes of a batch in the making; drop the reading to start the window again")
    else:
        os.truncate(where.part, size)


def seal(where: Place) -> str:
    """Give the finished part file its final name; returns the SHA-256 of its bytes. Safe to repeat."""
    if where.part.exists():
        where.part.rename(where.final)
        sync(where.final.parent)
    return checksum(where.final)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    for raw in lines_of(path):
        yield json.loads(raw) if _LONG_NUMBER in raw.translate(_DIGITS) else orjson.loads(raw)


class Index:
    """Which keys of a stream are alive, what each said last and when that was stamped: a cache beside the batches, brought up to date from them.

    It lets a whole read land only what changed, a sweep know what is gone, and a comparison with the source what is missing. Lost, behind, or made of
    files that were changed since, it heals itself by reading the batches again, so it needs no place in any transaction.
    """

    def __init__(
        self, root: Path, source: str, stream: str, batches: Sequence[str], *, stamps: str = "",
        stamp: Callable[[Mapping[str, Any]], datetime | None] | None = None,
    ) -> None:
        """batches: paths below root, in order. stamp: when a record was last changed; stamps: names that rule, so that another one reads everything again."""
        folder = root / source / stream
        folder.mkdir(parents=True, exist_ok=True)
        self._database, self._stamp = sqlite3.connect(folder / "index.sqlite", isolation_level=None), stamp
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.execute("create table if not exists made_by (rule text primary key)")
        rule = f"2 {stamps}"                               # 2: how the tables below look
        made_by = self._database.execute("select rule from made_by").fetchone()
        if made_by != (rule,):
            self._start_anew(rule)
        self._database.execute("create table if not exists live (key text primary key, digest blob, stamp text) without rowid")
        self._database.execute("create index if not exists live_by_stamp on live (stamp)")
        self._database.execute("create table if not exists seen (path text primary key, file text)")
        self._database.execute("create table if not exists alive (batch text, key text, primary key (batch, key)) without rowid")
        files = {relative: file for relative in batches if (file := _fingerprint(root / relative))}     # what a lost file held counts as missing
        seen = dict(self._database.execute("select path, file from seen"))
        if any(files.get(relative) != file for relative, file in seen.items()):
            # A batch was rejected, so what it said does not count any more; or its file was changed or lost.
            self._database.execute("delete from live")
            self._database.execute("delete from seen")
            seen = {}
        for relative, file in files.items():
            if relative not in seen:
                self._absorb(root / relative, relative, file)

    def _start_anew(self, rule: str) -> None:
        for table in ("live", "seen", "made_by"):          # not `alive`: a reading that goes on would take what it met for gone
            self._database.execute(f"drop table if exists {table}")
        self._database.execute("create table made_by (rule text primary key)")
        self._database.execute("insert into made_by values (?)", [rule])

    def _absorb(self, path: Path, relative: str, file: str) -> None:
        self._database.execute("begin immediate")
        try:
            for landed in read_lines(path):
                key, record = landed["key"], landed["record"]
                if landed["deleted"]:
                    self._database.execute("delete from live where key = ?", [key])
                else:
                    stamp = text(self._stamp(record)) if self._stamp else None
                    self._database.execute("insert or replace into live values (?, ?, ?)", [key, digest(record), stamp])
            self._database.execute("insert into seen values (?, ?)", [relative, file])
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise

    def last_said(self, key: str) -> bytes | None:
        """Digest of what the key's record said last; None when it is not alive."""
        row = self._database.execute("select digest from live where key = ?", [key]).fetchone()
        return row[0] if row else None

    def note_alive(self, batch: str, keys: Iterable[str]) -> None:
        """Remember, across kills, that a whole read or a sweep met these keys."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("begin immediate")
            cursor.executemany("insert or ignore into alive values (?, ?)", ((batch, key) for key in keys))
            cursor.execute("commit")

    def gone(self, batch: str) -> list[str]:
        """Keys that were alive before and were not met since `batch` began."""
        return [key for (key,) in self._database.execute(
            "select key from live where key not in (select key from alive where batch = ?) order by key", [batch])]

    def met(self, batch: str) -> int:
        """How many keys a whole read has met since `batch` began."""
        return int(self._database.execute("select count(*) from alive where batch = ?", [batch]).fetchone()[0])

    def stamp_of(self, key: str) -> datetime | None:
        row = self._database.execute("select stamp from live where key = ?", [key]).fetchone()
        return instant(row[0]) if row else None

    def stamped_between(self, start: datetime, end: datetime) -> list[str]:
        """Keys alive whose stamp lies in [start, end)."""
        return [key for (key,) in self._database.execute("select key from live where stamp >= ? and stamp < ? order by key", [text(start), text(end)])]

    def earliest(self) -> datetime | None:
        """The oldest stamp of what is alive."""
        row = self._database.execute("select min(stamp) from live").fetchone()
        return instant(row[0])

    def forget_alive(self) -> None:
        self._database.execute("delete from alive")

    def size(self) -> int:
        return int(self._database.execute("select count(*) from live").fetchone()[0])

    def __contains__(self, key: str) -> bool:
        return self.last_said(key) is not None

    def close(self) -> None:
        self._database.close()


def _fingerprint(path: Path) -> str:
    """Tells a file that was changed from one that was not, without reading it; empty when there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return ""
    return f"{about.st_size} {about.st_mtime_ns}"
