"""The audit: what was written cannot be changed, left out, put in or cut off unseen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sql

from flows.store import audit
from flows.store import ledger as ledgers
from flows.store.audit import BEGINNING, Verdict
from sandbox.databases import Database

AT = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)


def write(ledger: ledgers.Ledger, count: int, who: str = "mira") -> None:
    for number in range(count):
        with ledger.begin() as connection:
            audit.append(connection, at=AT, who=who, what="acknowledged", subject=f"供应商 {number}", detail={"n": number})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[ledgers.Ledger]:
    yield ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))


def test_a_chain_holds_and_says_where_it_ends(ledger: ledgers.Ledger) -> None:
    with ledger.begin() as connection:
        assert audit.verify(connection) == Verdict(rows=0, newest=BEGINNING, broken_at=None)
    write(ledger, 5)
    with ledger.begin() as connection:
        verdict = audit.verify(connection)
        assert (verdict.rows, verdict.broken_at, audit.holds(connection, verdict.newest)) == (5, None, True)
        connection.execute(sql.delete(audit.audit).where(audit.audit.c.number == 5))
        assert audit.verify(connection).broken_at is None                       # cut off at the end: only who kept the hash can tell
        assert not audit.holds(connection, verdict.newest)


@pytest.mark.parametrize("change", [
    sql.update(audit.audit).where(audit.audit.c.number == 3).values(who="ben"),
    sql.update(audit.audit).where(audit.audit.c.number == 3).values(detail="{}"),
    sql.update(audit.audit).where(audit.audit.c.number == 3).values(at="2026-01-01T00:00:00+00:00"),
    sql.delete(audit.audit).where(audit.audit.c.number == 3),
    sql.update(audit.audit).where(audit.audit.c.number == 5).values(number=6),
], ids=["who", "detail", "when", "left out", "put later"])
def test_what_was_changed_is_found(ledger: ledgers.Ledger, change: sql.Executable) -> None:
    write(ledger, 5)
    with ledger.begin() as connection:
        connection.execute(change)
        assert audit.verify(connection).broken_at in (3, 4, 6)


def test_a_row_goes_with_its_transaction(ledger: ledgers.Ledger) -> None:
    write(ledger, 1)
    with pytest.raises(KeyboardInterrupt), ledger.begin() as connection:
        audit.append(connection, at=AT, who="mira", what="x", subject="y")
        raise KeyboardInterrupt
    with ledger.begin() as connection:
        assert audit.verify(connection).rows == 1


def _write_elsewhere(url: str, who: str) -> None:
    write(ledgers.open_ledger(url), 20, who)


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    _one_chain_at(str(tmp_path / "ledger.sqlite"))


def test_two_processes_write_one_chain_on_postgresql(postgres_server: Database) -> None:
    _one_chain_at(postgres_server.another("audit").url.replace("postgresql:", "postgresql+pg8000:"))


def _one_chain_at(url: str) -> None:
    ledger, spawn = ledgers.open_ledger(url), get_context("spawn")
    children = [spawn.Process(target=_write_elsewhere, args=(url, who)) for who in ("mira", "ben")]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    with ledger.begin() as connection:
        verdict = audit.verify(connection)
        assert (verdict.rows, verdict.broken_at) == (40, None)
