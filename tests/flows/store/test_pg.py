"""A PostgreSQL that accepts and never answers costs seconds, not the night."""

from __future__ import annotations

import socket
import time

import pytest

from flows.store import pg
from sandbox.databases import Database


def test_a_server_that_accepts_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg, "CONNECT_WITHIN", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(pg.PostgresError) as error, pg.connected(f"postgresql://me:Pl4nted@127.0.0.1:{silent.getsockname()[1]}/bi"):
            pass
        assert time.monotonic() - began < 30 and "Pl4nted" not in str(error.value)


def test_what_takes_longer_than_connecting_may_is_waited_for(postgres_server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg, "CONNECT_WITHIN", 5)
    with pg.connected(postgres_server.url) as connection:
        assert pg.rows(connection, "select 1 from pg_sleep(7)")
