"""What keeps us from what hosts share, in words for people. A module of its own: `meridian` knows them without loading a database's or a store's client."""

from __future__ import annotations


class LedgerUnreachable(Exception):
    """The ledger's database cannot be reached or refuses us. Names host and database, never the password."""


class StoreError(Exception):
    """The shared store cannot be used, or does not hold what it should. Names the thing and the next move, never a key."""
