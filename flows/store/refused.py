"""What keeps us from what hosts share, in words for people. A module of its own: `meridian` knows them without loading a database's or a store's client."""

from __future__ import annotations

import shutil
from pathlib import Path


class LedgerUnreachable(Exception):
    """The ledger's database cannot be reached or refuses us. Names host and database, never the password."""


class DiskFull(LedgerUnreachable):
    """There is no room for the ledger's own files."""


class StoreError(Exception):
    """The shared store cannot be used, or does not hold what it should. Names the thing and the next move, never a key."""


def says_disk_full(error: BaseException, folder: Path) -> bool:
    """The operating system, SQLite and DuckDB each say it in their own words. SQLite cannot make its shared memory file (32 KB) on a disk without
    room for it, and calls that an I/O error as it would a broken disk. folder: on the disk in question."""
    if "disk I/O error" in str(error):
        return shutil.disk_usage(folder).free < 64 * 1024
    return any(words in str(error) for words in ("No space left on device", "disk is full"))


def full(what: Path) -> str:
    return f"the disk that holds {what} is full: free some room and run again; nothing is lost"
